//! Remembered consents.

use crate::fixture::{event, scopes};
use crate::stage::Stage;
use countersign_issuer::model::{Consent, EventKind, UserId};
use countersign_token::Timestamp;

/// Consents add up, are found by person and client, and are forgotten once.
pub async fn consent_round_trip(stage: Stage) {
    let store = &stage.store;
    let (user, client) = (stage.user("ada").await, stage.client("app").await);
    let consent = |granted: &str, resources: &[&str]| Consent {
        user: user.id.clone(),
        client: client.id.clone(),
        scopes: scopes(granted),
        resources: resources.iter().map(|&r| r.to_owned()).collect(),
        granted_at: Timestamp::default(),
    };
    let granted = event(EventKind::ConsentGranted);
    assert!(store.consent(&user.id, &client.id).await.unwrap().is_none());
    store.grant_consent(consent("openid email", &["urn:a"]), granted.clone()).await.unwrap();
    let now = stage.clock.advance_seconds(60);
    store.grant_consent(consent("profile email", &["urn:b", "urn:a"]), granted.clone()).await.unwrap();
    let read = store.consent(&user.id, &client.id).await.unwrap().unwrap();
    assert_eq!(read.scopes.to_string(), "openid email profile");
    assert_eq!(read.resources, ["urn:a", "urn:b"]);
    assert_eq!(read.granted_at, now);

    let withdrawn = event(EventKind::ConsentDenied);
    assert!(store.withdraw_consent(&user.id, &client.id, withdrawn.clone()).await.unwrap());
    assert!(!store.withdraw_consent(&user.id, &client.id, withdrawn).await.unwrap());
    assert!(store.consent(&user.id, &client.id).await.unwrap().is_none());

    let mark = stage.mark().await;
    let nobody = Consent { user: UserId::mint(&stage.entropy), ..consent("openid", &[]) };
    store.grant_consent(nobody.clone(), granted).await.unwrap();
    assert!(store.consent(&nobody.user, &nobody.client).await.unwrap().is_none());
    assert_eq!(stage.mark().await, mark, "nothing is remembered of somebody who is gone");
}
