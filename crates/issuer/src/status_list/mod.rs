//! Token Status List (draft-ietf-oauth-status-list-21): for verifiers that know no other way to learn of a
//! revocation than this draft. Opt-in, for each resource: its access tokens then carry an index and the URI of
//! a list, and the bit there says whether they are revoked.
//!
//! One entry a client session, shared by its access tokens on purpose (`sid` links them anyway): ending the
//! session is one bit, and no token costs a row. A machine's token has an entry of its own, whose number
//! stands in its `jti`. Bits are what live revocation rules say, read from the store by every node:
//!
//! - a rule about the session, or one with a cutoff about its person, its client or everything: its entry. A
//!   session that goes on after such a cutoff gets another entry with its next token.
//! - one with a cutoff about a machine or everything: the stretch the machine's tokens draw from. Later
//!   tokens draw from another.
//! - a rule about a machine's token: its entry. Not one about a single token of a session: the bit is the
//!   whole session's. Nor one about a key, which is gone from the JWKS. Nor a bucket, which revokes more than
//!   was asked: the finer rules it stands for stay in the store for this.
//!
//! Indexes are drawn at random within stretches of 1,024, which are taken at random from a list (draft, 12.4:
//! an outsider learns neither how many there are nor in which order they were given). Lists are signed with
//! ES256, which every verifier of our access tokens knows, under a key of the same JWKS.

mod bits;
mod pool;

use crate::Issuer;
use crate::error::{Code, Failure, Rejected, Result, Unavailable};
use crate::keys::Document;
use crate::model::status::StatusEntry;
use crate::model::{Client, ClientSession};
use crate::oauth::grant::refresh_token;
use crate::port::At;
use crate::port::status_list::{StatusMember, StatusScan};
use crate::revocation::Facts;
use arc_swap::ArcSwap;
use bits::Bits;
use countersign_token::{Algorithm, SigningKey, Timestamp};
use pool::Pools;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Where lists are, under the issuer: the folder of lists, and the document that names them all.
pub const PATH: &str = "/status";
/// `typ` and, with `application/` before it, media type.
pub const TYP: &str = "statuslist+jwt";
/// `ttl`: how long a verifier may keep a list before it asks again, in seconds.
pub const TTL: i64 = 5;
/// `exp` after `iat`.
const LIFE: Duration = Duration::from_secs(60);
/// A list in which nothing changed is signed anew this often, so that it is good for 40 s at least.
const RENEW: Duration = Duration::from_secs(20);
/// A list that changes is made at most this often: with the 100 ms between two looks, a bit is set within a
/// second of its revocation.
const EVERY: Duration = Duration::from_millis(750);
/// The longest a token may ever live, whatever resources say later (`resource apply` allows a day), with a
/// minute for verifiers' leeway: an entry is kept that long after the last token that can name it was made.
const LONGEST: Duration = Duration::from_secs(24 * 3_600 + 60);
/// Hits read at once, and how many such pages in one turn: a start with a million rules takes several turns.
const PAGE: u32 = 10_000;
const PAGES: usize = 20;

/// The lists of this node.
#[derive(Default)]
pub struct StatusLists {
    pools: Mutex<Pools>,
    state: Mutex<State>,
    served: ArcSwap<BTreeMap<u32, Served>>,
}

#[derive(Default)]
struct State {
    scan: StatusScan,
    lists: BTreeMap<u32, List>,
}

#[derive(Default)]
struct List {
    bits: Bits,
    /// Compressed, as it stands in the token.
    lst: Arc<str>,
    made_at: Option<Timestamp>,
    signed_at: Option<Timestamp>,
    /// The key: a withdrawn one is in no verifier's set any more.
    kid: String,
}

#[derive(Clone)]
struct Served {
    document: Document,
    exp: Timestamp,
}

/// `status` of an access token (draft, 6.2).
#[derive(Serialize)]
pub(crate) struct Status {
    status_list: Reference,
}

#[derive(Serialize)]
struct Reference {
    idx: u32,
    uri: String,
}

/// Claims of a Status List Token (draft, 5.1).
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    iat: i64,
    exp: i64,
    ttl: i64,
    status_list: Payload<'a>,
}

#[derive(Serialize)]
struct Payload<'a> {
    bits: u8,
    lst: &'a str,
}

fn uri(issuer: &Issuer, list: u32) -> String {
    issuer.settings.url(&format!("{PATH}/{list}"))
}

