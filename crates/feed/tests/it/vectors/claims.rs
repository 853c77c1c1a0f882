//! Claim sets that are signed correctly and refused all the same, and the clock's part.

use super::tokens::{CLAIMS, HEADER, NOW, Row, forge, plus};
use serde_json::{Value, json};

pub(super) fn json_texts() -> Vec<Row> {
    let claims = |name: &str, text: &str| (name.to_owned(), forge(HEADER, text), "malformed", None);
    let mut rows = vec![
        claims("claims an array", &format!("[{CLAIMS}]")),
        claims("claims a string", r#""x""#),
        claims("claims null", "null"),
        claims("claims with trailing data", &format!("{CLAIMS} x")),
        claims("two claim sets", &format!("{CLAIMS}{CLAIMS}")),
        claims("claims with a byte order mark", &format!("\u{feff}{CLAIMS}")),
        claims("claims without end", CLAIMS.strip_suffix('}').unwrap()),
        claims("claims with a trailing comma", &plus(CLAIMS, "")),
        claims("nested without end", &plus(CLAIMS, &format!("\"x\":{}", "[".repeat(20_000)))),
        claims(
            "objects too deep",
            &plus(CLAIMS, &format!("{}1{}", "\"x\":{".repeat(32) + "\"x\":", "}".repeat(32))),
        ),
        claims("arrays too deep", &plus(CLAIMS, &format!("\"x\":{}{}", "[".repeat(32), "]".repeat(32)))),
    ];
    for more in [
        "x:1",
        "\"x\":",
        "\"x\" 1",
        "\"exp\":1800000900",
        r#""iss":"https://evil.example""#,
        r#""\u0073ub":"admin""#,
        r#""cnf":{"jkt":"a","jkt":"b"}"#,
        r#""x":[{"a":1},{"a":1,"a":2}]"#,
    ] {
        rows.push(claims(&format!("claims and {more}"), &plus(CLAIMS, more)));
    }
    for string in [
        r"\ud800",
        r"\udc00",
        r"\udc00\ud800",
        r"\ud800\u0041",
        r"\ud83d\ud83d",
        r"\u12",
        r"\u+123",
        r"\x41",
        "\n",
        "\0",
    ] {
        rows.push(claims(&format!("string {string:?}"), &plus(CLAIMS, &format!("\"x\":\"{string}\""))));
    }
    for number in [
        "01",
        "+1",
        ".5",
        "1.",
        "1e",
        "--1",
        "0x1",
        "NaN",
        "-Infinity",
        "1e400",
        "18446744073709551616",
        "-9223372036854775809",
        "True",
        "undefined",
        "truefalse",
        "-",
    ] {
        rows.push(claims(&format!("number {number}"), &plus(CLAIMS, &format!("\"x\":{number}"))));
    }
    let many: Vec<_> = (0..100).chain([50]).map(|i| format!("\"m{i}\":{i}")).collect();
    rows.push(claims("duplicate among many", &plus(CLAIMS, &many.join(","))));
    for (name, bytes) in [
        ("overlong UTF-8", &[0xc0, 0xaf][..]),
        ("surrogate in UTF-8", &[0xed, 0xa0, 0x80]),
        ("Latin-1", &[0xe9]),
    ] {
        let text = [CLAIMS.strip_suffix('}').unwrap().as_bytes(), b",\"x\":\"", bytes, b"\"}"].concat();
        rows.push((name.to_owned(), forge(HEADER, text), "malformed", None));
    }
    rows
}

/// The good claims with one value replaced, or left out.
fn with(claim: &str, value: Option<&str>) -> String {
    let at = CLAIMS.find(&format!("\"{claim}\":")).unwrap();
    let end = at + CLAIMS[at..].find(",\"").unwrap_or(CLAIMS.len() - 1 - at);
    let member = value.map(|value| format!("\"{claim}\":{value}")).unwrap_or_default();
    format!("{}{member}{}", &CLAIMS[..at], &CLAIMS[end..])
        .replace(",,", ",")
        .replace("{,", "{")
        .replace(",}", "}")
}

fn row(claim: &'static str, value: Option<&str>, code: &'static str) -> Row {
    (format!("{claim} {}", value.unwrap_or("left out")), forge(HEADER, with(claim, value)), code, Some(claim))
}

pub(super) fn who() -> Vec<Row> {
    let mut rows = vec![
        row("iss", None, "missing_claim"),
        row("iss", Some("1"), "malformed"),
        row("aud", None, "missing_claim"),
        row("sub", Some("null"), "malformed"),
        row("jti", Some("1"), "malformed"),
        row("client_id", Some("[]"), "malformed"),
    ];
    for iss in [
        "https://evil.example",
        "https://id.example/",
        "HTTPS://ID.EXAMPLE",
        "https://id.example.evil.example",
        "http://id.example",
        "",
        r"https://id.ex\u0430mple",
    ] {
        rows.push(row("iss", Some(&format!("\"{iss}\"")), "wrong_issuer"));
    }
    for aud in [
        r#""https://other.example""#,
        r#"["https://a.example","https://b.example"]"#,
        "[]",
        r#""https://api.example/""#,
        r#""https://api.example https://other.example""#,
        r#""""#,
    ] {
        rows.push(row("aud", Some(aud), "wrong_audience"));
    }
    for aud in [
        r#"[["https://api.example"]]"#,
        r#"["https://api.example",1]"#,
        r#"[null,"https://api.example"]"#,
        r#"{"https://api.example":true}"#,
        "null",
        "7",
    ] {
        rows.push(row("aud", Some(aud), "malformed"));
    }
    rows
}

pub(super) fn times() -> Vec<Row> {
    let mut rows = vec![row("exp", None, "missing_claim")];
    for exp in ["1800000000", "1799999999", "0", "1799999999.999", "-0", "-0.0"] {
        rows.push(row("exp", Some(exp), "expired"));
    }
    for exp in [
        "-1",
        "1800000900000000",
        "253402300800",
        "9223372036854775808",
        "18446744073709551615",
        "1e300",
        "\"1800000900\"",
        "null",
    ] {
        rows.push(row("exp", Some(exp), "malformed"));
    }
    for nbf in ["1800000001", "1800000000.001"] {
        rows.push(row("nbf", Some(nbf), "not_yet_valid"));
    }
    for nbf in ["\"1800000001\"", "\"0\"", "null", "false"] {
        rows.push(row("nbf", Some(nbf), "malformed"));
    }
    rows.extend([
        row("iat", Some("1800000001"), "not_yet_valid"),
        row("iat", Some("[1800000000]"), "malformed"),
    ]);
    rows.push(row("auth_time", Some("\"1\""), "malformed"));
    rows
}

/// What only the claims of RFC 9068 ask for.
pub(super) fn access_token() -> Vec<Row> {
    let mut rows: Vec<Row> = ["sub", "iat", "jti", "client_id"]
        .into_iter()
        .map(|claim| row(claim, None, "missing_claim"))
        .collect();
    for more in [
        "\"scope\":1",
        "\"scope\":null",
        "\"scope\":[\"a\"]",
        "\"sid\":1",
        "\"acr\":1",
        "\"amr\":\"pwd\"",
        "\"roles\":[1]",
        "\"roles\":null",
        "\"groups\":{}",
    ] {
        rows.push((format!("claim {more}"), forge(HEADER, plus(CLAIMS, more)), "malformed", None));
    }
    rows
}

/// Leeway on both sides of both bounds.
pub(super) fn leeways() -> Vec<Value> {
    let token = forge(HEADER, CLAIMS);
    let case = |name: &str, leeway: u64, now: i64, code: Option<&str>, claim: Option<&str>| json!({ "name": name, "token": token, "leeway": leeway, "now": now, "code": code, "claim": claim });
    let (from, to) = (NOW * 1000, NOW * 1000 + 900_000);
    vec![
        case("last millisecond", 0, to - 1, None, None),
        case("over", 0, to, Some("expired"), Some("exp")),
        case("over, within leeway", 60, to + 59_999, None, None),
        case("over, leeway used up", 60, to + 60_000, Some("expired"), Some("exp")),
        case("too early", 0, from - 1, Some("not_yet_valid"), Some("nbf")),
        case("too early, within leeway", 5, from - 5000, None, None),
        case("too early, beyond leeway", 5, from - 5001, Some("not_yet_valid"), Some("nbf")),
    ]
}
