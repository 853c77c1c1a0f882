//! Every parameter of every endpoint: missing, empty, twice, too long, nonsense. Never a bug of ours, and
//! nothing is written for what cannot be read.

use super::{API, CALLBACK, IP, SECRET, VERIFIER, World, base64, caller};
use crate::stage::Stage;
use countersign_issuer::oauth::authorize::{self, Ask, Next};
use countersign_issuer::oauth::params::Params;
use countersign_issuer::oauth::{grant, introspect, logout, revoke};
use countersign_issuer::{Code, Failure};

#[derive(Clone, Copy, PartialEq, Debug)]
enum Endpoint {
    Authorize,
    Token,
    Introspect,
    Revoke,
    Logout,
}

type Form = Vec<(&'static str, String)>;

/// A request that is as good as it can be, as its client sends it.
fn requests(code: &str, refresh: &str, id: &str) -> Vec<(Endpoint, Option<String>, Form)> {
    let form = |pairs: &[(&'static str, &str)]| pairs.iter().map(|(n, v)| (*n, (*v).to_owned())).collect();
    let basic = |client: &str| Some(format!("Basic {}", base64(&format!("{client}:{SECRET}"))));
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let authorize = [
        ("client_id", "app"),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("response_mode", "query"),
        ("scope", "openid read"),
        ("resource", API),
        ("state", "s"),
        ("nonce", "n"),
        ("code_challenge", challenge),
        ("code_challenge_method", "S256"),
        ("prompt", "login"),
        ("max_age", "60"),
        ("login_hint", "ada"),
        ("id_token_hint", id),
        ("acr_values", "urn:countersign:1"),
        ("claims", "{}"),
        ("ui_locales", "de"),
    ];
    let redeem = [
        ("grant_type", "authorization_code"),
        ("client_id", "app"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
        ("resource", API),
        ("scope", "openid"),
    ];
    let renew = [
        ("grant_type", "refresh_token"),
        ("client_id", "app"),
        ("refresh_token", refresh),
        ("scope", "openid"),
        ("resource", API),
    ];
    let machine =
        [("grant_type", "client_credentials"), ("scope", "read"), ("resource", API), ("client_id", "svc")];
    let about = [("token", refresh), ("token_type_hint", "refresh_token"), ("client_id", "web")];
    let leave = [
        ("id_token_hint", id),
        ("client_id", "app"),
        ("post_logout_redirect_uri", "https://app.example.test/bye"),
        ("state", "s"),
    ];
    vec![
        (Endpoint::Authorize, None, form(&authorize)),
        (Endpoint::Token, None, form(&redeem)),
        (Endpoint::Token, None, form(&renew)),
        (Endpoint::Token, basic("svc"), form(&machine)),
        (Endpoint::Introspect, basic("web"), form(&about)),
        (Endpoint::Revoke, basic("web"), form(&about)),
        (Endpoint::Logout, None, form(&leave)),
    ]
}

/// What came of it: `Ok`, or the code of the refusal.
async fn ask(world: &World, at: Endpoint, basic: Option<&str>, params: &Params) -> Result<(), Code> {
    let issuer = &world.issuer;
    let visitor = world.visitor();
    let failure = match at {
        Endpoint::Authorize => match authorize::authorize(issuer, Ask::Fresh(params.clone()), &visitor).await
        {
            Next::Page(failure) => Err(failure),
            Next::Respond(response) => match super::member(&response, "error").as_deref() {
                Some("invalid_request") => return Err(Code::InvalidRequest),
                Some(_) => return Err(Code::InvalidScope),
                None => Ok(()),
            },
            _ => Ok(()),
        },
        Endpoint::Token => grant::token(issuer, basic, params, IP).await.1.map(drop),
        Endpoint::Introspect => introspect::introspect(issuer, basic, params, IP).await.map(drop),
        Endpoint::Revoke => revoke::revoke(issuer, basic, params, IP).await.1,
        Endpoint::Logout => logout::logout(issuer, params, &visitor, caller().ip).await.map(drop),
    };
    match failure {
        Ok(()) => Ok(()),
        Err(Failure::Rejected(refused)) => {
            let fits = |b: u8| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
            assert!(refused.public.bytes().all(fits), "RFC 6749 5.2: {}", refused.public);
            Err(refused.code)
        }
        Err(other) => panic!("{at:?} {params:?}: {other}"),
    }
}

fn encoded(form: &Form) -> Params {
    form.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect()
}

/// A parameter twice is refused everywhere, and nothing is written (RFC 6749 3.1 and 3.2).
pub async fn parameters_twice(stage: Stage) {
    let world = World::new(stage).await;
    let tokens = world.enter("app").await;
    let visitor = world.sign_in(&world.visitor(), "ada").await;
    let code = world.code(&visitor, "app", &[]).await;
    let (refresh, id) = (tokens.refresh_token.unwrap(), tokens.id_token.unwrap());
    let mark = world.stage.mark().await;
    for (at, basic, form) in requests(&code, &refresh, &id) {
        for (name, value) in form.iter().filter(|(name, _)| *name != "resource") {
            for second in [value.as_str(), "another", ""] {
                let mut twice = form.clone();
                twice.push((name, second.to_owned()));
                let refused = ask(&world, at, basic.as_deref(), &encoded(&twice)).await;
                assert_eq!(refused, Err(Code::InvalidRequest), "{name} at {at:?}");
            }
        }
    }
    assert_eq!(world.stage.mark().await, mark, "nothing is written");
    assert!(world.redeem("app", &code).await.is_ok(), "nothing is spent");
    assert!(world.refresh("app", &refresh).await.is_ok(), "nothing is spent");
}

/// Left out, empty, as long as can be, or nonsense: done or refused, by a code.
pub async fn parameters_of_any_kind(stage: Stage) {
    let world = World::new(stage).await;
    let long = "x".repeat(Params::MAX_VALUE);
    let odd =
        ["", " ", "\u{1F600}", "a\r\nb: c", "\"\\", "null", "-1", "[]", "'; DROP TABLE code; --", &long];
    for (at, basic, form) in requests("code", "token", "hint") {
        for place in 0..form.len() {
            let mut without = form.clone();
            without.remove(place);
            let _ = ask(&world, at, basic.as_deref(), &encoded(&without)).await;
            for value in odd {
                let mut with = form.clone();
                value.clone_into(&mut with[place].1);
                let _ = ask(&world, at, basic.as_deref(), &encoded(&with)).await;
            }
        }
    }
    for header in ["", "Basic", "Basic ", "Basic \u{e9}", "Basic Og==", "Bearer x", "Basic eDp5", &long] {
        let form = vec![("grant_type", "client_credentials".to_owned())];
        let refused = ask(&world, Endpoint::Token, Some(header), &encoded(&form)).await;
        assert_eq!(refused, Err(Code::InvalidClient), "{header}");
    }
}
