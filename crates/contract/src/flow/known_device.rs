//! Devices that signed somebody in before: what they may, and when they are strangers again.

use super::house::{House, PASSWORD, browser, caller, code, refused};
use crate::{Stage, fixture};
use countersign_issuer::login::browser::{self as browsers, Demand, Turn};
use countersign_issuer::login::{Caller, Devices, Mfa, Purpose, Transaction, password};
use countersign_issuer::model::{EventKind, Secret};
use countersign_issuer::{Code, Result, Settings};

/// From a device with that cookie, at the `n`th address.
fn with(house: &House, cookie: &str, n: u8) -> Caller {
    Caller { devices: Devices::read(&house.issuer, cookie), ..caller(n) }
}

async fn prove(house: &House, login: &str, typed: &str, caller: &Caller) -> Result<()> {
    let proof = password::prove(&house.issuer, login, Secret::new(typed), Purpose::Browser, "flow", caller);
    proof.await.map(drop)
}

/// Signs in; answers the device's cookie.
async fn enter(house: &House, login: &str, caller: &Caller) -> String {
    let secret = Secret::new(PASSWORD);
    let proof =
        password::prove(&house.issuer, login, secret, Purpose::Browser, "flow", caller).await.unwrap();
    let fresh = browsers::complete(&house.issuer, proof, &browser("flow"), caller).await.unwrap();
    fresh.device.expose().to_owned()
}

/// While others fill the account's bucket, the owner's device gets in, ten wrong tries included; a stranger,
/// a forged cookie and a device of somebody else do not.
pub async fn known_device_gets_in(stage: Stage) {
    let house = House::new(stage).await;
    let nora = house.person("nora").await;
    house.person("ida").await;
    let cookie = enter(&house, "nora", &caller(1)).await;
    let of_ida = enter(&house, "ida", &caller(2)).await;
    let both = enter(&house, "ida", &with(&house, &cookie, 2)).await;
    assert_eq!(both.split('~').count(), 2, "a device of two");
    for n in 10..16 {
        assert_eq!(
            code(prove(&house, "nora", "wrong wrong wrong", &caller(n)).await),
            Code::InvalidCredentials
        );
    }
    house.store.take();
    let forged = cookie.replace(nora.id.as_str(), "u_AAAAAAAAAAAAAAAAAAAAAA");
    for (who, cookie) in [("no cookie", ""), ("altered", &cookie[1..]), ("another's name", &forged)] {
        let refused = refused(prove(&house, "nora", PASSWORD, &with(&house, cookie, 20)).await);
        assert_eq!(refused.code, Code::TooManyAttempts, "{who}");
        assert!(house.store.take().is_empty(), "{who}: no work for what was not made here");
    }
    let stranger = with(&house, &of_ida, 21);
    assert_eq!(code(prove(&house, "nora", PASSWORD, &stranger).await), Code::TooManyAttempts);
    let of_nora = house.store.take();
    assert_eq!(code(prove(&house, "nobody", "wrong wrong wrong", &stranger).await), Code::InvalidCredentials);
    assert_eq!(of_nora, ["find_login"]);
    assert_eq!(house.store.take()[..1], of_nora[..], "the same for names that nobody has");

    for owner in [&cookie, &both] {
        for n in 0..3 {
            let owner = with(&house, owner, 22 + n);
            assert_eq!(
                code(prove(&house, "nora", "wrong wrong wrong", &owner).await),
                Code::InvalidCredentials
            );
        }
        prove(&house, "nora", PASSWORD, &with(&house, owner, 30)).await.unwrap();
    }
    for _ in 0..10 {
        let wrong = prove(&house, "nora", "wrong wrong wrong", &with(&house, &cookie, 31)).await;
        assert_eq!(code(wrong), Code::InvalidCredentials);
    }
    let used_up = prove(&house, "nora", PASSWORD, &with(&house, &cookie, 32)).await;
    assert_eq!(code(used_up), Code::TooManyAttempts, "ten, then as everybody");
}

/// Forgotten devices are strangers, and their ids stay so.
pub async fn known_device_forgotten(stage: Stage) {
    let house = House::new(stage).await;
    let nora = house.person("nora").await;
    let cookie = enter(&house, "nora", &caller(1)).await;
    let event = fixture::event(EventKind::DeviceForgotten);
    assert_eq!(house.stage.store.forget_devices(&nora.id, None, event).await.unwrap(), 1);
    let fresh = enter(&house, "nora", &with(&house, &cookie, 1)).await;
    assert_ne!(fresh, cookie, "an id that was void is not taken up again");
    for n in 10..16 {
        prove(&house, "nora", "wrong wrong wrong", &caller(n)).await.unwrap_err();
    }
    let old = prove(&house, "nora", PASSWORD, &with(&house, &cookie, 20)).await;
    assert_eq!(code(old), Code::TooManyAttempts);
    prove(&house, "nora", PASSWORD, &with(&house, &fresh, 21)).await.unwrap();
}

/// A new device is told of, but not a person's first, nor one that they came with before.
pub async fn known_device_told(stage: Stage) {
    let house = House::new(stage).await;
    house.person("nora").await;
    let enter = async |caller: Caller| {
        let mark = house.stage.mark().await;
        let cookie = enter(&house, "nora", &caller).await;
        let told = house.stage.kinds(mark).await.contains(&EventKind::NewDevice);
        (cookie, told)
    };
    let (first, told) = enter(caller(1)).await;
    assert!(!told, "the very first");
    let (again, told) = enter(with(&house, &first, 1)).await;
    assert!(!told && again == first, "known");
    assert!(enter(caller(1)).await.1, "without its cookie it is a new one, at the same address too");
}

