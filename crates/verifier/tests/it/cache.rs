//! Each way in which caches of verified tokens have let people in, or kept them in.

use crate::feed::{following, outcome, seen, told};
use crate::issuer::{AUDIENCE, Issuer, START, key};
use countersign_feed::Kind;
use countersign_token::{AccessToken, Audience, SigningKey, base64url};
use countersign_verifier::{Identity, Verifier};
use serde_json::json;
use std::time::Duration;

async fn kept(verifier: &Verifier, token: &str) {
    verifier.verify(token).await.unwrap();
    assert!(verifier.peek(token, |_| ()).unwrap().is_ok(), "it is not in the cache");
}

#[tokio::test]
async fn a_part_of_a_token_is_not_the_token() {
    let key = key();
    let issuer = Issuer::start(&[&key]).await;
    let verifier = issuer.verifier();
    let token = issuer.token(&key);
    kept(&verifier, &token).await;
    // The same signature, so the same place in the cache, over other claims: of an administrator.
    let claims = AccessToken { roles: vec!["admin".into()], ..issuer.claims() };
    let better = key.sign("at+jwt", &claims).unwrap();
    let (body, _) = better.rsplit_once('.').unwrap();
    let (_, signature) = token.rsplit_once('.').unwrap();
    let forged = format!("{body}.{signature}");
    assert!(verifier.peek(&forged, |_| ()).is_none());
    assert_eq!(outcome(&verifier, &forged).await, "bad_signature");
    for cut in [1, 10, token.len() / 2] {
        assert_ne!(outcome(&verifier, &token[cut..]).await, "accepted");
        assert_ne!(outcome(&verifier, &token[..token.len() - cut]).await, "accepted");
    }
}

#[tokio::test]
async fn a_verifier_of_another_audience_has_a_cache_of_its_own() {
    let key = key();
    let issuer = Issuer::start(&[&key]).await;
    let other = || {
        Verifier::builder(&issuer.url)
            .audience(["urn:api:orders"])
            .allow_http_on_loopback()
            .clock(issuer.clock.clone())
    };
    let (users, orders) = (issuer.verifier(), other().build().unwrap());
    let token = issuer.token(&key);
    kept(&users, &token).await;
    assert_eq!(outcome(&orders, &token).await, "wrong_audience");
    let both =
        AccessToken { aud: Audience(vec![AUDIENCE.into(), "urn:api:orders".into()]), ..issuer.claims() };
    let both = key.sign("at+jwt", &both).unwrap();
    kept(&users, &both).await;
    kept(&orders, &both).await;
}

#[tokio::test]
async fn times_are_judged_on_every_hit() {
    let key = key();
    let issuer = Issuer::start(&[&key]).await;
    let (verifier, lenient) =
        (issuer.verifier(), issuer.builder().leeway(Duration::from_secs(2)).build().unwrap());
    let mut claims = issuer.claims();
    claims.more.insert("nbf".into(), json!(START + 10));
    let token = key.sign("at+jwt", &claims).unwrap();
    issuer.clock.pass(10);
    kept(&verifier, &token).await;
    kept(&lenient, &token).await;
    // The clock is set back: what was valid is not yet.
    issuer.clock.set_wall(-3);
    assert!(verifier.peek(&token, |_| ()).is_none());
    assert_eq!(outcome(&verifier, &token).await, "not_yet_valid");
    issuer.clock.set_wall(0);
    for (pass, expected) in
        [(889, ["accepted"; 2]), (1, ["expired", "accepted"]), (2, ["expired", "expired"])]
    {
        issuer.clock.pass(pass);
        assert_eq!([outcome(&verifier, &token).await, outcome(&lenient, &token).await], expected, "{pass}");
    }
}

#[tokio::test]
async fn a_key_that_is_withdrawn_takes_its_entries_along() {
    let (old, new) = (key(), key());
    let issuer = Issuer::start(&[&old]).await;
    let verifier = issuer.verifier();
    let token = issuer.token(&old);
    kept(&verifier, &token).await;
    // The same document again changes nothing.
    verifier.refresh_keys().await.unwrap();
    assert!(verifier.peek(&token, |_| ()).is_some());
    issuer.publish(&[&new]);
    verifier.refresh_keys().await.unwrap();
    assert!(verifier.peek(&token, |_| ()).is_none());
    assert_eq!(outcome(&verifier, &token).await, "unknown_key");
    // Brought back, the key verifies again, under a generation of its own.
    issuer.publish(&[&new, &old]);
    verifier.refresh_keys().await.unwrap();
    assert!(verifier.peek(&token, |_| ()).is_none());
    kept(&verifier, &token).await;
}

#[tokio::test]
async fn revocation_and_staleness_are_judged_on_every_hit() {
    let key = key();
    let issuer = Issuer::with_feed(&[&key]).await;
    let verifier = following(&issuer).await;
    let token = issuer.token(&key);
    kept(&verifier, &token).await;
    issuer.clock.pass(61);
    assert_eq!(told(verifier.peek(&token, |_| ()).unwrap()), "stale");
    let seq = issuer.feed.revoke(Kind::Jti, "j1");
    seen(&verifier, |now| now.seq == seq).await;
    assert_eq!(told(verifier.peek(&token, |_| ()).unwrap()), "revoked");
}

