//! What guards see, and what they leave alone.

use proptest::prelude::*;

use super::*;

/// A diff of one file with that section and these lines.
fn change(path: &str, section: &str, lines: &[&str]) -> String {
    let count = |sign: char| lines.iter().filter(|line| line.starts_with([' ', sign])).count();
    format!(
        "diff --git a/{path} b/{path}\nindex 1..2 100644\n--- a/{path}\n+++ b/{path}\n@@ -5,{} +5,{} @@ {section}\n{}\n",
        count('-'),
        count('+'),
        lines.join("\n")
    )
}

fn deleted(path: &str, lines: &[&str]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| format!("-{line}")).collect();
    format!(
        "diff --git a/{path} b/{path}\ndeleted file mode 100644\n--- a/{path}\n+++ /dev/null\n@@ -1,{} +0,0 @@\n{}\n",
        lines.len(),
        lines.join("\n")
    )
}

fn added(path: &str, lines: &[&str]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| format!("+{line}")).collect();
    format!(
        "diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{} @@\n{}\n",
        lines.len(),
        lines.join("\n")
    )
}

fn seen(diff: &str, commands: &[&str]) -> Vec<Sighting> {
    let checks: Vec<Check> = commands.iter().map(|command| Check::of_command(command)).collect();
    look(Work { patch: &Patch::read(diff), checks: &checks, is_idle: false, outside: &[] })
}

fn guards(diff: &str, commands: &[&str]) -> Vec<Guard> {
    seen(diff, commands).iter().map(|sighting| sighting.guard).collect()
}

#[track_caller]
fn sees(diff: &str, guard: Guard, part: &str) {
    let all = seen(diff, &[]);
    assert!(all.iter().any(|one| one.guard == guard && one.text.contains(part)), "{all:?}\n{diff}");
}

#[track_caller]
fn sees_nothing(diff: &str) {
    assert_eq!(seen(diff, &[]), [], "{diff}");
}

#[test]
fn tests_that_are_gone_are_seen_in_every_language() {
    let gone =
        |path: &str, lines: &[&str], part: &str| sees(&change(path, "", lines), Guard::TestsDeleted, part);
    gone("src/a.rs", &["-#[test]", "-fn adds() {", "-    assert_eq!(add(1, 2), 3);", "-}", " "], "`adds`");
    gone("src/a.rs", &["-#[tokio::test]", "-async fn waits() {", "-}"], "`waits`");
    gone("src/a.rs", &["-#[test]", " fn adds() {"], "`adds`");
    gone("tests/test_a.py", &["-def test_adds():", "-    assert add(1, 2) == 3"], "`test_adds`");
    gone("tests/test_a.py", &["-    async def test_waits(self):"], "`test_waits`");
    gone("a_test.go", &["-func TestAdds(t *testing.T) {", "-}"], "`TestAdds`");
    gone("a.test.ts", &["-  it('adds', () => {", "-  });"], "`adds`");
    gone("a.test.ts", &["-test.each([1, 2])(\"adds %d\", () => {"], "`adds %d`");
    gone("a.test.ts", &["-  it('adds', () => {", "+  // it('adds', () => {"], "`adds`");
    gone("ATest.java", &["-    @Test", "-    public void adds() {"], "`adds`");
    gone("ATests.cs", &["-    [Fact]", "-    public void Adds() {"], "`Adds`");
    gone("spec/a_spec.rb", &["-  it \"adds\" do"], "`adds`");
    gone("a_test.cc", &["-TEST(Add, Adds) {"], "`Add, Adds`");
    gone("a.bats", &["-@test \"adds\" {"], "`adds`");
    gone(
        "src/a.rs",
        &["-#[test]", "-fn one() {", "-#[test]", "-fn two() {", "+#[test]", "+fn three() {"],
        "`one`, `two`, and 1 new",
    );
    sees(
        &deleted("tests/a.rs", &["#[test]", "fn adds() {}"]),
        Guard::TestsDeleted,
        "a file with tests is gone: `adds`",
    );
    sees(
        &deleted("tests/check_a.py", &["assert add(1, 2) == 3"]),
        Guard::TestsDeleted,
        "a file of tests is gone",
    );
}

