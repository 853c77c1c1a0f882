//! The revocation feed of a running issuer: every revocation is in it before it is answered, heads prove what
//! they say, and their key is good for nothing else.

use super::direct as direct_flow;
use super::{IP, ISSUER, World, caller, redemption, refusal, signed};
use crate::ManualClock;
use crate::flow::house::House;
use crate::stage::Stage;
use countersign_feed::{Follower, Head, Kind, Metadata, Need, Pins, Rule, Subject, View};
use countersign_issuer::account::sessions;
use countersign_issuer::admin::{self, revoke::What};
use countersign_issuer::model::{KeyState, KeyUse, Secret};
use countersign_issuer::oauth::authorize::Visitor;
use countersign_issuer::oauth::issue::TokenResponse;
use countersign_issuer::oauth::{logout, revoke};
use countersign_issuer::revocation::{self, publish};
use countersign_issuer::{Issuer, direct, keys};
use countersign_token::{Algorithm, JwkSet, SigningKey, Timestamp, dangerous};
use serde_json::Value;
use std::time::Duration;

/// A verifier that reads what an issuer publishes.
pub struct Reader {
    /// What it believes.
    pub follower: Follower,
}

/// The feed keys that an issuer's metadata publishes.
pub fn pins(issuer: &Issuer) -> Pins {
    let metadata: Metadata = serde_json::from_slice(&publish::metadata(issuer).body).unwrap();
    Pins::new(ISSUER, &metadata.keys)
}

impl Reader {
    /// One that knows nothing but the keys.
    pub fn new(issuer: &Issuer) -> Self {
        Self { follower: Follower::new(pins(issuer)) }
    }

    /// Takes the newest head and whatever it needs to be proven.
    pub async fn read(&mut self, issuer: &Issuer, now: Timestamp) -> View {
        let elapsed = now.since(ManualClock::START);
        let state = issuer.feed.published().unwrap();
        if self.follower.proven().is_none_or(|proven| proven.order() < state.head.order()) {
            self.follower.head(&state.jws, now, elapsed).unwrap();
        }
        loop {
            match self.follower.need() {
                Need::Nothing => return self.follower.view(),
                Need::Head => panic!("a head is there"),
                Need::Log { epoch, after } => match publish::page(issuer, epoch, after, 1_000).await.unwrap()
                {
                    Some(page) => self.follower.page(page, now, elapsed).unwrap(),
                    None => self.follower.gone(),
                },
                Need::Snapshot(snap) => {
                    let body = publish::snapshot(issuer, state.head.epoch, snap.seq).await.unwrap().unwrap();
                    assert_eq!(snap.url, format!("{ISSUER}/rev/snap/{}/{}", state.head.epoch, snap.seq));
                    self.follower.snapshot(&body).unwrap();
                }
            }
        }
    }
}

/// Whether what a reader believes covers this token.
pub fn covered(view: &View, token: &str) -> bool {
    let (header, said) = dangerous::decode(token).unwrap();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let (kid, sid, jti) = (text(&header["kid"]), text(&said["sid"]), text(&said["jti"]));
    let (sub, client) = (text(&said["sub"]).unwrap(), text(&said["client_id"]).unwrap());
    let subject = Subject {
        iss: ISSUER,
        kid: kid.as_deref(),
        client_id: &client,
        sub: &sub,
        sid: sid.as_deref(),
        jti: jti.as_deref(),
    };
    let names = view.salt().unwrap().names(&subject);
    view.covers(&names, said["iat"].as_i64().unwrap(), |salt| salt.names(&subject)).is_some()
}

/// The rules after that number.
pub async fn log(issuer: &Issuer, epoch: u64, mut after: u64) -> Vec<Rule> {
    let mut out = Vec::new();
    while let Some(page) = publish::page(issuer, epoch, after, 5_000).await.unwrap() {
        if page.rules.is_empty() {
            break;
        }
        after = page.end();
        out.extend(page.rules);
    }
    out
}

/// What a cause ended: kind and id of a rule that must be in the log.
type Ended = (Kind, String);

async fn entered(world: &World, client: &str) -> (Visitor, TokenResponse) {
    let visitor = world.sign_in(&world.visitor(), "ada").await;
    let code = world.code(&visitor, client, &[]).await;
    let tokens = world.redeem(client, &code).await.unwrap();
    (visitor, tokens)
}

fn said(token: &str, name: &str) -> String {
    dangerous::decode(token).unwrap().1[name].as_str().unwrap().to_owned()
}

fn sid(tokens: &TokenResponse) -> Ended {
    (Kind::Sid, said(&tokens.access_token, "sid"))
}

