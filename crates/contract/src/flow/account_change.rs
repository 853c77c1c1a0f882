//! What people change about their accounts: address, password, consents; and what they take with them.

use super::house::{House, PASSWORD, browser, caller, code};
use super::totp::enrolled;
use super::{ISSUER, post};
use crate::Stage;
use countersign_issuer::account::email::{self, Shown};
use countersign_issuer::account::enrol::{recovery_code as paper, totp as app};
use countersign_issuer::account::{consents, export, factors, password};
use countersign_issuer::admin::users;
use countersign_issuer::login::{Look, Purpose};
use countersign_issuer::model::message::{About, Noticed};
use countersign_issuer::model::{Consent, EventKind, Scopes, Secret};
use countersign_issuer::port::browser_session::LiveBrowser;
use countersign_issuer::{Code, Settings};
use countersign_token::Timestamp;

const NEW: &str = "nine purple elephants yawn";

async fn house(stage: Stage) -> House {
    let mut settings = Settings::new(ISSUER);
    settings.login.mail = true;
    House::with(stage, settings).await
}

async fn signed_in(house: &House, name: &str) -> LiveBrowser {
    house.visitor(name).await.session.unwrap()
}

async fn ask(house: &House, me: &LiveBrowser, to: &str, ip: u8) -> countersign_issuer::Result<()> {
    email::ask_to_change(&house.issuer, me, to, "flow", &Look::default(), &caller(ip)).await
}

/// Another address: shown to be theirs first; both are told, others are signed out, this browser stays.
pub async fn account_address_changes(stage: Stage) {
    let house = house(stage).await;
    let issuer = &house.issuer;
    house.person("nora").await;
    let other = signed_in(&house, "nora").await;
    let me = signed_in(&house, "nora").await;
    house.mails().await;
    ask(&house, &me, "nora@new.test", 1).await.unwrap();
    let mail = house.mails().await.remove(0);
    assert_eq!(post::address(&mail), "nora@new.test");
    let user =
        || async { house.stage.store.account(&me.subject.user.id).await.unwrap().it.unwrap().subject.user };
    assert_eq!(user().await.email, "nora@example.test", "not yet");

    let token = house.token(&mail);
    let mark = house.stage.mark().await;
    let shown = email::open(issuer, &me, &token, "flow", &caller(1)).await.unwrap();
    assert_eq!(shown, Shown::Changed);
    assert_eq!((user().await.email.as_str(), user().await.email_verified), ("nora@new.test", true));
    let mut told: Vec<_> = house.mails().await;
    told.sort_by_key(|m| post::address(m).to_owned());
    let to: Vec<_> = told.iter().map(post::address).collect();
    assert_eq!(to, ["nora@example.test", "nora@new.test"]);
    for mail in &told {
        assert!(matches!(&mail.about, About::Notice(n) if n.what == Noticed::EmailChanged), "{mail:?}");
    }
    let log = house.stage.events(mark).await;
    let changed = log.iter().find(|e| e.what.kind == EventKind::EmailChanged).unwrap();
    assert!(!format!("{:?}", changed.what.data).contains('@'), "the log keeps no address");
    let live: Vec<_> =
        house.stage.store.list_browsers(&user().await.id).await.unwrap().into_iter().map(|b| b.id).collect();
    assert!(live.contains(&me.session.id) && !live.contains(&other.session.id));
    assert_eq!(code(email::open(issuer, &me, &token, "flow", &caller(1)).await), Code::CodeExpired);
}

/// Somebody else's address: the same answer and work; only that mailbox is told, and no answer changes anything.
pub async fn account_address_tells_nothing(stage: Stage) {
    let house = house(stage).await;
    house.person("nora").await;
    house.person("ida").await;
    let me = signed_in(&house, "nora").await;
    house.mails().await;
    let mut seen = Vec::new();
    for (ip, to) in [(1, "free@example.test"), (2, "ida@example.test"), (3, "IDA@EXAMPLE.test")] {
        // Past what is sent to one mailbox at a time.
        house.stage.clock.advance_seconds(3600);
        house.store.take();
        let mark = house.stage.mark().await;
        ask(&house, &me, to, ip).await.unwrap();
        let kinds: Vec<_> = house.stage.kinds(mark).await;
        seen.push((house.store.take(), kinds, house.mails().await));
    }
    for (calls, kinds, mails) in &seen[1..] {
        assert_eq!((calls, kinds), (&seen[0].0, &seen[0].1));
        assert_eq!(mails.len(), 1);
        assert!(matches!(mails[0].about, About::AlreadySignedUp(_)), "{mails:?}");
        assert_eq!(post::address(&mails[0]), "ida@example.test");
    }
    let guess = Secret::new("000000");
    let wrong = email::answer(&house.issuer, &me, Purpose::ChangeEmail, &guess, "flow", &caller(4)).await;
    assert_eq!(code(wrong), Code::InvalidCode);
    for bad in ["", "nora", "a b@c.test", "n\u{200b}a@example.test", &"x".repeat(70_000)] {
        assert_eq!(code(ask(&house, &me, bad, 5).await), Code::InvalidRequest, "{bad:.20}");
    }
}

