//! Authorization codes: one use, decided here.

use crate::fixture::{self, ABSOLUTE, CODE_LIFE, UNTIL, event};
use crate::stage::{Stage, at_once};
use countersign_issuer::model::{
    AuthorizationCode, BrowserSession, Client, ClientSession, Cutoff, Digest, EventKind, RuleKind, User,
};
use countersign_issuer::port::{Redeemed, Store};
use std::sync::Arc;
use std::time::Duration;

struct Cast {
    user: User,
    client: Client,
    browser: BrowserSession,
}

async fn cast(stage: &Stage) -> Cast {
    let (user, client) = (stage.user("ada").await, stage.client("app").await);
    let browser = stage.browser(&user).await;
    Cast { user, client, browser }
}

async fn code(stage: &Stage, cast: &Cast) -> AuthorizationCode {
    let mut code = fixture::code(&stage.entropy, &cast.user.id, &cast.client.id, &cast.browser.id);
    code.authentication = cast.browser.authentication.clone();
    assert!(stage.store.create_code(code.clone(), CODE_LIFE).await.unwrap());
    code
}

fn session(stage: &Stage, cast: &Cast) -> ClientSession {
    fixture::client_session(&stage.entropy, &cast.user.id, &cast.client.id, Some(&cast.browser.id))
}

async fn redeem(store: Arc<dyn Store>, digest: Digest, new: ClientSession) -> Redeemed {
    store.redeem_code(&digest, new, ABSOLUTE, UNTIL, event(EventKind::ClientSessionStarted)).await.unwrap()
}

/// Made, read, redeemed: the session is there with its limits, the code is spent for it.
pub async fn code_round_trip(stage: Stage) {
    let store = &stage.store;
    let cast = cast(&stage).await;
    let mut made = code(&stage, &cast).await;
    let read = store.code(&made.digest).await.unwrap();
    made.created_at = stage.clock.now();
    made.expires_at = made.created_at + CODE_LIFE;
    assert_eq!((read.now, read.it), (stage.clock.now(), Some(made.clone())));
    assert!(store.code(&Digest([7; 32])).await.unwrap().it.is_none());

    let now = stage.clock.advance_seconds(59);
    let mark = stage.mark().await;
    let mut new = session(&stage, &cast);
    new.authentication = made.authentication.clone();
    let done = redeem(Arc::clone(store), made.digest, new.clone()).await;
    let Redeemed::Done(at, subject) = done else { panic!("{done:?}") };
    assert_eq!((at, &subject.user), (now, &cast.user));
    let spent = store.code(&made.digest).await.unwrap().it.unwrap();
    assert_eq!(spent.spent_for, Some(new.id));

    let refresh = new.refresh.as_mut().unwrap();
    (new.created_at, refresh.rotated_at) = (now, now);
    (refresh.idle_until, refresh.absolute_until) = (now + fixture::IDLE, now + ABSOLUTE);
    let (read, who) = store.client_session(new.id).await.unwrap().it.unwrap();
    assert_eq!((&read, &who.user), (&new, &cast.user));
    let events = stage.events(mark).await;
    assert_eq!(events.len(), 1);
    let told = &events[0].what;
    assert_eq!(
        (told.session, &told.user, &told.client),
        (Some(new.id), &Some(cast.user.id), &Some(cast.client.id))
    );
}

/// Twice: refused, and what the first use made is revoked.
pub async fn code_twice(stage: Stage) {
    let store = &stage.store;
    let cast = cast(&stage).await;
    let made = code(&stage, &cast).await;
    let (first, second) = (session(&stage, &cast), session(&stage, &cast));
    assert!(matches!(redeem(Arc::clone(store), made.digest, first.clone()).await, Redeemed::Done(..)));
    let mark = stage.mark().await;
    // After its end, too.
    let now = stage.clock.advance_seconds(120);
    let again = redeem(Arc::clone(store), made.digest, second.clone()).await;
    let Redeemed::AlreadySpent(rules) = again else { panic!("{again:?}") };
    let [rule] = &rules[..] else { panic!("{rules:?}") };
    assert_eq!((rule.kind, &rule.id), (RuleKind::Sid, &first.id.to_string()));
    assert_eq!((rule.cutoff, rule.until), (Cutoff::ALWAYS, now + UNTIL));
    let ended = store.client_session(first.id).await.unwrap().it.unwrap().0;
    assert_eq!(ended.revoked_at, Some(now));
    assert!(store.client_session(second.id).await.unwrap().it.is_none());
    let events = stage.events(mark).await;
    assert_eq!((events.len(), events[0].what.kind), (1, EventKind::CodeReplayed));
    assert_eq!(events[0].what.session, Some(first.id));

    let third = redeem(Arc::clone(store), made.digest, second).await;
    assert!(matches!(&third, Redeemed::AlreadySpent(rules) if rules.is_empty()), "revoked once: {third:?}");
}

