//! The code for tokens (RFC 6749 4.1.3), and the ID token's judgement.

use super::cache::Want;
use super::discovery::{self, Metadata};
use super::{ClientSecret, Kind, LONGEST_TOKEN, Protocol, Provider, Trouble, apple, shown};
use crate::Issuer;
use crate::model::Secret;
use crate::oauth::issue::at_hash;
use crate::port::{Call, CallMethod};
use base64_simd::STANDARD;
use countersign_token::{Algorithm, IdToken, KeySet, Policy, Timestamp, TokenType, base64url, verify};
use serde::Deserialize;
use std::time::Duration;
use url::form_urlencoded;

/// Clocks of two companies.
const LEEWAY: Duration = Duration::from_secs(60);

/// What the token endpoint answered.
pub(super) struct Tokens {
    pub(super) access_token: Secret,
    pub(super) id_token: Option<Secret>,
}

#[derive(Deserialize)]
struct Answer {
    access_token: Option<String>,
    id_token: Option<String>,
    token_type: Option<String>,
    error: Option<String>,
}

/// Redeems the code.
pub(super) async fn redeem(
    issuer: &Issuer,
    provider: &Provider,
    metadata: &Metadata,
    code: &str,
    verifier: &Secret,
    now: Timestamp,
) -> Result<Tokens, Trouble> {
    let call = request(issuer, provider, metadata, code, verifier, now)?;
    let answer = issuer.egress.call(call).await?;
    read(answer.status, &answer.body)
}

/// The call that redeems it.
fn request(
    issuer: &Issuer,
    provider: &Provider,
    metadata: &Metadata,
    code: &str,
    verifier: &Secret,
    now: Timestamp,
) -> Result<Call, Trouble> {
    let settings = &provider.settings;
    let mut headers = vec![
        ("accept".into(), "application/json".to_owned()),
        ("content-type".into(), "application/x-www-form-urlencoded".to_owned()),
    ];
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code")
        .append_pair("code", code)
        .append_pair("redirect_uri", &provider.redirect_uri(issuer))
        .append_pair("code_verifier", verifier.expose());
    let secret = match &settings.secret {
        ClientSecret::None => None,
        ClientSecret::Shared(secret) => Some(secret.clone()),
        ClientSecret::Apple(key) => Some(apple::secret(key, &settings.client_id, now)?),
    };
    match secret {
        Some(secret) if metadata.basic => {
            headers.push(("authorization".into(), basic(&settings.client_id, &secret)));
        }
        Some(secret) => {
            form.append_pair("client_id", &settings.client_id).append_pair("client_secret", secret.expose());
        }
        None => {
            form.append_pair("client_id", &settings.client_id);
        }
    }
    let body = form.finish().into_bytes();
    Ok(Call { method: CallMethod::Post, url: metadata.token.clone(), headers, body })
}

/// RFC 6749 2.3.1: both parts form-encoded.
fn basic(id: &str, secret: &Secret) -> String {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encode(id), encode(secret.expose()));
    format!("Basic {}", STANDARD.encode_to_string(pair))
}

fn read(status: u16, body: &[u8]) -> Result<Tokens, Trouble> {
    let answer: Option<Answer> = serde_json::from_slice(body).ok();
    let error = answer.as_ref().and_then(|a| a.error.as_deref()).map(shown);
    // GitHub answers errors with 200.
    if status != 200 || error.is_some() {
        let detail = format!("its token endpoint answered {status} {}", error.as_deref().unwrap_or_default());
        return Err(Trouble::new(
            match (error.as_deref(), status) {
                // A code that came late, or twice.
                (Some("invalid_grant" | "bad_verification_code"), _) => Kind::Expired,
                // GitHub: the person has yet to confirm their address there.
                (Some("unverified_user_email"), _) => Kind::Denied,
                (Some("temporarily_unavailable" | "server_error"), _) | (_, 429 | 500..) => Kind::Unreachable,
                _ => Kind::Misconfigured,
            },
            detail,
        ));
    }
    let unread = || Trouble::refused("its token endpoint's answer cannot be read");
    let answer = answer.ok_or_else(unread)?;
    let access_token = answer.access_token.ok_or_else(unread)?;
    let bearer = answer.token_type.is_some_and(|t| t.eq_ignore_ascii_case("bearer"));
    let fits = |token: &str| (1..=LONGEST_TOKEN).contains(&token.len());
    if !bearer || !fits(&access_token) || answer.id_token.as_deref().is_some_and(|t| !fits(t)) {
        return Err(Trouble::refused("its tokens are of another kind, or too long"));
    }
    Ok(Tokens { access_token: Secret::new(access_token), id_token: answer.id_token.map(Secret::new) })
}

