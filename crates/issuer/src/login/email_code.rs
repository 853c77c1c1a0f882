//! The e-mail code factor: six digits to the account's address.

use super::{Caller, Look, Proof, Purpose};
use crate::Issuer;
use crate::error::Result;
use crate::model::{Account, Secret};

/// First step: sends a code to the address typed, whose account is known or not: the same answer, the same
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

/// A further step: sends a code to the account's address.
#[expect(clippy::todo, unused_variables, reason = "skeleton")]
pub async fn send(
    issuer: &Issuer,
    account: &Account,
    purpose: Purpose,
    flow: &str,
    look: &Look,
    caller: &Caller,
) -> Result<()> {
    todo!()
}

/// Checks a code, also one that came beside a link. `flow`: which asked; `None`: the newest that did.
/// `invalid_code`: wrong; `code_expired`: none waits, known address or not.
#[expect(clippy::todo, unused_variables, reason = "skeleton")]
pub async fn prove(
    issuer: &Issuer,
    address: &str,
    code: &Secret,
    purpose: Purpose,
    flow: Option<&str>,
    caller: &Caller,
) -> Result<Proof> {
    todo!()
}
