//! Calls to other servers.

use async_trait::async_trait;
use countersign_issuer::port::{Call, CallAnswer, Egress, Unreached};

/// Reaches nothing.
pub(crate) struct NoEgress;

#[async_trait]
impl Egress for NoEgress {
    async fn call(&self, _: Call) -> Result<CallAnswer, Unreached> {
        Err(Unreached("no calls to other servers yet".to_owned()))
    }
}
