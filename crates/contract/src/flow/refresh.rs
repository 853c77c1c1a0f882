//! Refresh tokens through the token endpoint (RFC 6749 6, RFC 9700 4.14).

use super::{API, OTHER, World, claims, refusal};
use crate::stage::{Stage, at_once};
use countersign_issuer::model::EventKind;
use std::collections::BTreeSet;
use std::sync::Arc;

fn refresh_token(tokens: &countersign_issuer::oauth::issue::TokenResponse) -> String {
    tokens.refresh_token.clone().unwrap()
}

/// A public client's token rotates; the person's sign-in is carried unchanged; a retry gets the same again.
pub async fn refresh_flow(stage: Stage) {
    let world = World::new(stage).await;
    let first = world.enter("app").await;
    world.wait(600).await;
    let second = world.refresh("app", &refresh_token(&first)).await.unwrap();
    assert_ne!(refresh_token(&first), refresh_token(&second));
    let (old, new) = (claims(&first.access_token), claims(&second.access_token));
    for same in ["sub", "sid", "auth_time", "acr", "amr", "aud", "scope", "client_id"] {
        assert_eq!(old[same], new[same], "{same}");
    }
    assert_ne!(old["jti"], new["jti"]);
    let id = claims(second.id_token.as_ref().unwrap());
    assert!(id.get("nonce").is_none(), "OIDC Core 12.2");
    assert_eq!(id["sid"], new["sid"]);

    let retry = world.refresh("app", &refresh_token(&first)).await.unwrap();
    assert_eq!(refresh_token(&retry), refresh_token(&second), "never a second successor");
    let third = world.refresh("app", &refresh_token(&second)).await.unwrap();
    assert!(!world.active("web", &third.access_token).await, "not web's");
    assert!(world.userinfo(&third.access_token).await.is_ok());
}

/// A confidential client keeps its token (RFC 9700 4.14.2).
pub async fn refresh_kept_by_confidential_clients(stage: Stage) {
    let world = World::new(stage).await;
    let first = world.enter("web").await;
    for _ in 0..8 {
        world.wait(60).await;
        let next = world.refresh("web", &refresh_token(&first)).await.unwrap();
        assert_eq!(refresh_token(&next), refresh_token(&first));
    }
    assert!(world.active("web", &refresh_token(&first)).await);
}

/// 64 at once with one token: whoever is answered has the same successor, and nobody is signed out.
pub async fn refresh_used_64_at_once(stage: Stage) {
    let world = Arc::new(World::new(stage).await);
    let first = refresh_token(&world.enter("app").await);
    let results = at_once(6, |_| {
        let (world, first) = (world.clone(), first.clone());
        async move { world.refresh("app", &first).await }
    })
    .await;
    let successors: BTreeSet<_> = results.iter().map(|r| refresh_token(r.as_ref().unwrap())).collect();
    assert_eq!(successors.len(), 1, "one and five retries, one successor");

    let second = successors.into_iter().next().unwrap();
    let results = at_once(64, |_| {
        let (world, second) = (world.clone(), second.clone());
        async move { world.refresh("app", &second).await }
    })
    .await;
    let good: BTreeSet<_> = results.iter().flatten().map(refresh_token).collect();
    assert_eq!(good.len(), 1, "no fork");
    for refused in results.into_iter().filter(Result::is_err) {
        assert_eq!(refusal(refused), "invalid_grant");
    }
}

/// Two steps back, or one step back after the window: this session ends, and no other.
pub async fn refresh_stolen(stage: Stage) {
    let world = World::new(stage).await;
    let bystander = world.enter("app").await;
    for after_the_window in [false, true] {
        let first = world.enter("app").await;
        let mut last = world.refresh("app", &refresh_token(&first)).await.unwrap();
        if after_the_window {
            world.wait(30).await;
        } else {
            last = world.refresh("app", &refresh_token(&last)).await.unwrap();
        }
        assert!(world.userinfo(&last.access_token).await.is_ok());
        let mark = world.stage.mark().await;
        assert_eq!(refusal(world.refresh("app", &refresh_token(&first)).await), "invalid_grant");
        assert!(world.stage.kinds(mark).await.contains(&EventKind::RefreshTheft));
        assert_eq!(refusal(world.refresh("app", &refresh_token(&last)).await), "invalid_grant");
        assert_eq!(refusal(world.userinfo(&last.access_token).await), "invalid_token", "at once");
    }
    assert!(world.userinfo(&bystander.access_token).await.is_ok());
    assert!(world.refresh("app", &refresh_token(&bystander)).await.is_ok());
}

