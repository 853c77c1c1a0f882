//! Metadata (OIDC Discovery 3, RFC 8414 2) from one table.

use super::{grant, target};
use crate::Issuer;
use crate::error::{Failure, Result};
use crate::keys::Document;
use crate::model::{Acr, Digest};
use countersign_feed::metadata;
use countersign_token::{Algorithm, base64url};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// One member of the document.
struct Member {
    name: &'static str,
    value: fn(&Facts<'_>) -> Value,
}

/// What members are made from.
struct Facts<'a> {
    issuer: &'a str,
    ui_locales: &'a [String],
    algorithms: &'a [Algorithm],
    /// Of all resources.
    scopes: &'a [String],
    /// People may make accounts by themselves.
    sign_up: bool,
}

impl Facts<'_> {
    fn url(&self, path: &str) -> Value {
        format!("{}{path}", self.issuer).into()
    }
}

const CLIENT_AUTH: &[&str] = &["client_secret_basic", "client_secret_post", "none"];

/// Only what is really there: what stands here is tested from outside.
const MEMBERS: &[Member] = &[
    Member { name: "issuer", value: |f| f.issuer.into() },
    Member { name: "authorization_endpoint", value: |f| f.url("/oauth/authorize") },
    // draft-ietf-oauth-first-party-apps, 8.
    Member { name: "authorization_challenge_endpoint", value: |f| f.url("/oauth/authorize-challenge") },
    Member { name: "token_endpoint", value: |f| f.url("/oauth/token") },
    Member { name: "userinfo_endpoint", value: |f| f.url("/oauth/userinfo") },
    Member { name: "jwks_uri", value: |f| f.url("/.well-known/jwks.json") },
    Member { name: "introspection_endpoint", value: |f| f.url("/oauth/introspect") },
    Member { name: "revocation_endpoint", value: |f| f.url("/oauth/revoke") },
    Member { name: "end_session_endpoint", value: |f| f.url("/oauth/logout") },
    Member { name: metadata::SERVER_METADATA, value: |f| f.url(metadata::PATH) },
    // draft-ietf-oauth-status-list-21, 9.1.
    Member { name: "status_list_aggregation_endpoint", value: |f| f.url(crate::status_list::PATH) },
    Member {
        name: "scopes_supported",
        value: |f| target::IDENTITY.iter().copied().chain(f.scopes.iter().map(String::as_str)).collect(),
    },
    Member { name: "response_types_supported", value: |_| json!(["code"]) },
    Member { name: "response_modes_supported", value: |_| json!(["query", "fragment", "form_post"]) },
    Member { name: "grant_types_supported", value: |_| grant::names().collect() },
    Member { name: "subject_types_supported", value: |_| json!(["public"]) },
    Member {
        name: "id_token_signing_alg_values_supported",
        value: |f| f.algorithms.iter().filter(|a| !a.is_symmetric()).map(|a| a.name()).collect(),
    },
    Member { name: "token_endpoint_auth_methods_supported", value: |_| json!(CLIENT_AUTH) },
    Member { name: "revocation_endpoint_auth_methods_supported", value: |_| json!(CLIENT_AUTH) },
    Member {
        name: "introspection_endpoint_auth_methods_supported",
        value: |_| json!(["client_secret_basic", "client_secret_post"]),
    },
    Member { name: "code_challenge_methods_supported", value: |_| json!(["S256"]) },
    Member {
        name: "claims_supported",
        value: |_| {
            json!([
                "iss",
                "sub",
                "aud",
                "exp",
                "iat",
                "auth_time",
                "nonce",
                "acr",
                "amr",
                "sid",
                "at_hash",
                "name",
                "preferred_username",
                "updated_at",
                "email",
                "email_verified"
            ])
        },
    },
    Member { name: "ui_locales_supported", value: |f| json!(f.ui_locales) },
    Member { name: "claim_types_supported", value: |_| json!(["normal"]) },
    Member {
        name: "acr_values_supported",
        value: |_| Acr::ALL.map(Acr::name).into_iter().chain(["phr"]).collect(),
    },
    Member {
        name: "prompt_values_supported",
        value: |f| {
            let create = f.sign_up.then_some("create");
            ["none", "login", "consent", "select_account"].into_iter().chain(create).collect()
        },
    },
    // OIDC Discovery 3: `request_uri` counts as supported when nothing is said.
    Member { name: "claims_parameter_supported", value: |_| false.into() },
    Member { name: "request_parameter_supported", value: |_| false.into() },
    Member { name: "request_uri_parameter_supported", value: |_| false.into() },
    Member { name: "authorization_response_iss_parameter_supported", value: |_| true.into() },
];

