//! Deleting one's own account: at once and for good. Every session ends, every token is revoked, and what
//! hangs on the account goes with its row. The log keeps the id, which names nobody any more.

use super::{by, load};
use crate::error::{Reason, Rejected, Result};
use crate::login::Caller;
use crate::model::EventKind;
use crate::model::message::Noticed;
use crate::port::browser_session::LiveBrowser;
use crate::{Issuer, outbox, revocation};

/// Deletes, when the person typed their own address. That they have just proven who they are is for the
/// caller to see to. `invalid_request`: something else was typed.
pub async fn delete(issuer: &Issuer, me: &LiveBrowser, typed: &str, caller: &Caller) -> Result<()> {
    let account = load(issuer, me).await?;
    let user = &account.it.subject.user;
    if typed.trim().to_lowercase() != user.email.to_lowercase() {
        return Err(Rejected::of(Reason::Mismatch, "Type the e-mail address of this account.").into());
    }
    let from = Some(caller.asked_from());
    let told = outbox::notice(issuer, user, Noticed::AccountDeleted, account.now, from, None).await?;
    let event = by(user, EventKind::UserRemoved, caller).telling(told);
    let until = issuer.longest_token_life().await?;
    let rules = issuer.store.remove_user(&user.id, until, event).await?;
    // Somebody was first: it is as the person wants it.
    revocation::enforce(issuer, &rules.unwrap_or_default()).await?;
    issuer.directory.follow().await.map(drop)
}
