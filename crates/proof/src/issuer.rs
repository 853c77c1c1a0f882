//! The issuer: rows, two nodes that number them and sign heads, snapshots, backups. What it does to its store it
//! does as the protocol says, or with one [`Flaw`].

use crate::chance::Chance;
use crate::tokens::{ISSUER, LIFE, Token};
use countersign_feed::head::FeedId;
use countersign_feed::stream::Event;
use countersign_feed::{
    Chain, Cutoff, Head, Kind, Page, Pins, Rule, Salt, SnapRef, Snapshot, Staleness, Table,
};
use countersign_token::provider::{DEFAULT, Provider};
use countersign_token::{SigningKey, Timestamp};

/// The key pair of RFC 8037 A.1.
const KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
/// A head lives so long, in seconds.
const HEAD_LIFE: i64 = 60;

/// What is wrong with the issuer, to see that the simulation notices.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flaw {
    /// Nothing.
    None,
    /// The sequencer goes on past rows that it did not number.
    SkipsRows,
    /// `as_of` is the time of signing, not of the read that is signed.
    StampsAfterReading,
    /// A head is signed from a read that found rows without a number.
    SignsUnnumbered,
}

/// A revocation, as its revoker knows it. Not part of the store.
#[derive(Debug)]
pub struct Revocation {
    /// What is revoked.
    pub token: Token,
    /// When its revoker was told that it is done, in milliseconds.
    pub acknowledged: Option<i64>,
    /// Acknowledged, and not in the store that was put back.
    pub lost: bool,
}

/// A row of the store: which revocation, since which second, numbered or not.
#[derive(Clone, Debug)]
struct Row {
    revocation: usize,
    at: u32,
    numbered: bool,
}

#[derive(Clone, Debug)]
struct Store {
    epoch: u64,
    salt: Salt,
    rows: Vec<Row>,
    log: Vec<Rule>,
    /// The chain over each prefix of the log.
    chains: Vec<Chain>,
    snaps: Vec<(SnapRef, Vec<u8>)>,
}

impl Store {
    fn position(&self) -> (u64, Chain) {
        (self.epoch, *self.chains.last().expect("at least the one of nothing"))
    }

    fn append(&mut self, rule: Rule) {
        let (_, chain) = self.position();
        self.chains.push(chain.then(&rule));
        self.log.push(rule);
    }
}

#[derive(Debug)]
enum Node {
    Idle,
    Loaded {
        at: i64,
        position: (u64, Chain),
        rows: Vec<usize>,
    },
    /// Nothing was missing in the log as it was read or written.
    Complete {
        at: i64,
        head: Box<Head>,
    },
}

/// The issuer.
#[derive(Debug)]
pub struct Issuer {
    key: SigningKey,
    feed: FeedId,
    flaw: Flaw,
    store: Store,
    backup: Option<Store>,
    nodes: [Node; 2],
    /// The newest head, as `GET /rev/head` gives it.
    head: Option<String>,
    /// Pages before this rule are gone.
    pruned: usize,
    newest_epoch: u64,
    /// Put back without a new epoch: what must not happen, and must not fool a verifier either.
    pub rolled_back: bool,
    /// All there ever were.
    pub revocations: Vec<Revocation>,
}

impl Issuer {
    /// With an empty store.
    pub fn new(flaw: Flaw) -> Self {
        let feed = FeedId([1; 16]);
        let (log, chains) = (Vec::new(), vec![Chain::genesis(&feed.0, 1)]);
        Self {
            key: SigningKey::from_private_jwk(KEY.as_bytes(), None).unwrap(),
            feed,
            flaw,
            store: Store { epoch: 1, salt: Salt([2; 16]), rows: Vec::new(), log, chains, snaps: Vec::new() },
            backup: None,
            nodes: [Node::Idle, Node::Idle],
            head: None,
            pruned: 0,
            newest_epoch: 1,
            rolled_back: false,
            revocations: Vec::new(),
        }
    }

    /// Its key.
    pub fn pins(&self) -> Pins {
        Pins::new(ISSUER, &[self.key.public_jwk().unwrap()])
    }

    /// The thumbprint of its key.
    pub fn kid(&self) -> &str {
        self.key.kid()
    }

    /// The salt now.
    pub fn salt(&self) -> Salt {
        self.store.salt
    }