async fn by_admin(world: &World, cause: &str) -> Ended {
    let (_, tokens) = entered(world, "web").await;
    let access = tokens.access_token.clone();
    let kid = dangerous::decode(&access).unwrap().0["kid"].as_str().unwrap().to_owned();
    let jti = said(&access, "jti");
    let (what, ended) = match cause {
        "access token" => (What::Token(Secret::new(&*access)), (Kind::Jti, jti)),
        "refresh token" => (What::Token(Secret::new(tokens.refresh_token.clone().unwrap())), sid(&tokens)),
        "jti" => (What::Jti("one-more".to_owned()), (Kind::Jti, "one-more".to_owned())),
        "session" => (What::Session(said(&access, "sid")), sid(&tokens)),
        "user" => (What::User("ada".to_owned()), (Kind::Sub, said(&access, "sub"))),
        "client" => (What::Client("web".to_owned()), (Kind::Cid, "web".to_owned())),
        _ => (What::Key(kid.clone()), (Kind::Kid, kid)),
    };
    let done = admin::revoke::revoke(&world.issuer, what).await.unwrap();
    let head = world.issuer.feed.published().unwrap().head.clone();
    assert_eq!((done.epoch, done.seq), (head.epoch, head.seq));
    ended
}

async fn by_endpoint(world: &World, cause: &str) -> Ended {
    let (visitor, tokens) = entered(world, "app").await;
    let refresh = tokens.refresh_token.as_deref().unwrap();
    let told = async |token: &str| {
        let (basic, params) = signed("app", &[("token", token)]);
        revoke::revoke(&world.issuer, basic.as_deref(), &params, IP).await.1.unwrap();
    };
    match cause {
        "endpoint, access token" => {
            told(&tokens.access_token).await;
            return (Kind::Jti, said(&tokens.access_token, "jti"));
        }
        "endpoint, refresh token" => told(refresh).await,
        "direct log-out" => {
            let ask = direct::Login {
                username: "ada".to_owned(),
                password: Secret::new(super::PASSWORD),
                wish: direct::Wish { client_id: Some("mobile".to_owned()), ..direct::Wish::default() },
            };
            let tokens = direct_flow::tokens(direct::login(&world.issuer, ask, &caller()).await.unwrap());
            direct::logout(&world.issuer, &tokens.access_token, caller().ip).await.1.unwrap();
            return sid(&tokens);
        }
        "logout" => {
            let form = [("id_token_hint", tokens.id_token.as_deref().unwrap())];
            let params = form.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            logout::logout(&world.issuer, &params, &visitor, caller().ip).await.unwrap();
        }
        "theft" => {
            let next = world.refresh("app", refresh).await.unwrap();
            world.refresh("app", next.refresh_token.as_deref().unwrap()).await.unwrap();
            assert_eq!(refusal(world.refresh("app", refresh).await), "invalid_grant");
        }
        _ => {
            let code = world.code(&visitor, "app", &[]).await;
            let first = world.redeem("app", &code).await.unwrap();
            assert_eq!(refusal(world.token("app", &redemption(&code)).await), "invalid_grant");
            return sid(&first);
        }
    }
    sid(&tokens)
}

async fn by_account(world: &World, cause: &str) -> Ended {
    let (visitor, tokens) = entered(world, "app").await;
    let me = visitor.session.clone().unwrap();
    let id = me.session.id.as_str();
    match cause {
        "end of an app" => sessions::end(&world.issuer, &me, &sid(&tokens).1, &caller()).await.unwrap(),
        "end of a browser" => sessions::end(&world.issuer, &me, id, &caller()).await.unwrap(),
        "end of this browser" => {
            sessions::end_current(&world.issuer, &me.session.id, &me, &caller()).await.unwrap()
        }
        "end of the others" => {
            let here = world.sign_in(&world.visitor(), "ada").await.session.unwrap();
            sessions::end_others(&world.issuer, &here, &caller()).await.unwrap();
        }
        _ => drop(world.sign_in(&visitor, "bob").await),
    }
    sid(&tokens)
}

async fn by_operator(world: &World, cause: &str) -> Ended {
    // One client is gone when the person goes.
    let (_, tokens) = entered(world, if cause == "removed" { "other" } else { "app" }).await;
    let ada = (Kind::Sub, said(&tokens.access_token, "sub"));
    match cause {
        "password" => {
            admin::users::set_password(&world.issuer, "ada", Secret::new(super::PASSWORD)).await.unwrap();
            sid(&tokens)
        }
        "disabled" => {
            admin::users::disable(&world.issuer, "ada").await.unwrap();
            admin::users::enable(&world.issuer, "ada").await.unwrap();
            ada
        }
        "client removed" => {
            admin::clients::remove(&world.issuer, "app").await.unwrap();
            (Kind::Cid, "app".to_owned())
        }
        _ => {
            admin::users::remove(&world.issuer, "ada").await.unwrap();
            ada
        }
    }
}

