//! Who is the client? Shared by every endpoint that asks (RFC 6749 2.3).

use super::client_throttle::{CLIENT_SECRET, Judged};
use super::params::{Params, decode};
use crate::Issuer;
use crate::error::{Code, Failure, Rejected, Result, rejected};
use crate::model::client::ClientAuthMethod;
use crate::model::{Actor, Client, ClientId, Digest, EventDraft, EventKind, Secret};
use std::net::IpAddr;
use std::sync::Arc;

/// What a request shows of its client.
struct Shown {
    method: ClientAuthMethod,
    id: String,
    /// The secret; a second reading of it when the first was not form encoded, as RFC 6749 2.3.1 asks and
    /// many clients forget.
    secrets: Vec<Secret>,
}

/// The authenticated client. Public clients are identified by `client_id` alone.
/// `invalid_client` for a wrong secret, a missing one, an unknown client, or another method than the
/// registered one; all look the same. `invalid_request` for two methods at once (RFC 6749 5.2).
/// `too_many_attempts` for who guesses secrets; `ip` is the address the request came from.
pub async fn authenticate(
    issuer: &Issuer,
    authorization: Option<&str>,
    params: &Params,
    ip: IpAddr,
) -> Result<Arc<Client>> {
    let shown = shown(authorization, params)?;
    let id = ClientId::parse(&shown.id);
    let client = match &id {
        Some(id) => find(issuer, id).await?,
        None => None,
    };
    // The keyed digests are made whether or not there is such a client: an unknown one costs the same.
    let digests: Vec<Digest> =
        shown.secrets.iter().map(|s| issuer.sealer.client_secret(&shown.id, s)).collect();
    if digests.is_empty() {
        return decide(client, shown.method, &digests);
    }
    let known = client.as_ref().map(|client| client.id.clone());
    let mut decided = Err(refused());
    let judge = || {
        decided = decide(client, shown.method, &digests);
        decided.is_ok()
    };
    let mark = issuer.sealer.mark("client", &shown.id);
    if issuer.secrets.judge(mark, ip, &digests, issuer.store.cached_now(), judge)? == Judged::Wrong {
        let mut event = EventDraft::new(EventKind::ClientAuthFailed, Actor::Anonymous)
            .with("factor", CLIENT_SECRET)
            .with("ip", ip.to_string());
        event.client = known;
        if let Err(e) = issuer.store.note(event).await {
            tracing::warn!(error = %e, "a failed sign-in of a client could not be written to the log");
        }
    }
    decided
}

/// A registered client, or the built-in one of the direct API.
pub(crate) async fn find(issuer: &Issuer, id: &ClientId) -> Result<Option<Arc<Client>>> {
    match issuer.directory.client(id).await? {
        Some(client) => Ok(Some(client)),
        None => Ok(crate::direct::built_in(&issuer.settings, id)),
    }
}

/// Is this one of the client's secrets? The same work whatever the answer.
pub(crate) fn secret_matches(client: Option<&Client>, digests: &[Digest]) -> bool {
    const NOBODY: &[Digest] = &[Digest([0; 32])];
    let kept = client.map(|c| c.secrets.as_slice()).filter(|s| !s.is_empty());
    let known = kept.is_some();
    let mut good = false;
    for kept in kept.unwrap_or(NOBODY) {
        for shown in digests {
            good |= kept.matches(shown);
        }
    }
    good && known
}

fn decide(client: Option<Arc<Client>>, method: ClientAuthMethod, digests: &[Digest]) -> Result<Arc<Client>> {
    let good = method == ClientAuthMethod::None || secret_matches(client.as_deref(), digests);
    match client {
        Some(client) if good && client.metadata.token_endpoint_auth_method == method => Ok(client),
        _ => Err(refused()),
    }
}

fn refused() -> Failure {
    rejected(Code::InvalidClient, "client authentication failed")
}

fn shown(authorization: Option<&str>, params: &Params) -> Result<Shown> {
    let id = params.one("client_id")?;
    let secret = params.one("client_secret")?;
    if params.one("client_assertion")?.is_some() || params.one("client_assertion_type")?.is_some() {
        return Err(refused());
    }
    match (authorization, secret) {
        (Some(_), Some(_)) => {
            Err(rejected(Code::InvalidRequest, "a client authenticates in one way only, header or body"))
        }
        (Some(header), None) => {
            let shown = basic(header).ok_or_else(refused)?;
            if id.is_some_and(|id| id != shown.id) {
                return Err(rejected(Code::InvalidRequest, "client_id is not the one of the header"));
            }
            Ok(shown)
        }
        (None, secret) => {
            let id = id.ok_or_else(|| {
                Rejected::new(Code::InvalidClient, "the client is not named: send client_id or Basic")
            })?;
            let method =
                if secret.is_some() { ClientAuthMethod::ClientSecretPost } else { ClientAuthMethod::None };
            Ok(Shown { method, id: id.to_owned(), secrets: secret.map(Secret::new).into_iter().collect() })
        }
    }
}