/// Another client's token is refused and nothing is written; so is one made up.
pub async fn refresh_of_another_client(stage: Stage) {
    let world = World::new(stage).await;
    let token = refresh_token(&world.enter("app").await);
    let mark = world.stage.mark().await;
    for client in ["other", "web"] {
        assert_eq!(refusal(world.refresh(client, &token).await), "invalid_grant");
    }
    let mut forged = token.clone().into_bytes();
    forged[40] ^= 1;
    let forged = String::from_utf8(forged).unwrap();
    for bad in [forged.as_str(), "x", &token[1..], &format!("{token}A")] {
        assert_eq!(refusal(world.refresh("app", bad).await), "invalid_grant");
    }
    assert_eq!(world.stage.mark().await, mark);
    assert!(world.refresh("app", &token).await.is_ok(), "the owner is not bothered");
    assert_eq!(refusal(world.refresh("svc", &token).await), "unauthorized_client");
}

/// Scopes and resources narrow for one answer, and never widen; a bad wish does not cost the token.
pub async fn refresh_narrows(stage: Stage) {
    let world = World::new(stage).await;
    let visitor = world.sign_in(&world.visitor(), "ada").await;
    let asked = [("scope", "openid offline_access read list"), ("resource", API), ("resource", OTHER)];
    let code = world.code(&visitor, "web", &asked).await;
    let first = world.redeem("web", &code).await.unwrap();
    assert_eq!(claims(&first.access_token)["aud"], serde_json::json!([API, OTHER]));
    assert_eq!(first.expires_in, 60, "the shortest life");
    let token = refresh_token(&first);
    let with = |extra: &[(&'static str, &'static str)]| {
        let base = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
        base.into_iter().chain(extra.iter().copied()).collect::<Vec<_>>()
    };
    let narrow = world.token("web", &with(&[("scope", "read"), ("resource", API)])).await.unwrap();
    let said = claims(&narrow.access_token);
    assert_eq!((&said["aud"], &said["scope"]), (&API.into(), &"read".into()));
    assert!(narrow.id_token.is_none(), "openid was left out");
    assert_eq!(refusal(world.token("web", &with(&[("scope", "read write")])).await), "invalid_scope");
    assert_eq!(refusal(world.token("web", &with(&[("resource", super::SHARED)])).await), "invalid_target");
    let whole = world.token("web", &with(&[])).await.unwrap();
    assert_eq!(whole.scope, "openid offline_access read list", "the grant is what it was");
}

/// Idle and absolute limits, and a person who may not come in any more.
pub async fn refresh_ends(stage: Stage) {
    let day = 24 * 3600;
    let world = World::new(stage).await;
    let idle = refresh_token(&world.enter("app").await);
    world.wait(7 * day).await;
    assert_eq!(refusal(world.refresh("app", &idle).await), "invalid_grant");

    let mut token = refresh_token(&world.enter("app").await);
    for _ in 0..29 {
        world.wait(day).await;
        token = refresh_token(&world.refresh("app", &token).await.unwrap());
    }
    world.wait(day).await;
    assert_eq!(refusal(world.refresh("app", &token).await), "invalid_grant", "30 days are the most");

    let token = refresh_token(&world.enter("app").await);
    countersign_issuer::admin::users::disable(&world.issuer, "ada").await.unwrap();
    assert_eq!(refusal(world.refresh("app", &token).await), "invalid_grant");
}

/// Rights taken since the sign-in are gone from the next token.
pub async fn refresh_looks_at_roles_again(stage: Stage) {
    let world = World::new(stage).await;
    let first = world.enter("app").await;
    assert!(first.scope.ends_with("read write admin"));
    countersign_issuer::admin::roles::unassign(&world.issuer, "ada", "boss").await.unwrap();
    let next = world.refresh("app", &refresh_token(&first)).await.unwrap();
    assert!(next.scope.ends_with("read write"), "{}", next.scope);
    assert!(claims(&next.access_token).get("roles").is_none());
}
