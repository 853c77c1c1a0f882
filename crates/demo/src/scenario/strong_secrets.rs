//! BP-11: secrets are made, not chosen, and kept where nobody reads them.

use crate::http::Ask;
use crate::issuer::Issuer;
use crate::scenario::Scenario;
use crate::scenario::key_rotation::kids;
use crate::scenario::refresh_tokens_safe::holders;
use crate::scene::Scene;
use crate::stage::{Places, free_port};
use anyhow::Result;
use countersign_token::base64url;
use serde_json::json;

pub(super) const SCENARIO: Scenario = Scenario {
    id: "BP-11",
    title: "Strong secrets",
    works: "Keys are generated on the first start, different everywhere; the store holds no secret in the clear.",
    refused: "A short HS256 secret at `resource apply`.",
    play: |scene| Box::pin(play(scene)),
};

async fn play(scene: &mut Scene<'_>) -> Result<()> {
    scene.say("An operator registers a resource with a secret that is too short for its algorithm.");
    let document = |secret: &str| {
        json!({
            "resource": "urn:demo:weak", "name": "Weak", "scopes": ["weak:read"], "signing_alg": "HS256",
            "secret": secret,
        })
    };
    for secret in ["", "hunter2", "0123456789012345678901234567890"] {
        let refused = scene.apply("resource", &document(secret)).await?;
        scene.check(
            !refused.ok,
            format!("{} bytes: refused with exit code {:?}", secret.len(), refused.code),
        )?;
        let said = [refused.stdout, refused.stderr].join(" ");
        scene.check(secret.is_empty() || !said.contains(secret), "the message does not repeat it")?;
    }

    at_rest(scene)?;
    scene.say("A second issuer on an empty directory makes keys of its own.");
    let ours = scene.send(Ask::get(format!("{}/.well-known/jwks.json", scene.places().issuer))).await?;
    let theirs = second_issuer(scene).await?;
    let shared = kids(&ours)?.iter().any(|kid| theirs.contains(kid));
    scene.check(!theirs.is_empty() && !shared, format!("{} keys, none of them ours", theirs.len()))?;
    scene.observe(
        "short secrets refused; keys generated per installation; no secret readable in the data directory",
    );
    Ok(())
}

fn at_rest(scene: &mut Scene<'_>) -> Result<()> {
    scene.say("The issuer's files are searched for secrets that this demo knows.");
    let (cast, dir) = (scene.cast(), scene.stage.issuer.data_dir());
    let encoded = base64url::encode(&cast.legacy_secret);
    let hex: String = cast.legacy_secret.bytes().map(|b| format!("{b:02x}")).collect();
    for (name, secrets) in [
        ("the shared secret, as text or encoded", vec![cast.legacy_secret.as_str(), &encoded, &hex]),
        ("client secrets and API keys", vec![cast.client_secret.as_str(), &cast.api_key]),
        ("passwords", vec![cast.alice.password.as_str(), &cast.bob.password]),
    ] {
        let secrets: Vec<&[u8]> = secrets.iter().map(|secret| secret.as_bytes()).collect();
        let found = holders(dir, &secrets)?;
        scene.check(found.is_empty(), format!("{name}: in no file {found:?}"))?;
    }
    let found = holders(dir, &[b"PRIVATE KEY", b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x04\x6d\x30\x6b"])?;
    scene.check(found.is_empty(), format!("private keys in the clear: in no file {found:?}"))?;
    private_files(scene)
}

/// Nobody but the owner reads a key file.
#[cfg(unix)]
fn private_files(scene: &mut Scene<'_>) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    for entry in std::fs::read_dir(scene.stage.issuer.data_dir())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.contains("key") {
            let mode = entry.metadata()?.permissions().mode() & 0o777;
            scene.check(mode & 0o077 == 0, format!("{name} is readable by its owner only ({mode:o})"))?;
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn private_files(_: &mut Scene<'_>) -> Result<()> {
    Ok(())
}

async fn second_issuer(scene: &mut Scene<'_>) -> Result<Vec<String>> {
    let dir = tempfile::TempDir::with_prefix("countersign-demo-second-")?;
    let port = free_port().await?;
    let mut places = Places { issuer_listen: port, ..scene.places().clone() };
    places.issuer = format!("http://localhost:{}", port.port());
    let second = Issuer::new(dir.path(), &places)?;
    second.start(&scene.stage.http).await?;
    let jwks = scene.send(Ask::get(format!("{}/.well-known/jwks.json", places.issuer))).await;
    second.stop().await?;
    kids(&jwks?)
}