/// 64 at once: one session, and it does not survive the other 63.
pub async fn code_64_at_once(stage: Stage) {
    let cast = cast(&stage).await;
    let made = code(&stage, &cast).await;
    let done = at_once(64, |_| redeem(Arc::clone(&stage.store), made.digest, session(&stage, &cast))).await;
    let count = |which: fn(&Redeemed) -> bool| done.iter().filter(|d| which(d)).count();
    assert_eq!(count(|d| matches!(d, Redeemed::Done(..))), 1);
    assert_eq!(count(|d| matches!(d, Redeemed::AlreadySpent(_))), 63);
    let rules: usize = done.iter().map(|d| if let Redeemed::AlreadySpent(r) = d { r.len() } else { 0 }).sum();
    assert_eq!(rules, 1);
    assert!(stage.store.list_client_sessions(&cast.user.id).await.unwrap().is_empty());
}

/// The same race between two processes.
pub async fn code_two_processes(stage: Stage) {
    let cast = cast(&stage).await;
    let stores = [Arc::clone(&stage.store), stage.another()];
    for _ in 0..8 {
        let made = code(&stage, &cast).await;
        let done =
            at_once(16, |i| redeem(Arc::clone(&stores[i % 2]), made.digest, session(&stage, &cast))).await;
        assert_eq!(done.iter().filter(|d| matches!(d, Redeemed::Done(..))).count(), 1);
        assert_eq!(done.iter().filter(|d| matches!(d, Redeemed::AlreadySpent(_))).count(), 15);
    }
}

/// Too late, of another client or person, of a sign-in that ended: nothing is spent or made.
pub async fn code_gone(stage: Stage) {
    let store = &stage.store;
    let cast = cast(&stage).await;
    let made = code(&stage, &cast).await;
    let mark = stage.mark().await;
    let (other, bob) = (stage.client("other").await, stage.user("bob").await);
    let mut of_other = session(&stage, &cast);
    of_other.client = other.id;
    let mut of_bob = session(&stage, &cast);
    of_bob.user = bob.id;
    for wrong in [of_other, of_bob] {
        let id = wrong.id;
        let refused = redeem(Arc::clone(store), made.digest, wrong).await;
        assert!(matches!(refused, Redeemed::Gone), "{refused:?}");
        assert!(store.client_session(id).await.unwrap().it.is_none());
    }
    assert_eq!(store.code(&made.digest).await.unwrap().it.unwrap().spent_for, None);
    let unknown = redeem(Arc::clone(store), Digest([7; 32]), session(&stage, &cast)).await;
    assert!(matches!(unknown, Redeemed::Gone), "{unknown:?}");

    stage.clock.advance(CODE_LIFE);
    let late = redeem(Arc::clone(store), made.digest, session(&stage, &cast)).await;
    assert!(matches!(late, Redeemed::Gone), "{late:?}");
    assert_eq!(stage.kinds(mark).await, [EventKind::ClientApplied, EventKind::UserCreated]);

    let made = code(&stage, &cast).await;
    let ended = event(EventKind::BrowserSessionEnded);
    store.end_browser(&cast.user.id, &cast.browser.id, UNTIL, ended).await.unwrap().unwrap();
    let signed_out = redeem(Arc::clone(store), made.digest, session(&stage, &cast)).await;
    assert!(matches!(signed_out, Redeemed::Gone), "{signed_out:?}");
    let next = fixture::code(&stage.entropy, &cast.user.id, &cast.client.id, &cast.browser.id);
    assert!(!store.create_code(next.clone(), CODE_LIFE).await.unwrap(), "no code of an ended sign-in");
    assert!(store.code(&next.digest).await.unwrap().it.is_none());
}

/// A replay seen by the flow before it redeems: the same revocation; nothing for a code not spent.
pub async fn code_replay_reported(stage: Stage) {
    let store = &stage.store;
    let cast = cast(&stage).await;
    let made = code(&stage, &cast).await;
    let replay = event(EventKind::CodeReplayed);
    let mark = stage.mark().await;
    assert!(store.code_replayed(&made.digest, UNTIL, replay.clone()).await.unwrap().is_empty());
    assert!(store.code_replayed(&Digest([7; 32]), UNTIL, replay.clone()).await.unwrap().is_empty());
    assert_eq!(stage.mark().await, mark);
    let first = session(&stage, &cast);
    assert!(matches!(redeem(Arc::clone(store), made.digest, first.clone()).await, Redeemed::Done(..)));
    let rules = store.code_replayed(&made.digest, UNTIL, replay).await.unwrap();
    assert_eq!(rules.iter().map(|r| r.id.clone()).collect::<Vec<_>>(), [first.id.to_string()]);
    assert!(store.list_client_sessions(&cast.user.id).await.unwrap().is_empty());
}

