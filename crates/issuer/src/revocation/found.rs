//! Which rule covers a token, who made it and when: for people who ask why a token is refused.

use super::Facts;
use crate::Issuer;
use crate::error::Result;
use crate::model::{Event, EventDraft, RuleKind};
use crate::port::Written;
use countersign_feed::Kind;
use countersign_token::Timestamp;

/// Events of one moment looked at.
const EVENTS: u32 = 200;

/// A rule that covers a token.
#[derive(Clone, PartialEq, Debug)]
pub struct Found {
    /// The rule, as the store has it.
    pub written: Written,
    /// The epoch in which it has its number.
    pub epoch: u64,
    /// What was noted in the transaction that wrote it.
    pub event: Option<Event>,
}

/// The first rule of the store that covers a token, in the order of kinds in which tokens are judged.
pub async fn found(issuer: &Issuer, facts: &Facts<'_>) -> Result<Option<Found>> {
    let Some(feed) = issuer.store.feed().await?.it else { return Ok(None) };
    let bucket = feed.salt.name(Kind::Sub, &issuer.settings.issuer, facts.sub) >> 48;
    let asked = [
        (RuleKind::Iss, Some(issuer.settings.issuer.clone())),
        (RuleKind::Kid, Some(facts.kid.to_owned())),
        (RuleKind::Cid, Some(facts.client.to_owned())),
        (RuleKind::Bucket, Some(bucket.to_string())),
        (RuleKind::Sub, Some(facts.sub.to_owned())),
        (RuleKind::Sid, facts.sid.map(str::to_owned)),
        (RuleKind::Jti, Some(facts.jti.to_owned())),
    ];
    for (kind, id) in asked {
        let Some(id) = id else { continue };
        let all = issuer.store.rules_of(kind, &id).await?.it;
        if let Some(written) = all.into_iter().find(|written| facts.iat <= written.rule.cutoff.0) {
            let event = event(issuer, &written, facts).await?;
            return Ok(Some(Found { written, epoch: feed.at.epoch, event }));
        }
    }
    Ok(None)
}

/// The event of the transaction that wrote the rule: both have the moment of that transaction.
async fn event(issuer: &Issuer, written: &Written, facts: &Facts<'_>) -> Result<Option<Event>> {
    let after = before(issuer, written.at).await?;
    let page = issuer.store.events_after(after, EVENTS).await?.it;
    let of_then: Vec<Event> = page.into_iter().take_while(|event| event.at <= written.at).collect();
    let named = of_then.iter().find(|event| event.at == written.at && names(&event.what, written, facts));
    Ok(named.cloned())
}

/// Position of the last event before a moment, by halving: the log has no index by time. A store whose clock
/// was set back may hide it.
async fn before(issuer: &Issuer, at: Timestamp) -> Result<i64> {
    let (mut low, mut high) = (0, issuer.store.last_event().await?);
    while low < high {
        let middle = low + (high - low) / 2;
        match issuer.store.events_after(middle, 1).await?.it.first() {
            Some(event) if event.at < at => low = event.seq,
            _ => high = middle,
        }
    }
    Ok(low)
}

/// Whether an event is about what the rule names, or about whom the token speaks for.
fn names(event: &EventDraft, written: &Written, facts: &Facts<'_>) -> bool {
    let id = written.rule.id.as_str();
    let session = event.session.is_some_and(|session| facts.sid == Some(session.to_string().as_str()));
    let user = event.user.as_ref().is_some_and(|user| user.as_str() == facts.sub);
    let client = event.client.as_ref().is_some_and(|client| client.as_str() == facts.client);
    let data = event.data.values().any(|value| value.as_str() == Some(id));
    let everything = matches!(written.rule.kind, RuleKind::Iss | RuleKind::Bucket);
    data || session || user || client || everything
}
