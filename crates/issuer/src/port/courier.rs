//! Hands messages to a mail server or an SMS service (crates/runtime).

use crate::model::message::Way;
use crate::model::{Client, JobId, Message};
use async_trait::async_trait;
use countersign_token::Timestamp;
use std::sync::Arc;

/// A message on its way.
#[derive(Clone, Debug)]
pub struct Parcel<'a> {
    /// The same at every try of the same job.
    pub id: JobId,
    /// When it was queued: the same at every try.
    pub queued_at: Timestamp,
    /// What is to be said.
    pub message: &'a Message,
    /// The application of `message.client` with its name and look, while there is such a client.
    pub client: Option<Arc<Client>>,
}

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
    /// Is there a way to send these?
    fn takes(&self, way: Way) -> bool;
    /// Hands one message over.
    async fn deliver(&self, parcel: Parcel<'_>) -> Result<(), Undelivered>;
}
