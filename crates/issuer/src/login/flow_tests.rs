use super::super::Proof;
use super::*;
use crate::model::{Enrolled, Subject, User, UserId, UserState};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_000_000 + seconds)
}

fn account(id: &str) -> Account {
    let user = User {
        id: UserId::from_stored(id),
        email: "a@example.test".into(),
        email_verified: true,
        username: None,
        name: None,
        roles: Vec::new(),
        state: UserState::Active,
        credential_version: 3,
        cutoff: None,
        created_at: at(-100),
        updated_at: at(-100),
    };
    let enrolled = Enrolled { password: true, ..Enrolled::default() };
    Account { subject: Subject { user, roles: Vec::new() }, enrolled }
}

fn proof(factor: Factor, seconds: i64) -> Proof {
    Proof::new(factor, account("u_a").subject, Purpose::Browser, "f", at(seconds))
}

fn flow(factors: &[(Factor, i64)]) -> Transaction {
    let mut transaction = Transaction::begin(Purpose::Browser, "f", at(0));
    for (factor, seconds) in factors {
        transaction.add(proof(*factor, *seconds)).unwrap();
    }
    transaction
}

fn asked() -> Asked {
    Asked::plain(Purpose::Browser, "f")
}

fn done(step: Step) -> (Timestamp, String, Vec<String>) {
    match step {
        Step::Done(a) => (a.auth_time, a.acr, a.amr),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_proof_is_good_for_what_it_was_made_for_only() {
    let policy = Policy::default();
    let need = Step::NeedFactor(vec![Factor::Password]);
    let me = account("u_a");
    let password = flow(&[(Factor::Password, 0)]);
    assert_eq!(done(next(&me, &password, &asked(), &policy, at(599))).0, at(0), "just in time");
    let twice = flow(&[(Factor::Password, 0), (Factor::Password, 5)]);
    assert_eq!(done(next(&me, &twice, &asked(), &policy, at(6))).0, at(5), "the last proof counts");

    let other = |change: fn(&mut Account)| {
        let mut account = account("u_a");
        change(&mut account);
        account
    };
    for (name, account, transaction, asked, now, due) in [
        ("nothing yet", account("u_a"), flow(&[]), asked(), 0, need.clone()),
        ("too old", account("u_a"), password.clone(), asked(), 600, need.clone()),
        ("another person's", account("u_b"), password.clone(), asked(), 1, need.clone()),
        (
            "for the direct API",
            account("u_a"),
            password.clone(),
            Asked { purpose: Purpose::Direct, ..asked() },
            1,
            need.clone(),
        ),
        (
            "of another flow",
            account("u_a"),
            password.clone(),
            Asked { flow: "g".into(), ..asked() },
            1,
            need.clone(),
        ),
        (
            "credentials changed since",
            other(|a| a.subject.user.credential_version = 4),
            password.clone(),
            asked(),
            1,
            need.clone(),
        ),
        (
            "disabled",
            other(|a| a.subject.user.state = UserState::Disabled { at: at(0) }),
            password.clone(),
            asked(),
            1,
            Step::Refused("disabled"),
        ),
    ] {
        assert_eq!(next(&account, &transaction, &asked, &policy, at(now)), due, "{name}");
    }
    let none = Policy { first: vec![], ..policy };
    assert_eq!(next(&me, &password, &asked(), &none, at(1)), Step::NeedFactor(vec![]), "not a first factor");
}

#[test]
fn a_second_factor_is_due_when_the_policy_says_so() {
    let mut totp = account("u_a");
    totp.enrolled.totp = true;
    totp.enrolled.recovery_codes = 10;
    let first = flow(&[(Factor::Password, 0)]);
    let both = Step::NeedFactor(vec![Factor::Totp, Factor::RecoveryCode]);
    let with = |mfa| Policy { mfa, sms: true, ..Policy::default() };
    let known = Asked { known_device: true, ..asked() };
    for (mfa, account, asked, due) in [
        (Mfa::WhenEnrolled, &totp, &asked(), Some(both.clone())),
        (Mfa::WhenEnrolled, &totp, &known, Some(both.clone())),
        (Mfa::WhenNewDevice, &totp, &asked(), Some(both.clone())),
        (Mfa::WhenNewDevice, &totp, &known, None),
        (Mfa::Never, &totp, &asked(), None),
        (Mfa::WhenEnrolled, &account("u_a"), &asked(), None),
        (
            Mfa::Always,
            &account("u_a"),
            &asked(),
            Some(Step::Enrol(vec![Factor::Passkey, Factor::Totp, Factor::SmsCode])),
        ),
    ] {
        let step = next(account, &first, asked, &with(mfa), at(1));
        match due {
            Some(due) => assert_eq!(step, due, "{mfa:?}"),
            None => assert_eq!(done(step).1, "urn:countersign:1", "{mfa:?}"),
        }
    }
    let second = flow(&[(Factor::Password, 0), (Factor::Totp, 5)]);
    let (auth_time, acr, amr) = done(next(&totp, &second, &asked(), &with(Mfa::WhenEnrolled), at(6)));
    assert_eq!((auth_time, acr.as_str()), (at(5), "urn:countersign:2"));
    assert_eq!(amr, ["pwd", "otp", "mfa"]);
}

#[test]
fn two_proofs_of_one_mailbox_are_one_factor() {
    let mut me = account("u_a");
    me.enrolled.totp = true;
    let policy = Policy { mail: true, ..Policy::default() };
    let mail = flow(&[(Factor::MagicLink, 0), (Factor::EmailCode, 1)]);
    assert_eq!(next(&me, &mail, &asked(), &policy, at(2)), Step::NeedFactor(vec![Factor::Totp]));
    let alone = flow(&[(Factor::Totp, 0)]);
    assert!(
        matches!(next(&me, &alone, &asked(), &policy, at(2)), Step::NeedFactor(first) if first.contains(&Factor::Password)),
        "a second factor alone begins nothing"
    );
}

#[test]
fn step_up_asks_for_what_is_missing_only() {
    let mut me = account("u_a");
    me.enrolled.totp = true;
    let policy = Policy { mfa: Mfa::Never, ..Policy::default() };
    let password = |seconds| Proven { factor: Factor::Password, at: at(seconds), hardware: false };
    let held = Asked { acr: Acr::Two, held: vec![password(-3600)], ..asked() };
    assert_eq!(next(&me, &flow(&[]), &held, &policy, at(0)), Step::NeedFactor(vec![Factor::Totp]));
    let (auth_time, acr, _) = done(next(&me, &flow(&[(Factor::Totp, 1)]), &held, &policy, at(2)));
    assert_eq!((auth_time, acr.as_str()), (at(-3600), "urn:countersign:2"), "no newer than the password");
    let again = Asked { since: Some(at(-60)), ..held };
    assert_eq!(
        next(&me, &flow(&[]), &again, &policy, at(0)),
        Step::NeedFactor(vec![Factor::Password]),
        "a proof too old counts for nothing"
    );
}

#[test]
fn phishing_resistance_needs_a_key() {
    let policy = Policy::default();
    let phr = Asked { acr: Acr::PhishingResistant, ..asked() };
    let mut me = account("u_a");
    me.enrolled.totp = true;
    let password = flow(&[(Factor::Password, 0)]);
    assert_eq!(
        next(&me, &password, &phr, &policy, at(1)),
        Step::NeedFactor(vec![Factor::Totp]),
        "what there is comes before what is to be set up"
    );
    let two = flow(&[(Factor::Password, 0), (Factor::Totp, 1)]);
    assert_eq!(next(&me, &two, &phr, &policy, at(2)), Step::Enrol(vec![Factor::Passkey]));
    me.enrolled.passkeys = 1;
    assert_eq!(next(&me, &two, &phr, &policy, at(2)), Step::NeedFactor(vec![Factor::Passkey]));
    let key = flow(&[(Factor::Passkey, 0)]);
    let (_, acr, amr) = done(next(&me, &key, &phr, &policy, at(2)));
    assert_eq!(acr, "urn:countersign:phr");
    assert_eq!(amr, ["swk", "user", "mfa"]);
}

/// Somebody who set these up.
fn with(change: fn(&mut Enrolled)) -> Account {
    let mut account = account("u_a");
    change(&mut account.enrolled);
    account
}

#[test]
fn a_factor_no_longer_offered_neither_counts_nor_lets_a_password_alone_in() {
    let off = Policy { mail: true, ..Policy::default() };
    let silent = Policy::default();
    let left_out = Policy { sms: true, second: vec![Factor::Passkey, Factor::Totp], ..off.clone() };
    let bare = with(|e| e.phone = Some("+491701234567".into()));
    let paper = with(|e| {
        e.phone = Some("+491701234567".into());
        e.recovery_codes = 2;
    });
    let app = with(|e| {
        e.phone = Some("+491701234567".into());
        e.totp = true;
    });
    let mut unverified = bare.clone();
    unverified.subject.user.email_verified = false;
    let password = flow(&[(Factor::Password, 0)]);
    use Factor::{EmailCode, RecoveryCode, Totp};
    for (name, me, policy, due) in [
        ("by mail", &bare, &off, vec![EmailCode]),
        ("left out by the operator", &bare, &left_out, vec![EmailCode]),
        ("codes on paper", &paper, &off, vec![RecoveryCode, EmailCode]),
        ("another factor is there", &app, &off, vec![Totp]),
        ("no mail", &bare, &silent, vec![]),
        ("codes, no mail", &paper, &silent, vec![RecoveryCode]),
        ("an address that is perhaps not theirs", &unverified, &off, vec![]),
    ] {
        let step = next(me, &password, &asked(), policy, at(1));
        assert_eq!(step, Step::NeedFactor(due), "{name}");
        let more = Asked { acr: Acr::Two, ..asked() };
        assert!(!matches!(next(me, &password, &more, policy, at(1)), Step::Enrol(_)), "{name}");
        let two = next_within_reach(
            me,
            &password,
            &more,
            Acr::One,
            &Policy { mfa: Mfa::Never, ..policy.clone() },
            at(1),
        );
        assert!(!matches!(two, Step::Enrol(_) | Step::Done(_)), "{name}: {two:?}");
    }
    let ways = Step::Enrol(vec![Factor::Passkey, Factor::Totp]);
    let both = flow(&[(Factor::Password, 0), (EmailCode, 1)]);
    assert_eq!(next(&bare, &both, &asked(), &off, at(2)), ways, "not in yet, but no longer locked out");
    assert_eq!(next(&paper, &both, &asked(), &off, at(2)), ways);
    assert_eq!(
        next(&app, &both, &asked(), &off, at(2)),
        Step::NeedFactor(vec![Totp]),
        "mail goes past nothing"
    );
    let code = flow(&[(Factor::Password, 0), (RecoveryCode, 1)]);
    assert_eq!(done(next(&paper, &code, &asked(), &off, at(2))).1, "urn:countersign:2");
    for mailbox in [EmailCode, Factor::MagicLink] {
        let mail = flow(&[(mailbox, 0), (EmailCode, 1)]);
        assert_eq!(next(&bare, &mail, &asked(), &off, at(2)), Step::NeedFactor(vec![]), "one mailbox");
    }
}

#[test]
fn a_client_that_takes_less_lets_nobody_add_a_factor_by_the_password_alone() {
    let only = |second: Vec<Factor>| Policy {
        second,
        acr: Acr::Two,
        mail: true,
        house: Some(Factor::ALL.to_vec()),
        ..Policy::default()
    };
    let password = flow(&[(Factor::Password, 0)]);
    let app = with(|e| e.totp = true);
    let key = with(|e| e.passkeys = 1);
    use Factor::{Passkey, RecoveryCode, Totp};
    let wants_key = Policy { first: vec![Factor::Password], ..only(vec![Passkey]) };
    let wants_app = Policy { first: vec![Factor::Password], ..only(vec![Totp, RecoveryCode]) };
    let phr = Policy { acr: Acr::PhishingResistant, ..wants_key.clone() };
    for (me, policy, guard, way) in
        [(&app, &wants_key, Totp, Passkey), (&key, &wants_app, Passkey, Totp), (&app, &phr, Totp, Passkey)]
    {
        let step = next(me, &password, &asked(), policy, at(1));
        assert_eq!(step, Step::NeedFactor(vec![guard]), "{policy:?}");
        let proven = flow(&[(Factor::Password, 0), (guard, 1)]);
        assert_eq!(next(me, &proven, &asked(), policy, at(2)), Step::Enrol(vec![way]), "{policy:?}");
        let mail = flow(&[(Factor::Password, 0), (Factor::EmailCode, 1)]);
        assert_eq!(next(me, &mail, &asked(), policy, at(2)), Step::NeedFactor(vec![guard]), "not by mail");
    }
    let nobody = Policy { first: vec![Factor::Password], acr: Acr::PhishingResistant, ..only(vec![Totp]) };
    let step = next(&account("u_a"), &password, &asked(), &nobody, at(1));
    assert_eq!(step, Step::Enrol(vec![]), "a passkey would not count here");
}