/// Whatever revokes: when it is answered, the rule has a number, and the head that this node serves covers it.
pub async fn feed_has_every_cause(stage: Stage) {
    let world = World::new(stage).await;
    let issuer = &world.issuer;
    issuer.follow().await.unwrap();
    let causes = [
        ["access token", "refresh token", "jti", "session", "user", "client", "key"].as_slice(),
        &[
            "endpoint, access token",
            "endpoint, refresh token",
            "direct log-out",
            "logout",
            "theft",
            "code reuse",
        ],
        &["end of an app", "end of a browser", "end of this browser", "end of the others", "another person"],
        &["password", "disabled", "client removed", "removed"],
    ];
    for (by, causes) in causes.into_iter().enumerate() {
        for cause in causes {
            // What a cutoff covers is a matter of seconds.
            world.wait(5).await;
            let before = issuer.feed.published().unwrap().head.clone();
            let (kind, id) = match by {
                0 => by_admin(&world, cause).await,
                1 => by_endpoint(&world, cause).await,
                2 => by_account(&world, cause).await,
                _ => by_operator(&world, cause).await,
            };
            let head = issuer.feed.published().unwrap().head.clone();
            let added = log(issuer, head.epoch, before.seq).await;
            let due = head.salt.name(kind, ISSUER, &id);
            assert!(added.iter().any(|rule| rule.kind == kind && rule.h == due), "{cause}: {added:?}");
            assert_eq!(head.seq, before.seq + added.len() as u64, "{cause}: the head covers them");
            let waiting = world.stage.store.waiting(9).await.unwrap().it.unwrap().waiting;
            assert!(waiting.is_empty(), "{cause}: {waiting:?}");
        }
    }
}

/// A head every half second and with every news, under the pinned key; no write for it.
pub async fn feed_heads(stage: Stage) {
    let house = House::new(stage).await;
    let (issuer, clock) = (&house.issuer, &house.stage.clock);
    assert!(issuer.feed.published().is_none());
    issuer.follow().await.unwrap();
    let first = issuer.feed.published().unwrap();
    let read = |jws: &str| pins(issuer).read(jws, clock.now()).unwrap();
    assert_eq!(read(&first.jws), first.head);
    let head = &first.head;
    assert_eq!((head.epoch, head.seq, head.as_of), (1, 0, clock.now().millis()));
    assert_eq!((head.hb_ms, head.policy.soft, head.policy.hard), (500, 5, 60));
    assert_eq!(head.exp, clock.now().seconds() + 3600);
    let jwks = countersign_issuer::model::Digest::of(&issuer.keys.jwks().body).0;
    assert_eq!(head.jwks.unwrap().0, jwks);
    assert_eq!((&head.snap, &head.next_key), (&None, &None));

    house.store.take();
    for due in [false, false, false, false, true, false] {
        let before = issuer.feed.published().unwrap();
        let now = clock.advance(Duration::from_millis(100));
        issuer.follow().await.unwrap();
        let after = issuer.feed.published().unwrap();
        assert_eq!(after.head.as_of != before.head.as_of, due);
        assert!(!due || (after.head.as_of == now.millis() && after.added.rules.is_empty()));
    }
    let calls = house.store.take();
    let reads = ["events_after", "waiting", "status_lists"];
    assert!(calls.iter().all(|call| reads.contains(call)), "an idle feed writes nothing: {calls:?}");

    // A key changed: at once, with what verifiers must fetch.
    let before = issuer.feed.published().unwrap();
    keys::rotate(issuer, Some(Algorithm::Es256), false).await.unwrap();
    issuer.follow().await.unwrap();
    let after = issuer.feed.published().unwrap();
    assert_ne!(after.head.jwks, before.head.jwks);
    assert_eq!(after.head.seq, before.head.seq);
}

/// The next feed key is announced in heads a day before it signs; withdrawn, another signs at once.
pub async fn feed_key_life(stage: Stage) {
    let house = House::new(stage).await;
    let (issuer, clock) = (&house.issuer, &house.stage.clock);
    let turn = async |seconds| {
        clock.advance_seconds(seconds);
        issuer.follow().await.unwrap();
        issuer.tend().await.unwrap();
        issuer.follow().await.unwrap();
        issuer.feed.published().unwrap()
    };
    let feed = async || {
        let all = keys::list(issuer).await.unwrap();
        all.into_iter().filter(|key| key.purpose == KeyUse::Feed).collect::<Vec<_>>()
    };
    let day = 24 * 3600;
    assert_eq!(turn(0).await.head.next_key, None);
    let first = feed().await.pop().unwrap();
    let announced = turn(89 * day).await;
    let next = announced.head.next_key.clone().unwrap();
    let early = pins(issuer);
    assert!(early.has(&first.kid) && early.has(&next));
    let signed_by = |jws: &str| dangerous::decode(jws).unwrap().0["kid"].as_str().unwrap().to_owned();
    assert_eq!(signed_by(&announced.jws), first.kid);
    let last = turn(day - 1).await;
    assert_eq!(signed_by(&last.jws), first.kid);
    let changed = turn(1).await;
    assert_eq!(signed_by(&changed.jws), next);
    assert_eq!(early.read(&changed.jws, clock.now()).unwrap(), changed.head, "pinned when it was announced");

    keys::withdraw(issuer, &next).await.unwrap();
    let replaced = issuer.feed.published().unwrap();
    assert!(early.read(&replaced.jws, clock.now()).is_err());
    assert_eq!(pins(issuer).read(&replaced.jws, clock.now()).unwrap(), replaced.head);
    assert!(!pins(issuer).has(&next));
    let states: Vec<_> = feed().await.iter().map(|key| key.state).collect();
    assert_eq!(states.iter().filter(|state| **state == KeyState::Active).count(), 1);
}

