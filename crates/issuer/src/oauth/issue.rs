//! The only place that mints: access tokens, ID tokens, refresh tokens.

use super::target;
use crate::Issuer;
use crate::error::{Failure, Result, Unavailable};
use crate::model::{Client, ClientSession, Origin, Resource, RuleKind, Scopes, Subject};
use crate::revocation::Facts;
use crate::settings::Settings;
use crate::status_list::{self, Status};
use aws_lc_rs::digest;
use countersign_token::{Algorithm, SigningKey, Timestamp, base64url};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;

/// RFC 6749 5.1, OIDC Core 3.1.3.3.
#[derive(Clone, Serialize)]
pub struct TokenResponse {
    /// RFC 9068 JWT.
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: &'static str,
    /// Seconds.
    pub expires_in: i64,
    /// When one is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// With scope `openid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    /// What was granted; left out when that is nothing (RFC 6749 3.3 has no empty scope).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// The client session (direct API answers it; not part of the OAuth answer).
    #[serde(skip)]
    pub session_id: Option<String>,
}

impl std::fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenResponse").field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// What a grant decided and the store has written: all that minting needs.
#[derive(Debug)]
pub(crate) struct Granted {
    /// The store's clock at the statement that read the subject: `iat`.
    pub(crate) now: Timestamp,
    /// The person and the client session; `None`: the client acts for itself.
    pub(crate) person: Option<(Box<Subject>, Box<ClientSession>)>,
    /// Granted, roles not yet looked at.
    pub(crate) scopes: Scopes,
    /// Audiences; none: the issuer.
    pub(crate) audiences: Vec<Arc<Resource>>,
    /// Of the authorization request.
    pub(crate) nonce: Option<String>,
    /// To answer.
    pub(crate) refresh_token: Option<String>,
}

/// Mints everything due.
pub(crate) async fn tokens(issuer: &Issuer, client: &Client, granted: Granted) -> Result<TokenResponse> {
    let alg = target::algorithm(&granted.audiences)?;
    if let Some((_, session)) = &granted.person {
        // Grants ask before they write; whichever forgot ends here.
        target::reached(&granted.audiences, &session.authentication)?;
    }
    let key = access_key(issuer, alg, &granted.audiences)?;
    let person = granted.person.as_ref().map(|(subject, session)| (&**subject, &**session));
    if let Some((subject, _)) = person {
        cutoff_passed(subject, granted.now)?;
    }
    let scopes = match person {
        Some((subject, _)) => target::held(&granted.scopes, subject, &granted.audiences),
        None => granted.scopes,
    };
    let sid = person.map(|(_, session)| session.id.to_string());
    let sub = person.map_or(client.id.as_str(), |(subject, _)| subject.user.id.as_str());
    let iat = granted.now.seconds();
    let facts = Facts { kid: key.kid(), iat, client: client.id.as_str(), sub, sid: sid.as_deref(), jti: "" };
    not_born_revoked(issuer, &facts)?;
    let session = person.map(|(_, session)| session);
    let (jti, status) = named(issuer, client, session, &granted.audiences, granted.now).await?;
    if status.is_some() {
        // Its entry may have been taken from the store in between: what was revoked meanwhile counts.
        not_born_revoked(issuer, &facts)?;
    }
    let scope = scopes.to_string();
    let ttl = life(&issuer.settings, &granted.audiences);
    let claims = access_claims(AccessInput {
        settings: &issuer.settings,
        client,
        person,
        audiences: &granted.audiences,
        scope: &scope,
        sid: sid.as_deref(),
        jti: &jti,
        status,
        now: granted.now,
        ttl,
    });
    let access_token = sign(issuer, &key, "at+jwt", &claims).await?;
    let id_token = match person {
        Some((subject, session)) if scopes.contains("openid") => {
            let nonce = granted.nonce.as_deref();
            Some(
                id_token(issuer, client, subject, session, &scopes, nonce, granted.now, &access_token)
                    .await?,
            )
        }
        _ => None,
    };
    let refresh_token = granted.refresh_token;
    Ok(TokenResponse {
        access_token,
        token_type: "Bearer",
        expires_in: ttl,
        refresh_token,
        id_token,
        scope,
        session_id: sid,
    })
}

