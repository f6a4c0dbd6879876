//! What people would call a command.

use super::name::slug;

/// Programs that only start another one.
const WRAPPERS: [&str; 12] =
    ["sudo", "nice", "ionice", "nohup", "env", "exec", "time", "setsid", "command", "chronic", "bash", "sh"];

/// The name of the program that a command line is about.
pub fn of(command: &str) -> String {
    let parts = command.split([';', '|', '\n']).flat_map(|part| part.split("&&"));
    parts.filter_map(program).next().and_then(|program| slug(&program)).unwrap_or_else(|| "job".to_owned())
}

/// The program of one command; `None`: it only prepares another one.
fn program(command: &str) -> Option<String> {
    let words =
        command.split_whitespace().map(|word| word.trim_matches(['"', '\'', '(', ')', '{', '}', '!']));
    for word in words {
        let base = word.rsplit('/').next().unwrap_or_default();
        if base == "cd"
            || base == "export"
            || base == "test"
            || base == "["
            || base == "[["
            || base == "."
            || base == "source"
        {
            return None;
        }
        let is_option = word.starts_with('-') || word.parse::<f64>().is_ok();
        let is_variable = word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        });
        if base.is_empty() || is_option || is_variable || WRAPPERS.contains(&base) || slug(base).is_none() {
            continue;
        }
        let stem = base.rsplit_once('.').filter(|(stem, end)| !stem.is_empty() && SCRIPTS.contains(end));
        return Some(stem.map_or(base, |(stem, _)| stem).to_owned());
    }
    None
}

/// How the names of scripts end.
const SCRIPTS: [&str; 8] = ["sh", "bash", "py", "pl", "rb", "js", "php", "ps1"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_called_as_its_program() {
        let check = |command: &str, expected: &str| assert_eq!(of(command), expected, "{command}");
        check("/usr/local/bin/backup.sh --all", "backup");
        check("cd /srv && ./deploy.sh | tee log", "deploy");
        check("LANG=C nice -n 10 /usr/bin/updatedb", "updatedb");
        check("[ -x /usr/sbin/anacron ] || /usr/sbin/anacron -s", "anacron");
        check("test -x /bin/x && x.y", "x.y");
        check("'/opt/My Tool/run'", "my");
        check("!!!", "job");
        check("echo hi", "echo");
    }
}
