//! Revocation (RFC 7009) and the rules behind it: one token, a session, a person, a client, a key.

use super::{IP, World, refusal, signed};
use crate::stage::Stage;
use countersign_issuer::Result;
use countersign_issuer::admin::{self, revoke::What};
use countersign_issuer::oauth::revoke;

/// From user, `sid`, `jti` and `kid` of a token.
type Make = fn(&str, &str, &str, &str) -> What;

async fn revoked_by(world: &World, client: &str, form: &[(&str, &str)]) -> Result<()> {
    let (basic, params) = signed(client, form);
    revoke::revoke(&world.issuer, basic.as_deref(), &params, IP).await.1
}

/// Own tokens go, another client's are refused, unknown ones are fine.
pub async fn revocation_endpoint(stage: Stage) {
    let world = World::new(stage).await;
    let (one, two) = (world.enter("app").await, world.enter("app").await);
    let refresh = one.refresh_token.as_ref().unwrap();
    for token in [&one.access_token, refresh] {
        assert_eq!(refusal(revoked_by(&world, "other", &[("token", token)]).await), "invalid_grant");
        assert_eq!(refusal(revoked_by(&world, "web", &[("token", token)]).await), "invalid_grant");
    }
    assert!(world.userinfo(&one.access_token).await.is_ok());

    // A wrong hint changes nothing.
    let form = [("token", one.access_token.as_str()), ("token_type_hint", "refresh_token")];
    revoked_by(&world, "app", &form).await.unwrap();
    assert_eq!(refusal(world.userinfo(&one.access_token).await), "invalid_token");
    let next = world.refresh("app", refresh).await.unwrap();
    assert!(world.userinfo(&next.access_token).await.is_ok(), "one token only");

    revoked_by(&world, "app", &[("token", next.refresh_token.as_ref().unwrap())]).await.unwrap();
    assert_eq!(refusal(world.userinfo(&next.access_token).await), "invalid_token", "the whole session");
    assert_eq!(refusal(world.refresh("app", next.refresh_token.as_ref().unwrap()).await), "invalid_grant");
    assert!(world.userinfo(&two.access_token).await.is_ok(), "and no other");

    for unknown in ["x", "a.b.c", refresh, &one.access_token, one.id_token.as_ref().unwrap()] {
        revoked_by(&world, "app", &[("token", unknown)]).await.unwrap();
    }
    assert_eq!(refusal(revoked_by(&world, "app", &[]).await), "invalid_request");

    // A resource could have made this one itself: it proves nothing here, and the client is told.
    let form = [("grant_type", "client_credentials"), ("resource", super::SHARED)];
    let shared = world.token("svc", &form).await.unwrap().access_token;
    let refused = revoked_by(&world, "svc", &[("token", &shared)]).await;
    assert_eq!(refusal(refused), "unsupported_token_type");
    assert!(world.active("svc", &shared).await);
}

/// Each kind of rule is in force at once, here, and covers what it names.
pub async fn revocation_rules(stage: Stage) {
    let world = World::new(stage).await;
    let ada = world.person("ada").await.user.id;
    let kid = |token: &str| super::header(token)["kid"].as_str().unwrap().to_owned();
    let said = |token: &str, name: &str| super::claims(token)[name].as_str().unwrap().to_owned();
    let cases: [Make; 5] = [
        |_, _, jti, _| What::Jti(jti.to_owned()),
        |_, sid, _, _| What::Session(sid.to_owned()),
        |user, _, _, _| What::User(user.to_owned()),
        |_, _, _, _| What::Client("web".to_owned()),
        |_, _, _, kid| What::Key(kid.to_owned()),
    ];
    for make in cases {
        let token = world.enter("web").await.access_token;
        assert!(world.active("web", &token).await && world.userinfo(&token).await.is_ok());
        let what = make(ada.as_str(), &said(&token, "sid"), &said(&token, "jti"), &kid(&token));
        let name = format!("{what:?}");
        admin::revoke::revoke(&world.issuer, what).await.unwrap();
        assert!(!world.active("web", &token).await, "{name}");
        assert_eq!(refusal(world.userinfo(&token).await), "invalid_token", "{name}");
        // What a cutoff covers is a matter of seconds.
        world.wait(5).await;
    }
}

/// A sign-in in the seconds of a global sign-out is told to come again; afterwards it is as before.
pub async fn revocation_waits_out_a_cutoff(stage: Stage) {
    let world = World::new(stage).await;
    let visitor = world.sign_in(&world.visitor(), "ada").await;
    world.code(&visitor, "app", &[]).await;
    admin::revoke::revoke(&world.issuer, What::User("ada".to_owned())).await.unwrap();

    let visitor = world.sign_in(&world.visitor(), "ada").await;
    let code = world.code(&visitor, "app", &[]).await;
    match world.redeem("app", &code).await {
        Err(countersign_issuer::Failure::Unavailable(u)) => {
            assert!((1..=3).contains(&u.retry_after.as_secs()))
        }
        other => panic!("{other:?}"),
    }
    world.wait(3).await;
    let tokens = world.redeem("app", &code).await.unwrap();
    assert!(world.userinfo(&tokens.access_token).await.is_ok(), "the code was not lost, the token is live");
}

/// A client removed and made again, under the same name: what it had stays revoked, what it gets is good.
pub async fn revocation_of_a_client_made_again(stage: Stage) {
    let world = World::new(stage).await;
    let form = [("grant_type", "client_credentials"), ("resource", super::API)];
    let before = world.token("svc", &form).await.unwrap().access_token;
    admin::clients::remove(&world.issuer, "svc").await.unwrap();
    assert_eq!(refusal(world.token("svc", &form).await), "invalid_client");
    assert!(!world.active("watcher", &before).await);
    admin::clients::apply(&world.issuer, &super::clients()).await.unwrap();
    world.wait(3).await;
    let after = world.token("svc", &form).await.unwrap().access_token;
    assert!(world.active("svc", &after).await && !world.active("svc", &before).await);
}
