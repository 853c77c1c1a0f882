//! `next`: the pure function pages, direct API and step-up all ask.

use super::{Mfa, Policy, Purpose, Transaction};
use crate::model::session::Authentication;
use crate::model::{Account, Acr, Factor, Proven};
use countersign_token::Timestamp;
use std::time::Duration;

/// What is asked of the person.
#[derive(Clone, Debug)]
pub struct Asked {
    /// For what.
    pub purpose: Purpose,
    /// In which flow.
    pub flow: String,
    /// The least level (`acr_values`, the client's and the resources' demand); the policy's counts too.
    pub acr: Acr,
    /// Proofs of an earlier sign-in that is still live in this browser, for the same person.
    pub held: Vec<Proven>,
    /// Earlier proofs count from then on only (`prompt=login`, `max_age`).
    pub since: Option<Timestamp>,
    /// This device signed the person in before.
    pub known_device: bool,
}

impl Asked {
    /// One factor for that purpose and flow, nothing held.
    pub fn plain(purpose: Purpose, flow: &str) -> Self {
        Self {
            purpose,
            flow: flow.to_owned(),
            acr: Acr::One,
            held: Vec::new(),
            since: None,
            known_device: false,
        }
    }
}

/// What comes next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// One of these is still due.
    NeedFactor(Vec<Factor>),
    /// The account lacks what is demanded: the person sets up one of these, and goes on.
    Enrol(Vec<Factor>),
    /// Signed in.
    Done(Authentication),
    /// Never.
    Refused(&'static str),
}

/// Factors that can be set up on the way, strongest first.
const ENROLLABLE: [Factor; 3] = [Factor::Passkey, Factor::Totp, Factor::SmsCode];
/// What shows that somebody is who set up a second factor.
const GUARDS: [Factor; 5] =
    [Factor::Passkey, Factor::SecurityKey, Factor::Totp, Factor::SmsCode, Factor::RecoveryCode];

/// Decides from the account and the proofs so far. A proof of another person, for another purpose, of
/// another flow, against credentials since changed, or too old is no proof.
pub fn next(
    account: &Account,
    transaction: &Transaction,
    asked: &Asked,
    policy: &Policy,
    now: Timestamp,
) -> Step {
    let user = &account.subject.user;
    if !user.is_active() {
        return Step::Refused("disabled");
    }
    let shown = good(account, transaction, asked, policy, now);
    let reachable = |f: &&Factor| account.enrolled.has(**f, policy.mail) && policy.sends(**f);
    let Some(proven) = worth(&shown, policy) else {
        return Step::NeedFactor(policy.first.iter().filter(reachable).copied().collect());
    };
    let required = required(account, asked, policy);
    match Authentication::of(proven.clone()) {
        Some(done) if Acr::of(&proven) >= Some(required) => return Step::Done(done),
        _ => {}
    }
    let adds = |f: &Factor| !proven.iter().any(|p| p.factor.same_channel(*f));
    let mut due: Vec<Factor> = policy.second.iter().filter(reachable).copied().filter(adds).collect();
    let set_up = |due: &[Factor]| due.iter().any(|f| *f != Factor::RecoveryCode);
    let ways = if required < Acr::PhishingResistant {
        if set_up(&due) {
            return Step::NeedFactor(due);
        }
        addable(policy, &proven)
    } else {
        let keys: Vec<Factor> = due.iter().copied().filter(|f| f.resists_phishing()).collect();
        if !keys.is_empty() {
            return Step::NeedFactor(keys);
        }
        // No key yet. Whoever has another second factor proves it before they may add one.
        if Acr::of(&proven) < Some(Acr::Two) && set_up(&due) {
            return Step::NeedFactor(due);
        }
        let takes = |f: &Factor| policy.first.contains(f) || policy.second.contains(f);
        due.clear();
        [Factor::Passkey].into_iter().filter(takes).collect()
    };
    // Only pages set something up.
    if ways.is_empty() || asked.purpose != Purpose::Browser {
        return if due.is_empty() { Step::Enrol(ways) } else { Step::NeedFactor(due) };
    }
    match guards(account, policy) {
        Some(guards) if !opened(&shown, &guards, policy) => {
            let new = |f: &Factor| !due.contains(f) && !shown.iter().any(|p| p.factor.same_channel(*f));
            let more: Vec<Factor> = guards.into_iter().filter(new).collect();
            Step::NeedFactor([due, more].concat())
        }
        _ => Step::Enrol(ways),
    }
}

