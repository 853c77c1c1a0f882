//! The refresh token: how one is made and read, and its grant (RFC 6749 6, RFC 9700 4.14.2).
//!
//! `format || key version || sid || n || tag`, the tag being HMAC-SHA-256 cut to 128 bits under a key of
//! the session's own: HKDF(refresh key, "refresh" || sid). No token is kept; the row holds `n` only. A
//! forged token dies here, before the store is touched.

use super::{Ask, Grant};
use crate::Issuer;
use crate::error::{Code, Failure, Rejected, Result, rejected};
use crate::keys::RefreshKey;
use crate::model::{
    Acr, Actor, Client, ClientSession, ClientSessionId, EventDraft, EventKind, Refresh, Resource, Scopes,
};
use crate::oauth::issue::Granted;
use crate::oauth::target::{self, Known};
use crate::port::{RotateOutcome, Rotation};
use crate::revocation;
use async_trait::async_trait;
use aws_lc_rs::{hkdf, hmac};
use countersign_token::{Timestamp, base64url};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq;

const FORMAT: u8 = 1;
const SIGNED: usize = 1 + 2 + 16 + 4;
const TAG: usize = 16;
/// How often a spent token is answered again within its window.
const MAX_REPLAYS: u8 = 5;

/// What a refresh token says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Named {
    /// Version of the refresh key.
    pub(crate) key_version: u16,
    /// The client session.
    pub(crate) sid: ClientSessionId,
    /// Its number.
    pub(crate) n: u32,
}

impl Named {
    fn bytes(&self) -> [u8; SIGNED] {
        let mut out = [FORMAT; SIGNED];
        let fields = self.key_version.to_be_bytes().into_iter().chain(self.sid.0).chain(self.n.to_be_bytes());
        for (to, from) in out.iter_mut().skip(1).zip(fields) {
            *to = from;
        }
        out
    }

    fn read(bytes: &[u8; SIGNED]) -> Option<Self> {
        let (format, rest) = bytes.split_first()?;
        let (version, rest) = rest.split_first_chunk::<2>()?;
        let (sid, rest) = rest.split_first_chunk::<16>()?;
        let n = rest.first_chunk::<4>()?;
        (*format == FORMAT).then(|| Self {
            key_version: u16::from_be_bytes(*version),
            sid: ClientSessionId(*sid),
            n: u32::from_be_bytes(*n),
        })
    }
}

struct KeyLength;
impl hkdf::KeyType for KeyLength {
    fn len(&self) -> usize {
        32
    }
}

fn tag(key: &RefreshKey, named: &Named) -> Option<[u8; TAG]> {
    let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(&key.secret);
    let mut own = zeroize::Zeroizing::new([0; 32]);
    let info: [&[u8]; 2] = [b"refresh", &named.sid.0];
    prk.expand(&info, KeyLength).ok()?.fill(&mut *own).ok()?;
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &*own), &named.bytes());
    mac.as_ref().first_chunk::<TAG>().copied()
}

/// The token of that number.
pub(crate) fn make(key: &RefreshKey, sid: ClientSessionId, n: u32) -> Result<String> {
    let named = Named { key_version: key.version, sid, n };
    let tag = tag(key, &named).ok_or_else(|| Failure::Bug("refresh key derivation failed".to_owned()))?;
    Ok(base64url::encode([named.bytes().as_slice(), &tag].concat()))
}

/// Reads a token whose tag is good under a key that `key` finds. Anything else is `None`.
pub(crate) fn read(token: &str, key: impl FnOnce(u16) -> Option<Arc<RefreshKey>>) -> Option<Named> {
    // Longer text is not even decoded.
    if token.len() != (SIGNED + TAG).div_ceil(3) * 4 {
        return None;
    }
    let bytes: [u8; SIGNED + TAG] = base64url::decode(token)?.try_into().ok()?;
    let (signed, shown) = bytes.split_first_chunk::<SIGNED>()?;
    let named = Named::read(signed)?;
    let due = tag(&*key(named.key_version)?, &named)?;
    bool::from(due.as_slice().ct_eq(shown)).then_some(named)
}

/// Reads one of this issuer's.
pub(crate) fn named(issuer: &Issuer, token: &str) -> Option<Named> {
    read(token, |version| issuer.keys.refresh(version))
}

/// The refresh state of a session to be, when the client gets refresh tokens for these scopes: with
/// `offline_access`, or without for first-party clients that say so. Times are the store's to set.
pub(crate) fn due(issuer: &Issuer, client: &Client, scopes: &Scopes) -> Option<Refresh> {
    let m = &client.metadata;
    let wanted = scopes.contains("offline_access") || (m.first_party && m.refresh_without_offline_access);
    (wanted && client.may_use("refresh_token")).then(|| Refresh {
        n: 1,
        rotated_at: Timestamp::default(),
        replays: 0,
        key_version: issuer.keys.refresh_version(),
        rotate: client.rotates(),
        epoch: 0,
        idle_until: Timestamp::default(),
        idle_for: m.refresh_idle.unwrap_or_else(|| seconds(issuer.settings.refresh_idle)),
        absolute_until: Timestamp::default(),
    })
}

/// How long that session lives at most.
pub(crate) fn absolute_for(issuer: &Issuer, client: &Client) -> Duration {
    let own = client.metadata.refresh_absolute.map(|s| Duration::from_secs(s.into()));
    let most = client.metadata.demands.session_ttl.map(|s| Duration::from_secs(s.into()));
    let due = own.unwrap_or(issuer.settings.refresh_absolute);
    most.map_or(due, |most| due.min(most))
}

