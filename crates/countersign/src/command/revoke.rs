//! `countersign revoke`.

use super::Context;
use crate::failure::Usage;
use crate::input;
use anyhow::{Result, bail};
use clap::Args;
use countersign_runtime::issuer::admin::revoke::{self, What};
use countersign_runtime::issuer::model::Secret;
use serde_json::json;

/// Revoke a token, a session, or everything of a person, client or key
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  countersign revoke --user ada@example.com\n  pbpaste | countersign revoke --token -"
)]
pub(crate) struct Revoke {
    #[command(flatten)]
    what: Named,
    /// Wait until every connected verifier has it (needs the revocation feed)
    #[arg(long)]
    wait: bool,
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
        if self.wait {
            bail!(Usage(
                "--wait needs the revocation feed, which this version does not have. Without it the command \
                 returns once the revocation is stored; servers on this store apply it within a second."
                    .to_owned()
            ));
        }
        let what = self.what.read()?;
        let done = revoke::revoke(&context.node().await?.issuer, what).await?.text;
        if context.out.json {
            context.out.data(&json!({ "done": done }), String::new)?;
        } else {
            context.out.done(done);
        }
        Ok(true)
    }
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
