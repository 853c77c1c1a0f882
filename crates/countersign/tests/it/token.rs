//! Token tools: where tokens are read from, what is said, what never is.

use crate::bin::Bin;

/// RFC 7515 A.1, whose claims are public.
const TOKEN: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

#[test]
fn a_token_is_read_from_stdin_a_file_or_with_a_warning_from_an_argument() {
    let bin = Bin::new();
    let file = bin.path().join("t.jwt");
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    let piped = bin.pipe(&["token", "inspect", "--json"], TOKEN).ok();
    assert_eq!(piped.json()["claims"]["iss"], "joe");
    assert!(!piped.err.contains("history"));
    let text = bin.run(&["token", "inspect", "--file", file.to_str().unwrap()]).ok();
    assert!(text.out.contains("exp       2011-03-22T18:43:00Z\nexpired"), "{text:?}");
    let argument = bin.run(&["token", "inspect", TOKEN]).ok();
    assert!(argument.err.contains("warning: a token on the command line"), "{argument:?}");
    for ran in [piped, text, argument] {
        let signature = TOKEN.rsplit('.').next().unwrap();
        assert!(!ran.out.contains(signature) && !ran.err.contains(signature), "{ran:?}");
    }
    bin.run(&["token", "inspect", TOKEN, "--file", "x"]).failed(2, "cannot be used with");
    assert!(!bin.data().exists(), "inspecting needs no store");
}

#[test]
fn what_is_no_token_is_refused_with_a_code() {
    let bin = Bin::new();
    for (token, code) in [("a.b", "malformed"), ("....", "malformed"), (&TOKEN[1..], "malformed")] {
        let ran = bin.pipe(&["token", "inspect"], token).failed(1, code);
        assert!(ran.out.is_empty(), "{ran:?}");
    }
    bin.pipe(&["token", "inspect"], "").failed(2, "standard input");
    bin.pipe(&["token", "verify"], TOKEN).failed(1, "error: ");
    let nowhere = ["token", "verify", "--issuer", "http://127.0.0.1:1", "--audience", "a"];
    bin.pipe(&nowhere, TOKEN).failed(1, "cannot_verify");
}
