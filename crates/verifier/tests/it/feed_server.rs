//! A revocation feed on a loopback socket: real heads, pages and snapshots, served well or badly.

use crate::issuer::{Hands, METADATA};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use countersign_feed::head::FeedId;
use countersign_feed::rule::Salt;
use countersign_feed::stream::{Event, Position};
use countersign_feed::{
    BLOCK, Chain, Cutoff, Head, Kind, Metadata, Page, Rule, SnapRef, Snapshot, Staleness, Table,
};
use countersign_token::provider::{DEFAULT, Provider};
use countersign_token::{Algorithm, SigningKey};
use countersign_verifier::{Clock, Timestamp};
use futures_util::stream;
use serde_json::Value;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, watch};

pub(crate) const FEED_METADATA: &str = "/.well-known/revocation-feed";
/// No token of the tests lives as long.
pub(crate) const UNTIL: u32 = 1_900_000_000;

pub(crate) fn feed_key() -> SigningKey {
    SigningKey::generate(Algorithm::Ed25519).unwrap()
}

/// What an issuer knows of its feed.
pub(crate) struct Log {
    pub(crate) issuer: String,
    pub(crate) key: SigningKey,
    pub(crate) announced: Option<SigningKey>,
    pub(crate) feed: FeedId,
    pub(crate) salt: Salt,
    pub(crate) epoch: u64,
    pub(crate) rules: Vec<Rule>,
    pub(crate) snap: Option<(SnapRef, Vec<u8>)>,
    pub(crate) jwks: Option<Chain>,
    pub(crate) heartbeat_ms: u64,
}

impl Log {
    pub(crate) fn new(issuer: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            key: feed_key(),
            announced: None,
            feed: FeedId([7; 16]),
            salt: Salt([9; 16]),
            epoch: 1,
            rules: Vec::new(),
            snap: None,
            jwks: None,
            heartbeat_ms: 500,
        }
    }

    /// The rule that says that everything of this kind and id is revoked.
    pub(crate) fn rule(&self, kind: Kind, id: &str) -> Rule {
        let h = self.salt.name(kind, &self.issuer, id);
        Rule { kind, h, cutoff: Cutoff::ALWAYS, until: UNTIL }
    }

    pub(crate) fn chain(&self, seq: usize) -> Chain {
        Chain::genesis(&self.feed.0, self.epoch).over(&self.rules[..seq])
    }

    pub(crate) fn claims(&self, as_of: Timestamp) -> Head {
        let seq = self.rules.len();
        Head {
            iss: self.issuer.clone(),
            aud: Head::audience(&self.issuer),
            feed: self.feed,
            epoch: self.epoch,
            seq: seq as u64,
            as_of: as_of.millis(),
            chain: self.chain(seq),
            snap: self.snap.as_ref().map(|(named, _)| named.clone()),
            salt: self.salt,
            hb_ms: self.heartbeat_ms,
            policy: Staleness::default(),
            jwks: self.jwks,
            next_key: self.announced.as_ref().and_then(|key| key.public_jwk()?.thumbprint()),
            exp: as_of.seconds() + 60,
        }
    }

    pub(crate) fn head(&self, as_of: Timestamp) -> String {
        self.claims(as_of).sign(&self.key).unwrap()
    }

    pub(crate) fn page(&self, after: usize, end: usize) -> Page {
        let rules = self.rules[after..end].to_vec();
        Page { epoch: self.epoch, after: after as u64, chain: self.chain(after), rules, head: None }
    }

    pub(crate) fn make_snapshot(&mut self, url: &str) {
        let table = Table::default();
        table.extend(&self.rules);
        let (seq, chain) = (self.rules.len(), self.chain(self.rules.len()));
        let (feed, epoch) = (self.feed, self.epoch);
        let bytes = Snapshot { feed, epoch, seq: seq as u64, chain, rules: table.rules() }.bytes();
        let sha256 = Chain(DEFAULT.sha256(&bytes));
        let url = format!("{url}/rev/snap/{epoch}/{seq}");
        self.snap = Some((SnapRef { seq: seq as u64, url, sha256 }, bytes));
    }

    fn metadata(&self, url: &str) -> Metadata {
        let keys = [Some(&self.key), self.announced.as_ref()];
        Metadata {
            issuer: self.issuer.clone(),
            feed: self.feed,
            keys: keys.into_iter().flatten().filter_map(SigningKey::public_jwk).collect(),
            head_endpoint: format!("{url}/rev/head"),
            log_endpoint: format!("{url}/rev/log"),
            snapshot_endpoint: format!("{url}/rev/snap"),
            stream_endpoint: format!("{url}/rev/stream"),
            ack_endpoint: format!("{url}/rev/ack"),
        }
    }
}

