//! Compact tokens: the text as it comes, and header and claims under a good signature.
//!
//! `cargo fuzz run compact` (with `--sanitizer none` on a stable compiler).

#![no_main]

use countersign_token::provider::{AwsLc, PrivateKey, Provider};
use countersign_token::{
    AccessToken, Algorithm, IdToken, KeySet, Policy, Timestamp, TokenType, VerifyingKey, base64url, dangerous,
    verify,
};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use std::sync::LazyLock;

const SECRET: [u8; 32] = [7; 32];
const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
    KeySet::new([VerifyingKey::from_secret(Algorithm::Hs256, Some("k"), &SECRET).expect("a key")])
});
static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    Policy::issuer("https://id.example")
        .audience(["https://api.example"])
        .token_type(TokenType::Access)
        .algorithms(&[Algorithm::Hs256])
});

/// Two parts at the first NUL: header and claims.
fn signed(data: &[u8]) -> Option<String> {
    let at = data.iter().position(|byte| *byte == 0)?;
    let input = format!("{}.{}", base64url::encode(&data[..at]), base64url::encode(&data[at + 1..]));
    let pair = AwsLc.private(Algorithm::Hs256, PrivateKey::Stored(&SECRET)).expect("a key");
    let mut signature = Vec::new();
    pair.signer.sign(input.as_bytes(), &mut signature).expect("a signature");
    Some(format!("{input}.{}", base64url::encode(signature)))
}

fn judge(token: &str) {
    let dynamic = verify::<Value>(token, &KEYS, &POLICY, NOW);
    if verify::<AccessToken>(token, &KEYS, &POLICY, NOW).is_ok()
        || verify::<IdToken>(token, &KEYS, &POLICY, NOW).is_ok()
    {
        assert!(dynamic.is_ok(), "accepted by type, refused without");
    }
    match dynamic {
        Ok(verified) => {
            let (_, claims) = dangerous::decode(token).expect("an accepted token decodes");
            assert_eq!(claims, verified.claims);
            let text = base64url::decode(token.split('.').nth(1).expect("claims")).expect("base64url");
            let laxer: Value = serde_json::from_slice(&text).expect("serde_json takes all that is taken here");
            assert_eq!(laxer, verified.claims);
        }
        Err(error) => assert!(error.to_string().len() < 400),
    }
}

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        judge(text);
    }
    if let Some(token) = signed(data) {
        judge(&token);
    }
});
