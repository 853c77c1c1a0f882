//! Sign in with Apple: the client secret is a JWT signed by a key registered there, made for each call.

use super::{AppleKey, Trouble};
use crate::model::Secret;
use countersign_token::Timestamp;
use serde_json::json;

/// Life of such a JWT, in seconds; Apple takes up to six months.
const LIFE: i64 = 300;
/// Whom it is for, whatever the issuer is called.
const AUDIENCE: &str = "https://appleid.apple.com";

pub(super) fn secret(key: &AppleKey, client_id: &str, now: Timestamp) -> Result<Secret, Trouble> {
    let iat = now.seconds();
    let claims =
        json!({"iss": key.team_id, "sub": client_id, "aud": AUDIENCE, "iat": iat, "exp": iat + LIFE});
    let jwt = key.key.sign("JWT", &claims).map_err(|e| Trouble::misconfigured(format!("its key: {e}")))?;
    Ok(Secret::new(jwt))
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_token::{Algorithm, KeySet, Policy, SigningKey, TokenType, verify};
    use serde_json::Value;
    use std::sync::Arc;

    #[test]
    fn the_secret_says_what_apple_asks_for() {
        let signing = SigningKey::generate(Algorithm::Es256).unwrap().with_kid("ABC123DEFG");
        let keys = KeySet::new([signing.verifying_key().unwrap()]);
        let key = AppleKey { team_id: "TEAM456789".to_owned(), key: Arc::new(signing) };
        let now = Timestamp::from_seconds(1_700_000_000);
        let jwt = secret(&key, "org.example.signin", now).unwrap();
        let policy = Policy::issuer("TEAM456789")
            .audience(["https://appleid.apple.com"])
            .token_type(TokenType::Id)
            .algorithms(&[Algorithm::Es256]);
        let read = verify::<Value>(jwt.expose(), &keys, &policy, now).unwrap();
        assert_eq!(read.kid.as_deref(), Some("ABC123DEFG"));
        let due = json!({"iss": "TEAM456789", "sub": "org.example.signin", "aud": "https://appleid.apple.com",
                         "iat": 1_700_000_000, "exp": 1_700_000_300});
        assert_eq!(read.claims, due);
    }
}
