//! BP-07: what a header may not decide.

use crate::cast::{ARCHIVE, LEGACY, MOBILE};
use crate::forge::{self, Stranger, hs256, unsigned};
use crate::http::{Answer, Ask};
use crate::scenario::login::flipped;
use crate::scenario::{Scenario, oidc};
use crate::scene::Scene;
use anyhow::{Context, Result};
use countersign_token::base64url;
use serde_json::{Value, json};

pub(super) const SCENARIO: Scenario = Scenario {
    id: "BP-07",
    title: "Strong algorithms",
    works: "The key decides the algorithm; the header only selects the key.",
    refused: "Every token of the malicious table: `none`, key confusion, keys inside the header, unknown `crit`, \
              double members, mangled forms. An algorithm that is not one cannot be configured.",
    play: |scene| Box::pin(play(scene)),
};

async fn play(scene: &mut Scene<'_>) -> Result<()> {
    let (places, alice) = (scene.places(), &scene.cast().alice);
    let users = format!("{}/api/users", places.users);
    let token = scene.login(alice, MOBILE, json!({})).await?.text("access_token")?;
    let jwks = scene.send(Ask::get(format!("{}/.well-known/jwks.json", places.issuer))).await?;
    let served = scene.send(Ask::get(&users).bearer(&token)).await?;
    scene.status(&served, 200, "the honest token")?;

    let mut hostile = headers(&token, &jwks)?;
    hostile.extend(mangled(&token)?);
    let flow = oidc::tokens(scene, alice, "openid users:read").await?;
    hostile.push(("an ID token".to_owned(), flow.text("id_token")?));
    let archive = scene.login(alice, ARCHIVE, json!({})).await?.text("access_token")?;
    hostile.push((format!("a token with the shared secret of {LEGACY}"), archive.clone()));
    scene.say(format!("{} hostile tokens are made of it and shown to service A.", hostile.len()));
    for (name, token) in &hostile {
        let answer = scene.send(Ask::get(&users).bearer(token)).await?;
        let told = format!("{name}: {} {}", answer.status, answer.text("reason").unwrap_or_default());
        scene.check(matches!(answer.status, 400 | 401), told)?;
    }
    scene.observe(format!("{} hostile tokens refused, the honest one accepted", hostile.len()));

    scene.say("The other way round: the service with the shared secret takes its own, and no other.");
    let url = format!("{}/api/archive", places.users);
    for (name, token, due) in [("its own token", &archive, 200), ("a token by the issuer's key", &token, 401)]
    {
        let answer = scene.send(Ask::get(&url).bearer(token)).await?;
        scene.status(&answer, due, name)?;
    }
    for algorithm in ["none", "HS1", "RS1", ""] {
        let document = json!({ "resource": "urn:demo:weak", "name": "Weak", "signing_alg": algorithm });
        let refused = scene.apply("resource", &document).await?;
        scene.check(!refused.ok, format!("signing_alg {algorithm:?} cannot be configured"))?;
    }
    Ok(())
}

type Table = Vec<(String, String)>;

/// Another header on the same claims, signed by whatever an attacker has.
fn headers(token: &str, jwks: &Answer) -> Result<Table> {
    let (header, claims, signature) = forge::parts(token).context("a compact token")?;
    let header: Value = serde_json::from_str(&header)?;
    let set = |changes: &[(&str, Value)]| {
        let changed = changes
            .iter()
            .fold(header.clone(), |h, (name, value)| forge::with(&h, name, Some(value.clone())));
        changed.to_string()
    };
    let mut table = Table::new();
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let body = unsigned(&set(&[("alg", json!(alg))]), &claims);
        table.push((format!("alg {alg:?}, no signature"), format!("{body}.")));
        table.push((format!("alg {alg:?}, the old signature"), format!("{body}.{signature}")));
    }
    // Key confusion (CVE-2015-9235): the public key, which everybody knows, used as HMAC secret.
    for (name, secret) in public_keys(jwks)? {
        table.push((
            format!("HS256 with {name} as secret"),
            hs256(&set(&[("alg", json!("HS256"))]), &claims, &secret),
        ));
    }
    for secret in ["", "secret", "password"] {
        table.push((
            format!("HS256 with {secret:?}"),
            hs256(&set(&[("alg", json!("HS256"))]), &claims, pad(secret)),
        ));
    }
    for alg in ["RS256", "PS256", "ES384", "ES512", "EdDSA", "HS256", "es256", "ES256 "] {
        let body = unsigned(&set(&[("alg", json!(alg))]), &claims);
        table.push((format!("alg {alg:?} over the old signature"), format!("{body}.{signature}")));
    }
    table.extend(foreign_keys(&header, &claims)?);
    for (name, changes) in [
        ("an unknown crit", vec![("crit", json!(["exp"]))]),
        ("an empty crit", vec![("crit", json!([]))]),
        ("b64 false", vec![("b64", json!(false)), ("crit", json!(["b64"]))]),
        ("typ JWT", vec![("typ", json!("JWT"))]),
        ("typ missing", vec![("typ", Value::Null)]),
        ("typ mfa+jwt", vec![("typ", json!("mfa+jwt"))]),
        ("alg missing", vec![("alg", Value::Null)]),
        ("a kid that is a path", vec![("kid", json!("../../dev/null"))]),
        ("a kid that is a query", vec![("kid", json!("' OR 1=1 --"))]),
        ("a kid that is a list", vec![("kid", json!([1]))]),
    ] {
        let body = unsigned(&set(&changes), &claims);
        table.push((name.to_owned(), format!("{body}.{signature}")));
    }
    Ok(table)
}