/// Judges the ID token (OIDC Core 3.1.3.7): issuer, audience, authorized party, times, nonce, and the access
/// token's hash. Its key is looked for anew when it is not among those at hand.
pub(super) async fn id_token(
    issuer: &Issuer,
    provider: &Provider,
    metadata: &Metadata,
    tokens: &Tokens,
    nonce: &str,
    now: Timestamp,
) -> Result<IdToken, Trouble> {
    debug_assert_eq!(provider.settings.protocol, Protocol::OpenId);
    let token = tokens.id_token.as_ref().ok_or_else(|| Trouble::refused("no ID token"))?.expose();
    let policy = Policy::issuer(named(&provider.settings.named, token)?)
        .audience([provider.settings.client_id.as_str()])
        .token_type(TokenType::Id)
        .algorithms(&metadata.algorithms)
        .leeway(LEEWAY)
        .max_bytes(LONGEST_TOKEN);
    let judged = |keys: &KeySet| verify::<IdToken>(token, keys, &policy, now);
    let kept = discovery::keys(issuer, provider, metadata, Want::Fresh, now).await?;
    let verified = match judged(&kept.it) {
        // RFC 7517 4.5 lets keys come and go: a rotation since the last look.
        Err(e) if e.code == "unknown_key" => {
            let newer = discovery::keys(issuer, provider, metadata, Want::After(kept.number), now).await?;
            judged(&newer.it)
        }
        other => other,
    };
    let claims = verified.map_err(|e| Trouble::refused(format!("its ID token: {e}")))?.claims;
    let client_id = &provider.settings.client_id;
    let party = match &claims.azp {
        Some(azp) => azp == client_id,
        None => claims.aud.0.len() == 1,
    };
    if !party {
        return Err(Trouble::refused("its ID token was made for another application (azp)"));
    }
    if claims.nonce.as_deref() != Some(nonce) {
        return Err(Trouble::refused("its ID token was made for another sign-in (nonce)"));
    }
    let hash = algorithm(token).map(|alg| at_hash(alg, tokens.access_token.expose()));
    if claims.at_hash.is_some() && claims.at_hash != hash {
        return Err(Trouble::refused("its ID token belongs to another access token (at_hash)"));
    }
    Ok(claims)
}

#[derive(Deserialize)]
struct Tenant {
    tid: String,
}

/// The issuer due. Of a provider with many tenants it names the token's own; the signature over it comes
/// after. Tenants are named by UUIDs.
fn named(template: &str, token: &str) -> Result<String, Trouble> {
    if !template.contains("{tenantid}") {
        return Ok(template.to_owned());
    }
    let claims = token.split('.').nth(1).and_then(base64url::decode);
    let tenant = claims.and_then(|c| serde_json::from_slice::<Tenant>(&c).ok()).map(|t| t.tid);
    let tenant = tenant.filter(|t| t.len() == 36 && t.chars().all(|c| c.is_ascii_hexdigit() || c == '-'));
    tenant
        .map(|tid| template.replace("{tenantid}", &tid))
        .ok_or_else(|| Trouble::refused("its ID token names no tenant"))
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

/// Of a token that was verified.
fn algorithm(token: &str) -> Option<Algorithm> {
    let header = base64url::decode(token.split('.').next()?)?;
    Algorithm::parse(&serde_json::from_slice::<Header>(&header).ok()?.alg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_sent_as_the_standard_says() {
        // RFC 6749 2.3.1 with Appendix B: `:` and `%` of an id are not taken for the separator.
        assert_eq!(basic("a:b", &Secret::new("c d%")), "Basic YSUzQWI6YytkJTI1");
    }

    #[test]
    fn answers_of_the_token_endpoint_are_sorted() {
        let kind = |status: u16, body: &str| read(status, body.as_bytes()).err().map(|t| t.kind);
        let good = r#"{"access_token":"a","id_token":"i","token_type":"bearer","expires_in":"3599"}"#;
        assert_eq!(kind(200, good), None);
        for (status, body, due) in [
            (400, r#"{"error":"invalid_grant"}"#, Kind::Expired),
            (200, r#"{"error":"bad_verification_code"}"#, Kind::Expired),
            (200, r#"{"error":"unverified_user_email"}"#, Kind::Denied),
            (401, r#"{"error":"invalid_client"}"#, Kind::Misconfigured),
            (400, "<html>", Kind::Misconfigured),
            (302, "", Kind::Misconfigured),
            (503, "", Kind::Unreachable),
            (429, "{}", Kind::Unreachable),
            (200, "", Kind::Refused),
            (200, "[]", Kind::Refused),
            (200, r#"{"token_type":"Bearer"}"#, Kind::Refused),
            (200, r#"{"access_token":"a","token_type":"DPoP"}"#, Kind::Refused),
            (200, r#"{"access_token":"a"}"#, Kind::Refused),
            (200, r#"{"access_token":"","token_type":"Bearer"}"#, Kind::Refused),
        ] {
            assert_eq!(kind(status, body), Some(due), "{status} {body}");
        }
        let long = format!(r#"{{"access_token":"{}","token_type":"Bearer"}}"#, "a".repeat(LONGEST_TOKEN + 1));
        assert_eq!(kind(200, &long), Some(Kind::Refused));
    }

    #[test]
    fn a_tenant_is_a_uuid_or_nothing() {
        let token = |claims: &str| format!("h.{}.s", base64url::encode(claims));
        let template = "https://login.microsoftonline.com/{tenantid}/v2.0";
        let of = |claims: &str| named(template, &token(claims)).ok();
        let tid = "72f988bf-86f1-41af-91ab-2d7cd011db47";
        assert_eq!(
            of(&format!(r#"{{"tid":"{tid}"}}"#)),
            Some(format!("https://login.microsoftonline.com/{tid}/v2.0"))
        );
        for bad in [r#"{"tid":"../../evil"}"#, r#"{"tid":""}"#, r#"{"tid":7}"#, "{}", "x"] {
            assert_eq!(of(bad), None, "{bad}");
        }
        assert_eq!(named("https://id.example", "x").ok().as_deref(), Some("https://id.example"));
    }
}