/// What opens the set-up of another factor to whoever has one, or codes on paper: a factor of theirs that the
/// house takes, though this client may not; and a code to their address where the house takes nothing any more
/// of what they set up. The first factor alone, which may be stolen, opens nothing. `None`: they have nothing to
/// guard.
fn guards(account: &Account, policy: &Policy) -> Option<Vec<Factor>> {
    let set_up = account.enrolled.two_steps();
    let usable = policy.usable(&account.enrolled);
    let mut guards: Vec<Factor> = GUARDS.into_iter().filter(|f| usable.has(*f, false)).collect();
    let mail = policy.mail && policy.house_takes(Factor::EmailCode) && account.subject.user.email_verified;
    if set_up && !usable.two_steps() && mail {
        guards.push(Factor::EmailCode);
    }
    (set_up || !guards.is_empty()).then_some(guards)
}

/// Was one of these shown, beside a first factor that travels by another way?
fn opened(shown: &[Proven], guards: &[Factor], policy: &Policy) -> bool {
    let beside = |guard: &Proven| {
        let other = |p: &Proven| policy.first.contains(&p.factor) && !p.factor.same_channel(guard.factor);
        guard.factor == Factor::Passkey || shown.iter().any(other)
    };
    shown.iter().any(|p| guards.contains(&p.factor) && beside(p))
}

/// As [`next`]; where `asked.acr` is out of reach of what the person has set up, `enough` will do.
pub fn next_within_reach(
    account: &Account,
    transaction: &Transaction,
    asked: &Asked,
    enough: Acr,
    policy: &Policy,
    now: Timestamp,
) -> Step {
    // Who set up a second step the house takes no more has it in reach: by setting up another.
    let had = if account.enrolled.two_steps() { Acr::Two } else { Acr::One };
    let acr = asked.acr.min(reach(account, policy).unwrap_or(Acr::One).max(had).max(enough));
    next(account, transaction, &Asked { acr, ..asked.clone() }, policy, now)
}

/// Is nothing proven that a sign-in may begin with?
pub(super) fn begins(
    account: &Account,
    transaction: &Transaction,
    asked: &Asked,
    policy: &Policy,
    now: Timestamp,
) -> bool {
    worth(&good(account, transaction, asked, policy, now), policy).is_none()
}

/// Did the person set up a second factor, and prove none? Then nothing is set up on the way: whoever has the first
/// one alone, stolen, would add theirs where this client or the house does not take what there is.
pub(super) fn unproven(
    account: &Account,
    transaction: &Transaction,
    asked: &Asked,
    policy: &Policy,
    now: Timestamp,
) -> bool {
    use Factor::{EmailCode, Passkey, RecoveryCode, SecurityKey, SmsCode, Totp};
    let second = [Passkey, SecurityKey, Totp, SmsCode, RecoveryCode, EmailCode];
    let proven = good(account, transaction, asked, policy, now);
    let beside = |p: &Proven| p.factor == Passkey || proven.iter().any(|o| !o.factor.same_channel(p.factor));
    account.enrolled.two_steps() && !proven.iter().any(|p| second.contains(&p.factor) && beside(p))
}

/// Does the transaction prove what the earlier sign-in does not hold, or holds from before?
pub(super) fn adds(
    account: &Account,
    transaction: &Transaction,
    asked: &Asked,
    policy: &Policy,
    now: Timestamp,
) -> bool {
    let alone = Asked { held: Vec::new(), ..asked.clone() };
    let held = |p: &Proven| asked.held.iter().any(|h| h.factor == p.factor && h.at >= p.at);
    good(account, transaction, &alone, policy, now).iter().any(|p| !held(p))
}

