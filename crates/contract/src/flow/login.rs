//! Signing in.

use super::house::{House, PASSWORD, browser, caller, code, refused};
use crate::Stage;
use countersign_issuer::admin::users;
use countersign_issuer::login::{Purpose, Transaction, browser as browsers, password};
use countersign_issuer::model::{EventKind, Secret};
use countersign_issuer::{Code, Failure, Rejected};
use std::sync::atomic::Ordering;

/// Tries a password from the `n`th address.
async fn prove(house: &House, login: &str, typed: &str, n: u8) -> Result<(), Failure> {
    let caller = caller(n);
    password::prove(&house.issuer, login, Secret::new(typed), Purpose::Browser, "flow", &caller)
        .await
        .map(drop)
}

/// The right password, by address or name in any case, leads to a session behind a cookie.
pub async fn login_right(stage: Stage) {
    let house = House::new(stage).await;
    let nora = house.person("nora").await;
    let mut due = vec![EventKind::LoginSucceeded];
    for login in ["nora", "NORA", " nora@example.test ", "Nora@Example.TEST"] {
        let mark = house.stage.mark().await;
        let fresh = house.sign_in(login, &browser("flow")).await.unwrap();
        assert_eq!(fresh.session.user, nora.id);
        assert_eq!(fresh.session.authentication.amr, ["pwd"]);
        assert_eq!(fresh.session.authentication.auth_time, house.stage.clock.now());
        assert_eq!(house.stage.kinds(mark).await, due);
        // From the second time on: these browsers bring no cookie back.
        due = vec![EventKind::LoginSucceeded, EventKind::NewDevice];
        let live = browsers::session(&house.issuer, fresh.cookie.expose()).await.unwrap().unwrap();
        assert_eq!((live.session.id, live.subject.user.id), (fresh.session.id, nora.id.clone()));
    }
    assert!(browsers::session(&house.issuer, "").await.unwrap().is_none());
    assert!(browsers::session(&house.issuer, &"A".repeat(43)).await.unwrap().is_none());
}

/// Unknown, wrong, disabled, without a password: the same answer for the same work.
pub async fn login_tells_nothing(stage: Stage) {
    let house = House::new(stage).await;
    house.person("nora").await;
    house.person("dora").await;
    users::disable(&house.issuer, "dora").await.unwrap();
    let bare = users::Add { email: "bare@example.test".into(), ..users::Add::default() };
    users::add(&house.issuer, bare).await.unwrap();

    let mut seen = Vec::new();
    for (n, (login, typed)) in [
        ("nobody@example.test", PASSWORD),
        ("nora@example.test", "wrong horse battery staple"),
        ("dora@example.test", PASSWORD),
        ("bare@example.test", PASSWORD),
        ("bare@example.test", ""),
    ]
    .into_iter()
    .enumerate()
    {
        let mark = house.stage.mark().await;
        house.store.take();
        house.hasher.take();
        let r: Rejected = refused(prove(&house, login, typed, u8::try_from(n).unwrap()).await);
        assert_eq!(r.code, Code::InvalidCredentials, "{login}");
        assert!(r.retry_after.is_none() && r.private.is_none());
        let work = (house.store.take(), house.hasher.take());
        seen.push((r.to_string(), r.public, work, house.stage.kinds(mark).await));
    }
    let first = seen.first().unwrap();
    assert_eq!(first.2, (vec!["find_login", "note"], vec!["verify"]));
    assert_eq!(first.3, [EventKind::LoginFailed]);
    assert!(seen.iter().all(|one| one == first), "{seen:#?}");
}

/// What nobody can have is refused without work, alike for all.
pub async fn login_oversize(stage: Stage) {
    let house = House::new(stage).await;
    house.person("nora").await;
    house.hasher.take();
    for (login, typed) in [("nora".to_owned(), "x".repeat(1025)), ("n".repeat(321), PASSWORD.to_owned())] {
        assert_eq!(code(prove(&house, &login, &typed, 1).await), Code::InvalidCredentials);
        assert_eq!(house.hasher.take(), ["hash"; 0], "no hash job");
    }
}

