//! What the state of an app's sign-in, and the code it comes to, are bound to.

use super::first_party::{
    begin, code, go_on, half, more, otp, redeem, redeem_with, refused, with_an_app, world,
};
use super::totp::{STEP, shown};
use super::{API, CALLBACK, PASSWORD, caller, claims, refusal};
use crate::stage::{Stage, at_once};
use countersign_issuer::account::enrol::totp as enrol;
use countersign_issuer::admin;
use countersign_issuer::direct::{self, Login, Wish, mfa};
use countersign_issuer::login::{Purpose, Transaction, password};
use countersign_issuer::model::Secret;
use countersign_issuer::oauth::authorize::first_party::{self, Due, Outcome};
use countersign_issuer::oauth::bearer;
use countersign_issuer::oauth::params::Params;
use std::sync::Arc;

/// An `auth_session` is good here, for the client that began, for ten minutes, against the same credentials.
pub async fn first_party_session_is_bound(stage: Stage) {
    let world = world(stage).await;
    let pending = with_an_app(&world).await;
    let session = half(&world).await;
    let mut altered = session.clone();
    altered.replace_range(60..61, if altered.as_bytes()[60] == b'A' { "B" } else { "A" });
    let ask = Login {
        username: "ada".to_owned(),
        password: Secret::new(PASSWORD),
        wish: Wish { client_id: Some("mobile".to_owned()), ..Wish::default() },
    };
    let direct::Outcome::MfaRequired(partial) = direct::login(&world.issuer, ask, &caller()).await.unwrap()
    else {
        panic!("no second factor asked for")
    };
    let proof =
        password::prove(&world.issuer, "ada", Secret::new(PASSWORD), Purpose::Browser, "", &caller()).await;
    let of_a_page = Transaction::of(proof.unwrap()).seal(&world.issuer, "").unwrap();
    let typed = otp(&world, &pending);
    for other in ["x", &altered, &session[1..], &partial.token, &of_a_page] {
        let form = [("auth_session", other), ("otp", typed.as_str())];
        assert_eq!(refused(go_on(&world, "mobile", &form).await), "invalid_session", "{other}");
        let unnamed: Params = form.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let answer = first_party::challenge(&world.issuer, None, &unnamed, &caller()).await;
        assert_eq!(refused(answer.1), "invalid_session", "{other}");
    }
    let form = [("auth_session", session.as_str()), ("otp", typed.as_str())];
    for thief in ["partner", "shop"] {
        assert_eq!(refused(go_on(&world, thief, &form).await), "invalid_session", "{thief}");
    }
    assert_eq!(refused(go_on(&world, "app", &form).await), "unauthorized_client");
    // The direct API's second step takes none, and asks for nothing in its name.
    let code = Secret::new(typed.as_str());
    let taken = mfa::verify(&world.issuer, &session, &code, None, &caller()).await;
    assert_eq!(refusal(taken.map(drop)), "invalid_token");
    let asked = mfa::challenge(&world.issuer, &session, "totp", "", &caller()).await;
    assert_eq!(refusal(asked.map(drop)), "invalid_token");
    assert!(mfa::client_of(&world.issuer, &session).await.unwrap().is_none());
    // A confidential client's needs its secret.
    let of_shop = more(begin(&world, "shop", "ada", &[]).await).auth_session;
    let params = [("auth_session", of_shop.as_str()), ("otp", typed.as_str())];
    let unnamed: Params = params.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let answer = first_party::challenge(&world.issuer, None, &unnamed, &caller()).await;
    assert_eq!(refused(answer.1), "invalid_client");

    world.wait(599).await;
    let again = more(go_on(&world, "mobile", &[form[0]]).await).auth_session;
    world.wait(2).await;
    let typed = otp(&world, &pending);
    for old in [&session, &again] {
        let form = [("auth_session", old.as_str()), ("otp", typed.as_str())];
        assert_eq!(refused(go_on(&world, "mobile", &form).await), "invalid_session", "ten minutes");
    }
}

/// A change of the credentials, or of the account, ends what is under way.
pub async fn first_party_dies_with_the_password(stage: Stage) {
    let world = world(stage).await;
    let pending = with_an_app(&world).await;
    let session = half(&world).await;
    admin::users::set_password(&world.issuer, "ada", Secret::new(PASSWORD)).await.unwrap();
    world.wait(5).await;
    let typed = otp(&world, &pending);
    let form = [("auth_session", session.as_str()), ("otp", &typed)];
    assert_eq!(refused(go_on(&world, "mobile", &form).await), "invalid_session");
    let session = half(&world).await;
    admin::users::disable(&world.issuer, "ada").await.unwrap();
    let form = [("auth_session", session.as_str()), ("otp", &typed)];
    assert_eq!(refused(go_on(&world, "mobile", &form).await), "invalid_session");
}

/// Whatever it is shown to, it is nothing.
pub async fn first_party_session_is_no_token(stage: Stage) {
    let world = world(stage).await;
    with_an_app(&world).await;
    let session = half(&world).await;
    assert!(!session.contains('.'), "no JWT");
    assert_eq!(refusal(bearer::access_token(&world.issuer, &session).await.map(drop)), "invalid_token");
    assert_eq!(refusal(world.userinfo(&session).await), "invalid_token");
    assert!(!world.active("watcher", &session).await);
    assert_eq!(refusal(direct::refresh(&world.issuer, &session, super::IP).await.1), "invalid_grant");
    assert_eq!(refusal(world.refresh("mobile", &session).await), "invalid_grant");
    assert_eq!(refusal(redeem(&world, "mobile", &session).await), "invalid_grant");
    let now = world.clock().now();
    for binding in ["", "flow cookie", &session] {
        assert!(Transaction::open(&world.issuer, binding, &session, now).is_none(), "no sign-in of a page");
    }
}

