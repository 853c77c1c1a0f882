//! Fixed keys: nothing is ever fetched.

use crate::issuer::{AUDIENCE, Hands, claims, jwks, key};
use countersign_token::{Algorithm, SigningKey};
use countersign_verifier::{Builder, Verifier};

const ISSUER: &str = "https://id.example";

fn builder() -> Builder {
    Verifier::builder(ISSUER).audience([AUDIENCE]).clock(Hands::default())
}

#[tokio::test]
async fn keys_given_verify_without_a_network() {
    let (known, stranger) = (key(), key());
    let verifier = builder().jwks(jwks(&[&known]).as_bytes()).unwrap().build().unwrap();
    verifier.ready().await.unwrap();
    verifier.refresh_keys().await.unwrap();
    verifier.verify(&known.sign("at+jwt", &claims(ISSUER)).unwrap()).await.unwrap();
    let refusal = verifier.verify(&stranger.sign("at+jwt", &claims(ISSUER)).unwrap()).await.unwrap_err();
    assert_eq!(refusal.status(), 401);
}

#[tokio::test]
async fn a_shared_secret_verifies_and_nothing_else_does() {
    let shared = SigningKey::generate(Algorithm::Hs256).unwrap();
    let other = SigningKey::generate(Algorithm::Hs256).unwrap();
    let secret = shared.private_bytes();
    for kid in [Some(shared.kid()), None] {
        let verifier = builder().secret(Algorithm::Hs256, kid, &secret).unwrap().build().unwrap();
        verifier.verify(&shared.sign("at+jwt", &claims(ISSUER)).unwrap()).await.unwrap();
        for stranger in [&other, &key()] {
            let token = stranger.sign("at+jwt", &claims(ISSUER)).unwrap();
            assert_eq!(verifier.verify(&token).await.unwrap_err().status(), 401);
        }
    }
}

#[test]
fn weak_or_private_keys_are_refused() {
    builder().secret(Algorithm::Hs256, None, b"short").unwrap_err();
    builder().jwks(b"not json").unwrap_err();
    builder()
        .jwks(br#"{"keys":[{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}"#)
        .unwrap_err();
}
