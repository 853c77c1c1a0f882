//! Time as an argument. Owns the trait and the one adapter that reads the machine's clocks.

use countersign_token::Timestamp;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where a verifier reads time from.
///
/// Tokens are judged by the wall clock; the age of keys is measured on the monotonic one, so that a
/// wall clock set back neither freezes the keys nor hides how old they are.
pub trait Clock: Send + Sync + 'static {
    /// Wall time.
    fn now(&self) -> Timestamp;
    /// Monotonic time since any fixed moment.
    fn elapsed(&self) -> Duration;
}

/// The machine's clocks.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// Starts measuring.
    #[expect(clippy::disallowed_methods, reason = "the one adapter that reads the machine's clocks")]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one adapter that reads the machine's clocks")]
    fn now(&self) -> Timestamp {
        // A clock before 1970 reads as 1970: every token is then "not yet valid", so it fails closed.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}
