//! The password factor. Known user or not: one load, one hash job, the same answer.

use super::{Caller, Proof, Purpose};
use crate::Issuer;
use crate::error::Result;
use crate::model::Secret;

/// Checks a password. `invalid_credentials` for an unknown user, a wrong password, a disabled account and
/// an account without one, all alike; `too_many_attempts` with `retry_after`; unavailable when the hash
/// queue is over its deadline. Renews the stored hash when its parameters are older than today's.
pub async fn prove(
    _issuer: &Issuer,
    _login: &str,
    _password: Secret,
    _purpose: Purpose,
    _flow: &str,
    _caller: &Caller,
) -> Result<Proof> {
    todo!()
}

/// Checks a new password: 8 to 1,024 bytes, no control characters, zxcvbn score, not the address. Then hashes it.
pub async fn prepare(_issuer: &Issuer, _password: Secret, _about: &[&str]) -> Result<Secret> {
    todo!()
}
