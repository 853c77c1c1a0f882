//! Roles.

use crate::fixture::{event, role};
use crate::stage::Stage;
use countersign_issuer::model::EventKind;
use countersign_issuer::port::UserChange;

/// Made, changed, listed, removed; a person holds what the role means now.
pub async fn role_round_trip(stage: Stage) {
    let store = &stage.store;
    let (b, a) = (role("b", "https://b.example.test/", "read"), role("a", "https://a.example.test/", "read"));
    stage.role(b.clone()).await;
    stage.role(a.clone()).await;
    assert_eq!(store.list_roles().await.unwrap(), [a.clone(), b]);

    let user = stage.user("ada").await;
    let both = UserChange { roles: Some(vec!["a".to_owned(), "b".to_owned()]), ..UserChange::default() };
    store.change_user(&user.id, both, event(EventKind::UserChanged)).await.unwrap();
    let wider = role("a", "https://a.example.test/", "read write");
    stage.role(wider.clone()).await;
    let subject = store.subject(&user.id).await.unwrap().it.unwrap();
    assert_eq!(subject.user.roles, ["a", "b"], "a change of a role takes it from nobody");
    assert_eq!(*subject.roles[0], wider);

    assert!(store.remove_role("b", event(EventKind::RoleRemoved)).await.unwrap());
    assert!(!store.remove_role("b", event(EventKind::RoleRemoved)).await.unwrap());
    assert_eq!(store.subject(&user.id).await.unwrap().it.unwrap().user.roles, ["a"]);
    assert_eq!(store.list_roles().await.unwrap(), [wider]);
}
