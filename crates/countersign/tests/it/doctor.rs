//! The doctor on healthy and broken set-ups.

use crate::bin::{Bin, GOOD, Ran};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;

fn check<'a>(found: &'a Value, name: &str) -> &'a Value {
    let checks = found["checks"].as_array().unwrap();
    checks.iter().find(|c| c["check"] == name).unwrap_or_else(|| panic!("no check {name}: {found}"))
}

#[track_caller]
fn broken(ran: Ran, name: &str, says: &str) {
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let found = ran.json();
    let one = check(&found, name);
    assert_eq!(one["state"], "failed", "{one}");
    assert!(one["saw"].as_str().unwrap().contains(says), "{one}");
    assert!(one["todo"].as_str().is_some_and(|t| !t.is_empty()), "{one}");
}

fn doctor(bin: &Bin) -> Ran {
    bin.run(&["doctor", "--json"])
}

fn made() -> Bin {
    let bin = Bin::new();
    bin.pipe(&["user", "add", "ada@example.com", "--password-stdin"], &format!("{GOOD}\n")).ok();
    bin
}

#[test]
fn nothing_there_yet_is_fine_and_stays_so() {
    let bin = Bin::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let env = [("COUNTERSIGN_LISTEN", port.to_string())];
    let env: Vec<_> = env.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let ran = bin.run_with(&["doctor"], "", &env).ok();
    assert!(ran.out.contains("the first start makes it"), "{ran:?}");
    assert!(!bin.data().exists(), "the doctor makes nothing");
}

#[test]
fn a_running_server_is_sound() {
    let bin = made();
    let server = bin.serve();
    let listen = server.address.to_string();
    let ran = bin.run_with(&["doctor", "--json"], "", &[("COUNTERSIGN_LISTEN", &listen)]).ok();
    let found = ran.json();
    assert_eq!(found["sound"], true, "{found}");
    for name in [
        "configuration",
        "data directory",
        "master key",
        "store",
        "keys",
        "revocation feed",
        "clock",
        "listen",
        "issuer",
    ] {
        assert_eq!(check(&found, name)["state"], "ok", "{found}");
    }
    assert!(check(&found, "listen")["saw"].as_str().unwrap().contains("in use by the running server"));
}

#[test]
fn a_key_file_others_can_read() {
    let bin = made();
    let key = bin.data().join("master.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
    broken(doctor(&bin), "master key", "master_key_exposed");
    bin.run(&["user", "list"]).failed(1, "chmod 600");
}

#[test]
fn a_missing_or_foreign_master_key() {
    let bin = made();
    let other = Bin::new();
    other.run(&["user", "list"]).ok();
    let (key, theirs) = (bin.data().join("master.key"), other.data().join("master.key"));
    std::fs::copy(&theirs, &key).unwrap();
    broken(doctor(&bin), "keys", "another master key");
    bin.run(&["user", "list"]).failed(1, "another master key");
    std::fs::remove_file(&key).unwrap();
    broken(doctor(&bin), "keys", "no master key");
    bin.run(&["user", "list"]).failed(1, "master_key_missing");
    assert!(!key.exists(), "no second key is made over a store that has one");
    std::fs::write(&key, "garbage").unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    broken(doctor(&bin), "master key", "master_key_form");
}

#[test]
fn a_damaged_or_foreign_database() {
    let bin = made();
    let file = bin.data().join("countersign.db");
    let good = std::fs::read(&file).unwrap();
    for log in ["countersign.db-wal", "countersign.db-shm"] {
        drop(std::fs::remove_file(bin.data().join(log)));
    }
    let mut bad = good.clone();
    // Everything behind the first page: the schema still reads, the rows do not.
    bad.iter_mut().skip(4096).for_each(|byte| *byte ^= 0xa5);
    std::fs::write(&file, &bad).unwrap();
    let ran = doctor(&bin);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(check(&ran.json(), "store")["state"], "failed");
    std::fs::write(&file, "this is no database, and long enough to be read as one".repeat(100)).unwrap();
    broken(doctor(&bin), "store", "");
    bin.run(&["user", "list"]).failed(1, "store_unusable");
}

#[test]
fn a_port_somebody_else_has() {
    let bin = made();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    // Whoever it is, they hang up.
    std::thread::spawn(move || taken.incoming().for_each(drop));
    let env = [("COUNTERSIGN_LISTEN", listen.as_str())];
    broken(bin.run_with(&["doctor", "--json"], "", &env), "listen", "cannot listen");
    bin.run_with(&["serve"], "", &env).failed(1, "cannot listen on");
}

#[test]
fn a_configuration_that_does_not_read() {
    let bin = Bin::new();
    let ran = bin.run_with(&["doctor", "--json"], "", &[("COUNTERSIGN_LISEN", "x")]);
    broken(ran, "configuration", "did you mean listen?");
}

#[test]
fn a_store_older_than_what_was_published() {
    let bin = made();
    std::fs::write(bin.data().join("feed-position"), "1.7\n").unwrap();
    broken(doctor(&bin), "revocation feed", "the store stands at 1.0, but 1.7 was published");
    std::fs::write(bin.data().join("feed-position"), "soon").unwrap();
    let found = doctor(&bin).json();
    assert_eq!(check(&found, "revocation feed")["state"], "warning", "{found}");
}
