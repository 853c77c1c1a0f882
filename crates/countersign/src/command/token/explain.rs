//! `countersign token explain`.

use super::{Context, Judge};
use crate::output::{table, time};
use anyhow::Result;
use clap::Args;
use countersign_runtime::tokens::{self, Check, Explained, Timestamp, Verdict};

/// Say why a token is accepted or refused, check by check
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  pbpaste | countersign token explain --issuer https://id.example.com --audience urn:api:orders\n  countersign token explain --file token.jwt --jwks jwks.json --issuer https://id.example.com --audience urn:api:orders\n  countersign token explain --file token.jwt\n\nWithout --issuer the keys and revocations of this store count. Exit code 1: the token is refused."
)]
pub(crate) struct Explain {
    #[command(flatten)]
    judge: Judge,
}

impl Explain {
    pub(super) async fn run(self, context: &Context) -> Result<bool> {
        let asked = self.judge.read(context)?;
        let token = asked.token.expose();
        let told = match &asked.issuer {
            Some(issuer) => tokens::explain_as_service(token, issuer, &asked.audience, asked.jwks()).await?,
            None => tokens::explain_here(token, &context.node().await?, &asked.audience).await?,
        };
        context.out.data(&serde_json::to_value(&told)?, || shown(&told))?;
        context.out.done(&told.summary);
        if let Some(at) = told.revocation.as_ref().and_then(|rule| rule.at) {
            context.out.done(format_args!("revoked at {}", time(Timestamp::from_seconds(at))));
        }
        Ok(told.accepted)
    }
}

fn shown(told: &Explained) -> String {
    let row = |check: &Check| {
        let verdict = match check.verdict {
            Verdict::Good => "good",
            Verdict::Refused => "REFUSED",
            _ => "-",
        };
        [check.name, verdict, &check.expected, &check.came].map(str::to_owned).to_vec()
    };
    let rows: Vec<_> = told.checks.iter().map(row).collect();
    table(&["CHECK", "VERDICT", "DUE", "CAME"], &rows)
}
