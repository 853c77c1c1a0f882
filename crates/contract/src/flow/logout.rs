//! RP-Initiated Logout 1.0: whose hint ends what, and where the browser goes.

use super::{World, caller, refusal};
use crate::stage::Stage;
use countersign_issuer::oauth::authorize::Visitor;
use countersign_issuer::oauth::logout::{Next, confirm, logout};

const BYE: &str = "https://app.example.test/bye";

async fn ask(world: &World, visitor: &Visitor, form: &[(&str, &str)]) -> countersign_issuer::Result<Next> {
    let params = form.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    logout(&world.issuer, &params, visitor, caller().ip).await
}

/// With the ID token of the one signed in: at once, with everything entered through that sign-in.
pub async fn logout_flow(stage: Stage) {
    let world = World::new(stage).await;
    let visitor = world.sign_in(&world.visitor(), "ada").await;
    let code = world.code(&visitor, "app", &[]).await;
    let tokens = world.redeem("app", &code).await.unwrap();
    let elsewhere = world.enter("app").await;
    let hint = tokens.id_token.as_ref().unwrap();
    // Expired hints count (2).
    world.wait(2 * 3600).await;
    let tokens = world.refresh("app", tokens.refresh_token.as_ref().unwrap()).await.unwrap();
    let form = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", BYE), ("state", "x y")];
    let Next::Done { redirect, client } = ask(&world, &visitor, &form).await.unwrap() else {
        panic!("asked")
    };
    assert_eq!(redirect.as_deref(), Some("https://app.example.test/bye?state=x+y"));
    assert_eq!(client.unwrap().id.as_str(), "app");
    assert_eq!(refusal(world.userinfo(&tokens.access_token).await), "invalid_token");
    assert_eq!(refusal(world.refresh("app", tokens.refresh_token.as_ref().unwrap()).await), "invalid_grant");
    assert!(world.refresh("app", elsewhere.refresh_token.as_ref().unwrap()).await.is_ok(), "another browser");
}

/// Without a hint, or with somebody else's, the person is asked; only this browser's answer counts.
pub async fn logout_is_confirmed(stage: Stage) {
    let world = World::new(stage).await;
    let others = world.enter("app").await;
    let bob = world.sign_in(&world.visitor(), "bob").await;
    for form in [vec![], vec![("id_token_hint", others.id_token.as_deref().unwrap())]] {
        let Next::Confirm { .. } = ask(&world, &bob, &form).await.unwrap() else { panic!("not asked") };
    }
    let form = [("client_id", "app"), ("post_logout_redirect_uri", BYE)];
    let Next::Confirm { resume, client } = ask(&world, &bob, &form).await.unwrap() else { panic!() };
    assert_eq!(client.unwrap().id.as_str(), "app");
    let stranger = Visitor { binding: "another browser".to_owned(), ..bob.clone() };
    assert_eq!(refusal(confirm(&world.issuer, &resume, &stranger, caller().ip).await), "invalid_request");
    world.wait(601).await;
    assert_eq!(
        refusal(confirm(&world.issuer, &resume, &bob, caller().ip).await),
        "invalid_request",
        "too old"
    );
    let Next::Confirm { resume, .. } = ask(&world, &bob, &form).await.unwrap() else { panic!() };
    let Next::Done { redirect, .. } = confirm(&world.issuer, &resume, &bob, caller().ip).await.unwrap()
    else {
        panic!()
    };
    assert_eq!(redirect.as_deref(), Some(BYE));
    let browsers = world.stage.store.list_browsers(&world.person("bob").await.user.id).await.unwrap();
    assert!(browsers.is_empty());
    // Nobody is signed in any more: nothing to ask.
    let gone = Visitor { session: None, ..bob };
    assert!(matches!(ask(&world, &gone, &form).await.unwrap(), Next::Done { .. }));
}

/// A hint outlives the client it names.
pub async fn logout_of_a_removed_client(stage: Stage) {
    let world = World::new(stage).await;
    let visitor = world.sign_in(&world.visitor(), "ada").await;
    let code = world.code(&visitor, "app", &[]).await;
    let hint = world.redeem("app", &code).await.unwrap().id_token.unwrap();
    countersign_issuer::admin::clients::remove(&world.issuer, "app").await.unwrap();
    let form = [("id_token_hint", hint.as_str())];
    let Next::Done { client: None, .. } = ask(&world, &visitor, &form).await.unwrap() else { panic!() };
    let browsers = world.stage.store.list_browsers(&world.person("ada").await.user.id).await.unwrap();
    assert!(browsers.is_empty());
}

/// Never to an address that is not registered, and never on the word of a hint that is none.
pub async fn logout_refused(stage: Stage) {
    let world = World::new(stage).await;
    let tokens = world.enter("app").await;
    let hint = tokens.id_token.as_deref().unwrap();
    let visitor = world.visitor();
    for form in [
        vec![("post_logout_redirect_uri", BYE)],
        vec![("client_id", "app"), ("post_logout_redirect_uri", "https://evil.example.test/")],
        vec![("client_id", "svc"), ("post_logout_redirect_uri", BYE)],
        vec![("client_id", "other"), ("id_token_hint", hint)],
        vec![("id_token_hint", "nonsense")],
        vec![("id_token_hint", tokens.access_token.as_str())],
        vec![("state", "a"), ("state", "b")],
    ] {
        assert_eq!(refusal(ask(&world, &visitor, &form).await), "invalid_request", "{form:?}");
    }
    assert_eq!(refusal(ask(&world, &visitor, &[("client_id", "nobody")]).await), "invalid_client");
}
