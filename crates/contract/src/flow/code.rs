//! The authorization code flow (RFC 6749 4.1, OIDC Core 3.1): once, and only by whom it was made for.

use super::{
    API, CALLBACK, IP, ISSUER, SHARED, VERIFIER, World, caller, claims, header, member, redemption, refusal,
    signed,
};
use crate::stage::{Stage, at_once};
use countersign_issuer::model::EventKind;
use countersign_issuer::oauth::authorize::{self, Ask, Next};
use countersign_issuer::oauth::{grant, logout};
use std::sync::Arc;

/// From the sign-in page to userinfo.
pub async fn code_flow(stage: Stage) {
    let world = World::new(stage).await;
    let stranger = world.visitor();
    let asked = Ask::Fresh(world.request("app", &[]));
    let Next::Login { resume, client, again, .. } =
        authorize::authorize(&world.issuer, asked, &stranger).await
    else {
        panic!("no sign-in page")
    };
    assert_eq!((client.id.as_str(), again.is_none()), ("app", true));

    let visitor = world.sign_in(&stranger, "ada").await;
    let Next::Consent(view) = authorize::authorize(&world.issuer, Ask::Resume(resume), &visitor).await else {
        panic!("no consent page")
    };
    assert_eq!(view.redirect_host, "app.example.test");
    let groups: Vec<_> = view.scopes.iter().map(|(group, lines)| (group.as_deref(), lines.len())).collect();
    assert_eq!(groups, [(None, 4), (Some(API), 3)]);
    let allow = authorize::Choice::Allow;
    let Next::Respond(response) = authorize::choose(&world.issuer, &view.resume, allow, &visitor).await
    else {
        panic!("no answer")
    };
    assert_eq!(response.redirect_uri, CALLBACK);
    assert_eq!(member(&response, "state").as_deref(), Some("st"));
    assert_eq!(member(&response, "iss").as_deref(), Some(ISSUER));

    let tokens = world.redeem("app", &member(&response, "code").unwrap()).await.unwrap();
    assert_eq!((tokens.token_type, tokens.expires_in), ("Bearer", 900));
    let person = world.person("ada").await;
    let access = claims(&tokens.access_token);
    assert_eq!(header(&tokens.access_token)["typ"], "at+jwt");
    assert_eq!(header(&tokens.access_token)["alg"], "ES256");
    assert_eq!((&access["iss"], &access["aud"]), (&ISSUER.into(), &API.into()));
    assert_eq!((&access["sub"], &access["client_id"]), (&person.user.id.as_str().into(), &"app".into()));
    assert_eq!(access["scope"], "openid profile email offline_access read write admin");
    assert_eq!(access["roles"], serde_json::json!(["boss"]));
    assert!(access.get("email").is_none() && access.get("name").is_none(), "nothing personal");

    let id = claims(tokens.id_token.as_ref().unwrap());
    assert_eq!(header(tokens.id_token.as_ref().unwrap())["alg"], "RS256");
    assert_eq!((&id["aud"], &id["nonce"], &id["sid"]), (&"app".into(), &"no".into(), &access["sid"]));
    assert_eq!((&id["email"], &id["email_verified"]), (&"ada@example.test".into(), &true.into()));
    assert_eq!(id["auth_time"], access["auth_time"]);
    assert!(tokens.refresh_token.is_some());

    let info = world.userinfo(&tokens.access_token).await.unwrap();
    assert_eq!((&info["sub"], &info["email"]), (&access["sub"], &"ada@example.test".into()));
    // The second time the consent is remembered.
    let again = Ask::Fresh(world.request("app", &[("prompt", "none")]));
    assert!(matches!(authorize::authorize(&world.issuer, again, &visitor).await, Next::Respond(r)
        if member(&r, "code").is_some()));
}

