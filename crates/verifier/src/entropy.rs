//! Randomness as an argument. Owns the trait and the one adapter that asks the system.

/// Where a verifier gets random bytes from: the secret of its token cache, its name in acknowledgements, and
/// the jitter between attempts.
pub trait Entropy: Send + Sync + 'static {
    /// Fills `out`. `false`: there is none to be had.
    fn fill(&self, out: &mut [u8]) -> bool;
}

/// The system's random bytes, by aws-lc-rs.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, out: &mut [u8]) -> bool {
        aws_lc_rs::rand::fill(out).is_ok()
    }
}
