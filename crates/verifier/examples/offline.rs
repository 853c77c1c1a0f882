//! Verification without a network: `... --example offline -- ISSUER AUDIENCE JWKS_FILE < TOKEN`.
//!
//! Without the file the keys are fetched, and kept with the revocations in a directory: run it again with the
//! issuer stopped, and it still verifies, enforces what it knew, and says how old that is.

use countersign_verifier::Verifier;
use std::error::Error;
use std::io::Read;
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "what the example shows")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let issuer = arguments.next().unwrap_or_else(|| "http://localhost:8080".to_owned());
    let audience = arguments.next().unwrap_or_else(|| "urn:api:users".to_owned());
    let mut token = String::new();
    std::io::stdin().read_to_string(&mut token)?;

    let builder = Verifier::builder(issuer).audience([audience]).allow_http_on_loopback();
    let verifier = match arguments.next() {
        Some(file) => builder.jwks(&std::fs::read(file)?)?.build()?,
        // An hour without news is accepted here; the default is what the issuer recommends, usually 60 s.
        None => builder.state_dir("verifier-state").max_staleness(Duration::from_secs(3600)).build()?,
    };
    match verifier.verify(token.trim()).await {
        Ok(who) => println!("good: {} by client {}", who.subject(), who.client_id()),
        Err(refusal) => println!("refused with HTTP {}: {refusal}", refusal.status().as_u16()),
    }
    match verifier.status().feed {
        Some(feed) => println!("revocations: {} rules, {:?} old", feed.rules, feed.age),
        None => println!("revocations: no feed is followed"),
    }
    Ok(())
}
