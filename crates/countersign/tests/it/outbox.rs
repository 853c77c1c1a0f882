//! Messages that wait, as the operator sees them.

use crate::bin::{Bin, GOOD};
use serde_json::Value;

#[test]
fn a_list_that_is_cut_says_so_and_every_message_can_be_shown() {
    let bin = Bin::new();
    let run = |args: &[&str], stdin: &str| {
        bin.run_with(args, stdin, &[("COUNTERSIGN_MAIL__SINK", "file:mail")]).ok()
    };
    run(&["user", "add", "ada@example.test", "--email-verified"], "");
    // Each is told to her; no server runs that would send it.
    for _ in 0..3 {
        run(&["user", "set-password", "ada@example.test"], &format!("{GOOD}\n"));
    }
    let list = |args: &[&str]| {
        let ran = run(&[&["outbox", "list", "--json"], args].concat(), "");
        let ids: Vec<String> = ran
            .json()
            .as_array()
            .unwrap()
            .iter()
            .map(|job: &Value| job["id"].as_str().unwrap().to_owned())
            .collect();
        (ids, ran.err)
    };
    let (all, said) = list(&[]);
    assert_eq!((all.len(), said.as_str()), (3, ""));
    let (cut, said) = list(&["--limit", "2"]);
    assert_eq!(cut, all[..2]);
    assert!(said.starts_with("1 more"), "{said}");
    let (texts, said) = list(&["--way", "sms", "--limit", "2"]);
    assert_eq!((texts.len(), said.as_str()), (0, ""), "no mail is counted among them");
    let newest = all.last().unwrap();
    assert_eq!(run(&["outbox", "show", newest, "--json"], "").json()["id"], newest.as_str());
    bin.run(&["outbox", "show", "AAAAAAAAAAAAAAAAAAAAAA"]).failed(1, "not_found");
}
