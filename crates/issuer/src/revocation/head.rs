//! Heads: made from a state of the store and its clock, signed with the feed key.

use crate::Issuer;
use crate::error::{Failure, Result, Unavailable};
use crate::port::feed::FeedState;
use countersign_feed::head::SnapRef;
use countersign_feed::{Chain, Head};
use countersign_token::Timestamp;
use std::time::Duration;

/// Heads come this often.
pub(super) const HEARTBEAT: Duration = Duration::from_millis(500);
/// How long a head is believed: long enough for a verifier whose clock is off by minutes, short enough that one
/// from last week proves nothing.
const LIFE: Duration = Duration::from_secs(3600);

/// Says that the rules of `state` are all there were at `as_of`.
pub(super) fn make(issuer: &Issuer, state: &FeedState, as_of: Timestamp) -> Head {
    let settings = &issuer.settings;
    let at = state.at;
    Head {
        iss: settings.issuer.clone(),
        aud: Head::audience(&settings.issuer),
        feed: state.id,
        epoch: at.epoch,
        seq: at.seq,
        as_of: as_of.millis(),
        chain: at.chain,
        snap: state.snapshot.map(|(seq, sha256)| SnapRef {
            seq,
            url: settings.url(&format!("/rev/snap/{}/{seq}", at.epoch)),
            sha256,
        }),
        salt: state.salt,
        hb_ms: u64::try_from(HEARTBEAT.as_millis()).unwrap_or(u64::MAX),
        policy: settings.staleness,
        jwks: Some(Chain(crate::model::Digest::of(&issuer.keys.jwks().body).0)),
        next_key: issuer.keys.feed().next.as_ref().map(|key| key.kid().to_owned()),
        exp: (as_of + LIFE).seconds(),
    }
}

/// Whether `next` says something that `last` did not, besides the time.
pub(super) fn is_news(last: &Head, next: &Head) -> bool {
    Head { as_of: next.as_of, exp: next.exp, ..last.clone() } != *next
}

/// Signs it.
pub(super) fn sign(issuer: &Issuer, head: &Head) -> Result<String> {
    let keys = issuer.keys.feed();
    let Some(key) = &keys.signing else {
        return Err(Failure::Unavailable(Unavailable {
            what: "the revocation feed",
            detail: "no active feed key".to_owned(),
            retry_after: Duration::from_secs(1),
        }));
    };
    head.sign(key).map_err(|e| Failure::Bug(format!("a head was not signed: {e}")))
}
