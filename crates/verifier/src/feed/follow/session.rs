//! One session with a feed: how its news are had.

use super::{Ask, Following, passed};
use crate::feed::FeedError;
use crate::fetch::Incoming;
use countersign_feed::stream::{Event, Position, Reader};
use countersign_feed::{Chain, Need, Page};
use std::convert::Infallible;
use std::time::Duration;

/// Rounds of asking for what is missing below one head.
const MOST_ROUNDS: usize = 512;
/// Seconds of one long poll: heads stay younger than the soft bound.
const LONG_POLL: u64 = 2;
/// Between two plain polls.
const PLAIN_POLL: Duration = Duration::from_secs(1);
/// The least time between two polls that a builder can ask for.
const FASTEST_POLL: Duration = Duration::from_millis(100);
/// Polls after which the stream is tried again.
const POLLS: u32 = 30;
/// No newer head for this long, or for so many heartbeats: the connection is given up.
const PATIENCE: Duration = Duration::from_secs(5);
const HEARTBEATS: u32 = 4;

/// How the feed is held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    Stream,
    LongPoll,
    Poll,
}

impl Way {
    pub(super) fn next(self) -> Self {
        match self {
            Self::Stream => Self::LongPoll,
            Self::LongPoll => Self::Poll,
            Self::Poll => Self::Stream,
        }
    }
}

/// Why a session ended.
pub(super) enum End {
    Failed(FeedError),
    /// Time to try the stream again.
    Over,
}

impl From<FeedError> for End {
    fn from(error: FeedError) -> Self {
        Self::Failed(error)
    }
}

impl Following {
    pub(super) async fn session(&mut self, way: Way) -> End {
        match self.hold(way).await {
            Ok(never) => match never {},
            Err(end) => {
                self.publish(false);
                end
            }
        }
    }

    async fn hold(&mut self, way: Way) -> Result<Infallible, End> {
        self.synchronise().await?;
        match (way, self.task.settings.poll) {
            (_, Some(every)) => self.poll(every.max(FASTEST_POLL), u32::MAX).await,
            (Way::Stream, None) => self.stream().await,
            (Way::LongPoll, None) => self.long_poll().await,
            (Way::Poll, None) => self.poll(PLAIN_POLL, POLLS).await,
        }
    }

    /// The newest head, and all rules below it.
    pub(super) async fn synchronise(&mut self) -> Result<(), FeedError> {
        let head = self.wire.head().await?;
        self.head(&head).await?;
        self.fill().await?;
        self.shorten().await;
        Ok(())
    }

    /// Gets what is missing: pages, else blocks, else the snapshot.
    pub(super) async fn fill(&mut self) -> Result<(), FeedError> {
        for _ in 0..MOST_ROUNDS {
            let need = self.follower.need();
            match &need {
                Need::Nothing => return Ok(()),
                Need::Head => return Err(FeedError::new("no head that counts")),
                Need::Log { epoch, after } => {
                    let page = match self.wire.tail(*epoch, *after, 0).await {
                        Ok(page) => page,
                        Err(error) => self.wire.block(*epoch, *after).await.map_err(|_| error)?,
                    };
                    self.page(page).await?;
                }
                Need::Snapshot(named) => {
                    let bytes = self.wire.snapshot(named).await?;
                    self.snapshot(bytes).await?;
                }
            }
            if self.follower.need() == need {
                // The log does not go back that far any more: only a snapshot helps.
                self.follower.gone();
                if self.follower.need() == need {
                    return Err(FeedError::new("the rules below the head cannot be had"));
                }
            }
        }
        Err(FeedError::new("the rules below the head do not come to an end"))
    }

    async fn stream(&mut self) -> Result<Infallible, End> {
        let at = self.follower.proven().map(|head| Position { epoch: head.epoch, seq: head.seq });
        let mut incoming = self.wire.stream(at).await?;
        let mut reader = Reader::default();
        loop {
            let patience = self.patience();
            let next = self.until_proven(&mut *incoming, &mut reader);
            match tokio::time::timeout(patience, next).await {
                Ok(outcome) => outcome?,
                Err(_) => {
                    return Err(FeedError::new(format!("no newer head within {patience:?}")).into());
                }
            }
        }
    }

    /// Reads until one more head is proven.
    async fn until_proven(&mut self, incoming: &mut dyn Incoming, reader: &mut Reader) -> Result<(), End> {
        let before = self.proven;
        while self.proven == before {
            let chunk = tokio::select! {
                Some(ask) = self.task.asks.recv() => {
                    self.answer(ask).await?;
                    continue;
                }
                chunk = incoming.chunk() => chunk.map_err(|e| FeedError::new(e.to_string()))?,
            };
            let Some(chunk) = chunk else { return Err(FeedError::new("the stream ended").into()) };
            let events = reader.push(&chunk).map_err(|e| FeedError::new(e.to_string()))?;
            for event in events {
                self.event(event).await?;
            }
        }
        Ok(())
    }

    async fn event(&mut self, event: Event) -> Result<(), FeedError> {
        match event {
            Event::Rules(bytes) => match Page::read(&bytes) {
                Ok(page) => self.page(page).await,
                Err(error) => Err(FeedError::new(error.to_string())),
            },
            Event::Head(jws) => {
                let missing = self.follower.need() != Need::Nothing;
                self.head(&jws).await?;
                // What a head lacks usually follows; what it still lacks at the next one does not.
                if missing { self.fill().await } else { Ok(()) }
            }
            Event::Hint(bytes) => {
                if self.wire.is_issuers_own
                    && let Ok(page) = Page::read(&bytes)
                {
                    self.follower.hint(&page);
                    self.hints += page.rules.len() as u64;
                    self.publish(true);
                }
                Ok(())
            }
            Event::Jwks(digest) => {
                // Anybody on the way may have written it; the signed head will say the same.
                if self.wire.is_issuers_own
                    && let Ok(digest) = Chain::try_from(digest)
                {
                    self.keys_changed(digest);
                }
                Ok(())
            }
        }
    }

    async fn long_poll(&mut self) -> Result<Infallible, End> {
        for _ in 0..POLLS {
            let (epoch, seq) = self.follower.proven().map_or((0, 0), |head| (head.epoch, head.seq));
            let before = self.proven;
            let asked = tokio::select! {
                Some(ask) = self.task.asks.recv() => Err(ask),
                page = self.wire.tail(epoch, seq, LONG_POLL) => Ok(page?),
            };
            match asked {
                Ok(page) => self.page(page).await?,
                Err(ask) => self.answer(ask).await?,
            }
            self.fill().await?;
            if self.proven == before {
                // An answer at once with nothing new, over and over, is no long poll.
                passed(PLAIN_POLL).await;
            }
        }
        Err(End::Over)
    }

    async fn poll(&mut self, every: Duration, times: u32) -> Result<Infallible, End> {
        for _ in 0..times {
            tokio::select! {
                Some(ask) = self.task.asks.recv() => self.answer(ask).await?,
                () = passed(every) => self.synchronise().await?,
            }
        }
        Err(End::Over)
    }

    /// Somebody wants the newest head.
    async fn answer(&mut self, ask: Ask) -> Result<(), End> {
        let outcome = self.synchronise().await;
        drop(ask.send(outcome.clone()));
        Ok(outcome?)
    }

    fn patience(&self) -> Duration {
        let beats = self.follower.proven().map_or(0, |head| head.hb_ms);
        let beats = Duration::from_millis(beats).saturating_mul(HEARTBEATS);
        self.task.settings.limits.timeout.min(PATIENCE).max(beats)
    }
}
