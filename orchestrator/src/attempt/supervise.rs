//! Watches over a running agent to its end: reads along, keeps its times, ends it when somebody wants that.

use std::time::Duration;

use agents_domain::limits::Reached;
use agents_domain::timestamp::Clock;
use tokio::sync::watch;
use tokio::time::Instant;

use super::StopReason;
use super::meter::Meter;
use super::observe::Observer;
use super::prepare::Rules;
use super::watchdog::Watchdog;
use crate::process::custody::Custody;
use crate::process::keeper::exit::{EndReason, Exit};

/// How long a keeper may take beyond the grace until it is not believed in any more: it kills for 10 s at most.
const KEEPER_PATIENCE: Duration = Duration::from_secs(15);

/// A running agent, and who may want its end.
pub(super) struct Supervised {
    pub custody: Custody,
    pub observer: Observer,
    pub stop: watch::Receiver<Option<StopReason>>,
    /// How long it has been running already.
    pub age: Duration,
    pub meter: Meter,
}

/// How an agent came to its end.
pub(super) struct Ended {
    pub exit: Exit,
    pub observer: Observer,
    /// Why we asked for it, if we did.
    pub asked: Option<EndReason>,
    /// The limit that it has passed, if it has.
    pub passed: Option<Reached>,
}

/// Reads along until nothing of the attempt lives any more.
pub(super) async fn to_the_end(supervised: Supervised, rules: &Rules, clock: &dyn Clock) -> Ended {
    let Supervised { mut custody, mut observer, mut stop, age, mut meter } = supervised;
    let began = Instant::now();
    let deadline = began + rules.timeouts.whole.saturating_sub(age);
    let mut watchdog = rules.harness.speaks_while_it_works().then(|| Watchdog::new(rules.timeouts));
    let mut asked: Option<(EndReason, Instant)> = None;
    let mut is_gone = false;
    let mut passed: Option<Reached> = None;
    loop {
        let pause = observer.read_on();
        if asked.is_none() && observer.is_hopeless(clock.now()) {
            custody.ask_end(EndReason::Hopeless);
            asked = Some((EndReason::Hopeless, Instant::now()));
        }
        if asked.is_none() {
            let look = meter.look(age + began.elapsed(), &observer.progress());
            // Whether it is gone takes a walk through its tree, so it is asked last.
            passed = look.filter(|_| !custody.is_agent_gone());
            if passed.is_some() {
                custody.ask_end(EndReason::OverBudget);
                asked = Some((EndReason::OverBudget, Instant::now()));
            }
        }
        let wanted = tokio::select! {
            exit = custody.ended() => {
                return Ended { exit, observer, asked: asked.map(|(reason, _)| reason), passed };
            }
            reason = asked_to_stop(&mut stop), if asked.is_none() => Some(reason.as_end()),
            () = tokio::time::sleep_until(deadline), if asked.is_none() && !is_gone => Some(EndReason::Timeout),
            () = tokio::time::sleep(pause) => watchdog.as_mut().filter(|_| !is_gone).and_then(|dog| {
                dog.look(began.elapsed(), observer.printed(), || cpu_time(&custody))
            }),
        };
        match (wanted, asked) {
            // All that is left is the keeper, which has something to write down: no time is up for it.
            (Some(reason), None) if is_about_time(reason) && custody.is_agent_gone() => is_gone = true,
            (Some(reason), None) => {
                custody.ask_end(reason);
                asked = Some((reason, Instant::now()));
            }
            (_, Some((reason, since))) if since.elapsed() > rules.grace + KEEPER_PATIENCE => {
                custody.force_end();
                asked = Some((reason, Instant::now()));
            }
            (_, Some(_)) | (None, None) => {}
        }
    }
}

fn is_about_time(reason: EndReason) -> bool {
    matches!(reason, EndReason::Timeout | EndReason::StartTimeout | EndReason::SilenceTimeout)
}

fn cpu_time(custody: &Custody) -> Duration {
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Duration::from_millis(custody.cpu_ticks().saturating_mul(1000) / per_second)
}

/// Waits until somebody wants the end. If nobody is left who could want it, waits for ever.
async fn asked_to_stop(stop: &mut watch::Receiver<Option<StopReason>>) -> StopReason {
    match stop.wait_for(Option::is_some).await.map(|reason| *reason) {
        Ok(Some(reason)) => reason,
        Ok(None) | Err(_) => std::future::pending().await,
    }
}