/// What was asked for at the begin is what the code is for, whatever comes along later.
pub async fn first_party_gets_no_more(stage: Stage) {
    let world = world(stage).await;
    let pending = with_an_app(&world).await;
    let asked = more(
        begin(&world, "mobile", "ada", &[("scope", "openid read"), ("acr_values", "phr urn:countersign:2")])
            .await,
    );
    // A passkey is out of her reach: what will do is asked for, as on the pages.
    assert!(matches!(asked.due, Due::Otp { .. }));
    let typed = otp(&world, &pending);
    let theirs = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let form = [
        ("auth_session", asked.auth_session.as_str()),
        ("otp", &typed),
        ("scope", "openid read write admin"),
        ("resource", super::OTHER),
        ("code_challenge", theirs),
        ("code_challenge_method", "S256"),
        ("redirect_uri", "https://evil.example.test/"),
    ];
    let text = code(go_on(&world, "mobile", &form).await);
    let tokens = redeem(&world, "mobile", &text).await.unwrap();
    assert_eq!(tokens.scope, "openid read");
    assert_eq!(claims(&tokens.access_token)["aud"], API);
}

/// Finished once: another good code of the app makes nothing of the same `auth_session`.
pub async fn first_party_one_code(stage: Stage) {
    let world = world(stage).await;
    let pending = with_an_app(&world).await;
    let (first, second) = (half(&world).await, half(&world).await);
    let typed = otp(&world, &pending);
    code(go_on(&world, "mobile", &[("auth_session", &first), ("otp", &typed)]).await);
    let reused = go_on(&world, "mobile", &[("auth_session", &second), ("otp", &typed)]).await;
    assert_eq!(refused(reused), "invalid_code", "the app's code is spent");
    world.wait(STEP).await;
    let typed = otp(&world, &pending);
    let replayed = go_on(&world, "mobile", &[("auth_session", &first), ("otp", &typed)]).await;
    assert_eq!(refused(replayed), "invalid_session");
    code(go_on(&world, "mobile", &[("auth_session", &second), ("otp", &typed)]).await);
}

/// Three good codes of two factors at the same moment make one code of one `auth_session`.
pub async fn first_party_at_once(stage: Stage) {
    let world = world(stage).await;
    let ada = world.person("ada").await.user;
    let now = world.clock().now();
    let pending = enrol::begin(&world.issuer, &ada, "f", now).unwrap();
    let (first, blob) = (shown(&pending, now), pending.blob.clone());
    let paper = enrol::confirm(&world.issuer, &ada, "f", &blob, &first, None, &caller()).await;
    let paper = paper.unwrap().unwrap();
    world.wait(STEP).await;
    let session = half(&world).await;
    let otps = [otp(&world, &pending), paper[0].expose().to_owned(), paper[1].expose().to_owned()];
    let done = at_once(3, |n| {
        let (issuer, session, otp) = (Arc::clone(&world.issuer), session.clone(), otps[n].clone());
        async move {
            let form = [("client_id", "mobile".to_owned()), ("auth_session", session), ("otp", otp)];
            let params: Params = form.into_iter().map(|(n, v)| (n.to_owned(), v)).collect();
            let (_, outcome) = first_party::challenge(&issuer, None, &params, &caller()).await;
            matches!(outcome, Ok(Outcome::Code(_)))
        }
    })
    .await;
    assert_eq!(done.iter().filter(|&&made| made).count(), 1);
}

/// Bound to client, challenge and redirect URI; for a minute; gone with the credentials and when signed out.
pub async fn first_party_code_is_bound(stage: Stage) {
    let world = world(stage).await;
    let text = code(begin(&world, "mobile", "bob", &[]).await);
    assert_eq!(refusal(redeem(&world, "partner", &text).await), "invalid_grant", "another client");
    let verifier = [("code_verifier", "a-verifier-that-is-long-enough-but-not-the-one-xxxx")];
    assert_eq!(refusal(redeem_with(&world, "mobile", &text, &verifier).await), "invalid_grant");
    let unasked = [("redirect_uri", CALLBACK)];
    assert_eq!(refusal(redeem_with(&world, "mobile", &text, &unasked).await), "invalid_grant");
    redeem(&world, "mobile", &text).await.unwrap();

    let text = code(begin(&world, "mobile", "bob", &[("redirect_uri", CALLBACK)]).await);
    assert_eq!(refusal(redeem(&world, "mobile", &text).await), "invalid_grant", "RFC 6749 4.1.3");
    redeem_with(&world, "mobile", &text, &unasked).await.unwrap();

    let old = code(begin(&world, "mobile", "bob", &[]).await);
    world.wait(60).await;
    assert_eq!(refusal(redeem(&world, "mobile", &old).await), "invalid_grant", "a minute");

    let text = code(begin(&world, "mobile", "bob", &[]).await);
    admin::users::set_password(&world.issuer, "bob", Secret::new(PASSWORD)).await.unwrap();
    assert_eq!(refusal(redeem(&world, "mobile", &text).await), "invalid_grant", "a new password");
    world.wait(5).await;
    let text = code(begin(&world, "mobile", "bob", &[]).await);
    admin::users::disable(&world.issuer, "bob").await.unwrap();
    admin::users::enable(&world.issuer, "bob").await.unwrap();
    world.wait(5).await;
    assert_eq!(refusal(redeem(&world, "mobile", &text).await), "invalid_grant", "signed out everywhere");
}
