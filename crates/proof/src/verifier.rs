//! The verifier: the real follower, a clock that jumps, a disk that loses bytes.

use crate::chance::Chance;
use crate::issuer::Issuer;
use crate::relay::Relay;
use crate::tokens::Token;
use countersign_feed::journal::replay;
use countersign_feed::stream::{Event, Reader};
use countersign_feed::{Follower, Need, Page, View};
use countersign_token::Timestamp;
use std::collections::BTreeSet;
use std::time::Duration;

/// What became of the disk at a restart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Disk {
    /// As it was written.
    Intact,
    /// Cut off or altered.
    Damaged,
}

/// A verifier process.
#[derive(Debug)]
pub struct Verifier {
    follower: Follower,
    reader: Reader,
    disk: Vec<u8>,
    /// How far its wall clock is ahead, in milliseconds.
    pub ahead: i64,
    /// The least that was since it started.
    pub furthest_behind: i64,
    /// The time at which its monotonic clock showed nothing.
    started: i64,
    /// Revocations it has refused since it started.
    pub refused: BTreeSet<usize>,
    /// Revocations it refused when it wrote its disk, without hints.
    on_disk: BTreeSet<usize>,
}

impl Verifier {
    /// With an empty disk.
    pub fn new(issuer: &Issuer, now: i64) -> Self {
        let mut follower = Follower::new(issuer.pins());
        follower.keep();
        Self {
            follower,
            reader: Reader::default(),
            disk: Vec::new(),
            ahead: 0,
            furthest_behind: 0,
            started: now - 1_000,
            refused: BTreeSet::new(),
            on_disk: BTreeSet::new(),
        }
    }

    /// What it asks for each token.
    pub fn view(&self) -> View {
        self.follower.view()
    }

    /// What it follows with.
    pub fn follower(&mut self) -> &mut Follower {
        &mut self.follower
    }

    /// Its wall clock.
    pub fn wall(&self, now: i64) -> Timestamp {
        Timestamp::from_millis(now + self.ahead)
    }

    /// Its monotonic clock.
    pub fn elapsed(&self, now: i64) -> Duration {
        Duration::from_millis(u64::try_from(now - self.started).unwrap())
    }

    /// Whether it refuses a token for its rules.
    pub fn refuses(&self, token: &Token) -> bool {
        let view = self.view();
        let Some(salt) = view.salt() else { return false };
        view.covers(&token.names(&salt), token.iat, |salt| token.names(salt)).is_some()
    }

    /// Sets its wall clock.
    pub fn set_clock(&mut self, ahead: i64) {
        self.ahead = ahead;
        self.furthest_behind = self.furthest_behind.min(ahead);
    }

    /// Bytes of the stream. A stream that cannot be read is left.
    pub fn stream(&mut self, bytes: &[u8], relay: &mut Relay, now: i64) {
        let Ok(events) = self.reader.push(bytes) else {
            self.reader = Reader::default();
            relay.disconnect();
            return;
        };
        let (wall, elapsed) = (self.wall(now), self.elapsed(now));
        for event in events {
            // What is refused changes nothing that counts: that is what is checked afterwards.
            let _ = match event {
                Event::Rules(bytes) => Page::read(&bytes)
                    .map_err(Into::into)
                    .and_then(|page| self.follower.page(page, wall, elapsed)),
                Event::Head(jws) => self.follower.head(&jws, wall, elapsed),
                Event::Hint(_) | Event::Jwks(_) => Ok(()),
            };
        }
    }

    /// Asks for what is missing.
    pub fn ask(&mut self, issuer: &Issuer, relay: &Relay, chance: &mut Chance, now: i64) {
        let (wall, elapsed) = (self.wall(now), self.elapsed(now));
        match self.follower.need() {
            Need::Nothing | Need::Head => {
                let head = issuer.newest_head().and_then(|head| relay.answer(chance, head.into_bytes()));
                if let Some(jws) = head.and_then(|bytes| String::from_utf8(bytes).ok()) {
                    let _ = self.follower.head(&jws, wall, elapsed);
                }
            }
            Need::Log { epoch, after } => match issuer.page(epoch, after, 1 + chance.below(30)) {
                None => self.follower.gone(),
                Some(page) => {
                    let bytes = relay.answer(chance, page.bytes());
                    if let Some(page) = bytes.and_then(|bytes| Page::read(&bytes).ok()) {
                        let _ = self.follower.page(page, wall, elapsed);
                    }
                }
            },
            Need::Snapshot(named) => match issuer.snapshot_named(&named) {
                None => self.follower.gone(),
                Some(bytes) => {
                    if let Some(bytes) = relay.answer(chance, bytes) {
                        let _ = self.follower.snapshot(&bytes);
                    }
                }
            },
        }
    }

    /// Writes its disk, or not yet.
    pub fn save(&mut self, hinted: bool) {
        self.follower.kept().iter().for_each(|entry| entry.append(&mut self.disk));
        if !hinted {
            self.on_disk.clone_from(&self.refused);
        }
    }

    /// Dies and comes back with its disk. Answers what became of that.
    pub fn restart(&mut self, issuer: &Issuer, relay: &mut Relay, chance: &mut Chance, now: i64) -> Disk {
        let mut bytes = std::mem::take(&mut self.disk);
        let disk = if chance.one_in(2) { Disk::Damaged } else { Disk::Intact };
        if disk == Disk::Damaged {
            chance.damage(&mut bytes);
        }
        let ahead = self.ahead;
        let kept = if disk == Disk::Intact { std::mem::take(&mut self.on_disk) } else { BTreeSet::new() };
        *self = Self::new(issuer, now);
        self.set_clock(ahead);
        self.follower = Follower::new(issuer.pins());
        let (wall, elapsed) = (self.wall(now), self.elapsed(now));
        let replayed = replay(&mut self.follower, &bytes, wall, elapsed);
        bytes.truncate(replayed.good);
        self.disk = bytes;
        self.follower.keep();
        self.refused.clone_from(&kept);
        self.on_disk = kept;
        relay.disconnect();
        disk
    }
}
