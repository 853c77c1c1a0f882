//! Whose account is it? By its link, and nothing else: an address is at most a reason to ask.
//!
//! | known here as | then |
//! |---|---|
//! | linked | that account |
//! | nothing, and somebody is signed in who asked to link it | theirs |
//! | a confirmed address that an account has, confirmed too, and the operator trusts the provider | that account |
//! | a confirmed address that an account has | its owner proves that account, and is asked |
//! | a confirmed address that nobody has | a new account, where the operator lets people sign up |
//! | no confirmed address | the person proves an account, old or new, and is asked |
//!
//! An address that is not confirmed makes no account: it would keep its true owner out.

use super::callback::{End, unknown};
use super::{Identity, Intent, Kind, Linking, Provider, Stop, Trouble, roles};
use crate::account::factors;
use crate::error::{Code, Failure, Result, rejected};
use crate::login::{Caller, Proof, Purpose};
use crate::model::message::Noticed;
use crate::model::{Account, Actor, BrowserSessionId, EventDraft, EventKind, Factor, User, UserId};
use crate::oauth::authorize::Visitor;
use crate::port::browser_session::LiveBrowser;
use crate::port::{At, CredentialChange, JoinedUpstream, LinkedUpstream, NewUser, UpstreamLink};
use crate::{Issuer, account, outbox, revocation};
use countersign_token::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

const PURPOSE: &str = "upstream link";
/// From coming back to having proven the account.
const LIFE: Duration = Duration::from_secs(900);

/// A person of a provider who has yet to prove an account here.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Pending {
    /// The provider.
    pub provider: String,
    /// Its name for them.
    pub subject: String,
    /// Their address there.
    pub email: Option<String>,
    /// The account it must be; `None`: any.
    pub user: Option<UserId>,
}

impl Pending {
    /// Sealed for this browser.
    pub fn seal(&self, issuer: &Issuer, binding: &str) -> Result<String> {
        let plain = serde_json::to_vec(self).map_err(|e| Failure::Bug(e.to_string()))?;
        Ok(issuer.sealer.blob(PURPOSE, binding, issuer.store.cached_now(), &plain, &*issuer.entropy))
    }

    /// Opens it. `None`: another browser's, altered, too old.
    pub fn open(issuer: &Issuer, binding: &str, blob: &str) -> Option<Self> {
        let (made_at, plain) = issuer.sealer.open_blob(PURPOSE, binding, blob)?;
        let live = issuer.store.cached_now().since(made_at) <= LIFE;
        serde_json::from_slice(&plain).ok().filter(|_| live)
    }

    /// May this person be asked about it?
    pub fn concerns(&self, user: &UserId) -> bool {
        self.user.as_ref().is_none_or(|due| due == user)
    }
}

/// What is decided of somebody whose link is not known.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Plan {
    Link(UserId),
    ProveFirst(Option<UserId>),
    SignUp(String),
    NoAccount,
}

/// From what the provider said, the account with that address, and what the operator allows.
fn plan(identity: &Identity, here: Option<&Account>, linking: Linking, sign_up: bool) -> Plan {
    match (identity.confirmed(), here) {
        (Some(_), Some(here)) => {
            let user = &here.subject.user;
            // An address that the account's owner never confirmed may be somebody else's.
            match linking == Linking::VerifiedEmail && user.email_verified && user.is_active() {
                true => Plan::Link(user.id.clone()),
                false => Plan::ProveFirst(Some(user.id.clone())),
            }
        }
        (Some(address), None) if sign_up => Plan::SignUp(address.to_owned()),
        (Some(_), None) => Plan::NoAccount,
        // Says nothing of who has an address that might not be theirs.
        (None, _) => Plan::ProveFirst(None),
    }
}

