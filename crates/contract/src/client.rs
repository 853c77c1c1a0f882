//! Clients.

use crate::fixture::{self, UNTIL, event, rotation};
use crate::stage::Stage;
use countersign_issuer::model::{ClientId, Consent, Cutoff, Digest, EventKind, RuleKind};
use countersign_issuer::port::{Page, Redeemed, RotateOutcome};
use countersign_token::Timestamp;

/// Every field reads back; applying again replaces and disturbs nothing that hangs on the client.
pub async fn client_round_trip(stage: Stage) {
    let store = &stage.store;
    let mut app = fixture::confidential_client("app", vec![Digest([1; 32]), Digest([2; 32])]);
    app.metadata.more.insert("client_name#de".to_owned(), "Anwendung".into());
    app.metadata.allowed_origins = Some(vec!["https://spa.example.test".to_owned()]);
    app.metadata.refresh_idle = Some(60);
    app.metadata.resources = vec!["https://api.example.test/".to_owned()];
    stage.apply(app.clone()).await;
    app.updated_at = stage.clock.now();
    assert_eq!(store.client(&app.id).await.unwrap().unwrap(), app);
    assert!(store.client(&ClientId::from_stored("APP")).await.unwrap().is_none());

    let user = stage.user("ada").await;
    let session = stage.session(&user, &app, None).await;
    app.updated_at = stage.clock.advance_seconds(9);
    app.secrets.clear();
    app.metadata.client_name = None;
    stage.apply(app.clone()).await;
    assert_eq!(store.client(&app.id).await.unwrap().unwrap(), app);
    assert!(store.client_session(session.id).await.unwrap().it.is_some());
}

/// Several in one transaction, pages by id, the union of origins.
pub async fn client_list_and_origins(stage: Stage) {
    let store = &stage.store;
    let mut listed = fixture::client("b");
    listed.metadata.allowed_origins =
        Some(vec!["https://spa.example.test".to_owned(), "https://app.example.test".to_owned()]);
    let secret = fixture::confidential_client("c", vec![Digest([1; 32])]);
    let all = vec![fixture::client("a"), listed, secret];
    let events = all.iter().map(|c| event(EventKind::ClientApplied).client(&c.id)).collect();
    let mark = stage.mark().await;
    store.apply_clients(all, events).await.unwrap();
    assert_eq!(stage.kinds(mark).await, [EventKind::ClientApplied; 3]);
    let ids = async |after: Option<&str>, limit| {
        let page = Page { after: after.map(str::to_owned), limit };
        let clients = store.list_clients(page).await.unwrap();
        clients.into_iter().map(|c| c.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ids(None, 2).await, ["a", "b"]);
    assert_eq!(ids(Some("b"), 2).await, ["c"]);
    // Those listed, and those of the redirect URIs of a public client that lists none.
    let origins = store.all_origins().await.unwrap();
    assert_eq!(origins, ["https://app.example.test", "https://spa.example.test"]);
}

/// Removed: codes, consents and sessions go, every token is revoked.
pub async fn client_remove(stage: Stage) {
    let store = &stage.store;
    let (user, client) = (stage.user("ada").await, stage.client("app").await);
    let browser = stage.browser(&user).await;
    let session = stage.session(&user, &client, Some(&browser)).await;
    let code = fixture::code(&stage.entropy, &user.id, &client.id, &browser.id);
    assert!(store.create_code(code.clone(), fixture::CODE_LIFE).await.unwrap());
    let consent = Consent {
        user: user.id.clone(),
        client: client.id.clone(),
        scopes: fixture::scopes("openid"),
        resources: Vec::new(),
        granted_at: Timestamp::default(),
    };
    store.grant_consent(consent, event(EventKind::ConsentGranted)).await.unwrap();

    let removed = event(EventKind::ClientRemoved);
    let rules = store.remove_client(&client.id, UNTIL, removed.clone()).await.unwrap().unwrap();
    let [rule] = &rules[..] else { panic!("{rules:?}") };
    // Not always: a client of the same name may be made again.
    let cutoff = Cutoff(stage.clock.now().seconds() + 2);
    assert_eq!((rule.kind, rule.id.as_str(), rule.cutoff), (RuleKind::Cid, "app", cutoff));
    assert!(store.remove_client(&client.id, UNTIL, removed).await.unwrap().is_none());
    assert!(store.client(&client.id).await.unwrap().is_none());
    assert!(store.consent(&user.id, &client.id).await.unwrap().is_none());
    let rotated = store.rotate_refresh(rotation(&session, 1), event(EventKind::RefreshTheft)).await.unwrap();
    assert!(matches!(rotated, RotateOutcome::Gone), "{rotated:?}");
    let new = fixture::client_session(&stage.entropy, &user.id, &client.id, Some(&browser.id));
    let started = event(EventKind::ClientSessionStarted);
    let redeemed =
        store.redeem_code(&code.digest, new.clone(), fixture::ABSOLUTE, UNTIL, started.clone()).await;
    assert!(matches!(redeemed.unwrap(), Redeemed::Gone));
    assert!(store.start_session(new, 1, fixture::ABSOLUTE, started).await.unwrap().is_none());
    assert!(!store.create_code(code, fixture::CODE_LIFE).await.unwrap());
    assert!(store.live_browser(&browser.cookie).await.unwrap().it.is_some(), "the person stays signed in");
}
