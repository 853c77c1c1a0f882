//! What this node serves of the feed: the newest head, and the log behind it.

use crate::Issuer;
use crate::error::Result;
use crate::keys::Document;
use countersign_feed::metadata::Ack;
use countersign_feed::{Head, Page};
use std::sync::{Arc, OnceLock};

/// One state of the feed, as served.
#[derive(Clone, Debug)]
pub struct Published {
    /// The claims of the head.
    pub head: Head,
    /// The head, signed.
    pub jws: Arc<str>,
    /// The rules added since the state before this one on this node, without head; empty when only time went on.
    pub added: Arc<Page>,
}

type Told = Box<dyn Fn(&Arc<Published>) + Send + Sync>;

/// The feed of this node.
#[derive(Default)]
pub struct Feed {
    told: OnceLock<Told>,
}

impl Feed {
    /// The newest state. `None`: before the first one.
    pub fn published(&self) -> Option<Arc<Published>> {
        None
    }

    /// Called with each new state, in order, by whoever made it: must be quick and not block. Once.
    pub fn on_publish(&self, told: impl Fn(&Arc<Published>) + Send + Sync + 'static) {
        drop(self.told.set(Box::new(told)));
    }
}

/// `/.well-known/revocation-feed`.
pub fn metadata(_issuer: &Issuer) -> Document {
    Document::new(Vec::new())
}

/// The log of an epoch after a rule, at most `most` rules, without a head. `None`: of another epoch, or so old
/// that only a snapshot has it.
pub async fn page(_issuer: &Issuer, _epoch: u64, _after: u64, _most: usize) -> Result<Option<Page>> {
    Ok(None)
}

/// A full block, as bytes of a page. `None`: not full yet, of another epoch, or gone.
pub async fn block(_issuer: &Issuer, _epoch: u64, _block: u64) -> Result<Option<Arc<[u8]>>> {
    Ok(None)
}

/// A snapshot.
pub async fn snapshot(_issuer: &Issuer, _epoch: u64, _seq: u64) -> Result<Option<Arc<[u8]>>> {
    Ok(None)
}

/// Takes an acknowledgement of a verifier that authenticated as this client; kept in memory, and written by
/// the next turn, at most once a second.
pub fn acknowledge(_issuer: &Issuer, _client: &crate::model::ClientId, _ack: Ack) -> Result<()> {
    Ok(())
}
