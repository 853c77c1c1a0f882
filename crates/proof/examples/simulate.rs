//! Courses of events of the revocation feed: `cargo run -p countersign-proof --release --example simulate -- SEEDS
//! [FIRST]`. Stops at the first that breaks the guarantee, and names its seed.

use anyhow::{Context, Result, bail};
use countersign_proof::{Flaw, simulate};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let seeds: u64 = arguments.next().context("how many seeds?")?.parse()?;
    let first: u64 = arguments.next().map_or(Ok(0), |first| first.parse())?;
    for seed in first..first.saturating_add(seeds) {
        if let Err(broken) = simulate(seed, Flaw::None) {
            bail!("{broken}");
        }
    }
    Ok(())
}
