//! People and their passwords.

use crate::fixture::{self, UNTIL, event, role, rotation};
use crate::stage::{Stage, at_once};
use countersign_issuer::model::{Cutoff, EventKind, RuleKind, Secret, UserId, UserState};
use countersign_issuer::port::browser_session::SignedIn;
use countersign_issuer::port::{ChangedUser, CreateUser, CredentialChange, Page, RotateOutcome, UserChange};
use std::sync::Arc;

/// What is written reads back, by id, address and name, without regard to case.
pub async fn user_round_trip(stage: Stage) {
    let store = &stage.store;
    stage.role(role("reader", "https://api.example.test/", "read")).await;
    stage.role(role("admin", "https://api.example.test/", "write")).await;
    let mut new = fixture::new_user(&stage.entropy, "Ada");
    new.roles = vec!["reader".to_owned(), "admin".to_owned()];
    let made = store.create_user(new.clone(), event(EventKind::UserCreated)).await.unwrap();
    let CreateUser::Created(user) = made else { panic!("{made:?}") };
    assert_eq!((&user.id, user.email.as_str()), (&new.id, "Ada@example.test"));
    assert_eq!(user.roles, ["admin", "reader"], "sorted");
    assert_eq!((user.credential_version, user.cutoff, user.state), (1, None, UserState::Active));
    assert_eq!((user.created_at, user.updated_at), (stage.clock.now(), stage.clock.now()));

    let read = store.subject(&user.id).await.unwrap();
    assert_eq!(read.now, stage.clock.now());
    let subject = read.it.unwrap();
    assert_eq!(subject.user, store.list_users(page(None, 10)).await.unwrap()[0]);
    assert_eq!(subject.roles[0].grants["https://api.example.test/"].to_string(), "write");
    for login in ["Ada@example.test", "ada@EXAMPLE.test", "ada", "ADA"] {
        let found = store.find_login(login).await.unwrap().it.unwrap_or_else(|| panic!("{login}"));
        assert_eq!(found.subject.user, subject.user);
        assert_eq!(found.password.unwrap().expose(), new.password.as_ref().unwrap().expose());
    }
    for login in ["", "ad", "ada@example", "%", "ada ", "' OR 1=1 --"] {
        assert!(store.find_login(login).await.unwrap().it.is_none(), "{login:?}");
    }
    let nobody = UserId::mint(&stage.entropy);
    assert!(store.subject(&nobody).await.unwrap().it.is_none());
}

/// An address or name that is taken, a role that is not there: said so, and nothing written.
pub async fn user_refused(stage: Stage) {
    stage.user("ada").await;
    let mark = stage.mark().await;
    let create = |email: &str, username: Option<&str>, roles: &[&str]| {
        let mut new = fixture::new_user(&stage.entropy, "x");
        new.email = email.to_owned();
        new.username = username.map(str::to_owned);
        new.roles = roles.iter().map(|&r| r.to_owned()).collect();
        let store = Arc::clone(&stage.store);
        async move { store.create_user(new, event(EventKind::UserCreated)).await.unwrap() }
    };
    assert_eq!(create("ADA@example.test", Some("other"), &[]).await, CreateUser::EmailTaken);
    assert_eq!(create("b@example.test", Some("aDA"), &[]).await, CreateUser::UsernameTaken);
    let missing = CreateUser::NoSuchRole("ghost".to_owned());
    assert_eq!(create("b@example.test", None, &["ghost"]).await, missing);
    assert_eq!(stage.mark().await, mark);
    assert_eq!(stage.store.list_users(page(None, 10)).await.unwrap().len(), 1);
    // Two people without a user name are not in each other's way.
    assert!(matches!(create("b@example.test", None, &[]).await, CreateUser::Created(_)));
    assert!(matches!(create("c@example.test", None, &[]).await, CreateUser::Created(_)));
}

/// The same address 64 times at once: one person.
pub async fn user_once_of_many(stage: Stage) {
    let done = at_once(64, |_| {
        let (store, new) = (Arc::clone(&stage.store), fixture::new_user(&stage.entropy, "ada"));
        async move { store.create_user(new, event(EventKind::UserCreated)).await.unwrap() }
    })
    .await;
    assert_eq!(done.iter().filter(|d| matches!(d, CreateUser::Created(_))).count(), 1);
    assert_eq!(done.iter().filter(|d| **d == CreateUser::EmailTaken).count(), 63);
}