/// How the server answers, where it does not answer well.
#[derive(Default)]
pub(crate) struct Knobs {
    /// Instead of the newest head.
    pub(crate) head: Option<String>,
    /// Instead of every page of the log.
    pub(crate) page: Option<Vec<u8>>,
    /// Instead of the snapshot.
    pub(crate) snapshot: Option<Vec<u8>>,
    /// Paths, from their beginning, that answer with a status.
    pub(crate) status: HashMap<&'static str, u16>,
    /// Paths that never answer.
    pub(crate) mute: Vec<&'static str>,
    /// The stream begins with this instead of the newest head.
    pub(crate) greeting: Option<Vec<u8>>,
    /// Where redirects lead.
    pub(crate) location: Option<String>,
}

pub(crate) struct Inner {
    pub(crate) log: Log,
    pub(crate) knobs: Knobs,
    hits: HashMap<String, usize>,
    pub(crate) asked_after: Vec<Option<String>>,
}

/// The server. Clones share it.
#[derive(Clone)]
pub(crate) struct Feed {
    pub(crate) url: String,
    clock: Hands,
    inner: Arc<Mutex<Inner>>,
    live: broadcast::Sender<Bytes>,
    pub(crate) acks: watch::Sender<Vec<(Option<String>, Value)>>,
}

impl Feed {
    /// Of this issuer; its routes have to be served by somebody.
    pub(crate) fn of(issuer: &str, url: &str, clock: &Hands) -> Self {
        let (hits, asked_after) = (HashMap::new(), Vec::new());
        let inner = Inner { log: Log::new(issuer), knobs: Knobs::default(), hits, asked_after };
        Self {
            url: url.to_owned(),
            clock: clock.clone(),
            inner: Arc::new(Mutex::new(inner)),
            live: broadcast::channel(1024).0,
            acks: watch::Sender::default(),
        }
    }

    /// The same feed on another socket, with answers of its own.
    pub(crate) async fn relay(&self) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let relay = Self::of(&self.lock().log.issuer, &url, &self.clock);
        {
            let (mut there, here) = (relay.lock(), self.lock());
            let bytes = here.log.key.private_bytes();
            there.log.key = SigningKey::from_private_bytes(Algorithm::Ed25519, &bytes).unwrap();
        }
        let app = relay.routes();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        relay
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    pub(crate) fn hits(&self, path: &str) -> usize {
        self.lock().hits.get(path).copied().unwrap_or(0)
    }

    /// Streams that are open.
    pub(crate) fn streams(&self) -> usize {
        self.live.receiver_count()
    }

    /// Until somebody holds a stream.
    pub(crate) async fn streaming(&self) {
        let opened = tokio::time::timeout(Duration::from_secs(30), async {
            while self.streams() == 0 {
                tokio::task::yield_now().await;
            }
        });
        opened.await.expect("nobody opens a stream");
    }

    pub(crate) fn knob(&self, change: impl FnOnce(&mut Knobs)) {
        change(&mut self.lock().knobs);
    }

    /// Revokes, and tells it at once.
    pub(crate) fn revoke(&self, kind: Kind, id: &str) -> u64 {
        let rule = self.lock().log.rule(kind, id);
        self.add(&[rule])
    }

    /// Adds rules, and tells it at once; answers the number of the last one.
    pub(crate) fn add(&self, rules: &[Rule]) -> u64 {
        let before = self.lock().log.rules.len();
        self.lock().log.rules.extend_from_slice(rules);
        let seq = self.lock().log.rules.len();
        let page = self.lock().log.page(before, seq);
        self.push(&Event::Rules(page.bytes()));
        self.beat();
        seq as u64
    }

    /// A head as of now.
    pub(crate) fn beat(&self) {
        let head = self.newest();
        self.push(&Event::Head(head));
    }

    pub(crate) fn newest(&self) -> String {
        self.lock().log.head(self.clock.now())
    }

    pub(crate) fn push(&self, event: &Event) {
        self.raw(event.text().into_bytes());
    }

    pub(crate) fn raw(&self, bytes: Vec<u8>) {
        drop(self.live.send(Bytes::from(bytes)));
    }

    pub(crate) fn metadata(&self) -> String {
        serde_json::to_string(&self.lock().log.metadata(&self.url)).unwrap()
    }

    pub(crate) fn routes(&self) -> Router {
        Router::new()
            .route(FEED_METADATA, get(|State(feed): State<Self>| async move { feed.metadata() }))
            .route("/rev/head", get(head))
            .route("/rev/log", get(tail))
            .route("/rev/log/{epoch}/{block}", get(block))
            .route("/rev/snap/{epoch}/{seq}", get(snapshot))
            .route("/rev/stream", get(events))
            .route("/rev/ack", post(ack))
            .with_state(self.clone())
    }

