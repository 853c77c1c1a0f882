//! Is a new password one of those that stood in stolen databases? Asked only where the house wants it.

use crate::Issuer;
use crate::model::Secret;
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use std::fmt::Write;

/// Hex digits that are told.
const PREFIX: usize = 5;

/// `false` also where no list is asked, and when it does not answer: a list that is down must not keep people
/// from changing a password.
pub(super) async fn is_breached(issuer: &Issuer, password: &Secret) -> bool {
    let Some(list) = &issuer.breached else { return false };
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.expose().as_bytes());
    let mut hex = String::with_capacity(40);
    for byte in hash.as_ref() {
        // Writing into a String does not fail.
        let _ = write!(hex, "{byte:02X}");
    }
    let (prefix, rest) = hex.split_at(PREFIX);
    match list.range(prefix).await {
        Ok(range) => holds(&range, rest),
        Err(e) => {
            tracing::warn!(error = %e, "the list of breached passwords does not answer; a password goes unchecked");
            false
        }
    }
}

fn holds(range: &str, rest: &str) -> bool {
    let seen = |line: &str| {
        let (hash, times) = line.trim().split_once(':')?;
        (hash.eq_ignore_ascii_case(rest) && times != "0").then_some(())
    };
    range.lines().any(|line| seen(line).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-1 of "password" is 5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8 (FIPS 180 implementations agree).
    #[test]
    fn a_range_holds_what_was_seen() {
        let rest = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";
        assert!(holds(
            "0018A45C4D1DEF81644B54AB7F969B88D65:3\r\n1E4C9B93F3F0682250B6CF8331B7EE68FD8:9659365\r\n",
            rest
        ));
        assert!(holds("1e4c9b93f3f0682250b6cf8331b7ee68fd8:1", rest));
        for other in [
            "",
            "1E4C9B93F3F0682250B6CF8331B7EE68FD8",
            "1E4C9B93F3F0682250B6CF8331B7EE68FD8:0",
            "1E4C9B93F3F0682250B6CF8331B7EE68FD9:7",
        ] {
            assert!(!holds(other, rest), "{other}");
        }
    }
}