/// A head under a token key proves nothing; a token under the feed key opens nothing.
pub async fn feed_keys_apart(stage: Stage) {
    let world = World::new(stage).await;
    let issuer = &world.issuer;
    issuer.follow().await.unwrap();
    let state = issuer.feed.published().unwrap();
    let feed_key = issuer.keys.feed().signing.clone().unwrap();
    let token_key = issuer.keys.signing(Algorithm::Ed25519).unwrap();
    let now = world.clock().now();

    let later = Head { as_of: state.head.as_of + 1, ..state.head.clone() };
    let forge = |key: &SigningKey| later.sign(key).unwrap();
    assert!(pins(issuer).read(&forge(&feed_key), now).is_ok(), "the very head is good under its own key");
    assert!(pins(issuer).read(&forge(&token_key), now).is_err());
    assert!(!pins(issuer).has(token_key.kid()));
    // A verifier that pins every key it finds would still tell a token from a head by its type.
    let all: JwkSet = serde_json::from_slice(&issuer.keys.jwks().body).unwrap();
    let careless = Pins::new(ISSUER, &all.keys);
    assert!(careless.has(token_key.kid()));
    let good = world.enter("app").await.access_token;
    assert!(careless.read(&good, now).is_err());

    assert!(all.keys.iter().all(|key| key.kid.as_deref() != Some(feed_key.kid())), "never in the JWKS");
    assert!(issuer.keys.verifying().get(feed_key.kid()).is_none());
    assert!(issuer.keys.hint().get(feed_key.kid()).is_none());
    let claims = dangerous::decode(&good).unwrap().1;
    assert!(world.userinfo(&token_key.sign("at+jwt", &claims).unwrap()).await.is_ok(), "the claims are good");
    let forged = feed_key.sign("at+jwt", &claims).unwrap();
    assert_eq!(refusal(world.userinfo(&forged).await), "invalid_token");
    let head_as_token = issuer.feed.published().unwrap().jws.to_string();
    assert_eq!(refusal(world.userinfo(&head_as_token).await), "invalid_token");
}

/// What an operator is told is what verifiers said.
pub async fn feed_receipt(stage: Stage) {
    let world = World::new(stage).await;
    let issuer = &world.issuer;
    issuer.follow().await.unwrap();
    let token = world.enter("web").await.access_token;
    let done = admin::revoke::revoke(issuer, What::Token(Secret::new(token))).await.unwrap();
    assert_eq!(done.at, world.clock().now());
    let client = countersign_issuer::model::ClientId::from_stored("svc");
    let say = |name: &str, seq, mode: &str| {
        let modes = vec![mode.to_owned()];
        let ack = countersign_feed::metadata::Ack {
            verifier: name.to_owned(),
            epoch: done.epoch,
            seq,
            hard: 60,
            modes,
        };
        publish::acknowledge(issuer, &client, ack).unwrap();
    };
    let ask = async || revocation::receipt::receipt(issuer, done.epoch, done.seq, done.at).await.unwrap();
    say("a", done.seq, "closed");
    say("b", done.seq - 1, "open");
    let told = ask().await;
    assert_eq!((told.connected, told.in_force, told.open), (2, 1, 1));
    world.clock().advance(Duration::from_millis(1_500));
    say("b", done.seq, "open");
    issuer.follow().await.unwrap();
    let told = ask().await;
    assert_eq!((told.connected, told.in_force, told.after_ms), (2, 2, Some(1_500)), "written down or not");
    world.wait(11).await;
    say("a", done.seq, "closed");
    world.wait(2).await;
    let told = ask().await;
    assert_eq!((told.connected, told.in_force, told.after_ms), (1, 1, Some(0)), "when it was first said");
    assert_eq!((told.disconnected, told.disconnected_refuse_from), (1, None), "one stays open");
}
