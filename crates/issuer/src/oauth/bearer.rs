//! An access token of this issuer shown to this issuer (userinfo, introspection, direct API, account API).
//! Repeated tokens cost a digest and a look-up: the cache holds "signature and static claims good" only;
//! times and revocation are checked each time.

use crate::Issuer;
use crate::error::{Code, Failure, Rejected, Result};
use crate::model::{Digest, Resource};
use crate::port::At;
use crate::revocation::Facts;
use countersign_token::{AccessToken, Algorithm, KeySet, Policy, Timestamp, TokenType, dangerous, verify};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// Algorithms of access tokens that any issuer endpoint takes. HMAC is not among them: its secret is
/// shared with a resource, which could mint for others.
pub(crate) const ASYMMETRIC: &[Algorithm] = Algorithm::ASYMMETRIC;
/// How far the store's clock as last known here may be behind the one that gave `iat`. Expiry is judged
/// without it.
const CLOCK: Duration = Duration::from_secs(2);
const SYMMETRIC: &[Algorithm] = &[Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512];

/// Tokens whose signature was found good. Bounded; void when the key set's version moves.
#[derive(Default)]
pub struct VerifiedCache {
    held: RwLock<Held>,
}

/// Two generations: when the younger is full it becomes the older, and the older is dropped whole.
#[derive(Default)]
struct Held {
    version: i64,
    young: HashMap<[u8; 32], Active>,
    old: HashMap<[u8; 32], Active>,
}

impl VerifiedCache {
    /// Most tokens in one generation; about 1 KB each.
    const GENERATION: usize = 4_096;

    fn get(&self, version: i64, name: &Digest) -> Option<Active> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        if held.version != version {
            return None;
        }
        held.young.get(&name.0).or_else(|| held.old.get(&name.0)).cloned()
    }

    fn put(&self, version: i64, name: &Digest, active: Active) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if held.version > version {
            return; // verified under keys that have been replaced since
        }
        if held.version < version {
            *held = Held { version, ..Held::default() };
        }
        if held.young.len() >= Self::GENERATION {
            held.old = std::mem::take(&mut held.young);
        }
        held.young.insert(name.0, active);
    }
}

/// A token that is good now.
#[derive(Clone, Debug)]
pub struct Active {
    /// Claims.
    pub claims: Arc<AccessToken>,
    /// Key.
    pub kid: Arc<str>,
}

/// Verifies an `at+jwt` of this issuer under a published asymmetric key, whatever its audience, and asks
/// the revocation rules. `invalid_token` otherwise.
pub async fn access_token(issuer: &Issuer, token: &str) -> Result<At<Active>> {
    let now = issuer.store.cached_now();
    let version = issuer.keys.version();
    // The whole token is the name (its digest): two tokens never share an entry.
    let name = Digest::of(token);
    let active = match issuer.verified.get(version, &name) {
        Some(active) => active,
        None => {
            let policy = Policy::issuer(issuer.settings.issuer.as_str())
                .any_audience()
                .token_type(TokenType::Access)
                .algorithms(ASYMMETRIC)
                .leeway(CLOCK);
            let active = judge(token, &issuer.keys.verifying(), &policy, now)?;
            issuer.verified.put(version, &name, active.clone());
            active
        }
    };
    standing(issuer, &active, now).await?;
    Ok(At { now, it: active })
}

/// As [`access_token`], for introspection and revocation: also a token under a resource's own secret, for
/// exactly that resource.
pub(crate) async fn access_token_of_any_resource(issuer: &Issuer, token: &str) -> Result<At<Active>> {
    let refused = match access_token(issuer, token).await {
        Err(Failure::Rejected(refused)) => refused,
        other => return other,
    };
    let Some(resource) = symmetric_resource(issuer, token).await? else { return Err(refused.into()) };
    let key = crate::keys::resource_secret(issuer, &resource)?.ok_or_else(|| invalid("no such key"))?;
    let key = key.verifying_key().map_err(|e| Failure::Bug(e.to_string()))?;
    let now = issuer.store.cached_now();
    let policy = Policy::issuer(issuer.settings.issuer.as_str())
        .audience([resource.resource.as_str()])
        .token_type(TokenType::Access)
        .algorithms(SYMMETRIC)
        .leeway(CLOCK);
    let active = judge(token, &KeySet::new([key]), &policy, now)?;
    if active.claims.aud.0.len() != 1 {
        return Err(invalid("a token under a resource's secret names that resource alone").into());
    }
    standing(issuer, &active, now).await?;
    Ok(At { now, it: active })
}

