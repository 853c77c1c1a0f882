//! `/oauth/authorize` with real sign-ins: when the person is asked, and for what.

use super::{CALLBACK, World, member};
use crate::stage::Stage;
use countersign_issuer::admin;
use countersign_issuer::model::EventKind;
use countersign_issuer::oauth::authorize::{self, Ask, Choice, Next, ResponseMode, Visitor};

/// A parameter and what it is changed to.
type Change = (&'static str, &'static str);

fn kind(next: &Next) -> String {
    match next {
        Next::Login { again: None, .. } => "login".to_owned(),
        Next::Login { again: Some(user), .. } => {
            format!("login again as {}", user.username.as_ref().unwrap())
        }
        Next::SignUp { .. } => "sign up".to_owned(),
        Next::StepUp { .. } => "step up".to_owned(),
        Next::SelectAccount { .. } => "select".to_owned(),
        Next::Consent(_) => "consent".to_owned(),
        Next::Respond(response) => member(response, "error").unwrap_or_else(|| "code".to_owned()),
        Next::Page(failure) => format!("page: {failure}"),
    }
}

fn resume(next: Next) -> String {
    match next {
        Next::Login { resume, .. } | Next::StepUp { resume, .. } | Next::SelectAccount { resume, .. } => {
            resume
        }
        Next::Consent(view) => view.resume,
        other => panic!("nothing to resume: {other:?}"),
    }
}

async fn fresh(world: &World, visitor: &Visitor, changes: &[(&str, &str)]) -> Next {
    let ask = Ask::Fresh(world.request("app", changes));
    authorize::authorize(&world.issuer, ask, visitor).await
}

async fn back(world: &World, visitor: &Visitor, resume: &str) -> Next {
    authorize::authorize(&world.issuer, Ask::Resume(resume.to_owned()), visitor).await
}

/// `prompt` and `max_age` over the ages of a sign-in (OIDC Core 3.1.2.1).
pub async fn authorize_prompts(stage: Stage) {
    let world = World::new(stage).await;
    let nobody = world.visitor();
    let visitor = world.sign_in(&nobody, "ada").await;
    world.code(&visitor, "app", &[]).await;
    world.wait(100).await;
    let rows: [(&[Change], &str, &str); 9] = [
        (&[], "login", "code"),
        (&[("prompt", "none")], "login_required", "code"),
        (&[("prompt", "login")], "login", "login again as ada"),
        (&[("prompt", "consent")], "login", "consent"),
        (&[("prompt", "select_account")], "login", "select"),
        (&[("max_age", "100")], "login", "code"),
        (&[("max_age", "99")], "login", "login again as ada"),
        (&[("max_age", "99"), ("prompt", "none")], "login_required", "login_required"),
        (&[("max_age", "0")], "login", "login again as ada"),
    ];
    for (changes, without, with) in rows {
        assert_eq!(kind(&fresh(&world, &nobody, changes).await), without, "{changes:?}, nobody");
        assert_eq!(kind(&fresh(&world, &visitor, changes).await), with, "{changes:?}, ada");
    }
}

/// Going back without signing in again does not do; signing in again does, and shows in `auth_time`.
pub async fn authorize_proves_again(stage: Stage) {
    let world = World::new(stage).await;
    let visitor = world.sign_in(&world.visitor(), "ada").await;
    world.code(&visitor, "app", &[]).await;
    for demand in [("prompt", "login"), ("max_age", "0")] {
        world.wait(10).await;
        let resume = resume(fresh(&world, &visitor, &[demand]).await);
        assert_eq!(kind(&back(&world, &visitor, &resume).await), "login again as ada", "{demand:?}");
        world.wait(5).await;
        let again = world.sign_in(&visitor, "ada").await;
        let Next::Respond(response) = back(&world, &again, &resume).await else { panic!("{demand:?}") };
        let tokens = world.redeem("app", &member(&response, "code").unwrap()).await.unwrap();
        let now = world.clock().now().seconds();
        assert_eq!(super::claims(tokens.id_token.as_ref().unwrap())["auth_time"], now);
    }
}

/// A sealed request is this browser's, for ten minutes, and says who chose.
pub async fn authorize_resumes(stage: Stage) {
    let world = World::new(stage).await;
    let nobody = world.visitor();
    let sealed = resume(fresh(&world, &nobody, &[("login_hint", "ada")]).await);
    let (client, hint) = authorize::peek(&world.issuer, &sealed, &nobody).await.unwrap().unwrap();
    assert_eq!((client.id.as_str(), hint.as_deref()), ("app", Some("ada")));
    let stranger = Visitor { binding: "another browser".to_owned(), ..nobody.clone() };
    assert!(authorize::peek(&world.issuer, &sealed, &stranger).await.unwrap().is_none());
    assert!(kind(&back(&world, &stranger, &sealed).await).starts_with("page: invalid_request"));
    for bad in ["", "x", &sealed[1..], &format!("{sealed}A")] {
        assert!(kind(&back(&world, &nobody, bad).await).starts_with("page: invalid_request"));
    }

    // Bob's consent page, answered by Ada in the same browser, allows nothing for her.
    let bob = world.sign_in(&nobody, "bob").await;
    let consent = resume(back(&world, &bob, &sealed).await);
    let resumed = resume(authorize::choose(&world.issuer, &sealed, Choice::Another, &bob).await);
    let ada = world.sign_in(&bob, "ada").await;
    assert_eq!(kind(&back(&world, &ada, &resumed).await), "consent");
    for choice in [Choice::Allow, Choice::Deny, Choice::Continue] {
        let answered = authorize::choose(&world.issuer, &consent, choice, &ada).await;
        assert_eq!(kind(&answered), "consent", "{choice:?} on bob's page");
        let unasked = authorize::choose(&world.issuer, &resumed, choice, &ada).await;
        assert_eq!(kind(&unasked), "consent", "{choice:?} where nothing was asked");
    }
    for name in ["ada", "bob"] {
        let nothing = world.stage.store.consent(&world.person(name).await.user.id, &client.id).await.unwrap();
        assert!(nothing.is_none(), "{name} allowed nothing");
    }
    assert_eq!(kind(&back(&world, &ada, &consent).await), "consent");

    world.wait(600).await;
    assert_eq!(kind(&back(&world, &ada, &consent).await), "consent", "ten minutes");
    world.wait(1).await;
    assert!(kind(&back(&world, &ada, &consent).await).starts_with("page: "), "and no longer");
}

