//! New passwords are held against a list of breached ones, where the house asks for it.

use crate::bin::Bin;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

const PASSWORD: &str = "correct horse battery staple";
/// Its SHA-1 (`sha1sum`), in two parts.
const HASH: (&str, &str) = ("ABF7A", "AD6438836DBE526AA231ABDE2D0EEF74D42");

#[test]
fn a_file_of_hashes() {
    let bin = Bin::new();
    let list = bin.path().join("breached.txt");
    let line = format!("{}{}:12\n", HASH.0, HASH.1);
    std::fs::write(&list, format!("{}:1\n{line}{}:4\n", "0".repeat(40), "F".repeat(40))).unwrap();
    let setting = format!("file:{}", list.display());
    let env = [("COUNTERSIGN_PASSWORD__BREACHED", setting.as_str())];
    let add = |email, typed| bin.run_with(&["user", "add", email, "--password-stdin"], typed, &env);
    add("ada@example.test", PASSWORD).failed(1, "weak_password");
    add("ada@example.test", "incorrect horse battery staple").ok();
    bin.pipe(&["user", "add", "bob@example.test", "--password-stdin"], PASSWORD).ok();
}

#[test]
fn a_service_is_told_five_digits_and_its_silence_stops_nobody() {
    let bin = Bin::new();
    let service = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", service.local_addr().unwrap());
    let answers = std::thread::spawn(move || {
        let (stream, _) = service.accept().unwrap();
        let mut head = String::new();
        let mut lines = BufReader::new(&stream);
        while !head.ends_with("\r\n\r\n") {
            lines.read_line(&mut head).unwrap();
        }
        let body = format!("0018A45C4D1DEF81644B54AB7F969B88D65:0\r\n{}:3\r\n", HASH.1);
        let length = body.len();
        write!(&stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
            .unwrap();
        head.to_lowercase()
    });
    let env = [
        ("COUNTERSIGN_PASSWORD__BREACHED", "api"),
        ("COUNTERSIGN_PASSWORD__BREACHED_URL", url.as_str()),
        ("COUNTERSIGN_EGRESS__ALLOW", "127.0.0.1/32"),
    ];
    let add = || bin.run_with(&["user", "add", "ada@example.test", "--password-stdin"], PASSWORD, &env);
    add().failed(1, "weak_password");
    let head = answers.join().unwrap();
    assert!(head.starts_with("get /range/abf7a http/1.1\r\n"), "{head}");
    assert!(head.contains("add-padding: true") && !head.contains("ad6438"), "{head}");
    // Nobody listens any more.
    add().ok();
}
