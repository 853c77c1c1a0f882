//! Tokens that the engine's own signer would never make: any header, any claims, a good signature.

use countersign_token::provider::{AwsLc, Pair, PrivateKey, Provider};
use countersign_token::{
    Algorithm, KeySet, Policy, SigningKey, Timestamp, TokenType, VerifyError, base64url, verify,
};
use serde_json::Value;

pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
pub(crate) const SECRET: &[u8; 32] = b"an HMAC secret of thirty-two byt";
pub(crate) const HEADER: &str = r#"{"alg":"HS256","typ":"at+jwt","kid":"k1"}"#;
/// Each claim once, values as raw JSON.
pub(crate) const CLAIMS: [(&str, &str); 9] = [
    ("iss", r#""https://id.example""#),
    ("sub", r#""u_1""#),
    ("aud", r#""https://api.example""#),
    ("exp", "1800000900"),
    ("nbf", "1800000000"),
    ("iat", "1800000000"),
    ("jti", r#""j""#),
    ("client_id", r#""web""#),
    ("auth_time", "1799999000"),
];

/// The keys of one resource server, private halves at hand.
pub(crate) struct World {
    pub(crate) signing: Vec<SigningKey>,
    pub(crate) keys: KeySet,
    pub(crate) policy: Policy,
}

impl World {
    pub(crate) fn new() -> Self {
        let secret = SigningKey::from_private_bytes(Algorithm::Hs256, SECRET).unwrap().with_kid("k1");
        let mut signing = vec![secret];
        for (kid, alg) in [
            ("es", Algorithm::Es256),
            ("es-old", Algorithm::Es256),
            ("ed", Algorithm::Ed25519),
            ("rs", Algorithm::Rs256),
            ("e3", Algorithm::Es384),
        ] {
            signing.push(SigningKey::generate(alg).unwrap().with_kid(kid));
        }
        let keys = KeySet::new(signing.iter().map(|key| key.verifying_key().unwrap()));
        let algs = [Algorithm::Hs256, Algorithm::Es256, Algorithm::Ed25519, Algorithm::Rs256];
        Self { signing, keys, policy: policy(&algs) }
    }

    pub(crate) fn key(&self, kid: &str) -> &SigningKey {
        self.signing.iter().find(|key| key.kid() == kid).unwrap()
    }

    /// Signs any header and claims with the key of that id, whatever the header says.
    pub(crate) fn signed_by(&self, kid: &str, header: &str, claims: &str) -> String {
        let input = input(header, claims);
        let signature = self.raw(kid, input.as_bytes());
        format!("{input}.{}", base64url::encode(signature))
    }

    pub(crate) fn raw(&self, kid: &str, message: &[u8]) -> Vec<u8> {
        let key = self.key(kid);
        raw(key.algorithm(), &key.private_bytes(), message)
    }

    pub(crate) fn judge(&self, token: &str) -> Result<Value, VerifyError> {
        verify::<Value>(token, &self.keys, &self.policy, NOW).map(|verified| verified.claims)
    }
}

pub(crate) fn policy(algs: &[Algorithm]) -> Policy {
    Policy::issuer("https://id.example")
        .audience(["https://api.example"])
        .token_type(TokenType::Access)
        .algorithms(algs)
}

/// A signature of any bytes.
pub(crate) fn raw(alg: Algorithm, stored: &[u8], message: &[u8]) -> Vec<u8> {
    let Pair { signer, .. } = AwsLc.private(alg, PrivateKey::Stored(stored)).unwrap();
    let mut out = Vec::new();
    signer.sign(message, &mut out).unwrap();
    out
}

pub(crate) fn input(header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
    format!("{}.{}", base64url::encode(header), base64url::encode(claims))
}

/// HS256 under the secret of `k1`.
pub(crate) fn forge(header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
    let input = input(header, claims);
    let signature = raw(Algorithm::Hs256, SECRET, input.as_bytes());
    format!("{input}.{}", base64url::encode(signature))
}

/// The good claims as text.
pub(crate) fn good() -> String {
    let members: Vec<_> = CLAIMS.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

/// The good claims with one value replaced, or left out.
pub(crate) fn with(claim: &str, value: Option<&str>) -> String {
    let members: Vec<_> = CLAIMS
        .iter()
        .map(|(name, good)| (*name, if *name == claim { value } else { Some(*good) }))
        .filter_map(|(name, value)| value.map(|value| format!("\"{name}\":{value}")))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// The good claims and something more before the closing brace.
pub(crate) fn plus(more: &str) -> String {
    good().replace('}', &format!(",{more}}}"))
}

#[test]
fn the_forged_token_is_good_before_it_is_spoilt() {
    let world = World::new();
    world.judge(&forge(HEADER, good())).unwrap();
    world.judge(&forge(HEADER, plus(r#""x":{"y":[1]}"#))).unwrap();
    world.judge(&world.signed_by("es", r#"{"alg":"ES256","typ":"at+jwt","kid":"es"}"#, &good())).unwrap();
    world.judge(&world.signed_by("rs", r#"{"alg":"RS256","typ":"at+jwt","kid":"rs"}"#, &good())).unwrap();
    world.judge(&world.signed_by("ed", r#"{"alg":"EdDSA","typ":"at+jwt","kid":"ed"}"#, &good())).unwrap();
    world.judge(&world.signed_by("ed", r#"{"alg":"Ed25519","typ":"at+jwt"}"#, &good())).unwrap();
}
