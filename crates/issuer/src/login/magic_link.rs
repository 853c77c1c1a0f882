//! The magic link factor: a link, with a code beside it, to the account's address. Showing what a link is
//! about changes nothing; using it does, once, and only in the flow that asked.

pub use super::challenge::{LinkState, LinkView, view, void};

use super::challenge::{self, Answered, Says};
use super::email_code::{self, FirstStep};
use super::{Caller, Look, Proof, Purpose};
use crate::Issuer;
use crate::error::{Failure, Result};
use crate::model::Factor;
use crate::model::message::About;

/// First step: sends a link to the address typed, whose account is known or not: the same answer, the same
/// work, one mail either way. Refuses as [`email_code::request`] does.
pub async fn request(
    issuer: &Issuer,
    address: &str,
    purpose: Purpose,
    flow: &str,
    look: &Look,
    caller: &Caller,
) -> Result<()> {
    ask(issuer, FirstStep { address, purpose, flow, then: None, look, caller }).await
}

/// As [`request`].
pub async fn ask(issuer: &Issuer, step: FirstStep<'_>) -> Result<()> {
    email_code::first_step(issuer, Factor::MagicLink, Says::Link(About::SignInLink), step).await
}

/// Uses a link, in the flow that asked for it. `purpose`: where it is used; the browser's page also takes
/// what the direct API asked for in the same browser. Refuses as [`challenge::open`] does.
pub async fn prove(
    issuer: &Issuer,
    token: &str,
    purpose: Purpose,
    flow: &str,
    caller: &Caller,
) -> Result<Proof> {
    take(issuer, token, purpose, flow, caller).await.map(|(proof, _)| proof)
}

/// As [`prove`], with where the sign-in leads ([`FirstStep::then`]).
pub async fn take(
    issuer: &Issuer,
    token: &str,
    purpose: Purpose,
    flow: &str,
    caller: &Caller,
) -> Result<(Proof, Option<String>)> {
    let purposes: &[Purpose] = match purpose {
        Purpose::Browser => &[Purpose::Browser, Purpose::Direct, Purpose::DirectFlow],
        Purpose::Direct => &[Purpose::Direct],
        Purpose::DirectFlow => &[Purpose::DirectFlow],
        _ => &[],
    };
    let opened = challenge::open(issuer, token, purposes, flow, caller).await?;
    let account = opened.account.ok_or_else(|| Failure::Bug("a sign-in link without a person".into()))?;
    let subject = challenge::claim(issuer, account, caller).await?;
    let Answered { challenge, payload, now } = opened.answered;
    let then = payload.map(|p| String::from_utf8_lossy(&p).into_owned());
    Ok((Proof::new(challenge.factor, subject, purpose, flow, now), then))
}
