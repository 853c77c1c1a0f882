//! GitHub: plain OAuth 2. Who the person is says its API; of their addresses the primary one, if confirmed.

use super::discovery::Metadata;
use super::{Identity, Provider, Trouble, document};
use crate::Issuer;
use crate::model::Secret;
use serde::Deserialize;
use serde_json::{Map, Value};

const PUBLIC: &str = "https://github.com";
const PUBLIC_API: &str = "https://api.github.com";
/// Addresses of a person that are looked at: a page of the API holds no more, and 30 unless it is said.
const MOST_ADDRESSES: usize = 100;

/// GitHub publishes none; an Enterprise server has its API below its own address.
pub(super) fn metadata(base: &str) -> Metadata {
    let api = if base == PUBLIC { PUBLIC_API.to_owned() } else { format!("{base}/api/v3") };
    Metadata {
        authorization: format!("{base}/login/oauth/authorize"),
        token: format!("{base}/login/oauth/access_token"),
        userinfo: Some(api),
        jwks: String::new(),
        algorithms: Vec::new(),
        basic: false,
        names_itself: false,
    }
}

#[derive(Deserialize)]
struct User {
    id: u64,
    login: String,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Address {
    email: String,
    #[serde(default)]
    primary: bool,
    #[serde(default)]
    verified: bool,
}

/// The person behind an access token.
pub(super) async fn identity(
    issuer: &Issuer,
    provider: &Provider,
    metadata: &Metadata,
    access_token: &Secret,
) -> Result<Identity, Trouble> {
    let unread = |e: serde_json::Error| Trouble::refused(format!("its API cannot be read: {e}"));
    let api = metadata.userinfo.as_deref().unwrap_or(PUBLIC_API);
    let user = document(issuer, &format!("{api}/user"), Some(access_token)).await?;
    let claims: Map<String, Value> = serde_json::from_slice(&user).map_err(unread)?;
    let user: User = serde_json::from_slice(&user).map_err(unread)?;
    // Left out of the scopes by the operator: then nobody's address is known.
    let asked = provider.settings.scopes.iter().any(|s| s == "user:email" || s == "user");
    let addresses: Vec<Address> = match asked {
        true => {
            let body =
                document(issuer, &format!("{api}/user/emails?per_page={MOST_ADDRESSES}"), Some(access_token))
                    .await?;
            serde_json::from_slice(&body).map_err(unread)?
        }
        false => Vec::new(),
    };
    let primary = addresses.into_iter().find(|a| a.primary && a.verified);
    let name = user.name.filter(|n| !n.trim().is_empty()).unwrap_or(user.login);
    // The number stays when the name is given to somebody else.
    Identity::new(user.id.to_string(), primary.map(|a| (a.email, true)), Some(name), claims)
}
