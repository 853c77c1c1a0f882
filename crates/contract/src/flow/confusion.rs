//! A token of one kind is refused everywhere another kind is due: every kind at every endpoint.

use super::{API, SHARED, World, caller, refusal, signed};
use crate::stage::Stage;
use countersign_issuer::oauth::authorize::{self, Ask, Next};
use countersign_issuer::oauth::logout;
use countersign_issuer::{Failure, direct};

/// Kinds, in the order of the table's columns.
struct Kinds {
    tokens: Vec<(&'static str, String)>,
    visitor: authorize::Visitor,
}

async fn kinds(world: &World) -> Kinds {
    let visitor = world.sign_in(&world.visitor(), "ada").await;
    let code = world.code(&visitor, "mobile", &[]).await;
    let tokens = world.redeem("mobile", &code).await.unwrap();
    let machine = |at| {
        let form = [("grant_type", "client_credentials"), ("resource", at)];
        async move { world.token("svc", &form).await.unwrap().access_token }
    };
    let unspent = world.code(&visitor, "mobile", &[]).await;
    let ask = Ask::Fresh(world.request("app", &[("prompt", "login")]));
    world.wait(1).await;
    let sealed = match authorize::authorize(&world.issuer, ask, &visitor).await {
        Next::Login { resume, .. } => resume,
        other => panic!("{other:?}"),
    };
    let confirm =
        match logout::logout(&world.issuer, &signed("app", &[]).1, &visitor, caller().ip).await.unwrap() {
            logout::Next::Confirm { resume, .. } => resume,
            other => panic!("{other:?}"),
        };
    Kinds {
        tokens: vec![
            ("access token", tokens.access_token),
            ("machine's access token", machine(API).await),
            ("access token under a shared secret", machine(SHARED).await),
            ("ID token", tokens.id_token.unwrap()),
            ("refresh token", tokens.refresh_token.unwrap()),
            ("code", unspent),
            ("sealed request", sealed),
            ("sealed sign-out", confirm),
            ("form token", world.issuer.sealer.form_token("flow cookie")),
        ],
        visitor,
    }
}

/// The only pairs that pass; everything else is refused with a code of the standard, never a bug.
pub async fn confusion_of_kinds(stage: Stage) {
    let world = World::new(stage).await;
    let passing: [(&str, &[&str]); 9] = [
        ("userinfo", &["access token"]),
        ("introspection", &["machine's access token", "access token under a shared secret"]),
        ("code", &["code"]),
        ("refresh", &["refresh token"]),
        ("direct refresh", &["refresh token"]),
        ("direct logout", &["access token", "refresh token"]),
        ("id_token_hint", &["ID token"]),
        ("authorize resume", &["sealed request"]),
        ("logout resume", &["sealed sign-out"]),
    ];
    for (endpoint, due) in passing {
        let Kinds { tokens, visitor } = kinds(&world).await;
        for (kind, token) in &tokens {
            let passed = passes(&world, endpoint, token, &visitor).await;
            assert_eq!(passed, due.contains(kind), "{kind} at {endpoint}");
        }
    }
}

async fn passes(world: &World, endpoint: &str, token: &str, visitor: &authorize::Visitor) -> bool {
    fn good<T: std::fmt::Debug>(result: Result<T, Failure>) -> bool {
        match result {
            Ok(_) => true,
            refused => {
                refusal(refused);
                false
            }
        }
    }
    match endpoint {
        "userinfo" => good(world.userinfo(token).await),
        // By the machine, which owns two of them and watches nothing.
        "introspection" => world.active("svc", token).await,
        "code" => good(world.redeem("mobile", token).await),
        "refresh" => good(world.refresh("mobile", token).await),
        "direct refresh" => good(direct::refresh(&world.issuer, token, caller().ip).await.1),
        "direct logout" => good(direct::logout(&world.issuer, token, caller().ip).await.1),
        "id_token_hint" => {
            let params = world.request("mobile", &[("id_token_hint", token)]);
            match authorize::authorize(&world.issuer, Ask::Fresh(params), visitor).await {
                Next::Respond(response) => super::member(&response, "code").is_some(),
                _ => false,
            }
        }
        "authorize resume" => {
            let next = authorize::authorize(&world.issuer, Ask::Resume(token.to_owned()), visitor).await;
            !matches!(next, Next::Page(_))
        }
        _ => good(logout::confirm(&world.issuer, token, visitor, caller().ip).await),
    }
}