/// The resource whose secret a token claims to be made with. Nothing is believed of it yet.
async fn symmetric_resource(issuer: &Issuer, token: &str) -> Result<Option<Arc<Resource>>> {
    let Ok((header, claims)) = dangerous::decode(token) else { return Ok(None) };
    let named = header.get("alg").and_then(|a| a.as_str()).and_then(Algorithm::parse);
    if !named.is_some_and(Algorithm::is_symmetric) {
        return Ok(None);
    }
    let Some(audience) = claims.get("aud").and_then(|a| a.as_str()) else { return Ok(None) };
    Ok(issuer.directory.resources().await?.get(audience).cloned())
}

fn judge(token: &str, keys: &KeySet, policy: &Policy, now: Timestamp) -> Result<Active, Rejected> {
    let good = verify::<AccessToken>(token, keys, policy, now).map_err(|e| invalid(e.to_string()))?;
    Ok(Active { claims: Arc::new(good.claims), kid: good.kid.unwrap_or_default().into() })
}

/// What may change after the signature was found good. Rules that cannot be known to be recent are no reason
/// to let anybody in: the store is asked, and when it does not answer, neither is the caller.
async fn standing(issuer: &Issuer, active: &Active, now: Timestamp) -> Result<()> {
    let claims = &*active.claims;
    if claims.exp <= now.seconds() {
        return Err(invalid("expired").into());
    }
    let facts = Facts {
        kid: &active.kid,
        iat: claims.iat,
        client: &claims.client_id,
        sub: &claims.sub,
        sid: claims.sid.as_deref(),
        jti: &claims.jti,
    };
    match issuer.directory.recent_rules().await?.covers(&facts) {
        Some(kind) => Err(invalid(format!("revoked by {}", kind.name())).into()),
        None => Ok(()),
    }
}

/// All look the same from outside (RFC 6750 3.1).
fn invalid(private: impl Into<String>) -> Rejected {
    Rejected::new(Code::InvalidToken, "the access token is malformed, expired, revoked or not of this issuer")
        .because(private)
}

/// The token of an `Authorization: Bearer` header (RFC 6750 2.1); `None`: no such header.
pub fn from_header(authorization: Option<&str>) -> Result<Option<&str>> {
    let Some(header) = authorization else { return Ok(None) };
    let Some((scheme, token)) = header.split_once(' ') else { return Ok(None) };
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Ok(None);
    }
    let token = token.trim_matches(' ');
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
    if token.is_empty() || !token.bytes().all(fits) {
        return Err(Rejected::new(Code::InvalidRequest, "the Authorization header is malformed").into());
    }
    Ok(Some(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bearer_headers() {
        assert_eq!(from_header(None).unwrap(), None);
        assert_eq!(from_header(Some("Basic YTpi")).unwrap(), None);
        assert_eq!(from_header(Some("bearer  a.b-c_d~+/=")).unwrap(), Some("a.b-c_d~+/="));
        for bad in ["Bearer ", "Bearer a b", "Bearer a\"", "Bearer \u{e9}"] {
            assert!(from_header(Some(bad)).is_err(), "{bad}");
        }
    }

    fn active(sub: &str) -> Active {
        let claims = AccessToken { sub: sub.to_owned(), ..AccessToken::default() };
        Active { claims: Arc::new(claims), kid: "k".into() }
    }

    #[test]
    fn cached_tokens_go_with_the_keys_and_stay_bounded() {
        let cache = VerifiedCache::default();
        let name = Digest::of("first");
        cache.put(1, &name, active("ada"));
        assert_eq!(cache.get(1, &name).unwrap().claims.sub, "ada");
        assert!(cache.get(1, &Digest::of("second")).is_none());
        assert!(cache.get(2, &name).is_none(), "the keys moved");
        cache.put(2, &Digest::of("second"), active("bob"));
        cache.put(1, &name, active("ada"));
        assert!(cache.get(2, &name).is_none(), "found good under keys that are gone");
        for n in 0..3 * VerifiedCache::GENERATION {
            cache.put(2, &Digest::of(n.to_string()), active("x"));
        }
        let held = cache.held.read().unwrap();
        assert!(held.young.len() + held.old.len() <= 2 * VerifiedCache::GENERATION);
        assert!(!held.old.is_empty());
    }
}