/// HMAC keys of at least the hash's length, so that nobody refuses them for being short only.
fn pad(secret: &str) -> &[u8] {
    if secret.is_empty() { &[0; 32] } else { secret.as_bytes() }
}

fn public_keys(jwks: &Answer) -> Result<Vec<(String, Vec<u8>)>> {
    let document = jwks.json()?;
    let mut found = vec![("the JWKS".to_owned(), jwks.body.clone().into_bytes())];
    for key in document.get("keys").and_then(Value::as_array).into_iter().flatten() {
        found.push(("a public JWK".to_owned(), key.to_string().into_bytes()));
        for member in ["x", "n"] {
            let bytes = key.get(member).and_then(Value::as_str).and_then(base64url::decode);
            found.extend(bytes.map(|bytes| (format!("a public key's {member}"), bytes)));
        }
    }
    Ok(found)
}

/// A good signature, by a key that the header brings along (RFC 7515 4.1.2 to 4.1.6: never a key source).
fn foreign_keys(header: &Value, claims: &str) -> Result<Table> {
    let stranger = Stranger::new()?;
    let real = header.get("kid").and_then(Value::as_str).unwrap_or_default();
    let mut table = Table::new();
    for kid in [real, "stranger"] {
        let own = forge::with(header, "kid", Some(json!(kid)));
        table.push((format!("a stranger's key as {kid}"), stranger.sign(&own.to_string(), claims)?));
        for (name, value) in [
            ("jwk", stranger.jwk(kid)),
            ("jku", json!("http://127.0.0.1:1/keys")),
            ("x5u", json!("http://127.0.0.1:1/chain")),
            ("x5c", json!(["MIIB"])),
        ] {
            let own = forge::with(&own, name, Some(value)).to_string();
            table.push((format!("a stranger's key as {kid}, named by {name}"), stranger.sign(&own, claims)?));
        }
    }
    Ok(table)
}

/// The same token, bent.
fn mangled(token: &str) -> Result<Table> {
    let (header, claims, signature) = forge::parts(token).context("a compact token")?;
    let payload: Value = serde_json::from_str(&claims)?;
    let body = |header: &str, claims: &str| format!("{}.{signature}", unsigned(header, claims));
    let raised = forge::with(&payload, "roles", Some(json!(["admin", "owner"])));
    let later = forge::with(&payload, "exp", Some(json!(4_102_444_800_i64)));
    let double = |object: &str, member: &str| object.replacen('{', &format!("{{{member},"), 1);
    let (front, _) = token.rsplit_once('.').context("three parts")?;
    Ok([
        ("more roles", body(&header, &raised.to_string())),
        ("a later exp", body(&header, &later.to_string())),
        ("a doubled alg", body(&double(&header, r#""alg":"none""#), &claims)),
        ("a doubled exp", body(&header, &double(&claims, r#""exp":4102444800"#))),
        ("a changed signature", flipped(token)),
        ("no signature", format!("{front}.")),
        ("no third part", front.to_owned()),
        ("a fourth part", format!("{token}.{signature}")),
        ("five parts, as an encrypted token has", format!("{token}.a.b")),
        ("padding", format!("{token}=")),
        ("a zero signature", format!("{front}.{}", base64url::encode([0_u8; 64]))),
        (
            "a signature of another form (DER)",
            format!("{front}.{}", base64url::encode([0x30, 6, 2, 1, 1, 2, 1, 1])),
        ),
        ("not JSON", body("alg:none", &claims)),
        ("a token of 100 KiB", format!("{}.{signature}", unsigned(&header, &"x".repeat(100_000)))),
    ]
    .map(|(name, token)| (name.to_owned(), token))
    .into())
}
