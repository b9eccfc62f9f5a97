//! How busy this machine was while a step waited: where nothing was left to do the work with, a deadline that passed says little about
//! the platform, and whoever reads the failure should know.

use plumbline_model::Attachment;
use std::time::Duration;
use tokio::time::Instant;

/// Where Linux counts what its processors do; elsewhere nothing is known.
const COUNTERS: &str = "/proc/stat";

/// From which share on a machine had nothing to spare, in percent.
const BUSY: u64 = 90;

/// For how long at least it is looked at: what is over sooner did not fail for want of time.
const LONG_ENOUGH: Duration = Duration::from_secs(1);

/// What the processors do from a moment on.
pub(crate) struct Load {
    began: Instant,
    before: Option<Ticks>,
}

/// Time of all processors since the machine started, in units of the kernel's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ticks {
    busy: u64,
    all: u64,
}

impl Load {
    pub(crate) fn from_now() -> Self {
        Self {
            began: Instant::now(),
            before: Ticks::now(),
        }
    }

    /// What to know about the time since then, if the processors had none to spare.
    pub(crate) fn evidence(&self) -> Option<Attachment> {
        told(self.began.elapsed(), Ticks::now()?.busy_since(self.before?)?)
    }
}

fn told(took: Duration, busy: u64) -> Option<Attachment> {
    (took >= LONG_ENOUGH && busy >= BUSY).then(|| Attachment {
        title: "this machine".to_owned(),
        text: format!(
            "its processors were {busy} % busy in the {:.1} s of this step: what is late may only lack their time; \
             `--parallel` with a lower number leaves each scenario more of it",
            took.as_secs_f64()
        ),
    })
}

impl Ticks {
    fn now() -> Option<Self> {
        Self::parse(&std::fs::read_to_string(COUNTERS).ok()?)
    }

    /// Reads the line of all processors together: `cpu user nice system idle iowait irq softirq steal …`, as in proc(5). What guests
    /// take is part of user and nice.
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.lines().next()?.split_ascii_whitespace();
        (words.next()? == "cpu").then_some(())?;
        let counts: Vec<u64> = words.take(8).map_while(|word| word.parse().ok()).collect();
        let all = counts
            .iter()
            .try_fold(0_u64, |sum, count| sum.checked_add(*count))?;
        let idle = counts.get(3)?.checked_add(*counts.get(4)?)?;
        Some(Self {
            busy: all - idle,
            all,
        })
    }

    /// The share that was busy, in percent.
    fn busy_since(self, before: Self) -> Option<u64> {
        let busy = self.busy.checked_sub(before.busy)?.checked_mul(100)?;
        busy.checked_div(self.all.checked_sub(before.all)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ticks(text: &str) -> Ticks {
        Ticks::parse(text).unwrap()
    }

    #[test]
    fn waiting_for_a_disk_is_no_work_and_guests_are_counted_once() {
        let before = ticks("cpu  100 10 50 800 40 1 2 3 70 7\ncpu0 1 2 3 4\n");
        assert_eq!((before.busy, before.all), (166, 1006));
        let after = ticks("cpu  190 10 50 805 45 1 2 3 90 9\n");
        assert_eq!(after.busy_since(before), Some(90));
    }

    #[test]
    fn what_cannot_be_told_is_not_told() {
        assert_eq!(Ticks::parse("intr 1 2 3 4 5\n"), None);
        assert_eq!(Ticks::parse("cpu 1 2 3\n"), None);
        let now = ticks("cpu 9 9 9 9 9\n");
        assert_eq!(now.busy_since(now), None);
        assert_eq!(now.busy_since(ticks("cpu 10 9 9 9 9\n")), None);
    }

    #[test]
    fn only_a_long_wait_on_a_busy_machine_is_worth_a_word() {
        let wait = Duration::from_secs(30);
        let told_of = told(wait, 97).unwrap();
        assert!(
            told_of
                .text
                .starts_with("its processors were 97 % busy in the 30.0 s of this step"),
            "{}",
            told_of.text
        );
        assert_eq!(told(wait, 89), None);
        assert_eq!(told(Duration::from_millis(900), 100), None);
    }

    proptest! {
        #[test]
        fn any_counters_are_read_without_panic(text in "(cpu )?[0-9 a-z\n]*") {
            let _ = Ticks::parse(&text);
        }
    }
}
