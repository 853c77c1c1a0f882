//! `countersign token verify`.

use super::{Context, Source, pretty};
use crate::failure::Usage;
use crate::input;
use anyhow::{Result, bail};
use clap::Args;
use countersign_runtime::tokens;
use std::path::PathBuf;

/// Verify an access token as a service would
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  pbpaste | countersign token verify --issuer https://id.example.com --audience urn:api:orders\n  countersign token verify --file token.jwt --jwks jwks.json --issuer https://id.example.com --audience urn:api:orders\n\nWithout --issuer the keys and revocations of this store count."
)]
pub(crate) struct Verify {
    #[command(flatten)]
    source: Source,
    /// JWK Set to verify with, instead of fetching the issuer's
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// The name of the service as tokens carry it; may be repeated, one must fit
    #[arg(long, value_name = "AUDIENCE")]
    audience: Vec<String>,
}

impl Verify {
    pub(super) async fn run(self, context: &Context) -> Result<bool> {
        let issuer = context.global.issuer.clone();
        if issuer.is_some() && self.audience.is_empty() {
            bail!(Usage(
                "--audience is needed: the name of the service that the token must be for".to_owned()
            ));
        }
        if issuer.is_none() && self.jwks.is_some() {
            bail!(Usage("--jwks needs --issuer: keys alone do not say whose tokens they verify".to_owned()));
        }
        let token = self.source.read()?;
        let claims = match issuer {
            Some(issuer) => {
                let jwks = self.jwks.as_deref().map(input::text).transpose()?;
                let jwks = jwks.as_ref().map(String::as_bytes);
                tokens::verify_as_service(token.expose(), &issuer, &self.audience, jwks).await?
            }
            None => tokens::verify_here(token.expose(), &context.node().await?, &self.audience)?,
        };
        let claims = serde_json::to_value(&claims)?;
        context.out.data(&claims, || pretty(&claims))?;
        context.out.done("valid");
        Ok(true)
    }
}