#[test]
fn tests_that_have_moved_or_have_another_name_are_not_gone() {
    sees_nothing(&change("src/a.rs", "", &[" #[test]", "-fn adds() {", "+fn adds_two_numbers() {"]));
    sees_nothing(&change("a.test.ts", "", &["-it('adds', () => {", "+it('adds two numbers', () => {"]));
    let moved = deleted("tests/old.rs", &["#[test]", "fn adds() {", "assert!(true);"])
        + &added("tests/new.rs", &["#[test]", "fn adds() {", "assert!(true);"]);
    sees_nothing(&moved);
    let split =
        change("src/a.rs", "mod tests {", &["-#[test]", "-fn adds() {", "-    assert!(add());", "-}"])
            + &added("src/a/tests.rs", &["#[test]", "fn adds() {", "    assert!(add());", "}"]);
    sees_nothing(&split);
    sees_nothing(
        "diff --git a/tests/a.rs b/tests/b.rs\nsimilarity index 100%\nrename from tests/a.rs\nrename to tests/b.rs\n",
    );
    sees_nothing(&deleted("tests/fixtures/a.py", &["assert_it()"]));
    sees_nothing(&deleted("src/a.rs", &["fn add() {}"]));
    sees_nothing(&change("src/a.py", "", &["-def detest_it():", "-    pass"]));
    sees_nothing(&change("src/a.ts", "", &["-  submit('form');", "-  await commit(\"x\");"]));
}

#[test]
fn assertions_that_are_gone_are_seen_in_tests_only() {
    let fewer = "1 assertion(s) fewer";
    sees(&change("tests/a.rs", "", &["-    assert_eq!(a, 1);", " }"]), Guard::TestsDeleted, fewer);
    sees(&change("src/a.rs", "mod tests {", &["-        assert!(a);"]), Guard::TestsDeleted, fewer);
    sees(
        &change(
            "a.test.ts",
            "",
            &["-    expect(a).toBe(1);", "-    expect(b).toBe(2);", "+    expect(a).toBe(2);"],
        ),
        Guard::TestsDeleted,
        fewer,
    );
    sees(
        &change("test_a.py", "", &["-    assert a == 1", "+    # assert a == 1"]),
        Guard::TestsDeleted,
        fewer,
    );
    sees_nothing(&change("src/a.rs", "impl A {", &["-    assert!(a);"]));
    sees_nothing(&change("tests/a.rs", "", &["-    assert_eq!(a, 1);", "+    assert_eq!(a, 2);"]));
    sees_nothing(&change("tests/a.rs", "", &["-    let a = 1;"]));
    let moved =
        change("tests/a.rs", "", &["-    assert!(a);"]) + &change("tests/b.rs", "", &["+    assert!(a);"]);
    sees_nothing(&moved);
    sees_nothing(&change("README.md", "", &["-assert that it works"]));
}

#[test]
fn tests_that_are_skipped_and_were_not_are_seen() {
    let skips = |path: &str, line: &str| {
        let found = seen(&change(path, "", &[&format!("+{line}")]), &[]);
        let [one] = &found[..] else { panic!("{path}: {line}: {found:?}") };
        assert_eq!((one.guard, one.file.as_deref(), one.line), (Guard::SkipsAdded, Some(path), Some(5)));
    };
    for line in ["#[ignore]", "    #[ignore = \"slow\"]", "#[cfg_attr(not(feature = \"slow\"), ignore)]"] {
        skips("src/a.rs", line);
    }
    for line in [
        "@pytest.mark.skip",
        "@pytest.mark.skipif(True, reason=\"x\")",
        "    pytest.skip(\"later\")",
        "@pytest.mark.xfail",
        "        self.skipTest(\"x\")",
        "@unittest.skip(\"x\")",
    ] {
        skips("tests/test_a.py", line);
    }
    for line in [
        "  it.skip('adds', () => {",
        "describe.only('all', () => {",
        "  xit('adds', () => {",
        "test.todo('adds')",
        "test.skip.each([1])('x', () => {",
    ] {
        skips("a.spec.ts", line);
    }
    skips("a_test.go", "\tt.Skip(\"later\")");
    skips("ATest.java", "    @Disabled(\"later\")");
    skips("ATest.kt", "    @Ignore");
    skips("ATests.cs", "    [Fact(Skip = \"later\")]");
    skips("spec/a_spec.rb", "    skip \"later\"");
    skips("tests/ATest.php", "        $this->markTestSkipped('later');");
    skips("test/a_test.exs", "  @tag :skip");
    skips("a.bats", "  skip \"later\"");
}

