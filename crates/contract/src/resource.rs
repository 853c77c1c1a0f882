//! Protected resources.

use crate::fixture::{event, resource, scopes};
use crate::stage::Stage;
use countersign_issuer::model::{EventKind, Sealed};

/// Made, changed, listed, removed; the sealed secret is kept beside the document.
pub async fn resource_round_trip(stage: Stage) {
    let store = &stage.store;
    let mut a = resource("https://a.example.test/");
    a.secret = Some(Sealed(vec![1, 2, 3]));
    a.by_role = scopes("write");
    a.access_token_ttl = Some(60);
    let b = resource("urn:example:b");
    let applied = event(EventKind::ResourceApplied);
    store.apply_resources(vec![b.clone(), a.clone()], vec![applied.clone(), applied.clone()]).await.unwrap();
    assert_eq!(store.list_resources().await.unwrap(), [a.clone(), b.clone()]);
    a.secret = None;
    store.apply_resources(vec![a.clone()], vec![applied]).await.unwrap();
    assert_eq!(store.list_resources().await.unwrap(), [a, b.clone()]);
    let removed = event(EventKind::ResourceRemoved);
    assert!(store.remove_resource("https://a.example.test/", removed.clone()).await.unwrap());
    assert!(!store.remove_resource("https://a.example.test/", removed).await.unwrap());
    assert_eq!(store.list_resources().await.unwrap(), [b]);
}
