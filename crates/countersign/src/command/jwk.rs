//! `countersign jwk`.

use super::Context;
use crate::failure::Usage;
use crate::key_file::material;
use crate::output::{Readers, new_file, print};
use anyhow::{Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use countersign_runtime::engine::algorithm::Curve;
use countersign_runtime::engine::jwe::{ContentEncryption, DecryptionKey, KeyManagement, Kind};
use countersign_runtime::engine::material::Material;
use countersign_runtime::engine::{Algorithm, SigningKey};
use serde_json::json;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// Key files: make, convert, name
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  countersign jwk generate --alg Ed25519 --out key.jwk")]
pub(crate) enum Jwk {
    /// Make a key
    Generate(Generate),
    /// The key's name: its RFC 7638 thumbprint
    Thumbprint(Thumbprint),
    /// Turn a JWK into PEM, PEM into a JWK, a private key into its public half
    Convert(Convert),
}

/// Make a key
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  countersign jwk generate --alg ES256 --out key.jwk\n  countersign jwk generate --alg ECDH-ES --crv X25519 --out inbox.jwk\n  countersign jwk generate --alg A256GCM --out shared.jwk\n\nWith --out the private key is written to a new file that only you can read, and the public one printed.\nWithout, the private key is printed.\n\nFor signatures: Ed25519, ES256, ES384, ES512, RS256, RS384, RS512, PS256, PS384, PS512, HS256, HS384,\nHS512, ML-DSA-44, ML-DSA-65, ML-DSA-87. For encryption: RSA-OAEP-256, ECDH-ES, ECDH-ES+A256KW; shared:\nA256GCM, A128GCM, A128CBC-HS256."
)]
pub(crate) struct Generate {
    /// What the key is for, by the algorithm's registered name
    #[arg(long, value_name = "ALG")]
    alg: String,
    /// Its use, if you want it checked: `sig` or `enc`
    #[arg(long = "use", value_name = "USE")]
    use_: Option<Use>,
    /// Curve of an ECDH-ES key: P-256, P-384, P-521, X25519
    #[arg(long, value_name = "CURVE")]
    crv: Option<String>,
    /// Its id [default: the thumbprint]
    #[arg(long, value_name = "KID", allow_hyphen_values = true)]
    kid: Option<String>,
    /// File for the private key, readable by you alone; must not exist
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The use of a key (RFC 7517 4.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Use {
    /// Signatures
    Sig,
    /// Encryption
    Enc,
}

/// The key's name: its RFC 7638 thumbprint
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  countersign jwk thumbprint key.jwk\n  countersign jwk thumbprint public.pem --uri"
)]
pub(crate) struct Thumbprint {
    /// Key: JWK or PEM; `-`: standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// As a URI (RFC 9278)
    #[arg(long)]
    uri: bool,
}

/// Turn a JWK into PEM, PEM into a JWK, a private key into its public half
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  countersign jwk convert key.jwk --to public\n  countersign jwk convert server.pem --to jwk --alg ES256 --out server.jwk\n  countersign jwk convert key.jwk --to pem --out key.pem\n\nRead: JWK, PKCS#8, PKCS#1, SEC 1, SPKI. Written: JWK, PKCS#8 and SPKI. With --out a private key is written\nto a new file that only you can read; without, it is printed."
)]
pub(crate) struct Convert {
    /// Key: JWK or PEM; `-`: standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What to make of it
    #[arg(long, value_name = "FORM")]
    to: Form,
    /// Say in the JWK which algorithm it is for
    #[arg(long, value_name = "ALG")]
    alg: Option<String>,
    /// Say in the JWK what its use is
    #[arg(long = "use", value_name = "USE")]
    use_: Option<Use>,
    /// Say in the JWK what its id is
    #[arg(long, value_name = "KID", allow_hyphen_values = true)]
    kid: Option<String>,
    /// File to write; must not exist
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// A form of key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Form {
    /// PKCS#8, or SPKI of a public key
    Pem,
    /// JWK, private if the key is
    Jwk,
    /// Public half as JWK
    Public,
    /// Public half as SPKI
    PublicPem,
}

impl Use {
    fn name(self) -> &'static str {
        match self {
            Self::Sig => "sig",
            Self::Enc => "enc",
        }
    }
}

impl Jwk {
    pub(crate) fn run(self, context: &Context) -> Result<bool> {
        match self {
            Self::Generate(generate) => generate.run(context),
            Self::Thumbprint(thumbprint) => thumbprint.run(context),
            Self::Convert(convert) => convert.run(context),
        }
    }
}

impl Generate {
    fn run(self, context: &Context) -> Result<bool> {
        let key = self.made()?;
        let key = match &self.kid {
            Some(kid) => key.with_kid(kid),
            None => key,
        };
        let Some(out) = self.out.as_deref().filter(|out| *out != Path::new("-")) else {
            private(context, None, &private_jwk(&key)?)?;
            return Ok(true);
        };
        private(context, Some(out), &private_jwk(&key)?)?;
        if !key.is_secret() {
            print(&serde_json::to_string_pretty(key.jwk())?)?;
        }
        Ok(true)
    }