/// Signs in, links, makes an account, or asks.
pub(super) async fn land(
    issuer: &Issuer,
    provider: &Provider,
    identity: Identity,
    intent: &Intent,
    visitor: &Visitor,
    caller: &Caller,
) -> Result<End, Stop> {
    let name = provider.settings.name.as_str();
    let At { now, it: known } = issuer.store.upstream_link(name, &identity.subject).await?;
    if let Intent::Link(user) = intent {
        return own(issuer, provider, &identity, known, user, visitor, caller).await;
    }
    if let Some(link) = known {
        return prove(issuer, provider, &identity, &link.user, visitor).await;
    }
    let here = match identity.confirmed() {
        Some(address) => issuer.store.find_account(address).await?.it,
        None => None,
    };
    let here = here
        .filter(|a| Some(a.subject.user.email.to_lowercase()) == identity.confirmed().map(str::to_lowercase));
    let pending = |user: Option<UserId>| Pending {
        provider: name.to_owned(),
        subject: identity.subject.clone(),
        email: identity.address().map(str::to_owned),
        user,
    };
    let domain_fits = identity.confirmed().is_some_and(|address| issuer.settings.sign_up.fits(address));
    let may_join = provider.settings.sign_up && domain_fits;
    match plan(&identity, here.as_ref(), provider.settings.link, may_join) {
        Plan::Link(id) => {
            let Some(here) = here else { return Ok(End::ProveFirst(pending(Some(id)))) };
            let user = &here.subject.user;
            add(issuer, &pending(None), user, None, caller, now).await?;
            prove(issuer, provider, &identity, &id, visitor).await
        }
        Plan::ProveFirst(user) => Ok(End::ProveFirst(pending(user))),
        Plan::SignUp(address) => sign_up(issuer, provider, &identity, address, visitor, caller).await,
        Plan::NoAccount => Err(Trouble::new(Kind::NoAccount, "sign_up is off for this provider").into()),
    }
}

/// Links to the account of who asked for it, if that is still who is signed in, and proved so lately.
async fn own(
    issuer: &Issuer,
    provider: &Provider,
    identity: &Identity,
    known: Option<UpstreamLink>,
    user: &UserId,
    visitor: &Visitor,
    caller: &Caller,
) -> Result<End, Stop> {
    match known {
        Some(link) if link.user == *user => return Ok(End::Linked),
        Some(_) => return Err(Trouble::new(Kind::TakenElsewhere, "linked to another account").into()),
        None => {}
    }
    let expired = || Trouble::new(Kind::Expired, "who asked to link it is not signed in any more");
    let me = visitor.session.as_ref().filter(|me| me.subject.user.id == *user).ok_or_else(expired)?;
    let pending = Pending {
        provider: provider.settings.name.clone(),
        subject: identity.subject.clone(),
        email: identity.address().map(str::to_owned),
        user: Some(user.clone()),
    };
    link_mine(issuer, &pending, me, caller).await?;
    Ok(End::Linked)
}

/// Links to the account of who is signed in, and proved lately who they are with all the account has.
/// `insufficient_authorization`: prove it again; `conflict`: it belongs to another account.
pub async fn link_mine(issuer: &Issuer, pending: &Pending, me: &LiveBrowser, caller: &Caller) -> Result<()> {
    issuer.upstreams.get(&pending.provider).ok_or_else(unknown)?;
    if !pending.concerns(&me.subject.user.id) {
        return Err(rejected(Code::InvalidRequest, "This is about another account."));
    }
    if !factors::fresh_enough(issuer, me).await? {
        return Err(rejected(Code::InsufficientAuthorization, "Please sign in again first."));
    }
    let now = issuer.store.cached_now();
    add(issuer, pending, &me.subject.user, Some(&me.session.id), caller, now).await
}

