//! The checks of one token, in the order that decides.
//!
//! 1. Signature and everything the token says of itself: algorithm of the key, `typ`, `iss`, `aud`, then
//!    `exp` and `nbf` at the moment of the request (one call into the engine).
//! 2. Staleness: how old the verifier's knowledge of revocations is. It has no such knowledge yet, so
//!    nothing can be stale; the step belongs here, after the times and before anything it would decide.
//! 3. Key live: the key that verified is still among the issuer's keys. A fetch may have ended while the
//!    token was being judged, and a withdrawn key ends its tokens at once.
//! 4. Rules: revocations by issuer, client, subject, session and token, each of which can only refuse.
//! 5. What the route asks for ([`crate::Guard`]): scopes, then roles.
//!
//! A cache of verified tokens may answer for step 1's signature and static claims only; the times and
//! steps 2 to 5 are judged on every request, also for a token seen a moment ago.

use crate::identity::Identity;
use crate::keys::{Snapshot, Source};
use crate::refusal::Refusal;
use crate::verifier::Inner;
use countersign_token::{AccessToken, Verified, VerifyError, verify};

/// What the engine says when no key of the set fits the token.
const UNKNOWN_KEY: &str = "unknown_key";

/// Steps 1 to 4.
pub(crate) async fn token(verifier: &Inner, token: &str) -> Result<Identity, Refusal> {
    let verified = signed(verifier, token).await?;
    key_live(&verifier.source, verified.kid.as_deref())?;
    Ok(Identity::new(verified.claims, verified.kid))
}

async fn signed(verifier: &Inner, token: &str) -> Result<Verified<AccessToken>, Refusal> {
    let judge = |keys: &Snapshot| verify(token, &keys.keys, &verifier.policy, verifier.clock.now());
    let keys = verifier.source.current().await?;
    let unknown = match judge(&keys) {
        Err(error) if error.code == UNKNOWN_KEY => error,
        outcome => return Ok(outcome?),
    };
    match verifier.source.newer_than(&keys).await {
        Some(newer) => Ok(judge(&newer)?),
        None => Err(unknown.into()),
    }
}

fn key_live(source: &Source, kid: Option<&str>) -> Result<(), VerifyError> {
    let Some(kid) = kid else { return Ok(()) };
    if source.in_force().is_some_and(|now| now.keys.get(kid).is_some()) {
        return Ok(());
    }
    Err(VerifyError {
        code: UNKNOWN_KEY,
        claim: Some("kid"),
        detail: "the key was withdrawn by the issuer".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_token::{Algorithm, KeySet, SigningKey};

    #[test]
    fn a_key_withdrawn_while_its_token_was_judged_counts_no_more() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let held = Source::fixed(KeySet::new([key.verifying_key().unwrap()]));
        let emptied = Source::fixed(KeySet::default());
        key_live(&held, Some(key.kid())).unwrap();
        assert_eq!(key_live(&emptied, Some(key.kid())).unwrap_err().code, UNKNOWN_KEY);
        key_live(&emptied, None).unwrap(); // a shared secret without a name
    }
}
