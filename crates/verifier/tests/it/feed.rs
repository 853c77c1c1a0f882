//! The feed followed: what is revoked is refused, everywhere and at once, and age shows.

use crate::feed_server::{Feed, UNTIL, feed_key};
use crate::issuer::{Answer, Issuer, JWKS, METADATA, START, key};
use countersign_feed::{Chain, Cutoff, Kind, Rule};
use countersign_token::provider::{DEFAULT, Provider};
use countersign_token::{AccessToken, SigningKey};
use countersign_verifier::{FeedChange, OnStale, Refusal, Verifier};
use serde_json::json;
use std::time::Duration;

/// Until the verifier has what is asked for.
pub(crate) async fn seen(verifier: &Verifier, wanted: impl FnMut(&FeedChange) -> bool) {
    let mut changes = verifier.feed_changes();
    let waited = tokio::time::timeout(Duration::from_secs(30), changes.wait_for(wanted)).await;
    waited.expect("the change never came").unwrap();
}

pub(crate) async fn outcome(verifier: &Verifier, token: &str) -> &'static str {
    told(verifier.verify(token).await.map(drop))
}

pub(crate) fn told(outcome: Result<(), Refusal>) -> &'static str {
    match outcome {
        Ok(()) => "accepted",
        Err(Refusal::Revoked(_)) => "revoked",
        Err(Refusal::Stale { .. }) => "stale",
        Err(Refusal::InvalidToken(error)) => error.code,
        Err(other) => panic!("{other:?}"),
    }
}

fn with_session(issuer: &Issuer) -> AccessToken {
    AccessToken { sid: Some("s1".to_owned()), ..issuer.claims() }
}

/// A verifier that has proven a head.
pub(crate) async fn following(issuer: &Issuer) -> Verifier {
    let verifier = issuer.verifier();
    verifier.ready().await.unwrap();
    issuer.feed.streaming().await;
    verifier
}

#[tokio::test]
async fn every_kind_of_revocation_is_enforced_also_on_a_token_seen_before() {
    let key = key();
    let issuer = Issuer::with_feed(&[&key]).await;
    let token = key.sign("at+jwt", &with_session(&issuer)).unwrap();
    for (kind, id) in [
        (Kind::Jti, "j1"),
        (Kind::Sid, "s1"),
        (Kind::Sub, "u_1"),
        (Kind::Cid, "web"),
        (Kind::Kid, key.kid()),
        (Kind::Iss, ""),
    ] {
        let issuer = Issuer::with_feed(&[&key]).await;
        let token = key.sign("at+jwt", &AccessToken { iss: issuer.url.clone(), ..with_session(&issuer) });
        let token = token.unwrap();
        let verifier = following(&issuer).await;
        assert_eq!(outcome(&verifier, &token).await, "accepted");
        assert_eq!(outcome(&verifier, &token).await, "accepted"); // from the cache
        let seq = issuer.feed.revoke(kind, id);
        seen(&verifier, |now| now.seq == seq).await;
        assert_eq!(outcome(&verifier, &token).await, "revoked", "{kind:?}");
        let refusal = verifier.verify(&token).await.unwrap_err();
        let Refusal::Revoked(rule) = &refusal else { panic!("{refusal:?}") };
        assert_eq!((rule.kind, rule.epoch, rule.until), (kind.name(), Some(1), Some(i64::from(UNTIL))));
        assert_eq!((refusal.status().as_u16(), refusal.code()), (401, Some("invalid_token")));
    }
    let verifier = following(&issuer).await;
    assert_eq!(outcome(&verifier, &token).await, "accepted", "another issuer's rules are not this one's");
}

#[tokio::test]
async fn a_bucket_covers_its_subjects_up_to_its_cutoff() {
    let key = key();
    let issuer = Issuer::with_feed(&[&key]).await;
    let verifier = following(&issuer).await;
    let name = issuer.feed.lock().log.rule(Kind::Sub, "u_1").h;
    let cutoff = Cutoff(u32::try_from(START).unwrap() + 10);
    let seq = issuer.feed.add(&[Rule { kind: Kind::Bucket, h: name >> 48, cutoff, until: UNTIL }]);
    seen(&verifier, |now| now.seq == seq).await;
    issuer.clock.pass(11);
    issuer.feed.beat();
    for (iat, expected) in [(START, "revoked"), (START + 10, "revoked"), (START + 11, "accepted")] {
        let token = key.sign("at+jwt", &AccessToken { iat, ..issuer.claims() }).unwrap();
        assert_eq!(outcome(&verifier, &token).await, expected, "{}", iat - START);
    }
}

