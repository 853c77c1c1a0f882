//! The follower: takes what comes, from whatever relay, and believes what a head of a pinned key proves.
//!
//! Rules of pages wait until a head's chain covers them; a snapshot is believed by its digest in a head; a
//! head counts only if it is later than the last one and complete: every rule up to its `seq` is applied. Its
//! age is measured from its receipt, not from when its rules were complete. A head of a new epoch starts an
//! empty log beside the old ones, whose rules stay until they are over.
//!
//! Everything that waits is bounded: rules ([`MOST_WAITING`]), heads ([`MOST_HEADS`]), hints ([`MOST_HINTS`]),
//! announced keys ([`MOST_ANNOUNCED`]) and epochs ([`MOST_EPOCHS`]).

use crate::head::{FeedId, Pins, SKEW};
use crate::journal::Entry;
use crate::log::{Log, Taken};
use crate::page::MOST_HEAD;
use crate::snapshot::Snapshot;
use crate::view::born;
use crate::{BLOCK, Chain, FormatError, Head, Kind, Page, SnapRef, View};
use countersign_token::Timestamp;
use countersign_token::provider::{DEFAULT, Provider};
use std::collections::VecDeque;
use std::time::Duration;

pub use crate::log::MOST_WAITING;
pub use crate::refused::Refused;

/// Most heads that wait for their rules.
pub const MOST_HEADS: usize = 8;
/// Most rules held ahead of their number; what comes beyond is left to the log.
pub const MOST_HINTS: usize = 65_536;
/// Most announced keys remembered, the latest ones.
pub const MOST_ANNOUNCED: usize = 8;
/// Most epochs at once. A further one is refused until the rules of an old one are over.
pub const MOST_EPOCHS: usize = 16;
/// A snapshot is preferred when it saves at least so many rules of the log.
pub const SNAPSHOT_SAVES: u64 = 8 * BLOCK;

/// What the follower needs to become complete.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Need {
    /// Nothing: the newest head is proven.
    Nothing,
    /// A head: none has come yet, or only a later one helps.
    Head,
    /// Pages of this epoch after this rule. If there are none: [`Follower::gone`].
    Log {
        /// Epoch.
        epoch: u64,
        /// Rules had.
        after: u64,
    },
    /// The snapshot that this head names.
    Snapshot(SnapRef),
}

/// Follows one feed.
#[derive(Debug)]
pub struct Follower {
    view: View,
    pins: Pins,
    announced: VecDeque<String>,
    feed: Option<FeedId>,
    log: Option<Log>,
    /// Heads that wait for their rules, of the current epoch, in their order.
    heads: Vec<Waiting>,
    proven: Option<Head>,
    /// A page that came before the first head of its epoch.
    early: Option<Page>,
    forked: bool,
    gone: bool,
    /// What was proven, for a journal; `None`: nobody asks for it.
    kept: Option<Vec<Entry>>,
}

#[derive(Debug)]
struct Waiting {
    jws: String,
    head: Head,
    /// When it was as old as zero ([`crate::view`]); `None` if that cannot be told.
    born: Option<i64>,
}

/// Where a head comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Network,
    /// A journal: it may have expired.
    Kept,
}

impl Follower {
    /// Follows the feed whose keys are pinned.
    pub fn new(pins: Pins) -> Self {
        Self {
            view: View::default(),
            pins,
            announced: VecDeque::new(),
            feed: None,
            log: None,
            heads: Vec::new(),
            proven: None,
            early: None,
            forked: false,
            gone: false,
            kept: None,
        }
    }

    /// From now on keeps what it proves for [`Self::kept`]: after the journal was replayed.
    pub fn keep(&mut self) {
        self.kept = Some(Vec::new());
    }

