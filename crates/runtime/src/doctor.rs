//! `countersign doctor`: looks at everything a node stands on, changes nothing, and says what to do.

use crate::config::{Effective, MasterKeySource, Settings, SmsSink, StorePath};
use crate::marker::Marker;
use crate::{clock, courier, master_key, wire};
use countersign_feed::stream::Position;
use countersign_issuer::model::KeyState;
use countersign_issuer::port::{Accounts, Events, Feeds, Keys, Outbox};
use countersign_store_sqlite::SqliteStore;
use countersign_verifier::Verifier;
use serde::Serialize;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

/// How a check came out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Good.
    Ok,
    /// Works, but look at it.
    Warning,
    /// Does not work.
    Failed,
}

/// One check.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    /// What was looked at; stable.
    pub check: &'static str,
    /// How it came out.
    pub state: State,
    /// What was seen.
    pub saw: String,
    /// What to do, when there is something to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub todo: Option<String>,
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn ok(&mut self, check: &'static str, saw: impl Into<String>) {
        self.0.push(Finding { check, state: State::Ok, saw: saw.into(), todo: None });
    }
    fn warn(&mut self, check: &'static str, saw: impl Into<String>, todo: impl Into<String>) {
        self.0.push(Finding { check, state: State::Warning, saw: saw.into(), todo: Some(todo.into()) });
    }
    fn fail(&mut self, check: &'static str, saw: impl Into<String>, todo: impl Into<String>) {
        self.0.push(Finding { check, state: State::Failed, saw: saw.into(), todo: Some(todo.into()) });
    }
}

/// Looks at everything, in the order in which a start would need it.
pub async fn examine(effective: &Effective) -> Vec<Finding> {
    let mut found = Findings::default();
    let settings = match effective.check() {
        Ok(settings) => settings,
        Err(e) => {
            found.fail("configuration", e.to_string(), "correct it, then: countersign config check");
            return found.0;
        }
    };
    configuration(effective, &mut found);
    data_dir(&settings, &mut found);
    let master = master(&settings, &mut found);
    if let Some(store) = store(&settings, &mut found) {
        keys(&settings, &store, master, &mut found).await;
        feed(&settings, &store, &mut found).await;
        time(&store, &mut found).await;
        dead(&store, &mut found).await;
        stranded(&settings, &store, &mut found).await;
    }
    messages(&settings, &mut found).await;
    address(&settings, &mut found).await;
    found.0
}

fn configuration(effective: &Effective, found: &mut Findings) {
    let idle: Vec<_> = effective.without_effect().map(|(key, why)| format!("{key}: {why}")).collect();
    let from = effective.file.as_ref().map_or("no file".to_owned(), |f| f.display().to_string());
    if idle.is_empty() {
        found.ok("configuration", format!("valid ({from})"));
    } else {
        found.warn("configuration", idle.join("; "), "remove what has no effect");
    }
}

fn data_dir(settings: &Settings, found: &mut Findings) {
    let path = &settings.data_dir;
    let Ok(meta) = std::fs::metadata(path) else {
        found.ok("data directory", format!("{} is not there yet; the first start makes it", path.display()));
        return;
    };
    let shown = path.display();
    if !meta.is_dir() {
        found.fail("data directory", format!("{shown} is not a folder"), "choose another with --data-dir");
    } else if let Some(mode) = open_to_others(path) {
        let todo = format!("run: chmod 700 {shown}");
        found.warn("data directory", format!("{shown} can be entered by others (mode {mode:03o})"), todo);
    } else {
        found.ok("data directory", shown.to_string());
    }
}

/// The mode, if others than the owner have any right.
fn open_to_others(path: &Path) -> Option<u32> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
        (mode & 0o077 != 0).then_some(mode)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

fn master(settings: &Settings, found: &mut Findings) -> bool {
    let from = match &settings.master_key {
        MasterKeySource::Given(_) => "given".to_owned(),
        MasterKeySource::Credential(path) | MasterKeySource::DataDir(path) => path.display().to_string(),
    };
    match master_key::read(&settings.master_key) {
        Ok(Some(_)) => {
            found.ok("master key", from);
            true
        }
        Ok(None) => {
            found.ok("master key", format!("{from} is not there yet; the first start makes it"));
            false
        }
        Err(e) => {
            let text = e.to_string();
            let (saw, todo) = text.split_once("; ").unwrap_or((&text, "see the message"));
            found.fail("master key", format!("{}: {saw}", e.code()), todo);
            false
        }
    }
}

