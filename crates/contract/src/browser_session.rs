//! Browser sessions.

use crate::fixture::{self, BROWSER_LIFE, UNTIL, event};
use crate::stage::Stage;
use countersign_issuer::model::session::Authentication;
use countersign_issuer::model::{Acr, BrowserSessionId, Cutoff, Digest, EventKind, RuleKind};
use countersign_issuer::port::Entropy;
use countersign_issuer::port::browser_session::{SeenDevice, SignIn, SignedIn};
use std::time::Duration;

async fn sign_in(stage: &Stage, with: SignIn, ends: Option<BrowserSessionId>) -> SignedIn {
    stage.store.sign_in(with, ends, UNTIL, event(EventKind::LoginSucceeded)).await.unwrap()
}

/// A sign-in reads back by its cookie until its life is over.
pub async fn browser_round_trip(stage: Stage) {
    let store = &stage.store;
    let user = stage.user("ada").await;
    let with = fixture::sign_in(&stage.entropy, &user.id);
    let now = stage.clock.advance_seconds(3);
    let mark = stage.mark().await;
    let SignedIn::Done(made, rules) = sign_in(&stage, with.clone(), None).await else { panic!() };
    assert!(rules.is_empty());
    assert_eq!((&made.id, &made.user, made.cookie), (&with.id, &user.id, with.cookie));
    assert_eq!((made.created_at, made.seen_at, made.expires_at), (now, now, now + BROWSER_LIFE));
    assert_eq!(made.authentication, with.authentication);
    assert_eq!((made.previous, made.device.as_str()), (None, "Test browser"));
    let events = stage.events(mark).await;
    assert_eq!((events.len(), events[0].at), (1, now));
    assert_eq!(
        (&events[0].what.user, &events[0].what.browser),
        (&Some(user.id.clone()), &Some(made.id.clone()))
    );

    let live = store.live_browser(&with.cookie).await.unwrap();
    assert_eq!(live.now, now);
    let live = live.it.unwrap();
    assert_eq!((&live.session, &live.subject.user), (&*made, &user));
    assert!(store.live_browser(&Digest([9; 32])).await.unwrap().it.is_none());
    let auth = store.browser_authentication(&made.id).await.unwrap();
    assert_eq!(auth.as_ref(), Some(&made.authentication));

    stage.clock.set(made.expires_at - Duration::from_millis(1));
    assert!(store.live_browser(&with.cookie).await.unwrap().it.is_some());
    stage.clock.set(made.expires_at);
    assert!(store.live_browser(&with.cookie).await.unwrap().it.is_none());
    assert!(store.browser_authentication(&made.id).await.unwrap().is_none());
    assert!(store.list_browsers(&user.id).await.unwrap().is_empty());
    let ended = event(EventKind::BrowserSessionEnded);
    assert!(store.end_browser(&user.id, &made.id, UNTIL, ended).await.unwrap().is_none());
}

/// A step-up keeps the id and changes the cookie; the one before is good for 30 s and no longer, and for no more
/// than it was.
pub async fn browser_step_up(stage: Stage) {
    let store = &stage.store;
    let user = stage.user("ada").await;
    let first = stage.browser(&user).await;
    let now = stage.clock.advance_seconds(100);
    let mut again = fixture::sign_in(&stage.entropy, &user.id);
    again.continues = Some(first.id.clone());
    again.authentication =
        Authentication { acr: "urn:countersign:2".to_owned(), ..fixture::authentication(now) };
    let cookie = again.cookie;
    let SignedIn::Done(second, _) = sign_in(&stage, again, None).await else { panic!() };
    assert_eq!((&second.id, second.cookie), (&first.id, cookie));
    assert_eq!(second.previous, Some((first.cookie, now + Duration::from_secs(30))));
    assert_eq!((second.authentication.auth_time, second.created_at), (now, first.created_at));
    assert_eq!(second.expires_at, now + BROWSER_LIFE);
    assert_eq!(store.list_browsers(&user.id).await.unwrap().len(), 1);

    assert_eq!(store.live_browser(&cookie).await.unwrap().it.unwrap().session, *second);
    let before = store.live_browser(&first.cookie).await.unwrap().it.unwrap().session;
    assert_eq!(before.authentication, first.authentication, "not what was proven since");
    assert_eq!((&before.id, before.cookie), (&second.id, cookie));
    stage.clock.set(now + Duration::from_secs(30));
    assert!(store.live_browser(&first.cookie).await.unwrap().it.is_none());
    assert!(store.live_browser(&cookie).await.unwrap().it.is_some());
}