impl Status {
    pub(crate) fn of(issuer: &Issuer, entry: StatusEntry) -> Self {
        Self { status_list: Reference { idx: entry.index, uri: uri(issuer, entry.list) } }
    }
}

/// The entry of a session's tokens, for one made now.
pub(crate) async fn of_session(
    issuer: &Issuer,
    client: &Client,
    session: &ClientSession,
    now: Timestamp,
) -> Result<StatusEntry> {
    let held = issuer.store.session_status(session.id).await?;
    let before = held.map(|(entry, _)| entry);
    if let Some((entry, since)) = held
        && !covered(issuer, client, session.user.as_str(), since)
    {
        return Ok(entry);
    }
    let entry = draw(issuer, None, now).await?;
    let life = longest(issuer).await?;
    // The session's own end, and what it would be if it began now: one just made does not know its own yet.
    let ends = session
        .refresh
        .as_ref()
        .map_or(now, |r| r.absolute_until.max(now + refresh_token::absolute_for(issuer, client)));
    let member = StatusMember {
        sid: session.id,
        user: session.user.clone(),
        client: client.id.clone(),
        since: now.seconds(),
        until: ends + life,
    };
    Ok(issuer.store.assign_status(member, entry, before).await?)
}

/// An entry for one token of a machine, made now.
pub(crate) async fn of_machine(issuer: &Issuer, client: &Client, now: Timestamp) -> Result<StatusEntry> {
    draw(issuer, Some(client), now).await
}

/// Has a cutoff passed over what was given at that time? Then it says no longer what later tokens are.
fn covered(issuer: &Issuer, client: &Client, sub: &str, since: i64) -> bool {
    let facts = Facts { kid: "", iat: since, client: client.id.as_str(), sub, sid: None, jti: "" };
    issuer.directory.rules().covers(&facts).is_some()
}

async fn longest(issuer: &Issuer) -> Result<Duration> {
    Ok(issuer.longest_token_life().await?.max(LONGEST))
}

async fn draw(issuer: &Issuer, machine: Option<&Client>, now: Timestamp) -> Result<StatusEntry> {
    let usable = |since| machine.is_none_or(|client| !covered(issuer, client, client.id.as_str(), since));
    let pools = &issuer.status_lists.pools;
    let id = machine.map(|client| &client.id);
    // Whatever panicked while the pools were held, what is in them was given to nobody.
    if let Some(entry) = pools.lock().unwrap_or_else(PoisonError::into_inner).draw(id, now, usable) {
        return Ok(entry);
    }
    let until = now + pool::LIFE + longest(issuer).await?;
    let pick = u32::from_be_bytes(issuer.entropy.bytes());
    let first = issuer.store.lease_status(id, now.seconds(), until, pick).await?;
    let mut pools = pools.lock().unwrap_or_else(PoisonError::into_inner);
    pools.add(id, first, now, &*issuer.entropy);
    pools
        .draw(id, now, usable)
        .ok_or_else(|| Failure::Bug("a fresh stretch of a status list is empty".to_owned()))
}

/// One turn: reads what rules cover, makes and signs lists that are due.
pub(crate) async fn follow(issuer: &Issuer) -> Result<()> {
    let At { now, it: there } = issuer.store.status_lists().await?;
    let lists = &issuer.status_lists;
    if there.is_empty() && lists.served.load().is_empty() {
        return Ok(());
    }
    let begun = lists.state().scan;
    let (mut scan, mut hits, mut unsettled) = (begun, Vec::new(), None);
    let mut end = false;
    for _ in 0..PAGES {
        let page = issuer.store.status_hits(scan, PAGE).await?;
        hits.extend(page.hits);
        scan = page.next;
        unsettled = unsettled.or(page.unsettled);
        end = page.end;
        if end {
            break;
        }
    }
    if let Some(row) = unsettled.filter(|row| *row < scan.rule) {
        scan = StatusScan { rule: row, entry: 0, ..scan };
    }
    // Read again: every list that a hit can be in was there when the hit was read.
    let there = issuer.store.status_lists().await?.it;
    let key = issuer.keys.signing(Algorithm::Es256);
    let mut state = lists.state();
    state.lists.retain(|list, _| there.contains(list));
    for list in there {
        state.lists.entry(list).or_default();
    }
    for hit in hits {
        if let Some(list) = state.lists.get_mut(&hit.first.list) {
            list.bits.set(hit.first.index, hit.count, hit.until);
        }
    }
    // Of two turns at once the later may set this back: what is read twice is harmless.
    state.scan = scan;
    // Until everything was read, a list could say "valid" of what is not: it is not served.
    match (end, key) {
        (false, _) => Ok(()),
        (true, Some(key)) => lists.serve(issuer, &mut state, &key, now),
        (true, None) => Err(unavailable("no active ES256 key")),
    }
}

