//! Passwords that stood in stolen databases, by ranges of their SHA-1 (crates/runtime).

use super::Unreached;
use async_trait::async_trait;

/// A list of breached passwords. It is asked by the first five hex digits only, so that whoever keeps it
/// does not learn which password is meant (k-anonymity).
#[async_trait]
pub trait BreachedPasswords: Send + Sync {
    /// All that begin with these five upper-case hex digits: a line each, the other 35 digits, a colon, and
    /// how often it was seen. 0 times: padding.
    async fn range(&self, prefix: &str) -> Result<String, Unreached>;
}
