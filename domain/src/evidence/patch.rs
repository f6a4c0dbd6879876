//! A unified diff as git prints it, read into files and changed lines. What is not understood is passed over; what is too
//! long is cut, and says so.

use std::borrow::Cow;

/// So much of a diff is read, in bytes.
pub const PATCH_MOST: usize = 16 << 20;
/// So many lines of it are kept.
const LINES_MOST: usize = 400_000;

/// A diff.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Patch<'a> {
    pub files: Vec<FileChange<'a>>,
    /// Whether there was more than was read.
    pub is_cut: bool,
}

/// What has changed in one file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileChange<'a> {
    /// `None`: it is new.
    pub old: Option<Cow<'a, str>>,
    /// `None`: it is gone.
    pub new: Option<Cow<'a, str>>,
    /// It is, or was, a symbolic link.
    pub is_link: bool,
    pub lines: Vec<Line<'a>>,
}

/// A line of a diff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    pub kind: LineKind,
    /// Its number in the file as it is now; of one that is gone, where it was.
    pub number: u32,
    pub text: &'a str,
}

/// What has become of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    Added,
    Removed,
    Kept,
    /// What stands above a part that is shown, as git sees it: a function, a section.
    Section,
}

impl<'a> FileChange<'a> {
    /// What it is called now, or was called last.
    pub fn path(&self) -> &str {
        self.new.as_deref().or(self.old.as_deref()).unwrap_or_default()
    }

    /// Whether the file is gone.
    pub fn is_deleted(&self) -> bool {
        self.new.is_none() && self.old.is_some()
    }

    /// Whether the file was there before.
    pub fn was_there(&self) -> bool {
        self.old.is_some()
    }

    /// The lines of that kind.
    pub fn of_kind(&self, kind: LineKind) -> impl Iterator<Item = &Line<'a>> {
        self.lines.iter().filter(move |line| line.kind == kind)
    }
}

impl<'a> Patch<'a> {
    /// Reads a diff, whatever it is.
    pub fn read(text: &'a str) -> Self {
        let (text, is_cut) = match text.len() > PATCH_MOST {
            true => (cut(text, PATCH_MOST), true),
            false => (text, false),
        };
        let mut reader = Reader { is_cut, ..Reader::default() };
        for line in text.split('\n') {
            reader.line(line.strip_suffix('\r').unwrap_or(line));
        }
        reader.finish()
    }
}

/// The beginning of the text, of so many bytes at most, that is text itself.
fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}

#[derive(Default)]
struct Reader<'a> {
    files: Vec<FileChange<'a>>,
    kept: usize,
    is_cut: bool,
    /// How many lines of the present part are still to come, of the old and of the new file.
    left: (u32, u32),
    at: (u32, u32),
}

impl<'a> Reader<'a> {
    fn line(&mut self, line: &'a str) {
        if self.left != (0, 0) {
            self.body(line);
        } else if let Some(names) = line.strip_prefix("diff --git ") {
            self.files.push(FileChange::default());
            self.name_both(names);
        } else if let Some(file) = self.files.last_mut() {
            let is_other = |mode: &str| mode == "120000";
            if let Some(header) = line.strip_prefix("@@ ") {
                self.part(header);
            } else if let Some(name) = line.strip_prefix("--- ") {
                file.old = side(name, "a/");
            } else if let Some(name) = line.strip_prefix("+++ ") {
                file.new = side(name, "b/");
            } else if let Some(name) = line.strip_prefix("rename from ") {
                file.old = Some(unquoted(name));
            } else if let Some(name) = line.strip_prefix("rename to ") {
                file.new = Some(unquoted(name));
            } else if let Some(mode) = line.strip_prefix("new file mode ") {
                file.old = None;
                file.is_link |= is_other(mode);
            } else if let Some(mode) = line.strip_prefix("deleted file mode ") {
                file.new = None;
                file.is_link |= is_other(mode);
            } else if let Some(mode) = line.strip_prefix("new mode ") {
                file.is_link |= is_other(mode);
            } else if line.starts_with("index ") {
                file.is_link |= line.ends_with(" 120000");
            }
        }
    }

