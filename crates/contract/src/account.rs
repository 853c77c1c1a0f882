//! People with what they can prove themselves by.

use crate::fixture::{UNTIL, credential_change, event};
use crate::stage::{Stage, at_once};
use countersign_issuer::model::{Acr, Digest, EventKind, Factor, Sealed, Secret, User, UserId};
use countersign_issuer::port::{ChangedEmail, CredentialChange, StoreError};
use std::sync::Arc;

fn decided_by(user: &User, version: u32, kind: EventKind) -> CredentialChange {
    CredentialChange { version: Some(version), ..credential_change(&user.id, kind) }
}

/// By id, address and name, one and the same; nobody otherwise.
pub async fn account_found(stage: Stage) {
    let store = &stage.store;
    let user = stage.user("Ada").await;
    stage.user("bob").await;
    let read = store.account(&user.id).await.unwrap();
    assert_eq!(read.now, stage.clock.now());
    let account = read.it.unwrap();
    assert_eq!(account.subject.user, user);
    let enrolled = account.enrolled;
    assert!(enrolled.password && !enrolled.totp && !enrolled.two_steps(), "{enrolled:?}");
    assert_eq!((enrolled.passkeys, enrolled.recovery_codes, enrolled.upstreams.len()), (0, 0, 0));
    for login in ["Ada@example.test", "ADA@EXAMPLE.TEST", "ada", "ADA"] {
        let found = store.find_account(login).await.unwrap().it.unwrap_or_else(|| panic!("{login}"));
        assert_eq!((found.subject.user, found.enrolled), (user.clone(), enrolled.clone()));
    }
    for login in ["", "ad", "%", "ada ", "' OR 1=1 --", "ada@example.test\u{0}"] {
        assert!(store.find_account(login).await.unwrap().it.is_none(), "{login:?}");
    }
    assert!(store.account(&UserId::mint(&stage.entropy)).await.unwrap().it.is_none());
}

/// Another address: verified, found by it alone, every session ended. One that somebody has is refused.
pub async fn account_change_email(stage: Stage) {
    let store = &stage.store;
    let (user, client) = (stage.user("ada").await, stage.client("app").await);
    stage.user("bob").await;
    let (kept, other) = (stage.browser(&user).await, stage.browser(&user).await);
    let session = stage.session(&user, &client, Some(&other)).await;
    let change = CredentialChange {
        keep: Some(kept.id.clone()),
        ..decided_by(&user, user.credential_version, EventKind::EmailChanged)
    };

    let mark = stage.mark().await;
    for taken in ["bob@example.test", "BOB@example.TEST"] {
        let refused = store.change_email(change.clone(), taken).await.unwrap();
        assert_eq!(refused, ChangedEmail::Taken, "{taken}");
    }
    assert_eq!(stage.mark().await, mark, "nothing written");
    let ChangedEmail::Changed(rules) = store.change_email(change.clone(), "Ada@new.test").await.unwrap()
    else {
        panic!("not changed");
    };
    assert_eq!(rules.iter().map(|r| r.id.clone()).collect::<Vec<_>>(), [session.id.to_string()]);
    let now = store.account(&user.id).await.unwrap().it.unwrap().subject.user;
    assert_eq!((now.email.as_str(), now.email_verified), ("Ada@new.test", true));
    assert_eq!(now.credential_version, user.credential_version + 1);
    assert!(store.find_account("ada@example.test").await.unwrap().it.is_none());
    assert!(store.find_account("ada@NEW.test").await.unwrap().it.is_some());
    let live: Vec<_> = store.list_browsers(&user.id).await.unwrap().into_iter().map(|b| b.id).collect();
    assert_eq!(live, [kept.id]);
    assert_eq!(stage.kinds(mark).await, [EventKind::EmailChanged]);

    let own = decided_by(&user, user.credential_version + 1, EventKind::EmailChanged);
    let again = store.change_email(own, "ADA@new.test").await.unwrap();
    assert!(matches!(again, ChangedEmail::Changed(_)), "one's own in other letters");
    let nobody = credential_change(&UserId::mint(&stage.entropy), EventKind::EmailChanged);
    assert_eq!(store.change_email(nobody, "x@new.test").await.unwrap(), ChangedEmail::NoSuchUser);
}

/// Of many people who want one address at once, one gets it.
pub async fn account_email_taken_64_at_once(stage: Stage) {
    let mut people = Vec::new();
    for n in 0..64 {
        people.push(stage.user(&format!("p{n}")).await);
    }
    let outcomes = at_once(64, |n| {
        let (store, user) = (Arc::clone(&stage.store), people[n].id.clone());
        async move {
            let change = credential_change(&user, EventKind::EmailChanged);
            store.change_email(change, "wanted@example.test").await.unwrap()
        }
    })
    .await;
    let got = outcomes.iter().filter(|o| matches!(o, ChangedEmail::Changed(_))).count();
    let refused = outcomes.iter().filter(|o| **o == ChangedEmail::Taken).count();
    assert_eq!((got, refused), (1, 63));
}