fn seconds(d: Duration) -> u32 {
    u32::try_from(d.as_secs()).unwrap_or(u32::MAX)
}

/// The live token of a session.
pub(crate) fn current(issuer: &Issuer, session: &ClientSession) -> Result<Option<String>> {
    let Some(refresh) = &session.refresh else { return Ok(None) };
    let key = issuer.keys.refresh(refresh.key_version);
    let key = key.ok_or_else(|| Failure::Bug(format!("no refresh key {}", refresh.key_version)))?;
    make(&key, session.id, refresh.n).map(Some)
}

/// The grant.
pub(super) struct RefreshToken;

#[async_trait]
impl Grant for RefreshToken {
    async fn run(&self, ask: &Ask<'_>) -> Result<Granted> {
        let token = ask.params.required("refresh_token")?;
        refresh(ask.issuer, ask.client, token, ask.scope.as_ref(), &ask.resources, ask.ip).await
    }
}

/// One use of a refresh token by an authenticated client.
pub(crate) async fn refresh(
    issuer: &Issuer,
    client: &Client,
    token: &str,
    scope: Option<&Scopes>,
    resources: &[&str],
    ip: IpAddr,
) -> Result<Granted> {
    let named = named(issuer, token).ok_or_else(refused)?;
    let known = issuer.directory.resources_for(client).await?;
    let own = target::resources(client, &[], &known)?;
    let strict = own.iter().any(|r| r.acr > Some(Acr::One));
    if scope.is_some() || !resources.is_empty() || strict || target::algorithm(&own).is_err() {
        // A wish that cannot be granted must not cost the token: it is judged before the rotation.
        let (session, _) = issuer.store.client_session(named.sid).await?.it.ok_or_else(refused)?;
        decide(&session, client, scope, resources, &known)?;
    }
    let window = client.metadata.refresh_retry_window.map(|s| Duration::from_secs(s.into()));
    let rotation = Rotation {
        id: named.sid,
        n: named.n,
        client: client.id.clone(),
        retry_window: window.unwrap_or(issuer.settings.refresh_retry_window).min(Duration::from_secs(300)),
        max_replays: MAX_REPLAYS,
        epoch: 0, // the store's own counts
        key_version: issuer.keys.refresh_version(),
        until: issuer.longest_token_life().await?,
    };
    let theft = EventDraft::new(EventKind::RefreshTheft, Actor::Client(client.id.clone()))
        .client(&client.id)
        .session(named.sid)
        .with("ip", ip.to_string());
    let (now, session, subject) = settle(issuer, issuer.store.rotate_refresh(rotation, theft).await?).await?;
    let (scopes, audiences) = decide(&session, client, scope, resources, &known)?;
    let rotates = session.refresh.as_ref().is_none_or(|r| r.rotate);
    let refresh_token = if rotates { current(issuer, &session)? } else { Some(token.to_owned()) };
    Ok(Granted { now, person: Some((subject, session)), scopes, audiences, nonce: None, refresh_token })
}

type Settled = (Timestamp, Box<ClientSession>, Box<crate::model::Subject>);

async fn settle(issuer: &Issuer, outcome: RotateOutcome) -> Result<Settled> {
    match outcome {
        RotateOutcome::Rotated(now, session, subject) | RotateOutcome::Replayed(now, session, subject) => {
            Ok((now, session, subject))
        }
        RotateOutcome::Healed(now, session, subject) => {
            tracing::warn!(sid = %session.id, "a refresh token was ahead of the store: healed");
            Ok((now, session, subject))
        }
        RotateOutcome::Theft(rules) => {
            tracing::warn!("a refresh token came back that should not have: its session is ended");
            revocation::enforce(issuer, &rules).await?;
            Err(Rejected::new(Code::InvalidGrant, PUBLIC).because("reuse: the session is ended").into())
        }
        RotateOutcome::Gone => Err(refused()),
        RotateOutcome::WrongClient => {
            Err(Rejected::new(Code::InvalidGrant, PUBLIC).because("another client's token").into())
        }
    }
}

const PUBLIC: &str = "the refresh token is invalid, expired or revoked";

fn refused() -> Failure {
    rejected(Code::InvalidGrant, PUBLIC)
}

/// Scopes and audiences of this use: never more than the session's (RFC 6749 6, RFC 8707 2.2), never more
/// than the client may have by now.
fn decide(
    session: &ClientSession,
    client: &Client,
    scope: Option<&Scopes>,
    resources: &[&str],
    known: &Known,
) -> Result<(Scopes, Vec<Arc<Resource>>), Rejected> {
    if session.client != client.id {
        return Err(Rejected::new(Code::InvalidGrant, PUBLIC).because("another client's token"));
    }
    if scope.is_some_and(|asked| !asked.within(&session.scopes)) {
        return Err(Rejected::new(Code::InvalidScope, "the scope asked for is wider than what was granted"));
    }
    let audiences = target::narrow(client, resources, &session.resources, known)?;
    target::algorithm(&audiences)?;
    target::reached(&audiences, &session.authentication)?;
    let scopes = target::scopes(client, Some(scope.unwrap_or(&session.scopes)), &audiences, known);
    // A session granted no scope at all stays one without.
    let scopes = if session.scopes.is_empty() { Scopes::default() } else { scopes? };
    Ok((scopes, audiences))
}

#[cfg(test)]
mod tests;