/// A person with a cutoff in the future was signed out everywhere a moment ago, a client may have been
/// revoked this second: a token made now would be revoked at birth. The asker comes again, at most 3 s
/// later; nobody waits here and holds a worker. Grants ask before they write, so that nothing is spent.
pub(crate) fn wait_out(issuer: &Issuer, client: &Client, subject: &Subject, now: Timestamp) -> Result<()> {
    cutoff_passed(subject, now)?;
    let (client, sub) = (client.id.as_str(), subject.user.id.as_str());
    let facts = Facts { kid: "", iat: now.seconds(), client, sub, sid: None, jti: "" };
    match issuer.directory.rules().covers(&facts) {
        None => Ok(()),
        Some(kind) => Err(come_again(&format!("a {} rule of this second", kind.name()), 3)),
    }
}

fn cutoff_passed(subject: &Subject, now: Timestamp) -> Result<()> {
    match subject.user.cutoff {
        Some(cutoff) if cutoff.0 >= now.seconds() => {
            let left = cutoff.0.saturating_sub(now.seconds()).saturating_add(1).clamp(1, 3);
            Err(come_again("the person was signed out everywhere just now", left))
        }
        _ => Ok(()),
    }
}

fn come_again(detail: &str, seconds: i64) -> Failure {
    Failure::Unavailable(Unavailable {
        what: "issuing",
        detail: detail.to_owned(),
        retry_after: Duration::from_secs(u64::try_from(seconds).unwrap_or(3)),
    })
}

/// A fresh `jti`, and the entry of a status list when a resource asks for one.
async fn named(
    issuer: &Issuer,
    client: &Client,
    session: Option<&ClientSession>,
    audiences: &[Arc<Resource>],
    now: Timestamp,
) -> Result<(String, Option<Status>)> {
    let random = base64url::encode(issuer.entropy.bytes::<16>());
    if !audiences.iter().any(|r| r.status_list) {
        return Ok((random, None));
    }
    let (jti, entry) = match session {
        Some(session) => (random, status_list::of_session(issuer, client, session, now).await?),
        None => {
            let entry = status_list::of_machine(issuer, client, now).await?;
            (entry.jti(&random), entry)
        }
    };
    Ok((jti, Some(Status::of(issuer, entry))))
}

/// As [`wait_out`], for the very token.
fn not_born_revoked(issuer: &Issuer, facts: &Facts<'_>) -> Result<()> {
    match issuer.directory.rules().covers(facts) {
        None => Ok(()),
        // The store has already said yes to this session, and it ended in between: a second use of its code,
        // or a logout. The token is covered by the rule, so it opens nothing; refusing it here would leave a
        // code that 64 ask for at once with no winner at all.
        Some(RuleKind::Sid) => Ok(()),
        Some(_) => Err(come_again("a revocation of this second covers the token", 3)),
    }
}

fn access_key(issuer: &Issuer, alg: Algorithm, audiences: &[Arc<Resource>]) -> Result<Arc<SigningKey>> {
    match audiences {
        [resource] if alg.is_symmetric() => crate::keys::resource_secret(issuer, resource)?
            .map(Arc::new)
            .ok_or_else(|| Failure::Bug(format!("resource {} has no secret", resource.resource))),
        _ => signing_key(issuer, alg),
    }
}

fn signing_key(issuer: &Issuer, alg: Algorithm) -> Result<Arc<SigningKey>> {
    issuer.keys.signing(alg).ok_or_else(|| {
        Failure::Unavailable(Unavailable {
            what: "signing key",
            detail: format!("no active {} key", alg.name()),
            retry_after: Duration::from_secs(1),
        })
    })
}

/// Seconds an access token for these audiences lives: the shortest of theirs.
fn life(settings: &Settings, audiences: &[Arc<Resource>]) -> i64 {
    let default = settings.access_token_ttl;
    let shortest = audiences.iter().map(|r| r.ttl(default)).min().unwrap_or(default);
    i64::try_from(shortest.as_secs()).unwrap_or(i64::MAX)
}

async fn sign<T: Serialize + Sync>(
    issuer: &Issuer,
    key: &SigningKey,
    typ: &str,
    claims: &T,
) -> Result<String> {
    let prepared = key.prepare(typ, claims).map_err(|e| Failure::Bug(e.to_string()))?;
    if key.algorithm().signs_slowly() {
        return Ok(issuer.sign_pool.finish(prepared).await?);
    }
    prepared.finish().map_err(|e| Failure::Bug(e.to_string()))
}

/// Claims of an access token (RFC 9068 2.2), borrowed: `countersign_token::AccessToken` reads them back.
#[derive(Serialize)]
struct AccessClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    #[serde(serialize_with = "one_or_many")]
    aud: Vec<&'a str>,
    exp: i64,
    iat: i64,
    jti: &'a str,
    client_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    scope: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    amr: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    roles: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mfa_verified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mfa_method: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mfa_verified_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
}