/// Spent codes stay for an hour after their end, then are swept; what they made stays.
pub async fn code_sweep(stage: Stage) {
    let store = &stage.store;
    let cast = cast(&stage).await;
    let (spent, unspent) = (code(&stage, &cast).await, code(&stage, &cast).await);
    let first = session(&stage, &cast);
    assert!(matches!(redeem(Arc::clone(store), spent.digest, first.clone()).await, Redeemed::Done(..)));
    stage.clock.advance(CODE_LIFE + Duration::from_secs(3599));
    assert_eq!(store.sweep(100).await.unwrap(), 0);
    stage.clock.advance_seconds(1);
    assert_eq!(store.sweep(1).await.unwrap(), 1, "at most so many");
    assert_eq!(store.sweep(100).await.unwrap(), 1);
    assert_eq!(store.sweep(100).await.unwrap(), 0);
    for digest in [spent.digest, unspent.digest] {
        assert!(store.code(&digest).await.unwrap().it.is_none());
    }
    assert!(store.client_session(first.id).await.unwrap().it.is_some());
}

/// Without a browser: stands on credentials of one version, and is made once.
pub async fn code_of_proofs(stage: Stage) {
    let store = &stage.store;
    let cast = cast(&stage).await;
    let fresh = || AuthorizationCode {
        browser: None,
        ..fixture::code(&stage.entropy, &cast.user.id, &cast.client.id, &cast.browser.id)
    };
    let of = async |code: AuthorizationCode, version: u32| {
        let event = event(EventKind::LoginSucceeded);
        store.create_code_of_proofs(code, version, CODE_LIFE, event).await.unwrap()
    };
    let mark = stage.mark().await;
    let mut made = fresh();
    assert!(!of(made.clone(), 2).await, "of other credentials");
    let nobody =
        AuthorizationCode { user: countersign_issuer::model::UserId::mint(&stage.entropy), ..fresh() };
    assert!(!of(nobody, 1).await);
    assert_eq!(stage.mark().await, mark, "nothing written");
    let done = at_once(16, |_| {
        let (store, code) = (Arc::clone(store), made.clone());
        async move {
            let event = event(EventKind::LoginSucceeded);
            store.create_code_of_proofs(code, 1, CODE_LIFE, event).await.unwrap()
        }
    })
    .await;
    assert_eq!(done.iter().filter(|&&made| made).count(), 1, "once");
    let events = stage.events(mark).await;
    assert_eq!(events.len(), 1);
    assert_eq!(
        (&events[0].what.user, &events[0].what.client),
        (&Some(cast.user.id.clone()), &Some(cast.client.id.clone()))
    );
    made.created_at = stage.clock.now();
    made.expires_at = made.created_at + CODE_LIFE;
    assert_eq!(store.code(&made.digest).await.unwrap().it, Some(made.clone()));
    let new = ClientSession { browser: None, ..session(&stage, &cast) };
    let done = redeem(Arc::clone(store), made.digest, new.clone()).await;
    assert!(matches!(done, Redeemed::Done(..)), "{done:?}");
    assert!(!of(made.clone(), 1).await, "not again after it was spent");
    let again = redeem(Arc::clone(store), made.digest, new).await;
    assert!(matches!(again, Redeemed::AlreadySpent(_)), "{again:?}");

    let kept = fresh();
    let ended = event(EventKind::BrowserSessionEnded);
    assert!(of(kept.clone(), 1).await);
    store.end_browser(&cast.user.id, &cast.browser.id, UNTIL, ended).await.unwrap().unwrap();
    let new = ClientSession { browser: None, ..session(&stage, &cast) };
    let done = redeem(Arc::clone(store), kept.digest, new).await;
    assert!(matches!(done, Redeemed::Done(..)), "no browser session's: {done:?}");
}

/// A change of credentials and signing out everywhere void it; other people's stay.
pub async fn code_of_proofs_void(stage: Stage) {
    let store = &stage.store;
    let cast = cast(&stage).await;
    let bob = stage.user("bob").await;
    let of = async |user: &User, version: u32| {
        let code = fixture::code(&stage.entropy, &user.id, &cast.client.id, &cast.browser.id);
        let event = event(EventKind::LoginSucceeded);
        assert!(store.create_code_of_proofs(code.clone(), version, CODE_LIFE, event).await.unwrap());
        code.digest
    };
    let new = |user: &User| fixture::client_session(&stage.entropy, &user.id, &cast.client.id, None);
    let bobs = of(&bob, 1).await;
    let signed_out = of(&cast.user, 1).await;
    store.sign_out_user(&cast.user.id, UNTIL, event(EventKind::Revoked)).await.unwrap().unwrap();
    let gone = redeem(Arc::clone(store), signed_out, new(&cast.user)).await;
    assert!(matches!(gone, Redeemed::Gone), "{gone:?}");
    let changed = of(&cast.user, 1).await;
    let change = fixture::credential_change(&cast.user.id, EventKind::PhoneAdded);
    store.put_phone(change, "+4915112345678").await.unwrap().unwrap();
    let gone = redeem(Arc::clone(store), changed, new(&cast.user)).await;
    assert!(matches!(gone, Redeemed::Gone), "{gone:?}");
    let done = redeem(Arc::clone(store), bobs, new(&bob)).await;
    assert!(matches!(done, Redeemed::Done(..)), "{done:?}");
}
