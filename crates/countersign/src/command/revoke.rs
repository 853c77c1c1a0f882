//! `countersign revoke`.

use super::Context;
use crate::failure::Usage;
use crate::{input, output};
use anyhow::{Result, bail};
use clap::Args;
use countersign_runtime::issuer::admin::revoke::{self, What};
use countersign_runtime::issuer::model::Secret;
use countersign_runtime::issuer::revocation::Receipt;
use countersign_runtime::receipts;
use serde_json::json;
use std::time::Duration;

/// Revoke a token, a session, or everything of a person, client or key
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  countersign revoke --user ada@example.com --wait\n  pbpaste | countersign revoke --token -"
)]
pub(crate) struct Revoke {
    #[command(flatten)]
    what: Named,
    /// Wait until every connected verifier has it in force, and print the receipt; exit code 1 if not
    #[arg(long)]
    wait: bool,
    /// The longest wait, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30, requires = "wait")]
    timeout: u16,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Named {
    /// An access or refresh token; `-` reads it from standard input
    #[arg(long, value_name = "TOKEN", allow_hyphen_values = true)]
    token: Option<String>,
    /// One access token, by its `jti`
    #[arg(long, value_name = "JTI", allow_hyphen_values = true)]
    jti: Option<String>,
    /// A client session, by its `sid`
    #[arg(long, value_name = "SID", allow_hyphen_values = true)]
    session: Option<String>,
    /// Everything of a person: e-mail, user name or id
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Everything of a client
    #[arg(long, value_name = "CLIENT")]
    client: Option<String>,
    /// Everything a key signed
    #[arg(long, value_name = "KID", allow_hyphen_values = true)]
    key: Option<String>,
}

impl Revoke {
    pub(crate) async fn run(self, context: &Context) -> Result<bool> {
        let what = self.what.read()?;
        let node = context.node().await?;
        let done = revoke::revoke(&node.issuer, what).await?;
        if !self.wait {
            if context.out.json {
                context.out.data(&json!({ "done": done.text }), String::new)?;
            } else {
                context.out.done(&done.text);
            }
            return Ok(true);
        }
        context.out.done(&done.text);
        let longest = Duration::from_secs(self.timeout.into());
        let receipt = receipts::wait(&node.issuer, &done, longest).await?;
        let everywhere = receipt.in_force >= receipt.connected;
        let json = json!({ "done": done.text, "in_force_everywhere": everywhere, "receipt": receipt });
        context.out.data(&json, || text(&receipt, self.timeout))?;
        Ok(everywhere)
    }
}

/// What the operator wants to know: is it in force, and who is left.
fn text(receipt: &Receipt, waited: u16) -> String {
    let Receipt { connected, in_force, open, disconnected, .. } = receipt;
    let mut out = match (*connected, receipt.after_ms) {
        (0, _) => {
            "No verifier that authenticates is connected, so nobody could say that it is in force: those \
                   that only listen apply it when it reaches them, or refuse once their hard bound has passed"
                .to_owned()
        }
        (all, Some(ms)) if *in_force >= all => {
            format!("In force at {in_force} of {all} connected verifiers after {ms} ms")
        }
        (all, _) if *in_force >= all => format!("In force at {in_force} of {all} connected verifiers"),
        (all, _) => format!(
            "In force at {in_force} of {all} connected verifiers; the others have not said so in {waited} s"
        ),
    };
    if *open > 0 {
        out.push_str(&format!(
            "; {open} of the connected have routes that stay open when they lose the feed"
        ));
    }
    match (*disconnected, receipt.disconnected_refuse_from) {
        (0, _) => {}
        (gone, Some(at)) => {
            out.push_str(&format!("; {gone} disconnected: they refuse from {}", output::time_of_day(at)));
        }
        (gone, None) => {
            out.push_str(&format!(
                "; {gone} disconnected, and some of their routes stay open without the feed"
            ));
        }
    }
    out
}

impl Named {
    fn read(self) -> Result<What> {
        Ok(match self {
            Self { token: Some(dash), .. } if dash == "-" => What::Token(input::secret_line("token")?),
            Self { token: Some(token), .. } => {
                eprintln!("{}", input::ARGUMENT_WARNING);
                What::Token(Secret::new(token))
            }
            Self { jti: Some(jti), .. } => What::Jti(jti),
            Self { session: Some(sid), .. } => What::Session(sid),
            Self { user: Some(user), .. } => What::User(user),
            Self { client: Some(client), .. } => What::Client(client),
            Self { key: Some(kid), .. } => What::Key(kid),
            _ => bail!(Usage("say what to revoke".to_owned())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_runtime::tokens::Timestamp;

    const FINE: Receipt = Receipt {
        epoch: 1,
        seq: 9,
        connected: 412,
        in_force: 412,
        open: 0,
        after_ms: Some(180),
        disconnected: 0,
        disconnected_refuse_from: None,
    };

    #[test]
    fn a_receipt_says_who_has_it_and_who_is_left() {
        let at = Timestamp::from_seconds(1_767_268_805);
        for (receipt, due) in [
            (FINE, "In force at 412 of 412 connected verifiers after 180 ms"),
            (
                Receipt { disconnected: 3, disconnected_refuse_from: Some(at), ..FINE },
                "In force at 412 of 412 connected verifiers after 180 ms; 3 disconnected: they refuse from 12:00:05 UTC",
            ),
            (
                Receipt { in_force: 410, after_ms: None, open: 2, ..FINE },
                "In force at 410 of 412 connected verifiers; the others have not said so in 30 s; 2 of the \
                 connected have routes that stay open when they lose the feed",
            ),
            (
                Receipt { disconnected: 1, ..FINE },
                "In force at 412 of 412 connected verifiers after 180 ms; 1 disconnected, and some of their \
                 routes stay open without the feed",
            ),
        ] {
            assert_eq!(text(&receipt, 30), due);
        }
        let nobody = Receipt { connected: 0, in_force: 0, after_ms: None, ..FINE };
        assert!(text(&nobody, 30).starts_with("No verifier that authenticates is connected"));
    }
}