/// `new_device`: who signed in with two factors on a device is spared the second one there.
pub async fn known_device_spares_a_factor(stage: Stage) {
    let mut settings = Settings::new(super::ISSUER);
    settings.login.mfa = Mfa::WhenNewDevice;
    let house = House::with(stage, settings).await;
    let nora = house.person("nora").await;
    let before = enter(&house, "nora", &caller(1)).await;
    let pending = super::totp::enrolled(&house, &nora).await;
    let turn = async |cookie: &str, second: bool| {
        let (caller, visitor) = (with(&house, cookie, 1), browser("flow"));
        let secret = Secret::new(PASSWORD);
        let first = password::prove(&house.issuer, "nora", secret, Purpose::Browser, "flow", &caller).await;
        let mut transaction = Transaction::of(first.unwrap());
        if second {
            let account = house.stage.store.account(&nora.id).await.unwrap();
            let shown = super::totp::shown(&pending, account.now);
            let account = account.it.unwrap();
            let proof = countersign_issuer::login::totp::prove(
                &house.issuer,
                &account,
                &shown,
                Purpose::Browser,
                "flow",
                &caller,
            );
            transaction.add(proof.await.unwrap()).unwrap();
        }
        let demand = browsers::Demand::of_house(&house.issuer);
        match browsers::turn(&house.issuer, &transaction, &demand, &visitor, &caller).await.unwrap() {
            browsers::Turn::SignedIn(fresh) => Some(fresh.device.expose().to_owned()),
            browsers::Turn::NeedFactor(_) => None,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(turn("", false).await, None, "a stranger");
    assert_eq!(
        turn(&before, false).await,
        None,
        "known by a password alone: somebody else may know that too"
    );
    let proven = turn(&before, true).await.unwrap();
    assert!(turn(&proven, false).await.is_some());
    assert_eq!(turn("", false).await, None, "a stranger still");
}

/// A session's cookie and nothing proven: no new cookie, no longer life, no known device, whatever the page that
/// was on the way asks for; and what was proven before is not proven again by sending its form once more.
pub async fn known_device_takes_a_proof(stage: Stage) {
    let house = House::new(stage).await;
    let nora = house.person("nora").await;
    let cookie = house.sign_in("nora", &browser("flow")).await.unwrap().cookie;
    house.stage.clock.advance_seconds(1);
    let secret = Secret::new(PASSWORD);
    let proof =
        password::prove(&house.issuer, "nora", secret, Purpose::Browser, "flow", &caller(1)).await.unwrap();
    let form = Transaction::of(proof);
    let all = Demand::of_house(&house.issuer);
    let turn = async |with: &Transaction, demand: &Demand, cookie: &str| {
        let visitor = house.back(cookie).await;
        browsers::turn(&house.issuer, with, demand, &visitor, &caller(9)).await.unwrap()
    };
    house.stage.clock.advance_seconds(100);
    let now = house.stage.clock.now();
    let before = house.back(cookie.expose()).await.session.unwrap();
    let mark = house.stage.mark().await;
    let nothing = Transaction::on_the_way("flow", "/account/security", now);
    let change = Demand::of_change(&house.issuer, now);
    for (with, demand) in [(&nothing, &change), (&nothing, &all)] {
        let done = turn(with, demand, cookie.expose()).await;
        assert!(matches!(done, Turn::Enough), "{done:?}");
    }
    assert_eq!(house.stage.kinds(mark).await, []);
    let after = house.back(cookie.expose()).await.session.unwrap();
    assert_eq!(after.session.expires_at, before.session.expires_at);
    assert_eq!(after.session.cookie, before.session.cookie);
    assert_eq!(house.stage.store.list_devices(&nora.id).await.unwrap().len(), 1, "the owner's");

    let Turn::SignedIn(fresh) = turn(&form, &all, cookie.expose()).await else { panic!("a new proof") };
    let again = turn(&form, &all, fresh.cookie.expose()).await;
    assert!(matches!(again, Turn::Enough), "{again:?}");
}

/// While guesses come from everywhere, strangers get less of the hash queue, known name or not; a device that
/// signed its person in gets what it ever got. Nobody is refused for it, and it passes.
pub async fn known_device_in_a_storm(stage: Stage) {
    let house = House::new(stage).await;
    house.person("nora").await;
    let cookie = enter(&house, "nora", &caller(1)).await;
    let from = |n: u32| Caller { ip: std::net::Ipv4Addr::from_bits(0x0a00_0000 + n).into(), ..caller(0) };
    house.hasher.take();
    for n in 0..1_000 {
        let refused = prove(&house, &format!("name{n}"), "wrong wrong wrong", &from(n)).await;
        assert_eq!(code(refused), Code::InvalidCredentials, "{n}");
    }
    let quiet = house.hasher.take();
    assert_eq!(quiet, ["verify"; 1_000], "until then everybody alike");
    for (login, typed) in [("nora", PASSWORD), ("nora", "wrong wrong wrong"), ("nobody", PASSWORD)] {
        drop(prove(&house, login, typed, &from(2_000)).await);
        assert_eq!(house.hasher.take(), ["as a stranger", "verify"], "{login}");
    }
    prove(&house, "nora", PASSWORD, &with(&house, &cookie, 2)).await.unwrap();
    assert_eq!(house.hasher.take(), ["verify"], "her own device");
    drop(prove(&house, "ida", PASSWORD, &with(&house, &cookie, 2)).await);
    assert_eq!(house.hasher.take(), ["as a stranger", "verify"], "which is nobody else's");

    house.stage.clock.advance_seconds(600);
    prove(&house, "nora", PASSWORD, &from(3_000)).await.unwrap();
    assert_eq!(house.hasher.take(), ["verify"], "it is over");
}
