//! Which documents are believed.

use crate::issuer::{Answer, Issuer, JWKS, METADATA, RFC8414, key};
use countersign_verifier::{BuildError, Fetch, FetchError, HttpFetch, SourceError, Verifier};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn rfc_8414_metadata_serves_where_openid_metadata_is_absent() {
    let key = key();
    let issuer = Issuer::start(&[&key]).await;
    issuer.answer(METADATA, Answer::Status(404));
    issuer.answer(RFC8414, Answer::Body(issuer.metadata()));
    issuer.verifier().verify(&issuer.token(&key)).await.unwrap();
}

#[tokio::test]
async fn a_failing_first_document_is_not_papered_over() {
    let key = key();
    let issuer = Issuer::start(&[&key]).await;
    issuer.answer(METADATA, Answer::Status(500));
    issuer.answer(RFC8414, Answer::Body(issuer.metadata()));
    let error = issuer.verifier().refresh_keys().await.unwrap_err();
    assert!(matches!(error, SourceError::Metadata { cause: FetchError::Status(500), .. }), "{error}");
    assert_eq!(issuer.hits(RFC8414), 0);
}

#[tokio::test]
async fn metadata_of_another_issuer_is_refused() {
    let key = key();
    let issuer = Issuer::start(&[&key]).await;
    for other in [format!("{}/", issuer.url), issuer.url.to_uppercase(), "https://id.example".to_owned()] {
        let document = json!({ "issuer": other, "jwks_uri": format!("{}{JWKS}", issuer.url) });
        issuer.answer(METADATA, Answer::Body(document.to_string()));
        let error = issuer.verifier().refresh_keys().await.unwrap_err();
        assert!(matches!(error, SourceError::WrongIssuer { .. }), "{error}");
    }
    assert_eq!(issuer.hits(JWKS), 0);
}

#[tokio::test]
async fn keys_elsewhere_in_plain_http_are_refused() {
    let key = key();
    let issuer = Issuer::start(&[&key]).await;
    for uri in ["http://id.example/jwks", "file:///etc/passwd", "/jwks", "http://10.0.0.1/jwks"] {
        let document = json!({ "issuer": issuer.url, "jwks_uri": uri });
        issuer.answer(METADATA, Answer::Body(document.to_string()));
        let error = issuer.verifier().refresh_keys().await.unwrap_err();
        assert!(matches!(error, SourceError::Address { .. }), "{uri}: {error}");
    }
}

#[tokio::test]
async fn metadata_that_cannot_be_read_is_refused() {
    let key = key();
    let issuer = Issuer::start(&[&key]).await;
    for document in ["", "[]", "{}", r#"{"issuer":7,"jwks_uri":"x"}"#, "<html>"] {
        issuer.answer(METADATA, Answer::Body(document.to_owned()));
        let error = issuer.verifier().refresh_keys().await.unwrap_err();
        assert!(matches!(error, SourceError::Unreadable { .. }), "{document}: {error}");
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let key = key();
    let issuer = Issuer::start(&[&key]).await;
    issuer.answer("/real", Answer::Body(issuer.metadata()));
    for path in [METADATA, JWKS] {
        issuer.answer(METADATA, Answer::Body(issuer.metadata()));
        issuer.answer(path, Answer::Redirect("/real".to_owned()));
        let error = issuer.verifier().refresh_keys().await.unwrap_err();
        assert!(
            matches!(
                error,
                SourceError::Metadata { cause: FetchError::Status(302), .. }
                    | SourceError::Keys { cause: FetchError::Status(302), .. }
            ),
            "{error}"
        );
    }
    assert_eq!(issuer.hits("/real"), 0);
}

#[tokio::test]
async fn documents_have_a_size() {
    let key = key();
    let issuer = Issuer::start(&[&key]).await;
    let verifier = issuer.builder().max_document_bytes(2000).build().unwrap();
    verifier.refresh_keys().await.unwrap();
    issuer.answer(JWKS, Answer::Body(" ".repeat(2001)));
    let error = verifier.refresh_keys().await.unwrap_err();
    assert!(matches!(error, SourceError::Keys { cause: FetchError::TooLarge(2000), .. }), "{error}");

    // The adapter itself stops reading: it must not hold what the caller would then throw away.
    let url = format!("{}{JWKS}", issuer.url).parse().unwrap();
    let direct = HttpFetch::new().unwrap();
    assert_eq!(direct.get(&url, 2000).await.unwrap_err(), FetchError::TooLarge(2000));
    assert_eq!(direct.get(&url, 2001).await.unwrap().len(), 2001);
}

#[tokio::test]
async fn documents_have_a_time() {
    let issuer = Issuer::start(&[&key()]).await;
    issuer.answer(METADATA, Answer::Never);
    let limit = Duration::from_millis(20);
    let error = issuer.builder().timeout(limit).build().unwrap().refresh_keys().await.unwrap_err();
    assert!(
        matches!(&error, SourceError::Metadata { cause, .. } if *cause == FetchError::Timeout(limit)),
        "{error}"
    );
}

#[tokio::test]
async fn moved_keys_are_found_after_a_failure() {
    let key = key();
    let issuer = Issuer::start(&[&key]).await;
    let verifier = issuer.verifier();
    verifier.refresh_keys().await.unwrap();
    issuer.answer("/moved", Answer::Body(crate::issuer::jwks(&[&key])));
    issuer.answer(JWKS, Answer::Status(410));
    let document = json!({ "issuer": issuer.url, "jwks_uri": format!("{}/moved", issuer.url) });
    issuer.answer(METADATA, Answer::Body(document.to_string()));
    verifier.refresh_keys().await.unwrap_err();
    verifier.refresh_keys().await.unwrap();
    assert_eq!(issuer.hits("/moved"), 1);
}

#[test]
fn a_verifier_needs_an_audience_and_a_safe_issuer() {
    let build = |issuer: &str, audience: &[&str]| {
        Verifier::builder(issuer).audience(audience.iter().copied()).build().map(drop)
    };
    build("https://id.example", &["api"]).unwrap();
    for audience in [&[][..], &[""], &["api", ""]] {
        assert!(matches!(build("https://id.example", audience), Err(BuildError::NoAudience)));
    }
    for issuer in ["", "id.example", "http://id.example", "http://localhost:1", "https://id.example?x"] {
        assert!(matches!(build(issuer, &["api"]), Err(BuildError::Issuer(_))), "{issuer}");
    }
}

/// Answers more than it may.
struct Boundless;

#[async_trait::async_trait]
impl Fetch for Boundless {
    async fn get(&self, _: &url::Url, max_bytes: usize) -> Result<bytes::Bytes, FetchError> {
        Ok(vec![b' '; max_bytes + 1].into())
    }
}

#[tokio::test]
async fn a_fetch_of_ones_own_is_bounded_too() {
    let builder = Verifier::builder("https://id.example").audience(["api"]).fetch(Boundless);
    let error = builder.max_document_bytes(10).build().unwrap().refresh_keys().await.unwrap_err();
    assert!(matches!(error, SourceError::Metadata { cause: FetchError::TooLarge(10), .. }), "{error}");
}