/// `/.well-known/openid-configuration`; `/.well-known/oauth-authorization-server` answers the same members.
/// Made when keys or resources change, not per request: callers keep it and ask again after [`revision`] moved.
pub async fn document(issuer: &Issuer) -> Result<Document> {
    let mut algorithms = issuer.keys.algorithms();
    algorithms.sort_by_key(|a| a.name());
    let resources = issuer.directory.resources().await?;
    let scopes: BTreeSet<&str> = resources.values().flat_map(|r| r.scopes.iter()).collect();
    let scopes: Vec<String> =
        scopes.into_iter().filter(|s| !target::IDENTITY.contains(s)).map(str::to_owned).collect();
    let settings = &issuer.settings;
    let facts = Facts {
        issuer: &settings.issuer,
        ui_locales: &settings.ui_locales,
        algorithms: &algorithms,
        scopes: &scopes,
        sign_up: settings.sign_up.enabled,
    };
    render(&facts)
}

/// Moves when [`document`] would answer something else.
pub fn revision(issuer: &Issuer) -> u64 {
    // Both only grow, so their sum moves with either.
    issuer.keys.version().unsigned_abs().wrapping_add(issuer.directory.revision())
}

fn render(facts: &Facts<'_>) -> Result<Document> {
    let members: Map<String, Value> = MEMBERS.iter().map(|m| (m.name.to_owned(), (m.value)(facts))).collect();
    let body = serde_json::to_vec(&members).map_err(|e| Failure::Bug(e.to_string()))?;
    let etag = format!("\"{}\"", base64url::encode(Digest::of(&body).0));
    Ok(Document { body: body.into(), etag: etag.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_whole_and_honest() {
        let algorithms = [Algorithm::Es256, Algorithm::Rs256];
        let facts = Facts {
            issuer: "https://id.example",
            ui_locales: &["en".to_owned()],
            algorithms: &algorithms,
            scopes: &["read".to_owned()],
            sign_up: false,
        };
        let made = render(&facts).unwrap();
        let document: Map<String, Value> = serde_json::from_slice(&made.body).unwrap();
        assert_eq!(document.len(), MEMBERS.len(), "no member twice");
        // OIDC Discovery 3 and RFC 8414 2: required.
        for name in [
            "issuer",
            "authorization_endpoint",
            "token_endpoint",
            "jwks_uri",
            "response_types_supported",
            "subject_types_supported",
            "id_token_signing_alg_values_supported",
        ] {
            assert!(document.contains_key(name), "{name}");
        }
        assert_eq!(document["token_endpoint"], "https://id.example/oauth/token");
        assert_eq!(document["request_uri_parameter_supported"], false);
        assert_eq!(document["id_token_signing_alg_values_supported"], json!(["ES256", "RS256"]));
        assert_eq!(
            document["grant_types_supported"],
            json!(["authorization_code", "refresh_token", "client_credentials"])
        );
        assert_eq!(
            document["prompt_values_supported"],
            json!(["none", "login", "consent", "select_account"])
        );
        let open = render(&Facts { sign_up: true, ..facts }).unwrap();
        let open: Map<String, Value> = serde_json::from_slice(&open.body).unwrap();
        assert_eq!(
            open["prompt_values_supported"],
            json!(["none", "login", "consent", "select_account", "create"])
        );
        assert!(made.etag.starts_with('"') && made.etag.ends_with('"') && made.etag.len() == 45);
        assert_eq!(render(&facts).unwrap().etag, made.etag, "the same bytes, the same tag");
    }
}