#[tokio::test]
async fn what_a_route_asks_for_is_judged_on_every_hit() {
    let key = key();
    let issuer = Issuer::start(&[&key]).await;
    let verifier = issuer.verifier();
    let token = key.sign("at+jwt", &AccessToken { auth_time: Some(START), ..issuer.claims() }).unwrap();
    kept(&verifier, &token).await;
    let request = http::Request::builder().header("authorization", format!("Bearer {token}"));
    let (parts, ()) = request.body(()).unwrap().into_parts();
    verifier.require().scope("users:read").max_age(60).check(&parts).await.unwrap();
    let refusal = verifier.require().scope("users:purge").check(&parts).await.unwrap_err();
    assert_eq!(refusal.status(), 403);
    issuer.clock.pass(61);
    let refusal = verifier.require().max_age(60).check(&parts).await.unwrap_err();
    assert_eq!(refusal.code(), Some("insufficient_user_authentication"));
}

#[tokio::test]
async fn failures_are_never_kept_and_the_cache_is_bounded() {
    let (known, stranger) = (key(), key());
    let issuer = Issuer::start(&[&known]).await;
    let verifier = issuer.builder().cache_capacity(16).build().unwrap();
    let signed = |key: &SigningKey, n: usize| {
        key.sign("at+jwt", &AccessToken { jti: format!("j{n}"), ..issuer.claims() }).unwrap()
    };
    for n in 0..100 {
        verifier.verify(&signed(&stranger, n)).await.unwrap_err();
        let expired = AccessToken { exp: START, ..issuer.claims() };
        verifier.verify(&known.sign("at+jwt", &expired).unwrap()).await.unwrap_err();
        verifier.verify(&format!("{}x", signed(&known, n))).await.unwrap_err();
    }
    assert_eq!(verifier.status().cache.entries, 0);
    for n in 0..100 {
        verifier.verify(&signed(&known, n)).await.unwrap();
    }
    let cache = verifier.status().cache;
    assert_eq!(cache.capacity, 16);
    assert!((8..=16).contains(&cache.entries), "{cache:?}");
    // Pushed out or not, everybody gets the identity of their own token.
    for n in 0..100 {
        assert_eq!(verifier.verify(&signed(&known, n)).await.unwrap().claims().jti, format!("j{n}"));
    }
    let large = AccessToken { roles: vec!["r".repeat(10_000)], ..issuer.claims() };
    let large = known.sign("at+jwt", &large).unwrap();
    verifier.verify(&large).await.unwrap();
    assert!(verifier.peek(&large, |_| ()).is_none(), "too large to be kept");

    let without = issuer.builder().cache_capacity(0).build().unwrap();
    let token = issuer.token(&known);
    without.verify(&token).await.unwrap();
    assert!(without.peek(&token, |_| ()).is_none());
}

#[tokio::test]
async fn a_second_spelling_of_a_signature_is_revoked_with_the_first() {
    let key = key();
    let issuer = Issuer::with_feed(&[&key]).await;
    let verifier = following(&issuer).await;
    let token = issuer.token(&key);
    let twin = other_s(&token);
    assert_ne!(token, twin);
    for token in [&token, &twin] {
        kept(&verifier, token).await;
    }
    let seq = issuer.feed.revoke(Kind::Jti, "j1");
    seen(&verifier, |now| now.seq == seq).await;
    for token in [&token, &twin] {
        assert_eq!(outcome(&verifier, token).await, "revoked");
    }
}

/// The same ECDSA signature with `n - s` in place of `s`: as valid as the first (SEC 1, 4.1.4).
fn other_s(token: &str) -> String {
    const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"; // SP 800-186, P-256
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let mut bytes = base64url::decode(signature).unwrap();
    let mut borrow = 0;
    for at in (0..32).rev() {
        let n = i16::from(u8::from_str_radix(&ORDER[2 * at..2 * at + 2], 16).unwrap());
        let digit = n - i16::from(bytes[32 + at]) - borrow;
        borrow = i16::from(digit < 0);
        bytes[32 + at] = u8::try_from(digit.rem_euclid(256)).unwrap();
    }
    format!("{signed}.{}", base64url::encode(bytes))
}

#[tokio::test]
async fn tokens_show_up_nowhere() {
    let key = key();
    let issuer = Issuer::start(&[&key]).await;
    let verifier = issuer.verifier();
    let token = issuer.token(&key);
    let who = verifier.verify(&token).await.unwrap();
    let (_, signature) = token.rsplit_once('.').unwrap();
    for text in [format!("{verifier:?}"), format!("{who:?}"), format!("{:?}", verifier.status())] {
        assert!(!text.contains(signature));
    }
}

#[tokio::test]
async fn clones_of_an_identity_share_its_claims() {
    let key = key();
    let issuer = Issuer::start(&[&key]).await;
    let verifier = issuer.verifier();
    let token = issuer.token(&key);
    let claims = |who: &Identity| std::ptr::from_ref(who.claims()).addr();
    let first = verifier.verify(&token).await.unwrap();
    let second = verifier.verify(&token).await.unwrap();
    let third = verifier.peek(&token, claims).unwrap().unwrap();
    assert_eq!([claims(&first), claims(&first.clone())], [claims(&second), third]);
}
