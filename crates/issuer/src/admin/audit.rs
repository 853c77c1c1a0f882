//! `audit search/tail/verify`: the event log, asked by names as people know them.

pub mod chain;

use super::{nearest, not_found, shown, users};
use crate::Issuer;
use crate::error::{Code, Failure, Result, rejected};
use crate::model::{BrowserSessionId, ClientId, ClientSessionId, Event, EventKind, EventLink, UserId};
use crate::oauth::client_auth;
use crate::port::{EventFilter, Going, Page};
use chain::{Verdict, Walk};
use countersign_token::Timestamp;

/// Events read at once when the whole log is walked.
const PAGE: u32 = 1_000;
/// Clients looked through for a name like the one that is not known.
const NEIGHBOURS: u16 = 1_000;

/// What is looked for, as it was typed.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Names of kinds.
    pub kinds: Vec<String>,
    /// E-mail, user name or id; the id also of somebody who was removed.
    pub user: Option<String>,
    /// Client id, also of one that was removed.
    pub client: Option<String>,
    /// Id of a client session (the `sid` of tokens) or browser session (`b_...`).
    pub session: Option<String>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
}

/// Finds out what the names mean. `not_found`: nobody and nothing is called so, now or in the log.
/// `invalid_request`: there is no such kind, or that is no id of a session.
pub async fn filter(issuer: &Issuer, wanted: &Wanted, going: Going) -> Result<EventFilter> {
    let kinds = wanted.kinds.iter().map(|name| kind(name)).collect::<Result<_>>()?;
    let mut filter =
        EventFilter { kinds, since: wanted.since, until: wanted.until, ..EventFilter::all(going) };
    if let Some(name) = &wanted.user {
        filter.user = Some(person(issuer, name).await?);
    }
    if let Some(name) = &wanted.client {
        filter.client = Some(client(issuer, name).await?);
    }
    match &wanted.session {
        Some(id) if id.starts_with("b_") => filter.browser = Some(BrowserSessionId::from_stored(id.as_str())),
        Some(id) => filter.session = Some(ClientSessionId::parse(id).ok_or_else(|| no_session(id))?),
        None => {}
    }
    Ok(filter)
}

fn kind(name: &str) -> Result<EventKind> {
    EventKind::parse(name).ok_or_else(|| {
        let near = nearest(name, EventKind::ALL.iter().map(|kind| kind.name()));
        rejected(Code::InvalidRequest, format!("There is no kind of event {}{near}", shown(name)))
    })
}

fn no_session(id: &str) -> Failure {
    let what = format!("{} is no id of a session: write the sid of a token, or b_...", shown(id));
    rejected(Code::InvalidRequest, what)
}

/// Is there one event of it?
async fn any(issuer: &Issuer, filter: EventFilter) -> Result<bool> {
    Ok(!issuer.store.find_events(&filter, 1).await?.is_empty())
}

async fn person(issuer: &Issuer, name: &str) -> Result<UserId> {
    match users::find(issuer, name).await {
        Ok(subject) => Ok(subject.user.id),
        // The log outlives people.
        Err(Failure::Rejected(unknown)) if name.starts_with("u_") => {
            let id = UserId::from_stored(name);
            let of = EventFilter { user: Some(id.clone()), ..EventFilter::all(Going::Back(None)) };
            if any(issuer, of).await? { Ok(id) } else { Err(unknown.into()) }
        }
        Err(failure) => Err(failure),
    }
}

async fn client(issuer: &Issuer, name: &str) -> Result<ClientId> {
    if let Some(id) = ClientId::parse(name) {
        let of = EventFilter { client: Some(id.clone()), ..EventFilter::all(Going::Back(None)) };
        if client_auth::find(issuer, &id).await?.is_some() || any(issuer, of).await? {
            return Ok(id);
        }
    }
    let there = issuer.store.list_clients(Page { after: None, limit: NEIGHBOURS }).await?;
    let near = nearest(name, there.iter().map(|client| client.id.as_str()));
    match not_found("client", name) {
        Failure::Rejected(r) if near.starts_with("; did") => {
            Err(rejected(Code::NotFound, format!("{}{near}", r.public.trim_end_matches('.'))))
        }
        unknown => Err(unknown),
    }
}

/// A page of what the filter is true of, at most `limit`.
pub async fn search(issuer: &Issuer, filter: &EventFilter, limit: u32) -> Result<Vec<Event>> {
    Ok(issuer.store.find_events(filter, limit).await?)
}

/// The newest position (0: none), for who follows the log from here on.
pub async fn newest(issuer: &Issuer) -> Result<i64> {
    Ok(issuer.store.last_event().await?)
}

/// A place in the log that somebody noted outside: `SEQ:LINK`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    /// Position.
    pub seq: i64,
    /// The link of the event there.
    pub link: EventLink,
}

impl Head {
    /// Reads the text form.
    pub fn parse(text: &str) -> Option<Self> {
        let (seq, link) = text.split_once(':')?;
        Some(Self { seq: seq.parse().ok()?, link: EventLink::parse(link)? })
    }
}

impl std::fmt::Display for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.seq, self.link)
    }
}

/// Reads the whole log, in pages, and says whether it is whole and still holds `heads`.
pub async fn verify(issuer: &Issuer, heads: &[Head]) -> Result<Verdict> {
    let mut walk = Walk::new(issuer.sealer.log_key(), heads);
    let mut after = 0;
    loop {
        let page = issuer.store.kept_events(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(walk.end()) };
        after = last.seq;
        page.iter().for_each(|event| walk.step(event));
    }
}
