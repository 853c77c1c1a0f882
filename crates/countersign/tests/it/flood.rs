//! A flood of sign-ins: the pool saturates, says so, and nothing else suffers.

use crate::bin::{Answer, Bin, GOOD, Server};
use serde_json::json;

/// More than the queue of one hashing thread holds (64).
const AT_ONCE: usize = 160;

fn flood(server: &Server) -> (Vec<Answer>, Vec<Answer>) {
    let body = json!({ "username": "ada@example.com", "password": GOOD, "client_id": "app" });
    std::thread::scope(|scope| {
        let logins: Vec<_> =
            (0..AT_ONCE).map(|_| scope.spawn(|| server.post_json("/auth/login", &body))).collect();
        // Meanwhile, until the last of them is answered.
        let mut beside = Vec::new();
        while !logins.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            beside.push(server.get("/.well-known/openid-configuration"));
            beside.push(server.get("/.well-known/jwks.json"));
        }
        (logins.into_iter().map(|l| l.join().unwrap()).collect(), beside)
    })
}

#[test]
fn a_login_flood_is_refused_in_part_and_harms_nothing_else() {
    let bin = Bin::new();
    std::fs::write(bin.path().join("c.toml"), "[password]\nworkers = 1\n").unwrap();
    let server = bin.serve_with(&["--config", "c.toml"]);
    bin.apply(
        "client",
        &json!({ "client_id": "app", "token_endpoint_auth_method": "none", "direct": true, "first_party": true,
                 "redirect_uris": ["http://127.0.0.1/cb"], "scope": "openid" }),
    )
    .ok();
    bin.pipe(&["user", "add", "ada@example.com", "--password-stdin"], &format!("{GOOD}\n")).ok();
    let mut resident = Vec::new();
    for _ in 0..3 {
        let (logins, beside) = flood(&server);
        let count = |status: u16| logins.iter().filter(|a| a.status == status).count();
        // 503: the hash pool is full or over its deadline. 429: this account has too many attempts under way.
        let refused = count(503) + count(429);
        assert_eq!(count(200) + refused, AT_ONCE, "{logins:?}");
        assert!(count(200) > 0 && refused > 0, "{} got in, {refused} were refused", count(200));
        for refused in logins.iter().filter(|a| a.status != 200) {
            assert!(refused.head.contains("\r\nretry-after: "), "{refused:?}");
        }
        assert!(!beside.is_empty() && beside.iter().all(|a| a.status == 200));
        resident.push(server.resident());
    }
    // The first flood took one hash's memory; the next ones take no more.
    let (first, last) = (resident[0], resident[2]);
    assert!(last < first + 8 * 1024, "{resident:?} KiB");
}