/// Only the address the proof was about is verified.
pub async fn account_verify_email(stage: Stage) {
    let store = &stage.store;
    let user = stage.user("ada").await;
    let verified = || event(EventKind::EmailVerified);
    let mark = stage.mark().await;
    for wrong in ["ada@other.test", "", "ADA@example.test"] {
        assert!(!store.verify_email(&user.id, wrong, verified()).await.unwrap(), "{wrong:?}");
    }
    assert!(!store.verify_email(&UserId::mint(&stage.entropy), &user.email, verified()).await.unwrap());
    assert_eq!(stage.mark().await, mark, "nothing written");
    assert!(store.verify_email(&user.id, &user.email, verified()).await.unwrap());
    let now = store.account(&user.id).await.unwrap().it.unwrap().subject.user;
    assert!(now.email_verified && now.credential_version == user.credential_version);
    assert_eq!(stage.kinds(mark).await, [EventKind::EmailVerified]);
}

/// A reset sets the password and forgets the devices; a removal takes it away, once.
pub async fn account_passwords(stage: Stage) {
    let store = &stage.store;
    let (user, bob) = (stage.user("ada").await, stage.user("bob").await);
    for who in [&user, &bob] {
        stage.browser_on(who, [1; 32], "laptop").await;
    }
    let change = credential_change(&user.id, EventKind::PasswordChanged);
    store.reset_password(change.clone(), Secret::new("$new")).await.unwrap().unwrap();
    let found = store.find_login("ada").await.unwrap().it.unwrap();
    assert_eq!(found.password.unwrap().expose(), "$new");
    assert_eq!(store.known_device(&user.id, &[1; 32]).await.unwrap(), None, "unknown again");
    assert_eq!(store.known_device(&bob.id, &[1; 32]).await.unwrap(), Some(Acr::One), "others' stay");
    assert!(store.list_browsers(&user.id).await.unwrap().is_empty());
    assert_eq!(store.list_browsers(&bob.id).await.unwrap().len(), 1);

    store.remove_password(change.clone()).await.unwrap().unwrap();
    let account = store.account(&user.id).await.unwrap().it.unwrap();
    assert!(!account.enrolled.password);
    assert_eq!(account.subject.user.credential_version, user.credential_version + 2);
    let mark = stage.mark().await;
    assert!(store.remove_password(change.clone()).await.unwrap().is_none(), "there was none");
    let nobody = CredentialChange { user: UserId::mint(&stage.entropy), ..change };
    assert!(store.reset_password(nobody, Secret::new("$x")).await.unwrap().is_none());
    assert_eq!(stage.mark().await, mark, "nothing written");
}

/// Decided by what is not so any more: nothing of it is done.
pub async fn account_change_outrun(stage: Stage) {
    let store = &stage.store;
    let user = stage.user("ada").await;
    stage.browser(&user).await;
    let mark = stage.mark().await;
    let stale = || decided_by(&user, user.credential_version + 1, EventKind::PasswordChanged);
    let outrun = [
        store.remove_password(stale()).await.map(drop),
        store.set_password(stale(), Secret::new("$x")).await.map(drop),
        store.reset_password(stale(), Secret::new("$x")).await.map(drop),
        store.change_email(stale(), "ada@new.test").await.map(drop),
    ];
    for (n, result) in outrun.into_iter().enumerate() {
        assert!(matches!(result, Err(StoreError::Outrun)), "{n}: {result:?}");
    }
    let account = store.account(&user.id).await.unwrap().it.unwrap();
    assert_eq!(account.subject.user, user);
    assert!(account.enrolled.password, "not removed");
    assert_eq!(store.list_browsers(&user.id).await.unwrap().len(), 1);
    assert_eq!(stage.mark().await, mark, "nothing written");
}

/// Of changes decided by the same state at once, one is done.
pub async fn account_changes_64_at_once(stage: Stage) {
    let user = stage.user("ada").await;
    let outcomes = at_once(64, |n| {
        let (store, user) = (Arc::clone(&stage.store), user.clone());
        async move {
            let change = decided_by(&user, user.credential_version, EventKind::PasswordChanged);
            store.set_password(change, Secret::new(format!("${n}"))).await
        }
    })
    .await;
    let done = outcomes.iter().filter(|o| matches!(o, Ok(Some(_)))).count();
    let outrun = outcomes.iter().filter(|o| matches!(o, Err(StoreError::Outrun))).count();
    assert_eq!((done, outrun), (1, 63));
    let now = stage.store.account(&user.id).await.unwrap().it.unwrap().subject.user;
    assert_eq!(now.credential_version, user.credential_version + 1);
}

