//! An event as it is printed: a line for people, a line of JSON for collectors.

use crate::output::{json_line, time_to_the_milli, visible};
use countersign_runtime::issuer::Issuer;
use countersign_runtime::issuer::model::{Actor, Event, UserId};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Facts that have a column or member of their own.
const OWN: [&str; 2] = ["ip", "device"];

/// Heads of the columns.
pub(super) const HEAD: [&str; 6] = ["SEQ", "TIME", "KIND", "WHO", "FROM", "MORE"];
/// Their least widths, where lines come one by one; the last one is as long as it is.
const WIDTHS: [usize; 5] = [6, 24, 22, 28, 15];

/// One line of JSON. Members stay as they are: their names are what collectors rely on.
pub(super) fn line(event: &Event) -> String {
    let what = &event.what;
    let actor = serde_json::to_value(&what.actor).unwrap_or_default();
    let rest: serde_json::Map<String, Value> =
        what.data.iter().filter(|(name, _)| !is_own(name)).map(|(n, v)| (n.clone(), v.clone())).collect();
    json_line(&json!({
        "seq": event.seq,
        "at": time_to_the_milli(event.at),
        "kind": what.kind.name(),
        "by": actor.get("by"),
        "by_id": actor.get("id"),
        "user": what.user,
        "client": what.client,
        "session": what.session.map(|id| id.to_string()),
        "browser_session": what.browser,
        "ip": what.data.get("ip"),
        "device": what.data.get("device"),
        "data": rest,
    }))
}

fn is_own(name: &str) -> bool {
    OWN.contains(&name)
}

/// Who people are, asked once each.
pub(super) struct Names<'a> {
    issuer: &'a Issuer,
    known: HashMap<UserId, String>,
}

impl<'a> Names<'a> {
    pub(super) fn of(issuer: &'a Issuer) -> Self {
        Self { issuer, known: HashMap::new() }
    }

    /// The address somebody has now; the id of who was removed.
    async fn of_person(&mut self, id: &UserId) -> String {
        if let Some(known) = self.known.get(id) {
            return known.clone();
        }
        let found = self.issuer.store.subject(id).await.ok().and_then(|at| at.it);
        let name = found.map_or_else(|| id.to_string(), |subject| subject.user.email);
        self.known.insert(id.clone(), name.clone());
        name
    }

    /// The cells of a row.
    pub(super) async fn row(&mut self, event: &Event) -> Vec<String> {
        let what = &event.what;
        let who = match (&what.user, &what.client) {
            (Some(user), _) => self.of_person(user).await,
            (None, Some(client)) => client.to_string(),
            (None, None) => by(&what.actor),
        };
        let from = what.data.get("ip").map(plain).unwrap_or_default();
        [
            event.seq.to_string(),
            time_to_the_milli(event.at),
            what.kind.name().to_owned(),
            who,
            from,
            more(event),
        ]
        .map(|cell| visible(&cell))
        .into()
    }
}

fn by(actor: &Actor) -> String {
    match actor {
        Actor::User(id) => id.to_string(),
        Actor::Client(id) => id.to_string(),
        Actor::Operator => "operator".to_owned(),
        Actor::System => "system".to_owned(),
        Actor::Anonymous => "-".to_owned(),
    }
}

/// All that has no column, as `name=value`.
fn more(event: &Event) -> String {
    let what = &event.what;
    let mut out: Vec<(&str, String)> = Vec::new();
    if what.actor == Actor::Operator {
        out.push(("by", "operator".to_owned()));
    }
    if let (Some(client), Some(_)) = (&what.client, &what.user) {
        out.push(("client", client.to_string()));
    }
    out.extend(what.session.iter().map(|id| ("session", id.to_string())));
    out.extend(what.browser.iter().map(|id| ("browser_session", id.to_string())));
    let rest = what.data.iter().filter(|(name, _)| !is_own(name));
    out.extend(rest.map(|(name, value)| (name.as_str(), plain(value))));
    out.extend(what.data.get("device").map(|device| ("device", plain(device))));
    let quoted = |text: &str| match text.contains([' ', '=', '"']) {
        true => format!("{text:?}"),
        false => text.to_owned(),
    };
    out.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect::<Vec<_>>().join(" ")
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Columns of a line that comes alone.
pub(super) fn in_columns(row: &[String]) -> String {
    let mut out = String::new();
    for (at, cell) in row.iter().enumerate() {
        let width = WIDTHS.get(at).copied().unwrap_or_default();
        out.push_str(&format!("{cell:<width$}  "));
    }
    out.trim_end().to_owned()
}