/// Twice in a row: refused, and what the first use made is revoked (RFC 6749 4.1.2).
pub async fn code_reused(stage: Stage) {
    let world = World::new(stage).await;
    let visitor = world.sign_in(&world.visitor(), "ada").await;
    let code = world.code(&visitor, "app", &[]).await;
    let first = world.redeem("app", &code).await.unwrap();
    assert!(world.userinfo(&first.access_token).await.is_ok());
    let mark = world.stage.mark().await;
    world.clock().advance_seconds(30);
    assert_eq!(refusal(world.redeem("app", &code).await), "invalid_grant");
    assert!(world.stage.kinds(mark).await.contains(&EventKind::CodeReplayed));
    assert_eq!(refusal(world.userinfo(&first.access_token).await), "invalid_token");
    assert_eq!(refusal(world.refresh("app", first.refresh_token.as_ref().unwrap()).await), "invalid_grant");
    // The sign-in itself lives.
    assert!(!world.code(&visitor, "app", &[]).await.is_empty());
}

/// 64 at once: one session is made, and since the others are reuse, it is revoked.
pub async fn code_used_64_at_once(stage: Stage) {
    let world = Arc::new(World::new(stage).await);
    let visitor = world.sign_in(&world.visitor(), "ada").await;
    let code = world.code(&visitor, "app", &[]).await;
    let results = at_once(64, |_| {
        let (world, code) = (world.clone(), code.clone());
        async move { world.redeem("app", &code).await }
    })
    .await;
    let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    // The winner may find its session ended by a loser before it mints: then nobody has a token.
    assert!(won.len() <= 1, "{} sessions of one code", won.len());
    for refused in lost {
        assert_eq!(refusal(refused), "invalid_grant");
    }
    let sessions = world.stage.store.list_client_sessions(&world.person("ada").await.user.id).await.unwrap();
    assert!(sessions.is_empty(), "what the first use made is revoked");
    for tokens in won.into_iter().flatten() {
        assert_eq!(refusal(world.userinfo(&tokens.access_token).await), "invalid_token");
    }
}

/// Everything a code is bound to. A refused attempt does not spend it.
pub async fn code_bound(stage: Stage) {
    let world = World::new(stage).await;
    let visitor = world.sign_in(&world.visitor(), "ada").await;
    let code = world.code(&visitor, "app", &[]).await;
    let with = |changes: &[(&'static str, &'static str)]| {
        let mut form = redemption(&code).to_vec();
        for (name, value) in changes {
            form.retain(|(n, _)| n != name);
            if !value.is_empty() {
                form.push((name, value));
            }
        }
        form
    };
    let wrong_verifier = "a".repeat(43);
    let bad: [(&str, Vec<(&str, &str)>); 6] = [
        ("app", with(&[("redirect_uri", "https://app.example.test/cb/")])),
        ("app", with(&[("redirect_uri", "")])),
        ("app", with(&[("code_verifier", "")])),
        ("app", with(&[("code_verifier", "too-short")])),
        ("other", with(&[])),
        ("web", with(&[])),
    ];
    for (client, form) in bad {
        assert_eq!(refusal(world.token(client, &form).await), "invalid_grant", "{client} {form:?}");
    }
    let mut form = with(&[("code_verifier", "")]);
    form.push(("code_verifier", &wrong_verifier));
    assert_eq!(refusal(world.token("app", &form).await), "invalid_grant");
    assert_eq!(refusal(world.token("app", &with(&[("code", "")])).await), "invalid_request");
    assert_eq!(refusal(world.token("app", &with(&[("code", "nonsense")])).await), "invalid_grant");
    assert_eq!(refusal(world.token("app", &with(&[("resource", super::OTHER)])).await), "invalid_target");
    assert_eq!(refusal(world.token("app", &with(&[("scope", "openid list")])).await), "invalid_scope");
    assert!(world.redeem("app", &code).await.is_ok(), "none of these spent it");

    let late = world.code(&visitor, "app", &[]).await;
    world.wait(60).await;
    assert_eq!(refusal(world.redeem("app", &late).await), "invalid_grant");
}

