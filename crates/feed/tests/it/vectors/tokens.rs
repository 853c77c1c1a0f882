//! Access tokens, good and hostile, each with what it is refused for.

use super::claims;
use super::forge::{input, key, key_document, public, raw, signed};
use countersign_token::{
    AccessToken, Algorithm, KeySet, Policy, SigningKey, Timestamp, TokenType, VerifyingKey, base64url, verify,
};
use serde_json::{Value, json};
use std::time::Duration;

pub(super) const NOW: i64 = 1_800_000_000;
pub(super) const HEADER: &str = r#"{"alg":"HS256","typ":"at+jwt","kid":"k1"}"#;
pub(super) const CLAIMS: &str = r#"{"iss":"https://id.example","sub":"u_1","aud":"https://api.example","exp":1800000900,"nbf":1800000000,"iat":1800000000,"jti":"j","client_id":"web","auth_time":1799999000}"#;
const ALGORITHMS: [&str; 9] =
    ["HS256", "ES256", "ES512", "Ed25519", "RS256", "RS384", "PS256", "PS384", "PS512"];
/// Keys of the set; `e3` is there although its algorithm is not due.
const KEYS: [&str; 7] = ["es", "es-old", "e3", "e5", "ed", "rs", "ps"];

/// Name, token, code (empty: accepted), claim.
pub(super) type Row = (String, String, &'static str, Option<&'static str>);

pub(super) fn document() -> Value {
    let mut rows = Vec::new();
    for part in [good(), encodings(), headers(), kinds(), algorithms(), keys(), signatures()] {
        rows.extend(part);
    }
    for part in [claims::json_texts(), claims::who(), claims::times(), claims::access_token()] {
        rows.extend(part);
    }
    let case = |(name, token, code, claim): Row| {
        let code = if code.is_empty() { Value::Null } else { code.into() };
        json!({ "name": name, "token": token, "code": code, "claim": claim })
    };
    json!({
        "now": NOW * 1000,
        "issuer": "https://id.example",
        "audience": "https://api.example",
        "type": "at+jwt",
        "algorithms": ALGORITHMS,
        "keys": KEYS.map(public),
        "secret": key_document("k1"),
        "cases": rows.into_iter().map(case).collect::<Vec<_>>(),
        "times": claims::leeways(),
    })
}

fn set() -> KeySet {
    let public = KEYS.map(|name| VerifyingKey::from_jwk(&public(name), None).unwrap());
    KeySet::new(public.into_iter().chain([key("k1").verifying_key().unwrap()]))
}

fn policy() -> Policy {
    let algorithms = ALGORITHMS.map(|name| Algorithm::parse(name).unwrap());
    Policy::issuer("https://id.example")
        .audience(["https://api.example"])
        .token_type(TokenType::Access)
        .algorithms(&algorithms)
}