    fn made(&self) -> Result<Material> {
        let (key, came) = match Algorithm::parse(&self.alg) {
            Some(_) if self.crv.is_some() => bail!(Usage("--crv is for ECDH-ES only".to_owned())),
            Some(alg) => (Material::of_signing_key(&SigningKey::generate(alg)?)?, Use::Sig),
            None => (Material::of_decryption_key(&DecryptionKey::generate(self.kind()?)?)?, Use::Enc),
        };
        match self.use_ {
            Some(due) if due != came => {
                bail!(Usage(format!("--use {}: {} is for {}", due.name(), self.alg, came.name())))
            }
            _ => Ok(key),
        }
    }

    fn kind(&self) -> Result<Kind> {
        let crv = self.crv.as_deref();
        let only_for = || Usage("--crv is for ECDH-ES only".to_owned());
        if let Some(enc) = ContentEncryption::parse(&self.alg) {
            return if crv.is_some() { bail!(only_for()) } else { Ok(Kind::Secret(enc)) };
        }
        match KeyManagement::parse(&self.alg) {
            Some(KeyManagement::RsaOaep256) if crv.is_some() => bail!(only_for()),
            Some(KeyManagement::RsaOaep256) => Ok(Kind::Rsa),
            Some(KeyManagement::Dir) => bail!(Usage(
                "--alg dir: say what the secret encrypts with: A256GCM, A128GCM or A128CBC-HS256".to_owned()
            )),
            Some(alg) => match crv.unwrap_or("P-256") {
                "X25519" => Ok(Kind::X25519(alg)),
                name => match Curve::ALL.into_iter().find(|curve| curve.name() == name) {
                    Some(curve) => Ok(Kind::Ec(curve, alg)),
                    None => bail!(Usage(format!("--crv {name}: P-256, P-384, P-521 or X25519"))),
                },
            },
            None => bail!(Usage(format!("--alg {}: no algorithm of that name", self.alg))),
        }
    }
}

impl Thumbprint {
    fn run(self, context: &Context) -> Result<bool> {
        let key = material(&self.file)?;
        let (Some(thumbprint), Some(uri)) = (key.jwk().thumbprint(), key.jwk().thumbprint_uri()) else {
            bail!("symmetric_key: the thumbprint of a secret would help to guess it");
        };
        let json = json!({ "thumbprint": thumbprint, "uri": uri });
        context.out.data(&json, || if self.uri { uri } else { thumbprint })?;
        Ok(true)
    }
}

impl Convert {
    fn run(self, context: &Context) -> Result<bool> {
        let mut key = material(&self.file)?;
        if let Some(alg) = &self.alg {
            key = key.with_algorithm(alg);
        }
        if let Some(use_) = self.use_ {
            key = key.with_use(use_.name());
        }
        if let Some(kid) = &self.kid {
            key = key.with_kid(kid);
        }
        let out = self.out.as_deref().filter(|out| *out != Path::new("-"));
        if key.is_private() && matches!(self.to, Form::Pem | Form::Jwk) {
            let text = match self.to {
                Form::Pem => key.to_pem()?.as_bytes().to_vec().into(),
                _ => private_jwk(&key)?,
            };
            private(context, out, &text)?;
            return Ok(true);
        }
        if key.is_secret() {
            bail!("symmetric_key: a secret has no public half and no PEM");
        }
        let text = match self.to {
            Form::Pem | Form::PublicPem => key.to_public_pem()?.to_string(),
            Form::Jwk | Form::Public => serde_json::to_string_pretty(key.jwk())? + "\n",
        };
        match out {
            Some(path) => new_file(path, text.as_bytes(), Readers::Anybody)?,
            None => print(&text)?,
        }
        Ok(true)
    }
}

/// Bytes that are wiped when dropped.
type Private = countersign_runtime::engine::provider::jwe::Secret;

fn private_jwk(key: &Material) -> Result<Private> {
    let mut text = key.private_jwk().ok_or_else(|| anyhow::anyhow!("public_key: a private key is due"))?;
    text.push(b'\n');
    Ok(text)
}

/// To a file that its owner alone can read, or to stdout.
fn private(context: &Context, out: Option<&Path>, text: &[u8]) -> Result<()> {
    if let Some(path) = out {
        new_file(path, text, Readers::Owner)?;
        context.out.done(format_args!("wrote the private key to {}", path.display()));
        return Ok(());
    }
    if std::io::stdout().is_terminal() {
        context.out.done("warning: this is a private key, and it stays on your screen; better: --out FILE");
    }
    print(std::str::from_utf8(text)?)
}
