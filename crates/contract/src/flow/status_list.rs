//! Status lists from the first token to the bit a verifier reads.

use super::post::{NoEgress, Postbox};
use super::{API, ISSUER, OTHER, OnTheSpot, PlainHasher, SHARED, World, claims, header, refusal, signed};
use crate::SeededEntropy;
use crate::stage::Stage;
use countersign_issuer::admin::{self, revoke::What};
use countersign_issuer::model::RuleKind;
use countersign_issuer::oauth::revoke;
use countersign_issuer::revocation::sequence;
use countersign_issuer::seal::Sealer;
use countersign_issuer::{Issuer, Parts, Settings, status_list};
use countersign_token::{Timestamp, base64url};
use flate2::read::ZlibDecoder;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

/// A world in which the API and the one with a shared secret have status lists, and the other has none.
async fn world(stage: Stage) -> World {
    let world = World::new(stage).await;
    let document = json!([
        { "resource": API, "scopes": ["read", "write", "admin"], "by_role": ["admin"], "status_list": true },
        { "resource": SHARED, "scopes": ["share"], "signing_alg": "HS256", "status_list": true },
    ]);
    admin::resources::apply(&world.issuer, &document).await.unwrap();
    world
}

/// Another process on the same store.
async fn another(world: &World, seed: u64) -> Arc<Issuer> {
    another_with(world, seed, Settings::new(ISSUER)).await
}

async fn another_with(world: &World, seed: u64, settings: Settings) -> Arc<Issuer> {
    let parts = Parts {
        store: world.stage.another(),
        hasher: Arc::new(PlainHasher::default()),
        sign_pool: Arc::new(OnTheSpot),
        courier: Arc::new(Postbox::default()),
        egress: Arc::new(NoEgress),
        breached: None,
        entropy: Arc::new(SeededEntropy::new(seed)),
        sealer: Sealer::new([7; 32].into()),
        node: format!("another {seed}"),
    };
    Issuer::start(settings, parts).await.unwrap()
}

/// What a token points at.
fn reference(token: &str) -> (String, usize) {
    let status = claims(token)["status"]["status_list"].clone();
    (status["uri"].as_str().unwrap().to_owned(), usize::try_from(status["idx"].as_u64().unwrap()).unwrap())
}

/// The list at that address, verified and decoded by the draft's rules (8.3), with what it says of itself.
async fn list(issuer: &Issuer, uri: &str, now: Timestamp) -> (Vec<u8>, Value) {
    let number = uri.strip_prefix(&format!("{ISSUER}/status/")).unwrap().parse().unwrap();
    let document = status_list::document(issuer, number).await.unwrap();
    let jwt = std::str::from_utf8(&document.body).unwrap().to_owned();
    let (signed, signature) = jwt.rsplit_once('.').unwrap();
    let (head, said) = (header(&jwt), claims(&jwt));
    assert_eq!((&head["typ"], &head["alg"]), (&"statuslist+jwt".into(), &"ES256".into()));
    let keys = issuer.keys.verifying();
    let key = keys.get(head["kid"].as_str().unwrap()).unwrap();
    assert!(key.verify_signature(signed.as_bytes(), &base64url::decode(signature).unwrap()));
    assert!(said["exp"].as_i64().unwrap() > now.seconds());
    assert_eq!(said["sub"], uri);
    assert_eq!(said["status_list"]["bits"], 1);
    let compressed = base64url::decode(said["status_list"]["lst"].as_str().unwrap()).unwrap();
    let mut bytes = Vec::new();
    ZlibDecoder::new(compressed.as_slice()).read_to_end(&mut bytes).unwrap();
    (bytes, said)
}

/// Is the token's bit set?
async fn set(world: &World, issuer: &Issuer, token: &str) -> bool {
    let (uri, index) = reference(token);
    let (bytes, _) = list(issuer, &uri, world.clock().now()).await;
    assert_eq!(bytes.len(), (1 << 20) / 8);
    bytes[index / 8] >> (index % 8) & 1 == 1
}

async fn machine(world: &World, resource: &str) -> String {
    let form = [("grant_type", "client_credentials"), ("resource", resource)];
    world.token("svc", &form).await.unwrap().access_token
}