/// A link of one person does nothing for another who is signed in by then, nor in another browser; nor does
/// the code of one purpose serve the other.
pub async fn account_address_bound(stage: Stage) {
    let house = house(stage).await;
    let issuer = &house.issuer;
    house.person("nora").await;
    house.person("ida").await;
    let (nora, ida) = (signed_in(&house, "nora").await, signed_in(&house, "ida").await);
    house.mails().await;
    ask(&house, &nora, "nora@new.test", 1).await.unwrap();
    let mail = house.mails().await.remove(0);
    let (token, beside) = (house.token(&mail), Secret::new(post::code(&mail).unwrap()));
    assert_eq!(code(email::open(issuer, &ida, &token, "flow", &caller(1)).await), Code::CodeExpired);
    assert_eq!(code(email::open(issuer, &nora, &token, "other", &caller(1)).await), Code::InvalidCode);
    let aimed = email::answer(issuer, &nora, Purpose::VerifyEmail, &beside, "flow", &caller(2)).await;
    assert!(matches!(code(aimed), Code::CodeExpired | Code::InvalidCode));
    let theirs = email::answer(issuer, &ida, Purpose::ChangeEmail, &beside, "flow", &caller(3)).await;
    assert!(matches!(code(theirs), Code::CodeExpired | Code::InvalidCode));

    // Taken meanwhile: told to whoever reads that mailbox, and nothing changes.
    let change = crate::fixture::credential_change(&ida.subject.user.id, EventKind::EmailChanged);
    house.stage.store.change_email(change, "nora@new.test").await.unwrap();
    assert_eq!(code(email::open(issuer, &nora, &token, "flow", &caller(1)).await), Code::Conflict);
    let user = house.stage.store.account(&nora.subject.user.id).await.unwrap().it.unwrap().subject.user;
    assert_eq!(user.email, "nora@example.test");
}

/// A password: the old one or a fresh sign-in; others are signed out; told. The last way to sign in stays.
pub async fn account_password_changes(stage: Stage) {
    let mut settings = Settings::new(ISSUER);
    settings.login.mail = false;
    let house = House::with(stage, settings).await;
    let issuer = &house.issuer;
    let user = house.person("nora").await;
    let other = signed_in(&house, "nora").await;
    let me = signed_in(&house, "nora").await;
    assert!(factors::fresh_enough(issuer, &me).await.unwrap());
    house.stage.clock.advance_seconds(601);
    assert!(!factors::fresh_enough(issuer, &me).await.unwrap());
    assert!(password::old_will_do(issuer, &me).await.unwrap());
    let wrong = password::prove_old(issuer, &me, Secret::new("wrong wrong"), "flow", &caller(1)).await;
    assert_eq!(code(wrong), Code::InvalidCredentials);
    password::prove_old(issuer, &me, Secret::new(PASSWORD), "flow", &caller(1)).await.unwrap();
    assert_eq!(code(password::set(issuer, &me, Secret::new("nora"), &caller(1)).await), Code::WeakPassword);
    house.mails().await;
    password::set(issuer, &me, Secret::new(NEW), &caller(1)).await.unwrap();
    let told = house.mails().await;
    assert!(matches!(&told[0].about, About::Notice(n) if n.what == Noticed::PasswordChanged), "{told:?}");
    let live: Vec<_> =
        house.stage.store.list_browsers(&user.id).await.unwrap().into_iter().map(|b| b.id).collect();
    assert_eq!(live, std::slice::from_ref(&me.session.id), "not {}", other.session.id);
    assert_eq!(code(house.sign_in("nora", &browser("flow")).await), Code::InvalidCredentials);
    assert_eq!(code(password::remove(issuer, &me, &caller(1)).await), Code::Conflict, "the last way");
    assert!(house.stage.store.account(&user.id).await.unwrap().it.unwrap().enrolled.password);
    // A link to a provider that is not configured any more leads nowhere.
    let change = crate::fixture::credential_change(&user.id, EventKind::ProviderLinked);
    house.stage.store.add_upstream(change, "gone", "s-1", None).await.unwrap();
    let subject = house.stage.store.subject(&user.id).await.unwrap().it.unwrap();
    let linked = LiveBrowser { subject, ..me.clone() };
    assert_eq!(
        code(password::remove(issuer, &linked, &caller(1)).await),
        Code::Conflict,
        "still the last way"
    );

    // With a second factor the old password is no longer enough.
    let user = house.stage.store.account(&user.id).await.unwrap().it.unwrap().subject.user;
    enrolled(&house, &user).await;
    assert!(!password::old_will_do(issuer, &me).await.unwrap());
}

