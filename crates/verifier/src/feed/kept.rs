//! The feed on disk: what was proven, to be enforced again after a restart, with its age.
//!
//! A journal is one file an epoch. Processes that share a directory do not share files: each takes the first
//! number whose lock is free and writes under it; at the start the best of all journals is taken over.

use crate::check::Moment;
use crate::state::{Dir, private_file};
use countersign_feed::journal::{self, Entry};
use countersign_feed::{BLOCK, Follower, Metadata, Pins, Rule, Snapshot};
use countersign_token::{Jwk, Timestamp, base64url};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

/// Processes that write in one directory at once; further ones read only.
const MOST_WRITERS: u32 = 16;
/// Between two heads that say nothing but the time.
const HEAD_EVERY: Duration = Duration::from_secs(5);
/// A journal is written anew when it is this much larger than it was after the last time, and twice.
const GROWTH: u64 = 1024 * 1024;
/// Feed keys remembered for reading journals.
const MOST_KEYS: usize = 8;
const METADATA: &str = "feed.json";

/// The feed's metadata, and every key that signed since.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct KeptMetadata {
    pub(super) metadata: Metadata,
    pub(super) keys: Vec<Jwk>,
}

impl KeptMetadata {
    pub(super) fn read(dir: &Dir, issuer: &str) -> Option<Self> {
        let kept: Self = serde_json::from_slice(&dir.read(METADATA)?).ok()?;
        (kept.metadata.issuer == issuer).then_some(kept)
    }

    /// These, and the keys there were before.
    pub(super) fn after(before: Option<&Self>, metadata: Metadata) -> Self {
        let mut keys = metadata.keys.clone();
        let older = before.iter().flat_map(|before| &before.keys);
        keys.extend(older.filter(|old| !metadata.keys.contains(old)).cloned());
        keys.truncate(MOST_KEYS);
        Self { metadata, keys }
    }

    pub(super) fn keep(&self, dir: &Dir) {
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        if let Err(error) = dir.replace(METADATA, &bytes) {
            tracing::warn!(%error, "the feed's metadata is not kept for the next start");
        }
    }
}

/// Where what is proven goes.
pub(super) struct Journal {
    dir: Arc<Dir>,
    feed: String,
    writer: u32,
    /// Held until the process ends.
    _lock: File,
    /// The epoch's file; none before the first entry.
    open: Option<Open>,
    /// A head not yet written, since it says nothing but the time.
    head: Option<Entry>,
    head_at: Option<Duration>,
}

struct Open {
    epoch: u64,
    file: File,
    length: u64,
    /// Length after it was last written as a whole.
    whole: u64,
}

/// Reads what the directory holds of a feed, and finds a place to write. Reading a million rules takes part of
/// a second: not for an async thread.
pub(super) fn load(
    dir: &Arc<Dir>,
    metadata: &Metadata,
    pins: &Pins,
    at: Moment,
) -> (Follower, Option<Journal>) {
    let feed = base64url::encode(metadata.feed.0);
    let mut journal = Journal::place(dir, &feed);
    let mut best: Option<Found> = None;
    for (writer, files) in journals(dir, &feed) {
        let found = Found::read(dir, writer, files, pins, at);
        if found.follower.proven().map(|head| head.order())
            > best.as_ref().and_then(|best| best.follower.proven().map(|head| head.order()))
        {
            best = Some(found);
        }
    }
    let Some(mut best) = best else {
        let mut follower = Follower::new(pins.clone());
        follower.keep();
        return (follower, journal);
    };
    if let Some(journal) = &mut journal {
        journal.take_over(&best, at.now);
    }
    best.follower.keep();
    (best.follower, journal)
}

/// One writer's journals, read back.
struct Found {
    writer: u32,
    follower: Follower,
    /// Epochs and what was proven of their files.
    files: Vec<(u64, Vec<u8>)>,
}

