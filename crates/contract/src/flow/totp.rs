//! The authenticator app: set up, used, removed.

use super::house::{House, caller, code};
use crate::stage::at_once;
use crate::{ManualClock, Stage};
use countersign_issuer::Code;
use countersign_issuer::account::enrol::totp as enrol;
use countersign_issuer::account::enrol::totp::Pending;
use countersign_issuer::login::{Proof, Purpose, totp};
use countersign_issuer::model::message::Noticed;
use countersign_issuer::model::{Account, EventKind, Secret, User, UserId};
use countersign_issuer::{Issuer, Result};
use countersign_token::Timestamp;
use std::sync::Arc;
use totp_rs::Totp;

/// Seconds of a step.
pub const STEP: u64 = 30;

/// What the person's phone shows at that time, from the link alone.
pub fn shown(pending: &Pending, at: Timestamp) -> Secret {
    let app = Totp::from_url(pending.url.expose()).unwrap();
    Secret::new(app.generate(u64::try_from(at.seconds()).unwrap()).to_string())
}

/// Sets an app up, and waits until its next code.
pub async fn enrolled_with(issuer: &Issuer, clock: &ManualClock, me: &User) -> Pending {
    let now = clock.now();
    let pending = enrol::begin(issuer, me, "flow", now).unwrap();
    let code = shown(&pending, now);
    enrol::confirm(issuer, me, "flow", &pending.blob, &code, None, &caller(1)).await.unwrap();
    clock.advance_seconds(STEP);
    pending
}

/// As [`enrolled_with`], in a house.
pub async fn enrolled(house: &House, me: &User) -> Pending {
    enrolled_with(&house.issuer, &house.stage.clock, me).await
}

async fn account(house: &House, id: &UserId) -> Account {
    house.stage.store.account(id).await.unwrap().it.unwrap()
}

async fn prove(house: &House, account: &Account, code: &Secret, ip: u8) -> Result<Proof> {
    totp::prove(&house.issuer, account, code, Purpose::Browser, "flow", &caller(ip)).await
}

/// In force once a code of it was typed, and then only; with recovery codes when there were none; told.
pub async fn totp_enrolment(stage: Stage) {
    let house = House::new(stage).await;
    let (issuer, nora) = (&house.issuer, house.person("nora").await);
    let now = house.stage.clock.now();
    let pending = enrol::begin(issuer, &nora, "flow", now).unwrap();
    assert_eq!(pending.key.expose().split(' ').map(str::len).collect::<Vec<_>>(), [4; 8]);
    assert!(pending.url.expose().contains(&pending.key.expose().replace(' ', "")));
    assert!(!account(&house, &nora.id).await.enrolled.totp, "nothing yet");

    let wrong = if shown(&pending, now).expose() == "000000" { "000001" } else { "000000" };
    let confirm = async |blob: &str, code: &str, flow: &str| {
        enrol::confirm(issuer, &nora, flow, blob, &Secret::new(code), None, &caller(1)).await
    };
    assert_eq!(code(confirm(&pending.blob, wrong, "flow").await), Code::InvalidCode);
    let shows = enrol::again(issuer, &nora, "flow", &pending.blob, now).unwrap().unwrap();
    assert_eq!(shows.url.expose(), pending.url.expose(), "the same, to try again");

    let mark = house.stage.mark().await;
    let right = shown(&pending, now);
    let codes = confirm(&pending.blob, right.expose(), "flow").await.unwrap().unwrap();
    assert_eq!(codes.len(), 10);
    let has = account(&house, &nora.id).await;
    assert!(has.enrolled.totp && has.enrolled.recovery_codes == 10);
    assert_eq!(house.stage.kinds(mark).await, [EventKind::TotpAdded, EventKind::RecoveryCodesMade]);
    let mut told = house.told().await;
    // What is queued in one millisecond has no order.
    told.sort_by_key(|(what, _)| *what != Noticed::TotpAdded);
    assert_eq!(told, [(Noticed::TotpAdded, None), (Noticed::RecoveryCodesMade, None)]);
    assert_eq!(code(prove(&house, &has, &right, 1).await), Code::InvalidCode, "spent by setting it up");

    house.stage.clock.advance_seconds(STEP);
    let other = enrol::begin(issuer, &nora, "flow", house.stage.clock.now()).unwrap();
    let newer = shown(&other, house.stage.clock.now());
    let stale = confirm(&other.blob, newer.expose(), "flow").await;
    assert_eq!(code(stale), Code::Conflict, "decided by what is not so any more");
    let me = has.subject.user;
    let done = enrol::confirm(issuer, &me, "flow", &other.blob, &newer, None, &caller(1)).await;
    assert!(done.unwrap().is_none(), "has recovery codes");
    house.stage.clock.advance_seconds(STEP);
    let (old, new) = (shown(&pending, house.stage.clock.now()), shown(&other, house.stage.clock.now()));
    let has = account(&house, &nora.id).await;
    assert_eq!(code(prove(&house, &has, &old, 1).await), Code::InvalidCode, "the app before is void");
    prove(&house, &has, &new, 1).await.unwrap();

    assert_eq!(house.told().await, [(Noticed::TotpAdded, None)], "the other app; signing in is no change");
    let nora = account(&house, &nora.id).await.subject.user;
    enrol::remove(issuer, &nora, None, &caller(1)).await.unwrap();
    assert_eq!(house.told().await, [(Noticed::TotpRemoved, None)]);
    assert_eq!(code(enrol::remove(issuer, &nora, None, &caller(1)).await), Code::NotFound);
    let has = account(&house, &nora.id).await;
    assert_eq!(code(prove(&house, &has, &new, 1).await), Code::MethodUnavailable);
}