#[tokio::test]
async fn the_first_use_waits_for_what_is_revoked() {
    let key = key();
    let issuer = Issuer::with_feed(&[&key]).await;
    issuer.feed.revoke(Kind::Jti, "j1");
    assert_eq!(outcome(&issuer.verifier(), &issuer.token(&key)).await, "revoked");
    let rules: Vec<_> = (0..10_000).map(|n| issuer.feed.lock().log.rule(Kind::Sid, &n.to_string())).collect();
    issuer.feed.add(&rules);
    let token =
        key.sign("at+jwt", &AccessToken { sid: Some("9999".into()), jti: "x".into(), ..issuer.claims() });
    assert_eq!(outcome(&issuer.verifier(), &token.unwrap()).await, "revoked");
}

#[tokio::test]
async fn an_issuer_without_a_feed_works_as_ever_unless_one_is_required() {
    let key = key();
    let issuer = Issuer::start(&[&key]).await;
    let token = issuer.token(&key);
    let verifier = issuer.verifier();
    assert_eq!(outcome(&verifier, &token).await, "accepted");
    assert_eq!(verifier.status().feed, None);
    issuer.clock.pass(800);
    assert_eq!(outcome(&verifier, &token).await, "accepted");

    let strict = issuer.builder().require_feed().build().unwrap();
    assert_eq!(outcome(&strict, &token).await, "stale");
    assert!(strict.status().feed.unwrap().trouble.unwrap().contains("advertises none"));

    issuer.advertise();
    issuer.feed.revoke(Kind::Jti, "j1");
    let heedless = issuer.builder().without_feed().build().unwrap();
    assert_eq!(outcome(&heedless, &token).await, "accepted");
    assert_eq!(issuer.feed.hits("/rev/head"), 0);
}

#[tokio::test]
async fn age_shows_and_each_route_decides() {
    let key = key();
    let issuer = Issuer::with_feed(&[&key]).await;
    let verifier = following(&issuer).await;
    let token = issuer.token(&key);
    let young = OnStale::Open { younger_than: Duration::from_secs(70) };
    let guards = [
        verifier.require(),
        verifier.require().critical(),
        verifier.require().on_stale(young),
        verifier.require().max_staleness(Duration::from_secs(90)),
    ];
    let ask = async |guard: &countersign_verifier::Guard| {
        let request = http::Request::builder().header("authorization", format!("Bearer {token}"));
        told(guard.check(&request.body(()).unwrap().into_parts().0).await.map(drop))
    };
    for (pass, soft, hard, expected) in [
        (0, false, false, ["accepted"; 4]),
        (5, false, false, ["accepted"; 4]),
        (1, true, false, ["accepted", "stale", "accepted", "accepted"]),
        (54, true, false, ["accepted", "stale", "accepted", "accepted"]),
        (1, true, true, ["stale", "stale", "accepted", "accepted"]),
        (10, true, true, ["stale", "stale", "stale", "accepted"]),
        (20, true, true, ["stale", "stale", "stale", "stale"]),
    ] {
        issuer.clock.pass(pass);
        for (guard, expected) in guards.iter().zip(expected) {
            assert_eq!(ask(guard).await, expected, "{pass} {guard:?}");
        }
        let status = verifier.status().feed.unwrap();
        assert_eq!((status.soft_exceeded, status.hard_exceeded), (soft, hard), "{pass}");
        assert_eq!(status.age, Some(issuer.clock.passed()));
    }
    let refusal = verifier.verify(&token).await.unwrap_err();
    assert_eq!((refusal.status().as_u16(), refusal.challenge("api")), (503, None));
    let answer: http::Response<String> = refusal.response("api");
    assert!(answer.headers().contains_key("retry-after"));

    issuer.feed.beat();
    seen_fresh(&verifier).await;
    for guard in &guards[..2] {
        assert_eq!(ask(guard).await, "accepted");
    }
    // Rules known are enforced whatever a stale route lets in.
    let seq = issuer.feed.revoke(Kind::Jti, "j1");
    seen(&verifier, |now| now.seq == seq).await;
    issuer.clock.pass(80);
    assert_eq!(ask(&guards[3]).await, "revoked");
}

/// Until the age is small again.
pub(crate) async fn seen_fresh(verifier: &Verifier) {
    let deadline = tokio::time::timeout(Duration::from_secs(30), async {
        while verifier.status().feed.is_none_or(|feed| feed.soft_exceeded) {
            tokio::task::yield_now().await;
        }
    });
    deadline.await.expect("it stays stale");
}

