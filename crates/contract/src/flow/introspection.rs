//! Introspection (RFC 7662): who may ask about what.

use super::{IP, World, refusal, signed};
use crate::fixture::event;
use crate::stage::Stage;
use countersign_issuer::model::EventKind;
use countersign_issuer::oauth::introspect;
use std::time::Duration;

/// Every client asks about every token: its own client, and who watches the audience.
pub async fn introspection_matrix(stage: Stage) {
    let world = World::new(stage).await;
    let of_web = world.enter("web").await;
    let of_app = world.enter("app").await;
    let machine = world.token("svc", &[("grant_type", "client_credentials"), ("resource", super::OTHER)]);
    let of_svc = machine.await.unwrap().access_token;
    let web_refresh = of_web.refresh_token.unwrap();
    let app_refresh = of_app.refresh_token.unwrap();
    let rows: [(&str, &str, [bool; 3]); 5] = [
        ("web's", &of_web.access_token, [true, false, true]),
        ("app's", &of_app.access_token, [false, false, true]),
        ("svc's, for another API", &of_svc, [false, true, false]),
        ("web's refresh token", &web_refresh, [true, false, false]),
        ("app's refresh token", &app_refresh, [false, false, false]),
    ];
    for (what, token, due) in rows {
        for (client, due) in ["web", "svc", "watcher"].into_iter().zip(due) {
            let answer = world.introspect(client, token).await;
            assert_eq!(answer["active"] == true, due, "{client} about {what}");
            if !due {
                assert_eq!(answer, serde_json::json!({ "active": false }), "nothing else is told");
            }
        }
    }
    let told = world.introspect("watcher", &of_web.access_token).await;
    assert_eq!((&told["client_id"], &told["token_type"]), (&"web".into(), &"Bearer".into()));
    assert!(world.introspect("web", &web_refresh).await.get("token_type").is_none());
}

/// Public clients and strangers are not answered at all.
pub async fn introspection_needs_authentication(stage: Stage) {
    let world = World::new(stage).await;
    let token = world.enter("app").await.access_token;
    let (_, public) = signed("app", &[("token", &token)]);
    assert_eq!(refusal(introspect::introspect(&world.issuer, None, &public, IP).await), "invalid_client");
    let (basic, empty) = signed("web", &[]);
    let asked = introspect::introspect(&world.issuer, basic.as_deref(), &empty, IP).await;
    assert_eq!(refusal(asked), "invalid_request");
    let (basic, twice) = signed("web", &[("token", "a"), ("token", "b")]);
    let asked = introspect::introspect(&world.issuer, basic.as_deref(), &twice, IP).await;
    assert_eq!(refusal(asked), "invalid_request");
}

/// Time and rules are looked at each time, although the signature is remembered.
pub async fn introspection_remembers_no_verdict(stage: Stage) {
    let world = World::new(stage).await;
    let tokens = world.enter("web").await;
    for _ in 0..3 {
        assert!(world.active("web", &tokens.access_token).await);
    }
    world.wait(59).await;
    assert!(world.active("web", &tokens.access_token).await);
    world.wait(1).await;
    assert!(!world.active("web", &tokens.access_token).await, "expired to the second");
}

/// A node that has not read the log for a second asks the store before it says that a token is good.
pub async fn introspection_never_by_old_rules(stage: Stage) {
    let world = World::new(stage).await;
    let token = world.enter("web").await.access_token;
    assert!(world.active("web", &token).await);
    // Another process revokes; this one does not follow.
    let jti = super::claims(&token)["jti"].as_str().unwrap().to_owned();
    let until = world.stage.clock.now() + Duration::from_secs(600);
    world.stage.store.revoke_token(&jti, None, until, event(EventKind::TokenRevoked)).await.unwrap();
    world.stage.clock.advance(Duration::from_secs(1));
    assert!(!world.active("web", &token).await);
    assert_eq!(refusal(world.userinfo(&token).await), "invalid_token");
}
