//! The direct API: the same rules as the pages, without a browser.

use super::{API, PASSWORD, SECRET, World, caller, claims, refusal};
use crate::stage::Stage;
use countersign_issuer::direct::{self, Login, Outcome, Wish};
use countersign_issuer::model::Secret;
use countersign_issuer::oauth::issue::TokenResponse;
use countersign_issuer::{Failure, Result, admin};
use std::sync::atomic::Ordering;

async fn login(world: &World, client: Option<&str>, name: &str, password: &str) -> Result<TokenResponse> {
    let ask = Login {
        username: name.to_owned(),
        password: Secret::new(password),
        wish: Wish { client_id: client.map(str::to_owned), ..Wish::default() },
    };
    direct::login(&world.issuer, ask, &caller()).await.map(tokens)
}

/// Of a sign-in that is complete.
pub fn tokens(outcome: Outcome) -> TokenResponse {
    match outcome {
        Outcome::Done(done) => done.tokens,
        Outcome::MfaRequired(due) => panic!("a second factor is due: {:?}", due.methods),
    }
}

/// In, on, and out again; with the client named and with the built-in one.
pub async fn direct_flow(stage: Stage) {
    let world = World::new(stage).await;
    for (client, aud) in [(Some("mobile"), API), (None, super::ISSUER), (None, super::ISSUER)] {
        let first = login(&world, client, "ada@example.test", PASSWORD).await.unwrap();
        let said = claims(&first.access_token);
        assert_eq!((&said["aud"], &said["mfa_verified"]), (&aud.into(), &false.into()));
        assert_eq!(said["client_id"], client.unwrap_or("countersign-direct"));
        assert_eq!(said["sid"], first.session_id.unwrap());
        world.wait(60).await;
        let (asked, next) =
            direct::refresh(&world.issuer, first.refresh_token.as_ref().unwrap(), caller().ip).await;
        let next = next.unwrap();
        assert_eq!(asked.unwrap().id.as_str(), said["client_id"]);
        assert_ne!(next.refresh_token, first.refresh_token);
        assert!(world.userinfo(&next.access_token).await.is_ok());
        direct::logout(&world.issuer, &next.access_token, caller().ip).await.1.unwrap();
        assert_eq!(refusal(world.userinfo(&next.access_token).await), "invalid_token");
        let again = direct::refresh(&world.issuer, next.refresh_token.as_ref().unwrap(), caller().ip).await.1;
        assert_eq!(refusal(again), "invalid_grant");
        assert_eq!(
            refusal(direct::logout(&world.issuer, &next.access_token, caller().ip).await.1),
            "invalid_token"
        );
    }
    let by_refresh = login(&world, None, "bob", PASSWORD).await.unwrap();
    direct::logout(&world.issuer, by_refresh.refresh_token.as_ref().unwrap(), caller().ip).await.1.unwrap();
    assert_eq!(refusal(world.userinfo(&by_refresh.access_token).await), "invalid_token");
}

/// Unknown, wrong, disabled: the same answer and the same number of hash jobs.
pub async fn direct_refused_alike(stage: Stage) {
    let world = World::new(stage).await;
    admin::users::disable(&world.issuer, "bob").await.unwrap();
    let mut answers = Vec::new();
    for (name, password) in [("nobody", PASSWORD), ("ada", "wrong password"), ("bob", PASSWORD)] {
        let before = world.hasher.jobs.load(Ordering::SeqCst);
        let refused = match login(&world, Some("mobile"), name, password).await {
            Err(Failure::Rejected(refused)) => refused,
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(world.hasher.jobs.load(Ordering::SeqCst) - before, 1, "{name}");
        answers.push((refused.code, refused.public));
        world.wait(60).await;
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
}

/// Only clients that may; only their own scopes and audiences; nothing is hashed for the rest.
pub async fn direct_clients(stage: Stage) {
    let world = World::new(stage).await;
    let before = world.hasher.jobs.load(Ordering::SeqCst);
    assert_eq!(refusal(login(&world, Some("app"), "ada", PASSWORD).await), "unauthorized_client");
    assert_eq!(refusal(login(&world, Some("nobody"), "ada", PASSWORD).await), "invalid_client");
    for (scope, resource, code) in
        [(Some("list"), None, "invalid_scope"), (None, Some("urn:shared"), "invalid_target")]
    {
        let ask = Login {
            username: "ada".to_owned(),
            password: Secret::new(PASSWORD),
            wish: Wish {
                client_id: Some("mobile".to_owned()),
                scope: scope.map(str::to_owned),
                resource: resource.into_iter().map(str::to_owned).collect(),
                cookie: false,
            },
        };
        assert_eq!(refusal(direct::login(&world.issuer, ask, &caller()).await), code);
    }
    assert_eq!(world.hasher.jobs.load(Ordering::SeqCst), before);
    // A confidential client's refresh token is worth nothing without the client.
    let web = world.enter("web").await.refresh_token.unwrap();
    assert_eq!(refusal(direct::refresh(&world.issuer, &web, caller().ip).await.1), "unauthorized_client");
    assert_eq!(refusal(direct::logout(&world.issuer, &web, caller().ip).await.1), "unauthorized_client");
    assert!(world.refresh("web", &web).await.is_ok());
}

/// An API user is a client with a key.
pub async fn direct_api_login(stage: Stage) {
    let world = World::new(stage).await;
    let of = async |name: &str, key: &str| {
        let (key, at) = (Secret::new(key), [API.to_owned()]);
        direct::api_login(&world.issuer, name, &key, Some("read"), &at, &caller()).await
    };
    let tokens = of("svc", SECRET).await.unwrap();
    assert_eq!((tokens.scope.as_str(), tokens.refresh_token), ("read", None));
    for (name, key) in [("svc", "wrong"), ("nobody", SECRET), ("app", ""), ("web", SECRET), ("u_x", SECRET)] {
        assert_eq!(refusal(of(name, key).await), "invalid_credentials", "{name}");
        world.wait(60).await;
    }
}