/// Writes the link, and tells its owner.
async fn add(
    issuer: &Issuer,
    pending: &Pending,
    user: &User,
    keep: Option<&BrowserSessionId>,
    caller: &Caller,
    now: Timestamp,
) -> Result<()> {
    let (name, subject) = (&pending.provider, &pending.subject);
    let change = change(issuer, name, user, EventKind::ProviderLinked, keep, caller, now).await?;
    match issuer.store.add_upstream(change, name, subject, pending.email.as_deref()).await? {
        LinkedUpstream::Linked(rules) => revocation::enforce(issuer, &rules).await.map(drop),
        // Twice at once by the same person: done.
        LinkedUpstream::Taken(owner) if owner == user.id => Ok(()),
        LinkedUpstream::Taken(_) => {
            Err(rejected(Code::Conflict, "That account belongs to somebody else here."))
        }
        LinkedUpstream::NoSuchUser => Err(rejected(Code::InvalidCredentials, "Please sign in again.")),
    }
}

/// A change of this person's links, with its event and the notice of it.
async fn change(
    issuer: &Issuer,
    provider: &str,
    user: &User,
    kind: EventKind,
    keep: Option<&BrowserSessionId>,
    caller: &Caller,
    now: Timestamp,
) -> Result<CredentialChange> {
    let what = match kind {
        EventKind::ProviderUnlinked => Noticed::ProviderUnlinked,
        _ => Noticed::ProviderLinked,
    };
    // One that is not configured any more has no other name than this.
    let known = issuer.upstreams.get(provider).map(|p| p.settings.display_name.clone());
    let detail = Some(known.unwrap_or_else(|| provider.to_owned()));
    let notice = outbox::notice(issuer, user, what, now, Some(caller.asked_from()), detail).await?;
    let event = EventDraft::new(kind, Actor::User(user.id.clone()))
        .user(&user.id)
        .with("provider", provider)
        .with("ip", caller.ip.to_string())
        .telling(notice);
    Ok(CredentialChange {
        user: user.id.clone(),
        version: Some(user.credential_version),
        keep: keep.cloned(),
        until: issuer.longest_token_life().await?,
        event,
    })
}

/// The first proof of a sign-in, with the roles that the provider gives and takes.
async fn prove(
    issuer: &Issuer,
    provider: &Provider,
    identity: &Identity,
    user: &UserId,
    visitor: &Visitor,
) -> Result<End, Stop> {
    let gone = || Trouble::new(Kind::NoAccount, "the account is gone, or disabled");
    let subject = issuer.store.subject(user).await?.it.filter(|s| s.user.is_active()).ok_or_else(gone)?;
    roles::apply(issuer, provider, identity, &subject).await?;
    let At { now, it } = issuer.store.subject(user).await?;
    let subject = it.ok_or_else(gone)?;
    let proof = Proof::new(Factor::Upstream, subject, Purpose::Browser, &visitor.binding, now);
    Ok(End::Proven(proof.proven_at(identity.proven_at)))
}

/// Makes the account and its link in one. Whoever was first with the address is asked as above.
async fn sign_up(
    issuer: &Issuer,
    provider: &Provider,
    identity: &Identity,
    address: String,
    visitor: &Visitor,
    caller: &Caller,
) -> Result<End, Stop> {
    let id = UserId::mint(&*issuer.entropy);
    let event = EventDraft::new(EventKind::SignedUp, Actor::User(id.clone()))
        .user(&id)
        .with("provider", provider.settings.name.as_str())
        .with("ip", caller.ip.to_string());
    let new = NewUser {
        id,
        email: address,
        email_verified: true,
        username: None,
        name: identity.name.clone(),
        roles: Vec::new(),
        password: None,
    };
    let (name, subject) = (provider.settings.name.as_str(), identity.subject.as_str());
    match issuer.store.join_upstream(new, name, subject, event).await? {
        JoinedUpstream::Joined(user) => prove(issuer, provider, identity, &user.id, visitor).await,
        JoinedUpstream::Taken(owner) => prove(issuer, provider, identity, &owner, visitor).await,
        JoinedUpstream::EmailTaken => {
            Err(Trouble::new(Kind::Expired, "somebody was first with the address").into())
        }
        JoinedUpstream::NoSuchRole(role) => {
            Err(Failure::Bug(format!("a sign-up with the role {role}")).into())
        }
    }
}