/// The strongest level that what the person has set up can prove under the policy. `None`: nothing does.
pub fn reach(account: &Account, policy: &Policy) -> Option<Acr> {
    let at = Timestamp::default();
    let has = |f: &Factor| account.enrolled.has(*f, policy.mail) && policy.sends(*f);
    let all = Factor::ALL.into_iter().filter(has);
    let all: Vec<Proven> = all.map(|factor| Proven { factor, at, hardware: false }).collect();
    level(&all, policy)
}

/// The level these proofs reach under the policy. `None`: nothing of them begins a sign-in here.
pub fn level(proven: &[Proven], policy: &Policy) -> Option<Acr> {
    worth(proven, policy).as_deref().and_then(Acr::of)
}

/// Of these, what a sign-in may stand on: a factor that may come first, and all that may come second. Two
/// that may only come first are no two steps: whoever has the mailbox could have the password by it.
fn worth(shown: &[Proven], policy: &Policy) -> Option<Vec<Proven>> {
    let second = |p: &&Proven| policy.second.contains(&p.factor);
    let with = |first: &Proven| -> Vec<Proven> {
        shown.iter().filter(|p| *p == first || second(p)).copied().collect()
    };
    let firsts = shown.iter().filter(|p| policy.first.contains(&p.factor));
    firsts.map(with).max_by_key(|set| (Acr::of(set), set.iter().map(|p| p.at).max()))
}

/// What may be set up here for a second step.
fn addable(policy: &Policy, proven: &[Proven]) -> Vec<Factor> {
    let fits = |f: &Factor| {
        policy.second.contains(f) && policy.sends(*f) && !proven.iter().any(|p| p.factor.same_channel(*f))
    };
    ENROLLABLE.into_iter().filter(fits).collect()
}

/// The level that is due. What the person set up counts though the house takes it no more: an account does not
/// fall back to one factor because the operator turned off SMS.
fn required(account: &Account, asked: &Asked, policy: &Policy) -> Acr {
    let two_steps = account.enrolled.two_steps();
    let second = match policy.mfa {
        Mfa::Never => false,
        Mfa::WhenNewDevice => two_steps && !asked.known_device,
        Mfa::WhenEnrolled => two_steps,
        Mfa::Always => true,
    };
    let due = if second { Acr::Two } else { Acr::One };
    due.max(asked.acr).max(policy.acr)
}

/// The proofs that count here, or that open the set-up of another factor.
fn good(
    account: &Account,
    transaction: &Transaction,
    asked: &Asked,
    policy: &Policy,
    now: Timestamp,
) -> Vec<Proven> {
    let user = &account.subject.user;
    let life = Duration::from_secs(policy.proof_life.into());
    let mut out: Vec<Proven> =
        asked.held.iter().filter(|p| asked.since.is_none_or(|since| p.at >= since)).copied().collect();
    let ours = transaction.user() == Some(&user.id)
        && transaction.purpose() == asked.purpose
        && transaction.flow() == asked.flow;
    if ours {
        let fresh = transaction
            .proofs()
            .iter()
            .filter(|kept| kept.credential_version == user.credential_version && now < kept.came + life);
        out.extend(fresh.map(|kept| kept.proven));
    }
    let counts = |f: Factor| policy.first.contains(&f) || policy.second.contains(&f) || policy.house_takes(f);
    out.retain(|p| counts(p.factor));
    // The same factor twice is worth its newest proof.
    out.sort_by_key(|p| p.at);
    let newest = |i: usize, p: &Proven| !out.iter().skip(i + 1).any(|later| later.factor == p.factor);
    out.iter().enumerate().filter(|(i, p)| newest(*i, p)).map(|(_, p)| *p).collect()
}

#[cfg(test)]
#[path = "flow_tests.rs"]
mod tests;
