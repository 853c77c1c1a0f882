//! Starting and stopping a server.

use crate::bin::{Bin, within};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

#[test]
fn it_says_where_it_listens_and_how_to_begin() {
    let bin = Bin::new();
    let mut server = bin.serve();
    assert_eq!(server.issuer, format!("http://localhost:{}", server.address.port()));
    let discovery = server.get("/.well-known/openid-configuration");
    assert_eq!(discovery.json()["issuer"].as_str(), Some(server.issuer.as_str()));
    assert_eq!(server.get("/readyz").status, 200);
    assert_eq!(server.stop(), Some(0));
    let log = server.log();
    assert!(log.contains("countersign user add"), "no people yet: {log}");
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert!(line["timestamp"].is_string() && line["level"].is_string(), "{line}");
    }
    bin.run(&["user", "add", "ada@example.com"]).ok();
    let mut again = bin.serve();
    again.stop();
    assert!(!again.log().contains("countersign user add"), "{}", again.log());
}

#[test]
fn text_logs_come_with_a_welcome() {
    let bin = Bin::new();
    std::fs::write(bin.path().join("c.toml"), "[log]\nformat = \"text\"\n").unwrap();
    let mut server = bin.serve_with(&["--config", "c.toml"]);
    within(Duration::from_secs(5), "the welcome", || server.log().contains("Make the first person"));
    server.stop();
    assert!(!server.log().contains('\u{1b}'), "no colour in a file");
}

#[test]
fn a_folder_of_ones_own_dresses_the_pages() {
    let bin = Bin::new();
    std::fs::create_dir(bin.path().join("look")).unwrap();
    std::fs::write(bin.path().join("look/en.json"), r#"{"brand": "Lighthouse"}"#).unwrap();
    std::fs::write(bin.path().join("c.toml"), "[pages]\ntemplates = \"look\"\n").unwrap();
    let server = bin.serve_with(&["--config", "c.toml"]);
    assert!(server.get("/login").body.contains("Lighthouse"));
}

#[test]
fn stopping_finishes_what_is_under_way() {
    let bin = Bin::new();
    let mut server = bin.serve();
    // A request whose head is not complete when the signal comes, and a connection that says nothing.
    let idle = TcpStream::connect(server.address).unwrap();
    let mut slow = TcpStream::connect(server.address).unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n").unwrap();
    assert_eq!(server.get("/healthz").status, 200);
    let began = std::time::Instant::now();
    let stopping = std::process::Command::new("kill").arg(server.child.id().to_string()).status().unwrap();
    assert!(stopping.success());
    slow.write_all(b"\r\n").unwrap();
    let mut answer = String::new();
    drop(slow.read_to_string(&mut answer));
    let code = server.child.wait().unwrap().code();
    drop(idle);
    assert_eq!(code, Some(0), "{}", server.log());
    assert!(began.elapsed() < Duration::from_secs(30));
    assert!(server.log().contains("stopped"), "{}", server.log());
}

#[test]
fn a_second_server_on_the_same_address_touches_nothing() {
    let bin = Bin::new();
    let server = bin.serve();
    let other = Bin::new();
    let listen = server.address.to_string();
    other.run(&["serve", "--listen", &listen]).failed(1, "server: cannot listen on");
    assert!(!other.data().exists());
}