/// Each attribute changes alone, and only what exists.
pub async fn user_change(stage: Stage) {
    let store = &stage.store;
    stage.role(role("reader", "https://api.example.test/", "read")).await;
    let user = stage.user("ada").await;
    let mark = stage.mark().await;
    let change = |change: UserChange| store.change_user(&user.id, change, event(EventKind::UserChanged));
    let now = stage.clock.advance_seconds(5);
    let name = UserChange { name: Some(Some("Countess".to_owned())), ..UserChange::default() };
    assert_eq!(change(name).await.unwrap(), ChangedUser::Changed);
    let roles = vec!["reader".to_owned(), "reader".to_owned()];
    let roles = UserChange { roles: Some(roles), email_verified: Some(false), ..UserChange::default() };
    assert_eq!(change(roles).await.unwrap(), ChangedUser::Changed);
    let read = store.subject(&user.id).await.unwrap().it.unwrap().user;
    assert_eq!(read.name.as_deref(), Some("Countess"));
    assert_eq!((read.email_verified, &read.roles[..]), (false, &["reader".to_owned()][..]));
    assert_eq!((read.updated_at, read.created_at), (now, user.created_at));

    let ghost =
        UserChange { roles: Some(vec!["ghost".to_owned()]), name: Some(None), ..UserChange::default() };
    assert_eq!(change(ghost).await.unwrap(), ChangedUser::NoSuchRole("ghost".to_owned()));
    assert_eq!(store.subject(&user.id).await.unwrap().it.unwrap().user, read);
    assert_eq!(
        change(UserChange { name: Some(None), ..UserChange::default() }).await.unwrap(),
        ChangedUser::Changed
    );
    assert_eq!(store.subject(&user.id).await.unwrap().it.unwrap().user.name, None);
    let nobody = UserId::mint(&stage.entropy);
    let none = store.change_user(&nobody, UserChange::default(), event(EventKind::UserChanged)).await;
    assert_eq!(none.unwrap(), ChangedUser::NoSuchUser);
    let events = stage.events(mark).await;
    assert_eq!(events.len(), 3);
    assert!(events.iter().all(|e| e.what.user.as_ref() == Some(&user.id)));
}

fn page(after: Option<&str>, limit: u16) -> Page {
    Page { after: after.map(str::to_owned), limit }
}

/// Pages by id: everybody once.
pub async fn user_pages(stage: Stage) {
    let mut made = Vec::new();
    for i in 0..7 {
        made.push(stage.user(&format!("user{i}")).await.id);
    }
    made.sort();
    let mut seen = Vec::new();
    loop {
        let after = seen.last().map(|id: &UserId| id.as_str());
        let users = stage.store.list_users(page(after, 3)).await.unwrap();
        assert!(users.len() <= 3);
        if users.is_empty() {
            break;
        }
        seen.extend(users.into_iter().map(|u| u.id));
    }
    assert_eq!(seen, made);
}

/// A new password ends every other sign-in and session, with a rule each.
pub async fn password_ends_sessions(stage: Stage) {
    let store = &stage.store;
    let (user, other) = (stage.user("ada").await, stage.user("bob").await);
    let client = stage.client("app").await;
    let (kept, gone) = (stage.browser(&user).await, stage.browser(&user).await);
    let under_kept = stage.session(&user, &client, Some(&kept)).await;
    let under_gone = stage.session(&user, &client, Some(&gone)).await;
    let direct = stage.session(&user, &client, None).await;
    let of_other = stage.session(&other, &client, None).await;

    let change = fixture::credential_change(&user.id, EventKind::PasswordChanged);
    let keep = CredentialChange { keep: Some(kept.id.clone()), ..change.clone() };
    let rules = store.set_password(keep, Secret::new("new")).await.unwrap().unwrap();
    let mut named: Vec<_> = rules.iter().map(|r| r.id.clone()).collect();
    let mut expected = [under_gone.id.to_string(), direct.id.to_string()];
    named.sort();
    expected.sort();
    assert_eq!(named, expected);
    for rule in &rules {
        assert_eq!((rule.kind, rule.cutoff), (RuleKind::Sid, Cutoff::ALWAYS));
        assert_eq!(rule.until, stage.clock.now() + UNTIL);
    }
    assert_eq!(store.rules_after(0, 10).await.unwrap().it.0, rules);
    let found = store.find_login("ada").await.unwrap().it.unwrap();
    assert_eq!(found.password.unwrap().expose(), "new");
    assert_eq!(found.subject.user.credential_version, 2);
    assert_eq!(store.list_browsers(&user.id).await.unwrap().len(), 1);
    for (session, ended) in [(&under_kept, false), (&under_gone, true), (&direct, true), (&of_other, false)] {
        let read = store.client_session(session.id).await.unwrap().it.unwrap().0;
        assert_eq!(read.revoked_at.is_some(), ended);
    }
    let all = store.set_password(change.clone(), Secret::new("newer")).await;
    assert_eq!(all.unwrap().unwrap().len(), 1);
    assert!(store.list_browsers(&user.id).await.unwrap().is_empty());
    let nobody = CredentialChange { user: UserId::mint(&stage.entropy), ..change };
    assert!(store.set_password(nobody, Secret::new("x")).await.unwrap().is_none());
}