#[test]
fn what_only_looks_like_a_skip_is_left_alone() {
    let nothing = |path: &str, lines: &[&str]| sees_nothing(&change(path, "", lines));
    nothing("src/a.rs", &["+    let rest = all.iter().skip(1);"]);
    nothing("src/a.ts", &["+  const rest = list.skip(1).only();"]);
    nothing("src/a.ts", &["+  limit.only(3);"]);
    nothing("src/a.py", &["+    skip = True"]);
    nothing("src/a.rb", &["+    skip"]);
    nothing("src/a.go", &["+\tlist.Skip(1)"]);
    nothing("tests/a.rs", &["+// #[ignore]"]);
    nothing("tests/a.rs", &["-#[ignore]"]);
    nothing("tests/a.rs", &["-#[ignore]", "+#[ignore = \"needs a network\"]"]);
    nothing("README.md", &["+it.skip('adds')"]);
}

#[test]
fn what_a_check_runs_is_seen_when_it_changes() {
    let is_seen = |command: &str, diff: &str| {
        assert_eq!(guards(diff, &[command]), [Guard::CheckChanged], "{command}\n{diff}");
    };
    is_seen("./test", &change("test", "", &["-cargo test", "+true"]));
    is_seen("sh scripts/check.sh --all", &change("scripts/check.sh", "", &["-set -e"]));
    is_seen("bash -c './scripts/check.sh && x'", &deleted("scripts/check.sh", &["set -e"]));
    is_seen("cd web && CI=1 ./scripts/check.sh", &change("web/scripts/check.sh", "", &["-set -e"]));
    is_seen("jest --config=ci/jest.js", &change("ci/jest.js", "", &["+  testMatch: []"]));
    is_seen("./verify.sh", &added("verify.sh", &["exit 0"]));
    is_seen("cargo test", &change(".agents/config.json", "", &["+  \"checks\": []"]));
    is_seen("cargo test", &change("Cargo.toml", "", &[" [[test]]", "+harness = false"]));
    is_seen("cargo test", &change("Cargo.toml", "", &[" [profile.test]", "+opt-level = 3"]));
    is_seen("cargo nextest run", &change(".config/nextest.toml", "", &["+retries = 9"]));
    is_seen(
        "npm test",
        &change(
            "package.json",
            "",
            &["   \"scripts\": {", "-    \"test\": \"jest\",", "+    \"test\": \"true\","],
        ),
    );
    is_seen(
        "npm run verify",
        &change("package.json", "", &["-    \"verify\": \"jest\",", "+    \"verify\": \"true\","]),
    );
    is_seen("npm test", &added("jest.config.js", &["module.exports = {}"]));
    is_seen("make test", &change("Makefile", "test: build", &["-\tcargo test", "+\ttrue"]));
    is_seen("make -s check", &change("Makefile", "", &[" check:", "-\tpytest", "+\t-pytest"]));
    is_seen("make", &change("Makefile", "", &[" test:", "-\tpytest"]));
    is_seen("pytest", &change("pytest.ini", "", &["+addopts = -k nothing"]));
    is_seen("pytest -q", &change("pyproject.toml", "", &[" [tool.pytest.ini_options]", "+x = 1"]));
    is_seen("pytest", &change("setup.cfg", "", &["+testpaths = none"]));
    is_seen("pytest", &change("conftest.py", "", &["+collect_ignore = [\"test_a.py\"]"]));
    is_seen("mvn test", &change("pom.xml", "", &["+  <skipTests>true</skipTests>"]));
    is_seen("./gradlew test", &change("build.gradle", "", &["+  ignoreFailures = true"]));
    is_seen("cargo test", &change(".github/workflows/ci.yml", "", &["-      - run: cargo test"]));
    is_seen("./all", &change("pytest.ini", "", &["+addopts = -k nothing"]));
}