#[tokio::test]
async fn nothing_proven_lets_nobody_in() {
    let key = key();
    let issuer = Issuer::with_feed(&[&key]).await;
    issuer.feed.knob(|knobs| knobs.status = [("/rev/head", 500)].into());
    let verifier = issuer.verifier();
    assert_eq!(outcome(&verifier, &issuer.token(&key)).await, "stale");
    let status = verifier.status().feed.unwrap();
    assert_eq!((status.age, status.hard_exceeded, status.connected), (None, true, false));
    assert!(status.trouble.unwrap().contains("500"));
}

#[tokio::test]
async fn feed_metadata_of_another_issuer_and_keys_not_pinned_are_refused() {
    let (key, other) = (key(), feed_key());
    let issuer = Issuer::with_feed(&[&key]).await;
    let token = issuer.token(&key);
    let thumbprint = |key: &SigningKey| key.public_jwk().unwrap().thumbprint().unwrap();
    let own = thumbprint(&issuer.feed.lock().log.key);
    for (pin, expected) in [(own, "accepted"), (thumbprint(&other), "stale")] {
        let verifier = issuer.builder().feed_key(pin).build().unwrap();
        assert_eq!(outcome(&verifier, &token).await, expected);
    }
    issuer.feed.lock().log.issuer.push('/');
    assert_eq!(outcome(&issuer.verifier(), &token).await, "stale");
}

