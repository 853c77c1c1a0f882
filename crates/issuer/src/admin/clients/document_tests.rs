//! Client documents: what is taken, what is refused and why, what is filled in.

use super::*;
use countersign_token::Timestamp;
use serde_json::json;

fn of(document: Value) -> Result<Parsed, Rejected> {
    parse(document.as_object().unwrap(), false)
}

fn with(member: &str, value: Value) -> Value {
    let mut document = json!({"client_id": "app", "redirect_uris": ["https://app.example/cb"]});
    document[member] = value;
    document
}

#[test]
fn defaults_of_the_registry() {
    let m = of(json!({"client_id": "app", "redirect_uris": ["https://app.example/cb"]})).unwrap().metadata;
    assert_eq!(m.token_endpoint_auth_method, ClientAuthMethod::None);
    assert_eq!((m.grant_types, m.response_types), (vec!["authorization_code".into()], vec!["code".into()]));
    assert_eq!(m.scope.to_string(), "openid profile email");
    assert!(m.require_pkce && !m.first_party && !m.direct);
    assert_eq!(m.allowed_origins, None);

    let secret = "0123456789abcdef0123456789abcdef";
    let web = of(json!({
        "client_id": "web", "client_secret": secret, "redirect_uris": ["https://app.example/cb"],
        "grant_types": ["authorization_code", "refresh_token"],
    }))
    .unwrap();
    assert_eq!(web.metadata.token_endpoint_auth_method, ClientAuthMethod::ClientSecretBasic);
    assert_eq!(web.metadata.scope.to_string(), "openid profile email offline_access");
    assert_eq!(web.warnings, Vec::<String>::new());

    let machine =
        of(json!({"client_id": "m", "client_secret": secret, "grant_types": ["client_credentials"]}))
            .unwrap();
    assert_eq!(machine.metadata.response_types, Vec::<String>::new());
    assert!(machine.metadata.scope.is_empty());

    let app = of(json!({"client_id": "d", "direct": true})).unwrap();
    assert_eq!(app.metadata.grant_types, ["refresh_token"]);
    assert_eq!(app.metadata.scope.to_string(), "openid profile email offline_access");
}

#[test]
fn a_secret_is_kept_when_left_out() {
    let document = json!({"client_id": "web", "redirect_uris": ["https://app.example/cb"]});
    let kept = parse(document.as_object().unwrap(), true).unwrap();
    assert!(kept.confidential && kept.secret.is_none());
    let public = with("token_endpoint_auth_method", json!("none"));
    assert!(!parse(public.as_object().unwrap(), true).unwrap().confidential);
}

