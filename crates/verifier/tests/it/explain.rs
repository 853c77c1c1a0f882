//! Why a token is refused, step by step.

use crate::feed::{following, seen};
use crate::issuer::{AUDIENCE, Issuer, START, key};
use countersign_feed::Kind;
use countersign_token::{AccessToken, Audience};
use countersign_verifier::{Explanation, Verdict};

fn verdicts(told: &Explanation, verdict: Verdict) -> Vec<&'static str> {
    told.steps.iter().filter(|step| step.verdict == verdict).map(|step| step.name).collect()
}

#[tokio::test]
async fn each_refusal_is_found_at_its_step() {
    let (known, stranger) = (key(), key());
    let issuer = Issuer::with_feed(&[&known]).await;
    let verifier = following(&issuer).await;
    type Change = fn(&mut AccessToken);
    let cases: [(&str, &[&str], Change); 6] = [
        ("wrong_issuer", &["iss"], |c| c.iss = "https://other.example".into()),
        ("wrong_audience", &["aud"], |c| c.aud = Audience(vec!["urn:api:orders".into()])),
        ("expired", &["exp"], |c| c.exp = START),
        ("not_yet_valid", &["nbf"], |c| c.iat = START + 10),
        ("wrong_audience", &["aud", "exp"], |c| (c.aud, c.exp) = (Audience(vec!["x".into()]), START)),
        ("wrong_issuer", &["iss", "aud"], |c| (c.iss, c.aud) = ("x".into(), Audience(Vec::new()))),
    ];
    for (code, refused, change) in cases {
        let mut claims = issuer.claims();
        change(&mut claims);
        let token = known.sign("at+jwt", &claims).unwrap();
        let told = verifier.explain(&token).await;
        assert_eq!((told.accepted, told.code.as_deref()), (false, Some(code)));
        assert_eq!(verdicts(&told, Verdict::Refused), refused, "{code}");
        assert!(!serde_json::to_string(&told).unwrap().contains(&token));
    }
    let told = verifier.explain(&known.sign("JWT", &issuer.claims()).unwrap()).await;
    assert_eq!(verdicts(&told, Verdict::Refused), ["typ"]);
    let told = verifier.explain(&issuer.token(&stranger)).await;
    assert_eq!((verdicts(&told, Verdict::Refused), told.code.as_deref()), (vec!["key"], Some("unknown_key")));
    let told = verifier.explain("not a token").await;
    assert_eq!((told.steps.len(), verdicts(&told, Verdict::Refused)), (1, vec!["form"]));
}

#[tokio::test]
async fn a_bad_signature_is_said_first_and_the_rest_still_told() {
    let key = key();
    let issuer = Issuer::start(&[&key]).await;
    let (body, _) = issuer.token(&key).rsplit_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let other = key.sign("at+jwt", &AccessToken { jti: "x".into(), ..issuer.claims() }).unwrap();
    let told = issuer.verifier().explain(&format!("{body}.{}", other.rsplit_once('.').unwrap().1)).await;
    assert_eq!((told.accepted, told.code.as_deref()), (false, Some("bad_signature")));
    assert_eq!(verdicts(&told, Verdict::Refused), ["signature"]);
    assert_eq!(verdicts(&told, Verdict::Good), ["form", "key", "typ", "iss", "aud", "exp", "nbf"]);
    let aud = told.steps.iter().find(|step| step.name == "aud").unwrap();
    assert_eq!((aud.expected.as_str(), aud.came.as_str()), (AUDIENCE, r#""urn:api:users""#));
    assert_eq!((told.key_id.as_deref(), told.algorithm.as_deref()), (Some(key.kid()), Some("ES256")));
}

#[tokio::test]
async fn the_rule_that_covers_a_token_is_named() {
    let key = key();
    let issuer = Issuer::with_feed(&[&key]).await;
    let verifier = following(&issuer).await;
    let token = issuer.token(&key);
    let told = verifier.explain(&token).await;
    assert!(told.accepted && told.feed_age_ms == Some(0));
    assert_eq!(verdicts(&told, Verdict::Good).len(), 11);
    issuer.clock.pass(1);
    let seq = issuer.feed.revoke(Kind::Sub, "u_1");
    seen(&verifier, |now| now.seq == seq).await;
    let told = verifier.explain(&token).await;
    assert_eq!((told.code.as_deref(), verdicts(&told, Verdict::Refused)), (Some("revoked"), vec!["rules"]));
    let rule = told.revocation.unwrap();
    assert_eq!((rule.kind, rule.epoch, rule.cutoff), ("sub", Some(1), None));
    issuer.clock.pass(61);
    let told = verifier.explain(&token).await;
    assert_eq!((told.code.as_deref(), verdicts(&told, Verdict::Refused)), (Some("stale"), vec!["staleness"]));
}
