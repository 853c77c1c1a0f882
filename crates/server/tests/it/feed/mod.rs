//! The revocation feed over real sockets: what a verifier, a relay and a stranger see of it.

mod ack;
mod input;
mod listener;
mod log;
mod readers;
mod stream;

use crate::wire::{Answer, get};
use crate::world::{BACKEND_SECRET, World, world, world_with};
use countersign_feed::{BLOCK, Cutoff, Follower, Head, Kind, Metadata, Pins, Rule};
use countersign_issuer::admin::revoke::{Done, What, revoke};
use countersign_issuer::port::{Append, Feeds};
use std::time::Duration;

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(20);

impl World {
    /// Revokes one token by its name; it is published when this answers.
    async fn revoke(&self, jti: &str) -> Done {
        revoke(&self.issuer, What::Jti(jti.to_owned())).await.unwrap()
    }
    /// Writes so many revocations into the log at once, under names nobody has.
    async fn append(&self, many: u64) {
        let state = self.store.feed().await.unwrap().it.unwrap();
        let until = Rule::until_of(self.clock.now() + Duration::from_secs(900));
        // Names are hashes: spread over all numbers, as a table of them expects.
        let spread = |n: u64| n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let rules: Vec<Rule> = (1..=many)
            .map(|n| Rule { kind: Kind::Jti, h: spread(n), cutoff: Cutoff::ALWAYS, until })
            .collect();
        let ends = rules.chunks_exact(usize::try_from(BLOCK).unwrap());
        let mut chain = state.at.chain;
        let fills = ends
            .map(|block| {
                chain = chain.over(block);
                chain
            })
            .collect();
        let (rows, chain) = (Vec::new(), state.at.chain.over(&rules));
        let append = Append { after: state.at, read_at: self.clock.now(), rules, rows, fills, chain };
        assert_eq!(state.at.seq, 0, "blocks are counted from the beginning");
        assert!(self.store.append(append).await.unwrap());
        self.beat().await;
    }
    /// Time goes on without a revocation: the next head.
    async fn beat(&self) {
        self.clock.advance(Duration::from_millis(500));
        self.issuer.follow().await.unwrap();
    }
    async fn metadata(&self) -> Metadata {
        serde_json::from_slice(&self.send(get("/.well-known/revocation-feed")).await.body).unwrap()
    }
    /// The keys that the metadata pins.
    async fn pins(&self) -> Pins {
        let metadata = self.metadata().await;
        Pins::new(&metadata.issuer, &metadata.keys)
    }
    async fn follower(&self) -> Follower {
        Follower::new(self.pins().await)
    }
    /// The head as served, verified.
    async fn head(&self) -> Head {
        let answer = self.send(get("/rev/head")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        self.pins().await.read(&answer.text(), self.clock.now()).unwrap()
    }
}

/// Whether the follower refuses a token of that name.
fn refuses(follower: &Follower, issuer: &str, jti: &str) -> bool {
    let view = follower.view();
    let Some(salt) = view.salt() else { return false };
    let token = countersign_feed::Subject {
        iss: issuer,
        kid: None,
        client_id: "backend",
        sub: "backend",
        sid: None,
        jti: Some(jti),
    };
    view.covers(&salt.names(&token), 0, |salt| salt.names(&token)).is_some()
}

fn is_public(answer: &Answer) {
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert!(answer.header("access-control-expose-headers").unwrap().contains("etag"));
}

#[tokio::test]
async fn the_metadata_names_where_everything_is() {
    let world = world().await;
    let answer = world.send(get("/.well-known/revocation-feed")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    is_public(&answer);
    let metadata = world.metadata().await;
    assert_eq!(metadata.issuer, world.url(""));
    assert!(!metadata.keys.is_empty());
    for (said, path) in [
        (&metadata.head_endpoint, "/rev/head"),
        (&metadata.log_endpoint, "/rev/log"),
        (&metadata.snapshot_endpoint, "/rev/snap"),
        (&metadata.stream_endpoint, "/rev/stream"),
        (&metadata.ack_endpoint, "/rev/ack"),
    ] {
        assert_eq!(*said, world.url(path));
    }
    let known = answer.header("etag").unwrap();
    let again = world.send(get("/.well-known/revocation-feed").with("If-None-Match", known)).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
}

#[tokio::test]
async fn the_head_is_signed_and_says_what_is_revoked() {
    let world = world().await;
    let first = world.head().await;
    let answer = world.send(get("/rev/head")).await;
    assert_eq!(answer.header("content-type"), Some("application/jwt"));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=1"));
    is_public(&answer);
    let known = answer.header("etag").unwrap().to_owned();
    let again = world.send(get("/rev/head").with("If-None-Match", &known)).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(again.header("etag"), Some(known.as_str()));

    world.revoke("t1").await;
    let second = world.head().await;
    assert_eq!((second.epoch, second.seq), (first.epoch, first.seq + 1));
    let changed = world.send(get("/rev/head").with("If-None-Match", &known)).await;
    assert_eq!(changed.status, 200);
}

#[tokio::test]
async fn a_revocation_over_http_is_published_before_it_is_answered() {
    let world = world().await;
    let token = world.machine_token("backend", BACKEND_SECRET).await;
    let before = world.head().await.seq;
    let form = [("token", token.as_str())];
    let answer =
        world.send(crate::wire::post("/oauth/revoke").basic("backend", BACKEND_SECRET).form(&form)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(world.head().await.seq, before + 1);
}

#[tokio::test]
async fn everything_stands_below_an_issuer_with_a_path() {
    let world = world_with(|config| config.public_url.push_str("/id")).await;
    world.revoke("t1").await;
    let metadata = world.send(get("/id/.well-known/revocation-feed")).await;
    let metadata: Metadata = serde_json::from_slice(&metadata.body).unwrap();
    assert_eq!(metadata.log_endpoint, world.url("/rev/log"));
    for (path, status) in [
        ("/id/rev/head", 200),
        ("/id/rev/log?epoch=1&from=0", 200),
        ("/id/rev/log/1/0", 404),
        ("/id/rev/snap/1/1", 404),
        ("/rev/head", 404),
        ("/rev/log?epoch=1&from=0", 404),
        ("/rev/stream", 404),
    ] {
        assert_eq!(world.send(get(path)).await.status, status, "{path}");
    }
    let mut listener = listener::Listener::open(&world, "/id/rev/stream", &[]).await.unwrap();
    assert!(matches!(listener.next().await, Some(countersign_feed::stream::Event::Head(_))));
    let ack = crate::wire::post("/id/rev/ack").basic("backend", BACKEND_SECRET).json(&ack::good());
    assert_eq!(world.send(ack).await.status, 204);
}
