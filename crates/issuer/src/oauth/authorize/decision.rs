//! The decision: from a request found good, who is signed in and what they allowed, to what comes next.
//! Pure; asked again after every page.

use super::request::Request;
use super::resume::{Allowed, Resume};
use crate::error::{Code, Rejected};
use crate::login::{Policy, Step};
use crate::model::{BrowserSession, Client, Consent, Proven, Scopes, UserId};
use countersign_token::Timestamp;

/// All it looks at.
pub(super) struct Facts<'a> {
    pub(super) request: &'a Request,
    pub(super) client: &'a Client,
    /// Live.
    pub(super) session: Option<&'a BrowserSession>,
    /// What that sign-in is worth to this request.
    pub(super) standing: Standing,
    /// Of the person signed in, for this client.
    pub(super) consent: Option<&'a Consent>,
    /// People may make accounts here by themselves.
    pub(super) sign_up: bool,
    /// What happened on the pages so far.
    pub(super) resume: &'a Resume,
    pub(super) now: Timestamp,
}

/// What a live sign-in is worth against what is demanded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    /// It suffices.
    Enough,
    /// One more factor would do.
    Weak,
    /// Nothing of it counts here: the person begins anew.
    Nothing,
    /// The person has nothing to reach it with, and may set up nothing that would.
    OutOfReach,
}

impl Standing {
    /// From what [`crate::login::next`] says to the proofs of the session alone.
    pub(super) fn of(step: &Step, held: &[Proven], policy: &Policy) -> Self {
        match step {
            Step::Done(_) => Self::Enough,
            Step::Refused(_) => Self::Nothing,
            Step::NeedFactor(ways) | Step::Enrol(ways) if ways.is_empty() => Self::OutOfReach,
            _ if held.iter().any(|p| policy.first.contains(&p.factor)) => Self::Weak,
            _ => Self::Nothing,
        }
    }
}

/// What comes next.
#[derive(Debug)]
pub(super) enum Decision {
    /// `again`: the one signed in has to prove it once more.
    Login {
        again: bool,
    },
    /// An account is made, or the person says that there is one.
    SignUp,
    /// The one signed in proves what is missing.
    StepUp,
    SelectAccount,
    Consent,
    Issue,
    /// To the client.
    Error(Rejected),
}

pub(super) fn login_required() -> Rejected {
    Rejected::new(Code::LoginRequired, "the person has to sign in")
}

/// OpenID Connect Core Error Code unmet_authentication_requirements 1.0.
pub(super) fn unmet() -> Rejected {
    Rejected::new(Code::UnmetAuthenticationRequirements, "the sign-in asked for is out of the person's reach")
}

/// From when on proofs count: the person is to prove it once more, for this request.
pub(super) fn since(
    request: &Request,
    session: &BrowserSession,
    resume: &Resume,
    now: Timestamp,
) -> Option<Timestamp> {
    // All of it: a second factor added by now makes no first one of weeks ago new.
    let proven_at = session.authentication.proven_since();
    // Signed in during this request: no older demand is open any more.
    let fresh = proven_at >= resume.asked_at;
    // OIDC Core 3.1.2.1: `max_age=0` asks as `prompt=login` does, however short ago the proof is.
    let too_old =
        request.max_age.is_some_and(|most| most == 0 || now.since(proven_at).as_secs() > most.into());
    (!fresh && (request.prompt.login || too_old)).then_some(resume.asked_at)
}

pub(super) fn decide(facts: &Facts<'_>) -> Decision {
    let Facts { request, session, resume, .. } = facts;
    let prompt = request.prompt;
    // Something was proven during this request, by the one who is signed in.
    let fresh = session.is_some_and(|s| s.authentication.last_proof() >= resume.asked_at);
    let create = prompt.create && facts.sign_up && !fresh;
    if create && !resume.sign_up_shown {
        return Decision::SignUp;
    }
    let Some(session) = session else { return login(facts, false) };
    if request.hinted.as_ref().is_some_and(|hinted| *hinted != session.user) {
        // OIDC Core 3.1.2.1: somebody else than `id_token_hint` names may not answer for them.
        return if fresh { Decision::Error(login_required()) } else { login(facts, false) };
    }
    if since(request, session, resume, facts.now).is_some() {
        return login(facts, true);
    }
    // Who came to make an account and is signed in to another says which one it shall be.
    let select = prompt.select_account || create;
    if select && !fresh && resume.chosen.as_ref() != Some(&session.user) {
        return Decision::SelectAccount;
    }
    match facts.standing {
        Standing::Enough => {}
        Standing::OutOfReach => return Decision::Error(unmet()),
        Standing::Nothing => return login(facts, true),
        Standing::Weak if prompt.none => return Decision::Error(login_required()),
        Standing::Weak => return Decision::StepUp,
    }
    let covered = covered(facts.client, facts.consent, &session.user, &request.scopes, &request.resources);
    let allowed = resume.allowed.as_ref() == Some(&Allowed::of(&session.user, request));
    if !allowed && (prompt.consent || !covered) {
        return if prompt.none {
            Decision::Error(Rejected::new(Code::ConsentRequired, "the person has to allow this"))
        } else {
            Decision::Consent
        };
    }
    Decision::Issue
}

fn login(facts: &Facts<'_>, again: bool) -> Decision {
    if facts.request.prompt.none { Decision::Error(login_required()) } else { Decision::Login { again } }
}

/// First-party clients need no consent; others one that covers every scope and resource. A public native
/// app cannot be told from another on the same device: it is asked for each time (RFC 8252 8.6).
pub(super) fn covered(
    client: &Client,
    consent: Option<&Consent>,
    user: &UserId,
    scopes: &Scopes,
    resources: &[String],
) -> bool {
    if client.metadata.first_party {
        return true;
    }
    let unprovable = client.is_public() && client.metadata.application_type.as_deref() == Some("native");
    !unprovable
        && consent.is_some_and(|c| {
            c.user == *user
                && c.client == client.id
                && scopes.within(&c.scopes)
                && resources.iter().all(|r| c.resources.contains(r))
        })
}

#[cfg(test)]
mod tests;
