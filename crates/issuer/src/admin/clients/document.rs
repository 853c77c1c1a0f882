//! One client document, read and written. Pure: what is in the store comes in as arguments.

use super::brand;
use crate::admin::level;
use crate::admin::metadata::{Effect, check, kept, member, names, unmet};
use crate::admin::{nearest, redirect, shown};
use crate::error::{Code, Rejected};
use crate::login::{Mfa, Policy};
use crate::model::client::{ClientAuthMethod, Demands};
use crate::model::{Client, ClientId, ClientMetadata, Factor, Scopes, Secret};
use countersign_token::Algorithm;
use serde_json::{Map, Value};

/// A secret shorter than this can be guessed; ours have 43 characters.
const SHORT_SECRET: usize = 32;
const LONGEST_SECRET: usize = 1024;

const AUTH_METHODS_LATER: [&str; 4] =
    ["private_key_jwt", "client_secret_jwt", "tls_client_auth", "self_signed_tls_client_auth"];
/// Grants of standards that this version does not offer: kept, and refused by the token endpoint.
const GRANTS_LATER: [&str; 5] = [
    "urn:ietf:params:oauth:grant-type:device_code",
    "urn:ietf:params:oauth:grant-type:token-exchange",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "urn:ietf:params:oauth:grant-type:saml2-bearer",
    "urn:openid:params:grant-type:ciba",
];

#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) metadata: ClientMetadata,
    pub(super) secret: Option<Secret>,
    pub(super) confidential: bool,
    pub(super) warnings: Vec<String>,
}

pub(super) fn invalid(what: impl Into<String>) -> Rejected {
    Rejected::new(Code::InvalidClientMetadata, what.into())
}

type Object = Map<String, Value>;

pub(super) fn client_id(object: &Object) -> Result<ClientId, Rejected> {
    let id = object.get("client_id").and_then(Value::as_str);
    let id = id.ok_or_else(|| invalid("client_id is missing: give the client a name of its own"))?;
    ClientId::parse(id).ok_or_else(|| {
        invalid("client_id must be 1 to 200 visible ASCII characters without spaces, not beginning with u_")
    })
}

fn text<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str)
}
fn owned(object: &Object, name: &str) -> Option<String> {
    text(object, name).map(str::to_owned)
}
fn flag(object: &Object, name: &str) -> Option<bool> {
    object.get(name).and_then(Value::as_bool)
}
fn list(object: &Object, name: &str) -> Option<Vec<String>> {
    let items = object.get(name)?.as_array()?;
    let mut out: Vec<String> = Vec::new();
    for item in items.iter().filter_map(Value::as_str) {
        if !out.iter().any(|o| o == item) {
            out.push(item.to_owned());
        }
    }
    Some(out)
}
fn seconds(object: &Object, name: &str, max: u32) -> Result<Option<u32>, Rejected> {
    let Some(value) = object.get(name).and_then(Value::as_u64) else { return Ok(None) };
    match u32::try_from(value).ok().filter(|v| *v <= max) {
        Some(value) => Ok(Some(value)),
        None => Err(invalid(format!("{name} must be at most {max} seconds"))),
    }
}

