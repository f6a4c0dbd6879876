//! Crontabs.

use super::{file, notes, places};
use crate::import::crontab::{CrontabOptions, read};
use crate::import::{Import, PlannedSchedule};
use agents_domain::schedule::{MissedPolicy, Overlap};

fn options() -> CrontabOptions {
    CrontabOptions {
        zone: "Europe/Berlin".to_owned(),
        is_system: false,
        user: Some("ada".to_owned()),
        home: Some("/home/ada".to_owned()),
    }
}

fn import(text: &str) -> Import {
    read(&file("crontab", text), &options()).unwrap_or_else(|problems| panic!("{problems}"))
}

fn text_of<'a>(import: &'a Import, name: &str) -> &'a str {
    &import.definitions.iter().find(|definition| definition.name == name).expect("it is there").text
}

const CRONTAB: &str = r#"# Edit this file to introduce tasks to be run by cron.
# m h  dom mon dow   command
PATH=/usr/local/bin:/usr/bin:/bin
MAILTO="ada@example.org"

# Back up the shop
30 2 * * 1-5  /opt/backup.sh --to "$HOME/b" --stamp $(date +\%F)
@daily cat%first line%second

CRON_TZ=America/New_York
SHELL=/bin/bash
0 9 * * MON [[ -e /tmp/x ]] && /opt/backup.sh
@reboot /opt/start
"#;

#[test]
fn each_job_becomes_a_definition_and_a_schedule() {
    let import = import(CRONTAB);
    let names: Vec<&str> = import.definitions.iter().map(|definition| &*definition.name).collect();
    assert_eq!(names, ["backup", "cat", "backup-2"]);
    assert_eq!(
        text_of(&import, "backup"),
        "description: \"Back up the shop\"\n\
         exec:\n  command: \"/opt/backup.sh --to \\\"$HOME/b\\\" --stamp $(date +%F)\"\n  cwd: \"/home/ada\"\n  env:\n    \
         PATH: \"/usr/local/bin:/usr/bin:/bin\"\n"
    );
    assert_eq!(
        text_of(&import, "cat"),
        "exec:\n  command: cat\n  cwd: \"/home/ada\"\n  env:\n    PATH: \"/usr/local/bin:/usr/bin:/bin\"\n  \
         input: |\n    first line\n    second\n"
    );
    assert!(text_of(&import, "backup-2").contains("shell: bash"));
    let expected = PlannedSchedule {
        name: "backup-2".to_owned(),
        source: "crontab:12".to_owned(),
        pattern: "0 9 * * MON".to_owned(),
        is_cron: true,
        zone: "America/New_York".to_owned(),
        definition: "backup-2".to_owned(),
        params: Default::default(),
        missed: MissedPolicy::Skip,
        overlap: Overlap::Skip,
        is_on: true,
        last_run_at: None,
    };
    assert_eq!(import.schedules[2], expected);
    assert_eq!(import.schedules[1].zone, "Europe/Berlin");
    assert_eq!(
        notes(&import),
        ["skipped crontab:4 MAILTO=ada@example.org", "skipped crontab:13 @reboot /opt/start"]
    );
}

#[test]
fn what_looks_like_a_template_stays_what_it_is() {
    let import = import("0 1 * * * docker ps --format '{{.Names}}'\n");
    let name = &import.definitions[0].name;
    assert_eq!(name, "docker");
    assert!(text_of(&import, name).contains("{% raw %}docker ps --format '{{.Names}}'{% endraw %}"));
}

#[test]
fn a_shell_that_is_unknown_here_is_called_as_cron_calls_it() {
    let import = import("SHELL=/usr/bin/zsh\n0 1 * * * setopt x; y\n");
    assert!(
        text_of(&import, "setopt")
            .contains("argv:\n    - \"/usr/bin/zsh\"\n    - \"-c\"\n    - \"setopt x; y\"\n")
    );
}

#[test]
fn jobs_of_other_users_are_left_where_they_are() {
    let text = "17 * * * * root cd / && run-parts /etc/cron.hourly\n5 6 * * * ada /opt/own\n";
    let system = CrontabOptions { is_system: true, ..options() };
    let import = read(&file("/etc/crontab", text), &system).expect("it is right");
    assert_eq!(import.definitions.len(), 1);
    assert_eq!(import.definitions[0].name, "own");
    assert_eq!(notes(&import), ["skipped /etc/crontab:1 root: cd / && run-parts /etc/cron.hourly"]);
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let text = "0 25 * * * late\nfoo bar\nCRON_TZ=Berlin\n@fortnightly x\n0 1 * * *\n0 2 * * * echo ${secret:X}\n0 3 * * * fine\n";
    let problems = read(&file("crontab", text), &options()).unwrap_err();
    let said = places(&[problems]);
    assert_eq!(said.len(), 6, "{said:#?}");
    for (line, part) in [
        (1, "field 2"),
        (2, "no job"),
        (3, "Europe/Berlin"),
        (4, "@fortnightly"),
        (5, "no command"),
        (6, "secret"),
    ] {
        let found =
            said.iter().any(|said| said.starts_with(&format!("crontab:{line}:")) && said.contains(part));
        assert!(found, "line {line}, {part}: {said:#?}");
    }
}

#[test]
fn a_variable_that_looks_like_a_secret_is_told_without_its_value() {
    let import = import("DB_PASSWORD=hunter2\n0 1 * * * dump\n");
    assert_eq!(notes(&import), ["changed crontab:1 DB_PASSWORD=…"]);
    assert!(text_of(&import, "dump").contains("DB_PASSWORD: hunter2"));
}

#[test]
fn an_empty_crontab_comes_to_nothing() {
    assert_eq!(import("# nothing\n\n"), Import::default());
}
