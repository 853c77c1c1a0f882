//! Which password manager or device made a key, by its AAGUID: a name to know it by and nothing more, since
//! nothing vouches for it (no attestation is asked for).

use crate::model::Digest;

/// Those that keep passkeys. Source: the list that their makers keep, passkeydeveloper/passkey-authenticator-aaguids
/// on GitHub (`aaguid.json`).
const KNOWN: [(u128, &str); 17] = [
    (0xea9b8d66_4d01_1d21_3ce4_b6b48cb575d4, "Google Password Manager"),
    (0xadce0002_35bc_c60a_648b_0b25f1f05503, "Chrome on Mac"),
    (0x08987058_cadc_4b81_b6e1_30de50dcbe96, "Windows Hello"),
    (0x9ddd1817_af5a_4672_a2b9_3e3dd95000a9, "Windows Hello"),
    (0x6028b017_b1d4_4c02_b4b3_afcdafc96bb2, "Windows Hello"),
    (0xfbfc3007_154e_4ecc_8c0b_6e020557d7bd, "iCloud Keychain"),
    (0xdd4ec289_e01d_41c9_bb89_70fa845d4bf2, "iCloud Keychain"),
    (0x771b48fd_d3d4_4f74_9232_fc157ab0507a, "Edge on Mac"),
    (0xbada5566_a7aa_401f_bd96_45619a55120d, "1Password"),
    (0xd548826e_79b4_db40_a3d8_11116f7e8349, "Bitwarden"),
    (0x531126d6_e717_415c_9320_3d9aa6981239, "Dashlane"),
    (0xf3809540_7f14_49c1_a8b3_8f813b225541, "Enpass"),
    (0xfdb141b2_5d84_443e_8a35_4698c205a502, "KeePassXC"),
    (0x0ea242b4_43c4_4a1b_8b17_dd6d0b6baec6, "Keeper"),
    (0xb84e4048_15dc_4dd0_8640_f4f60813c8af, "NordPass"),
    (0x50726f74_6f6e_5061_7373_50726f746f6e, "Proton Pass"),
    (0x53414d53_554e_4700_0000_000000000000, "Samsung Pass"),
];

/// Where the AAGUID stands in authenticator data: after the hash of our name, flags and counter (WebAuthn 6.1).
const AAGUID: std::ops::Range<usize> = 37..53;

/// Its name. `host`: the relying party's id, with whose hash authenticator data begin.
pub(super) fn name_of(attestation_object: &[u8], host: &str) -> Option<&'static str> {
    let hash = Digest::of(host).0;
    let at = attestation_object.windows(hash.len()).position(|w| *w == hash)?;
    let aaguid = attestation_object.get(at..)?.get(AAGUID)?;
    let aaguid = u128::from_be_bytes(aaguid.try_into().ok()?);
    KNOWN.iter().find(|(known, _)| *known == aaguid).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(aaguid: u128) -> Vec<u8> {
        let mut out = b"\xa3cfmtdnonegattStmt\xa0hauthData".to_vec();
        out.extend(Digest::of("id.example").0);
        out.extend([0x45, 0, 0, 0, 7]);
        out.extend(aaguid.to_be_bytes());
        out
    }

    #[test]
    fn a_key_is_named_by_what_keeps_it() {
        let bitwarden = object(0xd548826e_79b4_db40_a3d8_11116f7e8349);
        assert_eq!(name_of(&bitwarden, "id.example"), Some("Bitwarden"));
        for (what, bytes, host) in [
            ("zeros: nothing said", object(0), "id.example"),
            ("unknown", object(1), "id.example"),
            ("another site's", bitwarden.clone(), "evil.example"),
            ("cut off", bitwarden[..bitwarden.len() - 1].to_vec(), "id.example"),
            ("nothing", Vec::new(), "id.example"),
        ] {
            assert_eq!(name_of(&bytes, host), None, "{what}");
        }
    }

    #[test]
    fn nothing_is_listed_twice() {
        let mut all: Vec<u128> = KNOWN.iter().map(|(aaguid, _)| *aaguid).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), KNOWN.len());
        assert!(
            KNOWN.iter().all(|(_, name)| name.chars().count() <= crate::model::passkey::LONGEST_PASSKEY_NAME)
        );
    }
}
