//! Ways to sign in as their owner sees them: may one go, and is the sign-in that asks fresh and strong
//! enough to change them?

use super::load;
use crate::Issuer;
use crate::error::{Code, Failure, Result, rejected};
use crate::login::{Mfa, Policy};
use crate::model::{Account, Acr, Enrolled, Proven};
use crate::port::browser_session::LiveBrowser;
use countersign_token::Timestamp;
use std::time::Duration;

/// How old the proofs may be that a change of a credential is made under.
pub const FRESH: Duration = Duration::from_secs(600);

/// Did the person lately prove all that this account asks of a change of its credentials?
pub async fn fresh_enough(issuer: &Issuer, me: &LiveBrowser) -> Result<bool> {
    let account = load(issuer, me).await?;
    let proven = me.session.authentication.proven();
    Ok(strong(&proven, due(&account.it.enrolled), account.now))
}

/// The level due of a change: two factors of whoever set up two, also where the house takes the second no more.
/// Not the strongest: who lost a key must be able to remove it.
pub fn due(enrolled: &Enrolled) -> Acr {
    if enrolled.two_steps() { Acr::Two } else { Acr::One }
}

fn strong(proven: &[Proven], due: Acr, now: Timestamp) -> bool {
    let fresh: Vec<Proven> = proven.iter().filter(|p| now.since(p.at) <= FRESH).copied().collect();
    Acr::of(&fresh) >= Some(due)
}

/// Why a factor stays ([`crate::Rejected::private`]): nobody could sign in any more.
pub const LAST_WAY: &str = "last way";
/// Why a factor stays: the house demands a second one.
pub const LAST_SECOND: &str = "last second factor";

/// May the account go on with `left` in place of what it has? `conflict` when nobody could sign in any
/// more ([`LAST_WAY`]), or when the house demands a second factor and none would be left ([`LAST_SECOND`]).
pub fn may_leave(issuer: &Issuer, account: &Account, left: &Enrolled) -> Result<()> {
    match kept(account, &configured(issuer, left), &issuer.settings.login) {
        None => Ok(()),
        Some(Kept::LastWay) => Err(refused(
            "This is the last way to sign in to the account. Set up another one first.",
            LAST_WAY,
        )),
        Some(Kept::LastSecond) => Err(refused(
            "This service asks for a second step of everybody. Set up another one first.",
            LAST_SECOND,
        )),
    }
}

fn refused(public: &'static str, private: &'static str) -> Failure {
    match rejected(Code::Conflict, public) {
        Failure::Rejected(r) => Failure::Rejected(r.because(private)),
        other => other,
    }
}

/// Why a factor stays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kept {
    LastWay,
    LastSecond,
}

/// Could somebody with that begin a sign-in here?
pub(crate) fn can_begin(issuer: &Issuer, account: &Account, left: &Enrolled) -> bool {
    begins(account, &configured(issuer, left), &issuer.settings.login)
}

/// Without links to providers that were taken out of the configuration: they lead nowhere.
fn configured(issuer: &Issuer, enrolled: &Enrolled) -> Enrolled {
    let there = |name: &&String| issuer.upstreams.get(name).is_some();
    Enrolled { upstreams: enrolled.upstreams.iter().filter(there).cloned().collect(), ..enrolled.clone() }
}

fn begins(account: &Account, left: &Enrolled, policy: &Policy) -> bool {
    let mail = policy.mail && account.subject.user.email_verified;
    policy.first.iter().any(|f| left.has(*f, mail))
}

