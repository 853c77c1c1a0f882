//! What applications may do for the person, and taking it back.

use super::by;
use crate::Issuer;
use crate::error::{Code, Result, rejected};
use crate::login::Caller;
use crate::model::{Client, ClientId, Consent, EventKind};
use crate::port::browser_session::LiveBrowser;
use crate::revocation;
use std::sync::Arc;

/// What one application was allowed.
#[derive(Clone, Debug)]
pub struct Given {
    /// What, to whom, when.
    pub consent: Consent,
    /// The application, while it is registered.
    pub client: Option<Arc<Client>>,
}

impl Given {
    /// As people know it.
    pub fn name(&self) -> &str {
        self.client.as_ref().map_or(self.consent.client.as_str(), |c| c.display_name())
    }
}

/// All of them, by client.
pub async fn list(issuer: &Issuer, me: &LiveBrowser) -> Result<Vec<Given>> {
    let mut out = Vec::new();
    for consent in issuer.store.list_consents(&me.subject.user.id).await? {
        let client = issuer.directory.client(&consent.client).await?;
        out.push(Given { consent, client });
    }
    Ok(out)
}

/// Takes one back: the application's sessions of this person end at once, and it asks again next time.
/// `not_found`: there is none.
pub async fn withdraw(issuer: &Issuer, me: &LiveBrowser, client: &str, caller: &Caller) -> Result<()> {
    let user = &me.subject.user;
    let gone = || rejected(Code::NotFound, "That application has no access any more.");
    let client = ClientId::parse(client).ok_or_else(gone)?;
    let until = issuer.longest_token_life().await?;
    let event = by(user, EventKind::ConsentWithdrawn, caller).client(&client);
    let rules = issuer.store.withdraw_consent(&user.id, &client, until, event).await?;
    revocation::enforce(issuer, &rules.ok_or_else(gone)?).await.map(drop)
}
