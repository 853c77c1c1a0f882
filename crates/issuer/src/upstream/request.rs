//! The way there: the authorization request, and the state that comes back with its answer.
//!
//! The state is sealed and bound to the browser's flow cookie, so that nobody can be signed in by an answer
//! that another browser asked for; the answer's code is good once, by the provider.

use super::{Kind, Provider, Stop, Trouble, discovery};
use crate::Issuer;
use crate::error::Failure;
use crate::model::{Digest, Secret, UserId};
use countersign_token::{Timestamp, base64url};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use url::Url;

const PURPOSE: &str = "upstream";
/// From leaving to coming back.
const LIFE: Duration = Duration::from_secs(600);
/// Longest address typed that is passed on as a hint, in bytes.
const LONGEST_HINT: usize = 254;

/// What the person wants of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    /// Sign in.
    SignIn,
    /// Link it to their account; they are signed in as this.
    Link(UserId),
}

/// A sign-in elsewhere to be.
#[derive(Clone, Debug)]
pub struct Start {
    /// What for.
    pub intent: Intent,
    /// The sealed authorization request to go on with.
    pub resume: Option<String>,
    /// The sealed sign-in under way, with what was proven before.
    pub transaction: Option<String>,
    /// The address typed here.
    pub hint: Option<String>,
    /// The person proves again who they are, also when the provider knows them.
    pub again: bool,
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
pub(super) struct State {
    provider: String,
    pub(super) nonce: String,
    pub(super) verifier: String,
    pub(super) intent: Intent,
    pub(super) resume: Option<String>,
    pub(super) transaction: Option<String>,
    pub(super) again: bool,
}

impl State {
    /// Opens what came back. `None`: another browser's, another provider's, altered, too old.
    pub(super) fn open(
        issuer: &Issuer,
        provider: &Provider,
        binding: &str,
        blob: &str,
        now: Timestamp,
    ) -> Option<(Timestamp, Self)> {
        let (made_at, plain) = issuer.sealer.open_blob(PURPOSE, binding, blob)?;
        let state: Self = serde_json::from_slice(&plain).ok()?;
        let good = state.provider == provider.settings.name && now.since(made_at) <= LIFE;
        good.then_some((made_at, state))
    }
}

/// The address at the provider to send the browser to.
pub async fn begin(
    issuer: &Issuer,
    provider: &Provider,
    start: Start,
    binding: &str,
) -> Result<String, Stop> {
    let now = issuer.store.cached_now();
    let metadata = discovery::metadata(issuer, provider, now).await?;
    let settings = &provider.settings;
    let fresh = || base64url::encode(issuer.entropy.bytes::<32>());
    let state = State {
        provider: settings.name.clone(),
        nonce: fresh(),
        verifier: fresh(),
        intent: start.intent,
        resume: start.resume,
        transaction: start.transaction,
        again: start.again && settings.proves_again,
    };
    let plain = serde_json::to_vec(&state).map_err(|e| Failure::Bug(e.to_string()))?;
    let sealed = issuer.sealer.blob(PURPOSE, binding, now, &plain, &*issuer.entropy);
    let mut url = Url::parse(&metadata.authorization)
        .map_err(|e| Trouble::new(Kind::Misconfigured, format!("its authorization endpoint: {e}")))?;
    let challenge = base64url::encode(Digest::of(&state.verifier).0);
    let mut query = url.query_pairs_mut();
    query
        .append_pair("response_type", "code")
        .append_pair("client_id", &settings.client_id)
        .append_pair("redirect_uri", &provider.redirect_uri(issuer))
        .append_pair("scope", &settings.scopes.join(" "))
        .append_pair("state", &sealed)
        .append_pair("code_challenge", &challenge)
        .append_pair("code_challenge_method", "S256");
    if settings.protocol == super::Protocol::OpenId {
        query.append_pair("nonce", &state.nonce);
    }
    if settings.form_post {
        query.append_pair("response_mode", "form_post");
    }
    if state.again {
        query.append_pair("prompt", "login").append_pair("max_age", "0");
    }
    if let Some(hint) = start.hint.filter(|h| h.len() <= LONGEST_HINT && h.contains('@')) {
        query.append_pair("login_hint", &hint);
    }
    drop(query);
    Ok(url.into())
}

/// The verifier, as a secret (RFC 7636).
pub(super) fn verifier(state: &State) -> Secret {
    Secret::new(state.verifier.clone())
}