/// Only resources that ask for it; one entry a session, one a machine's token.
pub async fn status_is_asked_for(stage: Stage) {
    let world = world(stage).await;
    let one = world.enter("app").await;
    let next = world.refresh("app", one.refresh_token.as_ref().unwrap()).await.unwrap();
    assert_eq!(reference(&one.access_token), reference(&next.access_token), "a session's");
    let other = world.enter("app").await;
    assert_ne!(reference(&one.access_token), reference(&other.access_token), "another session's");
    assert!(reference(&one.access_token).0.starts_with(&format!("{ISSUER}/status/")));

    let mut seen = BTreeSet::new();
    for resource in [API, API, API, SHARED] {
        let token = machine(&world, resource).await;
        assert!(seen.insert(reference(&token)), "a machine's token has one to itself");
        assert!(claims(&token)["jti"].as_str().unwrap().contains('.'));
        assert!(!set(&world, &world.issuer, &token).await);
    }
    let plain = machine(&world, OTHER).await;
    assert!(claims(&plain).get("status").is_none() && !claims(&plain)["jti"].as_str().unwrap().contains('.'));
    // Tokens for two audiences, of which one asks.
    let both = world.enter("web").await.access_token;
    assert!(!set(&world, &world.issuer, &both).await);
    // A resource that begins to ask: sessions there are get an entry with their next token.
    let ask = |on: bool| json!({ "resource": API, "scopes": ["read", "write", "admin"], "status_list": on });
    admin::resources::apply(&world.issuer, &ask(false)).await.unwrap();
    let before = world.enter("app").await;
    assert!(claims(&before.access_token).get("status").is_none());
    admin::resources::apply(&world.issuer, &ask(true)).await.unwrap();
    let after = world.refresh("app", before.refresh_token.as_ref().unwrap()).await.unwrap();
    assert!(!set(&world, &world.issuer, &after.access_token).await);
}

/// What stands in the list itself, when it is made anew, and what is not there.
pub async fn status_list_tokens(stage: Stage) {
    let world = world(stage).await;
    let token = world.enter("app").await.access_token;
    let (uri, _) = reference(&token);
    let now = world.clock().now();
    let (_, said) = list(&world.issuer, &uri, now).await;
    assert_eq!(said["iat"], now.seconds());
    assert_eq!((&said["exp"], &said["ttl"]), (&json!(now.seconds() + 60), &json!(5)));
    let document = async || status_list::document(&world.issuer, 1).await.unwrap();
    let jws = document().await;
    assert_eq!(header(std::str::from_utf8(&jws.body).unwrap())["typ"], "statuslist+jwt");
    world.wait(19).await;
    assert_eq!(document().await.etag, jws.etag, "nothing changed");
    world.wait(1).await;
    let renewed = document().await;
    assert_ne!(renewed.etag, jws.etag, "good for 40 s at least");
    assert_eq!(list(&world.issuer, &uri, world.clock().now()).await.1["iat"], now.seconds() + 20);
    // A node that does not follow any more serves nothing that is over: it looks, and goes on.
    world.clock().advance(Duration::from_secs(300));
    assert_eq!(list(&world.issuer, &uri, world.clock().now()).await.1["iat"], now.seconds() + 320);

    for unknown in [0, 2, u32::MAX] {
        assert_eq!(refusal(status_list::document(&world.issuer, unknown).await), "not_found", "{unknown}");
    }
    let all: Value =
        serde_json::from_slice(&status_list::aggregation(&world.issuer).await.unwrap().body).unwrap();
    assert_eq!(all, json!({ "status_lists": [uri] }));

    // Signed like an access token, and none.
    let jwt = std::str::from_utf8(&renewed.body).unwrap();
    assert_eq!(refusal(world.userinfo(jwt).await), "invalid_token");
    assert!(!world.active("web", jwt).await);
}

/// A list that changes often is made at most every 750 ms, and a bit is set within a second.
pub async fn status_within_a_second(stage: Stage) {
    let world = world(stage).await;
    let (one, two) = (world.enter("app").await.access_token, world.enter("app").await.access_token);
    assert!(!set(&world, &world.issuer, &one).await);
    let sid = |token: &str| What::Session(claims(token)["sid"].as_str().unwrap().to_owned());
    let elsewhere = another(&world, 99).await;
    world.wait(5).await;
    let step = async || {
        world.clock().advance(Duration::from_millis(100));
        world.issuer.follow().await.unwrap();
    };
    admin::revoke::revoke(&elsewhere, sid(&one)).await.unwrap();
    step().await;
    assert!(set(&world, &world.issuer, &one).await, "at the next look");
    admin::revoke::revoke(&elsewhere, sid(&two)).await.unwrap();
    for _ in 0..7 {
        step().await;
        assert!(!set(&world, &world.issuer, &two).await, "made a moment ago");
    }
    step().await;
    assert!(set(&world, &world.issuer, &two).await, "800 ms after the last time");

    // Right after a restart, from the store.
    let restarted = another(&world, 100).await;
    assert!(set(&world, &restarted, &one).await && set(&world, &restarted, &two).await);
    let fresh = world.enter("app").await.access_token;
    assert!(!set(&world, &restarted, &fresh).await);
}