    /// Counts, and answers badly if that is what is wanted.
    async fn met(&self, path: &str) -> Option<Response> {
        let (status, location, mute) = {
            let mut inner = self.lock();
            *inner.hits.entry(path.to_owned()).or_default() += 1;
            let status = inner.knobs.status.iter().find(|(start, _)| path.starts_with(**start));
            let status = status.map(|(_, code)| StatusCode::from_u16(*code).unwrap());
            let mute = inner.knobs.mute.iter().any(|start| path.starts_with(start));
            (status, inner.knobs.location.clone(), mute)
        };
        if mute {
            std::future::pending::<()>().await;
        }
        let status = status?;
        Some(match location {
            Some(to) => (status, [(header::LOCATION, to)]).into_response(),
            None => status.into_response(),
        })
    }
}

/// Server metadata that advertises the feed.
pub(crate) fn advertise(document: &str, url: &str) -> (String, &'static str) {
    let mut document: Value = serde_json::from_str(document).unwrap();
    document["revocation_feed"] = format!("{url}{FEED_METADATA}").into();
    (document.to_string(), METADATA)
}

async fn head(State(feed): State<Feed>) -> Response {
    if let Some(bad) = feed.met("/rev/head").await {
        return bad;
    }
    let given = feed.lock().knobs.head.clone();
    given.unwrap_or_else(|| feed.newest()).into_response()
}

async fn tail(State(feed): State<Feed>, Query(asked): Query<HashMap<String, u64>>) -> Response {
    if let Some(bad) = feed.met("/rev/log").await {
        return bad;
    }
    let head = feed.newest();
    let inner = feed.lock();
    if let Some(given) = &inner.knobs.page {
        return given.clone().into_response();
    }
    let log = &inner.log;
    let from = usize::try_from(asked["from"]).unwrap();
    let end = log.rules.len();
    let here = if asked["epoch"] == log.epoch && from <= end { from } else { end };
    Page { head: Some(head), ..log.page(here, end) }.bytes().into_response()
}

async fn block(State(feed): State<Feed>, Path((epoch, block)): Path<(u64, u64)>) -> Response {
    if let Some(bad) = feed.met("/rev/log/block").await {
        return bad;
    }
    let inner = feed.lock();
    let from = usize::try_from(block * BLOCK).unwrap();
    let end = from + usize::try_from(BLOCK).unwrap();
    match epoch == inner.log.epoch && end <= inner.log.rules.len() {
        true => inner.log.page(from, end).bytes().into_response(),
        false => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn snapshot(State(feed): State<Feed>) -> Response {
    if let Some(bad) = feed.met("/rev/snap").await {
        return bad;
    }
    let inner = feed.lock();
    let given = inner.knobs.snapshot.clone();
    match given.or_else(|| inner.log.snap.as_ref().map(|(_, bytes)| bytes.clone())) {
        Some(bytes) => bytes.into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn events(State(feed): State<Feed>, headers: HeaderMap) -> Response {
    let live = feed.live.subscribe();
    if let Some(bad) = feed.met("/rev/stream").await {
        return bad;
    }
    let after = headers.get("last-event-id").map(|value| value.to_str().unwrap().to_owned());
    let mut first = Event::Head(feed.newest()).text().into_bytes();
    let mut inner = feed.lock();
    let at = after.as_deref().and_then(Position::read).filter(|at| at.epoch == inner.log.epoch);
    if let Some(from) = at.and_then(|at| usize::try_from(at.seq).ok())
        && from < inner.log.rules.len()
    {
        let missed = Event::Rules(inner.log.page(from, inner.log.rules.len()).bytes());
        first.extend(missed.text().into_bytes());
    }
    inner.asked_after.push(after);
    let first = Bytes::from(inner.knobs.greeting.clone().unwrap_or(first));
    let pieces = stream::unfold((Some(first), live), |(first, mut live)| async move {
        let piece = match first {
            Some(first) => first,
            None => live.recv().await.ok()?,
        };
        Some((Ok::<_, Infallible>(piece), (None, live)))
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(pieces)).into_response()
}

async fn ack(State(feed): State<Feed>, headers: HeaderMap, body: String) -> Response {
    let authorization = headers.get(header::AUTHORIZATION).map(|v| v.to_str().unwrap().to_owned());
    let body = serde_json::from_str(&body).unwrap();
    feed.acks.send_modify(|acks| acks.push((authorization, body)));
    StatusCode::NO_CONTENT.into_response()
}
