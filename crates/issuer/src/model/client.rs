//! An application that asks for tokens: RFC 7591 metadata and ours.

use super::{Acr, Brand, ClientId, Digest, Factor, Scopes};
use crate::login::Mfa;
use countersign_token::{Algorithm, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How a client proves who it is (RFC 7591 2 `token_endpoint_auth_method`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthMethod {
    /// A public client.
    None,
    /// RFC 6749 2.3.1, header.
    ClientSecretBasic,
    /// RFC 6749 2.3.1, body.
    ClientSecretPost,
}

/// What a client is registered with. Names are those of the IANA registry; the last block is ours.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ClientMetadata {
    /// Exact matches; loopback ones with any port (RFC 8252 7.3).
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// RP-Initiated Logout 3.
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<String>,
    /// Default: `client_secret_basic` with a secret, else `none`.
    pub token_endpoint_auth_method: ClientAuthMethod,
    /// Default: `authorization_code`.
    pub grant_types: Vec<String>,
    /// Default: `code`.
    pub response_types: Vec<String>,
    /// Scopes the client may ask for.
    #[serde(default)]
    pub scope: Scopes,
    /// For people.
    pub client_name: Option<String>,
    /// Home page, shown on consent.
    pub client_uri: Option<String>,
    /// Logo, shown on consent.
    pub logo_uri: Option<String>,
    /// Privacy policy.
    pub policy_uri: Option<String>,
    /// Terms of service.
    pub tos_uri: Option<String>,
    /// `web` or `native`.
    pub application_type: Option<String>,
    /// Default: RS256 (OIDC Registration 2).
    pub id_token_signed_response_alg: Option<Algorithm>,
    /// Seconds; OIDC Registration 2.
    pub default_max_age: Option<u32>,
    /// OIDC Registration 2.
    #[serde(default)]
    pub require_auth_time: bool,
    /// Everything else of the registry, kept as given (`contacts`, `client_name#de`, `jwks`, ...).
    #[serde(default)]
    pub more: Map<String, Value>,

    /// Origins that may call with CORS; default: those of a public client's redirect URIs.
    pub allowed_origins: Option<Vec<String>>,
    /// Default audience, in order.
    #[serde(default)]
    pub resources: Vec<String>,
    /// Audiences whose tokens it may introspect.
    #[serde(default)]
    pub introspects: Vec<String>,
    /// No consent page.
    #[serde(default)]
    pub first_party: bool,
    /// Default true.
    pub require_pkce: bool,
    /// A refresh token without `offline_access`; first-party clients only.
    #[serde(default)]
    pub refresh_without_offline_access: bool,
    /// Rotate although confidential; public clients always do.
    #[serde(default)]
    pub refresh_rotate: bool,
    /// Seconds; default 7 days.
    pub refresh_idle: Option<u32>,
    /// Seconds; default 30 days.
    pub refresh_absolute: Option<u32>,
    /// Seconds, 0 to 300; default 30.
    pub refresh_retry_window: Option<u32>,
    /// May use the direct API.
    #[serde(default)]
    pub direct: bool,
    /// How pages on the way to it look.
    pub brand: Option<Brand>,
    /// What it demands of a sign-in.
    #[serde(flatten)]
    pub demands: Demands,
}

/// What a client demands of a sign-in, beside the house; never less than the house.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Demands {
    /// OIDC Registration 2: asked for when the request names none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub default_acr_values: Vec<String>,
    /// The least level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<Acr>,
    /// When a second factor is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mfa: Option<Mfa>,
    /// Factors that count here; `None`: all of the house's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_factors: Option<Vec<Factor>>,
    /// Seconds that a proof is good for here: older ones are asked for again, and refresh tokens end with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_ttl: Option<u32>,
}

/// A registered client.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Client {
    /// Its id.
    pub id: ClientId,
    /// What it is registered with.
    pub metadata: ClientMetadata,
    /// Keyed digests of its secrets (`oauth::client_auth`); two while one is being replaced.
    #[serde(skip)]
    pub secrets: Vec<Digest>,
    /// When last changed.
    pub updated_at: Timestamp,
}

impl Client {
    /// Has no way to prove who it is.
    pub fn is_public(&self) -> bool {
        self.metadata.token_endpoint_auth_method == ClientAuthMethod::None
    }
    /// May it use this grant?
    pub fn may_use(&self, grant_type: &str) -> bool {
        self.metadata.grant_types.iter().any(|g| g == grant_type)
    }
    /// Do its refresh tokens rotate (RFC 9700 4.14.2)?
    pub fn rotates(&self) -> bool {
        self.is_public() || self.metadata.refresh_rotate
    }
    /// Origins its pages may call from with CORS (Fetch 3.2): those listed, or those of a public client's
    /// redirect URIs.
    pub fn origins(&self) -> Vec<String> {
        if let Some(listed) = &self.metadata.allowed_origins {
            return listed.clone();
        }
        let uris = self.metadata.redirect_uris.iter().filter(|_| self.is_public());
        let origins = uris.filter_map(|u| url::Url::parse(u).ok()).map(|u| u.origin());
        let mut out: Vec<_> = origins.filter(|o| o.is_tuple()).map(|o| o.ascii_serialization()).collect();
        out.sort();
        out.dedup();
        out
    }
    /// The name for people.
    pub fn display_name(&self) -> &str {
        self.metadata.client_name.as_deref().unwrap_or(self.id.as_str())
    }
}
