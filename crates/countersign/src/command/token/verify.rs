//! `countersign token verify`.

use super::{Context, Judge, pretty};
use anyhow::Result;
use clap::Args;
use countersign_runtime::tokens;

/// Verify an access token as a service would
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  pbpaste | countersign token verify --issuer https://id.example.com --audience urn:api:orders\n  countersign token verify --file token.jwt --jwks jwks.json --issuer https://id.example.com --audience urn:api:orders\n\nWithout --issuer the keys and revocations of this store count."
)]
pub(crate) struct Verify {
    #[command(flatten)]
    judge: Judge,
}

impl Verify {
    pub(super) async fn run(self, context: &Context) -> Result<bool> {
        let asked = self.judge.read(context)?;
        let token = asked.token.expose();
        let claims = match &asked.issuer {
            Some(issuer) => tokens::verify_as_service(token, issuer, &asked.audience, asked.jwks()).await?,
            None => tokens::verify_here(token, &context.node().await?, &asked.audience)?,
        };
        let claims = serde_json::to_value(&claims)?;
        context.out.data(&claims, || pretty(&claims))?;
        context.out.done("valid");
        Ok(true)
    }
}