impl StatusLists {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // Bits are set one by one, and setting them again is harmless.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, issuer: &Issuer, state: &mut State, key: &SigningKey, now: Timestamp) -> Result<()> {
        let before = self.served.load();
        let mut served: BTreeMap<u32, Served> = before
            .iter()
            .filter(|(list, _)| state.lists.contains_key(list))
            .map(|(l, s)| (*l, s.clone()))
            .collect();
        let mut news = served.len() != before.len();
        for (number, list) in &mut state.lists {
            if list.bring_up(key, now) {
                let made = list.sign(issuer, key, *number, now)?;
                served.insert(*number, made);
                news = true;
            }
        }
        if news {
            self.served.store(Arc::new(served));
        }
        Ok(())
    }
}

/// A clock that was set back delays nothing.
fn passed(since: Option<Timestamp>, now: Timestamp, period: Duration) -> bool {
    since.is_none_or(|since| u128::from(now.millis().abs_diff(since.millis())) >= period.as_millis())
}

impl List {
    /// Compresses the bits if they changed and it is time. Is there something to sign?
    fn bring_up(&mut self, key: &SigningKey, now: Timestamp) -> bool {
        self.bits.expire(now);
        let changed = self.bits.changed() && passed(self.made_at, now, EVERY);
        if changed || self.made_at.is_none() {
            self.lst = self.bits.lst().into();
            self.made_at = Some(now);
            return true;
        }
        self.kid != key.kid() || passed(self.signed_at, now, RENEW)
    }

    fn sign(&mut self, issuer: &Issuer, key: &SigningKey, number: u32, now: Timestamp) -> Result<Served> {
        let exp = now + LIFE;
        let claims = Claims {
            iss: &issuer.settings.issuer,
            sub: &uri(issuer, number),
            iat: now.seconds(),
            exp: exp.seconds(),
            ttl: TTL,
            status_list: Payload { bits: 1, lst: &self.lst },
        };
        let token = key.sign(TYP, &claims).map_err(|e| Failure::Bug(e.to_string()))?;
        self.signed_at = Some(now);
        key.kid().clone_into(&mut self.kid);
        Ok(Served { document: Document::new(token.into_bytes()), exp })
    }
}

fn unavailable(detail: &str) -> Failure {
    Failure::Unavailable(Unavailable {
        what: "status list",
        detail: detail.to_owned(),
        retry_after: Duration::from_secs(1),
    })
}

/// A Status List Token, as made at the last turn. `not_found`: there is no such list (any more).
pub async fn document(issuer: &Issuer, list: u32) -> Result<Document> {
    if let Some(served) = good(issuer, list) {
        return Ok(served);
    }
    // Another process may have begun it just now, and given a token that points here.
    follow(issuer).await?;
    if let Some(served) = good(issuer, list) {
        return Ok(served);
    }
    match issuer.store.status_lists().await?.it.contains(&list) {
        true => Err(unavailable("the rules are not read to their end")),
        false => Err(Rejected::new(Code::NotFound, "There is no such status list.").into()),
    }
}

fn good(issuer: &Issuer, list: u32) -> Option<Document> {
    let served = issuer.status_lists.served.load();
    served.get(&list).filter(|s| s.exp > issuer.store.cached_now()).map(|s| s.document.clone())
}

/// The Status List Aggregation (draft, 9.3): where all lists are.
pub async fn aggregation(issuer: &Issuer) -> Result<Document> {
    #[derive(Serialize)]
    struct Aggregation {
        status_lists: Vec<String>,
    }
    let lists = issuer.store.status_lists().await?.it;
    let status_lists = lists.into_iter().map(|list| uri(issuer, list)).collect();
    let body = serde_json::to_vec(&Aggregation { status_lists }).map_err(|e| Failure::Bug(e.to_string()))?;
    Ok(Document::new(body))
}

/// Forgets members whose tokens are dead, and lists without any.
pub(crate) async fn tend(issuer: &Issuer) -> Result<()> {
    issuer.store.sweep_status(10_000).await?;
    Ok(())
}
