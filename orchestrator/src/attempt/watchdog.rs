//! Notices an agent from which nothing comes any more: no first word, or silence in which nothing works.
//!
//! Pure: time, output and processor time are told to it.

use std::time::Duration;

use super::observe::Printed;
use crate::process::keeper::exit::EndReason;
use crate::settings::Timeouts;

/// The longest stretch over which processor time is measured before silence is believed.
const WINDOW_LONGEST: Duration = Duration::from_secs(30);
/// An idle program wakes up now and then: so much of one processor is not work.
const IDLE_SHARE: f64 = 0.02;

/// What has been seen of one agent.
#[derive(Debug)]
pub(super) struct Watchdog {
    timeouts: Timeouts,
    printed: Printed,
    /// Since when nothing has come, as time since the watch began.
    quiet_since: Duration,
    measured: Option<Measured>,
}

/// Processor time at a moment.
#[derive(Debug, Clone, Copy)]
struct Measured {
    at: Duration,
    cpu: Duration,
}

impl Watchdog {
    /// Watches from now on.
    pub fn new(timeouts: Timeouts) -> Self {
        Self { timeouts, printed: Printed::default(), quiet_since: Duration::ZERO, measured: None }
    }

    /// Looks, so long after the watch began. `cpu` measures the processor time used so far; it is asked only when it
    /// matters.
    pub fn look(
        &mut self,
        now: Duration,
        printed: Printed,
        cpu: impl FnOnce() -> Duration,
    ) -> Option<EndReason> {
        if printed != self.printed {
            self.printed = printed;
            self.quiet_since = now;
            self.measured = None;
        }
        if printed.stdout == 0 && now >= self.timeouts.start {
            return Some(EndReason::StartTimeout);
        }
        let window = (self.timeouts.silence / 4).min(WINDOW_LONGEST);
        let quiet = now.saturating_sub(self.quiet_since);
        match self.measured {
            None if quiet >= self.timeouts.silence - window => {
                self.measured = Some(Measured { at: now, cpu: cpu() });
                None
            }
            Some(before) if now - before.at >= window => {
                let cpu = cpu();
                // What has ended is not counted any more: a smaller sum means that something went on, too.
                let used = cpu.abs_diff(before.cpu);
                self.measured = Some(Measured { at: now, cpu });
                let is_idle = used.as_secs_f64() < (now - before.at).as_secs_f64() * IDLE_SHARE;
                is_idle.then_some(EndReason::SilenceTimeout)
            }
            None | Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn timeouts() -> Timeouts {
        Timeouts { whole: 3600 * SECOND, start: 60 * SECOND, silence: 100 * SECOND }
    }

    fn out(stdout: u64) -> Printed {
        Printed { stdout, stderr: 0 }
    }

    /// Looks once a second; the agent prints and works as these functions of the second say. Gives when it was ended.
    fn run(printed: impl Fn(u32) -> Printed, cpu: impl Fn(u32) -> Duration) -> Option<(u32, EndReason)> {
        let mut dog = Watchdog::new(timeouts());
        (0..1000).find_map(|second| {
            let reason = dog.look(second * SECOND, printed(second), || cpu(second));
            reason.map(|reason| (second, reason))
        })
    }

    #[test]
    fn an_agent_without_a_first_word_is_ended_whatever_it_says_beside_or_computes() {
        let beside = |second| Printed { stdout: 0, stderr: u64::from(second) };
        assert_eq!(run(beside, |second| second * SECOND), Some((60, EndReason::StartTimeout)));
    }

    #[test]
    fn silence_in_which_nothing_works_ends_an_agent_after_its_time() {
        let once = |second| out(u64::from(second >= 10));
        assert_eq!(run(once, |_| 5 * SECOND), Some((110, EndReason::SilenceTimeout)));
        let idle = |second: u32| second * SECOND / 100;
        assert_eq!(run(once, idle), Some((110, EndReason::SilenceTimeout)), "an idle program wakes up too");
    }

    #[test]
    fn silence_in_which_something_works_goes_on() {
        let once = |_| out(1);
        assert_eq!(run(once, |second| second * SECOND / 2), None);
        let until_300 = |second: u32| second.min(300) * SECOND / 2;
        let (second, reason) = run(once, until_300).unwrap();
        assert!((325..=350).contains(&second) && reason == EndReason::SilenceTimeout, "{second}");
    }

    #[test]
    fn a_word_on_either_stream_now_and_then_is_enough() {
        assert_eq!(run(|second| out(1 + u64::from(second / 90)), |_| Duration::ZERO), None);
        let beside = |second: u32| Printed { stdout: 1, stderr: u64::from(second / 90) };
        assert_eq!(run(beside, |_| Duration::ZERO), None);
    }
}
