//! The checks of one token, in the order that decides.
//!
//! 1. Signature and everything the token says of itself: algorithm of the key, `typ`, `iss`, `aud`, then
//!    `exp` and `nbf` at the moment of the request (one call into the engine).
//! 2. Staleness: how old the verifier's knowledge of revocations is, against the bound of the route.
//! 3. Key live: the key that verified is still among the issuer's keys. A fetch may have ended while the
//!    token was being judged, and a withdrawn key ends its tokens at once.
//! 4. Rules: revocations by issuer, key, client, subject, session and token, each of which can only refuse.
//! 5. Proof of possession, where the token is bound ([`crate::ProofCheck`]).
//! 6. What the route asks for ([`crate::Guard`]): scopes, roles, how and when the person signed in.
//!
//! The cache of verified tokens answers for step 1's signature and static claims only. `exp` is judged again
//! on every hit, `nbf` and `iat` too as soon as the clock was set back, and steps 2 to 6 are the same for a
//! token seen a moment ago. Whatever a hit does not settle goes the long way, so both give the same answers.

use crate::bearer;
use crate::cache::Entry;
use crate::feed::{Age, Look, Named};
use crate::identity::Identity;
use crate::introspect;
use crate::keys::{Snapshot, Source};
use crate::proof::Scheme;
use crate::refusal::{Refusal, Revocation};
use crate::staleness::{OnStale, Terms};
use crate::verifier::Inner;
use countersign_token::{AccessToken, Timestamp, Verified, VerifyError, verify};
use http::request::Parts;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// What the engine says when no key of the set fits the token.
const UNKNOWN_KEY: &str = "unknown_key";

/// When a client that met a stale verifier may come again.
const STALE_RETRY: Duration = Duration::from_secs(2);

/// The clocks, read once for one request.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) now: Timestamp,
    pub(crate) elapsed: Duration,
}

/// The outcome of step 2.
enum Standing {
    Good,
    Refused(Refusal),
    /// The feed is stale, and the route wants the issuer to be asked.
    Ask,
}

impl Inner {
    pub(crate) fn moment(&self) -> Moment {
        Moment { now: self.clock.now(), elapsed: self.clock.elapsed() }
    }

    /// Every step for the credentials of a request, but what a guard asks for.
    pub(crate) async fn request(&self, request: &Parts, terms: Terms) -> Result<Identity, Refusal> {
        let proofs = self.proof.as_deref();
        let credentials = bearer::credentials(&request.headers, &request.uri, proofs.is_some())?;
        let identity = self.token(credentials.token, terms).await?;
        let Some(hook) = proofs else { return unbound(identity) };
        if identity.confirmation().is_some() || credentials.scheme == Scheme::Dpop {
            let outcome = hook.check(request, credentials.scheme, credentials.token, &identity).await;
            let algorithms = || hook.algorithms().to_owned();
            outcome.map_err(|error| Refusal::Proof { error, algorithms: algorithms() })?;
        }
        Ok(identity)
    }

    /// Every step for a token that came without a request: one that is bound is refused.
    pub(crate) async fn bare(&self, token: &str, terms: Terms) -> Result<Identity, Refusal> {
        unbound(self.token(token, terms).await?)
    }

    /// Steps 1 to 4 for a token in the cache, without waiting and without taking a count of the identity.
    /// `None`: only the long way can tell.
    pub(crate) fn hit<R>(
        &self,
        token: &str,
        terms: Terms,
        generation: u64,
        at: Moment,
        with: impl FnOnce(&Identity) -> R,
    ) -> Option<Result<R, Refusal>> {
        let look = self.feed.look();
        let settle = |entry: &Entry| {
            let live = entry.generation == generation
                && entry.verified <= at.now
                && at.now < entry.expires + self.leeway;
            if !live {
                return None;
            }
            let identity = entry.identity();
            match self.standing(&look, identity, terms, at) {
                Standing::Good => {}
                Standing::Refused(refusal) => return Some(Err(refusal)),
                Standing::Ask => return None,
            }
            // After the age: a feed that it vouches for wants names that are not there.
            if !look.speaks(&entry.names) {
                return None;
            }
            // The key is live: it is one of this generation.
            // Covered by none before, and no rule was added since: covered by none now.
            let mark = look.mark();
            if entry.clean.load(Ordering::Relaxed) != mark {
                if let Some(rule) = look.covering(&entry.names, identity) {
                    return Some(Err(Refusal::Revoked(rule)));
                }
                entry.clean.store(mark, Ordering::Relaxed);
            }
            Some(Ok(with(identity)))
        };
        self.cache.with(token, settle).flatten()
    }

