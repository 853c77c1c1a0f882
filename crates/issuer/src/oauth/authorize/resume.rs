//! The request between two pages: sealed, bound to the browser, good for ten minutes. It holds the raw
//! parameters, which are judged anew each time, and what the person chose so far, with who they were.

use super::Params;
use super::request::Request;
use crate::Issuer;
use crate::error::{Failure, Result};
use crate::model::{Scopes, UserId};
use countersign_token::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

const PURPOSE: &str = "authorize";
const LIFE: Duration = Duration::from_secs(600);

/// What is sealed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Resume {
    /// As the client sent them.
    pub(super) params: Params,
    /// When the client asked: `prompt=login` wants a proof younger than this.
    pub(super) asked_at: Timestamp,
    /// The page it was sealed for. A choice counts only from the page that offers it.
    pub(super) page: Option<Page>,
    /// The sign-up page was shown for `prompt=create`: coming back from it is not asking for it again.
    #[serde(default)]
    pub(super) sign_up_shown: bool,
    /// Who chose to go on as themself. Another person's choice counts for nothing.
    pub(super) chosen: Option<UserId>,
    /// What was allowed in this request, and by whom.
    pub(super) allowed: Option<Allowed>,
}

/// A page, and to whom it was shown: the browser may be signed in as somebody else when it comes back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Page {
    /// Account choice.
    Select(UserId),
    /// Consent.
    Consent(Allowed),
}

/// Exactly what the consent page showed: a registration that grows meanwhile is not allowed along.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Allowed {
    pub(super) by: UserId,
    pub(super) scopes: Scopes,
    pub(super) resources: Vec<String>,
}

impl Allowed {
    /// What this person would allow by allowing this request.
    pub(super) fn of(by: &UserId, request: &Request) -> Self {
        Self { by: by.clone(), scopes: request.scopes.clone(), resources: request.resources.clone() }
    }
}

impl Resume {
    pub(super) fn new(params: Params, now: Timestamp) -> Self {
        Self { params, asked_at: now, page: None, sign_up_shown: false, chosen: None, allowed: None }
    }

    /// Life counts from `asked_at`: going from page to page does not extend it.
    pub(super) fn open(issuer: &Issuer, binding: &str, blob: &str, now: Timestamp) -> Option<Self> {
        let (_, plain) = issuer.sealer.open_blob(PURPOSE, binding, blob)?;
        let resume: Self = serde_json::from_slice(&plain).ok()?;
        (now.since(resume.asked_at) <= LIFE).then_some(resume)
    }

    pub(super) fn seal(&self, issuer: &Issuer, binding: &str) -> Result<String> {
        let plain = serde_json::to_vec(self).map_err(|e| Failure::Bug(e.to_string()))?;
        Ok(issuer.sealer.blob(PURPOSE, binding, self.asked_at, &plain, &*issuer.entropy))
    }
}
