//! What a runner costs that has nothing to do.

use std::time::Duration;

use serde_json::json;

use crate::processes::{peak_memory, voluntary_switches};
use crate::script::{on, pm_completes};
use crate::stage::Stage;
use crate::wait::let_pass;

/// The idle runner is looked at for so long, and may be woken so often.
const LOOK: Duration = Duration::from_secs(5);
const WAKE_UPS: u64 = 5;

/// The most memory of an idle runner, as it is shipped.
const MEMORY: u64 = 20 << 20;

#[test]
fn an_idle_runner_sleeps() {
    let stage = Stage::playing(json!([on("implement", json!([{"text": "Done."}])), pm_completes()]));
    let id = stage.create_work("Something");
    let runner = stage.runner(&[]);
    stage.until_status(&id, "complete");
    // The last line is written and the runner has gone to sleep.
    let_pass(Duration::from_millis(500));
    let before = voluntary_switches(runner.pid());
    let_pass(LOOK);
    let woken = voluntary_switches(runner.pid()) - before;
    assert!(woken <= WAKE_UPS, "{woken} wake-ups in {LOOK:?}");
    if !cfg!(debug_assertions) {
        let memory = peak_memory(runner.pid());
        assert!(memory < MEMORY, "{} MiB", memory >> 20);
    }
}