/// Checks names, forms, values, and that they fit together. `has_secret`: one is kept already.
pub(super) fn parse(document: &Object, has_secret: bool) -> Result<Parsed, Rejected> {
    let mut warnings = Vec::new();
    for (name, value) in document {
        let Some(member) = member(name) else {
            return Err(invalid(format!("{} is not known{}", shown(name), nearest(name, names()))));
        };
        // RFC 7592 2.2: null is as good as left out.
        if value.is_null() {
            continue;
        }
        check(member, value).map_err(|what| invalid(format!("{name} {what}")))?;
        if unmet(member, value) {
            warnings.push(format!("{name} is kept, but this version does not act on it"));
        }
        if member.effect == Effect::Answer && !matches!(name.as_str(), "client_id_issued_at") {
            warnings.push(format!("{name} is ignored: it belongs to the answer of a registration"));
        }
    }
    let secret = secret(document, &mut warnings)?;
    let method = auth_method(document, secret.is_some() || has_secret)?;
    let confidential = method != ClientAuthMethod::None;
    if confidential && secret.is_none() && !has_secret {
        return Err(invalid(
            "it authenticates with a secret but has none: add client_secret (32 random characters or more), or \
             set token_endpoint_auth_method to none",
        ));
    }
    if !confidential && secret.is_some() {
        warnings
            .push("client_secret is ignored: the client is public (token_endpoint_auth_method none)".into());
    }
    let metadata = metadata(document, method, &mut warnings)?;
    consistent(document, &metadata, confidential)?;
    Ok(Parsed { metadata, secret: secret.filter(|_| confidential), confidential, warnings })
}

fn secret(document: &Object, warnings: &mut Vec<String>) -> Result<Option<Secret>, Rejected> {
    let Some(secret) = text(document, "client_secret") else { return Ok(None) };
    // RFC 6749 A.2
    if secret.is_empty() || secret.len() > LONGEST_SECRET || !secret.bytes().all(|b| matches!(b, 0x20..=0x7e))
    {
        return Err(invalid("client_secret must be 1 to 1024 printable ASCII characters"));
    }
    if secret.len() < SHORT_SECRET {
        warnings.push("client_secret is short: use 32 random characters or more".into());
    }
    Ok(Some(Secret::new(secret)))
}

fn auth_method(document: &Object, has_secret: bool) -> Result<ClientAuthMethod, Rejected> {
    Ok(match text(document, "token_endpoint_auth_method") {
        Some("client_secret_basic") => ClientAuthMethod::ClientSecretBasic,
        Some("client_secret_post") => ClientAuthMethod::ClientSecretPost,
        Some("none") => ClientAuthMethod::None,
        Some(later) if AUTH_METHODS_LATER.contains(&later) => {
            return Err(invalid(format!(
                "token_endpoint_auth_method {later} is not offered by this version: use client_secret_basic"
            )));
        }
        Some(other) => {
            return Err(invalid(format!(
                "token_endpoint_auth_method {} is not known: use client_secret_basic, client_secret_post or none",
                shown(other)
            )));
        }
        None if has_secret => ClientAuthMethod::ClientSecretBasic,
        None => ClientAuthMethod::None,
    })
}

fn metadata(
    document: &Object,
    token_endpoint_auth_method: ClientAuthMethod,
    warnings: &mut Vec<String>,
) -> Result<ClientMetadata, Rejected> {
    let redirect_uris = uris(document, "redirect_uris")?;
    let direct = flag(document, "direct").unwrap_or(false);
    let grant_types =
        list(document, "grant_types").unwrap_or_else(|| match direct && redirect_uris.is_empty() {
            true => vec!["refresh_token".into()],
            false => vec!["authorization_code".into()],
        });
    let codes = grant_types.iter().any(|g| g == "authorization_code");
    let response_types = list(document, "response_types")
        .unwrap_or_else(|| if codes { vec!["code".into()] } else { Vec::new() });
    for grant in grant_types.iter().filter(|g| GRANTS_LATER.contains(&g.as_str())) {
        warnings.push(format!("grant type {grant} is kept, but this version does not offer it"));
    }
    Ok(ClientMetadata {
        scope: scope(document, codes || direct, &grant_types)?,
        redirect_uris,
        post_logout_redirect_uris: uris(document, "post_logout_redirect_uris")?,
        token_endpoint_auth_method,
        grant_types,
        response_types,
        client_name: owned(document, "client_name"),
        client_uri: owned(document, "client_uri"),
        logo_uri: owned(document, "logo_uri"),
        policy_uri: owned(document, "policy_uri"),
        tos_uri: owned(document, "tos_uri"),
        application_type: application_type(document)?,
        id_token_signed_response_alg: id_token_alg(document)?,
        default_max_age: seconds(document, "default_max_age", u32::MAX)?,
        require_auth_time: flag(document, "require_auth_time").unwrap_or(false),
        more: kept(document),
        allowed_origins: origins(document)?,
        resources: list(document, "resources").unwrap_or_default(),
        introspects: list(document, "introspects").unwrap_or_default(),
        first_party: flag(document, "first_party").unwrap_or(false),
        require_pkce: flag(document, "require_pkce").unwrap_or(true),
        refresh_without_offline_access: flag(document, "refresh_without_offline_access").unwrap_or(false),
        refresh_rotate: flag(document, "refresh_rotate").unwrap_or(false),
        refresh_idle: seconds(document, "refresh_idle", u32::MAX)?,
        refresh_absolute: seconds(document, "refresh_absolute", u32::MAX)?,
        refresh_retry_window: seconds(document, "refresh_retry_window", 300)?,
        direct,
        demands: demands(document)?,
        brand: document.get("brand").filter(|v| !v.is_null()).map(brand::parse).transpose()?,
    })
}

