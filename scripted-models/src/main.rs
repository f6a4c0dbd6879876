//! `scripted-models SCENARIO.json`: serves a scenario until it is interrupted, for use by hand. The
//! first line on stdout is the base URL; each request adds a line.

use std::error::Error;
use std::io::{self, Write};

use agents_scripted_models::{Recorded, Scenario, ScriptedModels};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: scripted-models SCENARIO.json")?;
    let scenario: Scenario = serde_json::from_slice(&std::fs::read(path)?)?;
    let models = ScriptedModels::start(scenario)?;
    writeln!(io::stdout(), "{}", models.base_url())?;
    tokio::select! {
        ended = print_requests(&models) => ended?,
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(())
}

async fn print_requests(models: &ScriptedModels) -> io::Result<()> {
    let mut printed = 0;
    loop {
        let requests = models.until(|requests| requests.len() > printed).await;
        for request in &requests[printed..] {
            writeln!(io::stdout(), "{}", line(request))?;
        }
        printed = requests.len();
    }
}

fn line(request: &Recorded) -> String {
    let Recorded { method, path, served, asked, .. } = request;
    let replies = asked.as_ref().map(|asked| format!(" after {} replies", asked.replies));
    format!("{method} {path}{}: {served:?}", replies.unwrap_or_default())
}
