//! "Which devices know me", and forgetting them: a device forgotten has no tries of its own any more when others
//! guess at the password, is asked for the second factor again, and its next sign-in is told as a new one.

use super::by;
use crate::Issuer;
use crate::error::{Code, Result, rejected};
use crate::login::Caller;
use crate::model::{Digest, EventKind};
use crate::port::account::KnownDevice;
use crate::port::browser_session::LiveBrowser;
use countersign_token::base64url;

/// A device that signed the person in before.
#[derive(Debug)]
pub struct Entry {
    /// What it is forgotten by; opens nothing.
    pub id: String,
    /// As it is remembered.
    pub known: KnownDevice,
    /// Is it the one asking?
    pub current: bool,
}

/// The person's, the one used last first.
pub async fn list(issuer: &Issuer, me: &LiveBrowser, caller: &Caller) -> Result<Vec<Entry>> {
    let user = &me.subject.user.id;
    let here = caller.devices.of(user).map(Digest::of);
    let entry = |known: KnownDevice| Entry {
        id: base64url::encode(known.digest.0),
        current: here.as_ref().is_some_and(|here| here.matches(&known.digest)),
        known,
    };
    Ok(issuer.store.list_devices(user).await?.into_iter().map(entry).collect())
}

/// Forgets one. `not_found`: there is none of that id that is theirs.
pub async fn forget(issuer: &Issuer, me: &LiveBrowser, id: &str, caller: &Caller) -> Result<()> {
    let digest = base64url::decode(id).and_then(|bytes| bytes.try_into().ok()).map(Digest);
    let gone = || rejected(Code::NotFound, "This device was forgotten already.");
    match forgotten(issuer, me, Some(&digest.ok_or_else(gone)?), caller).await? {
        0 => Err(gone()),
        _ => Ok(()),
    }
}

/// Forgets all, the one asking too.
pub async fn forget_all(issuer: &Issuer, me: &LiveBrowser, caller: &Caller) -> Result<()> {
    forgotten(issuer, me, None, caller).await.map(drop)
}

async fn forgotten(issuer: &Issuer, me: &LiveBrowser, only: Option<&Digest>, caller: &Caller) -> Result<u64> {
    let user = &me.subject.user;
    let event = by(user, EventKind::DeviceForgotten, caller).with("all", only.is_none());
    Ok(issuer.store.forget_devices(&user.id, only, event).await?)
}
