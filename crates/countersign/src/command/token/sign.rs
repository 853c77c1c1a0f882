//! `countersign token sign`.

use super::Context;
use crate::failure::Usage;
use crate::{input, key_file};
use anyhow::{Result, bail};
use clap::Args;
use countersign_runtime::config::Span;
use countersign_runtime::tokens;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Sign claims as a token, with a key of yours
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  countersign token sign --key key.jwk --claims claims.json --expires-in 15m\n  echo '{\"iss\":\"https://id.example.com\",\"aud\":\"orders\",\"sub\":\"ci\"}' | countersign token sign --key key.jwk --claims - --typ at+jwt --expires-in 5m\n\nA token without an expiry is refused: give --expires-in, or `exp` among the claims."
)]
pub(crate) struct Sign {
    /// Private key: JWK or PEM
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Its algorithm, where the file does not say
    #[arg(long, value_name = "ALG")]
    alg: Option<String>,
    /// Claims as a JSON object; `-`: standard input
    #[arg(long, value_name = "FILE")]
    claims: PathBuf,
    /// The kind of token: the header's `typ`
    #[arg(long, value_name = "TYPE", default_value = "JWT")]
    typ: String,
    /// Sets `exp`, and `iat` where there is none
    #[arg(long, value_name = "TIME")]
    expires_in: Option<Span>,
    /// The header's `kid` [default: the key's own, else its thumbprint]
    #[arg(long, value_name = "KID", allow_hyphen_values = true)]
    kid: Option<String>,
}

impl Sign {
    pub(super) fn run(self, context: &Context) -> Result<bool> {
        let mut claims = input::document(&self.claims)?;
        let Some(members) = claims.as_object_mut() else {
            bail!("bad_claims: {} is not an object", input::shown(&self.claims));
        };
        match (self.expires_in, members.get("exp")) {
            (Some(_), Some(_)) => bail!(Usage("--expires-in, and `exp` among the claims: which?".to_owned())),
            (Some(Span(life)), None) => {
                let now = tokens::now();
                let iat = members.entry("iat").or_insert_with(|| now.into());
                let from = iat.as_i64().unwrap_or(now);
                members.insert("exp".to_owned(), from.saturating_add_unsigned(life.as_secs()).into());
            }
            (None, Some(exp)) if exp.is_number() => {}
            (None, Some(_)) => bail!("bad_claims: exp is not a number of seconds"),
            (None, None) => bail!(Usage(
                "no expiry: give --expires-in, such as 15m, or `exp` among the claims".to_owned()
            )),
        }
        let key = key_file::signing(&self.key, self.alg.as_deref())?;
        let key = match &self.kid {
            Some(kid) => key.with_kid(kid),
            None => key,
        };
        let token = key.sign(&self.typ, &claims)?;
        let told = json!({
            "token": token, "kid": key.kid(), "alg": key.algorithm().name(), "typ": self.typ,
            "exp": claims.get("exp").cloned().unwrap_or(Value::Null),
        });
        context.out.data(&told, || token.clone())?;
        Ok(true)
    }
}