pub(super) fn judge_all(document: &Value) {
    let (keys, policy) = (set(), policy());
    let mut wrong = Vec::new();
    let mut judge = |case: &Value, policy: &Policy, now: i64| {
        let token = case["token"].as_str().unwrap();
        let came = verify::<AccessToken>(token, &keys, policy, Timestamp::from_millis(now)).err();
        let came = came.map(|error| (error.code, error.claim));
        let due = case["code"].as_str().map(|code| (code, case["claim"].as_str()));
        if came != due {
            wrong.push(format!("{}: due {due:?}, came {came:?}", case["name"]));
        }
    };
    for case in document["cases"].as_array().unwrap() {
        judge(case, &policy, NOW * 1000);
    }
    for case in document["times"].as_array().unwrap() {
        let leeway = Duration::from_secs(case["leeway"].as_u64().unwrap());
        judge(case, &policy.clone().leeway(leeway), case["now"].as_i64().unwrap());
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

pub(super) fn forge(header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
    signed("k1", header, claims)
}

pub(super) fn plus(text: &str, more: &str) -> String {
    text.strip_suffix('}').unwrap().to_owned() + "," + more + "}"
}

fn refused(
    code: &'static str,
    claim: Option<&'static str>,
    rows: impl IntoIterator<Item = (&'static str, String)>,
) -> Vec<Row> {
    rows.into_iter().map(|(name, token)| (name.to_owned(), token, code, claim)).collect()
}

fn good() -> Vec<Row> {
    let named = |alg: &str, kid: &str| format!(r#"{{"alg":"{alg}","typ":"at+jwt","kid":"{kid}"}}"#);
    let under = |name: &'static str, alg, kid| (name, signed(kid, named(alg, kid), CLAIMS));
    let header = |name, header: &str| (name, forge(header, CLAIMS));
    let claims = |name, claims: String| (name, forge(HEADER, claims));
    let rows = vec![
        under("HS256", "HS256", "k1"),
        under("ES256", "ES256", "es"),
        under("ES512", "ES512", "e5"),
        under("RS256", "RS256", "rs"),
        under("PS256", "PS256", "ps"),
        under("Ed25519", "Ed25519", "ed"),
        under("EdDSA, the older name", "EdDSA", "ed"),
        ("no kid, one key fits", signed("ed", r#"{"alg":"Ed25519","typ":"at+jwt"}"#, CLAIMS)),
        header(
            "another order, white space",
            "{ \"kid\" : \"k1\",\n\t\"typ\":\"at+jwt\", \"alg\":\"HS256\" }\r\n",
        ),
        header("type with its tree", &HEADER.replace("at+jwt", "application/at+jwt")),
        header("type in capitals", &HEADER.replace("at+jwt", "Application/AT+JWT")),
        header("escapes in the header", &HEADER.replace("k1", r"\u006b\u0031")),
        header(
            "ignored parameters",
            &plus(
                HEADER,
                r#""jku":"https://evil.example/jwks.json","x5c":["MIIB"],"x5t":"AAAA","x":{"y":[1]}"#,
            ),
        ),
        header("content type a string", &plus(HEADER, r#""cty":"JWT""#)),
        claims(
            "other claims",
            plus(CLAIMS, r#""x":{"y":[1,2.5e3,-7,true,false,null,"é \ud83d\ude00"]},"__proto__":{"z":1}"#),
        ),
        claims(
            "audiences",
            CLAIMS
                .replace(r#""https://api.example""#, r#"["https://other.example","https:\/\/api.example"]"#),
        ),
        claims(
            "all claims of the table",
            plus(CLAIMS, r#""scope":"a b","sid":"s","acr":"aal1","amr":["pwd"],"roles":["r"],"groups":[]"#),
        ),
        claims("expiry with a fraction", CLAIMS.replace("1800000900", "1800000000.001")),
        claims("expiry with an exponent", CLAIMS.replace("1800000900", "1.8000009e9")),
        claims("expiry in the last second of 9999", CLAIMS.replace("1800000900", "253402300799")),
        claims("no nbf", CLAIMS.replace("\"nbf\":1800000000,", "")),
        claims("largest integers", plus(CLAIMS, r#""x":18446744073709551615,"y":-9223372036854775808"#)),
        claims("31 levels", plus(CLAIMS, &format!("\"x\":{}{}", "[".repeat(31), "]".repeat(31)))),
    ];
    refused("", None, rows)
}

fn encodings() -> Vec<Row> {
    let token = forge(HEADER, CLAIMS);
    let parts: Vec<_> = token.split('.').collect();
    let (h, c, s) = (parts[0], parts[1], parts[2]);
    let spare = |part: &str| {
        // The last character of an unaligned part with a bit set that decodes to nothing.
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let (head, last) = part.split_at(part.len() - 1);
        let at = alphabet.find(last).unwrap();
        format!("{head}{}", &alphabet[at + 1..at + 2])
    };
    let mut rows = refused(
        "malformed",
        None,
        vec![
            ("empty", String::new()),
            ("one part", h.to_owned()),
            ("two parts", format!("{h}.{c}")),
            ("four parts", format!("{token}.{s}")),
            ("five parts, as JWE", format!("{h}.{c}.{s}.{c}.{s}")),
            ("only dots", "..".to_owned()),
            ("no header", format!(".{c}.{s}")),
            ("no claims (detached content)", forge(HEADER, "")),
            ("JSON serialisation", format!(r#"{{"protected":"{h}","payload":"{c}","signature":"{s}"}}"#)),
            ("padded header", format!("{h}=.{c}.{s}")),
            ("padded claims", format!("{h}.{c}=.{s}")),
            ("padded signature", format!("{token}=")),
            ("standard alphabet +", format!("{h}.+{}.{s}", &c[1..])),
            ("standard alphabet /", format!("{h}.{c}./{}", &s[1..])),
            ("header with spare bits", format!("{}.{c}.{s}", spare(h))),
            ("signature with spare bits", format!("{h}.{c}.{}", spare(s))),
            ("one character over", format!("{token}AA")),
            ("leading space", format!(" {token}")),
            ("trailing newline", format!("{token}\n")),
            ("newline inside", format!("{h}.\n{c}.{s}")),
            ("NUL", format!("{token}\0")),
            ("with its scheme", format!("Bearer {token}")),
            ("percent-encoded", token.replace('.', "%2E")),
            ("full-width dot", token.replace('.', "．")),
            ("not ASCII", format!("{h}.é{c}.{s}")),
            ("twice", format!("{token},{token}")),
        ],
    );
    rows.extend(refused("bad_signature", None, [("no signature", format!("{h}.{c}."))]));
    rows.extend(refused(
        "too_large",
        None,
        [
            ("over 64 KiB", forge(HEADER, format!("{CLAIMS}{}", " ".repeat(64 * 1024)))),
            (
                "header over 8 KiB",
                forge(plus(HEADER, &format!("\"x\":\"{}\"", "x".repeat(8 * 1024))), CLAIMS),
            ),
        ],
    ));
    rows
}

fn headers() -> Vec<Row> {
    let header = |name, text: &str| (name, forge(text, CLAIMS));
    let deep = plus(HEADER, &format!("\"x\":{}{}", "[".repeat(32), "]".repeat(32)));
    let mut rows = refused(
        "malformed",
        None,
        vec![
            header("header not JSON", "at+jwt"),
            header("header an array", "[]"),
            header("header null", "null"),
            header("header empty", " "),
            header("header with trailing data", &format!("{HEADER}x")),
            header("header with a byte order mark", &format!("\u{feff}{HEADER}")),
            header("header with a trailing comma", &HEADER.replace('}', ",}")),
            header("header with a comment", &HEADER.replace('}', "/**/}")),
            header("header in single quotes", &HEADER.replace('"', "'")),
            header("duplicate alg", r#"{"alg":"HS256","alg":"HS256","typ":"at+jwt","kid":"k1"}"#),
            header("duplicate alg, none first", r#"{"alg":"none","alg":"HS256","typ":"at+jwt","kid":"k1"}"#),
            header("duplicate by escape", r#"{"alg":"HS256","\u0061lg":"none","typ":"at+jwt","kid":"k1"}"#),
            header("duplicate of an unknown", &plus(HEADER, r#""x":1,"x":1"#)),
            header("duplicate of __proto__", &plus(HEADER, r#""__proto__":1,"__proto__":1"#)),
            header("duplicate deep inside", &plus(HEADER, r#""x":[{"y":1,"y":2}]"#)),
            header("header nested too deep", &deep),
            header("lone surrogate in the header", &HEADER.replace("k1", r"k1\ud800")),
            header("control character in the header", &HEADER.replace("k1", "k1\u{1}")),
            ("header not UTF-8", forge([&b"{\"alg\":\"HS256\",\"kid\":\"\xe9"[..], b"\"}"].concat(), CLAIMS)),
        ],
    );
    for (claim, more) in [
        ("crit", r#""crit":["exp"]"#),
        ("crit", r#""crit":["acme"],"acme":1"#),
        ("crit", r#""crit":[]"#),
        ("crit", r#""crit":null"#),
        ("b64", r#""b64":false"#),
        ("b64", r#""b64":true"#),
        ("zip", r#""zip":"DEF""#),
        ("enc", r#""enc":"A256GCM""#),
        ("jwk", r#""jwk":{"kty":"oct","k":"AAAA"}"#),
        ("jwk", r#""\u006awk":{}"#),
    ] {
        rows.push((
            format!("forbidden {more}"),
            forge(plus(HEADER, more), CLAIMS),
            "forbidden_header",
            Some(claim),
        ));
    }
    for (claim, from, to) in [
        ("alg", r#""alg":"HS256","#, ""),
        ("alg", r#""HS256""#, "256"),
        ("alg", r#""HS256""#, "null"),
        ("alg", r#""HS256""#, r#"["HS256"]"#),
        ("typ", r#""at+jwt""#, "1"),
        ("typ", r#""at+jwt""#, "null"),
        ("kid", r#""k1""#, "1"),
        ("kid", r#""k1""#, r#"{"k1":1}"#),
        ("cty", r#""kid""#, r#""cty":1,"kid""#),
    ] {
        rows.push((
            format!("header {claim} {to}"),
            forge(HEADER.replace(from, to), CLAIMS),
            "malformed",
            Some(claim),
        ));
    }
    rows
}

fn kinds() -> Vec<Row> {
    let mut rows: Vec<Row> = [
        r#""JWT""#,
        r#""mfa+jwt""#,
        r#""logout+jwt""#,
        r#""dpop+jwt""#,
        r#""revhead+jwt""#,
        r#""""#,
        r#""at+jwt ""#,
        r#""at+jw""#,
        r#""x/at+jwt""#,
        r#""application/application/at+jwt""#,
        r#""application/""#,
        r#""at+jwt\u212a""#,
    ]
    .into_iter()
    .map(|typ| {
        (format!("type {typ}"), forge(HEADER.replace(r#""at+jwt""#, typ), CLAIMS), "wrong_type", Some("typ"))
    })
    .collect();
    rows.extend(refused(
        "wrong_type",
        Some("typ"),
        [("no type", forge(r#"{"alg":"HS256","kid":"k1"}"#, CLAIMS))],
    ));
    rows
}

fn algorithms() -> Vec<Row> {
    let mut rows = Vec::new();
    for alg in [
        "none",
        "None",
        "NONE",
        "",
        "hs256",
        "HS256 ",
        r"HS256\u0000",
        "HS1",
        "HS512",
        "RS256",
        "dir",
        "ES256K",
        "ML-DSA-44",
        "constructor",
    ] {
        let header = HEADER.replace("HS256", alg);
        rows.push((format!("alg {alg:?}"), forge(&header, CLAIMS), "wrong_algorithm", Some("alg")));
        rows.push((
            format!("alg {alg:?}, unsigned"),
            format!("{}.", input(&header, CLAIMS)),
            "wrong_algorithm",
            Some("alg"),
        ));
    }
    let named = |alg: &str, kid: &str| format!(r#"{{"alg":"{alg}","typ":"at+jwt","kid":"{kid}"}}"#);
    let confused = |name: &'static str, kid: &str, secret: &[u8]| {
        let input = input(named("HS256", kid), CLAIMS);
        let mac = raw(Algorithm::Hs256, &[secret, &[0; 32]].concat(), input.as_bytes());
        (name, format!("{input}.{}", base64url::encode(mac)))
    };
    let bytes = |text: Option<String>| base64url::decode(text.unwrap()).unwrap();
    rows.extend(refused(
        "wrong_algorithm",
        Some("alg"),
        vec![
            confused("RSA modulus as secret", "rs", &bytes(public("rs").n)),
            confused("RSA JWK as secret", "rs", &serde_json::to_vec(&public("rs")).unwrap()),
            confused("EC point as secret", "es", &bytes(public("es").x)),
            confused("Ed25519 key as secret", "ed", &bytes(public("ed").x)),
            ("none without kid", format!("{}.", input(r#"{"alg":"none","typ":"at+jwt"}"#, CLAIMS))),
            ("PS256 named for an RS256 key", signed("rs", named("PS256", "rs"), CLAIMS)),
            ("RS256 named for a PS256 key", signed("ps", named("RS256", "ps"), CLAIMS)),
            ("ES384 named for a P-256 key", signed("es", named("ES384", "es"), CLAIMS)),
            ("EdDSA named for an EC key", signed("es", named("EdDSA", "es"), CLAIMS)),
            ("a key whose algorithm is not due", signed("e3", named("ES384", "e3"), CLAIMS)),
        ],
    ));
    rows
}

fn keys() -> Vec<Row> {
    let mut rows: Vec<Row> = [
        "k2",
        "",
        "K1",
        "k1 ",
        r"k1\u0000",
        "../../dev/null",
        "__proto__",
        "https://evil.example/key",
        "k1🔑",
    ]
    .into_iter()
    .map(|kid| (format!("kid {kid:?}"), forge(HEADER.replace("k1", kid), CLAIMS), "unknown_key", Some("kid")))
    .collect();
    let header = r#"{"alg":"ES256","typ":"at+jwt","kid":"es"}"#;
    rows.extend(refused(
        "ambiguous_key",
        Some("kid"),
        [("no kid, two keys fit", signed("es", r#"{"alg":"ES256","typ":"at+jwt"}"#, CLAIMS))],
    ));
    rows.extend(refused(
        "bad_signature",
        None,
        [
            ("another key, known kid", signed("stranger", header, CLAIMS)),
            (
                "jku of the signer",
                signed("stranger", plus(header, r#""jku":"https://evil.example/jwks.json""#), CLAIMS),
            ),
        ],
    ));
    let jwk = serde_json::to_string(&public("stranger")).unwrap();
    let brought = signed("stranger", plus(header, &format!("\"jwk\":{jwk}")), CLAIMS);
    rows.extend(refused("forbidden_header", Some("jwk"), [("jwk of the signer", brought)]));
    rows
}

fn signatures() -> Vec<Row> {
    let altered = |name: &'static str, kid: &str, alg: &str, change: &dyn Fn(Vec<u8>) -> Vec<u8>| {
        let key: SigningKey = key(kid);
        let input = input(format!(r#"{{"alg":"{alg}","typ":"at+jwt","kid":"{kid}"}}"#), CLAIMS);
        let signature = change(raw(key.algorithm(), &key.private_bytes(), input.as_bytes()));
        (name, format!("{input}.{}", base64url::encode(signature)))
    };
    let es = |name, change: &dyn Fn(Vec<u8>) -> Vec<u8>| altered(name, "es", "ES256", change);
    let ed = |name, change: &dyn Fn(Vec<u8>) -> Vec<u8>| altered(name, "ed", "Ed25519", change);
    let rs = |name, change: &dyn Fn(Vec<u8>) -> Vec<u8>| altered(name, "rs", "RS256", change);
    let hs = |name, change: &dyn Fn(Vec<u8>) -> Vec<u8>| altered(name, "k1", "HS256", change);
    let flip = |mut x: Vec<u8>| {
        x[0] ^= 1;
        x
    };
    let longer = |x: Vec<u8>| [x, vec![0]].concat();
    let shorter = |x: Vec<u8>| x[..x.len() - 1].to_vec();
    refused(
        "bad_signature",
        None,
        vec![
            es("ECDSA of zeros (CVE-2022-21449)", &|_| vec![0; 64]),
            es("ECDSA s = 0", &|x| [x[..32].to_vec(), vec![0; 32]].concat()),
            es("ECDSA halves swapped", &|x| [x[32..].to_vec(), x[..32].to_vec()].concat()),
            es("ECDSA with a leading zero", &|x| [vec![0], x].concat()),
            es("ECDSA one byte less", &shorter),
            es("ECDSA one byte more", &longer),
            es("ECDSA empty", &|_| Vec::new()),
            es("ECDSA as DER", &|x| der(&x[..32], &x[32..])),
            ed("Ed25519 of zeros", &|_| vec![0; 64]),
            ed("Ed25519 one byte less", &shorter),
            ed("Ed25519 one byte more", &longer),
            ed("Ed25519 with S + L", &|x| malleable(&x)),
            rs("RSA of zeros", &|x| vec![0; x.len()]),
            rs("RSA with a leading zero", &|x| [vec![0], x].concat()),
            rs("RSA one byte less", &|x| x[1..].to_vec()),
            rs("RSA first bit", &flip),
            altered("PSS first bit", "ps", "PS256", &flip),
            hs("HMAC first bit", &flip),
            hs("HMAC half of it", &|x| x[..16].to_vec()),
            hs("HMAC one byte more", &longer),
            hs("HMAC twice", &|x| x.repeat(2)),
        ],
    )
}

/// The same signature with S + L, which a lax verifier takes (RFC 8032 5.1.7).
fn malleable(signature: &[u8]) -> Vec<u8> {
    const L: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut out = signature.to_vec();
    let mut carry = 0;
    for (s, l) in out[32..].iter_mut().zip(L) {
        let sum = u16::from(*s) + u16::from(l) + carry;
        *s = u8::try_from(sum & 0xff).unwrap();
        carry = sum >> 8;
    }
    out
}

fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |i: &[u8]| [vec![2, 33, 0], i.to_vec()].concat();
    let body = [integer(r), integer(s)].concat();
    [vec![0x30, u8::try_from(body.len()).unwrap()], body].concat()
}