/// What is not live, or another's, is not continued: a new session begins.
pub async fn browser_not_continued(stage: Stage) {
    let (ada, bob) = (stage.user("ada").await, stage.user("bob").await);
    let of_bob = stage.browser(&bob).await;
    let mut with = fixture::sign_in(&stage.entropy, &ada.id);
    with.continues = Some(of_bob.id.clone());
    let SignedIn::Done(made, _) = sign_in(&stage, with.clone(), None).await else { panic!() };
    assert_eq!((&made.id, &made.user), (&with.id, &ada.id));
    assert!(stage.store.live_browser(&of_bob.cookie).await.unwrap().it.is_some(), "untouched");

    let ended = event(EventKind::BrowserSessionEnded);
    stage.store.end_browser(&ada.id, &made.id, UNTIL, ended).await.unwrap().unwrap();
    let mut with = fixture::sign_in(&stage.entropy, &ada.id);
    with.continues = Some(made.id.clone());
    let SignedIn::Done(next, _) = sign_in(&stage, with.clone(), None).await else { panic!() };
    assert_eq!(next.id, with.id);

    // A session is made of an id once.
    let ended = event(EventKind::BrowserSessionEnded);
    stage.store.end_browser(&ada.id, &next.id, UNTIL, ended).await.unwrap().unwrap();
    for continues in [None, Some(next.id.clone())] {
        let mut once_more = fixture::sign_in(&stage.entropy, &ada.id);
        (once_more.id, once_more.continues) = (next.id.clone(), continues);
        assert!(matches!(sign_in(&stage, once_more, None).await, SignedIn::Refused));
    }
}

/// Another person signs in at the same browser: the session before ends, with a rule for each client.
pub async fn browser_changes_hands(stage: Stage) {
    let store = &stage.store;
    let (ada, bob, client) = (stage.user("ada").await, stage.user("bob").await, stage.client("app").await);
    let of_ada = stage.browser(&ada).await;
    let session = stage.session(&ada, &client, Some(&of_ada)).await;
    let mark = stage.mark().await;
    let with = fixture::sign_in(&stage.entropy, &bob.id);
    let SignedIn::Done(_, rules) = sign_in(&stage, with, Some(of_ada.id.clone())).await else { panic!() };
    assert_eq!(rules.len(), 1);
    assert_eq!((rules[0].kind, &rules[0].id), (RuleKind::Sid, &session.id.to_string()));
    assert!(store.live_browser(&of_ada.cookie).await.unwrap().it.is_none());
    let events = stage.events(mark).await;
    let told: Vec<_> = events.iter().map(|e| (e.what.kind, e.what.user.clone().unwrap())).collect();
    assert_eq!(told, [(EventKind::BrowserSessionEnded, ada.id), (EventKind::LoginSucceeded, bob.id.clone())]);

    // One's own is not ended that way.
    let of_bob = stage.browser(&bob).await;
    let with = fixture::sign_in(&stage.entropy, &bob.id);
    let SignedIn::Done(_, rules) = sign_in(&stage, with, Some(of_bob.id.clone())).await else { panic!() };
    assert!(rules.is_empty());
    assert!(store.live_browser(&of_bob.cookie).await.unwrap().it.is_some());
}

/// A use is written once a minute, never backwards.
pub async fn browser_touch(stage: Stage) {
    let store = &stage.store;
    let user = stage.user("ada").await;
    let made = stage.browser(&user).await;
    let seen = async || store.live_browser(&made.cookie).await.unwrap().it.unwrap().session.seen_at;
    let start = stage.clock.now();
    for (after, expected) in [(59, 0), (60, 60), (61, 60), (30, 60), (119, 60), (120, 120)] {
        store.touch_browser(&made.id, start + Duration::from_secs(after)).await.unwrap();
        assert_eq!(seen().await, start + Duration::from_secs(expected), "after {after} s");
    }
    let unknown = BrowserSessionId::mint(&stage.entropy);
    store.touch_browser(&unknown, start).await.unwrap();
}

/// Ending one ends what is under it, once, and only for its owner.
pub async fn browser_end(stage: Stage) {
    let store = &stage.store;
    let (ada, bob, client) = (stage.user("ada").await, stage.user("bob").await, stage.client("app").await);
    let made = stage.browser(&ada).await;
    let under = [
        stage.session(&ada, &client, Some(&made)).await.id.to_string(),
        stage.session(&ada, &client, Some(&made)).await.id.to_string(),
    ];
    let direct = stage.session(&ada, &client, None).await;
    let ended = || event(EventKind::BrowserSessionEnded);
    assert_eq!(store.sessions_under(&made.id).await.unwrap().len(), 2);
    assert!(store.end_browser(&bob.id, &made.id, UNTIL, ended()).await.unwrap().is_none());
    let mark = stage.mark().await;
    let rules = store.end_browser(&ada.id, &made.id, UNTIL, ended()).await.unwrap().unwrap();
    let mut named: Vec<_> = rules.iter().map(|r| r.id.clone()).collect();
    named.sort();
    let mut expected = under.to_vec();
    expected.sort();
    assert_eq!(named, expected);
    assert!(rules.iter().all(|r| r.kind == RuleKind::Sid && r.cutoff == Cutoff::ALWAYS));
    assert!(store.end_browser(&ada.id, &made.id, UNTIL, ended()).await.unwrap().is_none(), "only once");
    assert_eq!(stage.kinds(mark).await, [EventKind::BrowserSessionEnded]);
    assert!(store.sessions_under(&made.id).await.unwrap().is_empty());
    let left = store.list_client_sessions(&ada.id).await.unwrap();
    assert_eq!(left.iter().map(|s| s.id).collect::<Vec<_>>(), [direct.id]);
}