impl Found {
    fn read(dir: &Dir, writer: u32, names: BTreeMap<u64, String>, pins: &Pins, at: Moment) -> Self {
        let mut follower = Follower::new(pins.clone());
        let mut files = Vec::new();
        for (epoch, name) in names {
            let mut bytes = dir.read(&name).unwrap_or_default();
            let replayed = journal::replay(&mut follower, &bytes, at.now, at.elapsed);
            if let Some(reason) = replayed.refused {
                tracing::warn!(file = %name, good = replayed.good, of = bytes.len(), %reason, "journal cut");
            }
            bytes.truncate(replayed.good);
            files.push((epoch, bytes));
        }
        Self { writer, follower, files }
    }
}

fn name(feed: &str, epoch: u64, writer: u32) -> String {
    format!("{feed}.{epoch}.{writer}.journal")
}

/// The journals of a feed: by writer, then by epoch.
fn journals(dir: &Dir, feed: &str) -> BTreeMap<u32, BTreeMap<u64, String>> {
    let mut found: BTreeMap<u32, BTreeMap<u64, String>> = BTreeMap::new();
    for name in dir.names() {
        let parts: Vec<&str> = name.split('.').collect();
        let [of, epoch, writer, "journal"] = parts.as_slice() else { continue };
        if let (true, Ok(epoch), Ok(writer)) = (*of == feed, epoch.parse(), writer.parse()) {
            found.entry(writer).or_default().insert(epoch, name);
        }
    }
    found
}

impl Journal {
    fn place(dir: &Arc<Dir>, feed: &str) -> Option<Self> {
        for writer in 0..MOST_WRITERS {
            let at = dir.at(&format!("{writer}.lock"));
            let lock = private_file(&at, OpenOptions::new().write(true).create(true).truncate(false));
            match lock.map(|lock| lock.try_lock().map(|()| lock)) {
                Ok(Ok(lock)) => {
                    let (dir, feed) = (Arc::clone(dir), feed.to_owned());
                    let (open, head, head_at) = (None, None, None);
                    return Some(Self { dir, feed, writer, _lock: lock, open, head, head_at });
                }
                Ok(Err(_)) => {}
                Err(error) => {
                    tracing::warn!(%error, "nothing can be written to the state directory");
                    return None;
                }
            }
        }
        tracing::warn!(most = MOST_WRITERS, "too many processes write in one state directory");
        None
    }

    /// Goes on where the best journal ends.
    fn take_over(&mut self, best: &Found, now: Timestamp) {
        let newest = best.files.last().map(|(epoch, _)| *epoch);
        for (epoch, bytes) in &best.files {
            let name = name(&self.feed, *epoch, self.writer);
            if Some(*epoch) != newest && are_over(bytes, now) {
                self.dir.remove(&name);
            } else if let Err(error) = self.dir.replace(&name, bytes) {
                tracing::warn!(%error, writer = best.writer, "a journal cannot be taken over");
            }
        }
        if let Some(epoch) = newest {
            self.reopen(epoch);
        }
    }

    fn reopen(&mut self, epoch: u64) {
        let path = self.dir.at(&name(&self.feed, epoch, self.writer));
        let opened = private_file(&path, OpenOptions::new().append(true).create(true));
        match opened.and_then(|file| Ok((file.metadata()?.len(), file))) {
            Ok((length, file)) => self.open = Some(Open { epoch, file, length, whole: length }),
            Err(error) => {
                tracing::warn!(%error, "revocations are not kept for the next start");
                self.open = None;
            }
        }
    }

    /// Appends what was proven of this epoch.
    pub(super) fn append(&mut self, epoch: u64, entries: Vec<Entry>, elapsed: Duration) {
        if entries.is_empty() {
            return;
        }
        if self.open.as_ref().is_none_or(|open| open.epoch != epoch) {
            self.flush();
            self.dir.remove(&name(&self.feed, epoch, self.writer));
            self.reopen(epoch);
        }
        let only_heads = entries.iter().all(|entry| matches!(entry, Entry::Head(_)));
        let recent = self.head_at.is_some_and(|at| elapsed.saturating_sub(at) < HEAD_EVERY);
        if only_heads && recent {
            self.head = entries.into_iter().next_back();
            return;
        }
        (self.head, self.head_at) = (None, Some(elapsed));
        self.write(&entries);
    }