fn store(settings: &Settings, found: &mut Findings) -> Option<SqliteStore> {
    let StorePath::Sqlite(path) = &settings.store;
    let shown = path.display();
    if !path.exists() {
        found.ok("store", format!("{shown} is not there yet; the first start makes it"));
        return None;
    }
    let restore = "stop the server, keep a copy of the file, and put a good backup in its place";
    let store = match wire::open_store(settings) {
        Ok(store) => store,
        Err(e) => {
            found.fail("store", e.to_string().replace("; `countersign doctor` tells more", ""), restore);
            return None;
        }
    };
    match store.check() {
        Ok(wrong) if wrong.is_empty() => {
            let durable = store.durability();
            let saw = format!("{shown}: sound, journal {}, SQLite {}", durable.journal_mode, durable.sqlite);
            found.ok("store", saw);
            Some(store)
        }
        Ok(wrong) => {
            let first: Vec<_> = wrong.iter().take(3).map(String::as_str).collect();
            found.fail("store", format!("{shown} is damaged: {}", first.join("; ")), restore);
            None
        }
        Err(e) => {
            found.fail("store", format!("{shown}: {e}"), restore);
            None
        }
    }
}

async fn keys(settings: &Settings, store: &SqliteStore, master: bool, found: &mut Findings) {
    let keys = match store.load_keys().await {
        Ok(there) => there.it.0,
        Err(e) => return found.fail("keys", e.to_string(), "see the check of the store"),
    };
    if keys.is_empty() {
        return found.ok("keys", "none yet; the first start makes them");
    }
    if !master {
        let todo = "put the master key back from where it is kept; without it the keys cannot be opened";
        return found.fail(
            "keys",
            format!("{} sealed keys, and no master key to open them", keys.len()),
            todo,
        );
    }
    // A start opens every key; with keys there it makes nothing.
    match wire::open(settings).await {
        Ok(_) => {
            let active: Vec<_> =
                keys.iter().filter(|k| k.state == KeyState::Active).map(|k| k.alg.name()).collect();
            found.ok("keys", format!("{} keys, all open; signing with {}", keys.len(), active.join(", ")));
        }
        Err(e) => {
            let todo = "start with the master key that was used when the store was made";
            found.fail("keys", e.to_string(), todo);
        }
    }
}

/// Is the log of revocations at least as long as what was published?
async fn feed(settings: &Settings, store: &SqliteStore, found: &mut Findings) {
    const CHECK: &str = "revocation feed";
    let at = match store.feed().await {
        Ok(there) => match there.it {
            Some(state) => Position { epoch: state.at.epoch, seq: state.at.seq },
            None => return found.ok(CHECK, "none yet; the next start begins it"),
        },
        Err(e) => return found.fail(CHECK, e.to_string(), "see the check of the store"),
    };
    match Marker::in_folder(&settings.data_dir).look() {
        Ok(Some(noted)) if (noted.epoch, noted.seq) > (at.epoch, at.seq) => found.fail(
            CHECK,
            format!("the store stands at {at}, but {noted} was published: it was put back from a backup"),
            "stop the server and put back a newer store, or restart it: it then revokes every token made before",
        ),
        Ok(_) => found.ok(CHECK, format!("{at} (epoch and rules)")),
        Err(why) => {
            found.warn(CHECK, why, "remove the file; the server writes it anew, and until then notices no old store");
        }
    }
}

async fn time(store: &SqliteStore, found: &mut Findings) {
    let wall = clock::wall_millis();
    let newest = match store.last_event().await {
        Ok(seq) => store.events_after(seq.saturating_sub(1), 1).await.ok(),
        Err(_) => None,
    };
    let newest = newest.and_then(|events| events.it.first().map(|e| e.at.millis()));
    // 2025-01-01: before it, this version did not exist.
    if wall < 1_735_689_600_000 {
        found.fail("clock", "the system's clock is before 2025", "set the clock (NTP)");
    } else if newest.is_some_and(|at| at > wall + 5_000) {
        let ahead = newest.unwrap_or(wall).saturating_sub(wall) / 1_000;
        found.fail(
            "clock",
            format!("the store holds events from {ahead} s in the future"),
            "set the clock (NTP); tokens issued meanwhile would look expired",
        );
    } else {
        found.ok("clock", "plausible, not behind the store");
    }
}

