//! Messages to people: queued with the event they tell of, delivered by [`deliver`].

use crate::Issuer;
use crate::error::{Failure, Result};
use crate::model::message::{About, Notice, Noticed, To, Way};
use crate::model::{AskedFrom, Job, JobId, Message, User};
use countersign_token::Timestamp;

/// Language of messages to people whose language is not known.
pub const FALLBACK_LANG: &str = "en";

/// A message, sealed and ready to travel with an event ([`crate::model::EventDraft::telling`]).
pub fn job(issuer: &Issuer, message: &Message) -> Result<Job> {
    let id = JobId::mint(&*issuer.entropy);
    let plain = serde_json::to_vec(message).map_err(|e| Failure::Bug(e.to_string()))?;
    let way = match message.to {
        To::Mail(_) => Way::Mail,
        To::Sms(_) => Way::Sms,
    };
    Ok(Job { id, way, message: issuer.sealer.seal(&identity(id), &plain, &*issuer.entropy)? })
}

/// A notice to a person's address, in their language.
pub async fn notice(
    issuer: &Issuer,
    user: &User,
    what: Noticed,
    at: Timestamp,
    from: Option<AskedFrom>,
    detail: Option<String>,
) -> Result<Job> {
    let lang = issuer.store.locale(&user.id).await?;
    let message = Message {
        to: To::Mail(user.email.clone()),
        lang: lang.unwrap_or_else(|| FALLBACK_LANG.to_owned()),
        name: user.name.clone(),
        client: None,
        about: About::Notice(Notice { what, at, from, detail }),
    };
    job(issuer, &message)
}

fn identity(id: JobId) -> String {
    format!("outbox/{id}")
}