    /// The transaction that revokes commits. Answers the hint that is sent ahead of its number.
    pub fn revoke(&mut self, token: Token, now: i64) -> Page {
        let at = u32::try_from(now.div_euclid(1000)).unwrap();
        let rule = token.rule(&self.store.salt, at);
        self.store.rows.push(Row { revocation: self.revocations.len(), at, numbered: false });
        self.revocations.push(Revocation { token, acknowledged: None, lost: false });
        Page { epoch: 0, after: 0, chain: Chain([0; 32]), rules: vec![rule], head: None }
    }

    /// A node goes on: reads, writes, signs, or dies. Answers what it sends to the stream.
    pub fn step(&mut self, node: usize, chance: &mut Chance, now: i64) -> Vec<Event> {
        if chance.one_in(12) {
            self.nodes[node] = Node::Idle;
            return Vec::new();
        }
        match std::mem::replace(&mut self.nodes[node], Node::Idle) {
            Node::Idle => {
                self.nodes[node] = self.load(now, chance);
                Vec::new()
            }
            Node::Loaded { at, position, rows } => {
                if position != self.store.position() {
                    return Vec::new();
                }
                let page = self.append(&rows, chance, now);
                self.nodes[node] = Node::Complete { at, head: Box::new(self.claims(at)) };
                vec![Event::Rules(page.bytes())]
            }
            Node::Complete { at, mut head } => {
                if self.flaw == Flaw::StampsAfterReading {
                    head.as_of = now;
                }
                debug_assert!(at <= now);
                let jws = head.sign(&self.key).unwrap();
                self.head = Some(jws.clone());
                vec![Event::Head(jws)]
            }
        }
    }

    fn load(&self, now: i64, chance: &mut Chance) -> Node {
        let rows = self.store.rows.iter().enumerate().filter(|(_, row)| !row.numbered);
        let rows: Vec<_> = rows.map(|(place, _)| place).collect();
        if rows.is_empty() || (self.flaw == Flaw::SignsUnnumbered && chance.one_in(2)) {
            return Node::Complete { at: now, head: Box::new(self.claims(now)) };
        }
        Node::Loaded { at: now, position: self.store.position(), rows }
    }

    fn append(&mut self, rows: &[usize], chance: &mut Chance, now: i64) -> Page {
        let (after, (epoch, chain)) = (self.store.log.len(), self.store.position());
        let salt = self.store.salt;
        for place in rows {
            let skipped = self.flaw == Flaw::SkipsRows && chance.one_in(2);
            let row = &mut self.store.rows[*place];
            row.numbered = true;
            let (at, revocation) = (row.at, &mut self.revocations[row.revocation]);
            revocation.acknowledged.get_or_insert(now);
            if !skipped {
                self.store.append(revocation.token.rule(&salt, at));
            }
        }
        let rules = self.store.log[after..].to_vec();
        Page { epoch, after: u64::try_from(after).unwrap(), chain, rules, head: None }
    }

    fn claims(&self, as_of: i64) -> Head {
        let (epoch, chain) = self.store.position();
        Head {
            iss: ISSUER.into(),
            aud: Head::audience(ISSUER),
            feed: self.feed,
            epoch,
            seq: u64::try_from(self.store.log.len()).unwrap(),
            as_of,
            chain,
            snap: self.store.snaps.last().map(|(named, _)| named.clone()),
            salt: self.store.salt,
            hb_ms: 500,
            policy: Staleness::default(),
            jwks: None,
            next_key: None,
            exp: as_of.div_euclid(1000) + HEAD_LIFE,
        }
    }

    /// Buckets of users instead of finer rules: one for each user with a numbered rule.
    pub fn coarsen(&mut self, now: i64) {
        let seconds = u32::try_from(now.div_euclid(1000)).unwrap();
        let numbered = self.store.rows.iter().filter(|row| row.numbered);
        let tokens = numbered.map(|row| &self.revocations[row.revocation].token);
        let live = tokens.filter(|token| token.coarsens() && token.lives(now));
        let until = seconds + LIFE;
        let mut rules: Vec<_> = live
            .map(|token| token.names(&self.store.salt).bucket())
            .map(|h| Rule { kind: Kind::Bucket, h, cutoff: Cutoff(seconds), until })
            .collect();
        rules.push(Rule { kind: Kind::Coarse, h: 0, cutoff: Cutoff(seconds), until });
        rules.into_iter().for_each(|rule| self.store.append(rule));
    }

