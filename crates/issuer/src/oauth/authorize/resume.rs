//! The request between two pages: sealed, bound to the browser, good for ten minutes. It holds the raw
//! parameters, which are judged anew each time, and what the person chose so far, with who they were.

use super::Params;
use crate::Issuer;
use crate::error::{Failure, Result};
use crate::model::UserId;
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
    /// To whom the consent or account page was shown: a choice made there is theirs. Somebody else who has
    /// signed in on this browser since is asked anew.
    pub(super) shown_to: Option<UserId>,
    /// Who chose to go on as themself. Another person's choice counts for nothing.
    pub(super) chosen: Option<UserId>,
    /// Who allowed it, in this request.
    pub(super) allowed_by: Option<UserId>,
}

impl Resume {
    pub(super) fn new(params: Params, now: Timestamp) -> Self {
        Self { params, asked_at: now, shown_to: None, chosen: None, allowed_by: None }
    }

    /// For a page shown to this person.
    pub(super) fn shown_to(&self, user: &UserId) -> Self {
        Self { shown_to: Some(user.clone()), ..self.clone() }
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