/// A code dies with the sign-in, and with the person's account.
pub async fn code_dies_with_the_sign_in(stage: Stage) {
    let world = World::new(stage).await;
    let visitor = world.sign_in(&world.visitor(), "ada").await;
    let code = world.code(&visitor, "app", &[]).await;
    let asked = logout::logout(&world.issuer, &signed("app", &[]).1, &visitor, caller().ip).await.unwrap();
    let logout::Next::Confirm { resume, .. } = asked else { panic!("ended without asking") };
    logout::confirm(&world.issuer, &resume, &visitor, caller().ip).await.unwrap();
    assert_eq!(refusal(world.redeem("app", &code).await), "invalid_grant");

    let visitor = world.sign_in(&world.visitor(), "bob").await;
    let code = world.code(&visitor, "app", &[("scope", "openid")]).await;
    countersign_issuer::admin::users::disable(&world.issuer, "bob").await.unwrap();
    assert_eq!(refusal(world.redeem("app", &code).await), "invalid_grant");
}

/// Who asks how, and what the token endpoint says to it.
pub async fn token_requests_refused(stage: Stage) {
    let world = World::new(stage).await;
    let of = async |authorization: Option<&str>, raw: &str| {
        let params = countersign_issuer::oauth::params::Params::parse(raw.as_bytes()).unwrap();
        refusal(grant::token(&world.issuer, authorization, &params, IP).await.1)
    };
    let web = format!("Basic {}", super::base64(&format!("web:{}", super::SECRET)));
    let wrong = format!("Basic {}", super::base64("web:wrong"));
    let unknown = format!("Basic {}", super::base64("nobody:wrong"));
    let code = format!("grant_type=authorization_code&code=x&code_verifier={VERIFIER}");
    assert_eq!(of(None, &code).await, "invalid_client");
    assert_eq!(of(Some(&wrong), &code).await, "invalid_client");
    assert_eq!(of(Some(&unknown), &code).await, "invalid_client");
    assert_eq!(of(None, &format!("{code}&client_id=web")).await, "invalid_client", "secret left out");
    assert_eq!(
        of(None, &format!("{code}&client_id=web&client_secret={}", super::SECRET)).await,
        "invalid_client"
    );
    assert_eq!(of(Some(&web), &format!("{code}&client_secret=x")).await, "invalid_request");
    assert_eq!(of(Some(&web), "grant_type=").await, "invalid_request");
    assert_eq!(of(Some(&web), "grant_type=password").await, "unsupported_grant_type");
    assert_eq!(of(Some(&web), "grant_type=client_credentials").await, "unauthorized_client");
    assert_eq!(of(Some(&web), &format!("{code}&code=y")).await, "invalid_request");
    assert_eq!(of(Some(&web), &format!("{code}&scope=%22")).await, "invalid_scope");
}

/// Audiences that sign differently: a token for one of them by name, and nothing lost by asking wrongly.
pub async fn code_for_audiences_that_sign_differently(stage: Stage) {
    let world = World::new(stage).await;
    let visitor = world.sign_in(&world.visitor(), "ada").await;
    let code = world.code(&visitor, "mixed", &[("scope", "offline_access read share")]).await;
    assert_eq!(refusal(world.redeem("mixed", &code).await), "invalid_target");
    let with = |form: &[(&'static str, String)], resource: &'static str| {
        let mut form = form.to_vec();
        form.push(("resource", resource.to_owned()));
        form
    };
    let ask = async |form: Vec<(&'static str, String)>| {
        let form: Vec<_> = form.iter().map(|(n, v)| (*n, v.as_str())).collect();
        world.token("mixed", &form).await
    };
    let form = redemption(&code).map(|(n, v)| (n, v.to_owned()));
    let tokens = ask(with(&form, SHARED)).await.unwrap();
    assert_eq!(header(&tokens.access_token)["alg"], "HS256");
    assert_eq!(tokens.scope, "offline_access share");
    let form = [("grant_type", "refresh_token".to_owned()), ("refresh_token", tokens.refresh_token.unwrap())];
    for _ in 0..3 {
        assert_eq!(refusal(ask(form.to_vec()).await), "invalid_target");
    }
    let tokens = ask(with(&form, API)).await.unwrap();
    assert_eq!(
        (&header(&tokens.access_token)["alg"], tokens.scope.as_str()),
        (&"ES256".into(), "offline_access read")
    );
}
