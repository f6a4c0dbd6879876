//! From what happens to what is started: events, subscriptions, and the requests of webhooks over real HTTP.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod server;
mod support;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use server::{Reply, Served, github, standard};
use support::{World, text};

/// A definition whose command appends a line to the file `notes` of the repository.
const NOTE: &str = "params:\n  branch: { type: string, default: none }\nexec:\n  shell: sh\n  command: echo {{ params.branch }} >> notes\n";

const FAILS: &str = "exec:\n  argv: [\"false\"]\n";

fn world() -> World {
    let world = World::new();
    world.write("shop/.agents/config.json", r#"{"graceMs": 300}"#);
    world.write("shop/.agents/jobs/note.yaml", NOTE);
    world.write("shop/.agents/jobs/fails.yaml", FAILS);
    world
}

fn notes(world: &World) -> Vec<String> {
    let text = std::fs::read_to_string(world.repo().join("notes")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn once(world: &World) {
    world.agents(&["runner", "--once"]).ok();
}

/// The events of such names, the oldest first.
fn events(world: &World, pattern: &str) -> Vec<Value> {
    let found = world.json(&["events", "--name", pattern, "--limit", "1000"]);
    found["events"].as_array().unwrap().clone()
}

fn shown(world: &World, name: &str) -> Value {
    world.json(&["subscription", "show", name])
}

#[test]
fn an_event_starts_a_run_of_a_definition_if_the_filter_holds() {
    let world = world();
    let on_main = "event.data.branch == \"main\"";
    let map = "branch={{ event.data.branch }}";
    world.json(&["emit", "deploy.done", "--data", r#"{"branch": "main"}"#]);
    world.json(&[
        "subscription",
        "create",
        "notes",
        "--on",
        "deploy.*",
        "--where",
        on_main,
        "--run",
        "note",
        "--map",
        map,
    ]);
    world.json(&["emit", "deploy.done", "--data", r#"{"branch": "dev"}"#]);
    let emitted = world.json(&["emit", "deploy.done", "--data", r#"{"branch": "main"}"#]);
    assert_eq!(
        json!([emitted["name"], emitted["source"], emitted["depth"], emitted["data"]]),
        json!(["deploy.done", "person", 0, {"branch": "main"}])
    );
    once(&world);
    assert_eq!(notes(&world), ["main"]);
    once(&world);
    assert_eq!(notes(&world), ["main"], "each event is answered once");
    let shown = shown(&world, "notes");
    let reactions = shown["reactions"].as_array().unwrap();
    assert_eq!(reactions.len(), 1, "{shown:#}");
    assert_eq!((&reactions[0]["happening"], &reactions[0]["outcome"]), (&emitted["id"], &json!("started")));
    let ended = events(&world, "run.*");
    assert_eq!(ended.len(), 1);
    let data = &ended[0]["data"];
    assert_eq!(
        json!([ended[0]["name"], data["definition"], data["trigger"], data["params"], data["run"]]),
        json!(["run.completed", "note", "event", {"branch": "main"}, reactions[0]["assignment"]])
    );
    let said = world.agents(&["subscription", "list"]).ok().stdout;
    assert!(said.contains("notes") && said.contains("run note"), "{said}");
    assert!(world.agents(&["subscription", "show", "notes"]).ok().stdout.contains("deploy.done"));
    assert!(world.agents(&["events"]).ok().stdout.contains("deploy.done"));
}

#[test]
fn a_chain_of_triggers_that_starts_itself_comes_to_an_end() {
    let world = world();
    world.json(&["subscription", "create", "begin", "--on", "go", "--run", "fails"]);
    world.json(&["subscription", "create", "again", "--on", "run.failed", "--run", "fails"]);
    world.json(&["emit", "go"]);
    once(&world);
    let depths: Vec<u64> =
        events(&world, "run.failed").iter().map(|it| it["depth"].as_u64().unwrap()).collect();
    assert_eq!(depths, [1, 2, 3, 4, 5, 6, 7]);
    let last = &shown(&world, "again")["subscription"]["lastError"];
    assert_eq!(last["outcome"], "refused");
    assert!(text(&last["why"]).contains("7 triggers already lie one behind the other"), "{last:#}");
}

#[test]
fn what_can_not_be_started_is_shown_and_keeps_nobody() {
    let world = world();
    let missing = "branch={{ event.data.nothing }}";
    world.json(&["subscription", "create", "a-bad", "--on", "go", "--run", "note", "--map", missing]);
    world.json(&["subscription", "create", "b-gone", "--on", "go", "--run", "no-such-definition"]);
    world.json(&["subscription", "create", "c-good", "--on", "go", "--run", "note"]);
    world.json(&["subscription", "create", "d-off", "--on", "go", "--run", "note"]);
    world.json(&["subscription", "disable", "d-off"]);
    world.json(&["emit", "go"]);
    once(&world);
    assert_eq!(notes(&world), ["none"]);
    let why = |name: &str| text(&shown(&world, name)["subscription"]["lastError"]["why"]);
    assert!(
        why("a-bad").contains("param `branch` can't be made by `{{ event.data.nothing }}`"),
        "{}",
        why("a-bad")
    );
    assert!(why("b-gone").contains("no-such-definition"), "{}", why("b-gone"));
    assert_eq!(shown(&world, "c-good")["subscription"]["lastError"], Value::Null);
    assert_eq!(shown(&world, "d-off")["reactions"], json!([]));
    world.json(&["subscription", "delete", "b-gone"]);
    world.agents(&["subscription", "show", "b-gone"]).fails(3, &["there is no subscription `b-gone`"]);
}

#[test]
fn of_several_runners_one_answers_each_event() {
    let world = world();
    let map = "branch={{ event.data }}";
    world.json(&["subscription", "create", "notes", "--on", "go", "--run", "note", "--map", map]);
    for number in 0..12 {
        world.json(&["emit", "go", "--data", &number.to_string()]);
    }
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| once(&world));
        }
    });
    once(&world);
    let mut all: Vec<u32> = notes(&world).iter().map(|line| line.parse().unwrap()).collect();
    all.sort_unstable();
    assert_eq!(all, (0..12).collect::<Vec<u32>>());
}

#[test]
fn a_runner_that_dies_while_it_reacts_loses_nothing_and_starts_nothing_twice() {
    let world = world();
    world.json(&[
        "subscription",
        "create",
        "notes",
        "--on",
        "go",
        "--run",
        "note",
        "--map",
        "branch={{ event.data }}",
    ]);
    let log = world.path("points");
    for point in 1..=14 {
        world.json(&["emit", "go", "--data", &point.to_string()]);
        world
            .agents(&["runner", "--once"])
            .env("AGENTS_CRASH_AT", point)
            .env("AGENTS_CRASH_LOG", log.display())
            .run();
        once(&world);
        let started = shown(&world, "notes")["reactions"].as_array().unwrap().len();
        assert_eq!(started, point, "after a death at point {point}");
        assert_eq!(events(&world, "run.*").len(), point);
    }
    let points = std::fs::read_to_string(&log).unwrap();
    assert!(points.contains("reactions planned"), "it died around the reaction: {points}");
}

#[test]
fn what_a_job_emits_is_an_agents_and_as_deep_as_its_run() {
    let world = world();
    let emits = "exec:\n  shell: sh\n  command: $AGENTS_BIN emit from.inside --json > inside.json\n";
    world.write("shop/.agents/jobs/emits.yaml", emits);
    world.json(&["subscription", "create", "one", "--on", "go", "--run", "emits"]);
    world.json(&["emit", "go"]);
    once(&world);
    let inside = events(&world, "from.inside");
    assert_eq!(inside.len(), 1, "{:#?}", events(&world, "**"));
    assert_eq!((&inside[0]["source"], &inside[0]["depth"]), (&json!("agent"), &json!(1)));
}

#[test]
fn bad_input_is_told_with_what_to_do() {
    let world = world();
    world.agents(&["emit", "deploy done"]).fails(2, &["position 7", "agents emit deploy.done"]);
    world.agents(&["emit", "x", "--data", "{branch}"]).fails(6, &["--data is no JSON", "quotes of its own"]);
    let large = world.write("large.json", format!("\"{}\"", "x".repeat(256 * 1024)));
    world
        .agents(&["emit", "x", "--data", &format!("@{}", large.display())])
        .fails(6, &["256 KiB", "large.json"]);
    world.agents(&["emit", "x", "--data", "@nowhere.json"]).fails(6, &["nowhere.json"]);
    assert_eq!(
        world.agents(&["emit", "x", "--data", "-", "--json"]).stdin("[1]").ok().json()["data"],
        json!([1])
    );
    let create = |args: &[&str]| world.agents(&[&["subscription", "create", "s"], args].concat());
    create(&["--on", "a..b", "--run", "note"]).fails(2, &["--on: `a..b`"]);
    create(&["--on", "a", "--run", "note", "--where", "event.x =="]).fails(2, &["the filter `event.x ==`"]);
    create(&["--on", "a", "--run", "note", "--map", "b={{ x }}"]).fails(2, &["names `x`"]);
    create(&["--on", "a", "--run", "note", "--map", "b"]).fails(2, &["no key with a value"]);
    create(&["--on", "a"]).fails(2, &["--run"]);
    create(&["--on", "a", "--run", "note"]).ok();
    create(&["--on", "a", "--run", "note"]).fails(5, &["there is a subscription `s` already"]);
    let hook = |args: &[&str]| world.agents(&[&["webhook", "create"], args].concat());
    hook(&["h", "--path", "x", "--secret-env", "S"]).fails(2, &["begins with `/`"]);
    hook(&["h", "--path", "/x", "--secret-env", "it's a secret"]).fails(2, &["not the secret itself"]);
    hook(&["h", "--path", "/x", "--secret-env", "S"]).ok();
    hook(&["i", "--path", "/x", "--secret-env", "S"]).fails(5, &["belongs to webhook `h`"]);
    world.agents(&["webhook", "replay", "abcd"]).fails(3, &["no delivery has the id"]);
    world.agents(&["serve"]).fails(2, &["--webhooks"]);
}

fn with_webhooks(args: &[&str]) -> (World, Served) {
    let world = world();
    for (name, scheme) in [("hub", "github"), ("std", "generic")] {
        let path = format!("/{name}");
        world.json(&[
            "webhook",
            "create",
            name,
            "--path",
            &path,
            "--secret-env",
            "HOOK_SECRET",
            "--scheme",
            scheme,
        ]);
    }
    world.json(&["webhook", "create", "mute", "--path", "/mute", "--secret-env", "NOBODY_HAS_SET_IT"]);
    let served = Served::start(
        world.agents(&[&["serve", "--webhooks", "--listen", "127.0.0.1:0", "--json"], args].concat()),
    );
    (world, served)
}

#[test]
fn a_signed_request_starts_a_run_once() {
    let (world, served) = with_webhooks(&[]);
    assert_eq!(served.told["withoutSecret"], json!([{"webhook": "mute", "secretEnv": "NOBODY_HAS_SET_IT"}]));
    let push = "event.data.headers[\"x-github-event\"] == \"push\"";
    let map = "branch={{ event.data.body.ref }}";
    world.json(&[
        "subscription",
        "create",
        "push",
        "--on",
        "webhook.hub",
        "--where",
        push,
        "--run",
        "note",
        "--map",
        map,
    ]);
    let body = r#"{"ref": "$(touch pwned); main"}"#;
    let first = served.post("/hub", &github("1", body), body);
    assert_eq!(first.status, 202);
    let again = served.post("/hub", &github("1", body), body);
    assert_eq!((again.status, &again.body), (200, &first.body));
    let renamed = served.post("/hub", &github("2", body), body);
    assert_eq!((renamed.status, &renamed.body), (200, &first.body), "GitHub does not sign its delivery id");
    once(&world);
    assert_eq!(notes(&world), ["$(touch pwned); main"]);
    assert!(!world.repo().join("pwned").exists());
    let ended = events(&world, "run.*");
    assert_eq!((ended.len(), &ended[0]["data"]["trigger"]), (1, &json!("webhook")));
    let id = text(&first.json()["delivery"]);
    let kept = world.json(&["webhook", "deliveries", "hub"]);
    let expected =
        json!({"content-type": "application/json", "x-github-delivery": "1", "x-github-event": "push"});
    assert_eq!(kept["deliveries"][0]["headers"], expected);
    assert_eq!((&kept["deliveries"][0]["id"], &kept["deliveries"][0]["body"]), (&json!(id), &json!(body)));
    let replayed = world.json(&["webhook", "replay", &id]);
    assert_eq!(replayed["replays"], json!(id));
    once(&world);
    assert_eq!(notes(&world).len(), 2);
    assert!(world.agents(&["webhook", "show", "hub"]).ok().stdout.contains("/hub"));
}

#[test]
fn what_is_not_signed_well_is_refused_and_nothing_of_it_is_kept() {
    let (world, served) = with_webhooks(&[]);
    let now = server::now();
    let check = |status: u16, path: &str, headers: &[(String, String)], body: &str| {
        assert_eq!(
            served.post(path, headers, body),
            Reply { status, body: String::new() },
            "{path} {headers:?}"
        );
    };
    check(401, "/hub", &github("1", "{}"), "{ }");
    check(401, "/hub", &[], "{}");
    check(401, "/std", &standard("1", now, "{}"), "{ }");
    check(401, "/std", &standard("1", now - 301, "{}"), "{}");
    check(401, "/std", &standard("1", now + 330, "{}"), "{}");
    let mut other = standard("1", now, "{}");
    other[0].1 = "2".to_owned();
    check(401, "/std", &other, "{}");
    let mut later = standard("1", now - 400, "{}");
    later[1].1 = now.to_string();
    check(401, "/std", &later, "{}");
    check(503, "/mute", &standard("1", now, "{}"), "{}");
    check(404, "/nothing", &github("1", "{}"), "{}");
    assert_eq!(served.get("/hub").status, 405);
    assert_eq!(served.get("/nothing"), Reply { status: 404, body: String::new() });
    assert_eq!(world.json(&["webhook", "deliveries"])["deliveries"], json!([]));
    assert_eq!(events(&world, "**"), [] as [Value; 0]);
    let webhooks = world.json(&["webhook", "list"]);
    let refused: Vec<&Value> =
        webhooks["webhooks"].as_array().unwrap().iter().map(|it| &it["refused"]).collect();
    assert_eq!(json!(refused), json!([2, 0, 5]));
    assert_eq!(served.post("/std", &standard("1", now, "{}"), "{}").status, 202);
}

#[test]
fn what_is_too_large_too_slow_or_too_much_is_refused() {
    let (_world, served) = with_webhooks(&["--rate", "3", "--body-time", "200ms"]);
    let large = "x".repeat(1024 * 1024 + 1);
    assert_eq!(served.declare("/hub", large.len()).status, 413);
    assert_eq!(served.chunked("/hub", &github("1", &large), &large).status, 413);
    assert_eq!(served.declare("/hub", 10).status, 408, "the body never comes");
    let full = "x".repeat(1024 * 1024);
    assert_eq!(served.post("/hub", &github("1", &full), &full).status, 202);
    let statuses = |forged: bool| -> Vec<u16> {
        (0..4)
            .map(|number| {
                let body = number.to_string();
                let signed = if forged { String::new() } else { body.clone() };
                served.post("/std", &standard(&body, server::now(), &signed), &body).status
            })
            .collect()
    };
    assert_eq!(statuses(true), [401, 401, 401, 429]);
    assert_eq!(statuses(false), [202, 202, 202, 429], "forged requests keep nobody out");
}

#[test]
fn one_of_many_requests_at_once_by_the_same_id_is_new() {
    let (world, served) = with_webhooks(&[]);
    let headers = standard("same", server::now(), "{}");
    let replies: Vec<Reply> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| served.post("/std", &headers, "{}"))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let bodies: BTreeSet<&str> = replies.iter().map(|reply| reply.body.as_str()).collect();
    assert_eq!(bodies.len(), 1, "{replies:?}");
    assert_eq!(replies.iter().filter(|reply| reply.status == 202).count(), 1, "{replies:?}");
    assert_eq!(events(&world, "webhook.std").len(), 1);
}

#[test]
fn a_server_that_is_told_to_end_answers_what_has_begun() {
    let (world, mut served) = with_webhooks(&[]);
    let mut begun = served.begin("/std", &standard("1", server::now(), "{}"), 2);
    begun.until_awaited();
    served.terminate();
    begun.send("{}");
    assert_eq!(begun.reply().status, 202);
    assert_eq!(served.ended(), Some(0));
    assert_eq!(events(&world, "webhook.std").len(), 1);
}

/// Channels that write what they get to files, and one that never works.
fn with_channels(world: &World, url: &str) {
    let channel =
        |name: &str, on: &str, to: Value| json!({"name": name, "on": [on], "to": to, "batch": "0s"});
    let config = json!({
        "graceMs": 300,
        "notifications": [
            channel("file", "run.*", json!({"command": ["sh", "-c", "cat >> told; echo >> told", "$(touch pwned)"]})),
            channel("hook", "go", json!({"webhook": {"url": url, "format": "slack"}})),
            channel("never", "go", json!({"command": ["sh", "-c", "echo no >&2; exit 3"]})),
            {"name": "later", "on": ["go"], "to": {"command": ["sh", "-c", "touch later"]}, "batch": "1h"},
        ],
    });
    world.write("shop/.agents/config.json", config.to_string());
}

#[test]
fn people_are_told_once_by_each_channel_and_a_failure_is_tried_again() {
    let world = world();
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    with_channels(&world, &format!("http://{}/${{secret:HOOK_PATH}}", server.local_addr().unwrap()));
    let received = std::thread::spawn(move || server::receive_one(&server));
    world.json(&["subscription", "create", "fails", "--on", "go", "--run", "fails"]);
    world.json(&["emit", "go", "--data", r#"{"text": "before any runner"}"#]);
    let once = || world.agents(&["runner", "--once"]).env("HOOK_PATH", "T0/B0").ok();
    once();
    world.json(&["emit", "go", "--data", r#"{"text": "<!channel> ${secret:HOOK_PATH}\u0007"}"#]);
    once();
    once();
    let (head, body) = received.join().unwrap();
    assert!(head.starts_with("POST /T0/B0 HTTP/1.1\r\n"), "{head}");
    let expected = json!({"text": "agents: shop\ngo: &lt;!channel&gt; ${secret:HOOK_PATH} "});
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), expected);
    let told = std::fs::read_to_string(world.repo().join("told")).unwrap();
    let messages: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events: Vec<&Value> =
        messages.iter().flat_map(|it| it["notices"].as_array().unwrap()).map(|it| &it["event"]).collect();
    assert_eq!(events.len(), 2, "one for each run that failed: {told}");
    assert!(!world.repo().join("pwned").exists() && !world.repo().join("later").exists());
    let list = world.json(&["notify", "list"]);
    let mut standing: Vec<(String, String, u64)> = Vec::new();
    for notice in list["notices"].as_array().unwrap().iter().filter(|it| it["event"] == "go") {
        standing.push((text(&notice["channel"]), text(&notice["status"]), notice["tries"].as_u64().unwrap()));
    }
    standing.sort();
    let expected = [("hook", "sent", 1), ("later", "pending", 0), ("never", "pending", 1)];
    assert_eq!(standing, expected.map(|(name, status, tries)| (name.to_owned(), status.to_owned(), tries)));
    let never = world.agents(&["notify", "list"]).ok().stdout;
    assert!(never.contains("`sh` ended with exit status: 3: no"), "{never}");
}

#[test]
fn a_test_says_what_came_of_it() {
    let world = world();
    world.agents(&["notify", "test"]).fails(6, &["the config has no notifications"]);
    with_channels(&world, "http://127.0.0.1:1/nobody");
    world.agents(&["notify", "test", "--channel", "nobody"]).fails(3, &["there is no channel `nobody`"]);
    let said = world.agents(&["notify", "test", "--channel", "file"]).ok().stdout;
    assert!(said.contains("sent file"), "{said}");
    assert!(
        std::fs::read_to_string(world.repo().join("told"))
            .unwrap()
            .contains("A test: notifications arrive here.")
    );
    for (name, why) in [("never", "no"), ("hook", "Connection refused")] {
        let failed = world.agents(&["notify", "test", "--channel", name, "--json"]).run();
        assert_eq!(failed.code, 1, "{failed:?}");
        let channel = failed.json()["channels"][0].clone();
        assert_eq!(channel["sent"], json!(false));
        assert!(text(&channel["error"]).contains(why), "{channel}");
    }
}

#[test]
fn a_channel_that_makes_no_sense_is_told_with_its_place() {
    let world = world();
    world.write("shop/.agents/config.json", r#"{"notifications": [{"on": ["a"], "to": {"desktop": true}, "quietHours": {"from": "25:00", "to": "07:00"}}]}"#);
    world
        .agents(&["config", "show"])
        .fails(6, &["notifications, at place 1: quietHours: `25:00` is no time of day"]);
}