/// What it demands of a sign-in.
fn demands(document: &Object) -> Result<Demands, Rejected> {
    let acr = match text(document, "acr") {
        None => None,
        Some(name) => Some(level(name).map_err(|what| invalid(format!("acr {what}")))?),
    };
    let mfa = match text(document, "mfa") {
        None => None,
        Some("never") => Some(Mfa::Never),
        Some("new_device") => Some(Mfa::WhenNewDevice),
        Some("enrolled") => Some(Mfa::WhenEnrolled),
        Some("always") => Some(Mfa::Always),
        Some(other) => {
            return Err(invalid(format!(
                "mfa must be never, new_device, enrolled or always, not {}",
                shown(other)
            )));
        }
    };
    let factor = |name: &String| {
        let known = Factor::ALL.map(Factor::name);
        Factor::parse(name).ok_or_else(|| {
            invalid(format!("login_factors: {} is not known{}", shown(name), nearest(name, known)))
        })
    };
    let login_factors = list(document, "login_factors");
    let login_factors: Option<Vec<Factor>> =
        login_factors.map(|all| all.iter().map(factor).collect()).transpose()?;
    let begins = |f: &Factor| Policy::default().first.contains(f);
    if login_factors.as_ref().is_some_and(|all| !all.iter().any(begins)) {
        return Err(invalid(
            "login_factors names none that a sign-in may begin with, such as password or passkey",
        ));
    }
    let session_ttl = seconds(document, "session_ttl", u32::MAX)?;
    if session_ttl == Some(0) {
        return Err(invalid("session_ttl must be at least 1 second"));
    }
    let default_acr_values = list(document, "default_acr_values").unwrap_or_default();
    Ok(Demands { default_acr_values, acr, mfa, login_factors, session_ttl })
}

fn uris(document: &Object, name: &str) -> Result<Vec<String>, Rejected> {
    let all = list(document, name).unwrap_or_default();
    for uri in &all {
        redirect::check(uri).map_err(|what| {
            Rejected::new(Code::InvalidRedirectUri, format!("{name}: {}: {what}", shown(uri)))
        })?;
    }
    Ok(all)
}

fn origins(document: &Object) -> Result<Option<Vec<String>>, Rejected> {
    let all = list(document, "allowed_origins");
    for origin in all.iter().flatten() {
        redirect::check_origin(origin)
            .map_err(|what| invalid(format!("allowed_origins: {}: {what}", shown(origin))))?;
    }
    Ok(all)
}

/// RFC 7591 2: without `scope` the server chooses; clients that people sign in to get what OpenID Connect
/// clients expect.
fn scope(document: &Object, people: bool, grants: &[String]) -> Result<Scopes, Rejected> {
    match text(document, "scope") {
        Some(scope) => Scopes::parse(scope).ok_or_else(|| {
            invalid("scope must be at most 64 words separated by spaces, without quotes and backslashes")
        }),
        None if people => {
            let offline = grants.iter().any(|g| g == "refresh_token").then_some("offline_access");
            Ok(["openid", "profile", "email"].into_iter().chain(offline).collect())
        }
        None => Ok(Scopes::default()),
    }
}