#[test]
fn what_a_check_does_not_run_may_change() {
    let is_left_alone = |command: &str, diff: &str| {
        assert_eq!(guards(diff, &[command]), [], "{command}\n{diff}");
    };
    is_left_alone("cargo test", &change("test", "", &["-cargo test", "+true"]));
    is_left_alone("cargo test", &change("Cargo.toml", "", &[" [dependencies]", "+serde = \"1\""]));
    is_left_alone(
        "cargo test",
        &change("package.json", "", &["   \"scripts\": {", "+    \"test\": \"true\","]),
    );
    is_left_alone(
        "npm test",
        &change("package.json", "", &["   \"dependencies\": {", "+    \"left-pad\": \"1\","]),
    );
    is_left_alone("npm test", &change("package.json", "", &["+    \"left-pad\": \"1\","]));
    is_left_alone(
        "npm test",
        &change("package.json", "", &["-  \"version\": \"1.0.0\",", "+  \"version\": \"1.0.1\","]),
    );
    is_left_alone("pytest tests/test_a.py", &change("tests/test_a.py", "", &["+def test_more():"]));
    is_left_alone("node src/index.js", &change("src/index.js", "", &["+run();"]));
    is_left_alone("grep -q right work.txt", &change("work.txt", "", &["+right"]));
    is_left_alone("diff expected.txt out/actual.txt", &change("expected.txt", "", &["+right"]));
    is_left_alone("make test", &change("Makefile", "install: all", &["-\tcp a b"]));
    is_left_alone("make test", &change("Makefile", "", &["+VERSION := 2"]));
    is_left_alone("pytest", &change("conftest.py", "", &["+@pytest.fixture", "+def shop(): ..."]));
    is_left_alone("cargo test", &added(".github/workflows/ci.yml", &["on: push"]));
    is_left_alone("cargo test", &change("pytest.ini", "", &["+addopts = -k nothing"]));
    let without_checks = change("Cargo.toml", "", &[" [[test]]", "+harness = false"]);
    assert_eq!(guards(&without_checks, &[]), []);
}

#[test]
fn links_and_files_outside_of_the_workspace_are_seen() {
    let link = |path: &str, target: &str| {
        format!(
            "diff --git a/{path} b/{path}\nnew file mode 120000\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+{target}\n\\ No newline at end of file\n"
        )
    };
    for (path, target) in
        [("a", "/etc/passwd"), ("a", "../other"), ("x/y/a", "../../../other"), ("x/a", "../b/../../c")]
    {
        sees(&link(path, target), Guard::OutsideTouched, "a link leads out");
    }
    for (path, target) in [("a", "b"), ("x/a", "../b"), ("x/y/a", "../../b/c"), ("a", "b/../c")] {
        sees_nothing(&link(path, target));
    }
    let outside = ["/home/me/.bashrc".to_owned()];
    let work = Work { patch: &Patch::default(), checks: &[], is_idle: true, outside: &outside };
    let found: Vec<Guard> = look(work).iter().map(|one| one.guard).collect();
    assert_eq!(found, [Guard::EmptyDiff, Guard::OutsideTouched]);
}

#[test]
fn so_much_is_told_and_no_more() {
    let lines: Vec<String> =
        (0..1000).map(|n| format!("+#[ignore = \"{n}\u{1b}[31m{}\"]", "x".repeat(900))).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let found = seen(&change("tests/a.rs", "", &lines), &[]);
    assert_eq!(found.len(), MOST);
    assert!(found.iter().all(|one| one.text.len() < 200 && !one.text.contains('\u{1b}')), "{found:?}");
}

proptest! {
    #[test]
    fn any_diff_is_looked_at_without_harm(
        path in "(tests/)?[a-z]{1,4}\\.(rs|py|go|ts|java|cs|rb|toml|json)|Makefile|package.json|Cargo.toml",
        lines in proptest::collection::vec("[-+ ](#\\[test\\]|fn |def test_|it\\('|@Test|\\[Fact|\\[|\"scripts\": \\{|assert|test:)?.{0,20}", 0..30)
    ) {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        seen(&change(&path, "fn x", &lines), &["make test", "npm test", "./x"]);
    }
}