/// The person's links, oldest first.
pub async fn list(issuer: &Issuer, me: &LiveBrowser) -> Result<Vec<UpstreamLink>> {
    Ok(issuer.store.list_upstreams(&me.subject.user.id).await?)
}

/// Unlinks. `conflict`: it is the last way to sign in; `not_found`: it is not theirs;
/// `insufficient_authorization` as with [`link_mine`].
pub async fn unlink(
    issuer: &Issuer,
    me: &LiveBrowser,
    name: &str,
    subject: &str,
    caller: &Caller,
) -> Result<()> {
    if !factors::fresh_enough(issuer, me).await? {
        return Err(rejected(Code::InsufficientAuthorization, "Please sign in again first."));
    }
    let At { now, it: account } = account::load(issuer, me).await?;
    let user = &me.subject.user;
    let links = issuer.store.list_upstreams(&user.id).await?;
    let stays = |l: &&UpstreamLink| l.provider != name || l.subject != subject;
    let mut left = account.enrolled.clone();
    left.upstreams = links.iter().filter(stays).map(|l| l.provider.clone()).collect();
    let gone = || rejected(Code::NotFound, "That was gone already.");
    if !links.iter().any(|l| l.provider == name && l.subject == subject) {
        return Err(gone());
    }
    factors::may_leave(issuer, &account, &left)?;
    let kept = Some(&me.session.id);
    let change = change(issuer, name, user, EventKind::ProviderUnlinked, kept, caller, now).await?;
    let rules = issuer.store.remove_upstream(change, name, subject).await?.ok_or_else(gone)?;
    revocation::enforce(issuer, &rules).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Enrolled, Subject, UserState};
    use serde_json::Map;

    fn account(email_verified: bool, state: UserState) -> Account {
        let user = User {
            id: UserId::from_stored("u_1"),
            email: "nora@example.test".to_owned(),
            email_verified,
            username: None,
            name: None,
            roles: Vec::new(),
            state,
            credential_version: 1,
            cutoff: None,
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
        };
        Account { subject: Subject { user, roles: Vec::new() }, enrolled: Enrolled::default() }
    }

    #[test]
    fn an_address_links_when_both_sides_confirmed_it_and_the_operator_said_so() {
        use Linking::{Ask, VerifiedEmail};
        let id = || UserId::from_stored("u_1");
        let somebody = |sure: Option<bool>| Identity {
            subject: "s".to_owned(),
            email: sure.map(|sure| ("nora@example.test".to_owned(), sure)),
            name: None,
            claims: Map::new(),
            proven_at: None,
        };
        let active = UserState::Active;
        let disabled = UserState::Disabled { at: Timestamp::default() };
        let (sure, unsure) = (account(true, active), account(false, active));
        let asked = Plan::ProveFirst(Some(id()));
        for (there, here, linking, sign_up, due) in [
            (Some(true), Some(&sure), VerifiedEmail, true, Plan::Link(id())),
            (Some(true), Some(&sure), Ask, true, asked.clone()),
            (Some(true), Some(&unsure), VerifiedEmail, true, asked.clone()),
            (Some(true), Some(&unsure), Ask, true, asked.clone()),
            (Some(true), Some(&account(true, disabled)), VerifiedEmail, true, asked.clone()),
            (Some(false), Some(&sure), VerifiedEmail, true, Plan::ProveFirst(None)),
            (Some(false), None, VerifiedEmail, true, Plan::ProveFirst(None)),
            (None, None, VerifiedEmail, true, Plan::ProveFirst(None)),
            (Some(true), None, Ask, true, Plan::SignUp("nora@example.test".to_owned())),
            (Some(true), None, VerifiedEmail, false, Plan::NoAccount),
        ] {
            assert_eq!(
                plan(&somebody(there), here, linking, sign_up),
                due,
                "{there:?} {linking:?} {sign_up}"
            );
        }
    }
}
