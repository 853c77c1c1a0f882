//! `/oauth/introspect` (RFC 7662): answers the token's own client and clients whose `introspects` names an
//! audience; everybody else, and every other token, gets `{"active":false}`.

use super::grant::refresh_token;
use super::params::Params;
use super::{bearer, client_auth};
use crate::Issuer;
use crate::error::{Code, Failure, Result, rejected};
use crate::model::{Client, ClientSession, Subject};
use countersign_token::{AccessToken, Timestamp};
use serde_json::{Map, Value, json};
use std::net::IpAddr;

/// The answer's body.
pub async fn introspect(
    issuer: &Issuer,
    authorization: Option<&str>,
    params: &Params,
    ip: IpAddr,
) -> Result<Value> {
    let client = client_auth::authenticate(issuer, authorization, params, ip).await?;
    if client.is_public() {
        // RFC 7662 2.1: some authentication is a must, against scanning for tokens.
        return Err(rejected(Code::InvalidClient, "introspection needs client authentication"));
    }
    params.no_repeats()?;
    let token = params.required("token")?;
    // `token_type_hint` is not needed: the forms of the two kinds cannot be taken for each other.
    if let Some(named) = refresh_token::named(issuer, token) {
        let found = issuer.store.client_session(named.sid).await?;
        let body = found.it.and_then(|(session, subject)| {
            refresh_answer(&client, &session, &subject, named.n, found.now, &issuer.settings.issuer)
        });
        return Ok(body.unwrap_or_else(inactive));
    }
    match bearer::access_token_of_any_resource(issuer, token).await {
        Ok(good) if may_see(&client, &good.it.claims) => Ok(access_answer(&good.it.claims)),
        Ok(_) | Err(Failure::Rejected(_)) => Ok(inactive()),
        Err(failure) => Err(failure),
    }
}

fn inactive() -> Value {
    json!({ "active": false })
}

fn may_see(client: &Client, claims: &AccessToken) -> bool {
    claims.client_id == client.id.as_str()
        || claims.aud.0.iter().any(|aud| client.metadata.introspects.contains(aud))
}

fn access_answer(claims: &AccessToken) -> Value {
    let mut out = match serde_json::to_value(claims) {
        Ok(Value::Object(claims)) => claims,
        _ => Map::new(),
    };
    out.insert("active".to_owned(), true.into());
    out.insert("token_type".to_owned(), "Bearer".into());
    Value::Object(out)
}

/// A refresh token is shown to its own client only, and without `token_type` or audience: nobody may take
/// it for an access token.
fn refresh_answer(
    client: &Client,
    session: &ClientSession,
    subject: &Subject,
    n: u32,
    now: Timestamp,
    issuer: &str,
) -> Option<Value> {
    let refresh = session.refresh.as_ref()?;
    let good = session.client == client.id
        && refresh.n == n
        && session.is_live(now)
        && subject.user.is_active()
        && session.user == subject.user.id;
    good.then(|| {
        json!({
            "active": true,
            "iss": issuer,
            "sub": session.user.as_str(),
            "client_id": session.client.as_str(),
            "scope": session.scopes.to_string(),
            "sid": session.id.to_string(),
            "iat": refresh.rotated_at.seconds(),
            "exp": refresh.idle_until.min(refresh.absolute_until).seconds(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Refresh;
    use crate::oauth::fixture::{API, NOW, OTHER, client, session, subject};
    use countersign_token::Audience;
    use std::time::Duration;

    #[test]
    fn who_may_see_an_access_token() {
        let claims = AccessToken {
            client_id: "app".to_owned(),
            aud: Audience(vec![API.to_owned()]),
            ..AccessToken::default()
        };
        let mut other = client();
        other.id = crate::model::ClientId::parse("other").unwrap();
        assert!(may_see(&client(), &claims));
        assert!(!may_see(&other, &claims));
        other.metadata.introspects = vec![OTHER.to_owned()];
        assert!(!may_see(&other, &claims));
        other.metadata.introspects.push(API.to_owned());
        assert!(may_see(&other, &claims));
    }

    #[test]
    fn a_refresh_token_is_active_while_its_row_says_so() {
        let later = NOW + Duration::from_secs(60);
        let mut row = session("openid", &[API]);
        row.refresh = Some(Refresh {
            n: 4,
            rotated_at: NOW,
            replays: 0,
            key_version: 1,
            rotate: true,
            epoch: 1,
            idle_until: later,
            idle_for: 60,
            absolute_until: later + Duration::from_secs(60),
        });
        let person = subject(&[]);
        let of = |client: &Client, row: &ClientSession, n, now| {
            refresh_answer(client, row, &person, n, now, "https://id.example")
        };
        let mine = of(&client(), &row, 4, NOW).unwrap();
        assert_eq!(mine["exp"], later.seconds());
        assert!(mine.get("token_type").is_none() && mine.get("aud").is_none());
        assert!(of(&client(), &row, 3, NOW).is_none(), "spent");
        assert!(of(&client(), &row, 4, later).is_none(), "idle for too long");
        let mut other = client();
        other.id = crate::model::ClientId::parse("other").unwrap();
        other.metadata.introspects = vec![API.to_owned()];
        assert!(of(&other, &row, 4, NOW).is_none(), "its own client only");
        row.revoked_at = Some(NOW);
        assert!(of(&client(), &row, 4, NOW).is_none(), "ended");
    }
}