/// A proof made against the password before is void.
pub async fn password_voids_proofs(stage: Stage) {
    let store = &stage.store;
    let (user, client) = (stage.user("ada").await, stage.client("app").await);
    let sign_in = fixture::sign_in(&stage.entropy, &user.id);
    let change = fixture::credential_change(&user.id, EventKind::PasswordChanged);
    store.set_password(change, Secret::new("new")).await.unwrap().unwrap();
    let mark = stage.mark().await;
    let signed_in = store.sign_in(sign_in, None, UNTIL, event(EventKind::LoginSucceeded)).await.unwrap();
    assert!(matches!(signed_in, SignedIn::Refused));
    let new = fixture::client_session(&stage.entropy, &user.id, &client.id, None);
    let started = event(EventKind::ClientSessionStarted);
    assert!(store.start_session(new, 1, fixture::ABSOLUTE, started).await.unwrap().is_none());
    assert_eq!(stage.mark().await, mark, "nothing written");
}

/// The hash is renewed by whoever saw the old one first.
pub async fn password_hash_renewed_once(stage: Stage) {
    let user = stage.user("ada").await;
    let old = stage.store.find_login("ada").await.unwrap().it.unwrap().password.unwrap();
    let mark = stage.mark().await;
    let done = at_once(16, |i| {
        let (store, id, old) = (Arc::clone(&stage.store), user.id.clone(), old.clone());
        async move {
            let new = Secret::new(format!("new{i}"));
            store.renew_hash(&id, &old, new, event(EventKind::PasswordRehashed)).await.unwrap()
        }
    })
    .await;
    assert_eq!(done.iter().filter(|&&renewed| renewed).count(), 1);
    let winner = done.iter().position(|&renewed| renewed).unwrap();
    let found = stage.store.find_login("ada").await.unwrap().it.unwrap();
    assert_eq!(found.password.unwrap().expose(), format!("new{winner}"));
    assert_eq!(found.subject.user.credential_version, 1, "the same password");
    assert_eq!(stage.kinds(mark).await, [EventKind::PasswordRehashed]);
}

