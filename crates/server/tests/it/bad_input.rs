//! Every parameter of every endpoint, spoiled in every way: a clear error with the code of the standard,
//! never a 5xx, and nothing written. One table, so that a new parameter is one more line.

use crate::wire::{Answer, Ask, form, get, post};
use crate::world::{
    API, BACKEND_SECRET, CALLBACK, CHALLENGE, PASSWORD, POSTER_SECRET, VERIFIER, World, world,
};
use countersign_issuer::oauth::params::Params;
use serde_json::{Value, json};

/// Left out or empty is fine.
pub(crate) const OPTIONAL: &str = "";
/// Any text is fine.
pub(crate) const ANY: &str = "";

/// A parameter: its good value, the error when it is missing, the error of a wrong value.
pub(crate) type Row<'a> = (&'a str, &'a str, &'static str, &'static str);

pub(crate) fn spoiled_texts() -> Vec<(&'static str, String)> {
    vec![
        ("over the limit", "x".repeat(Params::MAX_VALUE + 1)),
        ("not UTF-8", "%FF%FE".to_owned()),
        ("overlong UTF-8", "%C0%AF".to_owned()),
        ("a surrogate", "%ED%A0%80".to_owned()),
        ("cut percent", "%4".to_owned()),
        ("bad percent", "%zz".to_owned()),
        ("NUL", "a%00b".to_owned()),
    ]
}

