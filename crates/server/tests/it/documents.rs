//! Metadata and keys: made once, cached by everybody, readable from every origin.

use crate::wire::get;
use crate::world::world;

const DOCUMENTS: [&str; 3] = [
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/.well-known/jwks.json",
];

#[tokio::test]
async fn documents_are_cacheable_and_public() {
    let world = world().await;
    for path in DOCUMENTS {
        let answer = world.send(get(path).with("Origin", "https://anybody.example")).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("public, max-age=900, stale-if-error=86400"));
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        answer.json();

        let etag = answer.header("etag").unwrap();
        assert!(etag.starts_with('"') && etag.ends_with('"'), "strong: {etag}");
        for known in [etag.to_owned(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".to_owned()] {
            let again = world.send(get(path).with("If-None-Match", &known)).await;
            assert_eq!((again.status, again.body.len()), (304, 0), "{path} {known}");
            assert_eq!(again.header("etag"), Some(etag));
            assert_eq!(again.header("cache-control"), answer.header("cache-control"));
        }
        assert_eq!(world.send(get(path).with("If-None-Match", "\"other\"")).await.status, 200);
    }
}

#[tokio::test]
async fn both_metadata_documents_name_the_issuer_and_its_endpoints() {
    let world = world().await;
    let oidc = world.send(get(DOCUMENTS[0])).await.json();
    let oauth = world.send(get(DOCUMENTS[1])).await.json();
    assert_eq!(oidc, oauth);
    assert_eq!(oidc["issuer"], world.url(""));
    for (member, path) in [
        ("authorization_endpoint", "/oauth/authorize"),
        ("authorization_challenge_endpoint", "/oauth/authorize-challenge"),
        ("token_endpoint", "/oauth/token"),
        ("userinfo_endpoint", "/oauth/userinfo"),
        ("introspection_endpoint", "/oauth/introspect"),
        ("revocation_endpoint", "/oauth/revoke"),
        ("end_session_endpoint", "/oauth/logout"),
        ("revocation_feed", "/.well-known/revocation-feed"),
        ("jwks_uri", "/.well-known/jwks.json"),
    ] {
        assert_eq!(oidc[member], world.url(path), "{member}");
        assert_ne!(world.send(get(path)).await.status, 404, "{path} is served");
    }
}

#[tokio::test]
async fn a_new_key_is_in_the_next_answer() {
    let world = world().await;
    let before = world.send(get(DOCUMENTS[2])).await;
    countersign_issuer::keys::rotate(&world.issuer, None, false).await.unwrap();
    let after = world.send(get(DOCUMENTS[2]).with("If-None-Match", before.header("etag").unwrap())).await;
    assert_eq!(after.status, 200);
    let count = |answer: &crate::wire::Answer| answer.json()["keys"].as_array().unwrap().len();
    assert!(count(&after) > count(&before));
    assert!(!after.text().contains("\"d\""), "no private part");
}

#[tokio::test]
async fn an_issuer_below_a_path_answers_below_it() {
    let world = crate::world::world_with(|config| config.public_url.push_str("/id")).await;
    for path in [
        "/id/.well-known/openid-configuration",
        "/id/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/id",
        "/id/.well-known/jwks.json",
        "/id/healthz",
    ] {
        assert_eq!(world.send(get(path)).await.status, 200, "{path}");
    }
    assert_eq!(world.send(get("/.well-known/openid-configuration")).await.status, 404);
}