    /// What was proven since the last call, to be appended to the journal. Call it after whatever was taken:
    /// it grows until then. A head without rules differs from the one before in its moment only.
    pub fn kept(&mut self) -> Vec<Entry> {
        self.kept.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// What requests ask.
    pub fn view(&self) -> View {
        self.view.clone()
    }

    /// The keys believed from now on: of these, the ones that [`Self::may_pin`]. If that is none of them,
    /// nothing changes.
    pub fn pin(&mut self, pins: &Pins) {
        let allowed = pins.only(|kid| self.may_pin(kid));
        if !allowed.is_empty() {
            self.pins = allowed;
        }
    }

    /// Whether a key of that thumbprint may be believed: it is already, or a head that was believed announced
    /// it ([`Head::next_key`]).
    pub fn may_pin(&self, kid: &str) -> bool {
        self.pins.has(kid) || self.announced.iter().any(|announced| announced == kid)
    }

    /// Takes a head, received at this wall and monotonic time.
    pub fn head(&mut self, jws: &str, wall: Timestamp, elapsed: Duration) -> Result<(), Refused> {
        self.take_head(jws, wall, elapsed, Source::Network)
    }

    /// Takes a page, and its head if it has one.
    pub fn page(&mut self, page: Page, wall: Timestamp, elapsed: Duration) -> Result<(), Refused> {
        self.take_page(page, wall, elapsed, Source::Network)
    }

    /// Takes a head from a journal. One that is ahead of the clock counts for its rules, but says no age.
    pub(crate) fn kept_head(&mut self, jws: &str, wall: Timestamp, elapsed: Duration) -> Result<(), Refused> {
        self.take_head(jws, wall, elapsed, Source::Kept)
    }

    /// Takes a page from a journal.
    pub(crate) fn kept_page(
        &mut self,
        page: Page,
        wall: Timestamp,
        elapsed: Duration,
    ) -> Result<(), Refused> {
        self.take_page(page, wall, elapsed, Source::Kept)
    }

    /// Takes the bytes of a snapshot.
    pub fn snapshot(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        if self.forked {
            return Err(Refused::Fork);
        }
        let digest = Chain(DEFAULT.sha256(bytes));
        let named =
            |head: &Head| head.snap.as_ref().filter(|snap| snap.sha256 == digest).map(|snap| snap.seq);
        let found = self.heads.iter().find_map(|waiting| Some((named(&waiting.head)?, waiting.jws.clone())));
        let Some((seq, jws)) = found else {
            return Err(Refused::Unproven("a snapshot that no head names whose rules are missing"));
        };
        let (Some(log), Some(current)) = (&mut self.log, self.view.current()) else {
            return Err(Refused::Unproven("a snapshot before any head"));
        };
        let snapshot = Snapshot::read(bytes)?;
        if Some(snapshot.feed) != self.feed || snapshot.epoch != log.epoch || snapshot.seq != seq {
            return Err(Refused::Unproven("a snapshot of something else than its head says"));
        }
        if seq < log.seq {
            return Err(Refused::Unproven("a snapshot of less than is proven"));
        }
        if seq == log.seq && snapshot.chain != log.chain {
            return Err(self.fork());
        }
        current.table.extend(&snapshot.rules);
        self.view.added();
        log.jump(seq, snapshot.chain);
        self.gone = false;
        if let Some(kept) = &mut self.kept {
            kept.extend([Entry::Head(jws), Entry::Snapshot(bytes.to_vec())]);
        }
        if self.heads.iter().any(|w| w.head.seq == seq && w.head.chain != snapshot.chain) {
            return Err(self.fork());
        }
        self.heads.retain(|waiting| waiting.head.seq >= seq);
        self.settle()
    }

    /// Takes rules not yet numbered. Only from the issuer itself, over its own connection.
    pub fn hint(&mut self, page: &Page) {
        let Some(current) = self.view.current() else { return };
        let room = MOST_HINTS.saturating_sub(current.hints.len());
        let news = |rule: &&crate::Rule| rule.kind != Kind::Coarse && !current.table.holds(rule);
        let rules: Vec<_> = page.rules.iter().filter(news).take(room).copied().collect();
        current.hints.extend(&rules);
        self.view.added();
    }

    /// The transport was told that what is needed is not there: the log does not go back so far, or belongs to
    /// another epoch, or the snapshot was replaced. Something else will be needed then, at last a later head.
    pub fn gone(&mut self) {
        if let Need::Snapshot(named) = self.need() {
            let unnamed = |head: &mut Head| head.snap.take_if(|snap| *snap == named);
            self.heads.iter_mut().for_each(|waiting| drop(unnamed(&mut waiting.head)));
        }
        self.gone = true;
    }

    /// What is missing.
    pub fn need(&self) -> Need {
        let Some(log) = self.log.as_ref().filter(|_| !self.forked) else { return Need::Head };
        let Some(Waiting { head, .. }) = self.heads.last() else {
            let complete = self.proven.as_ref().is_some_and(|head| head.epoch == log.epoch);
            return if complete { Need::Nothing } else { Need::Head };
        };
        let had = log.had();
        let too_far = head.seq.saturating_sub(log.seq) > MOST_WAITING;
        match self.newest_snapshot(log) {
            Some(snap) if self.gone || too_far || snap.seq.saturating_sub(had) >= SNAPSHOT_SAVES => {
                Need::Snapshot(snap.clone())
            }
            None if self.gone => Need::Head,
            _ => Need::Log { epoch: log.epoch, after: had },
        }
    }

    /// The newest one of more than is proven.
    fn newest_snapshot(&self, log: &Log) -> Option<&SnapRef> {
        let named =
            |waiting: &'_ Waiting| waiting.head.snap.as_ref().map(|snap| snap.seq <= waiting.head.seq);
        let heads = self.heads.iter().filter(|waiting| named(waiting) == Some(true));
        let snaps = heads.filter_map(|waiting| waiting.head.snap.as_ref());
        snaps.filter(|snap| snap.seq > log.seq).max_by_key(|snap| snap.seq)
    }

    /// The newest proven head.
    pub fn proven(&self) -> Option<&Head> {
        self.proven.as_ref()
    }

    /// Changes with everything that is proven.
    pub(crate) fn mark(&self) -> impl PartialEq + use<> {
        let log = self.log.as_ref().map(|log| (log.epoch, log.seq));
        (log, self.proven.as_ref().map(Head::order), self.announced.clone(), self.forked)
    }

    /// Drops what waits.
    pub(crate) fn forget(&mut self) {
        self.heads.clear();
        self.early = None;
        if let Some(log) = &mut self.log {
            log.forget();
        }
    }

    /// Drops rules that are over; call it now and then. They are over when both this clock and the newest proven
    /// head say so: a clock that jumps ahead and back again loses no rule.
    pub fn expire(&mut self, wall: Timestamp) {
        if let Some(proven) = &self.proven {
            self.view.expire(wall.min(Timestamp::from_millis(proven.as_of)));
        }
    }

    fn take_page(
        &mut self,
        mut page: Page,
        wall: Timestamp,
        elapsed: Duration,
        source: Source,
    ) -> Result<(), Refused> {
        let head = match page.head.take() {
            Some(head) => self.take_head(&head, wall, elapsed, source),
            None => Ok(()),
        };
        let rules = self.take_rules(page);
        match head {
            // The answer to a question for more rules may end with the head that is here already.
            Ok(()) | Err(Refused::Old) => rules,
            refused => refused,
        }
    }

    fn take_rules(&mut self, page: Page) -> Result<(), Refused> {
        let Some(log) = self.log.as_mut().filter(|log| log.epoch >= page.epoch) else {
            self.early = Some(page);
            return Ok(());
        };
        if log.epoch > page.epoch {
            return Err(Refused::Unproven("a page of an epoch that is past"));
        }
        if self.forked {
            return Err(Refused::Fork);
        }
        match log.take(&page) {
            Taken::Done => self.settle(),
            Taken::Refused(why) => Err(Refused::Unproven(why)),
            Taken::Contradicts => {
                // Forged, unless a signed head vouches for it.
                let mut at = (page.after, page.chain);
                let mut rules = page.rules.as_slice();
                for Waiting { head, .. } in &self.heads {
                    let more = usize::try_from(head.seq.saturating_sub(at.0)).unwrap_or(usize::MAX);
                    let Some((up_to, rest)) = rules.split_at_checked(more) else { break };
                    at = (head.seq, at.1.over(up_to));
                    rules = rest;
                    if at.1 == head.chain {
                        return Err(self.fork());
                    }
                }
                Err(Refused::Unproven("a page that contradicts what is proven"))
            }
        }
    }

    fn take_head(
        &mut self,
        jws: &str,
        wall: Timestamp,
        elapsed: Duration,
        source: Source,
    ) -> Result<(), Refused> {
        if jws.len() > MOST_HEAD {
            return Err(FormatError::new("too_large", format!("a head of over {MOST_HEAD} bytes")).into());
        }
        let head = match source {
            Source::Network => self.pins.read(jws, wall)?,
            Source::Kept => self.pins.read_kept(jws, wall)?,
        };
        if self.feed.is_some_and(|feed| feed != head.feed) {
            return Err(Refused::OtherFeed);
        }
        let as_of = Timestamp::from_millis(head.as_of);
        let ahead = as_of.since(wall);
        let known = ahead <= SKEW;
        if !known && source == Source::Network {
            return Err(Refused::Ahead(ahead));
        }
        let born = known.then(|| born(as_of, wall, elapsed));
        match &self.log {
            Some(log) if head.epoch < log.epoch => return Err(Refused::Old),
            Some(log) if head.epoch == log.epoch => self.check_order(&head)?,
            _ => self.start(&head)?,
        }
        self.announce(&head);
        self.wait(Waiting { jws: jws.to_owned(), head, born });
        self.settle()?;
        match self.early.take() {
            Some(page) if self.log.as_ref().is_some_and(|log| log.epoch == page.epoch) => {
                // Nobody asked for it; whether it fits is not the head's fault.
                let _ = self.take_rules(page);
            }
            early => self.early = early,
        }
        Ok(())
    }

    /// A head of the current epoch: is it news, and does it agree with what is known?
    fn check_order(&mut self, head: &Head) -> Result<(), Refused> {
        let (Some(log), Some(current)) = (&self.log, self.view.current()) else {
            return Err(Refused::Old);
        };
        if self.forked {
            return Err(Refused::Fork);
        }
        let waiting = self.heads.iter().map(|waiting| &waiting.head);
        let signed = waiting.clone().chain(self.proven.iter().filter(|proven| proven.epoch == head.epoch));
        let contradicts = |other: &Head| other.seq == head.seq && other.chain != head.chain;
        if (head.seq == log.seq && head.chain != log.chain) || signed.clone().any(contradicts) {
            return Err(self.fork());
        }
        if current.salt != head.salt {
            return Err(Refused::Unproven("a head with another salt than its epoch's"));
        }
        let after_proven = self.proven.as_ref().is_none_or(|proven| proven.order() < head.order());
        if !after_proven || head.seq < log.seq || waiting.clone().any(|w| w.order() == head.order()) {
            return Err(Refused::Old);
        }
        Ok(())
    }

    /// The first head, or one of a later epoch.
    fn start(&mut self, head: &Head) -> Result<(), Refused> {
        if self.view.live_epochs() >= MOST_EPOCHS {
            return Err(Refused::Unproven("more epochs at once than are kept"));
        }
        self.feed = Some(head.feed);
        self.log = Some(Log::new(&head.feed, head.epoch));
        self.heads.clear();
        self.forked = false;
        self.gone = false;
        self.view.start(head.epoch, head.salt);
        Ok(())
    }

    fn announce(&mut self, head: &Head) {
        let Some(kid) = head.next_key.as_ref().filter(|kid| !self.announced.contains(kid)) else { return };
        if self.announced.len() >= MOST_ANNOUNCED {
            self.announced.pop_front();
        }
        self.announced.push_back(kid.clone());
    }

    /// Puts a head in its place. Of too many the second latest goes: the first ones are the next to be proven.
    fn wait(&mut self, waiting: Waiting) {
        if self.log.as_ref().is_some_and(|log| self.newest_snapshot(log).is_none()) {
            self.gone = false;
        }
        let place = self.heads.partition_point(|other| other.head.order() < waiting.head.order());
        self.heads.insert(place, waiting);
        if self.heads.len() > MOST_HEADS {
            self.heads.remove(MOST_HEADS - 1);
        }
    }

    /// Proves what can be: applies the rules up to the latest head whose chain they have.
    fn settle(&mut self) -> Result<(), Refused> {
        let (Some(log), Some(current)) = (&mut self.log, self.view.current()) else { return Ok(()) };
        let mut reached = (log.seq, log.chain);
        let mut best = None;
        let mut forged = false;
        for (place, Waiting { head, .. }) in self.heads.iter().enumerate() {
            let Some(chain) = log.chain_from(reached, head.seq) else { break };
            if chain != head.chain {
                forged = true;
                break;
            }
            reached = (head.seq, chain);
            best = Some(place);
        }
        if let Some(best) = best {
            let (epoch, after, chain) = (log.epoch, log.seq, log.chain);
            let rules = log.prove(reached.0, reached.1);
            if !rules.is_empty() {
                current.table.extend(&rules);
                self.view.added();
            }
            if !current.hints.is_empty() {
                current.hints.retain(|hint| !current.table.holds(hint));
            }
            if let Some(Waiting { jws, head, born }) = self.heads.drain(..=best).next_back() {
                if let Some(kept) = &mut self.kept {
                    kept.push(Entry::Head(jws));
                    kept.extend(Page::run(epoch, after, chain, &rules).map(Entry::Page));
                }
                self.view.prove(&head, born);
                self.proven = Some(head);
            }
            self.gone = false;
        }
        if forged {
            log.forget();
            return Err(Refused::Unproven("rules that the signed head does not cover"));
        }
        Ok(())
    }

    fn fork(&mut self) -> Refused {
        self.forked = true;
        self.forget();
        self.view.fork();
        Refused::Fork
    }
}
