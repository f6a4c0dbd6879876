//! One message out of one or several notices, for each kind of channel. What agents wrote is data in all of them: control
//! characters are gone, and what means something to Slack or to a desktop is escaped.

use agents_domain::happening::Happening;
use agents_domain::notice::{MessageFormat, Notice};
use serde_json::{Value, json};

/// How many notices a message spells out.
const SPELT_OUT: usize = 10;
/// The longest text of one notice, in characters.
const TEXT_MAX: usize = 300;

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub title: String,
    pub lines: Vec<String>,
    /// How many notices it tells of.
    pub notices: Vec<Value>,
}

impl Message {
    /// Of notices of that namespace.
    pub fn of(namespace: &str, notices: &[Notice]) -> Self {
        let mut lines: Vec<String> = notices.iter().take(SPELT_OUT).map(line).collect();
        if notices.len() > SPELT_OUT {
            lines.push(format!("… and {} more: agents events", notices.len() - SPELT_OUT));
        }
        let told = |notice: &Notice| {
            json!({
                "event": notice.event.as_str(),
                "text": notice.text,
                "happening": notice.happening.to_string(),
                "at": notice.at.to_string(),
            })
        };
        Self { title: format!("agents: {namespace}"), lines, notices: notices.iter().map(told).collect() }
    }

    /// The lines in one text.
    pub fn text(&self) -> String {
        self.lines.join("\n")
    }

    /// What a command gets, and what a webhook that is not Slack's is sent.
    pub fn json(&self) -> Value {
        json!({ "title": self.title, "text": self.text(), "notices": self.notices })
    }

    /// The body for a webhook.
    pub fn body(&self, format: MessageFormat) -> Value {
        match format {
            MessageFormat::Plain => self.json(),
            MessageFormat::Slack => json!({ "text": escaped(&format!("{}\n{}", self.title, self.text())) }),
        }
    }

    /// The text as a desktop takes it: some read markup in it.
    pub fn markup(&self) -> String {
        escaped(&self.text())
    }
}

fn line(notice: &Notice) -> String {
    match notice.text.is_empty() {
        true => notice.event.to_string(),
        false => format!("{}: {}", notice.event, notice.text),
    }
}

/// `<!channel>` is a mention, `<b>` is markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// What is said of a happening: what it is about, and why.
pub fn text_of(happening: &Happening) -> String {
    let data: Value = serde_json::from_str(&happening.what.data).unwrap_or_default();
    let named = |names: &[&str]| {
        names.iter().find_map(|name| data.get(name).and_then(Value::as_str)).filter(|text| !text.is_empty())
    };
    let about = named(&["definition", "name", "northStar", "harness", "title"]);
    let why = named(&["reason", "outcome", "message", "text"]);
    let text = match (about, why) {
        (Some(about), Some(why)) => format!("{about}: {why}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => String::new(),
    };
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match plain.char_indices().nth(TEXT_MAX) {
        Some((end, _)) => format!("{}…", &plain[..end]),
        None => plain,
    }
}

#[cfg(test)]
mod tests {
    use agents_domain::happening::EventName;
    use agents_domain::id::HappeningId;
    use agents_domain::namespace::Namespace;
    use agents_domain::notice::NoticeStatus;
    use agents_domain::timestamp::Timestamp;

    use super::*;

    fn notice(text: &str) -> Notice {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        Notice {
            id: id.parse().unwrap(),
            namespace: Namespace::new("shop").unwrap(),
            channel: "team".to_owned(),
            happening: id.parse::<HappeningId>().unwrap(),
            event: EventName::new("run.failed").unwrap(),
            text: text.to_owned(),
            status: NoticeStatus::Pending,
            tries: 1,
            due_at: Timestamp::from_seconds(1),
            error: None,
            at: Timestamp::from_seconds(1),
        }
    }

    #[test]
    fn several_notices_are_one_message_that_spells_out_ten() {
        let message = Message::of("shop", &vec![notice("nightly: no"); 12]);
        assert_eq!((message.title.as_str(), message.lines.len()), ("agents: shop", 11));
        assert_eq!(message.lines[0], "run.failed: nightly: no");
        assert_eq!(message.lines[10], "… and 2 more: agents events");
        assert_eq!(message.notices.len(), 12);
    }

    #[test]
    fn what_agents_wrote_is_no_markup_and_mentions_nobody() {
        let message = Message::of("shop", &[notice("<!channel> & <b>")]);
        let slack = message.body(MessageFormat::Slack);
        assert_eq!(slack, json!({"text": "agents: shop\nrun.failed: &lt;!channel&gt; &amp; &lt;b&gt;"}));
        assert_eq!(message.markup(), "run.failed: &lt;!channel&gt; &amp; &lt;b&gt;");
    }
}