#[test]
fn what_does_not_fit_is_named() {
    let refused: Vec<(Value, &str)> = vec![
        (with("redirect_uri", json!("x")), "redirect_uri is not known; did you mean redirect_uris?"),
        (with("client_name#", json!("x")), "is not known"),
        (with("redirect_uris", json!("https://app.example/cb")), "redirect_uris must be an array of strings"),
        (with("redirect_uris", json!([])), "redirect_uris is missing"),
        (with("redirect_uris", json!(["http://app.example/"])), "loopback"),
        (with("post_logout_redirect_uris", json!(["https://*.example/"])), "wildcards"),
        (with("require_pkce", json!("yes")), "require_pkce must be true or false"),
        (with("refresh_idle", json!("7d")), "refresh_idle must be a whole number"),
        (with("refresh_idle", json!(1_u64 << 40)), "refresh_idle must be at most"),
        (with("refresh_retry_window", json!(301)), "at most 300 seconds"),
        (with("scope", json!("a \"b\"")), "scope must be"),
        (with("logo_uri", json!("javascript:alert(1)")), "logo_uri must be an absolute https URL"),
        (with("application_type", json!("desktop")), "application_type must be web or native"),
        (with("id_token_signed_response_alg", json!("none")), "asymmetric"),
        (with("id_token_signed_response_alg", json!("HS256")), "asymmetric"),
        (with("token_endpoint_auth_method", json!("private_key_jwt")), "not offered by this version"),
        (with("token_endpoint_auth_method", json!("tls_client_auth")), "not offered by this version"),
        (with("token_endpoint_auth_method", json!("basic")), "not known"),
        (with("token_endpoint_auth_method", json!("client_secret_post")), "has none: add client_secret"),
        (with("client_secret", json!("")), "client_secret must be"),
        (with("client_secret", json!("caf\u{e9}")), "client_secret must be"),
        (with("grant_types", json!(["implicit"])), "gone from OAuth 2.1"),
        (with("grant_types", json!(["password"])), "gone from OAuth 2.1"),
        (with("grant_types", json!(["magic"])), "magic is not known"),
        (with("grant_types", json!(["client_credentials"])), "client_credentials needs"),
        (with("response_types", json!(["token"])), "response_types: token is not offered"),
        (with("response_types", json!([])), "disagree"),
        (with("allowed_origins", json!(["*"])), "allowed_origins"),
        (with("allowed_origins", json!(["https://app.example/"])), "allowed_origins"),
        (with("refresh_without_offline_access", json!(true)), "first_party"),
        (with("jwks", json!([])), "jwks must be an object"),
        (with("jwks", json!({})), "jwks must be a JWK Set"),
    ];
    for (document, due) in refused {
        let e = of(document.clone()).err().unwrap_or_else(|| panic!("{document} was taken"));
        assert!(e.public.contains(due), "{document}: {}", e.public);
        assert!(
            e.public.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\'),
            "{}",
            e.public
        );
    }
    let both = json!({"client_id": "a", "redirect_uris": ["https://a.example/"], "jwks": {"keys": []},
        "jwks_uri": "https://a.example/jwks"});
    assert!(of(both).unwrap_err().public.contains("must not both"));
}

#[test]
fn ids_have_a_form() {
    let id = |v: Value| client_id(json!({"client_id": v}).as_object().unwrap());
    assert!(id(json!("app.example:1")).is_ok());
    for bad in [json!(""), json!("a b"), json!("u_abc"), json!("\u{e9}"), json!(1), Value::Null] {
        assert!(id(bad).is_err());
    }
}

#[test]
fn wishes_and_weak_points_are_told() {
    let all = of(json!({
        "client_id": "web", "client_secret": "short", "redirect_uris": ["https://app.example/cb"],
        "dpop_bound_access_tokens": true, "subject_type": "public", "contacts": ["ops@app.example"],
        "client_name": "App", "client_name#de": "Anwendung", "client_secret_expires_at": 0,
        "grant_types": ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"],
        "logo_uri": null,
    }))
    .unwrap();
    assert_eq!(
        all.warnings,
        [
            "client_secret_expires_at is ignored: it belongs to the answer of a registration",
            "dpop_bound_access_tokens is kept, but this version does not act on it",
            "client_secret is short: use 32 random characters or more",
            "grant type urn:ietf:params:oauth:grant-type:device_code is kept, but this version does not offer it",
        ]
    );
    let more: Vec<&str> = all.metadata.more.keys().map(String::as_str).collect();
    assert_eq!(more, ["client_name#de", "contacts", "dpop_bound_access_tokens", "subject_type"]);
}

#[test]
fn what_is_shown_can_be_applied_again() {
    let document = json!({
        "client_id": "web", "redirect_uris": ["https://app.example/cb"], "client_name#de": "Anwendung",
        "post_logout_redirect_uris": ["https://app.example/bye"], "id_token_signed_response_alg": "ES256",
        "allowed_origins": ["https://app.example"], "resources": ["urn:api"], "first_party": true,
        "refresh_without_offline_access": true, "refresh_idle": 60, "default_max_age": 5, "contacts": ["a"],
        "grant_types": ["authorization_code", "refresh_token"], "require_pkce": false,
    });
    let metadata = of(document).unwrap().metadata;
    let client = Client {
        id: ClientId::from_stored("web"),
        metadata: metadata.clone(),
        secrets: Vec::new(),
        updated_at: Timestamp::default(),
    };
    let shown = write(&client).unwrap();
    assert_eq!(of(shown.clone()).unwrap().metadata, metadata, "{shown}");
}