    /// `a/one b/one`: both are known from it only where they are the same, and that is what it is needed for.
    fn name_both(&mut self, names: &'a str) {
        let Some(file) = self.files.last_mut() else { return };
        let plain = names.strip_prefix("a/").and_then(|names| {
            let middle = names.len().checked_sub(3)? / 2;
            let (old, rest) = names.split_at_checked(middle)?;
            (rest.strip_prefix(" b/") == Some(old)).then_some(Cow::Borrowed(old))
        });
        let quoted = || {
            let (old, _) = names.strip_prefix("\"a/")?.split_once("\" \"b/")?;
            Some(unescaped(old))
        };
        let name = plain.or_else(quoted);
        file.old = name.clone();
        file.new = name;
    }

    /// `-12,3 +14,5 @@ fn section() {`
    fn part(&mut self, header: &'a str) {
        let Some((ranges, section)) = header.split_once(" @@") else { return };
        let Some((old, new)) = ranges.split_once(' ') else { return };
        let range = |text: &str, sign: char| {
            let text = text.strip_prefix(sign)?;
            let (start, count) = text.split_once(',').unwrap_or((text, "1"));
            Some((start.parse().ok()?, count.parse().ok()?))
        };
        let (Some((old, old_count)), Some((new, new_count))) = (range(old, '-'), range(new, '+')) else {
            return;
        };
        self.at = (old, new);
        self.left = (old_count, new_count);
        self.keep(LineKind::Section, new, section.trim());
    }

    fn body(&mut self, line: &'a str) {
        let (old, new) = self.at;
        let kind = match line.as_bytes().first() {
            Some(b'+') => LineKind::Added,
            Some(b'-') => LineKind::Removed,
            // Some programs take the blank of an empty line away.
            Some(b' ') | None => LineKind::Kept,
            Some(b'\\') => return,
            Some(_) => {
                self.left = (0, 0);
                return self.line(line);
            }
        };
        let (is_old, is_new) = (kind != LineKind::Added, kind != LineKind::Removed);
        self.at = (old.saturating_add(is_old.into()), new.saturating_add(is_new.into()));
        self.left.0 = self.left.0.saturating_sub(is_old.into());
        self.left.1 = self.left.1.saturating_sub(is_new.into());
        let number = if is_new { new } else { old };
        self.keep(kind, number, line.get(1..).unwrap_or_default());
    }

    fn keep(&mut self, kind: LineKind, number: u32, text: &'a str) {
        if self.kept >= LINES_MOST {
            self.is_cut = true;
            return;
        }
        self.kept += 1;
        if let Some(file) = self.files.last_mut() {
            file.lines.push(Line { kind, number, text });
        }
    }

    fn finish(self) -> Patch<'a> {
        Patch { files: self.files, is_cut: self.is_cut }
    }
}

/// The name behind `---` or `+++`.
fn side<'a>(name: &'a str, prefix: &str) -> Option<Cow<'a, str>> {
    let name = name.strip_suffix('\t').unwrap_or(name);
    if name == "/dev/null" {
        return None;
    }
    match unquoted(name) {
        Cow::Borrowed(name) => Some(Cow::Borrowed(name.strip_prefix(prefix).unwrap_or(name))),
        Cow::Owned(name) => Some(Cow::Owned(name.strip_prefix(prefix).unwrap_or(&name).to_owned())),
    }
}

/// A name with characters that git does not like is in quotes, as in C.
fn unquoted(name: &str) -> Cow<'_, str> {
    match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(quoted) => unescaped(quoted),
        None => Cow::Borrowed(name),
    }
}

fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let (mut bytes, mut rest) = (Vec::new(), text.bytes());
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next() {
            Some(first @ b'0'..=b'3') => {
                let digits = [first, rest.next().unwrap_or(b'0'), rest.next().unwrap_or(b'0')];
                let value = digits.iter().fold(0u32, |sum, digit| (sum << 3) | u32::from(digit & 7));
                bytes.push(u8::try_from(value & 0xFF).unwrap_or(b'?'));
            }
            Some(b'n') => bytes.push(b'\n'),
            Some(b't') => bytes.push(b'\t'),
            Some(other) => bytes.push(other),
            None => {}
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DIFF: &str = "\
diff --git a/src/a.rs b/src/a.rs
index 111..222 100644
--- a/src/a.rs
+++ b/src/a.rs
@@ -10,3 +10,4 @@ fn section() {
 kept
-old
+new
+more
 kept
diff --git a/gone.txt b/gone.txt
deleted file mode 100644
index 333..000
--- a/gone.txt
+++ /dev/null
@@ -1 +0,0 @@
--- a line that begins with a dash
\\ No newline at end of file
diff --git a/old name.txt b/new name.txt
similarity index 100%
rename from old name.txt
rename to new name.txt
diff --git \"a/\\303\\244.txt\" \"b/\\303\\244.txt\"
new file mode 120000
index 000..444
--- /dev/null
+++ \"b/\\303\\244.txt\"
@@ -0,0 +1 @@
+/etc/passwd
\\ No newline at end of file
diff --git a/x.png b/x.png
new file mode 100644
index 000..555
Binary files /dev/null and b/x.png differ
";

    fn told(file: &FileChange<'_>) -> (Option<String>, Option<String>, bool, Vec<String>) {
        let name = |name: &Option<Cow<'_, str>>| name.as_ref().map(ToString::to_string);
        let line = |line: &Line<'_>| format!("{:?} {} {}", line.kind, line.number, line.text);
        (name(&file.old), name(&file.new), file.is_link, file.lines.iter().map(line).collect())
    }

    #[test]
    fn a_diff_of_git_is_read_file_by_file() {
        let patch = Patch::read(DIFF);
        let some = |name: &str| Some(name.to_owned());
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        let expected = [
            (
                some("src/a.rs"),
                some("src/a.rs"),
                false,
                lines(&[
                    "Section 10 fn section() {",
                    "Kept 10 kept",
                    "Removed 11 old",
                    "Added 11 new",
                    "Added 12 more",
                    "Kept 13 kept",
                ]),
            ),
            (
                some("gone.txt"),
                None,
                false,
                lines(&["Section 0 ", "Removed 1 -- a line that begins with a dash"]),
            ),
            (some("old name.txt"), some("new name.txt"), false, lines(&[])),
            (None, some("ä.txt"), true, lines(&["Section 1 ", "Added 1 /etc/passwd"])),
            (None, some("x.png"), false, lines(&[])),
        ];
        assert_eq!(patch.files.iter().map(told).collect::<Vec<_>>(), expected);
        assert!(!patch.is_cut);
    }

    #[test]
    fn a_diff_without_end_is_cut_and_says_so() {
        let mut text = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -0,0 +1,9999999 @@\n".to_owned();
        text.push_str(&"+ä\n".repeat(LINES_MOST + 10));
        let patch = Patch::read(&text);
        assert_eq!((patch.files[0].lines.len(), patch.is_cut), (LINES_MOST, true));
        let long = format!("diff --git a/x b/x\n{}", "€".repeat(PATCH_MOST / 2));
        assert!(Patch::read(&long).is_cut);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_harm(text in any::<String>()) {
            Patch::read(&text);
        }

        #[test]
        fn what_looks_like_a_diff_is_read_without_harm(
            lines in proptest::collection::vec("(diff --git |--- |\\+\\+\\+ |@@ -|rename from |new file mode |[-+ \\\\])?[a-bä/\"\\\\0-9,@ +-]{0,12}", 0..40)
        ) {
            let text = lines.join("\n");
            let patch = Patch::read(&text);
            prop_assert!(patch.files.iter().map(|file| file.lines.len()).sum::<usize>() <= lines.len());
        }
    }
}
