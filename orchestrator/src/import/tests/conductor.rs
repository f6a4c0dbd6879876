//! Folders of hs-conductor.

use agents_domain::run::RunStatus;
use agents_domain::schedule::{MissedPolicy, Overlap};
use agents_domain::timestamp::Timestamp;

use super::{file, notes, places};
use crate::import::conductor::{ConductorOptions, Folder, read};
use crate::import::{Import, RunTrigger};

const JOKE: &str = "\
id: tell-joke
name: Tell a Joke
description: A joke about something
version: 1.0.0
tags: [fun]
alert:
  condition: always
prompt: |
  Tell me a {{topic}} joke, today is {{today}}.
  Keep {{length}} in mind.
model: claude-sonnet-4.5
input:
  topic:
    type: string
    required: true
output:
  format: markdown
";

const NIGHTLY: &str = "\
id: nightly
name: Nightly
description: Runs a script
version: 1.0.0
steps:
  - id: run
    name: Run
    worker: exec-worker
    config:
      command: node
      args: [\"build.js\", \"--fast\"]
      timeout: 60000
      env: { MODE: night }
      filter: error
    output: out.json
";

const MANY: &str = "\
id: digest
name: Digest
description: Two steps
version: 1.0.0
steps:
  - { id: a, name: A, worker: fetch-worker, config: { url: 'https://x.test' }, output: a.json }
  - { id: b, name: B, worker: ai-worker, config: { prompt: hi }, output: b.md }
";

fn schedule(id: &str, workload: &str, rest: &str) -> String {
    format!("{{\n  \"id\": \"{id}\",\n  \"workloadId\": \"{workload}\"{rest}\n}}\n")
}

fn options() -> ConductorOptions {
    ConductorOptions { zone: "UTC".to_owned(), runs_since: at("2026-01-20T00:00:00Z") }
}

fn at(text: &str) -> Timestamp {
    Timestamp::from_millis(text.parse::<jiff::Timestamp>().expect("it is a time").as_millisecond())
}

fn workloads(texts: &[&str]) -> Folder {
    let files =
        texts.iter().enumerate().map(|(number, text)| file(&format!("workloads/{number}.yaml"), text));
    Folder { workloads: files.collect(), ..Folder::default() }
}

fn import(folder: &Folder) -> Import {
    read(folder, &options()).unwrap_or_else(|problems| panic!("{:#?}", places(&problems)))
}

#[test]
fn a_prompt_with_a_model_is_a_question_to_its_provider() {
    let import = import(&workloads(&[JOKE]));
    assert_eq!(import.definitions[0].name, "tell-joke");
    assert_eq!(
        import.definitions[0].text,
        "description: \"Tell a Joke: A joke about something\"\n\
         params:\n  topic:\n    type: string\n    required: true\n  length:\n    type: string\n\
         ai:\n  provider: anthropic\n  model: claude-sonnet-4-5\n  prompt: |\n    \
         Tell me a {{ params.topic }} joke, today is {{ today }}.\n    Keep {{ params.length }} in mind.\n"
    );
    assert_eq!(
        notes(&import),
        [
            "changed workloads/0.yaml:11 model claude-sonnet-4-5",
            "changed workloads/0.yaml:1 {{length}}",
            "skipped workloads/0.yaml:6 field alert",
            "skipped workloads/0.yaml:16 field output",
        ]
    );
}

#[test]
fn one_step_is_a_definition_and_more_are_reported() {
    let import = import(&workloads(&[NIGHTLY, MANY]));
    assert_eq!(import.definitions.len(), 1);
    assert_eq!(
        import.definitions[0].text,
        "description: \"Nightly: Runs a script\"\ntimeout: \"60000ms\"\n\
         exec:\n  command: \"node build.js --fast\"\n  env:\n    MODE: night\n"
    );
    assert_eq!(
        notes(&import),
        ["changed workloads/0.yaml:14 field filter", "skipped workloads/1.yaml:6 workload digest"]
    );
}

#[test]
fn jobs_in_the_form_of_its_successor_are_read_too() {
    let skill = "name: Diary\nworkerType: skill\nconfig:\n  skillName: diary\n  action: create\n  params: { date: '{{today}}' }\n";
    let windows = "id: procs\nname: Procs\nworkerType: exec\nconfig:\n  command: Get-Process\n  shell: powershell\n  cwd: 'D:\\projects'\n";
    let mut folder = workloads(&[skill, windows]);
    folder.schedules = vec![
        file("data/schedules/d.json", &schedule("d", "Diary", ", \"cron\": \"@daily\"")),
        file(
            "data/schedules/p.json",
            &schedule("p", "procs", ", \"cron\": \"@daily\", \"event\": \"conductor/plan.created\""),
        ),
    ];
    let import = import(&folder);
    assert_eq!(
        import.definitions[0].text,
        "description: Diary\nskill:\n  skill: diary\n  action: create\n  params:\n    date: \"{{ today }}\"\n"
    );
    assert!(import.definitions[1].text.contains("shell: pwsh\n"), "{}", import.definitions[1].text);
    assert_eq!(import.schedules.iter().map(|one| one.is_on).collect::<Vec<_>>(), [true, false]);
    assert_eq!(
        notes(&import),
        [
            "changed workloads/1.yaml:6 shell powershell",
            "changed workloads/1.yaml:7 cwd D:\\projects",
            "changed data/schedules/p.json:3 schedule p is switched off",
            "skipped data/schedules/p.json:3 field event",
        ]
    );
}

#[test]
fn a_request_keeps_its_variables_as_secrets() {
    let fetch = "\
id: repos
name: Repos
description: Mine
version: 1.0.0
steps:
  - id: get
    name: Get
    worker: fetch-worker
    config:
      url: https://api.example.org/repos
      headers: { Authorization: 'Bearer ${TOKEN}' }
      query: { sort: last updated, of: '{{who}}' }
    output: repos.json
input:
  who: { type: string, default: me }
";
    let import = import(&workloads(&[fetch]));
    assert_eq!(
        import.definitions[0].text,
        "description: \"Repos: Mine\"\nparams:\n  who:\n    type: string\n    default: me\n\
         http:\n  url: \"https://api.example.org/repos?of={{ params.who }}&sort=last%20updated\"\n  \
         headers:\n    Authorization: \"Bearer ${secret:TOKEN}\"\n"
    );
}

#[test]
fn schedules_keep_their_policies_and_params() {
    let mut folder = workloads(&[JOKE, MANY]);
    let texts = [
        schedule(
            "all",
            "tell-joke",
            ", \"cron\": \"0 9 * * *\", \"params\": {\"topic\": \"Rust\"}, \"missedExecutionPolicy\": \"catchup\", \"lastRunAt\": \"2026-01-29T09:00:00.000Z\"",
        ),
        schedule(
            "often",
            "tell-joke",
            ", \"cron\": null, \"interval\": \"15m\", \"enabled\": false, \"timezone\": \"Europe/Berlin\", \"missedPolicy\": \"last\"",
        ),
        schedule(
            "unfit",
            "tell-joke",
            ", \"cron\": \"@daily\", \"params\": {\"other\": 1}, \"missedExecutionPolicy\": \"log\"",
        ),
        schedule("steps", "digest", ", \"cron\": \"@daily\""),
        schedule("lost", "gone", ", \"cron\": \"@daily\""),
    ];
    let files = texts.iter().enumerate().map(|(number, text)| file(&format!("s{number}.json"), text));
    folder.schedules = files.collect();
    let import = import(&folder);
    let shown: Vec<_> = import
        .schedules
        .iter()
        .map(|one| (&*one.name, &*one.pattern, one.is_cron, &*one.zone, one.missed, one.overlap, one.is_on))
        .collect();
    let all = MissedPolicy::Catchup { cap: 1000, window: None };
    assert_eq!(
        shown,
        [
            ("all", "0 9 * * *", true, "UTC", all, Overlap::Queue, true),
            ("often", "15m", false, "Europe/Berlin", MissedPolicy::Last, Overlap::Skip, false),
            ("unfit", "@daily", true, "UTC", MissedPolicy::Skip, Overlap::Skip, false),
        ]
    );
    assert_eq!(import.schedules[0].last_run_at, Some(at("2026-01-29T09:00:00Z")));
    assert_eq!(import.schedules[0].params["topic"], "Rust");
    let of_schedules: Vec<String> = notes(&import).into_iter().filter(|note| note.contains(" s")).collect();
    assert_eq!(
        of_schedules,
        [
            "skipped s2.json:3 param other",
            "changed s2.json:3 schedule unfit is switched off",
            "changed s2.json:3 policy log is now skip",
            "skipped s3.json:3 schedule steps",
            "skipped s4.json:3 workload gone",
        ]
    );
}

fn run(id: &str, rest: &str) -> String {
    format!(
        "{{ \"instanceId\": \"{id}\", \"workloadId\": \"tell-joke\", \"version\": \"1.0.0\", \"outputs\": []{rest} }}"
    )
}

#[test]
fn runs_that_have_ended_keep_their_times() {
    let texts = [
        run(
            "a",
            ", \"status\": \"completed\", \"startedAt\": \"2026-01-29T09:00:00.000Z\", \"completedAt\": \"2026-01-29T09:00:05.500Z\", \"primaryOutput\": \"result.md\", \"input\": {\"topic\": \"Rust\"}, \"createdBy\": \"Morning News\"",
        ),
        run(
            "b",
            ", \"status\": \"failed\", \"startedAt\": 1769677200000, \"duration\": 250, \"error\": \"no\"",
        ),
        run("c", ", \"status\": \"running\", \"startedAt\": \"2026-01-29T09:00:00Z\""),
        run("d", ", \"status\": \"completed\", \"startedAt\": \"2025-01-29T09:00:00Z\""),
    ];
    let files =
        texts.iter().enumerate().map(|(number, text)| file(&format!("data/runs/{number}/run.json"), text));
    let import = import(&Folder { runs: files.collect(), ..workloads(&[JOKE]) });
    assert_eq!(import.older_runs, 1);
    let shown: Vec<_> = import
        .runs
        .iter()
        .map(|run| {
            (&*run.key, &*run.definition, run.status, run.trigger.clone(), run.started_at, run.ended_at)
        })
        .collect();
    let began = at("2026-01-29T09:00:00Z");
    let later = |millis| Some(Timestamp::from_millis(began.as_millis() + millis));
    let by = RunTrigger::Schedule(Some("morning-news".to_owned()));
    assert_eq!(
        shown,
        [
            ("a", "tell-joke", RunStatus::Completed, by, began, later(5500)),
            ("b", "tell-joke", RunStatus::Failed, RunTrigger::Manual, began, later(250)),
        ]
    );
    assert_eq!(import.runs[0].input.as_deref(), Some("{\"topic\":\"Rust\"}"));
    assert_eq!(import.runs[1].error.as_deref(), Some("no"));
    assert!(notes(&import).contains(&"skipped data/runs/2/run.json:1 run c".to_owned()));
}

#[test]
fn everything_that_is_wrong_is_told_at_once_with_its_place() {
    let folder = Folder {
        workloads: vec![
            file("w/broken.yaml", "id: a\n  prompt: [\n"),
            file("w/empty.yaml", "id: b\nname: B\n"),
            file("w/one.yaml", "id: c\nprompt: hi\ninput:\n  x:\n    type: date\n"),
            file("w/two.yaml", "id: d\nprompt: hi\n"),
            file("w/three.yaml", "id: D\nprompt: hi\n"),
        ],
        schedules: vec![
            file("s/json.json", "{\n  \"id\": \"a\",\n}\n"),
            file(
                "s/cron.json",
                &schedule("s", "d", ",\n  \"cron\": \"0 25 * * *\",\n  \"enabled\": \"yes\""),
            ),
            file("s/none.json", "{ \"id\": \"t\" }"),
            file(
                "s/policy.json",
                &schedule("u", "d", ",\n  \"interval\": \"1h\",\n  \"missedExecutionPolicy\": \"maybe\""),
            ),
        ],
        runs: vec![file(
            "r/x/run.json",
            "{ \"workloadId\": \"d\", \"status\": \"done\", \"startedAt\": \"yesterday\" }",
        )],
    };
    let said = places(&read(&folder, &options()).unwrap_err());
    let expected = [
        "w/broken.yaml:2:",
        "w/empty.yaml:1:1: nothing says what is done",
        "w/one.yaml:5:11: there is no type `date`",
        "w/three.yaml:1:5: w/two.yaml is a workload `d` already",
        "s/json.json:3:1: not JSON: trailing comma",
        "s/cron.json:4:11: cron field 2",
        "s/cron.json:5:14: `enabled` is true or false, and this is a text",
        "s/none.json:1:1: `workloadId` is missing",
        "s/none.json:1:1: it has neither `cron` nor `interval`",
        "s/policy.json:5:28: there is no policy `maybe`",
        "r/x/run.json:1:32: there is no status `done`",
        "r/x/run.json:1:53: `startedAt` is no time",
    ];
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.starts_with(expected), "{said} is not {expected}");
    }
}

#[test]
fn a_surrogate_pair_in_json_is_read() {
    let folder = Folder {
        schedules: vec![file(
            "s.json",
            &schedule(
                "s",
                "tell-joke",
                ", \"cron\": \"@daily\", \"params\": {\"topic\": \"\\ud83c\\udfad\"}",
            ),
        )],
        ..workloads(&[JOKE])
    };
    assert_eq!(import(&folder).schedules[0].params["topic"], "\u{1f3ad}");
}
