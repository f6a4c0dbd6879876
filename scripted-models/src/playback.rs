//! Plays a scenario: picks the turn for each request. No input or output; one value per server.

use std::collections::HashMap;

use crate::request::Asked;
use crate::scenario::{Rule, Scenario};
use crate::turn::Turn;

/// What served a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    /// A turn of a rule, both counted from 0 in the order of the scenario.
    Turn { rule: usize, turn: usize },
    /// [`Scenario::side`].
    Side,
    /// [`Scenario::otherwise`]: no rule fitted, or those that did were at their end.
    Otherwise,
    /// A count of tokens, a list of models, or a path that this server does not know.
    NoTurn,
}

#[derive(Debug)]
pub(crate) struct Playback {
    scenario: Scenario,
    /// Replies that a conversation held when it first came to a rule.
    starts: HashMap<(usize, String), u32>,
    /// Requests so far, by rule, conversation and replies since the start.
    attempts: HashMap<(usize, String, u32), u32>,
}

impl Playback {
    pub(crate) fn new(scenario: Scenario) -> Self {
        Self { scenario, starts: HashMap::new(), attempts: HashMap::new() }
    }

    pub(crate) fn next(&mut self, asked: &Asked) -> (Served, Turn) {
        if asked.is_side_request() {
            return (Served::Side, self.scenario.side.clone());
        }
        for (index, rule) in self.scenario.rules.iter().enumerate() {
            if !rule.when.fits(asked) {
                continue;
            }
            let start = self.starts.entry((index, asked.conversation.clone())).or_insert(asked.replies);
            // Gemini drops a call that was never answered, so a resumed session can be shorter.
            *start = asked.replies.min(*start);
            let replies = asked.replies - *start;
            let attempts = self.attempts.entry((index, counter(rule, asked), replies)).or_insert(0);
            let Some(turn) = pick(&rule.turns, replies, *attempts) else { continue };
            *attempts += 1;
            return (Served::Turn { rule: index, turn }, rule.turns[turn].clone());
        }
        (Served::Otherwise, self.scenario.otherwise.clone())
    }
}

fn counter(rule: &Rule, asked: &Asked) -> String {
    if rule.share_failures { String::new() } else { asked.conversation.clone() }
}

/// The turn after so many replies, at this attempt. `None`: the turns are at their end.
fn pick(turns: &[Turn], replies: u32, attempts: u32) -> Option<usize> {
    let mut replies = replies;
    let mut attempts = attempts;
    for (index, turn) in turns.iter().enumerate() {
        if turn.adds_reply() {
            if replies < turn.repeats() {
                return Some(index);
            }
            replies -= turn.repeats();
        } else if replies == 0 {
            if attempts < turn.repeats() {
                return Some(index);
            }
            attempts -= turn.repeats();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Protocol;
    use crate::scenario::When;
    use crate::turn::{HttpError, Reply};

    fn asked(conversation: &str, prompt: &str, replies: u32) -> Asked {
        Asked {
            protocol: Protocol::Anthropic,
            model: "m".into(),
            prompts: vec![prompt.into()],
            instructions: String::new(),
            tools: vec!["Bash".into()],
            replies,
            conversation: conversation.into(),
        }
    }

    #[test]
    fn the_turn_follows_from_replies_and_attempts() {
        let reply = || Turn::from(Reply::text("x"));
        let fails = || Turn::from(HttpError::new(500));
        #[rustfmt::skip]
        let cases = [
            // turns, replies, attempts, expected
            (vec![reply(), reply()],                    0, 0, Some(0)),
            (vec![reply(), reply()],                    0, 7, Some(0)),
            (vec![reply(), reply()],                    1, 0, Some(1)),
            (vec![reply(), reply()],                    2, 0, None),
            (vec![fails(), reply()],                    0, 0, Some(0)),
            (vec![fails(), reply()],                    0, 1, Some(1)),
            (vec![fails().times(3), reply()],           0, 2, Some(0)),
            (vec![fails().times(3), reply()],           0, 3, Some(1)),
            (vec![reply(), fails(), reply()],           1, 0, Some(1)),
            (vec![reply(), fails(), reply()],           1, 1, Some(2)),
            (vec![reply().times(2), fails()],           1, 5, Some(0)),
            (vec![reply().times(2), fails()],           2, 0, Some(1)),
            (vec![reply().times(2), fails()],           2, 1, None),
            (vec![fails().forever(), reply()],          0, 900, Some(0)),
            (vec![reply().forever(), reply()],          900, 0, Some(0)),
            (vec![Reply::empty().into(), reply()],      0, 1, Some(1)),
            (vec![Reply::text("x").drop_mid_stream().into(), reply()], 0, 1, Some(1)),
        ];
        for (number, (turns, replies, attempts, expected)) in cases.into_iter().enumerate() {
            assert_eq!(pick(&turns, replies, attempts), expected, "case {number}");
        }
    }

    fn served(playback: &mut Playback, conversation: &str, prompt: &str, replies: u32) -> Served {
        playback.next(&asked(conversation, prompt, replies)).0
    }

    #[test]
    fn each_conversation_goes_through_the_turns_by_itself() {
        let rule = Rule::when(When::any()).turn(HttpError::new(429)).turn(Reply::text("x"));
        let mut playback = Playback::new(Scenario::new().rule(rule));
        let order = [("a", 0), ("b", 0), ("a", 0), ("b", 0), ("a", 1)];
        let actual = order.map(|(conversation, replies)| served(&mut playback, conversation, "p", replies));
        let turn = |turn| Served::Turn { rule: 0, turn };
        assert_eq!(actual, [turn(0), turn(0), turn(1), turn(1), Served::Otherwise]);
    }

    #[test]
    fn shared_failures_happen_to_one_conversation_only() {
        let rule = Rule::when(When::any()).turn(HttpError::new(429)).turn(Reply::text("x")).share_failures();
        let mut playback = Playback::new(Scenario::new().rule(rule));
        let turn = |turn| Served::Turn { rule: 0, turn };
        assert_eq!(["a", "b"].map(|name| served(&mut playback, name, "p", 0)), [turn(0), turn(1)]);
    }

    #[test]
    fn a_rule_that_a_resumed_session_reaches_late_starts_at_its_first_turn() {
        let scenario = Scenario::new()
            .rule(Rule::when(When::prompt("review")).turn(Reply::text("x")).turn(Reply::text("y")))
            .rule(Rule::when(When::any()).turn(Reply::text("z")));
        let mut playback = Playback::new(scenario);
        let order = [("work", 0), ("review", 1), ("review", 2), ("review", 3)];
        let actual = order.map(|(prompt, replies)| served(&mut playback, "a", prompt, replies));
        let turn = |rule, turn| Served::Turn { rule, turn };
        // The second rule starts for this conversation at its first request, so it is at its end.
        assert_eq!(actual, [turn(1, 0), turn(0, 0), turn(0, 1), Served::Otherwise]);
    }

    #[test]
    fn a_request_without_tools_is_a_side_request() {
        let mut playback = Playback::new(Scenario::of([Reply::text("x")]));
        let title = Asked { tools: Vec::new(), ..asked("a", "p", 0) };
        assert_eq!(playback.next(&title), (Served::Side, Reply::text("ok").into()));
        let codex = Asked { protocol: Protocol::Openai, ..title };
        assert_eq!(playback.next(&codex).0, Served::Turn { rule: 0, turn: 0 });
    }
}
