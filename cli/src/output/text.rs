//! Text as a terminal shows it: its width, what must not reach a terminal, colors.

use agents_definitions::is_steering;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub const BOLD: &str = "\x1b[1m";
pub const DIM: &str = "\x1b[2m";
pub const RED: &str = "\x1b[31m";
pub const GREEN: &str = "\x1b[32m";
pub const YELLOW: &str = "\x1b[33m";
pub const CYAN: &str = "\x1b[36m";
pub const RESET: &str = "\x1b[0m";

/// The text in that color.
pub fn colored(color: &str, text: &str) -> String {
    if text.is_empty() || color.is_empty() { text.to_owned() } else { format!("{color}{text}{RESET}") }
}

/// How many columns the text takes.
pub fn columns(text: &str) -> usize {
    text.width()
}

/// What an agent or a person wrote, without what would move the cursor or change the terminal.
pub fn plain(text: &str) -> String {
    text.chars().filter(|c| !is_steering(*c) || matches!(c, '\n' | '\t')).collect()
}

/// The same on one line: line ends and runs of blanks become one blank.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(400));
    for word in text.split(|c: char| c.is_whitespace() || is_steering(c)).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        // No terminal shows more of one line, and a text may be megabytes.
        if line.len() > 4096 {
            break;
        }
    }
    line
}

/// One line that takes at most so many columns; what is cut away is marked.
pub fn fit(text: &str, most: usize) -> String {
    let line = one_line(text);
    if columns(&line) <= most {
        return line;
    }
    let mut kept = String::new();
    let mut used = 0;
    for c in line.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide + 1 > most {
            break;
        }
        used += wide;
        kept.push(c);
    }
    let end = kept.trim_end().len();
    kept.truncate(end);
    if most > 0 {
        kept.push('…');
    }
    kept
}

/// The text in lines of at most so many columns, each after that indent. Its own line ends stay.
pub fn wrapped(text: &str, most: usize, indent: &str) -> String {
    let room = most.saturating_sub(columns(indent)).max(20);
    let mut shown = String::new();
    for paragraph in plain(text).lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && columns(&line) + 1 + columns(word) > room {
                push_line(&mut shown, indent, &line);
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        push_line(&mut shown, indent, &line);
    }
    shown
}

/// The text as it is, each line after that indent.
pub fn indented(text: &str, indent: &str) -> String {
    let mut shown = String::new();
    for line in plain(text).lines() {
        push_line(&mut shown, indent, line.trim_end());
    }
    shown
}

fn push_line(to: &mut String, indent: &str, line: &str) {
    if !line.is_empty() {
        to.push_str(indent);
        to.push_str(line);
    }
    to.push('\n');
}

/// `1 job`, `2 jobs`.
pub fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_by_columns_and_never_inside_of_a_character() {
        let check =
            |text: &str, most: usize, shown: &str| assert_eq!(fit(text, most), shown, "{text} {most}");
        check("short", 10, "short");
        check("two\nlines\tof  text", 20, "two lines of text");
        check("a longer text", 8, "a longe…");
        check("a longer text", 9, "a longer…");
        check("日本語のテキスト", 7, "日本語…");
        check("日本語", 6, "日本語");
        check("e\u{301}e\u{301}e\u{301}e\u{301}", 3, "e\u{301}e\u{301}…");
        check("anything", 1, "…");
        check("anything", 0, "");
        check("", 0, "");
    }

    #[test]
    fn nothing_that_an_agent_wrote_moves_the_cursor() {
        assert_eq!(plain("a\x1b[2Jb\x07\r\n\tc\u{9b}"), "a[2Jb\n\tc");
        assert_eq!(one_line("a\x1b[31mb"), "a [31mb");
        assert_eq!(plain("a\u{202e}b\u{2066}c\u{200f}\u{61c}d"), "abcd");
        assert_eq!(one_line("a\u{202e}b"), "a b");
    }

    #[test]
    fn text_wraps_at_words_and_keeps_its_own_lines() {
        assert_eq!(
            wrapped("one two three four five six\n\nend", 22, "  "),
            "  one two three four\n  five six\n\n  end\n"
        );
    }
}
