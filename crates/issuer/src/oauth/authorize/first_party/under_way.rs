//! `auth_session`: a sign-in of an app between two calls, and what it was begun for. Sealed, so that whoever
//! goes on with it can neither read it nor widen what was asked for; bound to the client that began.

use super::{Due, More};
use crate::Issuer;
use crate::error::{Code, Failure, Rejected, Result, rejected};
use crate::login::{Purpose, Transaction};
use crate::model::{Client, ClientId, Digest, Factor, Scopes, UserId};
use crate::oauth::authorize::request::{Levels, Request};
use crate::oauth::params::Params;
use countersign_token::{Timestamp, base64url};
use serde::{Deserialize, Serialize};

const PURPOSE: &str = "first-party app";

/// What the code is to be for.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Wanted {
    /// As asked; `None`: left out.
    pub(super) redirect_uri: Option<String>,
    pub(super) scopes: Scopes,
    pub(super) resources: Vec<String>,
    pub(super) challenge: Option<String>,
    pub(super) nonce: Option<String>,
    pub(super) levels: Levels,
    pub(super) hinted: Option<UserId>,
}

/// What is sealed.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct UnderWay {
    client: ClientId,
    pub(super) transaction: Transaction,
    pub(super) wanted: Wanted,
    /// The code it becomes. The store makes a code once, so an `auth_session` leads to one at most, however
    /// often it is finished.
    pub(super) code: String,
    /// The factor a code was sent for last.
    pub(super) challenged: Option<Factor>,
}

impl UnderWay {
    pub(super) fn begin(issuer: &Issuer, client: &Client, request: Request, now: Timestamp) -> Self {
        let flow = base64url::encode(issuer.entropy.bytes::<16>());
        Self {
            client: client.id.clone(),
            transaction: Transaction::begin(Purpose::FirstParty, &flow, now),
            wanted: Wanted {
                redirect_uri: request.redirect_given.then_some(request.redirect_uri),
                scopes: request.scopes,
                resources: request.resources,
                challenge: request.challenge,
                nonce: request.nonce,
                levels: request.levels,
                hinted: request.hinted,
            },
            code: base64url::encode(issuer.entropy.bytes::<32>()),
            challenged: None,
        }
    }

    /// `invalid_session`: altered, too old, or something else.
    pub(super) fn open(issuer: &Issuer, text: &str, now: Timestamp) -> Result<Self> {
        let opened = issuer.sealer.open_blob(PURPOSE, "", text);
        let read = opened.and_then(|(_, plain)| serde_json::from_slice::<Self>(&plain).ok());
        let ours = |u: &Self| u.transaction.purpose() == Purpose::FirstParty;
        read.filter(|u| u.transaction.is_live(now) && ours(u)).ok_or_else(start_again)
    }

    /// Who began it.
    pub(super) fn client(&self) -> &ClientId {
        &self.client
    }

    /// Under what the store knows the code.
    pub(super) fn digest(&self) -> Digest {
        Digest::of(&self.code)
    }

    /// The answer that asks for more.
    pub(super) fn more(&self, issuer: &Issuer, due: Due) -> Result<More> {
        let plain = serde_json::to_vec(self).map_err(|e| Failure::Bug(e.to_string()))?;
        let begun = self.transaction.begun_at();
        let auth_session = issuer.sealer.blob(PURPOSE, "", begun, &plain, &*issuer.entropy);
        if auth_session.len() > Params::MAX_VALUE {
            // It could not be sent back.
            return Err(Rejected::new(Code::InvalidRequest, "the parameters are too long").into());
        }
        Ok(More { auth_session, due })
    }
}

/// The `auth_session` is good for nothing (any more).
pub(super) fn start_again() -> Failure {
    rejected(Code::InvalidSession, "This auth_session has ended. Start again without it.")
}
