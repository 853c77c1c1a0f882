//! `countersign document`.

use super::Context;
use crate::failure::Usage;
use crate::{input, key_file, output};
use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use countersign_runtime::engine::base64url;
use countersign_runtime::engine::document::{self, DocumentType, Draft, Policy, Signed};
use countersign_runtime::engine::jwe::{ContentEncryption, DecryptionKeys};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Bytes of a document as it is written at most: the largest file that is read, signed and then sealed.
const MAX_BYTES: usize = 32 << 20;

/// Sign, verify, seal and open documents
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Example:\n  countersign document sign invoice.json --key key.jwk --typ invoice+json > invoice.jws"
)]
pub(crate) enum Document {
    /// Sign any file
    Sign(Sign),
    /// Verify a signed document and print its content
    Verify(Verify),
    /// Encrypt a file to a recipient, signed too if you say with what
    Seal(Seal),
    /// Decrypt a sealed document and print its content
    Open(Open),
}

/// What is signed or sealed.
#[derive(Debug, Args)]
struct Content {
    /// The content; `-`: standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What kind of document it is, by media type; never a token's
    #[arg(long, value_name = "TYPE")]
    typ: String,
    /// What the content is, by media type
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
    /// File to write; must not exist [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Sign any file
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  countersign document sign invoice.json --key key.jwk --typ invoice+json > invoice.jws\n  countersign document sign backup.tar --key key.jwk --typ backup --detached --out backup.jws"
)]
pub(crate) struct Sign {
    #[command(flatten)]
    content: Content,
    /// Private key: JWK or PEM
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Its algorithm, where the file does not say
    #[arg(long, value_name = "ALG")]
    alg: Option<String>,
    /// Leave the content out: whoever verifies needs the file too
    #[arg(long)]
    detached: bool,
}

/// Verify a signed document and print its content
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  countersign document verify invoice.jws --keys public.jwk --typ invoice+json > invoice.json\n  countersign document verify backup.jws --keys jwks.json --typ backup --content backup.tar"
)]
pub(crate) struct Verify {
    /// The document; `-`: standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The signers' keys: JWK Set, JWK or PEM
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// Their algorithm, where the file does not say
    #[arg(long, value_name = "ALG")]
    alg: Option<String>,
    /// What kind of document is due
    #[arg(long, value_name = "TYPE")]
    typ: String,
    /// The content of a detached signature
    #[arg(long, value_name = "FILE", conflicts_with = "out")]
    content: Option<PathBuf>,
    /// File for the content; must not exist [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Encrypt a file to a recipient, signed too if you say with what
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  countersign document seal report.pdf --to partner.jwk --typ report > report.jwe\n  countersign document seal report.pdf --to partner.jwk --sign-with key.jwk --typ report --out report.jwe\n\nA document that is only sealed does not tell who wrote it: anybody can encrypt to a public key."
)]
pub(crate) struct Seal {
    #[command(flatten)]
    content: Content,
    /// The recipient's key: JWK or PEM
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Its algorithm, where the file does not say: RSA-OAEP-256, ECDH-ES, ECDH-ES+A256KW
    #[arg(long, value_name = "ALG")]
    alg: Option<String>,
    /// How to encrypt: A256GCM, A128GCM, A128CBC-HS256 [default: the first that fits]
    #[arg(long, value_name = "ENC")]
    enc: Option<String>,
    /// Private key to sign the content with first
    #[arg(long, value_name = "FILE")]
    sign_with: Option<PathBuf>,
}

/// Decrypt a sealed document and print its content
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  countersign document open report.jwe --key inbox.jwk --typ report > report.pdf\n  countersign document open report.jwe --key inbox.jwk --signed-by partner.jwk --typ report --out report.pdf\n\nWithout --signed-by nothing is known about who wrote it."
)]
pub(crate) struct Open {
    /// The document; `-`: standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Your private key: JWK or PEM
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Its algorithm, where the file does not say: RSA-OAEP-256, ECDH-ES, ECDH-ES+A256KW
    #[arg(long, value_name = "ALG")]
    alg: Option<String>,
    /// What kind of document is due
    #[arg(long, value_name = "TYPE")]
    typ: String,
    /// The signers' keys, one of which must have signed the content: JWK Set, JWK or PEM
    #[arg(long, value_name = "FILE")]
    signed_by: Option<PathBuf>,
    /// File for the content; must not exist [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Document {
    pub(crate) fn run(self, context: &Context) -> Result<bool> {
        match self {
            Self::Sign(sign) => sign.run(context),
            Self::Verify(verify) => verify.run(context),
            Self::Seal(seal) => seal.run(context),
            Self::Open(open) => open.run(context),
        }
    }
}