    /// Steps 1 to 4.
    async fn token(&self, token: &str, terms: Terms) -> Result<Identity, Refusal> {
        let at = self.moment();
        if let Some(generation) = self.source.fresh(at.elapsed)
            && let Some(outcome) = self.hit(token, terms, generation, at, Identity::clone)
        {
            return outcome;
        }
        let keys = self.source.current().await?;
        self.feed.ready(&self.source).await;
        let at = self.moment();
        if let Some(outcome) = self.hit(token, terms, keys.generation, at, Identity::clone) {
            return outcome;
        }
        let (verified, keys, judged_at) = self.signed(token, keys).await?;
        let identity = Identity::new(verified.claims, verified.kid);
        let keep = |names| {
            self.cache.keep(Entry::new(token, keys.generation, judged_at, &identity, names), judged_at);
        };
        let at = self.moment();
        if self.settled(&identity, terms, at, keep)? {
            return Ok(identity);
        }
        self.ask(token, at).await?;
        Ok(identity)
    }

    /// Steps 2 to 4; the token goes into the cache whatever comes of them. `false`: all is well, but the
    /// issuer is to be asked.
    fn settled(
        &self,
        identity: &Identity,
        terms: Terms,
        at: Moment,
        keep: impl FnOnce(Named),
    ) -> Result<bool, Refusal> {
        let look = self.feed.look();
        let standing = self.standing(&look, identity, terms, at);
        // After the age: what that vouches for can be asked with these names.
        let names = look.names(identity);
        keep(names);
        if let Standing::Refused(refusal) = standing {
            return Err(refusal);
        }
        key_live(&self.source, identity.kid())?;
        match look.covering(&names, identity) {
            Some(rule) => Err(Refusal::Revoked(rule)),
            None => Ok(matches!(standing, Standing::Good)),
        }
    }

    async fn signed(
        &self,
        token: &str,
        keys: Arc<Snapshot>,
    ) -> Result<(Verified<AccessToken>, Arc<Snapshot>, Timestamp), Refusal> {
        let now = self.clock.now();
        let unknown = match verify(token, &keys.keys, &self.policy, now) {
            Err(error) if error.code == UNKNOWN_KEY => error,
            outcome => return Ok((outcome?, keys, now)),
        };
        match self.source.newer_than(&keys).await {
            Some(newer) => {
                let now = self.clock.now();
                Ok((verify(token, &newer.keys, &self.policy, now)?, newer, now))
            }
            None => Err(unknown.into()),
        }
    }

    /// Step 2.
    fn standing(&self, look: &Look<'_>, identity: &Identity, terms: Terms, at: Moment) -> Standing {
        let terms = terms.or(self.terms);
        let age = match look.age(at) {
            Age::NotFollowed => return Standing::Good,
            Age::Known { age, hard } if age <= terms.hard.unwrap_or(hard) => return Standing::Good,
            Age::Known { age, .. } => Some(age),
            Age::Unknown => None,
        };
        let issued = Timestamp::from_seconds(identity.claims().iat);
        match terms.on_stale.unwrap_or_default() {
            OnStale::Open { younger_than } if at.now < issued + younger_than => Standing::Good,
            OnStale::Introspect => Standing::Ask,
            _ => Standing::Refused(Refusal::Stale { retry_after: STALE_RETRY, age }),
        }
    }

    async fn ask(&self, token: &str, at: Moment) -> Result<(), Refusal> {
        match introspect::active(self, token).await {
            Some(true) => Ok(()),
            Some(false) => Err(Refusal::Revoked(Revocation::introspected())),
            None => Err(Refusal::Stale { retry_after: STALE_RETRY, age: self.feed.look().age(at).known() }),
        }
    }
}

/// RFC 9449 7.1, RFC 8705 3: a bound token without its proof is no credential.
fn unbound(identity: Identity) -> Result<Identity, Refusal> {
    if identity.confirmation().is_none() {
        return Ok(identity);
    }
    let detail = "the token is bound to a key, and no proof is checked here".to_owned();
    Err(VerifyError { code: "proof_required", claim: Some("cnf"), detail }.into())
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
