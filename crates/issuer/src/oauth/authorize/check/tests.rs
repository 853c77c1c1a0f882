use super::*;
use crate::error::Code;
use crate::oauth::authorize::ResponseMode;
use crate::oauth::fixture::{API, OTHER, client, confidential, known, scopes};

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A good request, with these parameters replaced, added, or (when empty) left out.
fn params(changes: &[(&str, &str)]) -> Params {
    let mut pairs = vec![
        ("client_id", "app"),
        ("redirect_uri", "https://app.example/cb"),
        ("response_type", "code"),
        ("scope", "openid"),
        ("state", "s"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    for (name, _) in changes {
        pairs.retain(|(n, _)| n != name);
    }
    pairs.extend(changes.iter().filter(|(_, v)| !v.is_empty()));
    pairs.into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
}

fn check(client: &Client, changes: &[(&str, &str)]) -> Result<Request, Refused> {
    let hint =
        |text: &str| (text == "good hint").then(|| IdToken { sub: "u_ada".to_owned(), ..IdToken::default() });
    run(&Given { params: &params(changes), client, known: &known(), hint: &hint })
}

fn good(changes: &[(&str, &str)]) -> Request {
    match check(&client(), changes) {
        Ok(request) => request,
        Err(Refused::Page(e) | Refused::Client(_, e)) => panic!("{changes:?}: {e}"),
    }
}

/// Refused towards the client, with state kept.
fn to_client(client: &Client, changes: &[(&str, &str)]) -> Code {
    match check(client, changes) {
        Err(Refused::Client(request, refused)) => {
            assert_eq!(request.redirect_uri, "https://app.example/cb");
            assert_eq!(request.state.as_deref(), Some("s"));
            refused.code
        }
        Err(Refused::Page(e)) => panic!("{changes:?}: on a page: {e}"),
        Ok(_) => panic!("{changes:?}: accepted"),
    }
}

#[test]
fn a_plain_request_is_good() {
    let request =
        good(&[("nonce", "n"), ("max_age", "60"), ("login_hint", "ada"), ("prompt", "login consent")]);
    assert_eq!(request.challenge.as_deref(), Some(CHALLENGE));
    assert_eq!(request.scopes, scopes("openid"));
    assert_eq!(request.resources, [API, OTHER], "the client's own list");
    assert_eq!((request.max_age, request.login_hint.as_deref()), (Some(60), Some("ada")));
    assert!(request.prompt.login && request.prompt.consent && !request.prompt.none);
    assert!(request.redirect_given);
}

#[test]
fn an_unproven_redirect_uri_is_never_answered() {
    for uri in [
        "",
        "https://app.example/cb/",
        "https://app.example/cb?x=1",
        "https://app.example/cb#",
        "https://app.example/CB",
        "https://app.example:443/cb",
        "https://app.example/../cb",
        "https://app.example%2fcb",
        "https://user@app.example/cb",
        "https://app.example/cb\\@evil.example",
        "http://app.example/cb",
        "//app.example/cb",
        "https://evil.example/cb",
    ] {
        let outcome = check(&client(), &[("redirect_uri", uri)]);
        assert!(matches!(outcome, Err(Refused::Page(_))), "{uri}");
    }
    let twice = "redirect_uri=https://app.example/cb&redirect_uri=https://evil.example/".as_bytes();
    let twice = Params::parse(twice).unwrap();
    let given = Given { params: &twice, client: &client(), known: &known(), hint: &|_| None };
    assert!(matches!(run(&given), Err(Refused::Page(_))));
}

#[test]
fn loopback_ports_are_free_and_nothing_else_is() {
    let mut native = client();
    native.metadata.redirect_uris =
        ["http://127.0.0.1/cb", "http://[::1]:7000/cb", "http://localhost/cb", "com.example.app:/cb"]
            .map(str::to_owned)
            .to_vec();
    for good in [
        "http://127.0.0.1/cb",
        "http://127.0.0.1:1/cb",
        "http://127.0.0.1:65535/cb",
        "http://[::1]:9/cb",
        "http://localhost/cb",
        "com.example.app:/cb",
    ] {
        assert!(check(&native, &[("redirect_uri", good)]).is_ok(), "{good}");
    }
    for bad in [
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1:65536/cb",
        "http://127.0.0.1:80@evil.example/cb",
        "http://127.0.0.1.evil.example/cb",
        "http://127.0.0.1:8080/other",
        "https://127.0.0.1:8080/cb",
        "http://localhost:8080/cb",
        "http://127.0.0.1:+80/cb",
        "http://127.0.0.1:/cb",
        "com.example.app:/cb2",
    ] {
        assert!(matches!(check(&native, &[("redirect_uri", bad)]), Err(Refused::Page(_))), "{bad}");
    }
}

#[test]
fn a_redirect_uri_may_be_left_out_only_when_there_is_one_and_no_openid() {
    let without = good(&[("redirect_uri", ""), ("scope", "read")]);
    assert_eq!((without.redirect_uri.as_str(), without.redirect_given), ("https://app.example/cb", false));
    assert!(matches!(check(&client(), &[("redirect_uri", "")]), Err(Refused::Page(_))), "openid");
    let mut two = client();
    two.metadata.redirect_uris.push("https://app.example/2".to_owned());
    assert!(matches!(check(&two, &[("redirect_uri", ""), ("scope", "read")]), Err(Refused::Page(_))));
}

#[test]
fn each_check_has_its_code() {
    let table: &[(&[(&str, &str)], Code)] = &[
        (&[("response_type", "")], Code::InvalidRequest),
        (&[("response_type", "token")], Code::UnsupportedResponseType),
        (&[("response_type", "code id_token")], Code::UnsupportedResponseType),
        (&[("response_mode", "jwt")], Code::InvalidRequest),
        (&[("request", "x")], Code::RequestNotSupported),
        (&[("request_uri", "https://x")], Code::RequestUriNotSupported),
        (&[("registration", "{}")], Code::RegistrationNotSupported),
        (&[("scope", "\"")], Code::InvalidScope),
        (&[("scope", "far")], Code::InvalidScope),
        (&[("scope", "unheard-of")], Code::InvalidScope),
        (&[("resource", "urn:far")], Code::InvalidTarget),
        (&[("resource", "https://nowhere.example/")], Code::InvalidTarget),
        (&[("prompt", "none login")], Code::InvalidRequest),
        (&[("prompt", "create login")], Code::InvalidRequest),
        (&[("prompt", "consent create")], Code::InvalidRequest),
        (&[("prompt", "select_account create")], Code::InvalidRequest),
        (&[("prompt", "create none")], Code::InvalidRequest),
        (&[("prompt", "register")], Code::InvalidRequest),
        (&[("max_age", "-1")], Code::InvalidRequest),
        (&[("max_age", "1.5")], Code::InvalidRequest),
        (&[("id_token_hint", "bad hint")], Code::InvalidRequest),
        (&[("nonce", "n"), ("nonce", "m")], Code::InvalidRequest),
        (&[("foo", "1"), ("foo", "2")], Code::InvalidRequest),
    ];
    for (changes, code) in table {
        assert_eq!(to_client(&client(), changes), *code, "{changes:?}");
    }
    let long = "n".repeat(1025);
    assert_eq!(to_client(&client(), &[("nonce", &long)]), Code::InvalidRequest);
}

#[test]
fn a_client_needs_the_grant_and_the_response_type() {
    let mut client = client();
    client.metadata.response_types.clear();
    assert_eq!(to_client(&client, &[]), Code::UnauthorizedClient);
    client.metadata.grant_types = vec!["client_credentials".to_owned()];
    assert_eq!(to_client(&client, &[]), Code::UnauthorizedClient);
}

#[test]
fn pkce_cannot_be_talked_down() {
    let plain = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    for changes in [
        &[("code_challenge", "")][..],
        &[("code_challenge", ""), ("code_challenge_method", "")],
        &[("code_challenge_method", "")],
        &[("code_challenge_method", "plain"), ("code_challenge", plain)],
        &[("code_challenge_method", "s256")],
        &[("code_challenge", "short")],
        &[("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM=")],
    ] {
        assert_eq!(to_client(&client(), changes), Code::InvalidRequest, "{changes:?}");
        assert_eq!(to_client(&confidential(), changes), Code::InvalidRequest, "{changes:?}");
    }
    let none = [("code_challenge", ""), ("code_challenge_method", "")];
    let with_nonce = [none[0], none[1], ("nonce", "n")];
    let mut exempt = confidential();
    exempt.metadata.require_pkce = false;
    assert_eq!(to_client(&exempt, &none), Code::InvalidRequest, "without a nonce");
    assert!(check(&exempt, &with_nonce).is_ok());
    let mut public = client();
    public.metadata.require_pkce = false;
    assert_eq!(to_client(&public, &with_nonce), Code::InvalidRequest, "public clients never");
}

#[test]
fn errors_travel_in_the_mode_asked_for() {
    for (mode, is) in [("fragment", ResponseMode::Fragment), ("form_post", ResponseMode::FormPost)] {
        match check(&client(), &[("response_mode", mode), ("prompt", "?")]) {
            Err(Refused::Client(request, _)) => assert_eq!(request.mode, is),
            _ => panic!("{mode}"),
        }
    }
}

#[test]
fn hints() {
    assert_eq!(good(&[("login_hint", &"x".repeat(321))]).login_hint, None);
    assert_eq!(good(&[("login_hint", "a\nb")]).login_hint, None);
    assert_eq!(good(&[("id_token_hint", "good hint")]).hinted.unwrap().as_str(), "u_ada");
}

#[test]
fn max_age_falls_back_to_the_registration() {
    let mut client = client();
    client.metadata.default_max_age = Some(5);
    let of = |changes: &[(&str, &str)]| check(&client, changes).ok().and_then(|r| r.max_age);
    assert_eq!(of(&[]), Some(5));
    assert_eq!(of(&[("max_age", "7")]), Some(7));
    assert_eq!(of(&[("max_age", "99999999999999999999")]), Some(u32::MAX));
}

#[test]
fn scopes_shrink_to_what_the_audience_has() {
    assert_eq!(good(&[("scope", "openid read list nope")]).scopes, scopes("openid read"), "list is not its");
    let narrowed = good(&[("scope", "openid read loose"), ("resource", OTHER)]);
    assert_eq!((narrowed.scopes, narrowed.resources), (scopes("openid loose"), vec![OTHER.to_owned()]));
}