fn kept(account: &Account, left: &Enrolled, policy: &Policy) -> Option<Kept> {
    if !begins(account, left, policy) {
        return Some(Kept::LastWay);
    }
    let demanded = policy.mfa == Mfa::Always || policy.acr >= Acr::Two;
    let due = if demanded { policy.acr.max(Acr::Two) } else { Acr::One };
    let had = policy.usable(&account.enrolled).strongest();
    (policy.usable(left).strongest() < due.min(had)).then_some(Kept::LastSecond)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Factor, Subject, User, UserId, UserState};

    fn account(enrolled: Enrolled) -> Account {
        let user = User {
            id: UserId::from_stored("u_1"),
            email: "nora@example.test".to_owned(),
            email_verified: true,
            username: None,
            name: None,
            roles: Vec::new(),
            state: UserState::Active,
            credential_version: 1,
            cutoff: None,
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
        };
        Account { subject: Subject { user, roles: Vec::new() }, enrolled }
    }

    fn enrolled(password: bool, totp: bool, passkeys: u16) -> Enrolled {
        Enrolled { password, totp, passkeys, ..Enrolled::default() }
    }

    #[test]
    fn the_last_way_in_stays() {
        let policy = Policy::default();
        let go = |has: Enrolled, left: Enrolled, policy: &Policy| kept(&account(has), &left, policy);
        assert_eq!(go(enrolled(true, true, 0), enrolled(false, true, 0), &policy), Some(Kept::LastWay));
        assert_eq!(go(enrolled(true, false, 1), enrolled(false, false, 1), &policy), None);
        assert_eq!(go(enrolled(false, false, 1), enrolled(false, false, 0), &policy), Some(Kept::LastWay));
        let mail = Policy { mail: true, ..policy };
        assert_eq!(
            go(enrolled(true, false, 0), enrolled(false, false, 0), &mail),
            None,
            "the mailbox is left"
        );
        let mut unproven = account(enrolled(true, false, 0));
        unproven.subject.user.email_verified = false;
        assert_eq!(kept(&unproven, &enrolled(false, false, 0), &mail), Some(Kept::LastWay));
    }

    #[test]
    fn the_last_second_factor_stays_where_one_is_demanded() {
        let always = Policy { mfa: Mfa::Always, ..Policy::default() };
        let phr = Policy { acr: Acr::PhishingResistant, ..Policy::default() };
        let go = |has: Enrolled, left: Enrolled, policy: &Policy| kept(&account(has), &left, policy);
        let (bare, app, key, both) = (
            enrolled(true, false, 0),
            enrolled(true, true, 0),
            enrolled(true, false, 1),
            enrolled(true, true, 1),
        );
        assert_eq!(go(app.clone(), bare.clone(), &Policy::default()), None);
        assert_eq!(go(app.clone(), bare.clone(), &always), Some(Kept::LastSecond));
        assert_eq!(go(both.clone(), key.clone(), &always), None);
        assert_eq!(go(both.clone(), app.clone(), &always), None);
        assert_eq!(go(both, app.clone(), &phr), Some(Kept::LastSecond));
        assert_eq!(go(key, bare.clone(), &phr), Some(Kept::LastSecond));
        assert_eq!(go(app.clone(), app, &phr), None, "what never was there is not missed");
        assert_eq!(go(bare.clone(), bare, &always), None);
    }

    #[test]
    fn changes_ask_for_what_the_account_has_and_lately() {
        assert_eq!(due(&enrolled(true, false, 0)), Acr::One);
        assert_eq!(due(&enrolled(true, true, 0)), Acr::Two);
        assert_eq!(due(&enrolled(true, false, 1)), Acr::Two);
        let codes = Enrolled { recovery_codes: 3, ..enrolled(true, false, 0) };
        assert_eq!(due(&codes), Acr::One);
        let at = |s: i64| Timestamp::from_seconds(10_000 + s);
        let proven = |factor, s| Proven { factor, at: at(s), hardware: false };
        let both = [proven(Factor::Password, 0), proven(Factor::Totp, 5)];
        assert!(strong(&both, Acr::Two, at(600)));
        assert!(!strong(&both, Acr::Two, at(601)), "the password is too old");
        assert!(strong(&both, Acr::One, at(605)));
        assert!(!strong(&both[..1], Acr::Two, at(1)));
        assert!(!strong(&[], Acr::One, at(0)));
    }
}