/// After a cutoff, what goes on has a bit of its own; the old one stays set.
pub async fn status_after_a_cutoff(stage: Stage) {
    let world = world(stage).await;
    let before = world.enter("app").await;
    let machine_before = machine(&world, API).await;
    for client in ["app", "svc"] {
        admin::revoke::revoke(&world.issuer, What::Client(client.to_owned())).await.unwrap();
    }
    world.wait(4).await;
    let after = world.refresh("app", before.refresh_token.as_ref().unwrap()).await.unwrap();
    let machine_after = machine(&world, API).await;
    assert_ne!(reference(&before.access_token), reference(&after.access_token));
    for (old, new) in [(&before.access_token, &after.access_token), (&machine_before, &machine_after)] {
        assert!(set(&world, &world.issuer, old).await && !set(&world, &world.issuer, new).await);
    }
    let again = world.refresh("app", after.refresh_token.as_ref().unwrap()).await.unwrap();
    assert_eq!(reference(&after.access_token), reference(&again.access_token), "one is enough");

    // The rules are over, and nothing they covered is alive: the bits are clear again, and a session that
    // comes back then may have its old entry.
    let bob = world.enter("app").await;
    admin::revoke::revoke(&world.issuer, What::Client("app".to_owned())).await.unwrap();
    world.wait(5).await;
    assert!(set(&world, &world.issuer, &bob.access_token).await);
    world.wait(2 * 3_600).await;
    assert!(!set(&world, &world.issuer, &bob.access_token).await);
    world.wait(60).await;
    let late = world.refresh("app", bob.refresh_token.as_ref().unwrap()).await.unwrap();
    assert!(!set(&world, &world.issuer, &late.access_token).await);
}

/// A random program of sign-ins, refreshes and revocations: list and introspection agree about every token,
/// but for the two things a bit of a session cannot say: that one of its tokens is revoked, and that a key is.
pub async fn status_agrees_with_introspection(stage: Stage) {
    let world = world(stage).await;
    let random = SeededEntropy::new(20_261_122);
    let elsewhere = another(&world, 5).await;
    // (token, its client, refresh token)
    let mut tokens: Vec<(String, &str, Option<String>)> = Vec::new();
    for step in 0..160 {
        let at = usize::try_from(random.below(tokens.len() as u64)).unwrap();
        let picked = tokens.get(at).cloned();
        match (random.below(10), picked) {
            (0..=2, _) => {
                let client = if random.below(2) == 0 { "app" } else { "web" };
                let got = world.enter(client).await;
                tokens.push((got.access_token, client, got.refresh_token));
            }
            (3..=4, _) => tokens.push((machine(&world, API).await, "svc", None)),
            (5, Some((_, client, Some(refresh)))) => {
                if let Ok(got) = world.refresh(client, &refresh).await {
                    tokens.push((got.access_token, client, got.refresh_token));
                }
            }
            (6, Some((token, _, Some(_)))) => {
                let sid = claims(&token)["sid"].as_str().unwrap().to_owned();
                // It may have ended before.
                drop(admin::revoke::revoke(&elsewhere, What::Session(sid)).await);
            }
            (7, Some((token, "svc", _))) => {
                let (basic, params) = signed("svc", &[("token", &token)]);
                revoke::revoke(&world.issuer, basic.as_deref(), &params, super::IP).await.1.unwrap();
            }
            (8, Some((_, client, _))) if random.below(4) == 0 => {
                admin::revoke::revoke(&elsewhere, What::Client(client.to_owned())).await.unwrap();
                world.wait(4).await;
            }
            (9, Some(_)) if random.below(6) == 0 => {
                if random.below(2) == 0 {
                    admin::revoke::revoke(&elsewhere, What::User("ada".to_owned())).await.unwrap();
                } else {
                    let (kind, iss) = (RuleKind::Iss, ISSUER);
                    let life = Duration::from_secs(3_660);
                    let event = crate::fixture::event(countersign_issuer::model::EventKind::Revoked);
                    world.stage.store.revoke_before_now(kind, iss, life, event).await.unwrap();
                    sequence::settle(&elsewhere).await.unwrap();
                }
                world.wait(4).await;
            }
            _ => world.wait(random.below(3)).await,
        }
        if step % 20 == 19 {
            world.wait(1).await;
            agree(&world, &elsewhere, &tokens, step).await;
        }
    }
    let revoked = tokens
        .iter()
        .filter(|(token, ..)| claims(token)["exp"].as_i64() > Some(world.clock().now().seconds()));
    assert!(revoked.count() > 20, "most are alive at the end, so that something was compared");
}