/// All but this one: the others, what is under them, and sessions without a browser.
pub async fn browser_end_others(stage: Stage) {
    let store = &stage.store;
    let (ada, bob, client) = (stage.user("ada").await, stage.user("bob").await, stage.client("app").await);
    let of_bob = stage.browser(&bob).await;
    let old = stage.browser(&ada).await;
    stage.clock.advance_seconds(1);
    let keep = stage.browser(&ada).await;
    let listed = store.list_browsers(&ada.id).await.unwrap();
    assert_eq!(listed.iter().map(|b| &b.id).collect::<Vec<_>>(), [&keep.id, &old.id], "newest first");
    let kept = stage.session(&ada, &client, Some(&keep)).await;
    let gone = stage.session(&ada, &client, Some(&old)).await;
    let direct = stage.session(&ada, &client, None).await;
    let ended = || event(EventKind::BrowserSessionEnded);
    let rules = store.end_other_browsers(&ada.id, &keep.id, UNTIL, ended()).await.unwrap();
    let mut named: Vec<_> = rules.into_iter().map(|r| r.id).collect();
    named.sort();
    let mut expected = [gone.id.to_string(), direct.id.to_string()];
    expected.sort();
    assert_eq!(named, expected);
    assert_eq!(store.list_browsers(&ada.id).await.unwrap(), std::slice::from_ref(&keep));
    assert_eq!(store.list_client_sessions(&ada.id).await.unwrap(), [kept]);
    assert!(store.live_browser(&of_bob.cookie).await.unwrap().it.is_some());
    let mark = stage.mark().await;
    assert!(store.end_other_browsers(&ada.id, &keep.id, UNTIL, ended()).await.unwrap().is_empty());
    assert_eq!(stage.mark().await, mark, "nothing ended, nothing told");
}

/// A cookie nobody can have twice: the same digest again is refused as broken, not shared.
pub async fn browser_cookie_is_one(stage: Stage) {
    let (ada, bob) = (stage.user("ada").await, stage.user("bob").await);
    let first = stage.browser(&ada).await;
    let mut with = fixture::sign_in(&stage.entropy, &bob.id);
    with.cookie = first.cookie;
    let refused = stage.store.sign_in(with, None, UNTIL, event(EventKind::LoginSucceeded)).await;
    assert!(refused.is_err());
    let live = stage.store.live_browser(&first.cookie).await.unwrap().it.unwrap();
    assert_eq!(live.subject.user.id, ada.id);
    let entropy: &dyn Entropy = &stage.entropy;
    assert_ne!(entropy.bytes::<32>(), first.cookie.0);
}

/// A device is noted with its strongest sign-in; a new one is told of, but neither the first of all nor one
/// that goes on with its session.
pub async fn browser_devices(stage: Stage) {
    let user = stage.user("ada").await;
    let news = || event(EventKind::NewDevice).user(&user.id);
    let on = |device: u8, acr: &str| {
        let mut with = fixture::sign_in(&stage.entropy, &user.id);
        with.authentication.acr = acr.to_owned();
        with.seen = Some(SeenDevice { digest: Digest([device; 32]), news: Some(news()) });
        with
    };
    let told = async |with: SignIn| {
        let mark = stage.mark().await;
        let SignedIn::Done(made, _) = sign_in(&stage, with, None).await else { panic!() };
        (made, stage.kinds(mark).await.contains(&EventKind::NewDevice))
    };
    let known = async |device: u8| stage.store.known_device(&user.id, &[device; 32]).await.unwrap();
    let (one, two) = ("urn:countersign:1", "urn:countersign:2");

    let (first, new) = told(on(1, two)).await;
    assert!(!new, "the first of all");
    assert!(!told(on(1, one)).await.1, "known");
    assert_eq!(known(1).await, Some(Acr::Two), "the strongest");
    assert!(told(on(2, one)).await.1, "another");
    assert_eq!((known(2).await, known(3).await), (Some(Acr::One), None));
    let continues = SignIn { continues: Some(first.id.clone()), ..on(3, one) };
    assert!(!told(continues).await.1, "its cookie was lost, the session was not");
    stage.store.forget_devices(&user.id, None, event(EventKind::DeviceForgotten)).await.unwrap();
    assert!(told(on(1, one)).await.1, "forgotten, and signed in before");
    assert_eq!(known(1).await, Some(Acr::One));
}
