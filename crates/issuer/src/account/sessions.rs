//! "Where am I signed in", "end this session", "end all others".

use crate::Issuer;
use crate::error::{Code, Failure, Result, rejected};
use crate::login::Caller;
use crate::model::{
    BrowserSession, BrowserSessionId, ClientId, ClientSession, ClientSessionId, EventDraft, EventKind,
};
use crate::port::browser_session::LiveBrowser;
use crate::revocation;
use std::collections::HashMap;

/// One row of the list.
#[derive(Debug)]
pub struct Entry {
    /// The sign-in.
    pub session: BrowserSession,
    /// Is it the one asking?
    pub current: bool,
    /// Applications entered through it, with their display names.
    pub apps: Vec<(ClientSession, String)>,
}

/// The person's sign-ins, newest first, and direct sign-ins of apps that hang on none.
#[derive(Debug)]
pub struct Overview {
    /// Browsers.
    pub browsers: Vec<Entry>,
    /// Direct sign-ins.
    pub apps: Vec<(ClientSession, String)>,
}

/// The list.
pub async fn overview(issuer: &Issuer, me: &LiveBrowser) -> Result<Overview> {
    let user = &me.subject.user.id;
    let browsers = issuer.store.list_browsers(user).await?;
    let sessions = issuer.store.list_client_sessions(user).await?;
    let mut names: HashMap<ClientId, String> = HashMap::new();
    for session in &sessions {
        if !names.contains_key(&session.client) {
            let client = issuer.directory.client(&session.client).await?;
            let name =
                client.map_or_else(|| session.client.as_str().to_owned(), |c| c.display_name().to_owned());
            names.insert(session.client.clone(), name);
        }
    }
    let mut out = Overview { browsers: Vec::new(), apps: Vec::new() };
    for session in browsers {
        let current = session.id == me.session.id;
        out.browsers.push(Entry { session, current, apps: Vec::new() });
    }
    for session in sessions {
        let name = names.get(&session.client).cloned().unwrap_or_default();
        let under = out.browsers.iter_mut().find(|e| Some(&e.session.id) == session.browser.as_ref());
        match under {
            Some(entry) => entry.apps.push((session, name)),
            None => out.apps.push((session, name)),
        }
    }
    Ok(out)
}

fn gone() -> Failure {
    rejected(Code::NotFound, "This session has ended already.")
}

fn by(me: &LiveBrowser, kind: EventKind, caller: &Caller) -> EventDraft {
    super::by(&me.subject.user, kind, caller).with("device", caller.device.as_str())
}

/// Ends one browser session of this person, or one app session. `not_found`: there is none of that name
/// that is theirs.
pub async fn end(issuer: &Issuer, me: &LiveBrowser, id: &str, caller: &Caller) -> Result<()> {
    if id.starts_with("b_") {
        return end_browser(issuer, me, &BrowserSessionId::from_stored(id), caller).await;
    }
    let sid = ClientSessionId::parse(id).ok_or_else(gone)?;
    let until = issuer.longest_token_life().await?;
    let event = by(me, EventKind::ClientSessionEnded, caller).session(sid);
    let rules = issuer.store.end_session(sid, None, Some(&me.subject.user.id), until, event).await?;
    revocation::enforce(issuer, &rules.ok_or_else(gone)?).await.map(drop)
}

async fn end_browser(
    issuer: &Issuer,
    me: &LiveBrowser,
    id: &BrowserSessionId,
    caller: &Caller,
) -> Result<()> {
    let until = issuer.longest_token_life().await?;
    let event = by(me, EventKind::BrowserSessionEnded, caller).browser(id);
    let rules = issuer.store.end_browser(&me.subject.user.id, id, until, event).await?;
    revocation::enforce(issuer, &rules.ok_or_else(gone)?).await.map(drop)
}

/// Ends all but the one asking: other browsers, and app sessions that do not hang on it.
pub async fn end_others(issuer: &Issuer, me: &LiveBrowser, caller: &Caller) -> Result<()> {
    let until = issuer.longest_token_life().await?;
    let event = by(me, EventKind::BrowserSessionEnded, caller).with("all_but", me.session.id.as_str());
    let user = &me.subject.user.id;
    let rules = issuer.store.end_other_browsers(user, &me.session.id, until, event).await?;
    revocation::enforce(issuer, &rules).await.map(drop)
}

/// Ends the one asking (sign out here). One that has ended meanwhile is fine.
pub async fn end_current(
    issuer: &Issuer,
    id: &BrowserSessionId,
    me: &LiveBrowser,
    caller: &Caller,
) -> Result<()> {
    if *id != me.session.id {
        return Err(gone());
    }
    match end_browser(issuer, me, id, caller).await {
        Err(Failure::Rejected(r)) if r.code == Code::NotFound => Ok(()),
        other => other,
    }
}
