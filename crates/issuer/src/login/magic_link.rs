//! The magic link factor: a link, with a code beside it, to the account's address. Showing what a link is
//! about changes nothing; using it does, once, and only in the flow that asked.

use super::{Caller, Look, Proof, Purpose};
use crate::Issuer;
use crate::error::Result;
use crate::model::{AskedFrom, Secret};

/// How it stands with a link.
#[derive(Clone, Debug)]
pub enum LinkState {
    /// It waits; the code beside it, to be typed where it was asked for.
    Waits(Secret),
    /// It was used.
    Used,
    /// It is too old, a newer one was asked for, or it was voided.
    Ended,
}

/// What a page about a link shows.
#[derive(Clone, Debug)]
pub struct LinkView {
    /// What it is good for.
    pub purpose: Purpose,
    /// How it stands.
    pub state: LinkState,
    /// Where it was asked for.
    pub asked_from: AskedFrom,
    /// When, store time.
    pub asked_at: countersign_token::Timestamp,
    /// The address it went to.
    pub to: String,
    flow: crate::model::Digest,
}

impl LinkView {
    /// Did this flow ask for it?
    pub fn asked_by(&self, flow: &str) -> bool {
        self.flow.matches(&crate::model::Digest::of(flow))
    }
}

/// First step: sends a link to the address typed, whose account is known or not: the same answer, the same
/// work, one mail either way.
#[expect(clippy::todo, unused_variables, reason = "skeleton")]
pub async fn request(
    issuer: &Issuer,
    address: &str,
    purpose: Purpose,
    flow: &str,
    look: &Look,
    caller: &Caller,
) -> Result<()> {
    todo!()
}

/// What a link is about; changes nothing. `None`: there is no such link, or it ended more than an hour ago.
#[expect(clippy::todo, unused_variables, reason = "skeleton")]
pub async fn view(issuer: &Issuer, token: &str) -> Result<Option<LinkView>> {
    todo!()
}

/// Uses a link, for the flow that asked for it. `purpose`: where it is used; the browser page also takes what
/// the direct API asked for in the same browser. `code_expired`: used, too old, void, unknown;
/// `invalid_code`: asked for elsewhere.
#[expect(clippy::todo, unused_variables, reason = "skeleton")]
pub async fn prove(
    issuer: &Issuer,
    token: &str,
    purpose: Purpose,
    flow: &str,
    caller: &Caller,
) -> Result<Proof> {
    todo!()
}

/// Voids what a link names ("not you?"). `false`: nothing waited.
#[expect(clippy::todo, unused_variables, reason = "skeleton")]
pub async fn void(issuer: &Issuer, token: &str, caller: &Caller) -> Result<bool> {
    todo!()
}
