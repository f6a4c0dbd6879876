//! Large files: what is found out about a step doesn't grow with the number of steps.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up has failed")]

use std::fmt::Write;

use agents_workflows::{Modules, STEPS_MAX, Workflow, read};

/// A file of so many steps, in groups of five: two jobs, a fork, a job that leads back, and a switch.
fn file(steps: usize) -> String {
    let mut text = "name: Large\nparams:\n  strict: { type: boolean, default: true }\nsteps:\n".to_owned();
    for group in 0..steps / 5 {
        let before = group
            .checked_sub(1)
            .map_or("params.strict".to_owned(), |before| format!("steps.judge-{before}.outputs.verdict"));
        write!(
            text,
            r#"  - id: build-{group}
    exec:
      command: "make {{{{ inputs.what }}}}"
      env: {{ VERDICT: "{{{{ {before} }}}}" }}
    inputs: {{ what: "part-{group} of {{{{ run.id }}}}" }}
    outputs:
      - name: files
        type: array
      - {{ name: amount, type: integer, value: "{{{{ answer.files | length }}}}" }}
    timeout: 10m
    onSuccess: judge-{group}
    onFailure: mend-{group}
  - id: judge-{group}
    ai: {{ provider: mock, prompt: "Judge {{{{ steps.build-{group}.outputs.files }}}}" }}
    outputs:
      - {{ name: verdict, type: string }}
    onSuccess: next
  - id: is-good-{group}
    condition:
      if: "{{{{ steps.judge-{group}.outputs.verdict == 'good' and params.strict }}}}"
      then: choose-{group}
      else: mend-{group}
  - id: mend-{group}
    agent: {{ type: implement, prompt: "Mend what {{{{ error.message }}}} says" }}
    maxRetries: 3
    onSuccess: build-{group}
  - id: choose-{group}
    switch:
      on: "{{{{ steps.build-{group}.outputs.amount }}}}"
      cases: {{ 0: end }}
      default: next
"#
        )
        .unwrap();
    }
    text
}

fn large(steps: usize) -> Workflow {
    read(&file(steps), "large.yaml", "large", &Modules::default())
        .unwrap_or_else(|problems| panic!("{problems}"))
}

fn longest_need(workflow: &Workflow) -> usize {
    workflow.steps.iter().map(|step| step.needs.len()).max().unwrap()
}

#[test]
fn a_step_of_a_large_file_needs_no_more_than_one_of_a_small_file() {
    let (small, large) = (large(10), large(1_000));
    assert_eq!((small.steps.len(), large.steps.len()), (10, 1_000));
    assert_eq!(longest_need(&large), longest_need(&small));
    assert_eq!(large.steps[995].id, "build-199");
    assert_eq!(large.steps[995].needs, ["judge-198"]);
}

#[test]
fn a_file_with_more_steps_than_may_be_is_refused_where_they_begin() {
    let mut text = "name: Too large\nsteps:\n".to_owned();
    for number in 0..=STEPS_MAX {
        writeln!(text, "  - {{ id: s{number}, delay: 1s, onSuccess: next }}").unwrap();
    }
    let problems = read(&text, "x.yaml", "x", &Modules::default()).unwrap_err();
    assert_eq!(
        problems.to_string(),
        "x.yaml:5003:5: there are more than 5000 steps\n  5003 |   - { id: s5000, delay: 1s, onSuccess: next }\n       \
         |     ^\n  make several workflows of it, or a loop"
    );
}
