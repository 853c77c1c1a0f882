//! A sign-in under way: who, what for, and what was proven so far. Sealed between two requests, bound to the
//! browser or to the caller of the direct API, good for ten minutes from its begin.

use super::{Proof, Purpose};
use crate::Issuer;
use crate::error::{Code, Failure, Result, rejected};
use crate::model::{BrowserSessionId, Proven, UserId};
use countersign_token::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

const PURPOSE: &str = "login";

/// What is sealed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Transaction {
    purpose: Purpose,
    flow: String,
    begun_at: Timestamp,
    user: Option<UserId>,
    proofs: Vec<Kept>,
    /// A page of ours that asked for more than the sign-in there was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    back_to: Option<String>,
    /// The session it becomes, named when it is first handed out. The store makes a session of an id once: a
    /// form that is sent again after its session ended begins no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<BrowserSessionId>,
}

/// A proof of this flow: purpose, flow and person are the transaction's.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) proven: Proven,
    pub(super) credential_version: u32,
    /// When it came here.
    pub(super) came: Timestamp,
}

impl Kept {
    fn of(proof: &Proof) -> Self {
        Self { proven: proof.proven, credential_version: proof.credential_version, came: proof.came }
    }
}

impl Transaction {
    /// Life, from the begin: going from step to step does not extend it.
    pub const LIFE: Duration = Duration::from_secs(600);

    /// Nothing proven yet.
    pub fn begin(purpose: Purpose, flow: &str, now: Timestamp) -> Self {
        let flow = flow.to_owned();
        Self { purpose, flow, begun_at: now, user: None, proofs: Vec::new(), back_to: None, session: None }
    }

    /// Nothing proven yet, on the way back to a page of ours (its path).
    pub fn on_the_way(flow: &str, back_to: &str, now: Timestamp) -> Self {
        Self { back_to: Some(back_to.to_owned()), ..Self::begin(Purpose::Browser, flow, now) }
    }

    /// The transaction that a form carried, with one more proof; begun by that proof where the form carried
    /// none, or one that is of another browser, too old, or another person's. `invalid_credentials` where it
    /// carried one of this person that is for something else: what was proven is not dropped unsaid.
    pub fn joined(issuer: &Issuer, binding: &str, blob: Option<&str>, proof: Proof) -> Result<Self> {
        let carried = blob.and_then(|blob| Self::open(issuer, binding, blob, proof.came));
        match carried {
            Some(mut carried) if carried.user.as_ref().is_none_or(|user| *user == proof.user) => {
                carried.add(proof)?;
                Ok(carried)
            }
            _ => Ok(Self::of(proof)),
        }
    }

    /// Begun by its first proof.
    pub fn of(proof: Proof) -> Self {
        Self {
            proofs: vec![Kept::of(&proof)],
            purpose: proof.purpose,
            flow: proof.flow,
            begun_at: proof.came,
            user: Some(proof.user),
            back_to: None,
            session: None,
        }
    }

    /// Opens what was sealed for this binding. `None`: another browser's, altered, too old.
    pub fn open(issuer: &Issuer, binding: &str, blob: &str, now: Timestamp) -> Option<Self> {
        let (_, plain) = issuer.sealer.open_blob(PURPOSE, binding, blob)?;
        let transaction: Self = serde_json::from_slice(&plain).ok()?;
        transaction.is_live(now).then_some(transaction)
    }

    /// Seals it for this binding (the flow cookie's value).
    pub fn seal(&self, issuer: &Issuer, binding: &str) -> Result<String> {
        let session = self.session.clone().unwrap_or_else(|| BrowserSessionId::mint(&*issuer.entropy));
        let named = Self { session: Some(session), ..self.clone() };
        let plain = serde_json::to_vec(&named).map_err(|e| Failure::Bug(e.to_string()))?;
        Ok(issuer.sealer.blob(PURPOSE, binding, self.begun_at, &plain, &*issuer.entropy))
    }

    /// Not too old.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now.since(self.begun_at) <= Self::LIFE
    }

    /// Adds a proof. Another person's, of another flow or for another purpose is refused.
    pub fn add(&mut self, proof: Proof) -> Result<()> {
        if !self.fits(&proof) {
            return Err(rejected(Code::InvalidCredentials, "Please sign in again."));
        }
        self.proofs.push(Kept::of(&proof));
        self.user = Some(proof.user);
        Ok(())
    }

    fn fits(&self, proof: &Proof) -> bool {
        self.user.as_ref().is_none_or(|u| *u == proof.user)
            && self.purpose == proof.purpose
            && self.flow == proof.flow
    }

    /// The page of ours it leads back to.
    pub fn back_to(&self) -> Option<&str> {
        self.back_to.as_deref()
    }

    /// The same proofs as the begin of a browser's sign-in, after a change of credentials that they allowed
    /// raised the account's version to this one.
    pub(crate) fn signing_in(mut self, credential_version: u32) -> Self {
        self.purpose = Purpose::Browser;
        self.proofs.iter_mut().for_each(|kept| kept.credential_version = credential_version);
        self
    }

    /// Who is signing in, once something was proven.
    pub fn user(&self) -> Option<&UserId> {
        self.user.as_ref()
    }
    /// The session it becomes, if it was handed out before.
    pub(super) fn session(&self) -> Option<&BrowserSessionId> {
        self.session.as_ref()
    }
    /// What for.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }
    /// The flow's name.
    pub fn flow(&self) -> &str {
        &self.flow
    }
    /// When it began.
    pub fn begun_at(&self) -> Timestamp {
        self.begun_at
    }
    pub(super) fn proofs(&self) -> &[Kept] {
        &self.proofs
    }
    /// The account's `credential_version` that the newest proof was made against.
    pub(crate) fn credential_version(&self) -> Option<u32> {
        self.proofs.last().map(|p| p.credential_version)
    }
}