/// What was shown to one person in one browser is good there, and for ten minutes.
pub async fn totp_enrolment_is_bound(stage: Stage) {
    let house = House::new(stage).await;
    let (nora, ida) = (house.person("nora").await, house.person("ida").await);
    let now = house.stage.clock.now();
    let pending = enrol::begin(&house.issuer, &nora, "flow", now).unwrap();
    let right = shown(&pending, now);
    let mut altered = pending.blob.clone();
    altered.replace_range(40..41, if altered.as_bytes()[40] == b'A' { "B" } else { "A" });
    for (who, flow, blob) in [
        (&ida, "flow", &pending.blob),
        (&nora, "other", &pending.blob),
        (&nora, "flow", &altered),
        (&nora, "flow", &String::new()),
    ] {
        let done = enrol::confirm(&house.issuer, who, flow, blob, &right, None, &caller(1)).await;
        assert_eq!(code(done), Code::CodeExpired, "{} {flow}", who.email);
        assert!(enrol::again(&house.issuer, who, flow, blob, now).unwrap().is_none());
    }
    house.stage.clock.advance_seconds(601);
    let late = shown(&pending, house.stage.clock.now());
    let done = enrol::confirm(&house.issuer, &nora, "flow", &pending.blob, &late, None, &caller(1)).await;
    assert_eq!(code(done), Code::CodeExpired);
    assert!(!account(&house, &nora.id).await.enrolled.totp);
}

/// The QR code is markup that no content security policy objects to, and holds no text of anybody's.
pub async fn totp_picture_is_harmless(stage: Stage) {
    let house = House::new(stage).await;
    let mut nora = house.person("nora").await;
    nora.email = "\"><script>alert(1)</script>@example.test".to_owned();
    let svg = enrol::begin(&house.issuer, &nora, "flow", house.stage.clock.now()).unwrap().qr;
    let svg = svg.expose();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"));
    let tags: Vec<&str> = svg.split('<').skip(1).map(|t| t.split([' ', '>']).next().unwrap()).collect();
    assert_eq!(tags, ["svg", "rect", "path", "/svg"]);
    for never in ["style", "script", " on", "href", "url(", "data:", "nora", "alert", "otpauth", "&"] {
        assert!(!svg.contains(never), "{never}");
    }
}

/// A code is good once, also when 64 try it at the same moment, and so are all of the steps before.
pub async fn totp_code_is_good_once(stage: Stage) {
    let house = House::new(stage).await;
    let nora = house.person("nora").await;
    let pending = enrolled(&house, &nora).await;
    let has = account(&house, &nora.id).await;
    let now = house.stage.clock.now();
    let code_now = shown(&pending, now);
    let done = at_once(64, |_| {
        let (issuer, has, code) = (Arc::clone(&house.issuer), has.clone(), code_now.clone());
        async move { totp::prove(&issuer, &has, &code, Purpose::Browser, "flow", &caller(1)).await.is_ok() }
    })
    .await;
    assert_eq!(done.iter().filter(|&&good| good).count(), 1);

    house.stage.clock.advance_seconds(600);
    let now = house.stage.clock.now();
    let at = |steps: i64| shown(&pending, Timestamp::from_seconds(now.seconds() + 30 * steps));
    prove(&house, &has, &at(0), 2).await.unwrap();
    assert_eq!(code(prove(&house, &has, &at(-2), 2).await), Code::InvalidCode, "too old");
    assert_eq!(code(prove(&house, &has, &at(2), 2).await), Code::InvalidCode, "too new");
    prove(&house, &has, &at(1), 2).await.unwrap();
    assert_eq!(code(prove(&house, &has, &at(0), 2).await), Code::InvalidCode, "before one that was used");
    assert_eq!(code(prove(&house, &has, &at(-1), 2).await), Code::InvalidCode, "before one that was used");
}

/// Guessing is slowed down, for this account from everywhere, and noted.
pub async fn totp_guessing(stage: Stage) {
    let house = House::new(stage).await;
    let nora = house.person("nora").await;
    let pending = enrolled(&house, &nora).await;
    let has = account(&house, &nora.id).await;
    let mark = house.stage.mark().await;
    let mut tried = 0;
    for n in 0..100 {
        match code(prove(&house, &has, &Secret::new("12345"), n).await) {
            Code::InvalidCode => tried += 1,
            Code::TooManyAttempts => break,
            other => panic!("{other:?}"),
        }
    }
    assert!((1..=10).contains(&tried), "{tried}");
    let noted = house.stage.kinds(mark).await;
    assert_eq!(noted, vec![EventKind::FactorFailed; tried]);
    let right = shown(&pending, house.stage.clock.now());
    assert_eq!(code(prove(&house, &has, &right, 200).await), Code::TooManyAttempts, "from any address");
}