fn application_type(document: &Object) -> Result<Option<String>, Rejected> {
    match text(document, "application_type") {
        None => Ok(None),
        Some(known @ ("web" | "native")) => Ok(Some(known.to_owned())),
        Some(other) => Err(invalid(format!("application_type must be web or native, not {}", shown(other)))),
    }
}

fn id_token_alg(document: &Object) -> Result<Option<Algorithm>, Rejected> {
    let Some(name) = text(document, "id_token_signed_response_alg") else { return Ok(None) };
    match Algorithm::parse(name) {
        Some(alg) if !alg.is_symmetric() => Ok(Some(alg)),
        _ => Err(invalid(format!(
            "id_token_signed_response_alg must be an asymmetric algorithm such as RS256 or ES256, not {}",
            shown(name)
        ))),
    }
}

/// RFC 7591 2.1 and what follows from it.
fn consistent(document: &Object, m: &ClientMetadata, confidential: bool) -> Result<(), Rejected> {
    let known = ["authorization_code", "refresh_token", "client_credentials"];
    for grant in &m.grant_types {
        let why = match grant.as_str() {
            "implicit" => "is gone from OAuth 2.1: use authorization_code with PKCE",
            "password" => "is gone from OAuth 2.1: use authorization_code, or direct for first-party apps",
            g if known.contains(&g) || GRANTS_LATER.contains(&g) => continue,
            _ => "is not known",
        };
        return Err(invalid(format!("grant_types: {} {why}", shown(grant))));
    }
    if let Some(other) = m.response_types.iter().find(|r| *r != "code") {
        return Err(invalid(format!("response_types: {} is not offered: use code", shown(other))));
    }
    let codes = m.may_code();
    if codes != m.response_types.iter().any(|r| r == "code") {
        return Err(invalid(
            "grant_types and response_types disagree: authorization_code goes with code (RFC 7591 2.1)",
        ));
    }
    if codes && m.redirect_uris.is_empty() {
        return Err(Rejected::new(
            Code::InvalidRedirectUri,
            "redirect_uris is missing: authorization_code needs one; machine clients say grant_types client_credentials",
        ));
    }
    if m.grant_types.iter().any(|g| g == "client_credentials") && !confidential {
        return Err(invalid("client_credentials needs a client that authenticates: add client_secret"));
    }
    if m.refresh_without_offline_access && !m.first_party {
        return Err(invalid("refresh_without_offline_access is for first_party clients"));
    }
    if document.get("jwks").is_some_and(|v| !v.is_null())
        && document.get("jwks_uri").is_some_and(|v| !v.is_null())
    {
        return Err(invalid("jwks and jwks_uri must not both be there (RFC 7591 2)"));
    }
    if let Some(jwks) = document.get("jwks").filter(|v| !v.is_null())
        && !jwks.get("keys").is_some_and(Value::is_array)
    {
        return Err(invalid("jwks must be a JWK Set: an object with an array keys"));
    }
    Ok(())
}

impl ClientMetadata {
    fn may_code(&self) -> bool {
        self.grant_types.iter().any(|g| g == "authorization_code")
    }
}

/// The document of a client, without its secret; `apply` takes it back unchanged.
pub(super) fn write(client: &Client) -> Result<Value, serde_json::Error> {
    let mut out = Object::new();
    out.insert("client_id".into(), client.id.as_str().into());
    if let Value::Object(mut fields) = serde_json::to_value(&client.metadata)? {
        let more = fields.remove("more");
        out.extend(fields);
        if let Some(Value::Object(more)) = more {
            out.extend(more);
        }
    }
    out.retain(|_, value| !value.is_null());
    Ok(Value::Object(out))
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
