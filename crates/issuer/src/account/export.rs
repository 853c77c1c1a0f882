//! What is kept about a person, for themself: one JSON document (RFC 8259) without secrets, with stable names.

use super::{by, consents, load};
use crate::Issuer;
use crate::error::{Failure, Result};
use crate::login::Caller;
use crate::model::{
    Account, BrowserSession, ClientSession, Event, EventKind, Passkey, Proven, session::Authentication,
};
use crate::port::account::KnownDevice;
use crate::port::browser_session::LiveBrowser;
use countersign_token::Timestamp;
use serde_json::{Value, json};

/// Newest events that are in it.
pub const EVENTS: u32 = 10_000;
/// Version of the document; names are added under the same, and changed or removed under a higher one.
const VERSION: u8 = 1;

/// The document, as text. That the person has just proven who they are is for the caller to see to. The log
/// notes that it was taken.
pub async fn export(issuer: &Issuer, me: &LiveBrowser, caller: &Caller) -> Result<String> {
    let account = load(issuer, me).await?;
    let store = &issuer.store;
    let user = &account.it.subject.user;
    let id = &user.id;
    let document = json!({
        "version": VERSION,
        "exported_at": time(account.now),
        "issuer": issuer.settings.issuer,
        "profile": profile(&account.it, store.locale(id).await?),
        "sign_in": {
            "password": account.it.enrolled.password,
            "authenticator_app": account.it.enrolled.totp,
            "phone": account.it.enrolled.phone,
            "recovery_codes_left": account.it.enrolled.recovery_codes,
            "passkeys": list(&store.list_passkeys(id).await?.it, passkey),
            "providers": account.it.enrolled.upstreams,
        },
        "browser_sessions": list(&store.list_browsers(id).await?, browser),
        "application_sessions": list(&store.list_client_sessions(id).await?, application),
        "devices": list(&store.list_devices(id).await?, device),
        "consents": list(&consents::list(issuer, me).await?, consent),
        "events": list(&store.events_of(id, EVENTS).await?, event),
    });
    let text = serde_json::to_string_pretty(&document).map_err(|e| Failure::Bug(e.to_string()))?;
    store.note(by(user, EventKind::DataExported, caller)).await?;
    Ok(text)
}

fn list<T>(all: &[T], one: impl FnMut(&T) -> Value) -> Value {
    Value::Array(all.iter().map(one).collect())
}

fn profile(account: &Account, locale: Option<String>) -> Value {
    let user = &account.subject.user;
    json!({
        "id": user.id, "email": user.email, "email_verified": user.email_verified, "username": user.username,
        "name": user.name, "locale": locale, "roles": user.roles,
        "created_at": time(user.created_at), "updated_at": time(user.updated_at),
    })
}

fn passkey(key: &Passkey) -> Value {
    json!({
        "name": key.name, "verifies_user": key.verifies_user, "backed_up": key.backed_up,
        "created_at": time(key.created_at), "used_at": key.used_at.map(time),
    })
}

fn authentication(how: &Authentication) -> Value {
    let proven = |p: &Proven| json!({ "factor": p.factor.name(), "at": time(p.at) });
    json!({ "acr": how.acr, "amr": how.amr, "proven": list(&how.proven(), proven) })
}

fn browser(session: &BrowserSession) -> Value {
    json!({
        "id": session.id, "device": session.device, "authentication": authentication(&session.authentication),
        "created_at": time(session.created_at), "seen_at": time(session.seen_at),
        "expires_at": time(session.expires_at),
    })
}

fn application(session: &ClientSession) -> Value {
    json!({
        "id": session.id.to_string(), "client": session.client, "browser_session": session.browser,
        "scope": session.scopes.to_string(), "resources": session.resources, "device": session.device,
        "authentication": authentication(&session.authentication), "created_at": time(session.created_at),
    })
}

fn device(known: &KnownDevice) -> Value {
    json!({
        "device": known.device, "created_at": time(known.created_at), "seen_at": time(known.seen_at),
    })
}

fn consent(given: &consents::Given) -> Value {
    json!({
        "client": given.consent.client, "name": given.name(), "scope": given.consent.scopes.to_string(),
        "resources": given.consent.resources, "granted_at": time(given.consent.granted_at),
    })
}

fn event(event: &Event) -> Value {
    json!({
        "at": time(event.at), "kind": event.what.kind.name(), "client": event.what.client,
        "session": event.what.session.map(|sid| sid.to_string()), "browser_session": event.what.browser,
        "data": event.what.data,
    })
}

/// RFC 3339, UTC, whole seconds.
fn time(at: Timestamp) -> String {
    let (year, month, day) = at.date();
    let of_day = at.seconds().rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_back() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (1_709_210_096, "2024-02-29T12:34:56Z"),
        ] {
            assert_eq!(time(Timestamp::from_seconds(seconds)), text);
        }
    }
}
