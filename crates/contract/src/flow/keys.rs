//! The life of keys, on one node and on several.

use super::house::{House, code};
use crate::Stage;
use countersign_issuer::admin::resources;
use countersign_issuer::model::{KeyState, RuleKind};
use countersign_issuer::revocation::Facts;
use countersign_issuer::{Code, Failure, Issuer, keys};
use countersign_token::{Algorithm, JwkSet};
use serde_json::json;
use std::time::Duration;

const DAY: u64 = 24 * 60 * 60;

fn published(issuer: &Issuer) -> Vec<String> {
    let set: JwkSet = serde_json::from_slice(&issuer.keys.jwks().body).unwrap();
    set.keys.into_iter().map(|k| k.kid.unwrap()).collect()
}

fn signing(issuer: &Issuer, alg: Algorithm) -> String {
    issuer.keys.signing(alg).unwrap().kid().to_owned()
}

async fn state(issuer: &Issuer, kid: &str) -> KeyState {
    keys::list(issuer).await.unwrap().into_iter().find(|k| k.kid == kid).unwrap().state
}

/// One turn of everything on that node.
async fn turn(issuer: &Issuer) {
    issuer.follow().await.unwrap();
    issuer.tend().await.unwrap();
    issuer.follow().await.unwrap();
}

/// The first start makes keys; later ones use them. Nothing private is published.
pub async fn keys_first_start(stage: Stage) {
    let house = House::new(stage).await;
    let (a, b) = (&house.issuer, house.node().await);
    assert_eq!(a.keys.algorithms().len(), 3);
    for alg in [Algorithm::Es256, Algorithm::Rs256, Algorithm::Ed25519] {
        assert_eq!(signing(a, alg), signing(&b, alg));
    }
    assert_eq!(a.keys.jwks().body, b.keys.jwks().body);
    assert_eq!(a.keys.jwks().etag, b.keys.jwks().etag);
    assert_eq!(a.keys.refresh_version(), 1);
    let text = String::from_utf8(a.keys.jwks().body.to_vec()).unwrap();
    for private in ["\"d\"", "\"p\"", "\"q\"", "\"k\"", "\"dp\""] {
        assert!(!text.contains(private), "{private} in {text}");
    }
    assert!(a.keys.verifying().get(&signing(a, Algorithm::Es256)).is_some());
}

