//! A name for each request, in the answer and in the log: random per process, then counted.

use countersign_issuer::port::Entropy;
use http::HeaderValue;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

/// Makes them.
pub(crate) struct Source {
    prefix: String,
    next: AtomicU64,
}

impl Source {
    pub(crate) fn new(entropy: &dyn Entropy) -> Self {
        let prefix = format!("{:08x}", u32::from_be_bytes(entropy.bytes()));
        Self { prefix, next: AtomicU64::new(1) }
    }
    /// The next one.
    pub(crate) fn next(&self) -> HeaderValue {
        let mut text = String::with_capacity(24);
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let _ = write!(text, "{}-{n}", self.prefix);
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("-"))
    }
}
