//! Hands messages to a mail server or an SMS service.

use async_trait::async_trait;
use countersign_issuer::model::{JobId, Message};
use countersign_issuer::port::{Courier, Undelivered};

/// Takes nothing: no way to send is configured.
pub(crate) struct NoCourier;

#[async_trait]
impl Courier for NoCourier {
    async fn deliver(&self, _: JobId, _: &Message) -> Result<(), Undelivered> {
        Err(Undelivered { for_good: true, detail: "no way to send is configured".to_owned() })
    }
}
