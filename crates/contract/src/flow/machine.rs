//! `client_credentials` (RFC 6749 4.4): audiences, algorithms, lives.

use super::{API, OTHER, SHARED, World, claims, header, refusal};
use crate::stage::Stage;

async fn ask(
    world: &World,
    extra: &[(&str, &str)],
) -> Result<countersign_issuer::oauth::issue::TokenResponse, countersign_issuer::Failure> {
    let form: Vec<_> =
        [("grant_type", "client_credentials")].into_iter().chain(extra.iter().copied()).collect();
    world.token("svc", &form).await
}

/// A token for itself: no person, no session, no refresh token.
pub async fn machine_flow(stage: Stage) {
    let world = World::new(stage).await;
    let tokens = ask(&world, &[("resource", API), ("scope", "read list share")]).await.unwrap();
    assert_eq!(tokens.scope, "read", "those of the audience");
    assert!(tokens.refresh_token.is_none() && tokens.id_token.is_none() && tokens.session_id.is_none());
    let said = claims(&tokens.access_token);
    assert_eq!((&said["sub"], &said["client_id"], &said["aud"]), (&"svc".into(), &"svc".into(), &API.into()));
    for absent in ["sid", "auth_time", "acr", "amr", "roles"] {
        assert!(said.get(absent).is_none(), "{absent}");
    }
    assert!(world.active("svc", &tokens.access_token).await);
    assert_eq!(refusal(world.userinfo(&tokens.access_token).await), "insufficient_scope");
    assert_eq!(
        refusal(world.token("app", &[("grant_type", "client_credentials")]).await),
        "unauthorized_client"
    );
}

/// Several audiences in one token, when they sign alike; lives as short as the shortest.
pub async fn machine_audiences(stage: Stage) {
    let world = World::new(stage).await;
    let both = ask(&world, &[("resource", API), ("resource", OTHER)]).await.unwrap();
    assert_eq!(claims(&both.access_token)["aud"], serde_json::json!([API, OTHER]));
    assert_eq!((both.expires_in, both.scope.as_str()), (60, "read write list admin"));
    assert_eq!(refusal(ask(&world, &[("resource", API), ("resource", SHARED)]).await), "invalid_target");
    assert_eq!(refusal(ask(&world, &[]).await), "invalid_target", "its own list mixes algorithms");
    assert_eq!(refusal(ask(&world, &[("resource", "urn:nowhere")]).await), "invalid_target");
    assert_eq!(refusal(ask(&world, &[("resource", API), ("scope", "list")]).await), "invalid_scope");
}

/// A resource's own secret: its audience alone, taken nowhere here but at introspection.
pub async fn machine_shared_secret(stage: Stage) {
    let world = World::new(stage).await;
    let token = ask(&world, &[("resource", SHARED)]).await.unwrap().access_token;
    assert_eq!((&header(&token)["alg"], &claims(&token)["aud"]), (&"HS256".into(), &SHARED.into()));
    assert!(world.active("svc", &token).await);
    assert_eq!(refusal(world.userinfo(&token).await), "invalid_token");
    assert!(!world.active("watcher", &token).await, "not its audience");
    let jwks = String::from_utf8(world.issuer.keys.jwks().body.to_vec()).unwrap();
    assert!(!jwks.contains("oct"));
}
