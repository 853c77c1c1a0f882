//! Links: what a page shows of one, using it, voiding it.

use super::{Answered, answered, code_beside, ended};
use crate::Issuer;
use crate::error::{Code, Failure, Result, rejected};
use crate::login::{Caller, Purpose};
use crate::model::{
    Account, Actor, AskedFrom, Challenge, Digest, EventDraft, EventKind, Factor, Secret, Whose,
};
use crate::port::At;
use countersign_token::Timestamp;

/// Length of a link's secret: 32 bytes in base64url.
const SECRET: usize = 43;

/// How it stands with a link.
#[derive(Clone, Debug)]
pub enum LinkState {
    /// It waits; the code beside it, to be typed where it was asked for, while its tries last.
    Waits(Option<Secret>),
    /// It was used.
    Used,
    /// It is too old, a newer one was asked for, or it was voided.
    Ended,
}

/// What a page about a link shows.
#[derive(Clone, Debug)]
pub struct LinkView {
    /// What it is good for.
    pub purpose: Purpose,
    /// How it stands.
    pub state: LinkState,
    /// Where it was asked for.
    pub asked_from: AskedFrom,
    /// When, store time.
    pub asked_at: Timestamp,
    /// The address it went to.
    pub to: String,
    flow: Digest,
}

impl LinkView {
    /// Did this flow ask for it?
    pub fn asked_by(&self, flow: &str) -> bool {
        self.flow.matches(&Digest::of(flow))
    }
}

/// A link used.
#[derive(Clone, Debug)]
pub struct Opened {
    /// What it was.
    pub answered: Answered,
    /// Whose; `None`: nobody's yet.
    pub account: Option<Account>,
}

/// What a link is about; changes nothing. `None`: there is no such link, or it ended more than an hour ago.
pub async fn view(issuer: &Issuer, token: &str) -> Result<Option<LinkView>> {
    let Some((now, challenge)) = load(issuer, token).await? else { return Ok(None) };
    let state = if challenge.takes_code(now) {
        LinkState::Waits(Some(code_beside(issuer, &Secret::new(token))))
    } else if challenge.waits(now) {
        LinkState::Waits(None)
    } else if challenge.spent_at.is_some() {
        LinkState::Used
    } else {
        LinkState::Ended
    };
    Ok(Some(LinkView {
        purpose: challenge.purpose,
        state,
        asked_from: challenge.asked_from,
        asked_at: challenge.created_at,
        to: challenge.target,
        flow: challenge.flow,
    }))
}

/// Uses a link, in the flow that asked for it and for one of these purposes. `code_expired`: used, too old,
/// void, unknown, for something else; `invalid_code`: asked for elsewhere; `too_many_attempts`.
pub async fn open(
    issuer: &Issuer,
    token: &str,
    purposes: &[Purpose],
    flow: &str,
    caller: &Caller,
) -> Result<Opened> {
    let mark = issuer.sealer.mark("link", token);
    let now = issuer.store.cached_now();
    let attempt = issuer.throttle.admit_factor(Factor::MagicLink, mark, caller.ip, now)?;
    let Some((_, seen)) = load(issuer, token).await? else {
        attempt.failed(now);
        let event = EventDraft::new(EventKind::FactorFailed, Actor::Anonymous)
            .with("factor", Factor::MagicLink.name())
            .with("ip", caller.ip.to_string())
            .with("device", caller.device.as_str());
        if let Err(e) = issuer.store.note(event).await {
            tracing::warn!(error = %e, "a failed step of a sign-in could not be written to the log");
        }
        return Err(ended());
    };
    if !purposes.contains(&seen.purpose) {
        return Err(ended());
    }
    let flow = Digest::of(flow);
    if !seen.flow.matches(&flow) {
        return Err(elsewhere());
    }
    let account = match &seen.whose {
        Whose::Person(user) => {
            let account = issuer.store.account(user).await?.it;
            let same = |a: &Account| {
                let user = &a.subject.user;
                user.is_active() && user.credential_version == seen.credential_version
            };
            Some(account.filter(same).ok_or_else(ended)?)
        }
        Whose::Mailbox(_) => None,
    };
    let At { now, it } = issuer.store.spend_link(&Digest::of(token), &flow).await?;
    let answered = answered(issuer, it.ok_or_else(ended)?, now)?;
    attempt.succeeded();
    Ok(Opened { answered, account })
}

/// Voids what a link names: whoever reads the mail did not ask for it. `false`: nothing waited.
pub async fn void(issuer: &Issuer, token: &str, caller: &Caller) -> Result<bool> {
    let Some((_, challenge)) = load(issuer, token).await? else { return Ok(false) };
    let mut event = EventDraft::new(EventKind::ChallengeVoided, Actor::Anonymous)
        .with("purpose", serde_json::to_value(challenge.purpose).unwrap_or_default())
        .with("ip", caller.ip.to_string())
        .with("asked_from", challenge.asked_from.ip);
    if let Whose::Person(user) = &challenge.whose {
        event = event.user(user);
    }
    Ok(issuer.store.void_challenge(challenge.id, event).await?)
}

async fn load(issuer: &Issuer, token: &str) -> Result<Option<(Timestamp, Challenge)>> {
    if token.len() != SECRET {
        return Ok(None);
    }
    let At { now, it } = issuer.store.link(&Digest::of(token)).await?;
    Ok(it.map(|challenge| (now, challenge)))
}

fn elsewhere() -> Failure {
    rejected(
        Code::InvalidCode,
        "This link was asked for in another browser or app. Type the code beside it there.",
    )
}
