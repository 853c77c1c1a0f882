//! UC-15: a document from one party to another, by files and the command line alone.

use crate::http::Ask;
use crate::issuer::Output;
use crate::scenario::Scenario;
use crate::scene::Scene;
use anyhow::{Context, Result};
use std::path::PathBuf;
use tempfile::TempDir;

pub(super) const SCENARIO: Scenario = Scenario {
    id: "UC-15",
    title: "Information exchange",
    works: "One party signs a document, another verifies whom it is from and that nobody touched it. Sealed, only \
            the recipient reads it; signed and sealed, both.",
    refused: "One changed byte, anywhere; another party's signature; another recipient; a signed document shown to \
              a service as a token.",
    play: |scene| Box::pin(play(scene)),
};

/// What kind of document both have agreed on.
const TYP: &str = "order+json";
const ORDER: &str = r#"{"order": 1001, "item": "lantern", "amount": 3}"#;

async fn play(scene: &mut Scene<'_>) -> Result<()> {
    let folder = TempDir::with_prefix("parties-")?;
    let mut parties = Parties { scene, folder: folder.path().to_owned() };
    parties
        .scene
        .say("A makes a key to sign with, B one to receive with. Only the public halves change hands.");
    for (name, args) in [
        ("a", ["--alg", "Ed25519"].as_slice()),
        ("stranger", &["--alg", "Ed25519"]),
        ("b", &["--alg", "ECDH-ES", "--crv", "X25519"]),
    ] {
        parties.key(name, args).await?;
    }
    parties.key("other", &["--alg", "ECDH-ES", "--crv", "X25519"]).await?;
    parties.write("order.json", ORDER.as_bytes())?;
    parties.signed().await?;
    parties.sealed().await?;
    let document = parties.read("order.jws")?;
    let users = format!("{}/api/users", scene.places().users);
    let shown = scene.send(Ask::get(&users).bearer(&String::from_utf8_lossy(&document))).await?;
    scene.status(&shown, 401, "service A, shown the signed document as a token")?;
    scene.observe("signed, sealed, and both; a changed byte at 6 places, a stranger's key and another recipient refused");
    Ok(())
}

/// The files of both, and the command line.
struct Parties<'s, 'a> {
    scene: &'s mut Scene<'a>,
    folder: PathBuf,
}

impl Parties<'_, '_> {
    fn at(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        std::fs::write(self.folder.join(name), bytes).with_context(|| name.to_owned())
    }

    fn read(&self, name: &str) -> Result<Vec<u8>> {
        let text = std::fs::read(self.folder.join(name)).with_context(|| name.to_owned())?;
        Ok(text.trim_ascii_end().to_owned())
    }

    /// A private key in a file, the public one in another.
    async fn key(&mut self, name: &str, args: &[&str]) -> Result<()> {
        let file = self.at(&format!("{name}.jwk"));
        let args: Vec<&str> = ["jwk", "generate", "--out", &file].iter().chain(args).copied().collect();
        let made = self.scene.command(&args).await?.success()?;
        self.write(&format!("{name}-public.jwk"), made.stdout.as_bytes())
    }

    async fn document(&mut self, args: &[&str], files: &[(&str, &str)]) -> Result<Output> {
        let mut all: Vec<String> = ["document"].iter().chain(args).map(|arg| (*arg).to_owned()).collect();
        for (flag, file) in files {
            all.extend([(*flag).to_owned(), self.at(file)].into_iter().filter(|arg| !arg.is_empty()));
        }
        all.extend(["--typ".to_owned(), TYP.to_owned()]);
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        self.scene.command(&all).await
    }

    async fn signed(&mut self) -> Result<()> {
        self.scene.say("A signs the order, B verifies it.");
        let sign = [("", "order.json"), ("--key", "a.jwk"), ("--out", "order.jws")];
        self.document(&["sign"], &sign).await?.success()?;
        let read = self.document(&["verify"], &[("", "order.jws"), ("--keys", "a-public.jwk")]).await?;
        self.content(&read, "what B reads")?;
        let foreign =
            self.document(&["verify"], &[("", "order.jws"), ("--keys", "stranger-public.jwk")]).await?;
        self.refused(&foreign, "under a stranger's key", "unknown_key")?;
        for (place, changed) in changed(&self.read("order.jws")?) {
            self.write("changed.jws", &changed)?;
            let read = self.document(&["verify"], &[("", "changed.jws"), ("--keys", "a-public.jwk")]).await?;
            self.refused(&read, &format!("one byte of the {place} changed"), "")?;
        }
        Ok(())
    }

    async fn sealed(&mut self) -> Result<()> {
        self.scene.say("A signs the order and seals it for B.");
        let seal =
            [("", "order.json"), ("--to", "b-public.jwk"), ("--sign-with", "a.jwk"), ("--out", "order.jwe")];
        self.document(&["seal"], &seal).await?.success()?;
        let open = async |parties: &mut Self, file: &str, key: &str| {
            let files = [("", file), ("--key", key), ("--signed-by", "a-public.jwk")];
            parties.document(&["open"], &files).await
        };
        let read = open(self, "order.jwe", "b.jwk").await?;
        self.content(&read, "what B reads")?;
        let other = open(self, "order.jwe", "other.jwk").await?;
        self.refused(&other, "another recipient", "")?;
        for (place, changed) in changed(&self.read("order.jwe")?) {
            self.write("changed.jwe", &changed)?;
            let read = open(self, "changed.jwe", "b.jwk").await?;
            self.refused(&read, &format!("one byte of the {place} changed"), "")?;
        }
        Ok(())
    }

    fn content(&mut self, output: &Output, what: &str) -> Result<()> {
        self.scene.same("exit code", output.code, Some(0))?;
        self.scene.same(what, output.stdout.as_str(), ORDER)
    }

    fn refused(&mut self, output: &Output, what: &str, code: &str) -> Result<()> {
        let text =
            format!("{what}: exit {:?}, {}", output.code, output.stderr.lines().next().unwrap_or_default());
        let nothing = output.stdout.is_empty() && !output.stderr.contains("lantern");
        self.scene.check(output.code == Some(1) && nothing && output.stderr.contains(code), text)
    }
}

/// The document with another character near its beginning, in its middle, and near its end.
fn changed(document: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let places = [
        ("header", 10),
        ("content", document.len() / 2),
        ("signature or tag", document.len().saturating_sub(10)),
    ];
    let turn = |at: usize| {
        let mut out = document.to_owned();
        if let Some(byte) = out.get_mut(at) {
            *byte = if *byte == b'A' { b'B' } else { b'A' };
        }
        out
    };
    places.into_iter().map(|(name, at)| (name, turn(at))).collect()
}
