//! The SMS code factor: six digits to the account's confirmed number.

use super::{Caller, Look, Proof, Purpose};
use crate::Issuer;
use crate::error::Result;
use crate::model::{Account, Secret};

/// Sends a code to the account's number.
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

/// Checks a code sent in this flow. `invalid_code`: wrong; `code_expired`: none waits.
#[expect(clippy::todo, unused_variables, reason = "skeleton")]
pub async fn prove(
    issuer: &Issuer,
    account: &Account,
    code: &Secret,
    purpose: Purpose,
    flow: &str,
    caller: &Caller,
) -> Result<Proof> {
    todo!()
}