    fn write(&mut self, entries: &[Entry]) {
        let Some(open) = &mut self.open else { return };
        let mut bytes = Vec::new();
        entries.iter().for_each(|entry| entry.append(&mut bytes));
        match open.file.write_all(&bytes) {
            Ok(()) => open.length += bytes.len() as u64,
            Err(error) => {
                // What is half written is cut off when it is read; nothing may come after it.
                tracing::warn!(%error, "revocations are not kept for the next start");
                self.open = None;
            }
        }
    }

    fn flush(&mut self) {
        if let Some(head) = self.head.take() {
            self.write(&[head]);
        }
    }

    /// Whether it has grown enough to be written anew.
    pub(super) fn is_long(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.length > GROWTH + open.whole.saturating_mul(2))
    }

    /// Writes it anew: from this snapshot on, if there is one, and without heads that say little.
    pub(super) fn shorten(&mut self, head: &str, snapshot: Option<&[u8]>) {
        self.flush();
        let Some(epoch) = self.open.as_ref().map(|open| open.epoch) else { return };
        let name = name(&self.feed, epoch, self.writer);
        let Some(bytes) = self.dir.read(&name) else { return };
        let shorter = shortened(&bytes, head, snapshot);
        match self.dir.replace(&name, &shorter) {
            Ok(()) => self.reopen(epoch),
            Err(error) => tracing::warn!(%error, "a journal cannot be shortened"),
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.flush();
    }
}

fn entries(mut bytes: &[u8]) -> Vec<Entry> {
    let mut found = Vec::new();
    while let Ok(entry) = Entry::read(&mut bytes) {
        found.push(entry);
    }
    found
}

/// A journal that proves the same: the snapshot under the head that names it, the pages after it, a head now
/// and then (rules wait for one in memory), and the newest.
fn shortened(bytes: &[u8], newest: &str, snapshot: Option<&[u8]>) -> Vec<u8> {
    let mut all = entries(bytes);
    let given = snapshot.and_then(|bytes| Some((Snapshot::read(bytes).ok()?.seq, bytes)));
    let mut out = Vec::new();
    if let Some((seq, bytes)) = given {
        Entry::Head(newest.to_owned()).append(&mut out);
        Entry::Snapshot(bytes.to_vec()).append(&mut out);
        all.retain(|entry| matches!(entry, Entry::Page(page) if page.end() > seq));
    } else if let Some(last) = all.iter().rposition(|entry| matches!(entry, Entry::Snapshot(_))) {
        let rest = all.split_off(last.saturating_sub(1));
        let (first, rest) = rest.split_at(rest.len().min(2));
        first.iter().for_each(|entry| entry.append(&mut out));
        all = rest.to_vec();
    }
    // A head stands before the pages that it proves.
    let (mut head, mut pages, mut rules) = (newest.to_owned(), Vec::new(), 0);
    for entry in all {
        match entry {
            Entry::Page(page) => {
                rules += page.rules.len() as u64;
                pages.push(Entry::Page(page));
            }
            Entry::Head(next) => {
                if rules >= BLOCK {
                    Entry::Head(head).append(&mut out);
                    pages.drain(..).for_each(|page| page.append(&mut out));
                    rules = 0;
                }
                head = next;
            }
            Entry::Snapshot(_) => {}
        }
    }
    Entry::Head(newest.to_owned()).append(&mut out);
    pages.iter().for_each(|page| page.append(&mut out));
    out
}

