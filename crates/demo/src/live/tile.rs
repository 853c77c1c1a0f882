//! One verifier of the picture, as a service would hold it, and what it says of the token.

use crate::cast::{INTROSPECTOR, USERS};
use crate::live::HARD;
use crate::live::act::Act;
use crate::stage::Stage;
use anyhow::Result;
use countersign_verifier::{Guard, HttpFetch, OnStale, Refusal, Verifier};
use http::header::AUTHORIZATION;
use http::request::Parts;
use serde::Serialize;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How often a verifier is asked again when nothing changes: its knowledge grows older by itself.
const AGAIN: Duration = Duration::from_millis(500);
/// Where the route stays open, it does for tokens issued less than this long ago.
const YOUNG: Duration = Duration::from_secs(600);

/// What the route does when the verifier is out of touch.
#[derive(Clone, Copy)]
pub(super) enum Lost {
    Closed,
    Open,
    Introspect,
}

impl Lost {
    fn rule(self) -> OnStale {
        match self {
            Self::Closed => OnStale::Closed,
            Self::Open => OnStale::Open { younger_than: YOUNG },
            Self::Introspect => OnStale::Introspect,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::Introspect => "asks",
        }
    }
}

/// A verifier and what it said last.
pub(super) struct Tile {
    guard: Guard,
    lost: Lost,
    said: Mutex<Said>,
}

#[derive(Clone)]
struct Said {
    verdict: Verdict,
    /// Of this token.
    jti: String,
    /// When it first refused this token.
    refused: Option<Instant>,
}

#[derive(Clone, PartialEq)]
enum Verdict {
    Nothing,
    Good,
    Revoked,
    Stale,
    /// Something that the picture has no word for.
    Other(String),
}

/// How a tile is drawn.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Start,
    Valid,
    Refused,
    /// Out of touch.
    Stale,
}

/// A tile in words.
#[derive(Serialize)]
pub(crate) struct Shown {
    pub(super) state: State,
    says: String,
    age: String,
    /// From the acknowledgement to the refusal.
    #[serde(skip)]
    pub(super) millis: Option<u128>,
}

impl Tile {
    /// A verifier with a feed of its own; with `cable`, the feed comes through there.
    pub(super) fn start(
        stage: &Stage,
        fetch: HttpFetch,
        lost: Lost,
        cable: Option<SocketAddr>,
    ) -> Result<Arc<Self>> {
        let mut builder = Verifier::builder(&stage.places.issuer)
            .audience([USERS])
            .allow_http_on_loopback()
            .fetch(fetch)
            .introspection(INTROSPECTOR, &stage.cast.client_secret)
            .acks(INTROSPECTOR, &stage.cast.client_secret);
        if let Some(cable) = cable {
            builder = builder.feed_relay(format!("http://{cable}"));
        }
        let guard = builder.build()?.require().on_stale(lost.rule()).max_staleness(HARD);
        let said = Said { verdict: Verdict::Nothing, jti: String::new(), refused: None };
        Ok(Arc::new(Self { guard, lost, said: Mutex::new(said) }))
    }

    /// Judges the token: when the verifier learns something, when there is another token, and now and then.
    pub(super) async fn judge(
        self: Arc<Self>,
        mut act: watch::Receiver<Arc<Act>>,
        changed: watch::Sender<()>,
    ) {
        let mut news = self.guard.verifier().feed_changes();
        let mut again = tokio::time::interval(AGAIN);
        loop {
            let now = Arc::clone(&act.borrow_and_update());
            let verdict = self.verdict(&now).await;
            if self.say(&now, verdict) {
                changed.send_replace(());
            }
            tokio::select! {
                learned = news.changed() => if learned.is_err() { return },
                other = act.changed() => if other.is_err() { return },
                _ = again.tick() => {}
            }
        }
    }

    async fn verdict(&self, act: &Act) -> Verdict {
        let Ok(request) = request(act.token()) else { return Verdict::Nothing };
        match self.guard.check(&request).await {
            Ok(_) => Verdict::Good,
            Err(Refusal::Revoked(_)) => Verdict::Revoked,
            Err(Refusal::Stale { .. }) => Verdict::Stale,
            Err(other) => Verdict::Other(other.to_string()),
        }
    }

    /// Notes a verdict; whether it is another than before.
    fn say(&self, act: &Act, verdict: Verdict) -> bool {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let same_token = said.jti == act.jti();
        let new = !same_token || said.verdict != verdict;
        let refused = said.refused.filter(|_| same_token);
        let refused = refused.or_else(|| (verdict == Verdict::Revoked).then(Instant::now));
        *said = Said { verdict, jti: act.jti().to_owned(), refused };
        new
    }

    pub(super) fn shown(&self, act: &Act) -> Shown {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let feed = self.guard.verifier().status().feed;
        let age = feed.as_ref().and_then(|feed| feed.age);
        let out_of_touch = feed.is_none() || age.is_none_or(|age| age > HARD);
        let millis = said
            .refused
            .zip(act.acknowledged())
            .map(|(at, ack)| at.saturating_duration_since(ack).as_millis());
        let of_this = said.jti == act.jti();
        let (state, says) = match said.verdict {
            _ if !of_this => (State::Start, "…".to_owned()),
            Verdict::Nothing => (State::Start, "…".to_owned()),
            Verdict::Good if out_of_touch => (State::Stale, "200".to_owned()),
            Verdict::Good => (State::Valid, "valid".to_owned()),
            Verdict::Revoked => {
                (State::Refused, millis.map_or_else(|| "401".to_owned(), |ms| format!("{ms} ms")))
            }
            Verdict::Stale => (State::Stale, "503".to_owned()),
            Verdict::Other(text) => (State::Start, text),
        };
        let age = match age {
            None => "no feed yet".to_owned(),
            Some(age) if out_of_touch => format!("{} s, {}", age.as_secs(), self.lost.name()),
            Some(age) => format!("{:.1} s", age.as_secs_f32()),
        };
        Shown { state, says, age, millis: millis.filter(|_| of_this) }
    }
}

fn request(token: &str) -> Result<Parts> {
    let request = http::Request::builder().header(AUTHORIZATION, format!("Bearer {token}")).body(())?;
    Ok(request.into_parts().0)
}
