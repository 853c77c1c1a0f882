//! `/oauth/userinfo` (OIDC Core 5.3): an asymmetric `at+jwt` of this issuer with scope `openid`.

use super::{bearer, client_auth, issue};
use crate::Issuer;
use crate::error::{Code, Rejected, Result, rejected};
use crate::model::{Client, ClientId, Scopes, UserId};
use countersign_token::AccessToken;
use serde_json::Value;
use std::sync::Arc;

/// The claims the token's scopes allow. The client, once known, is answered for CORS.
pub async fn userinfo(issuer: &Issuer, token: Option<&str>) -> (Option<Arc<Client>>, Result<Value>) {
    let claims = match proven(issuer, token).await {
        Ok(claims) => claims,
        Err(refused) => return (None, Err(refused)),
    };
    let client = match ClientId::parse(&claims.client_id) {
        Some(id) => match client_auth::find(issuer, &id).await {
            Ok(client) => client,
            Err(failure) => return (None, Err(failure)),
        },
        None => None,
    };
    if client.is_none() {
        return (None, Err(gone()));
    }
    (client, answer(issuer, &claims).await)
}

async fn proven(issuer: &Issuer, token: Option<&str>) -> Result<Arc<AccessToken>> {
    let token = token.ok_or_else(|| Rejected::new(Code::InvalidToken, "an access token is needed"))?;
    Ok(bearer::access_token(issuer, token).await?.it.claims)
}

async fn answer(issuer: &Issuer, claims: &AccessToken) -> Result<Value> {
    let scopes = Scopes::from(claims.scope.clone());
    if !scopes.contains("openid") {
        return Err(rejected(Code::InsufficientScope, "the scope openid is needed"));
    }
    if claims.sid.is_none() {
        return Err(gone()); // a machine's token: there is nobody to tell about
    }
    let subject = issuer.directory.subject(&UserId::from_stored(claims.sub.as_str())).await?.it;
    let subject = subject.filter(|s| s.user.is_active()).ok_or_else(gone)?;
    let mut about = issue::about(&subject, &scopes);
    about.insert("sub".to_owned(), claims.sub.as_str().into());
    Ok(Value::Object(about))
}

fn gone() -> crate::error::Failure {
    rejected(Code::InvalidToken, "the token is about nobody who may be told of")
}