#[tokio::test]
async fn introspection_is_what_a_stale_route_may_fall_back_on() {
    let key = key();
    let issuer = Issuer::with_feed(&[&key]).await;
    let token = issuer.token(&key);
    let (mut document, path) = crate::feed_server::advertise(&issuer.metadata(), &issuer.url);
    document.insert_str(1, &format!(r#""introspection_endpoint":"{}/introspect","#, issuer.url));
    issuer.answer(path, Answer::Body(document));
    issuer.answer("/introspect", Answer::Body(json!({ "active": true }).to_string()));
    let builder = || issuer.builder().on_stale(OnStale::Introspect);
    let asking = builder().introspection("users api", "p:w").build().unwrap();
    let without = builder().build().unwrap();
    for verifier in [&asking, &without] {
        assert_eq!(outcome(verifier, &token).await, "accepted");
    }
    assert_eq!(issuer.hits("/introspect"), 0, "a fresh feed needs nobody");
    issuer.clock.pass(61);
    assert_eq!(outcome(&without, &token).await, "stale");
    assert_eq!(outcome(&asking, &token).await, "accepted");
    for (answer, expected) in [
        (Answer::Body(json!({ "active": false }).to_string()), "revoked"),
        (Answer::Body(json!({ "active": "true" }).to_string()), "stale"),
        (Answer::Status(500), "stale"),
        (Answer::Redirect("/elsewhere".into()), "stale"),
        (Answer::Body("not json".into()), "stale"),
    ] {
        issuer.answer("/introspect", answer);
        assert_eq!(outcome(&asking, &token).await, expected);
    }
    assert_eq!(issuer.hits("/introspect"), 6);
}

#[tokio::test]
async fn changed_keys_are_fetched_at_once() {
    let (old, new) = (key(), key());
    let issuer = Issuer::with_feed(&[&old]).await;
    let verifier = following(&issuer).await;
    let token = issuer.token(&old);
    assert_eq!(outcome(&verifier, &token).await, "accepted");
    issuer.publish(&[&new]);
    issuer.clock.pass(1);
    issuer.feed.lock().log.jwks = Some(Chain(DEFAULT.sha256(crate::issuer::jwks(&[&new]).as_bytes())));
    issuer.feed.beat();
    let fetched = tokio::time::timeout(Duration::from_secs(30), async {
        while outcome(&verifier, &token).await == "accepted" {
            tokio::task::yield_now().await;
        }
    });
    fetched.await.expect("the keys are never fetched");
    assert_eq!(outcome(&verifier, &token).await, "unknown_key");
    assert_eq!(issuer.hits(JWKS), 2);
    // The same digest again and again is no reason to fetch again.
    for _ in 0..3 {
        issuer.clock.pass(1);
        let seq = issuer.feed.revoke(Kind::Jti, "other");
        seen(&verifier, |now| now.seq == seq).await;
    }
    assert_eq!(issuer.hits(JWKS), 2);
}

#[tokio::test]
async fn keys_that_change_twice_in_a_moment_are_fetched_twice() {
    let keys = [key(), key(), key()];
    let issuer = Issuer::with_feed(&[&keys[0]]).await;
    let verifier = following(&issuer).await;
    assert_eq!(outcome(&verifier, &issuer.token(&keys[0])).await, "accepted");
    for new in &keys[1..] {
        issuer.publish(&[new]);
        let digest = Chain(DEFAULT.sha256(crate::issuer::jwks(&[new]).as_bytes()));
        issuer.feed.lock().log.jwks = Some(digest);
        issuer.feed.revoke(Kind::Jti, "other");
        let token = issuer.token(new);
        let fetched = tokio::time::timeout(Duration::from_secs(30), async {
            while outcome(&verifier, &token).await != "accepted" {
                tokio::task::yield_now().await;
            }
        });
        fetched.await.expect("the keys are never fetched");
    }
}

#[tokio::test]
async fn a_next_feed_key_counts_when_it_was_announced() {
    for announced in [true, false] {
        let key = key();
        let issuer = Issuer::with_feed(&[&key]).await;
        let verifier = following(&issuer).await;
        let token = issuer.token(&key);
        assert_eq!(outcome(&verifier, &token).await, "accepted");
        let next = feed_key();
        let bytes = next.private_bytes();
        let again = || SigningKey::from_private_bytes(next.algorithm(), &bytes).unwrap();
        if announced {
            issuer.feed.lock().log.announced = Some(again());
        }
        issuer.clock.pass(1);
        let seq = issuer.feed.revoke(Kind::Jti, "other");
        seen(&verifier, |now| now.seq == seq).await;
        issuer.feed.lock().log.key = next;
        issuer.feed.lock().log.announced = None;
        issuer.clock.pass(1);
        let seq = issuer.feed.revoke(Kind::Jti, "j1");
        if announced {
            seen(&verifier, |now| now.seq == seq).await;
            assert_eq!(outcome(&verifier, &token).await, "revoked");
        } else {
            seen(&verifier, |now| !now.connected).await;
            issuer.clock.pass(60);
            assert_eq!(outcome(&verifier, &token).await, "stale");
        }
    }
}

#[tokio::test]
async fn a_new_epoch_takes_nothing_back() {
    let key = key();
    let issuer = Issuer::with_feed(&[&key]).await;
    let verifier = following(&issuer).await;
    let token = issuer.token(&key);
    let seq = issuer.feed.revoke(Kind::Jti, "j1");
    seen(&verifier, |now| now.seq == seq).await;
    {
        // Put back from a backup of before that revocation.
        let log = &mut issuer.feed.lock().log;
        log.epoch = 2;
        log.rules.clear();
    }
    issuer.clock.pass(1);
    issuer.feed.revoke(Kind::Sub, "u_2");
    seen(&verifier, |now| now.epoch == 2 && now.seq == 1).await;
    assert_eq!(outcome(&verifier, &token).await, "revoked");
    let other = key.sign("at+jwt", &AccessToken { sub: "u_2".into(), jti: "x".into(), ..issuer.claims() });
    assert_eq!(outcome(&verifier, &other.unwrap()).await, "revoked");
}

#[tokio::test]
async fn without_a_stream_it_asks() {
    let key = key();
    let issuer = Issuer::with_feed(&[&key]).await;
    for broken in [&["/rev/stream"][..], &["/rev/stream", "/rev/log"]] {
        let broken = broken.iter().map(|path| (*path, 404)).collect();
        issuer.feed.knob(|knobs| knobs.status = broken);
        let verifier = issuer.verifier();
        assert_eq!(outcome(&verifier, &issuer.token(&key)).await, "accepted");
        issuer.clock.pass(1);
        let before = issuer.feed.hits("/rev/log") + issuer.feed.hits("/rev/head");
        let asked = tokio::time::timeout(Duration::from_secs(30), async {
            while verifier.status().feed.unwrap().age != Some(Duration::ZERO) {
                tokio::task::yield_now().await;
            }
        });
        asked.await.expect("it never asks");
        assert!(issuer.feed.hits("/rev/log") + issuer.feed.hits("/rev/head") > before);
    }
}

#[tokio::test]
async fn a_snapshot_fills_what_the_log_no_longer_has() {
    let key = key();
    let issuer = Issuer::with_feed(&[&key]).await;
    issuer.feed.revoke(Kind::Jti, "j1");
    let url = issuer.url.clone();
    issuer.feed.lock().log.make_snapshot(&url);
    let empty = {
        let log = &issuer.feed.lock().log;
        countersign_feed::Page {
            head: Some(log.head(countersign_verifier::Timestamp::from_seconds(START))),
            ..log.page(1, 1)
        }
    };
    issuer.feed.knob(|knobs| knobs.page = Some(empty.bytes()));
    assert_eq!(outcome(&issuer.verifier(), &issuer.token(&key)).await, "revoked");
    assert_eq!(issuer.feed.hits("/rev/snap"), 1);
}

#[tokio::test]
async fn the_task_ends_with_the_last_verifier() {
    let issuer = Issuer::with_feed(&[&key()]).await;
    let verifier = following(&issuer).await;
    let guard = verifier.clone().require();
    let gone = async |feed: &Feed| {
        while feed.streams() > 0 {
            // The server notices a closed connection when it writes.
            feed.beat();
            tokio::task::yield_now().await;
        }
    };
    assert_eq!(issuer.feed.streams(), 1);
    drop(verifier);
    assert!(tokio::time::timeout(Duration::from_millis(50), gone(&issuer.feed)).await.is_err());
    drop(guard);
    tokio::time::timeout(Duration::from_secs(30), gone(&issuer.feed)).await.expect("it follows for ever");
}

#[tokio::test]
async fn acknowledgements_are_authenticated_and_say_what_is_in_force() {
    let issuer = Issuer::with_feed(&[&key()]).await;
    let verifier = issuer.builder().acks("users api", "p:w").build().unwrap();
    let _open = verifier.require().on_stale(OnStale::Open { younger_than: Duration::from_secs(1) });
    let _long = verifier.require().max_staleness(Duration::from_millis(90_500));
    verifier.ready().await.unwrap();
    let mut acks = issuer.feed.acks.subscribe();
    acks.wait_for(|acks| !acks.is_empty()).await.unwrap();
    let seq = issuer.feed.revoke(Kind::Jti, "j1");
    acks.wait_for(|acks| acks.last().is_some_and(|(_, ack)| ack["seq"] == seq)).await.unwrap();
    let (authorization, ack) = acks.borrow().last().cloned().unwrap();
    // RFC 6749 2.3.1: both parts form-encoded; "users+api:p%3Aw".
    assert_eq!(authorization.as_deref(), Some("Basic dXNlcnMrYXBpOnAlM0F3"));
    assert_eq!(
        (&ack["epoch"], &ack["hard"], &ack["modes"]),
        (&json!(1), &json!(91), &json!(["closed", "open"]))
    );
}

#[tokio::test]
async fn hints_count_at_once_but_only_from_the_issuer_itself() {
    let key = key();
    let issuer = Issuer::with_feed(&[&key]).await;
    let token = issuer.token(&key);
    let hint = |feed: &Feed| {
        let rules = vec![feed.lock().log.rule(Kind::Jti, "j1")];
        let page = countersign_feed::Page { epoch: 0, after: 0, chain: Chain([0; 32]), rules, head: None };
        feed.push(&countersign_feed::stream::Event::Hint(page.bytes()));
    };
    let direct = following(&issuer).await;
    hint(&issuer.feed);
    seen(&direct, |now| now.hints == 1).await;
    assert_eq!(outcome(&direct, &token).await, "revoked");

    let relay = issuer.feed.relay().await;
    let relayed = issuer.builder().feed_relay(&relay.url).build().unwrap();
    relayed.ready().await.unwrap();
    relay.streaming().await;
    hint(&relay);
    issuer.clock.pass(1);
    let other = relay.revoke(Kind::Jti, "other");
    seen(&relayed, |now| now.seq == other).await;
    assert_eq!(outcome(&relayed, &token).await, "accepted");
}

#[tokio::test]
async fn a_function_that_sleeps_asks_when_it_wakes() {
    let key = key();
    let issuer = Issuer::with_feed(&[&key]).await;
    let verifier = issuer.builder().poll(Duration::from_secs(3600)).build().unwrap();
    let token = issuer.token(&key);
    assert_eq!(outcome(&verifier, &token).await, "accepted");
    issuer.clock.pass(61);
    assert_eq!(outcome(&verifier, &token).await, "stale");
    verifier.refresh_feed().await.unwrap();
    assert_eq!(outcome(&verifier, &token).await, "accepted");
    issuer.feed.revoke(Kind::Jti, "j1");
    issuer.clock.pass(1);
    verifier.refresh_feed().await.unwrap();
    assert_eq!(outcome(&verifier, &token).await, "revoked");
    assert_eq!(issuer.feed.streams() + issuer.feed.hits("/rev/stream"), 0);
    issuer.feed.knob(|knobs| knobs.status = [("/rev/head", 503)].into());
    assert!(verifier.refresh_feed().await.unwrap_err().detail.contains("503"));
    assert_eq!(issuer.hits(METADATA), 1);
}
