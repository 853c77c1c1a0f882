//! BP-10: claims are judged, all of them, however well a token is signed.

use crate::cast::{ARCHIVE, LEGACY, USERS};
use crate::forge::{self, hs256, with};
use crate::http::Ask;
use crate::scenario::Scenario;
use crate::scene::Scene;
use anyhow::Result;
use countersign_verifier::{Clock, Verifier};
use serde_json::{Value, json};

pub(super) const SCENARIO: Scenario = Scenario {
    id: "BP-10",
    title: "Validate all claims",
    works: "A verifier cannot be built without issuer and audience; type, algorithm and times are always judged.",
    refused: "Rightly signed tokens with a claim that is wrong, missing or malformed.",
    play: |scene| Box::pin(play(scene)),
};

/// A right header for the service with the shared secret.
pub(super) const HEADER: &str = r#"{"alg":"HS256","typ":"at+jwt"}"#;

/// Claims that service takes.
pub(super) fn good(scene: &Scene<'_>) -> Result<Value> {
    let now = scene.stage.clock.now().seconds();
    Ok(json!({
        "iss": scene.places().issuer,
        "sub": "u_forged",
        "aud": LEGACY,
        "client_id": ARCHIVE,
        "iat": now - 1,
        "exp": now + 60,
        "jti": crate::random::name()?,
        "scope": "archive:read",
    }))
}

async fn play(scene: &mut Scene<'_>) -> Result<()> {
    let secret = scene.cast().legacy_secret.as_bytes();
    let url = format!("{}/api/archive", scene.places().users);
    scene.say(
        "Somebody got hold of the secret a service shares with the issuer, so every signature here is right.",
    );
    let good = good(scene)?;
    let control = scene.send(Ask::get(&url).bearer(&hs256(HEADER, &good.to_string(), secret))).await?;
    scene.status(&control, 200, "all claims in order")?;

    let now = scene.stage.clock.now().seconds();
    let mut cases: Vec<(String, String, Value)> = Vec::new();
    for member in ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"] {
        cases.push((format!("{member} missing"), HEADER.to_owned(), with(&good, member, None)));
        cases.push((format!("{member} null"), HEADER.to_owned(), with(&good, member, Some(Value::Null))));
    }
    for (member, value) in [
        ("iss", json!("http://other.localhost")),
        ("iss", json!(format!("{}/", scene.places().issuer))),
        ("iss", json!([scene.places().issuer])),
        ("aud", json!(USERS)),
        ("aud", json!([])),
        ("aud", json!({ "0": LEGACY })),
        ("aud", json!([LEGACY, 7])),
        ("exp", json!(now - 1)),
        ("exp", json!((now + 60).to_string())),
        ("exp", json!(true)),
        ("exp", json!(-1)),
        ("nbf", json!(now + 60)),
        ("nbf", json!("soon")),
        ("iat", json!("now")),
        ("sub", json!(7)),
        ("scope", json!(["archive:read"])),
        ("roles", json!("admin")),
        ("client_id", json!({})),
    ] {
        let name = format!("{member} {value}");
        cases.push((name, HEADER.to_owned(), with(&good, member, Some(value))));
    }
    for typ in ["JWT", "mfa+jwt", "login-link+jwt", "logout+jwt"] {
        let header = json!({ "alg": "HS256", "typ": typ }).to_string();
        cases.push((format!("typ {typ}"), header, good.clone()));
    }
    cases.push(("typ missing".to_owned(), r#"{"alg":"HS256"}"#.to_owned(), good.clone()));
    for (name, header, claims) in &cases {
        let token = forge::hs256(header, &claims.to_string(), secret);
        let answer = scene.send(Ask::get(&url).bearer(&token)).await?;
        scene.status(&answer, 401, &format!("{name} ({})", answer.text("reason").unwrap_or_default()))?;
    }
    let nobody = Verifier::builder(&scene.places().issuer).audience(Vec::<String>::new());
    scene.check(
        nobody.allow_http_on_loopback().build().is_err(),
        "a verifier without audience is not built",
    )?;
    scene.observe(format!(
        "{} rightly signed tokens with a wrong, missing or malformed claim refused",
        cases.len()
    ));
    Ok(())
}
