//! Hostile tokens, part 1: encoding and header. A row is a name, the token, and how it is refused.

use crate::forge::{HEADER, SECRET, World, forge, good, input, raw};
use countersign_token::{Algorithm, base64url};

/// Name, token, code, claim or header parameter.
pub(crate) type Row = (&'static str, String, &'static str, Option<&'static str>);

/// Every row must be refused, for its own reason; no message may hold the token.
pub(crate) fn run(world: &World, rows: Vec<Row>) {
    let mut wrong = Vec::new();
    for (name, token, code, claim) in rows {
        match world.judge(&token) {
            Ok(_) => wrong.push(format!("{name}: accepted")),
            Err(e) if (e.code, e.claim) != (code, claim) => {
                wrong.push(format!("{name}: due {code} {claim:?}, came {e} {:?}", e.claim));
            }
            Err(e) => {
                let signature = token.rsplit('.').next().unwrap_or_default();
                let told = e.to_string();
                let leaks = told.len() > 300
                    || signature.len() > 20 && told.contains(signature)
                    || told.chars().any(|c| c.is_control() || !c.is_ascii());
                if leaks {
                    wrong.push(format!("{name}: says too much: {told}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn parts() -> [String; 3] {
    let token = forge(HEADER, good());
    let mut parts = token.split('.').map(str::to_owned);
    std::array::from_fn(|_| parts.next().unwrap())
}

#[test]
fn encodings() {
    let [h, c, s] = parts();
    let token = forge(HEADER, good());
    let next = |part: &str| {
        // The last character of an unaligned part with a bit set that decodes to nothing.
        let (head, last) = part.split_at(part.len() - 1);
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let at = alphabet.find(last).unwrap();
        format!("{head}{}", &alphabet[at + 1..at + 2])
    };
    assert_eq!((h.len() % 4, s.len() % 4), (3, 3), "parts whose last character has spare bits");
    let malformed = |name, token| (name, token, "malformed", None);
    let rows = vec![
        malformed("empty", String::new()),
        malformed("one part", h.clone()),
        malformed("two parts", format!("{h}.{c}")),
        malformed("four parts", format!("{token}.{s}")),
        malformed("five parts, as JWE", format!("{h}.{c}.{s}.{c}.{s}")),
        malformed("only dots", "..".to_owned()),
        malformed("no header", format!(".{c}.{s}")),
        malformed("no claims (detached content)", forge(HEADER, "")),
        ("no signature", format!("{h}.{c}."), "bad_signature", None),
        malformed(
            "JSON serialisation",
            format!(r#"{{"protected":"{h}","payload":"{c}","signature":"{s}"}}"#),
        ),
        malformed("padded header", format!("{h}=.{c}.{s}")),
        malformed("padded claims", format!("{h}.{c}=.{s}")),
        malformed("padded signature", format!("{token}=")),
        malformed("standard alphabet +", format!("{h}.+{}.{s}", &c[1..])),
        malformed("standard alphabet /", format!("{h}.{c}./{}", &s[1..])),
        malformed("header with spare bits", format!("{}.{c}.{s}", next(&h))),
        malformed("signature with spare bits", format!("{h}.{c}.{}", next(&s))),
        malformed("one character over", format!("{token}AA")),
        malformed("leading space", format!(" {token}")),
        malformed("trailing space", format!("{token} ")),
        malformed("trailing newline", format!("{token}\n")),
        malformed("newline inside", format!("{h}.\n{c}.{s}")),
        malformed("tab inside", format!("{h}.{c}.\t{s}")),
        malformed("NUL", format!("{token}\0")),
        malformed("with its scheme", format!("Bearer {token}")),
        malformed("percent-encoded", token.replace('.', "%2E")),
        malformed("full-width dot", token.replace('.', "．")),
        malformed("not ASCII", format!("{h}.é{c}.{s}")),
        malformed("twice", format!("{token},{token}")),
        malformed("quoted", format!("\"{token}\"")),
        ("over 64 KiB", forge(HEADER, format!("{}{}", good(), " ".repeat(64 * 1024))), "too_large", None),
        (
            "header over 8 KiB",
            forge(HEADER.replace('}', &format!(r#","x":"{}"}}"#, "x".repeat(8 * 1024))), good()),
            "too_large",
            None,
        ),
    ];
    run(&World::new(), rows);
}

/// A header that is signed correctly and refused all the same.
fn header(name: &'static str, header: &str, code: &'static str, claim: Option<&'static str>) -> Row {
    (name, forge(header, good()), code, claim)
}

#[test]
fn header_json() {
    let malformed = |name, text: &str| header(name, text, "malformed", None);
    let deep = HEADER.replace('}', &format!(r#","x":{}{}}}"#, "[".repeat(32), "]".repeat(32)));
    let mut rows = vec![
        malformed("not JSON", "at+jwt"),
        malformed("array", "[]"),
        malformed("string", r#""HS256""#),
        malformed("null", "null"),
        malformed("empty text", " "),
        malformed("trailing data", &format!("{HEADER}x")),
        malformed("two objects", &format!("{HEADER}{HEADER}")),
        malformed("byte order mark", &format!("\u{feff}{HEADER}")),
        malformed("trailing comma", &HEADER.replace('}', ",}")),
        malformed("comment", &HEADER.replace('}', "/**/}")),
        malformed("single quotes", &HEADER.replace('"', "'")),
        malformed("no closing brace", &HEADER.replace('}', "")),
        malformed("duplicate alg", r#"{"alg":"HS256","alg":"HS256","typ":"at+jwt","kid":"k1"}"#),
        malformed("duplicate alg, none first", r#"{"alg":"none","alg":"HS256","typ":"at+jwt","kid":"k1"}"#),
        malformed("duplicate kid", r#"{"alg":"HS256","kid":"x","typ":"at+jwt","kid":"k1"}"#),
        malformed("duplicate by escape", r#"{"alg":"HS256","\u0061lg":"none","typ":"at+jwt","kid":"k1"}"#),
        malformed("duplicate of an unknown", &HEADER.replace('}', r#","x":1,"x":1}"#)),
        malformed("duplicate deep inside", &HEADER.replace('}', r#","x":[{"y":1,"y":2}]}"#)),
        malformed("nested too deep", &deep),
        malformed("lone surrogate", &HEADER.replace("k1", r"k1\ud800")),
        malformed("control character", &HEADER.replace("k1", "k1\u{1}")),
    ];
    let latin1: Vec<u8> = HEADER.replace("k1", "\u{e9}").chars().map(|c| u8::try_from(c).unwrap()).collect();
    rows.push(("invalid UTF-8", forge(latin1, good()), "malformed", None));
    let utf16: Vec<u8> = HEADER.encode_utf16().flat_map(u16::to_le_bytes).collect();
    rows.push(("UTF-16", forge(utf16, good()), "malformed", None));
    run(&World::new(), rows);
}

#[test]
fn header_parameters() {
    let plus = |more: &str| HEADER.replace('}', &format!(",{more}}}"));
    let forbidden = |name: &'static str, more: &str, claim: &'static str| {
        header(name, &plus(more), "forbidden_header", Some(claim))
    };
    let instead = |name: &'static str, from: &str, to: &str, claim: &'static str| {
        header(name, &HEADER.replace(from, to), "malformed", Some(claim))
    };
    let rows = vec![
        forbidden("crit of a registered name", r#""crit":["exp"]"#, "crit"),
        forbidden("crit of an unknown name", r#""crit":["acme"],"acme":1"#, "crit"),
        forbidden("crit empty", r#""crit":[]"#, "crit"),
        forbidden("crit null", r#""crit":null"#, "crit"),
        forbidden("crit a string", r#""crit":"exp""#, "crit"),
        forbidden("crit b64", r#""crit":["b64"],"b64":false"#, "crit"),
        forbidden("b64 without crit", r#""b64":false"#, "b64"),
        forbidden("b64 true", r#""b64":true"#, "b64"),
        forbidden("zip", r#""zip":"DEF""#, "zip"),
        forbidden("zip null", r#""zip":null"#, "zip"),
        forbidden("enc", r#""enc":"A256GCM""#, "enc"),
        forbidden("jwk", r#""jwk":{"kty":"oct","k":"AAAA"}"#, "jwk"),
        forbidden("jwk null", r#""jwk":null"#, "jwk"),
        forbidden("jwk by escape", r#""\u006awk":{}"#, "jwk"),
        header("no alg", r#"{"typ":"at+jwt","kid":"k1"}"#, "malformed", Some("alg")),
        header("nothing", "{}", "malformed", Some("alg")),
        instead("alg a number", r#""HS256""#, "256", "alg"),
        instead("alg null", r#""HS256""#, "null", "alg"),
        instead("alg an array", r#""HS256""#, r#"["HS256"]"#, "alg"),
        instead("typ a number", r#""at+jwt""#, "1", "typ"),
        instead("typ null", r#""at+jwt""#, "null", "typ"),
        instead("typ an array", r#""at+jwt""#, r#"["at+jwt"]"#, "typ"),
        instead("kid a number", r#""k1""#, "1", "kid"),
        instead("kid null", r#""k1""#, "null", "kid"),
        instead("kid an object", r#""k1""#, r#"{"k1":1}"#, "kid"),
        header("cty a number", &plus(r#""cty":1"#), "malformed", Some("cty")),
    ];
    run(&World::new(), rows);
}

#[test]
fn kinds_of_token() {
    let typ = |name, typ: &str| header(name, &HEADER.replace(r#""at+jwt""#, typ), "wrong_type", Some("typ"));
    let rows = vec![
        typ("an ID token", r#""JWT""#),
        typ("a partial token", r#""mfa+jwt""#),
        typ("a logout token", r#""logout+jwt""#),
        typ("a DPoP proof", r#""dpop+jwt""#),
        typ("a link", r#""link+jwt""#),
        typ("empty", r#""""#),
        typ("trailing space", r#""at+jwt ""#),
        typ("a prefix of it", r#""at+jw""#),
        typ("another tree", r#""x/at+jwt""#),
        typ("application twice", r#""application/application/at+jwt""#),
        typ("only application", r#""application/""#),
        typ("Kelvin sign", r#""at+jwt\u212a""#),
        header("absent", r#"{"alg":"HS256","kid":"k1"}"#, "wrong_type", Some("typ")),
    ];
    run(&World::new(), rows);
}

#[test]
fn signatures_of_the_secret() {
    let [h, c, s] = parts();
    let message = input(HEADER, good());
    let signed = |signature: Vec<u8>| format!("{message}.{}", base64url::encode(signature));
    let good_signature = base64url::decode(&s).unwrap();
    let of_header = raw(Algorithm::Hs256, SECRET, h.as_bytes());
    let of_claims = raw(Algorithm::Hs256, SECRET, c.as_bytes());
    let of_decoded = raw(Algorithm::Hs256, SECRET, format!("{HEADER}.{}", good()).as_bytes());
    let sha512 = raw(Algorithm::Hs512, &[SECRET.as_slice(), &[0; 32]].concat(), message.as_bytes());
    let other = forge(HEADER, good().replace("u_1", "u_2"));
    let other = other.rsplit('.').next().unwrap();
    let bad = |name, token| (name, token, "bad_signature", None);
    let [mut first, mut last] = [good_signature.clone(), good_signature.clone()];
    first[0] ^= 1;
    last[31] ^= 0x80;
    let rows = vec![
        bad("another message's", format!("{h}.{c}.{other}")),
        bad("half of it", signed(good_signature[..16].to_vec())),
        bad("one byte less", signed(good_signature[..31].to_vec())),
        bad("one byte more", signed([good_signature.as_slice(), &[0]].concat())),
        bad("twice", signed(good_signature.repeat(2))),
        bad("first bit", signed(first)),
        bad("last bit", signed(last)),
        bad("zeros", signed(vec![0; 32])),
        bad("of the header alone", signed(of_header)),
        bad("of the claims alone", signed(of_claims)),
        bad("of the decoded text", signed(of_decoded)),
        bad("by SHA-512", signed(sha512.clone())),
        bad("by SHA-512, cut", signed(sha512[..32].to_vec())),
        bad(
            "in hexadecimal",
            signed(good_signature.iter().flat_map(|b| format!("{b:02x}").into_bytes()).collect()),
        ),
        bad("header changed", format!("{}.{c}.{s}", base64url::encode(HEADER.replace("k1\"", "k1\" ")))),
        bad("claims changed", format!("{h}.{}.{s}", base64url::encode(good().replace("u_1", "u_2")))),
        bad(
            "by the empty secret",
            signed({
                let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"");
                aws_lc_rs::hmac::sign(&key, message.as_bytes()).as_ref().to_vec()
            }),
        ),
    ];
    run(&World::new(), rows);
}