fn one_or_many<S: Serializer>(aud: &[&str], s: S) -> Result<S::Ok, S::Error> {
    match aud {
        [one] => one.serialize(s),
        many => many.serialize(s),
    }
}

struct AccessInput<'a> {
    settings: &'a Settings,
    client: &'a Client,
    person: Option<(&'a Subject, &'a ClientSession)>,
    audiences: &'a [Arc<Resource>],
    scope: &'a str,
    sid: Option<&'a str>,
    jti: &'a str,
    status: Option<Status>,
    now: Timestamp,
    ttl: i64,
}

fn access_claims(input: AccessInput<'_>) -> AccessClaims<'_> {
    let AccessInput { settings, client, person, audiences, .. } = input;
    let iat = input.now.seconds();
    let authentication = person.map(|(_, session)| &session.authentication);
    let direct = person.filter(|(_, session)| session.origin == Origin::Direct);
    let second = direct.and_then(|(_, session)| session.authentication.second());
    // No audience asked for and none set: the issuer itself.
    let aud = if audiences.is_empty() {
        vec![settings.issuer.as_str()]
    } else {
        audiences.iter().map(|r| r.resource.as_str()).collect()
    };
    AccessClaims {
        iss: &settings.issuer,
        // RFC 9068 2.2: a client that acts for itself is its own subject.
        sub: person.map_or(client.id.as_str(), |(subject, _)| subject.user.id.as_str()),
        aud,
        exp: iat.saturating_add(input.ttl),
        iat,
        jti: input.jti,
        client_id: client.id.as_str(),
        scope: input.scope,
        sid: input.sid,
        auth_time: authentication.map(|a| a.auth_time.seconds()),
        acr: authentication.map(|a| a.acr.as_str()),
        amr: authentication.map_or(&[], |a| a.amr.as_slice()),
        roles: person.map(|(subject, _)| target::roles(subject, audiences)).unwrap_or_default(),
        mfa_verified: direct.map(|_| second.is_some()),
        mfa_method: second.map(|proven| proven.factor.method()),
        mfa_verified_at: second.map(|proven| proven.at.seconds()),
        status: input.status,
    }
}

/// Claims of an ID token (OIDC Core 2). No `azp`: the client is the only audience.
#[derive(Serialize)]
struct IdClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: i64,
    iat: i64,
    auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    acr: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    amr: &'a [String],
    sid: String,
    at_hash: String,
    #[serde(flatten)]
    about: Map<String, Value>,
}

#[expect(clippy::too_many_arguments, reason = "one call; each is a different claim's source")]
async fn id_token(
    issuer: &Issuer,
    client: &Client,
    subject: &Subject,
    session: &ClientSession,
    scopes: &Scopes,
    nonce: Option<&str>,
    now: Timestamp,
    access_token: &str,
) -> Result<String> {
    // OIDC Registration 2: RS256 unless the client says otherwise.
    let alg = client.metadata.id_token_signed_response_alg.unwrap_or(Algorithm::Rs256);
    let key = signing_key(issuer, alg)?;
    let ttl = i64::try_from(issuer.settings.id_token_ttl.as_secs()).unwrap_or(i64::MAX);
    let claims = IdClaims {
        iss: &issuer.settings.issuer,
        sub: subject.user.id.as_str(),
        aud: client.id.as_str(),
        exp: now.seconds().saturating_add(ttl),
        iat: now.seconds(),
        auth_time: session.authentication.auth_time.seconds(),
        nonce,
        acr: &session.authentication.acr,
        amr: &session.authentication.amr,
        sid: session.id.to_string(),
        at_hash: at_hash(alg, access_token),
        about: about(subject, scopes),
    };
    sign(issuer, &key, "JWT", &claims).await
}

/// OIDC Core 3.1.3.6: the left half of the hash that goes with the ID token's algorithm.
pub(crate) fn at_hash(alg: Algorithm, access_token: &str) -> String {
    let hash = match alg {
        Algorithm::Es384 | Algorithm::Rs384 | Algorithm::Ps384 | Algorithm::Hs384 => &digest::SHA384,
        Algorithm::Ed25519 | Algorithm::Es512 | Algorithm::Rs512 | Algorithm::Ps512 | Algorithm::Hs512 => {
            &digest::SHA512
        }
        _ => &digest::SHA256,
    };
    let full = digest::digest(hash, access_token.as_bytes());
    let half = full.as_ref().split_at(full.as_ref().len() / 2).0;
    base64url::encode(half)
}