/// How messages leave, and whether the mail server takes them.
async fn messages(settings: &Settings, found: &mut Findings) {
    match courier::look(settings).await {
        Ok(Some(saw)) => found.ok("mail", saw),
        Ok(None) => found.ok("mail", "not configured: nothing that needs mail is offered"),
        Err(why) => {
            let todo = "check mail.smtp_url, user and password, and the server's certificate";
            found.fail("mail", format!("the mail server does not take mail: {why}"), todo);
        }
    }
    match &settings.sms {
        Some(SmsSink::Http(service)) => found.ok("sms", format!("{:?}", service.preset).to_lowercase()),
        Some(SmsSink::File(folder)) => found.ok("sms", format!("a file each in {}", folder.display())),
        Some(SmsSink::Outbox) => found.ok("sms", "kept for /dev/outbox"),
        None => found.ok("sms", "not configured: codes by SMS are not offered"),
    }
}

async fn dead(store: &SqliteStore, found: &mut Findings) {
    match store.count_jobs(None).await {
        Ok((waiting, 0)) => found.ok("messages", format!("{waiting} waiting, none given up")),
        Ok((waiting, dead)) => found.warn(
            "messages",
            format!("{waiting} waiting, {dead} given up"),
            "see why: countersign outbox list",
        ),
        Err(e) => found.fail("messages", e.to_string(), "see the check of the store"),
    }
}

/// Does the house still take the second factors that people set up?
async fn stranded(settings: &Settings, store: &SqliteStore, found: &mut Findings) {
    const CHECK: &str = "second factors";
    match store.count_stranded(&settings.issuer.login.usable_seconds()).await {
        Ok(0) => found.ok(CHECK, "everybody's can be asked for"),
        Ok(count) => found.warn(CHECK, stranded_people(count), STRANDED),
        Err(e) => found.fail(CHECK, e.to_string(), "see the check of the store"),
    }
}

/// What to do for people whose second factor is taken no more.
pub(crate) const STRANDED: &str = "offer it again ([sms], [login] factors), or let them set up another one: they are \
     asked for a recovery code or a code by mail; for who has neither: countersign user reset-factors";

pub(crate) fn stranded_people(count: u64) -> String {
    format!("{count} people have only second factors that are not offered any more")
}

async fn address(settings: &Settings, found: &mut Findings) {
    let issuer = &settings.issuer.issuer;
    let free = TcpListener::bind(settings.listen).map(drop);
    let reached = reach(issuer).await;
    match (free, reached) {
        (Ok(()), Ok(())) => {
            found.ok("listen", format!("{} is free", settings.listen));
            found.ok("issuer", format!("{issuer} answers"));
        }
        (Ok(()), Err(_)) => {
            found.ok("listen", format!("{} is free", settings.listen));
            found.warn("issuer", format!("{issuer} does not answer"), "no server runs: countersign serve");
        }
        (Err(_), Ok(())) => {
            found.ok("listen", format!("{} is in use by the running server", settings.listen));
            found.ok("issuer", format!("{issuer} answers"));
        }
        (Err(e), Err(why)) => {
            found.fail(
                "listen",
                format!("cannot listen on {}: {e}", settings.listen),
                "stop what uses the port, or choose another with --listen",
            );
            found.fail(
                "issuer",
                format!("{issuer} does not answer as this issuer: {why}"),
                "check the name, the proxy in front and its certificate",
            );
        }
    }
}

/// Discovery and keys, as a service would fetch them.
async fn reach(issuer: &str) -> Result<(), String> {
    let verifier = Verifier::builder(issuer).audience(["doctor"]).allow_http_on_loopback();
    let verifier = verifier.timeout(Duration::from_secs(3)).build().map_err(|e| e.to_string())?;
    verifier.ready().await.map_err(|e| e.to_string())
}
