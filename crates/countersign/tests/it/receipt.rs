//! `revoke --wait` beside a running server, with verifiers made by hand.

use crate::bin::{Bin, Server, within};
use serde_json::{Value, json};
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
