//! Randomness of the operating system.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use countersign_issuer::port::Entropy;

/// The system's generator.
#[derive(Debug, Default)]
pub(crate) struct SystemEntropy(SystemRandom);

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        if self.0.fill(buffer).is_err() {
            // Whatever would be made from such bytes could be guessed: better no server than that one.
            tracing::error!("the operating system gives no randomness; stopping");
            std::process::abort();
        }
    }
}
