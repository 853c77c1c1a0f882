//! People of another system: they come in with their hashes and sign in with their passwords.

use crate::bin::Bin;
use serde_json::json;

/// bcrypt of "p\u{e4}ssword" (Python's `bcrypt`), scrypt of "password" (passlib's documentation).
const LINES: &str = r#"
{"email": "bcrypt@example.test", "email_verified": true, "username": "bea", "password_hash": "$2b$05$If6bvum7DFjUnE9p2uDeDuA0aAyrgIxx66Zln0ISuCXjgXZY7Sm9."}
{"email": "scrypt@example.test", "roles": ["editor"], "password_hash": "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E"}
{"email": "bare@example.test", "name": "Bare"}
"#;

#[test]
fn imported_people_sign_in_and_get_a_hash_of_ours() {
    let bin = Bin::new();
    let done = bin.pipe(&["--json", "import", "users", "-"], LINES).ok().json();
    assert_eq!(done, json!({ "added": 3, "there": 0, "refused": [] }));
    let again = bin.pipe(&["--json", "import", "users", "-"], LINES).ok().json();
    assert_eq!(again, json!({ "added": 0, "there": 3, "refused": [] }), "run again, nothing changes");

    let server = bin.serve();
    let login = |name: &str, password: &str| {
        server.post_json("/auth/login", &json!({ "username": name, "password": password })).status
    };
    assert_eq!(login("bea", "passw\u{f6}rd"), 401);
    assert_eq!(login("bea", "p\u{e4}ssword"), 200);
    // The hash is ours now, so the same password of another keyboard is right too.
    assert_eq!(login("bea", "pa\u{308}ssword"), 200);
    assert_eq!(login("scrypt@example.test", "password"), 200);
    assert_eq!(login("bare@example.test", "password"), 401);
}

#[test]
fn a_bad_line_is_named_and_the_others_go_in() {
    let bin = Bin::new();
    let lines = [
        r#"{"email": "good@example.test"}"#,
        r#"{"email": "no address"}"#,
        r#"{"email": "weak@example.test", "password_hash": "5f4dcc3b5aa765d61d8327deb882cf99"}"#,
        r#"{"email": "typo@example.test", "pasword_hash": "$2b$secret"}"#,
        "not json $2b$secret",
        r#"{"email": "first@example.test", "username": "ada"}"#,
        // Not the one who has the name.
        r#"{"email": "second@example.test", "username": "ADA"}"#,
    ];
    let ran = bin.pipe(&["--json", "import", "users", "-"], &lines.join("\n")).failed(1, "");
    assert!(!ran.out.contains("$2b$secret") && !ran.err.contains("$2b$secret"), "no hash is shown");
    let done = ran.json();
    assert_eq!((&done["added"], &done["there"]), (&json!(2), &json!(0)));
    let refused: Vec<_> = done["refused"].as_array().unwrap().iter().map(|r| r["line"].clone()).collect();
    assert_eq!(refused, [2, 3, 4, 5, 7]);
}