/// The claims about a person that scopes open (OIDC Core 5.4). They stand in ID tokens and userinfo,
/// never in access tokens.
pub(crate) fn about(subject: &Subject, scopes: &Scopes) -> Map<String, Value> {
    let user = &subject.user;
    let mut out = Map::new();
    if scopes.contains("profile") {
        if let Some(name) = &user.name {
            out.insert("name".to_owned(), name.as_str().into());
        }
        if let Some(username) = &user.username {
            out.insert("preferred_username".to_owned(), username.as_str().into());
        }
        out.insert("updated_at".to_owned(), user.updated_at.seconds().into());
    }
    if scopes.contains("email") {
        out.insert("email".to_owned(), user.email.as_str().into());
        out.insert("email_verified".to_owned(), user.email_verified.into());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Cutoff;
    use crate::oauth::fixture::{API, NOW, OTHER, client, known, scopes, session, subject};
    use countersign_token::AccessToken;

    fn claims(person: Option<(&Subject, &ClientSession)>, audiences: &[Arc<Resource>]) -> AccessToken {
        let (settings, client) = (Settings::new("https://id.example"), client());
        let sid = person.map(|(_, s)| s.id.to_string());
        let claims = access_claims(AccessInput {
            settings: &settings,
            client: &client,
            person,
            audiences,
            scope: "read",
            sid: sid.as_deref(),
            jti: "j",
            status: None,
            now: NOW + Duration::from_millis(999),
            ttl: 900,
        });
        serde_json::from_value(serde_json::to_value(claims).unwrap()).unwrap()
    }

    #[test]
    fn a_machine_is_its_own_subject() {
        let read = claims(None, &[]);
        assert_eq!((read.sub.as_str(), read.client_id.as_str()), ("app", "app"));
        assert_eq!(read.aud.0, ["https://id.example"], "nothing asked for and none set");
        assert_eq!((read.sid, read.auth_time, read.acr), (None, None, None));
        assert_eq!((read.iat, read.exp), (NOW.seconds(), NOW.seconds() + 900), "rounded down");
    }

    #[test]
    fn a_persons_token_says_how_they_signed_in_and_no_more() {
        let (known, subject) = (known(), subject(&[("boss", API, "admin"), ("other", "urn:far", "far")]));
        let mut session = session("openid read profile email", &[API]);
        let audiences = [known[API].clone(), known[OTHER].clone()];
        let read = claims(Some((&subject, &session)), &audiences);
        assert_eq!(read.sub, "u_ada");
        assert_eq!(read.aud.0, [API, OTHER]);
        assert_eq!(read.roles, ["boss"]);
        assert_eq!((read.acr.as_deref(), read.amr), (Some("urn:countersign:1"), vec!["pwd".to_owned()]));
        assert!(read.more.is_empty(), "no name, no address: {:?}", read.more);
        session.origin = Origin::Direct;
        let direct = claims(Some((&subject, &session)), &audiences);
        assert_eq!(direct.more.get("mfa_verified"), Some(&false.into()));
    }

    #[test]
    fn the_shortest_life_counts() {
        let settings = Settings::new("https://id.example");
        let mut short = (*known()[API]).clone();
        short.access_token_ttl = Some(1);
        assert_eq!(life(&settings, &[]), 900);
        assert_eq!(life(&settings, &[known()[OTHER].clone(), Arc::new(short)]), 1);
    }

    #[test]
    fn a_cutoff_in_the_future_is_waited_out() {
        let mut subject = subject(&[]);
        for (ahead, wait) in [(-1, None), (0, Some(1)), (1, Some(2)), (2, Some(3)), (100, Some(3))] {
            subject.user.cutoff = Some(Cutoff(NOW.seconds() + ahead));
            let waited = match cutoff_passed(&subject, NOW) {
                Ok(()) => None,
                Err(Failure::Unavailable(u)) => Some(u.retry_after.as_secs()),
                Err(other) => panic!("{other}"),
            };
            assert_eq!(waited, wait, "{ahead} s ahead");
        }
    }

    #[test]
    fn claims_follow_scopes() {
        let subject = subject(&[]);
        let of = |scope: &str| about(&subject, &scopes(scope)).keys().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!(of("openid"), "");
        assert_eq!(of("openid email"), "email email_verified");
        assert_eq!(of("profile"), "name preferred_username updated_at");
    }

    #[test]
    fn at_hash_follows_the_algorithm() {
        // OIDC Core A.3: this access token under RS256.
        assert_eq!(
            at_hash(Algorithm::Rs256, "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"),
            "77QmUPtjPfzWtF2AnpK9RQ"
        );
        assert_eq!(at_hash(Algorithm::Es384, "x").len(), 32);
        assert_eq!(at_hash(Algorithm::Ed25519, "x").len(), 43);
    }
}