/// Devices are known to the person they signed in, newest first, until forgotten; a language is kept.
pub async fn account_devices(stage: Stage) {
    let store = &stage.store;
    let (user, bob) = (stage.user("ada").await, stage.user("bob").await);
    stage.browser_on(&user, [1; 32], "laptop").await;
    let first = stage.clock.now();
    let later = stage.clock.advance_seconds(60);
    stage.browser_on(&user, [2; 32], "phone").await;
    stage.browser_on(&user, [1; 32], "laptop, renamed").await;
    assert_eq!(store.known_device(&user.id, &[1; 32]).await.unwrap(), Some(Acr::One));
    assert_eq!(store.known_device(&bob.id, &[1; 32]).await.unwrap(), None);
    let mut listed: Vec<_> = store
        .list_devices(&user.id)
        .await
        .unwrap()
        .into_iter()
        .map(|d| (d.device, d.created_at, d.seen_at))
        .collect();
    listed.sort();
    let due = [("laptop, renamed".to_owned(), first, later), ("phone".to_owned(), later, later)];
    assert_eq!(listed, due);
    let forget = async |who: &User, only: Option<u8>| {
        let (mark, only) = (stage.mark().await, only.map(|n| Digest([n; 32])));
        let event = event(EventKind::DeviceForgotten);
        let gone = store.forget_devices(&who.id, only.as_ref(), event).await.unwrap();
        (gone, stage.kinds(mark).await.len())
    };
    assert_eq!(forget(&bob, Some(1)).await, (0, 0), "another's");
    assert_eq!(forget(&user, Some(3)).await, (0, 0));
    assert_eq!(forget(&user, Some(1)).await, (1, 1));
    assert_eq!(store.known_device(&user.id, &[1; 32]).await.unwrap(), None);
    assert_eq!(store.list_devices(&user.id).await.unwrap()[0].digest, Digest([2; 32]));
    stage.browser_on(&user, [1; 32], "laptop").await;
    assert_eq!(forget(&user, None).await, (2, 1));
    assert!(store.list_devices(&user.id).await.unwrap().is_empty());
    let nobody = UserId::mint(&stage.entropy);
    assert_eq!(store.known_device(&nobody, &[2; 32]).await.unwrap(), None);

    assert_eq!(store.locale(&user.id).await.unwrap(), None);
    store.set_locale(&user.id, "pt-BR").await.unwrap();
    assert_eq!(store.locale(&user.id).await.unwrap().as_deref(), Some("pt-BR"));
    assert_eq!(store.locale(&bob.id).await.unwrap(), None);
    store.remove_user(&user.id, UNTIL, event(EventKind::UserRemoved)).await.unwrap().unwrap();
    assert_eq!(store.locale(&user.id).await.unwrap(), None);
}

/// People whose second factors are none of those asked about, disabled ones apart.
pub async fn account_stranded(stage: Stage) {
    let store = &stage.store;
    let (ada, bob) = (stage.user("ada").await, stage.user("bob").await);
    let (dora, eve) = (stage.user("dora").await, stage.user("eve").await);
    stage.user("fay").await;
    for user in [&ada, &bob, &dora] {
        let change = credential_change(&user.id, EventKind::PhoneAdded);
        store.put_phone(change, "+491701234567").await.unwrap().unwrap();
    }
    for user in [&bob, &eve] {
        let change = credential_change(&user.id, EventKind::TotpAdded);
        store.put_totp(change, Sealed(vec![1]), 1).await.unwrap().unwrap();
    }
    store.disable_user(&dora.id, UNTIL, event(EventKind::UserDisabled)).await.unwrap().unwrap();
    for (usable, due) in [
        (&[Factor::SmsCode, Factor::Totp][..], 0),
        (&[Factor::Totp], 1),
        (&[Factor::SmsCode], 1),
        (&[Factor::Passkey, Factor::SecurityKey, Factor::RecoveryCode], 3),
        (&[], 3),
    ] {
        assert_eq!(store.count_stranded(usable).await.unwrap(), due, "{usable:?}");
    }
}

/// What happened to one person, newest first, and to nobody else.
pub async fn account_events(stage: Stage) {
    let store = &stage.store;
    let (user, bob) = (stage.user("ada").await, stage.user("bob").await);
    for kind in [EventKind::LoginFailed, EventKind::LoginSucceeded, EventKind::DataExported] {
        store.note(event(kind).user(&user.id).with("ip", "192.0.2.1")).await.unwrap();
        store.note(event(kind).user(&bob.id)).await.unwrap();
        store.note(event(kind)).await.unwrap();
    }
    let all = store.events_of(&user.id, 100).await.unwrap();
    let kinds: Vec<_> = all.iter().map(|e| e.what.kind).collect();
    use EventKind::{DataExported, LoginFailed, LoginSucceeded, UserCreated};
    assert_eq!(kinds, [DataExported, LoginSucceeded, LoginFailed, UserCreated]);
    assert!(all.iter().all(|e| e.what.user.as_ref() == Some(&user.id)));
    assert_eq!(store.events_of(&user.id, 2).await.unwrap(), all[..2]);
    assert!(store.events_of(&UserId::mint(&stage.entropy), 100).await.unwrap().is_empty());
}