impl Content {
    /// Reads the content, lets it be signed or sealed, writes the result.
    fn write(self, context: &Context, make: impl FnOnce(&Draft<'_>) -> Result<String>) -> Result<bool> {
        let typ = document_type(&self.typ)?;
        let content = input::bytes(&self.file)?;
        let draft = Draft::new(&typ, &content);
        let draft = match &self.content_type {
            Some(name) => draft.content_type(name),
            None => draft,
        };
        let text = make(&draft)?;
        match to_file(self.out.as_deref()) {
            Some(path) => output::bytes(Some(path), text.as_bytes())?,
            None => context.out.data(&json!({ "document": text }), || text.clone())?,
        }
        Ok(true)
    }
}

fn document_type(name: &str) -> Result<DocumentType> {
    Ok(DocumentType::new(name).map_err(|e| Usage(format!("--typ {name}: {}", e.detail)))?)
}

fn to_file(out: Option<&Path>) -> Option<&Path> {
    out.filter(|out| *out != Path::new("-"))
}

impl Sign {
    fn run(self, context: &Context) -> Result<bool> {
        let key = key_file::signing(&self.key, self.alg.as_deref())?;
        self.content.write(context, |draft| {
            Ok(match self.detached {
                true => document::sign_detached(draft, &key)?,
                false => document::sign(draft, &key)?,
            })
        })
    }
}

impl Seal {
    fn run(self, context: &Context) -> Result<bool> {
        let mut to = key_file::recipient(&self.to, self.alg.as_deref())?;
        if let Some(name) = &self.enc {
            let enc = ContentEncryption::parse(name)
                .ok_or_else(|| Usage(format!("--enc {name}: A256GCM, A128GCM or A128CBC-HS256")))?;
            to = to.with_encryptions(&[enc])?;
        }
        let by = self.sign_with.as_deref().map(|path| key_file::signing(path, None)).transpose()?;
        self.content.write(context, |draft| {
            Ok(match &by {
                Some(by) => document::sign_then_seal(draft, by, &to)?,
                None => document::seal(draft, &to)?,
            })
        })
    }
}

/// A document as it is written: one line of text.
fn written(path: &Path) -> Result<String> {
    let Ok(text) = String::from_utf8(input::bytes(path)?) else {
        bail!("malformed: {} is not a document", input::shown(path));
    };
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

impl Verify {
    fn run(self, context: &Context) -> Result<bool> {
        let keys = key_file::verifying(&self.keys, self.alg.as_deref())?;
        let policy = Policy::new(&document_type(&self.typ)?, &key_file::algorithms(&keys)?);
        let policy = policy.max_bytes(MAX_BYTES);
        let text = written(&self.file)?;
        let signed = match &self.content {
            Some(path) => document::verify_detached(&text, &input::bytes(path)?, &keys, &policy)?,
            None => document::verify(&text, &keys, &policy)?,
        };
        // Who has the content already need not be given it again.
        let shown = if self.content.is_some() { None } else { Some(signed.content.as_slice()) };
        tell_signed(context, &self.typ, &signed, shown, self.out.as_deref())
    }
}

impl Open {
    fn run(self, context: &Context) -> Result<bool> {
        let own = DecryptionKeys::new([key_file::opening(&self.key, self.alg.as_deref())?]);
        let typ = document_type(&self.typ)?;
        let text = written(&self.file)?;
        if let Some(path) = &self.signed_by {
            let signers = key_file::verifying(path, None)?;
            let policy = Policy::new(&typ, &key_file::algorithms(&signers)?).max_bytes(MAX_BYTES);
            let signed = document::open_then_verify(&text, &own, &signers, &policy)?;
            return tell_signed(context, &self.typ, &signed, Some(&signed.content), self.out.as_deref());
        }
        let opened = document::open(&text, &own, &typ, MAX_BYTES)?;
        let told = json!({
            "typ": self.typ, "content_type": opened.content_type, "kid": opened.kid, "signed": false,
        });
        tell(context, told, Some(&opened.content), self.out.as_deref())?;
        context.out.done("opened; nothing is known about who wrote it");
        Ok(true)
    }
}

fn tell_signed(
    context: &Context,
    typ: &str,
    signed: &Signed,
    content: Option<&[u8]>,
    out: Option<&Path>,
) -> Result<bool> {
    let told = json!({
        "typ": typ, "content_type": signed.content_type, "kid": signed.kid,
        "alg": signed.algorithm.name(), "signed": true,
    });
    tell(context, told, content, out)?;
    let by = signed.kid.as_deref().unwrap_or("the key given");
    context.out.done(format_args!("valid: signed by {by}"));
    Ok(true)
}

/// The content as it is; with `--json` what is known, and the content beside it.
fn tell(context: &Context, mut told: Value, content: Option<&[u8]>, out: Option<&Path>) -> Result<()> {
    let out = to_file(out);
    if let (Some(path), Some(content)) = (out, content) {
        output::bytes(Some(path), content)?;
    }
    if !context.out.json {
        return match content.filter(|_| out.is_none()) {
            Some(content) => output::bytes(None, content),
            None => Ok(()),
        };
    }
    if let (Some(members), Some(content), None) = (told.as_object_mut(), content, out) {
        match std::str::from_utf8(content) {
            Ok(text) => members.insert("content".to_owned(), text.into()),
            Err(_) => members.insert("content_base64url".to_owned(), base64url::encode(content).into()),
        };
    }
    context.out.data(&told, String::new)
}