/// Whether no rule of a journal is live.
fn are_over(bytes: &[u8], now: Timestamp) -> bool {
    let over = |rules: &[Rule]| rules.iter().all(|rule| rule.is_over(now));
    entries(bytes).iter().all(|entry| match entry {
        Entry::Page(page) => over(&page.rules),
        Entry::Snapshot(bytes) => Snapshot::read(bytes).is_ok_and(|snapshot| over(&snapshot.rules)),
        Entry::Head(_) => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_feed::head::FeedId;
    use countersign_feed::rule::Salt;
    use countersign_feed::{Chain, Cutoff, Head, Kind, Page, SnapRef, Staleness, Table};
    use countersign_token::provider::{DEFAULT, Provider};
    use countersign_token::{Algorithm, SigningKey};

    const ISSUER: &str = "https://id.example";
    const START: i64 = 1_800_000_000;
    const FEED: FeedId = FeedId([7; 16]);

    /// A log of fifty pages of a hundred rules, each under a head of its own, and a snapshot of a part.
    struct Past {
        key: SigningKey,
        rules: Vec<Rule>,
        snapshot: Vec<u8>,
    }

    impl Past {
        fn new() -> Self {
            let rule = |h| Rule { kind: Kind::Jti, h, cutoff: Cutoff::ALWAYS, until: u32::MAX };
            let rules: Vec<Rule> = (1..=5_000).map(rule).collect();
            let table = Table::default();
            table.extend(&rules[..3_500]);
            let chain = Chain::genesis(&FEED.0, 1).over(&rules[..3_500]);
            let snapshot = Snapshot { feed: FEED, epoch: 1, seq: 3_500, chain, rules: table.rules() }.bytes();
            Self { key: SigningKey::generate(Algorithm::Ed25519).unwrap(), rules, snapshot }
        }

        fn head(&self, chain: Chain, seq: usize) -> String {
            let sha256 = Chain(DEFAULT.sha256(&self.snapshot));
            let snap = SnapRef { seq: 3_500, url: format!("{ISSUER}/snap"), sha256 };
            let head = Head {
                iss: ISSUER.to_owned(),
                aud: Head::audience(ISSUER),
                feed: FEED,
                epoch: 1,
                seq: seq as u64,
                as_of: START * 1000 + i64::try_from(seq).unwrap(),
                chain,
                snap: (seq >= 3_500).then_some(snap),
                salt: Salt([9; 16]),
                hb_ms: 500,
                policy: Staleness::default(),
                jwks: None,
                next_key: None,
                exp: START + 60,
            };
            head.sign(&self.key).unwrap()
        }

        fn follower(&self) -> Follower {
            Follower::new(Pins::new(ISSUER, &[self.key.public_jwk().unwrap()]))
        }
    }

    #[test]
    fn a_shorter_journal_proves_the_same() {
        let past = Past::new();
        let (wall, elapsed) = (Timestamp::from_seconds(START + 30), Duration::ZERO);
        let mut follower = past.follower();
        follower.keep();
        let (mut bytes, mut newest, mut chain) = (Vec::new(), String::new(), Chain::genesis(&FEED.0, 1));
        for (index, rules) in past.rules.chunks(100).enumerate() {
            let page = Page { epoch: 1, after: index as u64 * 100, chain, rules: rules.to_vec(), head: None };
            chain = chain.over(rules);
            newest = past.head(chain, (index + 1) * 100);
            follower.page(page, wall, elapsed).unwrap();
            follower.head(&newest, wall, elapsed).unwrap();
            follower.kept().iter().for_each(|entry| entry.append(&mut bytes));
        }
        let proven = follower.proven().unwrap().order();
        assert_eq!((proven.1, follower.view().status().rules), (5_000, 5_000));
        for (snapshot, name) in [(None, "pages"), (Some(past.snapshot.as_slice()), "snapshot")] {
            let mut shorter = shortened(&bytes, &newest, snapshot);
            assert!(shorter.len() < bytes.len(), "{name}: {} of {}", shorter.len(), bytes.len());
            // And again, from what was shortened before.
            for _ in 0..2 {
                let mut again = past.follower();
                let replayed = journal::replay(&mut again, &shorter, wall, elapsed);
                assert_eq!((replayed.good, replayed.refused), (shorter.len(), None), "{name}");
                assert_eq!(again.proven().unwrap().order(), proven, "{name}");
                assert_eq!(again.view().status().rules, 5_000, "{name}");
                shorter = shortened(&shorter, &newest, None);
            }
        }
        assert!(!are_over(&bytes, wall));
    }
}