    /// Whether some bucket of the log covers this token: then it is refused without a rule of its own.
    pub fn may_be_coarse(&self, token: &Token) -> bool {
        let logs = self.backup.iter().chain([&self.store]);
        logs.flat_map(|store| store.log.iter().map(|rule| (store.salt, rule)))
            .any(|(salt, rule)| rule.kind == Kind::Bucket && rule.h == token.names(&salt).bucket())
    }

    /// Writes a snapshot; heads name it from now on.
    pub fn snapshot(&mut self, now: i64) {
        let table = Table::default();
        table.extend(&self.store.log);
        table.expire(Timestamp::from_millis(now));
        let (epoch, chain) = self.store.position();
        let seq = u64::try_from(self.store.log.len()).unwrap();
        let bytes = Snapshot { feed: self.feed, epoch, seq, chain, rules: table.rules() }.bytes();
        let sha256 = Chain(DEFAULT.sha256(&bytes));
        let url = format!("{ISSUER}/rev/snap/{epoch}/{seq}");
        self.store.snaps.push((SnapRef { seq, url, sha256 }, bytes));
    }

    /// Pages before the newest snapshot are no longer served.
    pub fn prune(&mut self) {
        if let Some((named, _)) = self.store.snaps.last() {
            self.pruned = usize::try_from(named.seq).unwrap();
        }
    }

    /// Copies the store.
    pub fn back_up(&mut self) {
        self.backup = Some(self.store.clone());
    }

    /// Puts the copy back, in a later epoch (as the protocol wants it) or not.
    pub fn restore(&mut self, new_epoch: bool, new_salt: bool) {
        let Some(backup) = self.backup.clone() else { return };
        self.store = backup;
        self.pruned = 0;
        self.head = None;
        for (place, revocation) in self.revocations.iter_mut().enumerate() {
            let there = self.store.rows.iter().any(|row| row.revocation == place);
            revocation.lost |= !there;
        }
        if new_epoch {
            self.start_epoch(new_salt);
        } else {
            // Whoever does that stops everything first.
            self.nodes = [Node::Idle, Node::Idle];
            self.rolled_back = true;
        }
    }

    /// An epoch later than any there was: everything is numbered again.
    pub fn start_epoch(&mut self, new_salt: bool) {
        self.newest_epoch += 1;
        let epoch = self.newest_epoch;
        if new_salt {
            self.store.salt = Salt([u8::try_from(epoch % 250).unwrap() + 3; 16]);
        }
        self.store.epoch = epoch;
        self.store.log.clear();
        self.store.chains = vec![Chain::genesis(&self.feed.0, epoch)];
        self.store.snaps.clear();
        self.store.rows.iter_mut().for_each(|row| row.numbered = false);
        self.pruned = 0;
        self.head = None;
        self.rolled_back = false;
    }

    /// `GET /rev/head`.
    pub fn newest_head(&self) -> Option<String> {
        self.head.clone()
    }

    /// `GET /rev/log`: what follows a rule, at most so many, with a head behind the last one. `None`: gone, or
    /// not there.
    pub fn page(&self, epoch: u64, after: u64, most: usize) -> Option<Page> {
        let from = usize::try_from(after).unwrap();
        if epoch != self.store.epoch || from < self.pruned || from > self.store.log.len() {
            return None;
        }
        let to = (from + most).min(self.store.log.len());
        let head = if to == self.store.log.len() { self.head.clone() } else { None };
        let rules = self.store.log[from..to].to_vec();
        Some(Page { epoch, after, chain: self.store.chains[from], rules, head })
    }

    /// `GET /rev/snap`.
    pub fn snapshot_named(&self, named: &SnapRef) -> Option<Vec<u8>> {
        let mut all = self.store.snaps.iter().chain(self.backup.iter().flat_map(|backup| &backup.snaps));
        all.find(|(held, _)| held == named).map(|(_, bytes)| bytes.clone())
    }

    /// Epoch, rules.
    pub fn position(&self) -> (u64, u64) {
        (self.store.epoch, u64::try_from(self.store.log.len()).unwrap())
    }
}
