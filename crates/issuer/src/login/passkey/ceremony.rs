//! What registering a key and signing in with one share: who we are to the authenticator, and a challenge
//! that waits, sealed and bound to the browser, until it is answered.
//!
//! The challenge itself and the id it is spent by are random and never stored: a sign-in page shown costs
//! the store nothing.

use crate::Issuer;
use crate::error::{Code, Failure, Result, rejected};
use crate::login::Purpose;
use crate::model::{Answered, UserId};
use countersign_token::{Timestamp, base64url};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;
use url::{Host, Url};
use webauthn_rs_core::WebauthnCore;

/// How long a challenge waits for its answer.
pub(crate) const LIFE: Duration = Duration::from_secs(300);
/// Longest answer that is looked at, in bytes of JSON. One with an attestation chain takes about 5 KiB.
pub(crate) const LONGEST_ANSWER: usize = 16 * 1024;
/// Length of a user handle.
const HANDLE: usize = 16;

/// What goes to the page: options for the browser, and the sealed challenge that comes back with the answer.
#[derive(Clone, Debug, Serialize)]
pub struct Options {
    /// `{"publicKey": ..}` for `navigator.credentials`, with bytes in base64url.
    pub options: Value,
    /// To be sent back with the answer.
    pub state: String,
}

/// What came back.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// [`Options::state`].
    pub state: &'a str,
    /// The browser's credential as JSON (`PublicKeyCredential.toJSON()`).
    pub credential: &'a str,
}

/// A challenge that waits.
#[derive(Serialize, Deserialize)]
pub(crate) struct Waiting<S> {
    /// What it is spent by.
    id: [u8; 16],
    /// What an answer is good for.
    purpose: Purpose,
    /// Whose answer it must be; `None`: whoever's.
    user: Option<UserId>,
    /// The library's.
    pub(crate) state: S,
}

impl<S: Serialize + DeserializeOwned> Waiting<S> {
    pub(crate) fn new(issuer: &Issuer, purpose: Purpose, user: Option<&UserId>, state: S) -> Self {
        Self { id: issuer.entropy.bytes(), purpose, user: user.cloned(), state }
    }

    /// Seals it for this browser.
    pub(crate) fn seal(&self, issuer: &Issuer, kind: Kind, flow: &str, now: Timestamp) -> Result<String> {
        let plain = serde_json::to_vec(self).map_err(|e| Failure::Bug(e.to_string()))?;
        Ok(issuer.sealer.blob(kind.name(), flow, now, &plain, &*issuer.entropy))
    }

    /// Opens it. `None`: another browser's, of the other ceremony, for something or somebody else, altered,
    /// too old.
    pub(crate) fn open(
        issuer: &Issuer,
        kind: Kind,
        flow: &str,
        (purpose, user): (Purpose, Option<&UserId>),
        blob: &str,
        now: Timestamp,
    ) -> Option<(S, Answered)> {
        let (made_at, plain) = issuer.sealer.open_blob(kind.name(), flow, blob)?;
        let until = made_at + LIFE;
        let waiting: Self = serde_json::from_slice(&plain).ok()?;
        let ours = now < until && waiting.purpose == purpose && waiting.user.as_ref() == user;
        ours.then_some((waiting.state, Answered { challenge: waiting.id, until }))
    }
}

/// The two ceremonies of WebAuthn: a challenge of one answers nothing of the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// `navigator.credentials.create`
    Create,
    /// `navigator.credentials.get`
    Get,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Create => "passkey create",
            Self::Get => "passkey get",
        }
    }
}

/// Can people of this issuer have passkeys? Not where its host is an IP address: those are no relying party
/// ids (WebAuthn 5.1.2).
pub fn available(issuer: &Issuer) -> bool {
    host(issuer).is_some()
}

/// The issuer's address, and its host: the relying party's id. `None`: it has no name.
pub(crate) fn host(issuer: &Issuer) -> Option<(Url, String)> {
    let url = Url::parse(&issuer.settings.issuer).ok()?;
    match url.host()? {
        Host::Domain(name) => Some((url.clone(), name.to_owned())),
        Host::Ipv4(_) | Host::Ipv6(_) => None,
    }
}

/// The relying party: the issuer's host, reached at its very origin.
pub(crate) fn relying_party(issuer: &Issuer) -> Result<WebauthnCore> {
    let (url, host) = host(issuer)
        .ok_or_else(|| rejected(Code::MethodUnavailable, "Passkeys need an issuer with a host name."))?;
    Ok(WebauthnCore::new_unsafe_experts_only(&host, &host, vec![url], LIFE, Some(false), Some(false)))
}

/// The part of the client data that the library takes a looser view of (WebAuthn 5.8.1).
#[derive(Deserialize)]
struct ClientData {
    origin: String,
    #[serde(default, rename = "crossOrigin")]
    cross_origin: bool,
    #[serde(rename = "topOrigin")]
    top_origin: Option<Value>,
}

/// Was the answer given to our very origin, not in a frame of another? The library compares addresses with
/// user names, paths and all forms of a host, and asks sign-ins nothing about frames.
pub(crate) fn same_origin(issuer: &Issuer, client_data: &[u8]) -> Result<(), String> {
    let Some((url, _)) = host(issuer) else { return Err("no relying party".to_owned()) };
    let data: ClientData =
        serde_json::from_slice(client_data).map_err(|e| format!("client data: {:?}", e.classify()))?;
    if data.origin != url.origin().ascii_serialization() {
        return Err("another origin".to_owned());
    }
    if data.cross_origin || data.top_origin.is_some() {
        return Err("in a frame of another origin".to_owned());
    }
    Ok(())
}

/// Reads what a browser sent.
pub(crate) fn read<T: DeserializeOwned>(json: &str) -> Result<T, String> {
    if json.len() > LONGEST_ANSWER {
        return Err(format!("an answer of {} bytes", json.len()));
    }
    // The text of serde_json's error may quote the input; its place does not.
    serde_json::from_str(json).map_err(|e| format!("answer: {:?} at column {}", e.classify(), e.column()))
}

/// What an authenticator keeps of the person: the 16 bytes of their id, nothing about them (WebAuthn 14.6.1).
pub(crate) fn handle(user: &UserId) -> Result<Vec<u8>> {
    user.as_str()
        .strip_prefix("u_")
        .and_then(base64url::decode)
        .filter(|bytes| bytes.len() == HANDLE)
        .ok_or_else(|| Failure::Bug(format!("{user} is no id of 16 bytes")))
}
