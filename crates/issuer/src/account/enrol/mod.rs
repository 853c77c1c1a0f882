//! Setting up and removing what one proves oneself by, one file a factor. That the person has just proven who
//! they are is for the caller to see to.

pub mod recovery_code;
pub mod totp;

use crate::error::Result;
use crate::login::Caller;
use crate::model::message::Noticed;
use crate::model::{Actor, BrowserSessionId, EventDraft, EventKind, User};
use crate::port::CredentialChange;
use crate::{Issuer, outbox};

/// A change the person makes to their credentials, decided by `me` as it was read, with the notice that goes
/// with it. `keep`: the browser it is made in; every other session ends.
pub(crate) async fn change(
    issuer: &Issuer,
    me: &User,
    (kind, what): (EventKind, Noticed),
    keep: Option<&BrowserSessionId>,
    caller: &Caller,
) -> Result<CredentialChange> {
    let now = issuer.store.cached_now();
    let notice = outbox::notice(issuer, me, what, now, Some(caller.asked_from()), None).await?;
    let event = EventDraft::new(kind, Actor::User(me.id.clone()))
        .user(&me.id)
        .with("ip", caller.ip.to_string())
        .telling(notice);
    let until = issuer.longest_token_life().await?;
    let version = Some(me.credential_version);
    Ok(CredentialChange { user: me.id.clone(), version, keep: keep.cloned(), until, event })
}