/// Disabled: signed out everywhere, no way in, tokens up to now revoked. Enabled again: a way in.
pub async fn user_disable_enable(stage: Stage) {
    let store = &stage.store;
    let (user, client) = (stage.user("ada").await, stage.client("app").await);
    let browser = stage.browser(&user).await;
    let session = stage.session(&user, &client, Some(&browser)).await;
    let code = fixture::code(&stage.entropy, &user.id, &client.id, &browser.id);
    assert!(store.create_code(code.clone(), fixture::CODE_LIFE).await.unwrap());

    let now = stage.clock.advance_seconds(7);
    let disabled = event(EventKind::UserDisabled);
    let rules = store.disable_user(&user.id, UNTIL, disabled.clone()).await.unwrap().unwrap();
    let [rule] = &rules[..] else { panic!("{rules:?}") };
    assert_eq!((rule.kind, rule.id.as_str()), (RuleKind::Sub, user.id.as_str()));
    assert_eq!((rule.cutoff, rule.until), (Cutoff(now.seconds() + 2), now + UNTIL));
    assert!(store.disable_user(&user.id, UNTIL, disabled).await.unwrap().is_none(), "only once");

    let read = store.subject(&user.id).await.unwrap().it.unwrap().user;
    assert_eq!((read.state, read.cutoff), (UserState::Disabled { at: now }, Some(rule.cutoff)));
    assert!(store.find_login("ada").await.unwrap().it.is_some(), "known, and refused by the flow");
    assert!(store.live_browser(&browser.cookie).await.unwrap().it.is_none());
    assert!(store.list_client_sessions(&user.id).await.unwrap().is_empty());
    let refused = store.rotate_refresh(rotation(&session, 1), event(EventKind::RefreshTheft)).await.unwrap();
    assert!(matches!(refused, RotateOutcome::Gone), "{refused:?}");
    assert!(!store.create_code(code, fixture::CODE_LIFE).await.unwrap());
    let sign_in = fixture::sign_in(&stage.entropy, &user.id);
    let signed_in = store.sign_in(sign_in, None, UNTIL, event(EventKind::LoginSucceeded)).await.unwrap();
    assert!(matches!(signed_in, SignedIn::Refused));

    assert!(store.enable_user(&user.id, event(EventKind::UserEnabled)).await.unwrap());
    assert!(!store.enable_user(&user.id, event(EventKind::UserEnabled)).await.unwrap());
    let signed_in_again = stage.browser(&user).await;
    assert!(store.live_browser(&signed_in_again.cookie).await.unwrap().it.is_some());
    assert!(store.live_browser(&browser.cookie).await.unwrap().it.is_none(), "ended is ended");
    let refused = store.rotate_refresh(rotation(&session, 1), event(EventKind::RefreshTheft)).await.unwrap();
    assert!(matches!(refused, RotateOutcome::Gone), "{refused:?}");
}

/// Removed: everything of theirs is gone, every token revoked, the address free again.
pub async fn user_remove(stage: Stage) {
    let store = &stage.store;
    let (user, client) = (stage.user("ada").await, stage.client("app").await);
    let browser = stage.browser(&user).await;
    let session = stage.session(&user, &client, Some(&browser)).await;
    let code = fixture::code(&stage.entropy, &user.id, &client.id, &browser.id);
    assert!(store.create_code(code.clone(), fixture::CODE_LIFE).await.unwrap());
    let mark = stage.mark().await;

    let removed = event(EventKind::UserRemoved);
    let rules = store.remove_user(&user.id, UNTIL, removed.clone()).await.unwrap().unwrap();
    let [rule] = &rules[..] else { panic!("{rules:?}") };
    assert_eq!((rule.kind, rule.cutoff), (RuleKind::Sub, Cutoff::ALWAYS));
    assert!(store.remove_user(&user.id, UNTIL, removed).await.unwrap().is_none());
    assert!(store.subject(&user.id).await.unwrap().it.is_none());
    assert!(store.find_login("ada").await.unwrap().it.is_none());
    assert!(store.live_browser(&browser.cookie).await.unwrap().it.is_none());
    assert!(store.client_session(session.id).await.unwrap().it.is_none());
    assert!(store.code(&code.digest).await.unwrap().it.is_none());
    let events = stage.events(mark).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].what.user.as_ref(), Some(&user.id), "the log outlives the person");
    assert_ne!(stage.user("ada").await.id, user.id);
}

/// Signed out everywhere: tokens up to now revoked, a new sign-in is good.
pub async fn user_sign_out(stage: Stage) {
    let store = &stage.store;
    let (user, client) = (stage.user("ada").await, stage.client("app").await);
    let browser = stage.browser(&user).await;
    stage.session(&user, &client, Some(&browser)).await;
    let revoked = event(EventKind::Revoked);
    let (cutoff, rules) = store.sign_out_user(&user.id, UNTIL, revoked.clone()).await.unwrap().unwrap();
    assert_eq!(cutoff, Cutoff(stage.clock.now().seconds() + 2));
    assert_eq!(rules.len(), 1);
    assert_eq!((rules[0].kind, rules[0].cutoff), (RuleKind::Sub, cutoff));
    assert_eq!(store.subject(&user.id).await.unwrap().it.unwrap().user.cutoff, Some(cutoff));
    assert!(store.live_browser(&browser.cookie).await.unwrap().it.is_none());
    assert!(store.list_client_sessions(&user.id).await.unwrap().is_empty());
    stage.browser(&user).await;
    let nobody = UserId::mint(&stage.entropy);
    assert!(store.sign_out_user(&nobody, UNTIL, revoked).await.unwrap().is_none());
}
