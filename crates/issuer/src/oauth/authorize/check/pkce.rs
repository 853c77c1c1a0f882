//! PKCE (RFC 7636): S256 only, from every client but a confidential OpenID client that was exempted and
//! sends a nonce (RFC 9700 2.1.1).

use super::{Given, Request};
use crate::error::{Code, Rejected};
use countersign_token::base64url;

pub(super) fn check(given: &Given<'_>, request: &mut Request) -> Result<(), Rejected> {
    let refuse = |text: &'static str| Err(Rejected::new(Code::InvalidRequest, text));
    let method = given.params.one("code_challenge_method")?;
    let Some(challenge) = given.params.one("code_challenge")? else {
        let exempt = !given.client.metadata.require_pkce
            && !given.client.is_public()
            && request.nonce.is_some()
            && request.scopes.contains("openid");
        return match method {
            Some(_) => refuse("code_challenge_method without code_challenge"),
            None if exempt => Ok(()),
            None => refuse("PKCE is required: send code_challenge with code_challenge_method S256"),
        };
    };
    // Left out means `plain` (4.3), which protects from nothing that reads requests.
    if method != Some("S256") {
        return refuse("only code_challenge_method S256 is supported");
    }
    if base64url::decode(challenge).is_none_or(|digest| digest.len() != 32) {
        return refuse("code_challenge is not a SHA-256 digest in base64url");
    }
    request.challenge = Some(challenge.to_owned());
    Ok(())
}
