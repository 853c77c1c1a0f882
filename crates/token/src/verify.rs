//! The one way in: parse, choose the key, check the signature, then type, issuer, audience and times.

use crate::header::{Header, MAX_HEADER};
use crate::json::{Scanner, utf8};
use crate::key_set::NoKey;
use crate::text::shown;
use crate::{Algorithm, KeySet, Policy, Timestamp, VerifyingKey, base64url, judge};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

/// Why a token was refused. Never holds the token.
///
/// Codes: `too_large`, `malformed` (encoding, JSON, or a claim of the wrong type), `forbidden_header`,
/// `wrong_algorithm`, `unknown_key` (fetching the keys again may help), `ambiguous_key`, `bad_signature`,
/// `wrong_type`, `missing_claim`, `wrong_issuer`, `wrong_audience`, `expired`, `not_yet_valid`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct VerifyError {
    /// Stable code: `malformed`, `unknown_key`, `bad_signature`, `wrong_type`, `wrong_issuer`,
    /// `wrong_audience`, `expired`, `not_yet_valid`, `too_large`, `wrong_algorithm`, ...
    pub code: &'static str,
    /// The claim or header parameter judged, if one.
    pub claim: Option<&'static str>,
    /// For people: what was expected and what came. Never the token.
    pub detail: String,
}

impl VerifyError {
    pub(crate) fn new(code: &'static str, claim: Option<&'static str>, detail: impl Into<String>) -> Self {
        Self { code, claim, detail: detail.into() }
    }
}

/// A token that passed. Built by [`verify`] and [`verify_with`] only.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Verified<C> {
    /// Claims.
    pub claims: C,
    /// The key's id.
    pub kid: Option<String>,
}

/// Room for the decoded parts of a token, used again from token to token; what claims borrow from.
#[derive(Default)]
pub struct Scratch {
    bytes: Vec<u8>,
}

impl Scratch {
    /// Room for the decoded parts of a token.
    pub(crate) fn room(&mut self, token: &str) -> &mut [u8] {
        let due = room_for(token);
        if self.bytes.len() < due {
            self.bytes = vec![0; due];
        }
        &mut self.bytes
    }
}

impl std::fmt::Debug for Scratch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scratch").finish_non_exhaustive()
    }
}

/// Verifies a compact token at `now`.
pub fn verify<C: DeserializeOwned>(
    token: &str,
    keys: &KeySet,
    policy: &Policy,
    now: Timestamp,
) -> Result<Verified<C>, VerifyError> {
    // Most tokens fit, and then nothing is allocated but what the claims ask for.
    let mut room = [0; 1536];
    match room.get_mut(..room_for(token)) {
        Some(room) => verify_in(token, keys, policy, now, room),
        None => verify_with(token, keys, policy, now, &mut Scratch::default()),
    }
}

/// As [`verify`]; claims may borrow from `scratch`, whose room is used again.
pub fn verify_with<'s, C: Deserialize<'s>>(
    token: &str,
    keys: &KeySet,
    policy: &Policy,
    now: Timestamp,
    scratch: &'s mut Scratch,
) -> Result<Verified<C>, VerifyError> {
    check_size(token, policy.max_bytes)?;
    verify_in(token, keys, policy, now, scratch.room(token))
}

pub(crate) fn check_size(token: &str, max: usize) -> Result<(), VerifyError> {
    if token.len() <= max {
        return Ok(());
    }
    let detail = format!("{} bytes; at most {max} are due", token.len());
    Err(VerifyError::new("too_large", None, detail))
}

/// Bytes that suffice for the decoded parts of a token.
fn room_for(token: &str) -> usize {
    token.len() / 4 * 3 + 3 * 3
}

fn verify_in<'s, C: Deserialize<'s>>(
    token: &str,
    keys: &KeySet,
    policy: &Policy,
    now: Timestamp,
    room: &'s mut [u8],
) -> Result<Verified<C>, VerifyError> {
    check_size(token, policy.max_bytes)?;
    let parts = Parts::of(token)?;
    let usual = keys.iter().find(|key| key.has_usual_header(policy.typ, parts.header));
    let usual = usual.filter(|key| policy.algorithms.contains(&key.algorithm()));
    let decoded = parts.decode(room, usual.is_none())?;
    let (key, header) = match usual {
        Some(key) => (key, None),
        None => {
            let header = Header::read(decoded.header)?;
            (choose(keys, &policy.algorithms, &header)?, Some(header))
        }
    };
    if !key.verify_signature(parts.signed.as_bytes(), decoded.signature) {
        return Err(VerifyError::new("bad_signature", None, "the signature is not this key's"));
    }
    if let Some(header) = &header {
        check_type(policy, header)?;
    }
    let claims = claims(decoded.claims, policy, now)?;
    Ok(Verified { claims, kid: key.kid().map(str::to_owned) })
}

fn check_type(policy: &Policy, header: &Header<'_>) -> Result<(), VerifyError> {
    if policy.typ.accepts(header.typ.as_deref()) {
        return Ok(());
    }
    let came = header.typ.as_deref().map_or("none".to_owned(), |typ| shown(typ, 32));
    let detail = format!("expected {}, came {came}", policy.typ.name());
    Err(VerifyError::new("wrong_type", Some("typ"), detail))
}