/// RFC 7617, with id and secret form encoded before (RFC 6749 2.3.1).
fn basic(header: &str) -> Option<Shown> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = base64_simd::STANDARD.decode_to_vec(encoded.trim_matches(' ')).ok()?;
    let pair = zeroize::Zeroizing::new(pair);
    let at = pair.iter().position(|b| *b == b':')?;
    let (id, raw) = (decode(pair.get(..at)?)?, pair.get(at + 1..)?);
    let mut secrets = Vec::with_capacity(1);
    let decoded = decode(raw);
    let plain = std::str::from_utf8(raw).ok().filter(|p| decoded.as_deref() != Some(p));
    secrets.extend(plain.map(Secret::new));
    secrets.extend(decoded.map(Secret::new));
    if secrets.is_empty() || raw.is_empty() || id.is_empty() {
        return None;
    }
    Some(Shown { method: ClientAuthMethod::ClientSecretBasic, id, secrets })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::fixture::{client, confidential};
    use base64_simd::STANDARD;

    fn header(pair: &str) -> String {
        format!("Basic {}", STANDARD.encode_to_string(pair))
    }

    fn params(raw: &str) -> Params {
        Params::parse(raw.as_bytes()).unwrap()
    }

    fn code(result: Result<impl Sized>) -> Option<Code> {
        match result {
            Err(Failure::Rejected(refused)) => Some(refused.code),
            _ => None,
        }
    }

    #[test]
    fn basic_is_form_decoded() {
        let shown = basic(&header("urn%3Ax:a%2Bb+c")).unwrap();
        assert_eq!((shown.id.as_str(), shown.method), ("urn:x", ClientAuthMethod::ClientSecretBasic));
        let secrets: Vec<_> = shown.secrets.iter().map(Secret::expose).collect();
        assert_eq!(secrets, ["a%2Bb+c", "a+b c"], "as it came, and decoded");
        assert_eq!(basic(&header("app:plain")).unwrap().secrets.len(), 1);
        assert_eq!(basic(&header("app:100%")).unwrap().secrets.len(), 1, "not form encoding at all");
        assert_eq!(basic(&header("app:a:b")).unwrap().secrets[0].expose(), "a:b");
        assert!(basic(&header("app:x").replace("Basic", "bAsIc")).is_some());
        for bad in ["Basic", "Basic !", "Bearer YTpi", &header("no colon"), &header(":s"), &header("app:")] {
            assert!(basic(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn one_way_at_a_time() {
        let basic = header("app:s");
        let of = |authorization: Option<&str>, raw: &str| code(shown(authorization, &params(raw)));
        assert_eq!(of(Some(&basic), ""), None);
        assert_eq!(of(Some(&basic), "client_id=app"), None);
        assert_eq!(of(Some(&basic), "client_id=other"), Some(Code::InvalidRequest));
        assert_eq!(of(Some(&basic), "client_secret=s"), Some(Code::InvalidRequest));
        assert_eq!(of(Some("Bearer x"), ""), Some(Code::InvalidClient));
        assert_eq!(of(None, "client_assertion=x&client_id=app"), Some(Code::InvalidClient));
        assert_eq!(of(None, "client_secret=s"), Some(Code::InvalidClient));
        assert_eq!(of(None, "client_id=a&client_id=b"), Some(Code::InvalidRequest));
        assert_eq!(of(None, "client_id=a&client_secret=x&client_secret=y"), Some(Code::InvalidRequest));
    }

    #[test]
    fn only_the_registered_method() {
        use ClientAuthMethod::{ClientSecretBasic as Basic, ClientSecretPost as Post, None as Public};
        let good = [Digest([7; 32])];
        let wrong = [Digest([8; 32])];
        let of = |client: Option<Client>, method, digests: &[Digest]| {
            decide(client.map(Arc::new), method, digests).is_ok()
        };
        assert!(of(Some(confidential()), Basic, &good));
        assert!(of(Some(confidential()), Basic, &[wrong[0], good[0]]));
        assert!(!of(Some(confidential()), Basic, &wrong));
        assert!(!of(Some(confidential()), Basic, &[]));
        assert!(!of(Some(confidential()), Post, &good));
        assert!(!of(Some(confidential()), Public, &[]), "left out");
        assert!(of(Some(client()), Public, &[]));
        assert!(!of(Some(client()), Basic, &good));
        assert!(!of(None, Public, &[]));
        assert!(!of(None, Basic, &good));
        // The digest an unknown client is compared with opens nothing.
        assert!(!of(None, Basic, &[Digest([0; 32])]));
        let mut bare = confidential();
        bare.secrets.clear();
        assert!(!of(Some(bare), Basic, &[Digest([0; 32])]));
    }
}
