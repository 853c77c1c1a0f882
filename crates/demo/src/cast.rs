//! Who and what is on the stage: people, clients, resources, as the command line takes them.

use crate::stage::Places;
use crate::{forge, random};
use anyhow::Result;
use serde_json::{Value, json};

/// Audience of service A.
pub(crate) const USERS: &str = "urn:demo:users";
/// Audience of service B.
pub(crate) const ORDERS: &str = "urn:demo:orders";
/// A resource whose access tokens live for one second: how expiry is shown.
pub(crate) const BRIEF: &str = "urn:demo:brief";
/// A resource verified with a shared secret, as older services are.
pub(crate) const LEGACY: &str = "urn:demo:legacy";

/// First-party app with the direct API.
pub(crate) const MOBILE: &str = "demo-mobile";
/// The same, answering no retry of a spent refresh token.
pub(crate) const STRICT: &str = "demo-mobile-strict";
/// The same, for tokens that name the one-second resource too.
pub(crate) const HASTY: &str = "demo-hasty";
/// The same, for the service with a shared secret.
pub(crate) const ARCHIVE: &str = "demo-archive";
/// Confidential web application of service A.
pub(crate) const USERS_APP: &str = "demo-users-app";
/// Confidential web application of service B.
pub(crate) const ORDERS_APP: &str = "demo-orders-app";
/// An API user.
pub(crate) const MACHINE: &str = "demo-reports";
/// An API user that may read orders only.
pub(crate) const ORDERS_MACHINE: &str = "demo-stock";
/// What service A introspects as.
pub(crate) const INTROSPECTOR: &str = "demo-users-api";
/// The level of two factors, as `acr` says it.
pub(crate) const TWO_FACTORS: &str = "urn:countersign:2";
/// Private-use scheme of the native app (RFC 8252 7.1).
pub(crate) const PRIVATE_REDIRECT: &str = "com.example.demo:/callback";

/// Somebody made up.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) username: String,
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) password: String,
    pub(crate) roles: Vec<&'static str>,
}

impl Person {
    pub(crate) fn new(username: &str, name: &str, roles: &[&'static str]) -> Result<Self> {
        Ok(Self {
            username: username.to_owned(),
            email: format!("{username}@demo.example"),
            name: name.to_owned(),
            password: random::password()?,
            roles: roles.to_vec(),
        })
    }

    /// Somebody who was never here before.
    pub(crate) fn stranger() -> Result<Self> {
        Self::new(&format!("guest-{}", random::name()?), "Guest", &[])
    }
}

/// Everybody, with secrets made at start.
pub(crate) struct Cast {
    pub(crate) alice: Person,
    pub(crate) bob: Person,
    pub(crate) client_secret: String,
    pub(crate) api_key: String,
    pub(crate) legacy_secret: String,
}

impl Cast {
    pub(crate) fn make() -> Result<Self> {
        Ok(Self {
            alice: Person::new("alice", "Alice Example", &["admin"])?,
            bob: Person::new("bob", "Bob Example", &[])?,
            client_secret: random::secret()?,
            api_key: random::secret()?,
            legacy_secret: random::secret()?,
        })
    }

    /// The document of `resource apply`.
    pub(crate) fn resources(&self) -> Value {
        json!([
            {
                "resource": USERS,
                "name": "Team directory",
                "scopes": ["users:read", "users:write"],
                "by_role": ["users:write"],
            },
            { "resource": ORDERS, "name": "Orders", "scopes": ["orders:read"] },
            { "resource": BRIEF, "name": "One second", "scopes": ["brief:read"], "access_token_ttl": 1 },
            {
                "resource": LEGACY,
                "name": "Archive",
                "scopes": ["archive:read"],
                "signing_alg": "HS256",
                "secret": self.legacy_secret,
            },
        ])
    }

    /// The document of `client apply`.
    pub(crate) fn clients(&self, places: &Places) -> Value {
        let web = |id: &str, name: &str, base: &str, resource: &str, scope: &str| {
            json!({
                "client_id": id,
                "client_name": name,
                "client_secret": self.client_secret,
                "redirect_uris": [format!("{base}/callback")],
                "post_logout_redirect_uris": [format!("{base}/")],
                "grant_types": ["authorization_code", "refresh_token"],
                "scope": format!("openid profile email {scope}"),
                "resources": [resource],
                "first_party": true,
            })
        };
        let machine = |id: &str, name: &str, scope: &str, resources: &[&str]| {
            json!({
                "client_id": id,
                "client_name": name,
                "client_secret": self.api_key,
                "grant_types": ["client_credentials"],
                "scope": scope,
                "resources": resources,
            })
        };
        let everyday = "users:read users:write orders:read";
        let strict = mobile(STRICT, places, everyday, &[USERS, ORDERS]);
        let strict = forge::with(&strict, "refresh_retry_window", Some(json!(0)));
        json!([
            web(USERS_APP, "Team directory", &places.users, USERS, "users:read users:write"),
            web(ORDERS_APP, "Orders", &places.orders, ORDERS, "orders:read"),
            mobile(MOBILE, places, everyday, &[USERS, ORDERS]),
            mobile(HASTY, places, "users:read brief:read", &[USERS, BRIEF]),
            mobile(ARCHIVE, places, "archive:read", &[LEGACY]),
            strict,
            machine(MACHINE, "Reports", "users:read orders:read", &[USERS, ORDERS]),
            machine(ORDERS_MACHINE, "Stock", "orders:read", &[USERS, ORDERS]),
            {
                "client_id": INTROSPECTOR,
                "client_name": "Team directory API",
                "client_secret": self.client_secret,
                "grant_types": ["client_credentials"],
                "scope": "",
                "introspects": [USERS, ORDERS],
            },
        ])
    }
}

fn mobile(id: &str, places: &Places, scope: &str, resources: &[&str]) -> Value {
    json!({
        "client_id": id,
        "client_name": "Pocket",
        "application_type": "native",
        "token_endpoint_auth_method": "none",
        "redirect_uris": ["http://127.0.0.1/callback", PRIVATE_REDIRECT],
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": format!("openid profile email {scope}"),
        "resources": resources,
        "allowed_origins": [places.app],
        "first_party": true,
        "direct": true,
        "refresh_without_offline_access": true,
    })
}
