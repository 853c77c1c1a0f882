//! Hands messages to a mail server or an SMS service (crates/runtime).

use crate::model::{JobId, Message};
use async_trait::async_trait;

/// Why it was not handed over.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{detail}")]
pub struct Undelivered {
    /// Trying again is of no use (the address is refused).
    pub for_good: bool,
    /// For the log and the list of dead messages: no secret, no address.
    pub detail: String,
}

/// Mail and SMS.
#[async_trait]
pub trait Courier: Send + Sync {
    /// Hands one message over. `id`: the same at every try of the same job.
    async fn deliver(&self, id: JobId, message: &Message) -> Result<(), Undelivered>;
}