/// The algorithm named must be the key's own, and the policy's.
pub(crate) fn choose<'k>(
    keys: &'k KeySet,
    algorithms: &[Algorithm],
    header: &Header<'_>,
) -> Result<&'k VerifyingKey, VerifyError> {
    let wrong = |expected: &str| {
        let detail = format!("expected {expected}, came {}", shown(&header.alg, 24));
        VerifyError::new("wrong_algorithm", Some("alg"), detail)
    };
    let key = match keys.choose(header.kid.as_deref(), &header.alg) {
        Ok(key) => key,
        // Refused for its algorithm already: no reason to look for other keys.
        Err(_) if Algorithm::parse(&header.alg).is_none_or(|alg| !algorithms.contains(&alg)) => {
            return Err(wrong("an algorithm of the policy"));
        }
        Err(NoKey::Unknown) => {
            let kid = header.kid.as_deref().map_or("none".to_owned(), |kid| shown(kid, 48));
            return Err(VerifyError::new("unknown_key", Some("kid"), format!("no key for kid {kid}")));
        }
        Err(NoKey::Ambiguous) => {
            return Err(VerifyError::new("ambiguous_key", Some("kid"), "no kid, and several keys fit"));
        }
    };
    if !key.algorithm().is_named(&header.alg) {
        return Err(wrong(key.algorithm().name()));
    }
    if !algorithms.contains(&key.algorithm()) {
        return Err(wrong("an algorithm of the policy"));
    }
    Ok(key)
}

/// Reads and judges the claim set in one pass; the policy's verdict comes before the claim type's.
fn claims<'s, C: Deserialize<'s>>(
    bytes: &'s [u8],
    policy: &Policy,
    now: Timestamp,
) -> Result<C, VerifyError> {
    let malformed = |detail: String| VerifyError::new("malformed", None, format!("claims: {detail}"));
    let text = utf8(bytes).map_err(|e| malformed(e.detail()))?;
    let mut scanner = Scanner::new(text);
    if scanner.peek() != Some(b'{') {
        return Err(malformed("not an object".to_owned()));
    }
    let read = C::deserialize(&mut scanner).and_then(|claims| scanner.end().map(|()| claims));
    match read {
        Ok(claims) => judge::judge(text, scanner.marks(), policy, now).map(|()| claims),
        Err(error) => {
            let mut scanner = Scanner::new(text);
            let read = IgnoredAny::deserialize(&mut scanner).and_then(|_| scanner.end());
            read.map_err(|e| malformed(e.detail()))?;
            judge::judge(text, scanner.marks(), policy, now)?;
            match error.missing() {
                Some(claim) => Err(VerifyError::new("missing_claim", Some(claim), "the claim is absent")),
                None => Err(malformed(error.detail())),
            }
        }
    }
}

/// A compact token, split (RFC 7515 7.1).
pub(crate) struct Parts<'t> {
    pub(crate) signed: &'t str,
    pub(crate) header: &'t str,
    pub(crate) claims: &'t str,
    pub(crate) signature: &'t str,
}

pub(crate) struct Decoded<'s> {
    pub(crate) header: &'s [u8],
    pub(crate) claims: &'s [u8],
    signature: &'s [u8],
}

impl<'t> Parts<'t> {
    pub(crate) fn of(token: &'t str) -> Result<Self, VerifyError> {
        let split = token.rsplit_once('.').and_then(|(signed, signature)| {
            signed.split_once('.').map(|(header, claims)| Self { signed, header, claims, signature })
        });
        // A fourth dot would be in `claims`, where base64url has no place for it: JWE ends there.
        match split {
            Some(parts) if parts.header.len() > MAX_HEADER => {
                let detail =
                    format!("a header of {} bytes; at most {MAX_HEADER} are due", parts.header.len());
                Err(VerifyError::new("too_large", None, detail))
            }
            Some(parts) => Ok(parts),
            None => Err(VerifyError::new("malformed", None, "not three parts")),
        }
    }

    /// The header only where it is to be read.
    pub(crate) fn decode<'s>(
        &self,
        room: &'s mut [u8],
        with_header: bool,
    ) -> Result<Decoded<'s>, VerifyError> {
        let malformed =
            |part| move || VerifyError::new("malformed", None, format!("{part} is not base64url"));
        let text = if with_header { self.header } else { "" };
        let [header, claims] = [text, self.claims].map(|part| part.len() / 4 * 3 + 3);
        let (room, rest) = room.split_at_mut_checked(header).unwrap_or_default();
        let header = base64url::decode_into(text, room).ok_or_else(malformed("header"))?;
        let (room, rest) = rest.split_at_mut_checked(claims).unwrap_or_default();
        let claims = base64url::decode_into(self.claims, room).ok_or_else(malformed("claims"))?;
        let signature = base64url::decode_into(self.signature, rest).ok_or_else(malformed("signature"))?;
        Ok(Decoded { header, claims, signature })
    }
}