/// The account choice, and the wrong person under a hint.
pub async fn authorize_chooses_the_account(stage: Stage) {
    let world = World::new(stage).await;
    let visitor = world.sign_in(&world.visitor(), "ada").await;
    let code = world.code(&visitor, "app", &[]).await;
    let hint = world.redeem("app", &code).await.unwrap().id_token.unwrap();
    world.wait(10).await;
    let select = || async { resume(fresh(&world, &visitor, &[("prompt", "select_account")]).await) };
    let going_on = authorize::choose(&world.issuer, &select().await, Choice::Continue, &visitor).await;
    assert_eq!(kind(&going_on), "code");
    let another = authorize::choose(&world.issuer, &select().await, Choice::Another, &visitor).await;
    assert_eq!(kind(&another), "login");
    let bob = world.sign_in(&visitor, "bob").await;
    assert_eq!(kind(&back(&world, &bob, &resume(another)).await), "consent", "bob has not allowed it yet");

    world.wait(10).await;
    let hinted = [("id_token_hint", hint.as_str())];
    let next = fresh(&world, &bob, &hinted).await;
    assert_eq!(kind(&next), "login", "somebody else is signed in");
    assert_eq!(kind(&fresh(&world, &bob, &[hinted[0], ("prompt", "none")]).await), "login_required");
    let resume = resume(next);
    world.wait(1).await;
    let bob_again = world.sign_in(&bob, "bob").await;
    assert_eq!(kind(&back(&world, &bob_again, &resume).await), "login_required");
    let ada = world.sign_in(&bob_again, "ada").await;
    assert_eq!(kind(&back(&world, &ada, &resume).await), "code");
}

/// Refusing, and what a consent covers.
pub async fn authorize_consents(stage: Stage) {
    let world = World::new(stage).await;
    let visitor = world.sign_in(&world.visitor(), "ada").await;
    let sealed = resume(fresh(&world, &visitor, &[("scope", "openid read")]).await);
    let mark = world.stage.mark().await;
    let denied = authorize::choose(&world.issuer, &sealed, Choice::Deny, &visitor).await;
    assert_eq!(kind(&denied), "access_denied");
    assert_eq!(world.stage.kinds(mark).await, [EventKind::ConsentDenied]);
    assert_eq!(kind(&fresh(&world, &visitor, &[("scope", "openid read")]).await), "consent", "still");
    let allowed = authorize::choose(&world.issuer, &sealed, Choice::Allow, &visitor).await;
    assert_eq!(kind(&allowed), "code");
    assert_eq!(kind(&fresh(&world, &visitor, &[("scope", "openid")]).await), "code", "less");
    assert_eq!(kind(&fresh(&world, &visitor, &[("scope", "openid read write")]).await), "consent", "more");
    let silent = [("scope", "openid read write"), ("prompt", "none")];
    assert_eq!(kind(&fresh(&world, &visitor, &silent).await), "consent_required");
    // The page showed what it showed: a registration that grew since is asked for anew.
    let sealed = resume(fresh(&world, &visitor, &[("scope", "openid profile read write grown")]).await);
    let more = serde_json::json!({
        "client_id": "app", "token_endpoint_auth_method": "none", "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": "openid profile read write grown", "resources": [super::API],
    });
    admin::clients::apply(&world.issuer, &more).await.unwrap();
    let stale = authorize::choose(&world.issuer, &sealed, Choice::Allow, &visitor).await;
    assert_eq!(kind(&stale), "consent");
    let mobile = world.request("mobile", &[]);
    let first_party = authorize::authorize(&world.issuer, Ask::Fresh(mobile), &visitor).await;
    assert_eq!(kind(&first_party), "code", "no consent page for first-party clients");
}

/// Where errors go, and how answers travel.
pub async fn authorize_answers(stage: Stage) {
    let world = World::new(stage).await;
    let visitor = world.sign_in(&world.visitor(), "ada").await;
    for changes in [
        &[("redirect_uri", "https://evil.example.test/")][..],
        &[("client_id", "nobody")],
        &[("client_id", "")],
        &[("client_id", "svc")],
    ] {
        let params = world.request("app", changes);
        let next = authorize::authorize(&world.issuer, Ask::Fresh(params), &visitor).await;
        assert!(kind(&next).starts_with("page: "), "{changes:?}: {}", kind(&next));
    }
    for (mode, is) in [
        ("query", ResponseMode::Query),
        ("fragment", ResponseMode::Fragment),
        ("form_post", ResponseMode::FormPost),
    ] {
        let params = world.request("app", &[("response_mode", mode)]);
        let response = world.respond(&visitor, params).await;
        assert_eq!((response.mode, response.redirect_uri.as_str()), (is, CALLBACK));
        let refused = fresh(&world, &visitor, &[("response_mode", mode), ("scope", "nonsense")]).await;
        let Next::Respond(refused) = refused else { panic!("{mode}") };
        assert_eq!(refused.mode, is);
        let names: Vec<_> = refused.params.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["error", "error_description", "state", "iss"]);
    }
}
