//! `agents notify`: the channels of notifications: a test of them, and what was sent.

use agents_domain::notice::{Channel, ChannelTo, Notice, NoticeStatus, Notices};
use agents_orchestrator::notice::{Around, Message, send};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;

use super::doctor::Check;
use crate::app::{App, Here};
use crate::caller::Caller;
use crate::engine;
use crate::failure::{Failure, FailureKind};
use crate::output;
use crate::output::table::{Cell, Table};
use crate::output::text::{self, DIM, GREEN, RED, YELLOW};
use crate::output::time;
use crate::suggestion;

/// How many notices that could not be sent the doctor counts.
const DOCTOR_MAX: u32 = 1000;

/// Who is told of what happens: test the channels of the config, list what was sent
///
/// Runners send notifications beside their work.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  agents notify test\n  agents notify list --status failed")]
pub struct NotifyArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Send a test message by each channel, now, and say what came of it
    #[command(after_help = "Examples:\n  agents notify test\n  agents notify test --channel team --json")]
    Test {
        /// By this channel alone
        #[arg(long, value_name = "NAME")]
        channel: Option<String>,
    },
    /// Notices, the latest first
    #[command(after_help = "Examples:\n  agents notify list --status failed")]
    List {
        /// Only those with this status
        #[arg(long, value_name = "STATUS", value_parser = status_parser())]
        status: Option<NoticeStatus>,
        /// Those of every repository
        #[arg(long, conflicts_with = "namespace")]
        all_namespaces: bool,
        /// The most that are listed
        #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
}

fn status_parser() -> impl TypedValueParser<Value = NoticeStatus> {
    PossibleValuesParser::new(NoticeStatus::ALL.map(NoticeStatus::as_str))
        .try_map(|name| NoticeStatus::from_name(&name).ok_or("no such status"))
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct NoticeView<'a> {
    id: String,
    namespace: &'a str,
    channel: &'a str,
    event: &'a str,
    text: &'a str,
    happening: String,
    status: &'static str,
    tries: u32,
    due_at: String,
    error: Option<&'a str>,
    at: String,
}

impl<'a> From<&'a Notice> for NoticeView<'a> {
    fn from(notice: &'a Notice) -> Self {
        Self {
            id: notice.id.to_string(),
            namespace: notice.namespace.as_str(),
            channel: &notice.channel,
            event: notice.event.as_str(),
            text: &notice.text,
            happening: notice.happening.to_string(),
            status: notice.status.as_str(),
            tries: notice.tries,
            due_at: notice.due_at.to_string(),
            error: notice.error.as_deref(),
            at: notice.at.to_string(),
        }
    }
}

impl NotifyArgs {
    /// Does it.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        match self.what {
            What::Test { channel } => test(app, channel.as_deref()).await,
            What::List { status, all_namespaces, limit } => list(app, (status, all_namespaces), limit).await,
        }
    }
}

async fn test(app: &App, only: Option<&str>) -> Result<(), Failure> {
    Caller::of_process()?.person_only("send test notifications")?;
    let here = app.here()?;
    let channels = chosen(here.config.channels()?, only)?;
    let around = Around { agents_program: engine::own_program()?, folder: here.workspace() };
    let message = Message {
        title: format!("agents: {}", here.namespace()?.namespace),
        lines: vec!["A test: notifications arrive here.".to_owned()],
        notices: Vec::new(),
    };
    let mut results = Vec::new();
    for channel in &channels {
        results.push((channel, send(&around, channel, &message).await));
    }
    let views: Vec<_> = results
        .iter()
        .map(|(channel, sent)| json!({ "channel": channel.name, "sent": sent.is_ok(), "error": sent.as_ref().err() }))
        .collect();
    let failed: Vec<&str> =
        results.iter().filter(|(_, sent)| sent.is_err()).map(|(channel, _)| channel.name.as_str()).collect();
    app.printer.answer(|| json!({ "channels": views }), || results.iter().map(said).collect())?;
    match failed.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(FailureKind::Failed, format!("nothing went out by {}", failed.join(", ")))
            .hint("`notifications` of the config says where it was to go")),
    }
}

fn said((channel, sent): &(&Channel, Result<(), String>)) -> String {
    let to = match &channel.to {
        ChannelTo::Desktop => "the desktop".to_owned(),
        ChannelTo::Webhook { url, format: _ } => url.clone(),
        ChannelTo::Command(argv) => argv.join(" "),
    };
    match sent {
        Ok(()) => format!("{} {} ({to})\n", text::colored(GREEN, "sent"), channel.name),
        Err(why) => {
            format!("{} {} ({to}): {}\n", text::colored(RED, "failed"), channel.name, text::one_line(why))
        }
    }
}

fn chosen(channels: Vec<Channel>, only: Option<&str>) -> Result<Vec<Channel>, Failure> {
    if channels.is_empty() {
        return Err(Failure::bad_input("the config has no notifications")
            .hint("\"notifications\": [{\"on\": [\"run.failed\"], \"to\": {\"desktop\": true}}]"));
    }
    let Some(name) = only else { return Ok(channels) };
    let known: Vec<String> = channels.iter().map(|channel| channel.name.clone()).collect();
    let found: Vec<Channel> = channels.into_iter().filter(|channel| channel.name == name).collect();
    match found.is_empty() {
        true => Err(Failure::new(FailureKind::NotFound, format!("there is no channel `{name}`"))
            .hint(suggestion::did_you_mean(name, &known, "there are"))),
        false => Ok(found),
    }
}

/// For the doctor: notices of the last days that nobody got.
pub async fn unsent(store: &dyn Notices, here: &Here) -> Option<Check> {
    let namespace = here.namespace().ok()?.namespace;
    // What can't be read is said by the check of the store.
    let failed = store.notices(Some(&namespace), Some(NoticeStatus::Failed), DOCTOR_MAX).await.ok()?;
    let last = failed.first()?;
    let why = last.error.as_deref().unwrap_or_default();
    Some(Check::note(
        "notifications",
        format!(
            "{} could not be sent; the last one by {}: {why}",
            text::counted(failed.len(), "notice"),
            last.channel
        ),
        "`agents notify test` tries the channels, `agents notify list --status failed` shows them",
    ))
}

async fn list(
    app: &App,
    (status, all_namespaces): (Option<NoticeStatus>, bool),
    limit: u32,
) -> Result<(), Failure> {
    let here = app.here()?;
    let store = app.store(&here).await?;
    let namespace = here.listed_namespace(all_namespaces)?;
    let notices = store.notices(namespace.as_ref(), status, limit).await?;
    let views = || json!({ "notices": notices.iter().map(NoticeView::from).collect::<Vec<_>>() });
    app.printer.answer(views, || {
        if notices.is_empty() {
            return "there are no notices\n".to_owned();
        }
        let mut table = Table::new(&["WHEN", "CHANNEL", "STATUS", "TRIES", "EVENT", "TEXT"]);
        for notice in &notices {
            let color = match notice.status {
                NoticeStatus::Pending => YELLOW,
                NoticeStatus::Sent => GREEN,
                NoticeStatus::Failed => RED,
            };
            table.row(vec![
                Cell::colored(DIM, time::relative(notice.at, app.now())),
                Cell::from(&notice.channel),
                Cell::colored(color, notice.status.as_str()),
                Cell::from(notice.tries.to_string()),
                Cell::from(notice.event.as_str()),
                Cell::from(&notice.text),
            ]);
            notice.error.iter().for_each(|why| table.below(Cell::colored(RED, why)));
        }
        table.render(output::width(), "")
    })
}
