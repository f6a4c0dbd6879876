//! What is known of the simple command around an expression: commands that read an argument as code are no place for data.

use crate::place::BadPlace;

use super::refused;

/// Shells: what they get with `-c`, or on standard input, is code.
const SHELLS: [&str; 9] = ["sh", "bash", "dash", "zsh", "ksh", "ash", "fish", "pwsh", "powershell"];

/// Builtins that read their arguments as code, or as the names of variables, which are computed.
const READ_CODE: [&str; 9] = ["eval", "let", "trap", "alias", "source", ".", "unset", "read", "mapfile"];

/// Builtins that set variables: a value behind `=` is data unless the variable is a number or another's name.
const DECLARE: [&str; 5] = ["declare", "typeset", "local", "readonly", "export"];

/// Words after which a command begins.
const BEFORE_COMMAND: [&str; 16] = [
    "if", "then", "else", "elif", "do", "while", "until", "!", "{", "time", "exec", "command", "builtin",
    "env", "sudo", "nohup",
];

/// What has been read of a simple command.
#[derive(Debug, Clone, Default)]
pub struct Words {
    words: Vec<String>,
    word: String,
    /// The word that comes is the target of a redirection.
    is_target: bool,
}

/// Stands for data in a word.
const DATA: char = '\u{fffd}';

impl Words {
    /// A character of a word, quoted or not.
    pub fn push(&mut self, c: char) {
        self.word.push(c);
    }

    /// The word is over.
    pub fn blank(&mut self) {
        if !self.word.is_empty() {
            let word = std::mem::take(&mut self.word);
            if !std::mem::take(&mut self.is_target) {
                self.words.push(word);
            }
        }
    }

    /// A redirection's sign.
    pub fn redirect(&mut self) {
        let is_descriptor = self.word.chars().all(|c| c.is_ascii_digit());
        if is_descriptor {
            self.word.clear();
        }
        self.blank();
        self.is_target = true;
    }

    /// Data; refused where it would be code.
    pub fn data(&mut self) -> Result<(), BadPlace> {
        self.refuse()?;
        self.word.push(DATA);
        Ok(())
    }

    /// Whether a word begins here.
    pub fn is_between(&self) -> bool {
        self.word.is_empty()
    }

    /// Whether a shell reads this command's standard input.
    pub fn feeds_shell(&self) -> bool {
        self.all().any(|word| SHELLS.contains(&base(word)) || word == "ssh")
    }

    /// Whether it is one of these tests.
    pub fn has_any(&self, wanted: &[&str]) -> bool {
        self.all().any(|word| wanted.contains(&word))
    }

    fn all(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str).chain(std::iter::once(self.word.as_str()))
    }

    /// The words from the command's own name on.
    fn command(&self) -> &[String] {
        let is_before = |word: &String| BEFORE_COMMAND.contains(&word.as_str()) || is_assignment(word);
        let skipped = self.words.iter().take_while(|word| is_before(word)).count();
        &self.words[skipped..]
    }

    fn refuse(&self) -> Result<(), BadPlace> {
        let command = self.command();
        let Some(name) = command.first().map(String::as_str) else {
            if self.word.is_empty() && !self.is_target {
                return Err(BadPlace::new(
                    "an expression stands where the name of a command is expected",
                    "if the program is to be a param, use `argv`, which no shell reads",
                ));
            }
            return self.refuse_subscript();
        };
        let has_shell = command.iter().position(|word| SHELLS.contains(&base(word)));
        let is_code_flag =
            |word: &String| word.starts_with('-') && !word.starts_with("--") && word.ends_with('c');
        let reads_code = has_shell.is_some_and(|at| command[at + 1..].iter().any(is_code_flag));
        if reads_code || command.iter().any(|word| word == "eval") || READ_CODE.contains(&base(name)) {
            return Err(refused(
                &format!("in what `{}` reads as code", base(name)),
                "give it as an argument to something that takes it as it is; `sh -c '…' name \"$1\"` is not needed here",
            ));
        }
        let is_number = |word: &String| word.starts_with('-') && word.contains(['i', 'n']);
        if DECLARE.contains(&name) && (command.iter().any(is_number) || !self.word.contains('=')) {
            return Err(refused(
                &format!("in a declaration of `{name}`"),
                "write NAME={{ … }} without flags",
            ));
        }
        let is_test = matches!(name, "[" | "test") && command.iter().any(|word| word == "-v" || word == "-R");
        if is_test || (name == "printf" && command.get(1).is_some_and(|word| word == "-v")) {
            return Err(refused("as the name of a variable", "give the variable's name itself"));
        }
        self.refuse_subscript()
    }

    fn refuse_subscript(&self) -> Result<(), BadPlace> {
        let is_name = self.word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if is_name && self.word.contains('[') {
            return Err(refused(
                "in the index of an array",
                "bash computes an index; use a variable set under `env`",
            ));
        }
        Ok(())
    }
}

fn base(word: &str) -> &str {
    word.rsplit('/').next().filter(|base| !base.is_empty()).unwrap_or(word)
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        let name = name.strip_suffix('+').unwrap_or(name);
        agents_domain::secret::is_variable(name)
    })
}
