//! Time as an argument. Owns the trait and the one adapter that reads the machine's clocks.

use countersign_token::Timestamp;
use std::time::Duration;

/// Where a verifier reads time from.
///
/// Tokens are judged by the wall clock; the age of keys and of the revocation feed is measured on the
/// monotonic one, so that a wall clock set back neither freezes them nor hides how old they are.
pub trait Clock: Send + Sync + 'static {
    /// Wall time.
    fn now(&self) -> Timestamp;
    /// Monotonic time since any fixed moment.
    fn elapsed(&self) -> Duration;
}

/// The machine's clocks. Ages are measured on Linux's coarse one, which costs a sixth and is behind by at most one
/// tick of the kernel (4 ms at the usual 250 a second, never more than 10).
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    started: machine::Moment,
}

impl SystemClock {
    /// Starts measuring.
    pub fn new() -> Self {
        Self { started: machine::moment() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        machine::wall()
    }
    fn elapsed(&self) -> Duration {
        machine::since(self.started)
    }
}

#[cfg(target_os = "linux")]
mod machine {
    use countersign_token::Timestamp;
    use rustix::time::{ClockId, clock_gettime};
    use std::time::Duration;

    pub(super) type Moment = Duration;

    pub(super) fn moment() -> Moment {
        let at = clock_gettime(ClockId::MonotonicCoarse);
        let (seconds, nanos) = (u64::try_from(at.tv_sec), u32::try_from(at.tv_nsec));
        Duration::new(seconds.unwrap_or_default(), nanos.unwrap_or_default())
    }

    pub(super) fn since(earlier: Moment) -> Duration {
        moment().saturating_sub(earlier)
    }

    /// Not the coarse one: behind by a tick, it would find a token of this very moment "not yet valid".
    /// Before 1970 it is negative: every token is then "not yet valid", so it fails closed.
    pub(super) fn wall() -> Timestamp {
        let at = clock_gettime(ClockId::Realtime);
        Timestamp::from_millis(at.tv_sec.saturating_mul(1000).saturating_add(at.tv_nsec / 1_000_000))
    }
}

#[cfg(not(target_os = "linux"))]
mod machine {
    use countersign_token::Timestamp;
    use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

    pub(super) type Moment = Instant;

    #[expect(clippy::disallowed_methods, reason = "the one adapter that reads the machine's clocks")]
    pub(super) fn moment() -> Moment {
        Instant::now()
    }

    pub(super) fn since(earlier: Moment) -> Duration {
        earlier.elapsed()
    }

    /// A clock before 1970 reads as 1970: every token is then "not yet valid", so it fails closed.
    #[expect(clippy::disallowed_methods, reason = "the one adapter that reads the machine's clocks")]
    pub(super) fn wall() -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}
