//! `revoke --wait` beside a running server, with verifiers made by hand.

use crate::bin::{Bin, Server, within};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const SOON: Duration = Duration::from_secs(10);

fn set_up() -> (Bin, Server) {
    let bin = Bin::new();
    let server = bin.serve();
    let client = json!({
        "client_id": "shop", "client_secret": SECRET, "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["client_credentials"], "response_types": [], "redirect_uris": [],
    });
    bin.apply("client", &client).ok();
    (bin, server)
}

/// Claims of the head as served; whether it is signed is not what these tests are about.
fn head(server: &Server) -> Value {
    let jws = server.get("/rev/head").body;
    let claims = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(jws.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&claims).unwrap()
}

/// A verifier says that it has the log up to there.
fn acknowledge(server: &Server, verifier: &str, seq: u64, modes: &[&str]) -> u16 {
    let pair = base64_simd::STANDARD.encode_to_string(format!("shop:{SECRET}"));
    let head = format!("authorization: Basic {pair}\r\ncontent-type: application/json\r\n");
    let body = json!({ "verifier": verifier, "epoch": 1, "seq": seq, "hard": 60, "modes": modes });
    server.send("POST", "/rev/ack", &head, &body.to_string()).status
}

/// These verifiers follow the head until the command has answered.
fn while_followed<R>(server: &Server, verifiers: &[&str], command: impl FnOnce() -> R) -> R {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let seq = head(server)["seq"].as_u64().unwrap();
                for verifier in verifiers {
                    assert_eq!(acknowledge(server, verifier, seq, &["closed"]), 204);
                }
            }
        });
        // Also when the command fails, or the thread would never end.
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(command));
        over.store(true, Ordering::Relaxed);
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[test]
fn it_answers_when_every_verifier_has_it() {
    let (bin, server) = set_up();
    within(SOON, "the client", || acknowledge(&server, "v1", 0, &["closed"]) == 204);
    let ran = while_followed(&server, &["v1", "v2"], || {
        bin.run(&["revoke", "--jti", "t1", "--wait", "--timeout", "30", "--json"]).ok()
    });
    let said = ran.json();
    assert_eq!(said["in_force_everywhere"], json!(true), "{said}");
    let receipt = &said["receipt"];
    assert_eq!(receipt["in_force"], receipt["connected"], "{said}");
    assert!(receipt["connected"].as_u64().unwrap() >= 1 && receipt["after_ms"].is_u64(), "{said}");
    assert_eq!((receipt["epoch"].as_u64(), receipt["seq"].as_u64()), (Some(1), Some(1)));
    assert_eq!(head(&server)["seq"], json!(1), "the server publishes what the command wrote");

    let text = while_followed(&server, &["v1", "v2"], || bin.run(&["revoke", "--jti", "t2", "--wait"]).ok());
    assert!(text.out.starts_with("In force at 2 of 2 connected verifiers after "), "{text:?}");
    assert!(text.err.contains("Access token t2 is revoked."), "{text:?}");
}

#[test]
fn it_says_no_when_one_does_not_say_so() {
    let (bin, server) = set_up();
    within(SOON, "the client", || acknowledge(&server, "behind", 0, &["closed", "open"]) == 204);
    let connected = || {
        let ran = bin.run(&["revoke", "--jti", "t1", "--wait", "--timeout", "1", "--json"]);
        (ran.code, ran.json()["receipt"].clone())
    };
    // The server writes what it heard within a second.
    let (mut code, mut receipt) = connected();
    within(SOON, "the verifier", || {
        (code, receipt) = connected();
        receipt["connected"] == json!(1)
    });
    assert_eq!(code, Some(1), "{receipt}");
    assert_eq!((&receipt["in_force"], &receipt["open"]), (&json!(0), &json!(1)));
    let ran = bin.run(&["revoke", "--jti", "t2", "--wait", "--timeout", "1"]);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.out.starts_with("In force at 0 of 1 connected verifiers; the others have not said so in 1 s"),
        "{ran:?}"
    );
    assert!(ran.out.contains("1 of the connected have routes that stay open"), "{ran:?}");
}

#[test]
fn without_verifiers_that_authenticate_it_says_so() {
    let (bin, _server) = set_up();
    let ran = bin.run(&["revoke", "--jti", "t1", "--wait"]).ok();
    assert!(ran.out.starts_with("No verifier that authenticates is connected"), "{ran:?}");
    let json = bin.run(&["revoke", "--jti", "t1", "--wait", "--json"]).ok().json();
    assert_eq!((&json["receipt"]["connected"], &json["in_force_everywhere"]), (&json!(0), &json!(true)));
    bin.run(&["revoke", "--jti", "t1", "--timeout", "5"]).failed(2, "--wait");
}

#[test]
fn a_store_put_back_is_noticed() {
    let (bin, mut server) = set_up();
    assert_eq!(server.stop(), Some(0));
    let database = bin.data().join("countersign.db");
    let backup = std::fs::read(&database).unwrap();
    let mut server = bin.serve();
    bin.run(&["revoke", "--jti", "t1"]).ok();
    within(SOON, "the revocation", || head(&server)["seq"] == json!(1));
    assert_eq!(server.stop(), Some(0));
    assert_eq!(std::fs::read_to_string(bin.data().join("feed-position")).unwrap(), "1.1\n");

    for name in ["countersign.db-wal", "countersign.db-shm"] {
        drop(std::fs::remove_file(bin.data().join(name)));
    }
    std::fs::write(&database, backup).unwrap();
    let mut server = bin.serve();
    within(SOON, "a head", || server.get("/rev/head").status == 200);
    assert_eq!(head(&server)["epoch"], json!(2), "nothing of the first epoch counts any more");
    assert!(server.log().contains("was put back from a backup"), "{}", server.log());
    assert_eq!(server.stop(), Some(0));

    let server = bin.serve();
    within(SOON, "a head", || server.get("/rev/head").status == 200);
    assert_eq!(head(&server)["epoch"], json!(2), "once");
    assert!(!server.log().contains("was put back"), "{}", server.log());
}