/// A request let in just before the owner's reset ended its session changes nothing after it: what it may was
/// decided by credentials that are void.
pub async fn account_changes_end_with_the_session(stage: Stage) {
    let house = house(stage).await;
    let issuer = &house.issuer;
    let nora = house.person("nora").await;
    let thief = signed_in(&house, "nora").await;
    house.mails().await;
    ask(&house, &thief, "thief@example.test", 1).await.unwrap();
    let token = house.token(&house.mails().await.remove(0));
    let me = &thief.subject.user;
    let pending = app::begin(issuer, me, "flow", house.stage.clock.now()).unwrap();
    let shows = super::totp::shown(&pending, house.stage.clock.now());
    users::set_password(issuer, "nora", Secret::new(NEW)).await.unwrap();

    let (keep, from) = (Some(&thief.session.id), caller(1));
    let set = password::set(issuer, &thief, Secret::new("mine mine mine mine"), &from).await;
    assert_eq!(code(set), Code::Conflict, "a password");
    assert_eq!(code(password::remove(issuer, &thief, &from).await), Code::Conflict, "none");
    let address = code(email::open(issuer, &thief, &token, "flow", &from).await);
    assert!(matches!(address, Code::Conflict | Code::CodeExpired), "{address:?}");
    let app = app::confirm(issuer, me, "flow", &pending.blob, &shows, keep, &from).await;
    assert_eq!(code(app), Code::Conflict, "an app");
    assert_eq!(code(paper::make(issuer, me, keep, &from).await), Code::Conflict, "codes");
    let now = house.stage.store.account(&nora.id).await.unwrap().it.unwrap();
    assert_eq!((now.subject.user.email.as_str(), now.enrolled.totp), ("nora@example.test", false));
    assert_eq!(now.subject.user.credential_version, me.credential_version + 1, "the reset alone");

    // Removals too.
    enrolled(&house, &now.subject.user).await;
    assert_eq!(code(app::remove(issuer, me, keep, &from).await), Code::Conflict);
    assert!(house.stage.store.account(&nora.id).await.unwrap().it.unwrap().enrolled.totp);
}

/// Consents: listed, taken back once, not another's.
pub async fn account_consents(stage: Stage) {
    let house = house(stage).await;
    let issuer = &house.issuer;
    let nora = house.person("nora").await;
    house.person("ida").await;
    let client = house.stage.client("app").await;
    issuer.follow().await.unwrap();
    let consent = Consent {
        user: nora.id.clone(),
        client: client.id.clone(),
        scopes: Scopes::parse("openid email").unwrap(),
        resources: vec![],
        granted_at: Timestamp::default(),
    };
    let granted = crate::fixture::event(EventKind::ConsentGranted);
    house.stage.store.grant_consent(consent, granted).await.unwrap();
    let (me, ida) = (signed_in(&house, "nora").await, signed_in(&house, "ida").await);
    let given = consents::list(issuer, &me).await.unwrap();
    assert_eq!((given.len(), given[0].name()), (1, "Test app"));
    for foreign in ["app", "none", "", "u_x", "\u{0}"] {
        assert_eq!(code(consents::withdraw(issuer, &ida, foreign, &caller(1)).await), Code::NotFound);
    }
    consents::withdraw(issuer, &me, "app", &caller(1)).await.unwrap();
    assert_eq!(code(consents::withdraw(issuer, &me, "app", &caller(1)).await), Code::NotFound);
    assert!(consents::list(issuer, &me).await.unwrap().is_empty());
}

/// Everything about oneself, nothing about others, no secret.
pub async fn account_export(stage: Stage) {
    let house = house(stage).await;
    let issuer = &house.issuer;
    let nora = house.person("nora").await;
    house.person("ida").await;
    let pending = enrolled(&house, &nora).await;
    signed_in(&house, "ida").await;
    let fresh = house.sign_in("ida", &browser("flow")).await.unwrap();
    let me = {
        let account = house.stage.store.account(&nora.id).await.unwrap().it.unwrap();
        let session = house.stage.browser(&account.subject.user).await;
        LiveBrowser { session, subject: account.subject }
    };
    let text = export::export(issuer, &me, &caller(1)).await.unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["profile"]["email"], "nora@example.test");
    assert_eq!(document["sign_in"]["authenticator_app"], true);
    assert_eq!(document["sign_in"]["recovery_codes_left"], 10);
    assert_eq!(document["browser_sessions"].as_array().unwrap().len(), 1);
    let kinds: Vec<_> = document["events"].as_array().unwrap().iter().map(|e| e["kind"].clone()).collect();
    assert!(kinds.contains(&"totp.added".into()) && kinds.contains(&"user.created".into()), "{kinds:?}");
    let key = pending.key.expose().replace(' ', "");
    for secret in ["ida", "$test$", key.as_str(), fresh.cookie.expose(), PASSWORD] {
        assert!(!text.contains(secret), "{secret}");
    }
    assert_eq!(house.stage.store.events_of(&nora.id, 1).await.unwrap()[0].what.kind, EventKind::DataExported);
}