async fn agree(world: &World, elsewhere: &Issuer, tokens: &[(String, &str, Option<String>)], step: u64) {
    elsewhere.follow().await.unwrap();
    let now = world.clock().now();
    let (mut revoked, mut good) = (0, 0);
    for (token, client, _) in tokens {
        if claims(token)["exp"].as_i64().unwrap() <= now.seconds() {
            continue;
        }
        // `watcher` may ask about tokens of public clients.
        let asker = if *client == "app" { "watcher" } else { client };
        let active = world.active(asker, token).await;
        for node in [&*world.issuer, elsewhere] {
            assert_eq!(set(world, node, token).await, !active, "step {step}: {}", claims(token));
        }
        if active { good += 1 } else { revoked += 1 }
    }
    assert!(step < 100 || (revoked > 0 && good > 0), "{revoked} revoked, {good} good at step {step}");
}

/// Rules put together in buckets are still told apart here, also after a restart.
pub async fn status_beside_buckets(stage: Stage) {
    let world = world(stage).await;
    let small = another_with(&world, 8, Settings { max_rules: 4, ..Settings::new(ISSUER) }).await;
    let mut ended = Vec::new();
    for _ in 0..6 {
        let token = world.enter("app").await.access_token;
        let sid = claims(&token)["sid"].as_str().unwrap().to_owned();
        admin::revoke::revoke(&small, What::Session(sid)).await.unwrap();
        ended.push(token);
    }
    world.wait(5).await;
    let live = world.enter("app").await.access_token;
    for _ in 0..3 {
        small.follow().await.unwrap();
        small.tend().await.unwrap();
    }
    let left = world.stage.store.rules_after(0, 100).await.unwrap().it.0;
    assert_eq!(left.iter().map(|r| r.kind).collect::<Vec<_>>(), [RuleKind::Bucket]);
    let restarted = another(&world, 9).await;
    for token in &ended {
        assert!(set(&world, &restarted, token).await);
    }
    assert!(!set(&world, &restarted, &live).await);
}

/// Settings that change later shorten nothing: the entry of a session is there as long as any token of it.
pub async fn status_outlives_settings(stage: Stage) {
    let world = world(stage).await;
    let mut last = world.enter("app").await;
    let day = 24 * 3_600;
    for _ in 0..4 {
        world.wait(6 * day).await;
        world.issuer.tend().await.unwrap();
        last = world.refresh("app", last.refresh_token.as_ref().unwrap()).await.unwrap();
    }
    world.wait(6 * day - 60).await;
    let document = json!({
        "resource": API, "scopes": ["read", "write", "admin"], "status_list": true, "access_token_ttl": day,
    });
    admin::resources::apply(&world.issuer, &document).await.unwrap();
    let token = world.refresh("app", last.refresh_token.as_ref().unwrap()).await.unwrap().access_token;
    world.wait(day - 3_600).await;
    for _ in 0..3 {
        world.issuer.tend().await.unwrap();
    }
    assert!(world.active("watcher", &token).await && !set(&world, &world.issuer, &token).await);
    let sid = claims(&token)["sid"].as_str().unwrap().to_owned();
    admin::revoke::revoke(&world.issuer, What::Session(sid)).await.unwrap();
    world.wait(1).await;
    assert!(!world.active("watcher", &token).await && set(&world, &world.issuer, &token).await);
    world.wait(2 * day).await;
    world.issuer.tend().await.unwrap();
    world.wait(1).await;
    assert_eq!(refusal(status_list::document(&world.issuer, 1).await), "not_found", "and then it goes");
}

/// What a session's bit cannot say: one of its tokens, and a key.
pub async fn status_of_a_session_is_the_sessions(stage: Stage) {
    let world = world(stage).await;
    let one = world.enter("app").await;
    let jti = claims(&one.access_token)["jti"].as_str().unwrap().to_owned();
    admin::revoke::revoke(&world.issuer, What::Jti(jti)).await.unwrap();
    world.wait(1).await;
    assert!(!world.active("watcher", &one.access_token).await);
    assert!(!set(&world, &world.issuer, &one.access_token).await, "its siblings are good");
    let next = world.refresh("app", one.refresh_token.as_ref().unwrap()).await.unwrap().access_token;
    assert!(world.active("watcher", &next).await && !set(&world, &world.issuer, &next).await);
    let kid = header(&next)["kid"].as_str().unwrap().to_owned();
    admin::revoke::revoke(&world.issuer, What::Key(kid.clone())).await.unwrap();
    world.wait(1).await;
    assert!(!world.active("watcher", &next).await && !set(&world, &world.issuer, &next).await);
    let jwks: Value = serde_json::from_slice(&world.issuer.keys.jwks().body).unwrap();
    assert!(jwks["keys"].as_array().unwrap().iter().all(|key| key["kid"] != kid), "but the key is gone");
}
