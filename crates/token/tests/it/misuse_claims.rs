//! Hostile tokens, part 3: claim sets that are signed correctly and refused all the same.

use crate::forge::{HEADER, World, forge, good, plus, with};
use crate::misuse::{Row, run};

fn claims(
    name: &'static str,
    text: impl AsRef<[u8]>,
    code: &'static str,
    claim: Option<&'static str>,
) -> Row {
    (name, forge(HEADER, text), code, claim)
}

#[test]
fn claims_json() {
    let malformed = |name, text: &str| claims(name, text, "malformed", None);
    let number = |name, text: &str| malformed(name, &plus(&format!("\"x\":{text}")));
    let string = |name, text: &str| malformed(name, &plus(&format!("\"x\":\"{text}\"")));
    let rows = vec![
        malformed("empty", " "),
        malformed("array", "[]"),
        malformed("array of the claims", &format!("[{}]", good())),
        malformed("string", r#""x""#),
        malformed("null", "null"),
        malformed("number", "1"),
        malformed("a token inside", &forge(HEADER, good())),
        malformed("trailing data", &format!("{} x", good())),
        malformed("two sets", &format!("{0}{0}", good())),
        malformed("byte order mark", &format!("\u{feff}{}", good())),
        malformed("no end", good().strip_suffix('}').unwrap()),
        malformed("trailing comma", &plus("").to_string()),
        malformed("bare name", &plus("x:1")),
        malformed("no value", &plus("\"x\":")),
        malformed("no colon", &plus("\"x\" 1")),
        malformed("duplicate exp", &plus("\"exp\":1800000900")),
        malformed("duplicate iss", &plus("\"iss\":\"https://evil.example\"")),
        malformed("duplicate sub by escape", &plus(r#""\u0073ub":"admin""#)),
        malformed("duplicate deep inside", &plus(r#""cnf":{"jkt":"a","jkt":"b"}"#)),
        malformed("duplicate in an array", &plus(r#""x":[{"a":1},{"a":1,"a":2}]"#)),
        malformed(
            "duplicate among many",
            &plus(&{
                let many: Vec<_> = (0..100).chain([50]).map(|i| format!("\"m{i}\":{i}")).collect();
                many.join(",")
            }),
        ),
        malformed("nested too deep", &plus(&format!("\"x\":{}{}", "[".repeat(32), "]".repeat(32)))),
        malformed(
            "objects too deep",
            &plus(&format!("{}1{}", "\"x\":{".repeat(32) + "\"x\":", "}".repeat(32))),
        ),
        malformed("nested without end", &plus(&format!("\"x\":{}", "[".repeat(20_000)))),
        string("lone high surrogate", r"\ud800"),
        string("lone low surrogate", r"\udc00"),
        string("surrogates reversed", r"\udc00\ud800"),
        string("high surrogate and a letter", r"\ud800\u0041"),
        string("high surrogate twice", r"\ud83d\ud83d"),
        string("short escape", r"\u12"),
        string("escape with sign", r"\u+123"),
        string("unknown escape", r"\x41"),
        string("newline", "\n"),
        string("NUL", "\0"),
        number("leading zero", "01"),
        number("plus sign", "+1"),
        number("no whole part", ".5"),
        number("no fraction", "1."),
        number("no exponent", "1e"),
        number("two signs", "--1"),
        number("hexadecimal", "0x1"),
        number("NaN", "NaN"),
        number("Infinity", "-Infinity"),
        number("over a double", "1e400"),
        number("over 64 bits", "18446744073709551616"),
        number("under 64 bits", "-9223372036854775809"),
        number("digits without end", &"9".repeat(400)),
        number("True", "True"),
        number("undefined", "undefined"),
        number("truefalse", "truefalse"),
    ];
    run(&World::new(), rows);
    let mut latin1 = good().into_bytes();
    latin1.splice(9..10, [0xe9]);
    let overlong = [plus("\"x\":\"").trim_end_matches('}').as_bytes(), &[0xc0, 0xaf], b"\"}"].concat();
    let surrogate = [plus("\"x\":\"").trim_end_matches('}').as_bytes(), &[0xed, 0xa0, 0x80], b"\"}"].concat();
    run(
        &World::new(),
        vec![
            claims("Latin-1", latin1, "malformed", None),
            claims("overlong UTF-8", overlong, "malformed", None),
            claims("surrogate in UTF-8", surrogate, "malformed", None),
        ],
    );
}

#[test]
fn who_and_for_whom() {
    let iss = |name, value: &str| claims(name, with("iss", Some(value)), "wrong_issuer", Some("iss"));
    let aud = |name, value: &str| claims(name, with("aud", Some(value)), "wrong_audience", Some("aud"));
    let malformed = |name, value: &str| claims(name, with("aud", Some(value)), "malformed", Some("aud"));
    let rows = vec![
        claims("no issuer", with("iss", None), "missing_claim", Some("iss")),
        iss("another issuer", r#""https://evil.example""#),
        iss("issuer with a slash", r#""https://id.example/""#),
        iss("issuer in capitals", r#""HTTPS://ID.EXAMPLE""#),
        iss("issuer as prefix", r#""https://id.example.evil.example""#),
        iss("issuer cut", r#""https://id.exampl""#),
        iss("issuer over http", r#""http://id.example""#),
        iss("issuer empty", r#""""#),
        iss("issuer with a port", r#""https://id.example:443""#),
        iss("issuer with a Cyrillic letter", r#""https://id.ex\u0430mple""#),
        claims("no audience", with("aud", None), "missing_claim", Some("aud")),
        aud("another audience", r#""https://other.example""#),
        aud("audiences, none due", r#"["https://a.example","https://b.example"]"#),
        aud("no audience in the list", "[]"),
        aud("audience with a slash", r#""https://api.example/""#),
        aud("audience as prefix", r#""https://api.example.evil.example""#),
        aud("audience in capitals", r#""HTTPS://API.EXAMPLE""#),
        aud("audiences in one string", r#""https://api.example https://other.example""#),
        aud("audience empty", r#""""#),
        malformed("a list in the list", r#"[["https://api.example"]]"#),
        malformed("the due one and a number", r#"["https://api.example",1]"#),
        malformed("null and the due one", r#"[null,"https://api.example"]"#),
        malformed("an object", r#"{"https://api.example":true}"#),
    ];
    run(&World::new(), rows);
}

#[test]
fn times() {
    let row = |name, claim: &'static str, value: Option<&str>, code| {
        claims(name, with(claim, value), code, Some(claim))
    };
    let rows = vec![
        row("no expiry", "exp", None, "missing_claim"),
        row("expired now", "exp", Some("1800000000"), "expired"),
        row("expired a second ago", "exp", Some("1799999999"), "expired"),
        row("expired long ago", "exp", Some("0"), "expired"),
        row("expired by a fraction", "exp", Some("1799999999.999"), "expired"),
        row("expiry -0", "exp", Some("-0"), "expired"),
        row("expiry negative", "exp", Some("-1"), "malformed"),
        row("expiry in milliseconds", "exp", Some("1800000900000000"), "malformed"),
        row("expiry past the year 9999", "exp", Some("253402300800"), "malformed"),
        row("expiry 2^63", "exp", Some("9223372036854775808"), "malformed"),
        row("expiry 2^64 - 1", "exp", Some("18446744073709551615"), "malformed"),
        row("expiry 1e300", "exp", Some("1e300"), "malformed"),
        row("expiry a string", "exp", Some("\"1800000900\""), "malformed"),
        row("expiry null", "exp", Some("null"), "malformed"),
        row("valid in a second", "nbf", Some("1800000001"), "not_yet_valid"),
        row("valid in a fraction", "nbf", Some("1800000000.001"), "not_yet_valid"),
        row("valid from a string (CVE-2026-25537)", "nbf", Some("\"1800000001\""), "malformed"),
        row("valid from a past string", "nbf", Some("\"0\""), "malformed"),
        row("valid from null", "nbf", Some("null"), "malformed"),
        row("valid from false", "nbf", Some("false"), "malformed"),
        row("issued in a second", "iat", Some("1800000001"), "not_yet_valid"),
        row("issued in a list", "iat", Some("[1800000000]"), "malformed"),
    ];
    run(&World::new(), rows);
}
