//! Tokens bound to a key: worth nothing without the proof.

use crate::issuer::{Issuer, key};
use countersign_token::{AccessToken, SigningKey};
use countersign_verifier::{Identity, ProofCheck, ProofError, Refusal, Scheme};
use http::request::Parts;
use serde_json::{Value, json};

/// Takes a proof that names the token's key.
struct Named;

#[async_trait::async_trait]
impl ProofCheck for Named {
    async fn check(
        &self,
        request: &Parts,
        scheme: Scheme,
        _: &str,
        who: &Identity,
    ) -> Result<(), ProofError> {
        let due = who.confirmation().and_then(|cnf| cnf.get("jkt")).and_then(Value::as_str);
        let came = request.headers.get("dpop").and_then(|value| value.to_str().ok());
        if scheme == Scheme::Dpop && due.is_some() && due == came {
            return Ok(());
        }
        let nonce = Some("n1".to_owned());
        Err(ProofError { code: "invalid_dpop_proof", detail: "no proof of that key".to_owned(), nonce })
    }
}

fn request(authorization: String, proof: Option<&str>) -> Parts {
    let mut request = http::Request::builder().header("authorization", authorization);
    if let Some(proof) = proof {
        request = request.header("dpop", proof);
    }
    request.body(()).unwrap().into_parts().0
}

fn bound(issuer: &Issuer, key: &SigningKey, cnf: Value) -> String {
    let mut claims: AccessToken = issuer.claims();
    claims.more.insert("cnf".to_owned(), cnf);
    key.sign("at+jwt", &claims).unwrap()
}

#[tokio::test]
async fn without_a_hook_a_bound_token_is_refused_however_it_comes() {
    let key = key();
    let issuer = Issuer::start(&[&key]).await;
    let verifier = issuer.verifier();
    for cnf in
        [json!({ "jkt": "k1" }), json!({ "x5t#S256": "t1" }), json!({ "new": 1 }), json!({}), Value::Null]
    {
        let token = bound(&issuer, &key, cnf.clone());
        for _ in 0..2 {
            // The second time from the cache.
            for outcome in [
                verifier.verify(&token).await,
                verifier.verify_request(&request(format!("Bearer {token}"), Some("k1"))).await,
            ] {
                let Err(Refusal::InvalidToken(error)) = outcome else { panic!("{cnf}: {outcome:?}") };
                assert_eq!(error.code, "proof_required");
            }
        }
        assert!(verifier.peek(&token, |_| ()).is_none());
        let outcome = verifier.verify_request(&request(format!("DPoP {token}"), Some("k1"))).await;
        assert!(matches!(outcome, Err(Refusal::NoCredentials)));
    }
}

#[tokio::test]
async fn a_hook_decides_and_nothing_is_downgraded() {
    let key = key();
    let issuer = Issuer::start(&[&key]).await;
    let verifier = issuer.builder().proof_check(Named).build().unwrap();
    let (token, free) = (bound(&issuer, &key, json!({ "jkt": "k1" })), issuer.token(&key));
    let ask = async |scheme: &str, token: &str, proof: Option<&str>| {
        verifier.verify_request(&request(format!("{scheme} {token}"), proof)).await
    };
    for _ in 0..2 {
        ask("DPoP", &token, Some("k1")).await.unwrap();
        ask("dpop", &token, Some("k1")).await.unwrap();
        ask("Bearer", &free, None).await.unwrap();
        for (scheme, token, proof) in [
            ("DPoP", &token, None),
            ("DPoP", &token, Some("k2")),
            ("Bearer", &token, None),
            ("Bearer", &token, Some("k1")), // RFC 9449 7.1
            ("DPoP", &free, Some("k1")),
        ] {
            let refusal = ask(scheme, token, proof).await.unwrap_err();
            assert_eq!((refusal.status().as_u16(), refusal.code()), (401, Some("invalid_dpop_proof")));
            let challenge = refusal.challenge("api").unwrap();
            assert!(
                challenge.starts_with("DPoP ") && challenge.ends_with("algs=\"ES256 EdDSA\""),
                "{challenge}"
            );
            let answer: http::Response<String> = refusal.response("api");
            assert_eq!(answer.headers()["dpop-nonce"], "n1");
        }
    }
    // Without a request there is no proof.
    assert!(verifier.verify(&token).await.is_err());
}
