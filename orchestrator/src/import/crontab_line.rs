//! One line of a crontab, as cron reads it.

/// What a line is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    Empty,
    /// What stands behind the `#`.
    Comment(String),
    Variable {
        name: String,
        value: String,
    },
    Job(Job),
}

/// A command and its times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Five fields, or a name such as `@daily`.
    pub pattern: String,
    pub user: Option<String>,
    pub command: String,
    /// What it reads.
    pub input: Option<String>,
}

/// A line that is none of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    pub column: usize,
    pub message: String,
    pub hint: String,
}

/// Reads a line.
pub fn parse(line: &str, is_system: bool) -> Result<Line, BadLine> {
    let text = line.trim_start();
    if text.trim_end().is_empty() {
        return Ok(Line::Empty);
    }
    if let Some(comment) = text.strip_prefix('#') {
        return Ok(Line::Comment(comment.to_owned()));
    }
    if let Some((name, value)) = variable(text) {
        return Ok(Line::Variable { name, value });
    }
    let column = line.chars().count() - text.chars().count() + 1;
    let bad =
        |message: &str, hint: &str| BadLine { column, message: message.to_owned(), hint: hint.to_owned() };
    // A `-` before the times keeps some crons from logging.
    let text = text.strip_prefix('-').unwrap_or(text);
    let count = if text.starts_with('@') { 1 } else { 5 };
    let (fields, rest) = words(text, count);
    if fields.len() < count || !begins_like_a_time(&fields) {
        let hint = "a line is `minute hour day month weekday command`, `@daily command`, NAME=value, or begins with #";
        return Err(bad("this is no job, no variable and no comment", hint));
    }
    let (user, command) = if is_system {
        let (user, command) = words(rest, 1);
        (user.into_iter().next(), command)
    } else {
        (None, rest)
    };
    if command.trim().is_empty() {
        let hint = match is_system {
            true => {
                "a line of a system's crontab has a user before the command; leave --system out for one of a user"
            }
            false => "write the command behind the times",
        };
        return Err(bad("there is no command", hint));
    }
    let (command, input) = command_and_input(command.trim_end());
    if command.trim().is_empty() {
        return Err(bad("there is no command before the `%`", "write `\\%` for a `%` of the command"));
    }
    Ok(Line::Job(Job { pattern: fields.join(" "), user, command, input }))
}

fn begins_like_a_time(fields: &[String]) -> bool {
    fields.first().is_some_and(|first| first.starts_with(|c: char| c.is_ascii_digit() || "*@".contains(c)))
}

/// The first words, and what stands behind them and their blanks.
fn words(text: &str, count: usize) -> (Vec<String>, &str) {
    let is_blank = |c: char| c == ' ' || c == '\t';
    let mut rest = text.trim_start_matches(is_blank);
    let mut words = Vec::with_capacity(count);
    while words.len() < count && !rest.is_empty() {
        let end = rest.find(is_blank).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        words.push(word.to_owned());
        rest = after.trim_start_matches(is_blank);
    }
    (words, rest)
}

/// `NAME = value`; both may be in quotes, which keep blanks.
fn variable(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    let name = unquoted(name.trim());
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then(|| (name.to_owned(), unquoted(value.trim()).to_owned()))
}

fn unquoted(text: &str) -> &str {
    let inner = |quote: char| text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}

/// Cron's rule: the first `%` ends the command, the rest is its input, and each further `%` a line feed; `\%` is a `%`.
fn command_and_input(text: &str) -> (String, Option<String>) {
    let mut command = String::new();
    let mut input: Option<String> = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let c = match (c, chars.peek()) {
            ('\\', Some('%')) => {
                chars.next();
                '%'
            }
            ('%', _) => match &mut input {
                None => {
                    input = Some(String::new());
                    continue;
                }
                Some(_) => '\n',
            },
            (c, _) => c,
        };
        input.as_mut().unwrap_or(&mut command).push(c);
    }
    // Cron ends the last line.
    if let Some(input) = input.as_mut().filter(|input| !input.ends_with('\n')) {
        input.push('\n');
    }
    (command, input)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(pattern: &str, command: &str, input: Option<&str>) -> Line {
        Line::Job(Job {
            pattern: pattern.to_owned(),
            user: None,
            command: command.to_owned(),
            input: input.map(str::to_owned),
        })
    }

    fn variable(name: &str, value: &str) -> Line {
        Line::Variable { name: name.to_owned(), value: value.to_owned() }
    }

    #[test]
    fn a_line_is_read_as_cron_reads_it() {
        let check = |line: &str, expected: Line| assert_eq!(parse(line, false), Ok(expected), "{line}");
        check("", Line::Empty);
        check(" \t ", Line::Empty);
        check("  # nightly", Line::Comment(" nightly".to_owned()));
        check("PATH=/bin:/usr/bin", variable("PATH", "/bin:/usr/bin"));
        check("NAME = \" a b \"", variable("NAME", " a b "));
        check("'X'='y'", variable("X", "y"));
        check("EMPTY=", variable("EMPTY", ""));
        check("0 5 * * 1  backup --all", job("0 5 * * 1", "backup --all", None));
        check("\t*/5\t*  * * *\tx=1 y", job("*/5 * * * *", "x=1 y", None));
        check("@daily   clean  up ", job("@daily", "clean  up", None));
        check("-0 5 * * * quiet", job("0 5 * * *", "quiet", None));
    }

    #[test]
    fn a_percent_ends_the_command_and_begins_its_input() {
        let check = |line: &str, command: &str, input: Option<&str>| {
            assert_eq!(parse(line, false), Ok(job("0 1 * * *", command, input)), "{line}");
        };
        check("0 1 * * * date +\\%F", "date +%F", None);
        check("0 1 * * * mail x%Hi,%%here", "mail x", Some("Hi,\n\nhere\n"));
        check("0 1 * * * cat%100\\%%", "cat", Some("100%\n"));
        check("0 1 * * * cat%", "cat", Some("\n"));
        check("0 1 * * * printf 'a\\n'", "printf 'a\\n'", None);
    }

    #[test]
    fn a_line_of_the_system_has_a_user() {
        let expected = Job {
            pattern: "17 * * * *".to_owned(),
            user: Some("root".to_owned()),
            command: "cd / && run-parts".to_owned(),
            input: None,
        };
        assert_eq!(parse("17 *\t* * *\troot\tcd / && run-parts", true), Ok(Line::Job(expected)));
    }

    #[test]
    fn what_is_no_line_is_refused_with_what_it_could_be() {
        let check = |line: &str, is_system: bool, column: usize, said: &str| {
            let bad = parse(line, is_system).unwrap_err();
            assert_eq!((bad.column, bad.message.as_str()), (column, said), "{line}");
            assert!(!bad.hint.is_empty());
        };
        check("hello world", false, 1, "this is no job, no variable and no comment");
        check("  5 4 * *", false, 3, "this is no job, no variable and no comment");
        check("every day at nine please run x", false, 1, "this is no job, no variable and no comment");
        check("5 4 * * *", false, 1, "there is no command");
        check("5 4 * * * backup", true, 1, "there is no command");
        check("@daily", false, 1, "there is no command");
        check("5 4 * * * %input", false, 1, "there is no command before the `%`");
    }
}