/// A flood on one account is answered at once, without a hash job or the store, and others are not touched.
pub async fn login_flood(stage: Stage) {
    let house = House::new(stage).await;
    house.person("nora").await;
    house.person("ida").await;
    for n in 0..6 {
        assert_eq!(code(prove(&house, "nora", "wrong wrong wrong", n).await), Code::InvalidCredentials);
    }
    house.store.take();
    house.hasher.take();
    for n in 0..100 {
        let r = refused(prove(&house, "nora", PASSWORD, n).await);
        assert_eq!(r.code, Code::TooManyAttempts);
        assert!(r.retry_after.is_some_and(|d| !d.is_zero()), "says when to come back");
    }
    assert_eq!((house.store.take().len(), house.hasher.take().len()), (0, 0));
    prove(&house, "ida", PASSWORD, 1).await.unwrap();
    house.stage.clock.advance_seconds(2);
    prove(&house, "nora", PASSWORD, 1).await.unwrap();
    prove(&house, "nora", "wrong wrong wrong", 1).await.unwrap_err();
    prove(&house, "nora", PASSWORD, 1).await.unwrap();

    // The same for somebody who does not exist.
    for n in 0..6 {
        assert_eq!(code(prove(&house, "nobody", PASSWORD, n).await), Code::InvalidCredentials);
    }
    assert_eq!(code(prove(&house, "nobody", PASSWORD, 9).await), Code::TooManyAttempts);
}

/// A full hash queue is ours, and counts against nobody.
pub async fn login_when_hashing_is_full(stage: Stage) {
    let house = House::new(stage).await;
    house.person("nora").await;
    house.hasher.full.store(true, Ordering::SeqCst);
    for n in 0..20 {
        assert!(
            matches!(prove(&house, "nora", PASSWORD, n).await, Err(Failure::Unavailable(u)) if !u.retry_after.is_zero())
        );
    }
    house.hasher.full.store(false, Ordering::SeqCst);
    prove(&house, "nora", PASSWORD, 1).await.unwrap();
}

/// A hash of yesterday's parameters is renewed once.
pub async fn login_renews_hash(stage: Stage) {
    let house = House::new(stage).await;
    house.person("nora").await;
    house.hasher.parameters.store(1, Ordering::SeqCst);
    let mark = house.stage.mark().await;
    house.hasher.take();
    prove(&house, "nora", PASSWORD, 1).await.unwrap();
    assert_eq!(house.hasher.take(), ["verify", "hash"]);
    prove(&house, "nora", PASSWORD, 1).await.unwrap();
    assert_eq!(house.hasher.take(), ["verify"]);
    assert_eq!(house.stage.kinds(mark).await, [EventKind::PasswordRehashed]);
}

/// The cookie's value changes at every sign-in; the session goes on, another person's in that browser ends.
pub async fn login_cookie_changes(stage: Stage) {
    let house = House::new(stage).await;
    house.person("nora").await;
    house.person("ida").await;
    let first = house.sign_in("nora", &browser("flow")).await.unwrap();
    let visitor = house.back(first.cookie.expose()).await;
    house.stage.clock.advance_seconds(1);
    let second = house.sign_in("nora", &visitor).await.unwrap();
    assert_eq!(second.session.id, first.session.id);
    assert_ne!(second.cookie.expose(), first.cookie.expose());
    assert!(house.back(first.cookie.expose()).await.session.is_some(), "requests under way live");
    house.stage.clock.advance_seconds(31);
    assert!(house.back(first.cookie.expose()).await.session.is_none());

    let visitor = house.back(second.cookie.expose()).await;
    let third = house.sign_in("ida", &visitor).await.unwrap();
    assert_ne!(third.session.id, second.session.id);
    assert!(house.back(second.cookie.expose()).await.session.is_none());
    assert!(house.back(third.cookie.expose()).await.session.is_some());
}

/// A proof is good for its person, flow and purpose, for a while, and while the credentials are as they were.
pub async fn login_proofs_are_bound(stage: Stage) {
    let house = House::new(stage).await;
    house.person("nora").await;
    let make = async |purpose, flow: &'static str| {
        let caller = caller(1);
        password::prove(&house.issuer, "nora", Secret::new(PASSWORD), purpose, flow, &caller).await.unwrap()
    };
    let use_it = async |proof| browsers::complete(&house.issuer, proof, &browser("flow"), &caller(1)).await;

    assert_eq!(code(use_it(make(Purpose::Direct, "flow").await).await), Code::InvalidCredentials);
    assert_eq!(code(use_it(make(Purpose::Browser, "other").await).await), Code::InvalidCredentials);
    let old = make(Purpose::Browser, "flow").await;
    house.stage.clock.advance_seconds(601);
    assert_eq!(code(use_it(old).await), Code::InvalidCredentials);
    let before = make(Purpose::Browser, "flow").await;
    users::set_password(&house.issuer, "nora", Secret::new("another horse battery staple")).await.unwrap();
    assert_eq!(code(use_it(before).await), Code::InvalidCredentials);
    let nothing = Transaction::begin(Purpose::Browser, "flow", house.stage.clock.now());
    let demand = browsers::Demand::of_house(&house.issuer);
    assert_eq!(
        code(browsers::turn(&house.issuer, &nothing, &demand, &browser("flow"), &caller(1)).await),
        Code::InvalidCredentials
    );
}
