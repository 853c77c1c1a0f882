//! A loopback issuer has one name for pages; its API answers under each.

use crate::wire::{Ask, get, post};
use crate::world::{world, world_with};
use countersign_server::{DevOutbox, Kept};
use std::sync::Arc;

#[tokio::test]
async fn a_page_asked_for_by_another_loopback_name_goes_on_at_the_issuers() {
    let world = world().await;
    let port = world.addr.port();
    for host in [
        format!("127.0.0.1:{port}"),
        format!("[::1]:{port}"),
        "127.0.0.1".to_owned(),
        format!("app.localhost:{port}"),
    ] {
        for target in ["/login", "/account?x=1&y=%2F", "/oauth/authorize?client_id=spa"] {
            for method in ["GET", "HEAD"] {
                let answer = world.send(Ask::new(method, target).with("Host", &host)).await;
                assert_eq!(answer.status, 303, "{method} {host} {target}");
                assert_eq!(answer.header("location"), Some(world.url(target).as_str()), "{host}");
                assert!(answer.all("set-cookie").is_empty(), "no cookie under the wrong name");
            }
        }
        for api in ["/healthz", "/.well-known/openid-configuration", "/.well-known/jwks.json"] {
            assert_eq!(world.send(get(api).with("Host", &host)).await.status, 200, "{host} {api}");
        }
        let token = world.send(post("/oauth/token").with("Host", &host).form(&[])).await;
        assert_eq!(token.status, 401, "{host}");
    }
    for host in [
        format!("localhost:{port}"),
        "LOCALHOST".to_owned(),
        "localhost:1".to_owned(),
        "evil.example".to_owned(),
    ] {
        let answer = world.send(get("/login").with("Host", &host)).await;
        assert_eq!(answer.status, 200, "{host}");
    }
}

#[tokio::test]
async fn the_path_cannot_lead_away() {
    let world = world().await;
    for target in ["//evil.example/login", "/\\evil.example", "http://127.0.0.1@evil.example/login"] {
        let answer = world.send(get(target).with("Host", "127.0.0.1")).await;
        if let Some(location) = answer.header("location") {
            assert!(location.starts_with(&format!("{}/", world.url(""))), "{target}: {location}");
        }
    }
}

#[tokio::test]
async fn a_public_issuer_redirects_nobody() {
    let world = world_with(|config| {
        config.public_url = "https://id.example.test".to_owned();
        config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    for host in ["127.0.0.1", "localhost", "evil.example"] {
        assert_eq!(world.send(get("/login").with("Host", host)).await.status, 200, "{host}");
    }
}

/// DNS rebinding: a website's own name resolves to 127.0.0.1, and its script reads as if it were ours.
#[tokio::test]
async fn the_development_outbox_answers_to_this_machines_names_only() {
    let outbox = Arc::new(DevOutbox::default());
    outbox.keep(Kept {
        id: "1".to_owned(),
        way: "sms",
        at: 0,
        to: "+15550100".to_owned(),
        subject: None,
        text: "secret-482913".to_owned(),
        html: None,
        code: None,
        link: None,
    });
    let world = world_with(|config| config.dev_outbox = Some(outbox)).await;
    for accept in ["text/html", "application/json"] {
        for own in ["localhost", "localhost:8080", "LOCALHOST"] {
            let answer = world.send(get("/dev/outbox").with("Accept", accept).with("Host", own)).await;
            assert_eq!(answer.status, 200, "{own}");
            assert!(answer.text().contains("secret-482913"), "{own}");
        }
        for other in
            ["evil.example", "evil.example:8080", "localhost.evil.example", "192.0.2.1", "[2001:db8::1]", ""]
        {
            let answer = world.send(get("/dev/outbox").with("Accept", accept).with("Host", other)).await;
            assert_ne!(answer.status, 200, "{other}");
            assert!(!answer.text().contains("secret-482913"), "{other}");
        }
    }
    let target = "http://evil.example/dev/outbox";
    let answer = world.send(get(target).with("Host", "localhost")).await;
    assert_ne!(answer.status, 200, "the target's own authority counts (RFC 9112 3.2.2)");
}
