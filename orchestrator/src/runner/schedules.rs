//! The runner's look at schedules: beside its other work, and never before it.

use std::time::Duration;

use agents_domain::actor::Actor;
use agents_domain::store::StoreError;
use tokio::time::Instant;

use super::state::{Found, State};
use super::{Runner, RunnerEvent};
use crate::doorbell;
use crate::schedule::{Firer, Looked, More};

/// The shortest time between two looks that nothing else asks for: what can't be fired must not make the loop spin.
const PAUSE: Duration = Duration::from_millis(20);

impl Runner {
    /// Has schedules looked at that may be due. The loop goes on meanwhile.
    pub(super) fn look_at_schedules(&self, state: &mut State) {
        if state.is_draining || !state.must_fire || !state.firing.is_empty() {
            return;
        }
        state.must_fire = false;
        let firer = Firer::new(&self.around, Actor::Runner(self.options.id), self.options.namespace.clone());
        let behind = match std::mem::take(&mut state.fires_behind) {
            More::Behind(at, id) => Some((at, id)),
            More::Nothing | More::Again => None,
        };
        state.firing.spawn(async move { firer.look(behind).await });
    }

    /// When the next schedule is due, while nothing else brings a look.
    pub(super) fn due_at(&self, state: &State) -> Option<Instant> {
        let is_idle = !state.is_draining && state.firing.is_empty() && !state.must_fire;
        let due = state.next_due.filter(|_| is_idle)?;
        Some(Instant::now() + due.since(self.around.clock.now()).max(PAUSE))
    }

    /// Tells what was fired, and looks for the jobs of new runs.
    pub(super) async fn fired(&self, fired: Result<Looked, StoreError>, state: &mut State) {
        let looked = match fired {
            Ok(looked) => looked,
            Err(error) => {
                // The slow tick looks again; the loop itself tells of trouble with the store.
                tracing::warn!(%error, "schedules could not be looked at");
                state.next_due = None;
                return;
            }
        };
        state.must_fire |= looked.more != More::Nothing;
        state.fires_behind = looked.more;
        state.next_due = looked.next;
        let has_started = looked.fired.schedules.iter().any(|one| !one.started.is_empty());
        let has_cancelled = looked.fired.schedules.iter().any(|one| !one.cancelled.is_empty());
        for schedule in looked.fired.schedules {
            for event in &schedule.events {
                let namespace = schedule.namespace.clone();
                self.listener.hear(&RunnerEvent::Happened { namespace, event: event.clone() });
            }
            self.listener.hear(&RunnerEvent::Fired { schedule: Box::new(schedule) });
        }
        if has_started {
            state.must_look = true;
            state.found = Found::NotLooked;
            self.leave_to_others(state);
        }
        if has_cancelled {
            doorbell::ring_others(&self.options.bells, self.options.id);
            self.look_for_wishes(state).await;
        }
    }
}
