//! One limiter in front of every secret check: buckets of failures for an account and for an address.

/// The limiter. Answers at once, never sleeps.
#[derive(Default)]
pub struct Throttle {}
