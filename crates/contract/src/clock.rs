//! A clock that stands still until it is told to move. Clones share the hand.

use countersign_token::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// A clock moved by hand, shared by its clones. An adapter under test takes its time from [`Self::now`].
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// Where [`ManualClock::default`] begins: 2026-01-01T00:00:00Z.
    pub const START: Timestamp = Timestamp::from_seconds(1_767_225_600);

    /// One that shows `at`.
    pub fn at(at: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(at.millis())))
    }
    /// What it shows.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
    /// Moves it on and tells the new time.
    pub fn advance(&self, by: Duration) -> Timestamp {
        let to = self.now() + by;
        self.set(to);
        to
    }
    /// Moves it on by whole seconds.
    pub fn advance_seconds(&self, by: u64) -> Timestamp {
        self.advance(Duration::from_secs(by))
    }
    /// Sets it, backwards too.
    pub fn set(&self, to: Timestamp) {
        self.0.store(to.millis(), Ordering::SeqCst);
    }
    /// As a function, the form in which adapters take a clock.
    pub fn reader(&self) -> impl Fn() -> Timestamp + Send + Sync + 'static {
        let clock = self.clone();
        move || clock.now()
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::at(Self::START)
    }
}
