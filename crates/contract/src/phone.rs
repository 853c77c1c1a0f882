//! Phone numbers: one a person, kept and removed as credentials are.

use crate::fixture::{UNTIL, event};
use crate::stage::Stage;
use countersign_issuer::model::{EventKind, UserId};
use countersign_issuer::port::{CredentialChange, StoreError};

fn change(user: &UserId, kind: EventKind) -> CredentialChange {
    CredentialChange { user: user.clone(), version: None, keep: None, until: UNTIL, event: event(kind) }
}

/// Kept, replaced, removed; each ends other sessions and says so.
pub async fn phone_round_trip(stage: Stage) {
    let store = &stage.store;
    let ada = stage.user("ada").await;
    let number = async || store.account(&ada.id).await.unwrap().it.unwrap().enrolled.phone;
    let mark = stage.mark().await;
    for typed in ["+491701234567", "+441632960961"] {
        let browser = stage.browser(&store.subject(&ada.id).await.unwrap().it.unwrap().user).await;
        assert_eq!(
            store.put_phone(change(&ada.id, EventKind::PhoneAdded), typed).await.unwrap(),
            Some(vec![])
        );
        assert_eq!(number().await.as_deref(), Some(typed));
        assert!(store.live_browser(&browser.cookie).await.unwrap().it.is_none(), "ended");
    }
    let removed = || change(&ada.id, EventKind::PhoneRemoved);
    assert_eq!(store.remove_phone(removed()).await.unwrap(), Some(vec![]));
    assert_eq!(store.remove_phone(removed()).await.unwrap(), None, "there was none");
    assert_eq!(number().await, None);
    let version = store.subject(&ada.id).await.unwrap().it.unwrap().user.credential_version;
    assert_eq!(version, ada.credential_version + 3);
    let kinds = stage.kinds(mark).await;
    let told = |kind| kinds.iter().filter(|k| **k == kind).count();
    assert_eq!((told(EventKind::PhoneAdded), told(EventKind::PhoneRemoved)), (2, 1));
    let nobody = UserId::mint(&stage.entropy);
    assert_eq!(store.put_phone(change(&nobody, EventKind::PhoneAdded), "+491701234567").await.unwrap(), None);
}

/// Decided by stale facts: nothing is done.
pub async fn phone_outrun(stage: Stage) {
    let store = &stage.store;
    let ada = stage.user("ada").await;
    store.put_phone(change(&ada.id, EventKind::PhoneAdded), "+491701234567").await.unwrap().unwrap();
    let stale = || CredentialChange {
        version: Some(ada.credential_version),
        ..change(&ada.id, EventKind::PhoneRemoved)
    };
    assert!(matches!(store.remove_phone(stale()).await, Err(StoreError::Outrun)));
    assert!(matches!(store.put_phone(stale(), "+441632960961").await, Err(StoreError::Outrun)));
    let phone = store.account(&ada.id).await.unwrap().it.unwrap().enrolled.phone;
    assert_eq!(phone.as_deref(), Some("+491701234567"));
}
