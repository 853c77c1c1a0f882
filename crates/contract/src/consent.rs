//! Remembered consents.

use crate::fixture::{self, event, scopes};
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

    assert_eq!(store.list_consents(&user.id).await.unwrap(), [read]);
    let session = stage.session(&user, &client, None).await;
    let other = stage.session(&user, &stage.client("other").await, None).await;
    let withdrawn = event(EventKind::ConsentWithdrawn);
    let rules =
        store.withdraw_consent(&user.id, &client.id, fixture::UNTIL, withdrawn.clone()).await.unwrap();
    let ids: Vec<_> = rules.unwrap().into_iter().map(|r| r.id).collect();
    assert_eq!(ids, [session.id.to_string()], "its sessions end, others live");
    assert!(store.client_session(other.id).await.unwrap().it.unwrap().0.revoked_at.is_none());
    let again = store.withdraw_consent(&user.id, &client.id, fixture::UNTIL, withdrawn).await.unwrap();
    assert!(again.is_none());
    assert!(store.list_consents(&user.id).await.unwrap().is_empty());
    assert!(store.consent(&user.id, &client.id).await.unwrap().is_none());

    let mark = stage.mark().await;
    let nobody = Consent { user: UserId::mint(&stage.entropy), ..consent("openid", &[]) };
    store.grant_consent(nobody.clone(), granted).await.unwrap();
    assert!(store.consent(&nobody.user, &nobody.client).await.unwrap().is_none());
    assert_eq!(stage.mark().await, mark, "nothing is remembered of somebody who is gone");
}