/// All bodies that spoil one parameter of the form, with what is due: `(why, body, error)`; `""`: no error.
fn spoil(rows: &[Row<'_>]) -> Vec<(String, String, &'static str)> {
    let good = |but: &str| {
        let kept = rows.iter().filter(|(name, ..)| *name != but).map(|(name, value, ..)| (*name, *value));
        form(&kept.collect::<Vec<_>>())
    };
    let mut out = Vec::new();
    for (name, value, missing, wrong) in rows {
        let rest = good(name);
        let mut add = |why: &str, piece: String, error| {
            out.push((format!("{name} {why}"), format!("{rest}&{piece}"), error));
        };
        let encoded = form(&[(name, value)]);
        add(
            "twice",
            format!("{encoded}&{encoded}"),
            if *name == "resource" { ANY } else { "invalid_request" },
        );
        for (why, text) in spoiled_texts() {
            add(why, format!("{name}={text}"), "invalid_request");
        }
        if !missing.is_empty() {
            add("missing", String::new(), missing);
            add("empty", format!("{name}="), missing);
            add("without a value", (*name).to_owned(), missing);
        }
        if !wrong.is_empty() {
            add("wrong", format!("{name}=%7Egarbage%C3%A9%7E"), wrong);
            add("markup", form(&[(name, "\"><script>alert(1)</script>\\\r\nX: y")]), wrong);
        }
    }
    out
}

pub(crate) async fn check_forms(world: &World, path: &str, auth: Option<(&str, &str)>, rows: &[Row<'_>]) {
    let ask = || match auth {
        Some((id, secret)) => post(path).basic(id, secret),
        None => post(path),
    };
    let before = world.log_end().await;
    let form_type = "application/x-www-form-urlencoded";
    for (why, body, error) in spoil(rows) {
        let answer = world.send(ask().body(form_type, body)).await;
        judge(path, &why, &answer, error);
    }
    let good = form(&rows.iter().map(|(n, v, ..)| (*n, *v)).collect::<Vec<_>>());
    for (why, content_type) in [("no type", ""), ("JSON", "application/json"), ("text", "text/plain")] {
        let answer = world.send(ask().body(content_type, good.clone())).await;
        assert_eq!((answer.status, answer.error().as_str()), (415, "invalid_request"), "{path}: {why}");
    }
    let utf16 = ask().body("application/x-www-form-urlencoded; charset=utf-16", good.clone());
    assert_eq!(world.send(utf16).await.status, 415, "{path}");
    let binary = world.send(ask().body(form_type, b"a=\xff\xfe&\0=\0".to_vec())).await;
    judge(path, "binary", &binary, "invalid_request");
    let many = "a=b&".repeat(Params::MAX_COUNT + 1);
    judge(path, "too many", &world.send(ask().body(form_type, many)).await, "invalid_request");
    let in_query = Ask::new("POST", &format!("{path}?{good}"));
    let answer = world.send(in_query.form(&[])).await;
    judge(path, "in the address", &answer, "invalid_request");
    assert_eq!(world.written_since(before).await, Vec::new(), "{path}: nothing is written");
}

pub(crate) fn judge(path: &str, why: &str, answer: &Answer, error: &str) {
    let text = answer.text();
    assert!(answer.status < 500, "{path}: {why}: {} {text}", answer.status);
    if error.is_empty() {
        return;
    }
    assert_eq!(answer.error(), error, "{path}: {why}: {} {text}", answer.status);
    assert!((400..500).contains(&answer.status), "{path}: {why}: {}", answer.status);
    let description = answer.json()["error_description"].as_str().unwrap_or_default().to_owned();
    // RFC 6749 5.2: printable ASCII without quotation marks and backslashes; and no stranger's text.
    let fits = |c: char| matches!(c, ' '..='~') && c != '"' && c != '\\';
    assert!(description.chars().all(fits) && !description.is_empty(), "{path}: {why}: {description}");
    assert!(
        !description.contains("script") && !description.contains("garbage"),
        "{path}: {why}: {description}"
    );
    assert!(answer.header("x").is_none(), "{path}: {why}: no header of a stranger's making");
}

#[tokio::test]
async fn token_endpoint_code() {
    let world = world().await;
    let code = world.code(&world.visitor().await).await;
    let rows: [Row<'_>; 5] = [
        ("grant_type", "authorization_code", "invalid_request", "unsupported_grant_type"),
        ("code", &code, "invalid_request", "invalid_grant"),
        ("redirect_uri", CALLBACK, "invalid_grant", "invalid_grant"),
        ("client_id", "spa", "invalid_client", "invalid_client"),
        ("code_verifier", VERIFIER, "invalid_grant", "invalid_grant"),
    ];
    check_forms(&world, "/oauth/token", None, &rows).await;
    let good = world.send(world.redeem(&code)).await;
    assert_eq!(good.status, 200, "the code was not spent by any of it: {}", good.text());
}

#[tokio::test]
async fn token_endpoint_refresh() {
    let world = world().await;
    let login = world.login("spa").await;
    let token = login["refresh_token"].as_str().unwrap();
    let rows: [Row<'_>; 5] = [
        ("grant_type", "refresh_token", "invalid_request", "unsupported_grant_type"),
        ("refresh_token", token, "invalid_request", "invalid_grant"),
        ("client_id", "spa", "invalid_client", "invalid_client"),
        ("scope", "openid", OPTIONAL, "invalid_scope"),
        ("resource", API, OPTIONAL, "invalid_target"),
    ];
    // `resource` twice is legal and would use the token.
    let rows_but_resource = &rows[..4];
    check_forms(&world, "/oauth/token", None, rows_but_resource).await;
    let (_, body, _) = spoil(&rows).into_iter().find(|(why, ..)| why == "resource wrong").unwrap();
    let answer = world.send(post("/oauth/token").body("application/x-www-form-urlencoded", body)).await;
    judge("/oauth/token", "resource wrong", &answer, "invalid_target");
    let good = world.send(world.refresh(token)).await;
    assert_eq!(good.status, 200, "the token was not used by any of it: {}", good.text());
    let next = good.json()["refresh_token"].as_str().unwrap().to_owned();
    assert_ne!(next, token, "the first use, not a replay");
}

#[tokio::test]
async fn token_endpoint_client_credentials() {
    let world = world().await;
    let rows: [Row<'_>; 3] = [
        ("grant_type", "client_credentials", "invalid_request", "unsupported_grant_type"),
        ("scope", "read", OPTIONAL, "invalid_scope"),
        ("resource", API, OPTIONAL, "invalid_target"),
    ];
    check_forms(&world, "/oauth/token", Some(("backend", BACKEND_SECRET)), &rows).await;
    let rows: [Row<'_>; 3] = [
        ("grant_type", "client_credentials", "invalid_request", "unsupported_grant_type"),
        ("client_id", "poster", "invalid_client", "invalid_client"),
        ("client_secret", POSTER_SECRET, "invalid_client", "invalid_client"),
    ];
    check_forms(&world, "/oauth/token", None, &rows).await;
}

#[tokio::test]
async fn introspection_and_revocation() {
    let world = world().await;
    let token = world.machine_token("backend", BACKEND_SECRET).await;
    let rows: [Row<'_>; 2] =
        [("token", &token, "invalid_request", ANY), ("token_type_hint", "access_token", OPTIONAL, ANY)];
    check_forms(&world, "/oauth/introspect", Some(("backend", BACKEND_SECRET)), &rows).await;
    check_forms(&world, "/oauth/revoke", Some(("backend", BACKEND_SECRET)), &rows).await;
    assert!(world.is_active(&token).await);
}

#[tokio::test]
async fn authorization_headers() {
    let world = world().await;
    let before = world.log_end().await;
    let form = [("grant_type", "client_credentials"), ("token", "x")];
    for path in ["/oauth/token", "/oauth/introspect", "/oauth/revoke"] {
        for value in [
            "Basic",
            "Basic ",
            "Basic !!!!",
            "Basic YWJj",
            "Basic OnNlY3JldA==",
            "Basic YmFja2VuZDo=",
            "Basic YmFja2VuZDp3cm9uZw==",
            "Bearer abc",
            "Digest username=x",
            "basic\tYWJj",
            &format!("Basic {}", "A".repeat(20_000)),
        ] {
            let answer = world.send(post(path).with("Authorization", value).form(&form)).await;
            assert_eq!(
                (answer.status, answer.error().as_str()),
                (401, "invalid_client"),
                "{path} {value:.40}"
            );
            assert!(answer.header("www-authenticate").unwrap().starts_with("Basic realm="), "{path}");
        }
        let twice = post(path).basic("backend", BACKEND_SECRET).basic("backend", BACKEND_SECRET).form(&form);
        let answer = world.send(twice).await;
        assert_eq!((answer.status, answer.error().as_str()), (400, "invalid_request"), "{path}");
        let not_ascii = post(path).with("Authorization", "Basic \u{e9}").form(&form);
        assert_eq!(world.send(not_ascii).await.error(), "invalid_request", "{path}");
        let two_ways = [form.as_slice(), &[("client_secret", "x"), ("client_id", "backend")]].concat();
        let answer = world.send(post(path).basic("backend", BACKEND_SECRET).form(&two_ways)).await;
        assert_eq!(answer.error(), "invalid_request", "{path}");
        let nobody = world.send(post(path).form(&form)).await;
        assert_eq!((nobody.status, nobody.error().as_str()), (401, "invalid_client"), "{path}");
        assert_eq!(nobody.header("www-authenticate"), None, "no browser opens a dialog unasked");
    }
    assert_eq!(world.written_since(before).await, Vec::new());
}

#[tokio::test]
async fn userinfo_takes_the_token_in_the_header_only() {
    let world = world().await;
    let login = world.login("spa").await;
    let token = login["access_token"].as_str().unwrap();
    let before = world.log_end().await;
    for path in ["/oauth/userinfo", "/api/userinfo"] {
        for ask in [get(path), post(path)] {
            let answer = world.send(ask.clone().bearer(token)).await;
            assert_eq!((answer.status, answer.json()["sub"].as_str()), (200, Some(world.ada.as_str())));
            let nobody = world.send(ask.clone()).await;
            let challenge = nobody.header("www-authenticate").unwrap().to_owned();
            assert_eq!(nobody.status, 401);
            assert_eq!(
                challenge,
                format!("Bearer realm=\"{}\"", world.url("")),
                "RFC 6750 3.1: no error code"
            );
            for bad in ["garbage", &token[..token.len() - 2], &format!("{token}A"), "a.b.c", ".."] {
                let answer = world.send(ask.clone().bearer(bad)).await;
                assert_eq!((answer.status, answer.error().as_str()), (401, "invalid_token"), "{bad}");
                assert!(answer.header("www-authenticate").unwrap().contains("error=\"invalid_token\""));
            }
            for malformed in ["Bearer", "Bearer ", "Bearer a b", "Bearer \"a\"", "Bearer é"] {
                let answer = world.send(ask.clone().with("Authorization", malformed)).await;
                assert!(matches!(answer.status, 400 | 401), "{malformed}: {}", answer.status);
            }
            let twice = world.send(ask.clone().bearer(token).bearer(token)).await;
            assert_eq!((twice.status, twice.error().as_str()), (400, "invalid_request"));
        }
        for query in [
            format!("?access_token={token}"),
            format!("?x=1&access_token={token}"),
            "?access_token=%FF".into(),
        ] {
            for ask in [get(&format!("{path}{query}")), get(&format!("{path}{query}")).bearer(token)] {
                let answer = world.send(ask).await;
                assert_eq!((answer.status, answer.error().as_str()), (400, "invalid_request"), "{query:.20}");
            }
        }
        let in_body = world.send(post(path).form(&[("access_token", token)])).await;
        assert_eq!((in_body.status, in_body.error().as_str()), (400, "invalid_request"));
        let both = world.send(post(path).bearer(token).form(&[("access_token", token)])).await;
        assert_eq!((both.status, both.error().as_str()), (400, "invalid_request"));
    }
    assert_eq!(world.written_since(before).await, Vec::new());
}

/// A member: its good value, the error when missing, the error of a wrong text.
pub(crate) async fn check_json(world: &World, path: &str, rows: &[Row<'_>]) {
    let before = world.log_end().await;
    let object = |but: &str, value: Option<Value>| {
        let mut out = serde_json::Map::new();
        for (name, good, ..) in rows {
            out.insert((*name).to_owned(), json!(good));
        }
        out.remove(but);
        if let Some(value) = value {
            out.insert(but.to_owned(), value);
        }
        Value::Object(out)
    };
    for (name, _, missing, wrong) in rows {
        let long = "x".repeat(Params::MAX_VALUE + 1);
        for value in [json!(1), json!(true), json!({}), json!([1]), json!([[]]), json!(long), json!("a\0b")] {
            let answer = world.send(post(path).json(&object(name, Some(value.clone())))).await;
            judge(path, &format!("{name} = {:.20}", value.to_string()), &answer, "invalid_request");
        }
        for absent in [None, Some(Value::Null), Some(json!(""))] {
            if !missing.is_empty() {
                let answer = world.send(post(path).json(&object(name, absent))).await;
                judge(path, &format!("{name} missing"), &answer, missing);
            }
        }
        if !wrong.is_empty() {
            let answer = world.send(post(path).json(&object(name, Some(json!("~garbage\u{e9}~"))))).await;
            judge(path, &format!("{name} wrong"), &answer, wrong);
        }
        let text = object("", None).to_string();
        let twice = format!("{},\"{name}\":\"x\"}}", &text[..text.len() - 1]);
        judge(
            path,
            &format!("{name} twice"),
            &world.send(post(path).body("application/json", twice)).await,
            "invalid_request",
        );
        let rest = object(name, None).to_string();
        for piece in [&b"\"\xff\""[..], b"\"\\ud800\"", b"\"\x01\"", b"\"\\x\"", b"'a'"] {
            let comma = if rest.len() > 2 { "," } else { "" };
            let mut bytes = format!("{}{comma}\"{name}\":", &rest[..rest.len() - 1]).into_bytes();
            bytes.extend_from_slice(piece);
            bytes.push(b'}');
            let answer = world.send(post(path).body("application/json", bytes)).await;
            judge(path, &format!("{name} = {piece:?}"), &answer, "invalid_request");
        }
    }
    for whole in ["null", "[]", "1", "\"a\"", "{", "}", "{}{}", "{\"a\":}", "\u{feff}{}", &"[".repeat(10_000)]
    {
        let answer = world.send(post(path).body("application/json", whole)).await;
        judge(path, &format!("{whole:.20}"), &answer, "invalid_request");
    }
    let good = object("", None).to_string();
    for content_type in
        ["", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1"]
    {
        if path == "/auth/verify" && content_type.ends_with("form-urlencoded") {
            continue; // the form of the page there
        }
        let answer = world.send(post(path).body(content_type, good.clone())).await;
        assert_eq!(
            (answer.status, answer.error().as_str()),
            (415, "invalid_request"),
            "{path} {content_type}"
        );
    }
    assert_eq!(world.written_since(before).await, Vec::new(), "{path}: nothing is written");
}

#[tokio::test]
async fn direct_login() {
    let world = world().await;
    let rows: [Row<'_>; 5] = [
        ("username", "ada", "invalid_request", ANY),
        ("password", PASSWORD, "invalid_request", ANY),
        ("client_id", "spa", OPTIONAL, "invalid_client"),
        ("scope", "openid", OPTIONAL, "invalid_scope"),
        ("resource", API, OPTIONAL, "invalid_target"),
    ];
    let hashed = world.hashed();
    check_json(&world, "/auth/login", &rows).await;
    check_json(&world, "/auth/login", &[("session", "cookie", OPTIONAL, "invalid_request")]).await;
    assert_eq!(world.hashed(), hashed, "nothing of it cost a hash");
}

#[tokio::test]
async fn direct_refresh_and_logout() {
    let world = world().await;
    let login = world.login("spa").await;
    let token = login["refresh_token"].as_str().unwrap();
    check_json(&world, "/auth/refresh", &[("refresh_token", token, "invalid_request", "invalid_grant")])
        .await;
    check_json(&world, "/auth/logout", &[("refresh_token", token, "invalid_token", "invalid_token")]).await;
    let good = world.send(post("/auth/refresh").json(&json!({ "refresh_token": token }))).await;
    assert_eq!(good.status, 200, "{}", good.text());
    assert_ne!(good.json()["refresh_token"], token);
}

#[tokio::test]
async fn api_login() {
    let world = world().await;
    let rows: [Row<'_>; 4] = [
        ("username", "backend", "invalid_request", ANY),
        ("password", BACKEND_SECRET, "invalid_request", ANY),
        ("scope", "read", OPTIONAL, "invalid_scope"),
        ("resource", API, OPTIONAL, "invalid_target"),
    ];
    check_json(&world, "/api/auth/login", &rows).await;
}

#[tokio::test]
async fn authorization_requests() {
    let world = world().await;
    let rows: [Row<'_>; 16] = [
        ("response_type", "code", ANY, ANY),
        ("client_id", "spa", ANY, ANY),
        ("redirect_uri", CALLBACK, ANY, ANY),
        ("scope", "openid", ANY, ANY),
        ("code_challenge", CHALLENGE, ANY, ANY),
        ("code_challenge_method", "S256", ANY, ANY),
        ("state", "s", ANY, ANY),
        ("nonce", "n", ANY, ANY),
        ("prompt", "login", ANY, ANY),
        ("max_age", "60", ANY, ANY),
        ("login_hint", "ada", ANY, ANY),
        ("id_token_hint", "x", ANY, ANY),
        ("response_mode", "query", ANY, ANY),
        ("resource", API, ANY, ANY),
        ("acr_values", "urn:countersign:1", ANY, ANY),
        ("resume", "x", ANY, ANY),
    ];
    let before = world.log_end().await;
    for (why, query, _) in with_missing(&rows) {
        for path in ["/oauth/authorize", "/oauth/logout"] {
            let answer = world.send(get(&format!("{path}?{query}")).with("Accept", "text/html")).await;
            judge_page(path, &why, &answer, CALLBACK);
            let posted = post(path).body("application/x-www-form-urlencoded", query.clone());
            judge_page(path, &why, &world.send(posted.with("Accept", "text/html")).await, &world.url(""));
        }
    }
    assert_eq!(world.log_end().await, before, "nothing is written");
}

fn with_missing(rows: &[Row<'_>]) -> Vec<(String, String, &'static str)> {
    let wanted: Vec<Row<'_>> = rows.iter().map(|r| (r.0, r.1, "missing", "wrong")).collect();
    spoil(&wanted)
}

fn judge_page(path: &str, why: &str, answer: &Answer, may_go_to: &str) {
    let text = answer.text();
    assert!(answer.status < 500, "{path}: {why}: {} {text}", answer.status);
    assert!(!text.contains("<script>alert"), "{path}: {why}: markup is shown as it came");
    if let Some(location) = answer.header("location") {
        assert_eq!(answer.status, 303, "{path}: {why}");
        assert!(location.starts_with(may_go_to), "{path}: {why}: goes to {location}");
    }
}

#[tokio::test]
async fn page_forms() {
    let world = world().await;
    let before = world.log_end().await;
    let flow = "f".repeat(42) + "A";
    let token = world.issuer.sealer.form_token(&flow);
    let rows: [Row<'_>; 8] = [
        ("form_token", &token, ANY, ANY),
        ("resume", "x", ANY, ANY),
        ("username", "", ANY, ANY),
        ("password", "", ANY, ANY),
        ("choice", "allow", ANY, ANY),
        ("id", "b_x", ANY, ANY),
        ("number", "", ANY, ANY),
        ("code", "", ANY, ANY),
    ];
    let paths = [
        "/login",
        "/consent",
        "/oauth/logout/confirm",
        "/account/phone",
        "/account/phone/confirm",
        "/account/phone/remove",
        "/account/end",
        "/account/end-others",
        "/account/sign-out",
    ];
    for path in paths {
        for (why, body, _) in with_missing(&rows) {
            let ask = post(path).with("Cookie", &format!("countersign-flow={flow}"));
            let answer = world.send(ask.body("application/x-www-form-urlencoded", body)).await;
            judge_page(path, &why, &answer, &world.url(""));
            if why.starts_with("form_token") {
                assert!(matches!(answer.status, 400 | 403), "{path}: {why}: {}", answer.status);
            }
        }
        let good = form(&rows.iter().map(|(n, v, ..)| (*n, *v)).collect::<Vec<_>>());
        let typed =
            |t: &str| post(path).with("Cookie", &format!("countersign-flow={flow}")).body(t, good.clone());
        assert_eq!(world.send(typed("text/plain")).await.status, 415, "{path}");
        let foreign = typed("application/x-www-form-urlencoded");
        for (name, value) in [
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Site", "same-site"),
            ("Origin", "https://evil.example"),
        ] {
            assert_eq!(world.send(foreign.clone().with(name, value)).await.status, 403, "{path} {name}");
        }
        let other_browser = "g".repeat(42) + "A";
        for cookie in
            ["", "countersign-flow=", "countersign-flow=short", &format!("countersign-flow={other_browser}")]
        {
            let ask =
                post(path).with("Cookie", cookie).body("application/x-www-form-urlencoded", good.clone());
            assert_eq!(world.send(ask).await.status, 403, "{path} {cookie}");
        }
    }
    assert_eq!(world.log_end().await, before, "nothing is written");
}
