//! `countersign serve`.

use super::Context;
use anyhow::Result;
use clap::Args;
use countersign_runtime::config::Flag;
use countersign_runtime::{Running, StartError, serve};
use serde_json::json;

/// Run the issuer
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  countersign serve\n  countersign serve --issuer https://id.example.com --listen 0.0.0.0:443 --tls-cert id.pem --tls-key id.key"
)]
pub(crate) struct Serve {
    /// Address and port [env: COUNTERSIGN_LISTEN] [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// PEM file of the certificate chain
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<String>,
    /// PEM file of its private key
    #[arg(long, value_name = "FILE")]
    tls_key: Option<String>,
}

impl Serve {
    pub(crate) async fn run(self, context: &Context) -> Result<bool> {
        let flags = [
            ("listen", self.listen, "--listen"),
            ("tls.cert", self.tls_cert, "--tls-cert"),
            ("tls.key", self.tls_key, "--tls-key"),
        ];
        let flags =
            flags.into_iter().filter_map(|(key, value, flag)| Some(Flag { key, value: value?, flag }));
        let effective = context.effective(flags.collect())?;
        let settings = effective.check().map_err(StartError::from)?;
        for (key, why) in effective.without_effect() {
            eprintln!("warning: {key} has no effect: {why}");
        }
        let (out, data_dir) = (context.out, context.global.data_dir.clone());
        let announce = Box::new(move |running: &Running| {
            if out.json {
                let line = json!({
                    "listening": running.listen.to_string(), "issuer": running.issuer, "tls": running.tls,
                });
                // Nobody may be reading; the server runs all the same.
                drop(crate::output::print(&line.to_string()));
            }
            if running.text {
                out.done(welcome(running, data_dir.as_deref()));
            }
        });
        serve(settings, !effective.no_color, announce).await?;
        Ok(true)
    }
}

fn welcome(running: &Running, data_dir: Option<&str>) -> String {
    let plain = if running.tls { "TLS" } else { "plain HTTP" };
    let mut text = format!(
        "Countersign is listening on {} ({plain})\n  issuer  {}\n  store   {}",
        running.listen,
        running.issuer,
        running.store.display()
    );
    if running.no_people {
        let at = data_dir.map(|dir| format!(" --data-dir {dir}")).unwrap_or_default();
        text.push_str("\n\nNobody can sign in yet. Make the first person:\n");
        text.push_str(&format!("  countersign user add you@example.com --password-stdin{at}"));
    }
    text
}