/// Another master key: a message that says what to do, and nothing is overwritten.
pub async fn keys_wrong_master(stage: Stage) {
    let house = House::new(stage).await;
    let before = keys::list(&house.issuer).await.unwrap();
    match house.node_with(8).await {
        Err(Failure::Unavailable(u)) => assert!(u.to_string().contains("another master key"), "{u}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("started"),
    }
    assert_eq!(keys::list(&house.issuer).await.unwrap(), before);
}

/// 89 days, published; 90 days, signing; an hour and the longest token later, archived.
pub async fn keys_rotate_by_themselves(stage: Stage) {
    let house = House::new(stage).await;
    let issuer = &house.issuer;
    turn(issuer).await;
    let (first, etag) = (signing(issuer, Algorithm::Es256), issuer.keys.jwks().etag);

    house.stage.clock.advance_seconds(89 * DAY - 1);
    turn(issuer).await;
    assert_eq!(published(issuer).len(), 3, "not yet");
    house.stage.clock.advance_seconds(1);
    turn(issuer).await;
    assert_eq!(published(issuer).len(), 6, "the next ones are published");
    assert_ne!(issuer.keys.jwks().etag, etag);
    assert_eq!(signing(issuer, Algorithm::Es256), first, "and do not sign");

    house.stage.clock.advance_seconds(DAY);
    turn(issuer).await;
    let second = signing(issuer, Algorithm::Es256);
    assert_ne!(second, first);
    assert_eq!(state(issuer, &first).await, KeyState::Retiring);
    for kid in published(issuer).iter().take(3) {
        assert_eq!(state(issuer, kid).await, KeyState::Active, "those that sign come first");
    }
    assert!(published(issuer).contains(&first) && issuer.keys.verifying().get(&first).is_some());

    house.stage.clock.advance(Duration::from_secs(2 * 3600 + 60));
    turn(issuer).await;
    assert_eq!(state(issuer, &first).await, KeyState::Archived);
    assert!(!published(issuer).contains(&first) && issuer.keys.verifying().get(&first).is_none());
    assert!(issuer.keys.hint().get(&first).is_some(), "id_token_hint may be older");
}

/// A node that is alive but has not loaded the new key holds its activation back.
pub async fn keys_wait_for_every_node(stage: Stage) {
    let house = House::new(stage).await;
    let (a, b) = (&house.issuer, house.node().await);
    let first = signing(a, Algorithm::Es256);
    turn(a).await;
    let old = a.keys.version();
    house.stage.clock.advance_seconds(89 * DAY);
    turn(a).await;
    house.stage.clock.advance_seconds(2 * DAY);

    // What a node sends that hangs behind: alive, with the set of before.
    house.stage.store.heartbeat("slow", old).await.unwrap();
    turn(a).await;
    assert_eq!(signing(a, Algorithm::Es256), first);
    house.stage.store.heartbeat("slow", a.keys.version()).await.unwrap();
    turn(a).await;
    let second = signing(a, Algorithm::Es256);
    assert_ne!(second, first);

    // The other node verified nothing new so far; following, it signs with the same key.
    assert_eq!(signing(&b, Algorithm::Es256), first);
    b.follow().await.unwrap();
    assert_eq!(signing(&b, Algorithm::Es256), second);
    assert!(b.keys.verifying().get(&first).is_some());

    // Two nodes that tend at the same time take each step once.
    house.stage.clock.advance_seconds(89 * DAY);
    for node in [a.as_ref(), b.as_ref()] {
        node.follow().await.unwrap();
    }
    let (x, y) = tokio::join!(a.tend(), b.tend());
    x.unwrap();
    y.unwrap();
    let all = keys::list(a).await.unwrap();
    let pending = all.iter().filter(|k| k.alg == Algorithm::Es256 && k.state == KeyState::Pending).count();
    assert_eq!(pending, 1);
}

/// `key rotate`: pending without `now`, once; signing at once with it.
pub async fn keys_rotate_by_hand(stage: Stage) {
    let house = House::new(stage).await;
    let issuer = &house.issuer;
    let first = signing(issuer, Algorithm::Es256);
    let made = keys::rotate(issuer, Some(Algorithm::Es256), false).await.unwrap();
    let again = keys::rotate(issuer, Some(Algorithm::Es256), false).await.unwrap();
    assert_eq!(
        made.iter().map(|k| &k.kid).collect::<Vec<_>>(),
        again.iter().map(|k| &k.kid).collect::<Vec<_>>()
    );
    assert_eq!(made.first().unwrap().state, KeyState::Pending);
    assert_eq!(signing(issuer, Algorithm::Es256), first);

    let now = keys::rotate(issuer, Some(Algorithm::Es256), true).await.unwrap();
    assert_eq!(now.first().unwrap().kid, made.first().unwrap().kid);
    assert_eq!(signing(issuer, Algorithm::Es256), now.first().unwrap().kid);
    assert_eq!(state(issuer, &first).await, KeyState::Retiring);

    let all = keys::rotate(issuer, None, false).await.unwrap();
    assert_eq!(all.len(), 4, "three that sign tokens, one that signs heads");
    assert_eq!(code(keys::rotate(issuer, Some(Algorithm::Hs256), false).await), Code::InvalidRequest);
}

/// `key withdraw`: gone from everywhere at once, replaced, its tokens covered by a rule.
pub async fn keys_withdraw(stage: Stage) {
    let house = House::new(stage).await;
    let (a, b) = (&house.issuer, house.node().await);
    let first = signing(a, Algorithm::Es256);
    keys::withdraw(a, &first).await.unwrap();
    let second = signing(a, Algorithm::Es256);
    assert_ne!(second, first);
    for node in [a.as_ref(), b.as_ref()] {
        node.follow().await.unwrap();
        assert_eq!(signing(node, Algorithm::Es256), second);
        assert!(!published(node).contains(&first));
        assert!(node.keys.verifying().get(&first).is_none() && node.keys.hint().get(&first).is_none());
        let facts = Facts { kid: &first, iat: 0, client: "c", sub: "s", sid: None, jti: "j" };
        assert_eq!(node.directory.rules().covers(&facts), Some(RuleKind::Kid));
        assert_eq!(node.directory.rules().covers(&Facts { kid: &second, ..facts }), None);
    }
    assert_eq!(code(keys::withdraw(a, &first).await), Code::NotFound);
    assert_eq!(code(keys::withdraw(a, "nothing").await), Code::NotFound);

    // With a key that every node knows already, that one takes over.
    let next = keys::rotate(a, Some(Algorithm::Es256), false).await.unwrap();
    for node in [a.as_ref(), b.as_ref()] {
        node.follow().await.unwrap();
    }
    keys::withdraw(a, &second).await.unwrap();
    assert_eq!(signing(a, Algorithm::Es256), next.first().unwrap().kid);
    assert_eq!(state(a, &second).await, KeyState::Withdrawn);
}

/// A key changed by a command is in force at a running node within a second.
pub async fn keys_command_beside_server(stage: Stage) {
    let house = House::new(stage).await;
    let server = &house.issuer;
    server.follow().await.unwrap();
    let command = house.node().await;
    let made = keys::rotate(&command, Some(Algorithm::Ed25519), true).await.unwrap();
    server.follow().await.unwrap();
    assert_eq!(signing(server, Algorithm::Ed25519), made.first().unwrap().kid);
}

/// A new refresh key is used when every node has had time to load it; the old one stays good.
pub async fn keys_refresh_rotation(stage: Stage) {
    let house = House::new(stage).await;
    let issuer = &house.issuer;
    house.stage.clock.advance_seconds(90 * DAY);
    turn(issuer).await;
    assert_eq!(issuer.keys.refresh_version(), 1);
    assert!(issuer.keys.refresh(2).is_some(), "tokens of quicker nodes are read already");
    house.stage.clock.advance_seconds(60);
    turn(issuer).await;
    assert_eq!(issuer.keys.refresh_version(), 2);
    assert!(issuer.keys.refresh(1).is_some());
    assert_eq!(house.node().await.keys.refresh_version(), 2);
}

/// An algorithm that only a resource asks for gets its key with the resource.
pub async fn keys_for_a_resource(stage: Stage) {
    let house = House::new(stage).await;
    let issuer = &house.issuer;
    assert!(issuer.keys.signing(Algorithm::Ps256).is_none());
    let document = json!([
        {"resource": "urn:a", "signing_alg": "PS256"},
        {"resource": "urn:b", "signing_alg": "HS256"},
        {"resource": "urn:c"},
    ]);
    let applied = resources::apply(issuer, &document).await.unwrap();
    assert!(published(issuer).contains(&signing(issuer, Algorithm::Ps256)));
    let shown = applied[1].secret.as_ref().unwrap().expose();
    let other = house.node().await;
    for node in [issuer, &other] {
        let key = keys::resource_secret(node, &applied[1].resource).unwrap().unwrap();
        assert_eq!((key.algorithm(), key.private_bytes().as_slice()), (Algorithm::Hs256, shown.as_bytes()));
        assert!(keys::resource_secret(node, &applied[2].resource).unwrap().is_none());
        assert_eq!(published(node).len(), 4, "never in the JWKS");
    }
    // A sealed secret moved to another row opens nowhere.
    let mut moved = applied[2].resource.clone();
    moved.secret = applied[1].resource.secret.clone();
    assert!(keys::resource_secret(issuer, &moved).is_err());
}
