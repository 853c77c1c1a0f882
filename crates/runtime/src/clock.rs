//! The two clocks: what everybody else takes as an argument is read here.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since the epoch by the system's clock; before 1970 counts as 1970.
pub(crate) fn wall_millis() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "this is the adapter that reads the clock")]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
}

/// The clock that never goes back, for deadlines.
pub(crate) fn monotonic() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "this is the adapter that reads the clock")]
    Instant::now()
}
