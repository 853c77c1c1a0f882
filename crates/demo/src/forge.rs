//! Tokens made by hand, as somebody makes them who wants in: any header, any claims, any signature.

use aws_lc_rs::hmac;
use countersign_token::base64url;
use serde_json::Value;

/// A compact token of these texts, signed by HMAC SHA-256 with `secret`.
pub(crate) fn hs256(header: &str, claims: &str, secret: &[u8]) -> String {
    let body = unsigned(header, claims);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), body.as_bytes());
    format!("{body}.{}", base64url::encode(tag))
}

/// Header and claims, encoded; the signature is missing.
pub(crate) fn unsigned(header: &str, claims: &str) -> String {
    format!("{}.{}", base64url::encode(header), base64url::encode(claims))
}

/// Header (text), claims (text) and signature (encoded) of a token.
pub(crate) fn parts(token: &str) -> Option<(String, String, String)> {
    let mut parts = token.split('.');
    let mut text = || String::from_utf8(base64url::decode(parts.next()?)?).ok();
    let (header, claims) = (text()?, text()?);
    Some((header, claims, parts.next()?.to_owned()))
}

/// A JSON object with one member set; `None` takes it out.
pub(crate) fn with(object: &Value, member: &str, value: Option<Value>) -> Value {
    let mut changed = object.clone();
    if let Some(members) = changed.as_object_mut() {
        match value {
            Some(value) => members.insert(member.to_owned(), value),
            None => members.remove(member),
        };
    }
    changed
}
