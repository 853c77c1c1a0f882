//! The worked examples of the standards.

use crate::forge::raw;
use countersign_token::{
    Algorithm, Jwk, KeySet, Policy, SigningKey, Timestamp, TokenType, VerifyingKey, base64url, dangerous,
    verify,
};
use serde_json::{Value, json};

/// RFC 7515 A.1 to A.3 and RFC 7519 3.1 sign the same claims.
const CLAIMS: &str =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
/// RFC 7520 4.
const FRODO: &str = "SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4";

fn secret_7515() -> Vec<u8> {
    base64url::decode(
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    )
    .unwrap()
}

fn rsa_7515() -> Value {
    json!({"kty": "RSA", "e": "AQAB", "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"})
}

fn ec_7515() -> Value {
    json!({"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0", "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"})
}

fn p521_7515() -> Value {
    json!({"kty": "EC", "crv": "P-521",
        "x": "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",
        "y": "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2",
        "d": "AY5pb7A0UFiB3RELSD64fTLOSV_jazdF7fLYyuTw8lOfRhWg6Y6rUrPAxerEzgdRhajnu0ferB0d53vM9mE15j2C"})
}

fn rsa_7520(alg: &str) -> Value {
    json!({"kty": "RSA", "kid": "bilbo.baggins@hobbiton.example", "use": "sig", "alg": alg, "e": "AQAB",
        "n": "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw",
        "d": "bWUC9B-EFRIo8kpGfh0ZuyGPvMNKvYWNtB_ikiH9k20eT-O1q_I78eiZkpXxXQ0UTEs2LsNRS-8uJbvQ-A1irkwMSMkK1J3XTGgdrhCku9gRldY7sNA_AKZGh-Q661_42rINLRCe8W-nZ34ui_qOfkLnK9QWDDqpaIsA-bMwWWSDFu2MUBYwkHTMEzLYGqOe04noqeq1hExBTHBOBdkMXiuFhUq1BU6l-DqEiWxqg82sXt2h-LMnT3046AOYJoRioz75tSUQfGCshWTBnP5uDjd18kKhyv07lhfSJdrPdM5Plyl21hsFf4L_mHCuoFau7gdsPfHPxxjVOcOpBrQzwQ",
        "p": "3Slxg_DwTXJcb6095RoXygQCAZ5RnAvZlno1yhHtnUex_fp7AZ_9nRaO7HX_-SFfGQeutao2TDjDAWU4Vupk8rw9JR0AzZ0N2fvuIAmr_WCsmGpeNqQnev1T7IyEsnh8UMt-n5CafhkikzhEsrmndH6LxOrvRJlsPp6Zv8bUq0k",
        "q": "uKE2dh-cTf6ERF4k4e_jy78GfPYUIaUyoSSJuBzp3Cubk3OCqs6grT8bR_cu0Dm1MZwWmtdqDyI95HrUeq3MP15vMMON8lHTeZu2lmKvwqW7anV5UzhM1iZ7z4yMkuUwFWoBvyY898EXvRD-hdqRxHlSqAZ192zB3pVFJ0s7pFc",
        "dp": "B8PVvXkvJrj2L-GYQ7v3y9r6Kw5g9SahXBwsWUzp19TVlgI-YV85q1NIb1rxQtD-IsXXR3-TanevuRPRt5OBOdiMGQp8pbt26gljYfKU_E9xn-RULHz0-ed9E9gXLKD4VGngpz-PfQ_q29pk5xWHoJp009Qf1HvChixRX59ehik",
        "dq": "CLDmDGduhylc9o7r84rEUVn7pzQ6PF83Y-iBZx5NT-TpnOZKF1pErAMVeKzFEl41DlHHqqBLSM0W1sOFbwTxYWZDm6sI6og5iTbwQGIC3gnJKbi_7k_vJgGHwHxgPaX2PnvP-zyEkDERuf-ry4c_Z11Cq9AqC2yeL6kdKT1cYF8",
        "qi": "3PiqvXQN0zwMeE-sBvZgi289XP9XCQF3VWqPzMKnIgQp7_Tugo6-NZBKCQsMf3HaEGBjTVJs_jcK8-TRXvaKe-7ZMaQj8VfBdYkssbu0NKDDhjJ-GtiseaDVWt7dcH0cfwxgFUHpQh7FoCrjFJ6h6ZEpMF6xmujs4qMpPz8aaI4"})
}

fn p521_7520() -> Value {
    json!({"kty": "EC", "kid": "bilbo.baggins@hobbiton.example", "use": "sig", "crv": "P-521",
        "x": "AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0Kt",
        "y": "AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1",
        "d": "AAhRON2r9cqXX1hg-RoI6R1tX5p2rUAYdmpHZoC1XNM56KtscrX6zbKipQrCW9CGZH3T4ubpnoTKLDYJ_fF3_rJt"})
}

fn ed_8037() -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
}

/// The public half of an example key.
fn public(mut jwk: Value) -> Jwk {
    for name in ["d", "p", "q", "dp", "dq", "qi"] {
        jwk.as_object_mut().unwrap().remove(name);
    }
    serde_json::from_value(jwk).unwrap()
}

/// Checks one example: it verifies, a changed one does not.
fn check(key: &VerifyingKey, header: &str, payload: &str, signature: &str) {
    let signature = base64url::decode(signature).unwrap();
    let message = format!("{header}.{payload}");
    assert!(key.verify_signature(message.as_bytes(), &signature));
    assert!(!key.verify_signature(&message.as_bytes()[1..], &signature));
}

/// Signs again with the example's private key: the same where the algorithm says so, good in any case.
fn sign_again(jwk: &Value, alg: Algorithm, message: &str, signature: &str) {
    let key = SigningKey::from_private_jwk(&serde_json::to_vec(jwk).unwrap(), Some(alg)).unwrap();
    let made = raw(alg, &key.private_bytes(), message.as_bytes());
    assert!(key.verifying_key().unwrap().verify_signature(message.as_bytes(), &made));
    assert_eq!(key.public_jwk().unwrap().thumbprint(), public(jwk.clone()).thumbprint());
    if matches!(alg, Algorithm::Ed25519 | Algorithm::Rs256) {
        assert_eq!(base64url::encode(made), signature);
    }
}

#[test]
fn rfc_7515_a1_hs256() {
    let key = VerifyingKey::from_secret(Algorithm::Hs256, None, &secret_7515()).unwrap();
    let signature = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    check(&key, "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9", CLAIMS, signature);
    // RFC 7519 3.1 is the same token: read in full, and refused only for what it lacks.
    let token = format!("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{CLAIMS}.{signature}");
    let policy =
        Policy::issuer("joe").any_audience().token_type(TokenType::Id).algorithms(&[Algorithm::Hs256]);
    let error =
        verify::<Value>(&token, &KeySet::new([key]), &policy, Timestamp::from_seconds(0)).unwrap_err();
    assert_eq!((error.code, error.claim), ("missing_claim", Some("aud")));
    let (header, claims) = dangerous::decode(&token).unwrap();
    assert_eq!(header, json!({"typ": "JWT", "alg": "HS256"}));
    assert_eq!(claims, json!({"iss": "joe", "exp": 1_300_819_380, "http://example.com/is_root": true}));
}

#[test]
fn rfc_7515_a2_rs256() {
    let key = VerifyingKey::from_jwk(&public(rsa_7515()), Some(Algorithm::Rs256)).unwrap();
    check(
        &key,
        "eyJhbGciOiJSUzI1NiJ9",
        CLAIMS,
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
    );
}

#[test]
fn rfc_7515_a3_es256() {
    let key = VerifyingKey::from_jwk(&public(ec_7515()), None).unwrap();
    assert_eq!(key.algorithm(), Algorithm::Es256);
    let signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    check(&key, "eyJhbGciOiJFUzI1NiJ9", CLAIMS, signature);
    sign_again(&ec_7515(), Algorithm::Es256, &format!("eyJhbGciOiJFUzI1NiJ9.{CLAIMS}"), signature);
}

#[test]
fn rfc_7515_a4_es512() {
    let key = VerifyingKey::from_jwk(&public(p521_7515()), None).unwrap();
    assert_eq!(key.algorithm(), Algorithm::Es512);
    let signature = "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn";
    check(&key, "eyJhbGciOiJFUzUxMiJ9", "UGF5bG9hZA", signature);
    sign_again(&p521_7515(), Algorithm::Es512, "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA", signature);
}

/// RFC 7515 A.5 and RFC 7519 6.1.
#[test]
fn unsecured_tokens_are_refused() {
    let key = VerifyingKey::from_secret(Algorithm::Hs256, None, &secret_7515()).unwrap();
    let policy =
        Policy::issuer("joe").any_audience().token_type(TokenType::Id).algorithms(&[Algorithm::Hs256]);
    let token = format!("eyJhbGciOiJub25lIn0.{CLAIMS}.");
    let error =
        verify::<Value>(&token, &KeySet::new([key]), &policy, Timestamp::from_seconds(0)).unwrap_err();
    assert_eq!(error.code, "wrong_algorithm");
}

#[test]
fn rfc_7520_4_1_rs256() {
    let header = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9";
    let signature = "MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PNDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg";
    let key = VerifyingKey::from_jwk(&public(rsa_7520("RS256")), None).unwrap();
    assert_eq!(key.kid(), Some("bilbo.baggins@hobbiton.example"));
    check(&key, header, FRODO, signature);
    sign_again(&rsa_7520("RS256"), Algorithm::Rs256, &format!("{header}.{FRODO}"), signature);
}

#[test]
fn rfc_7520_4_2_ps384() {
    let header = "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9";
    let signature = "cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPid6VrklHkqsGqDqHCdP6O8TTB5dDDItllVo6_1OLPpcbUrhiUSMxbbXUvdvWXzg-UD8biiReQFlfz28zGWVsdiNAUf8ZnyPEgVFn442ZdNqiVJRmBqrYRXe8P_ijQ7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT0qI0n6uiP1aCN_2_jLAeQTlqRHtfa64QQSUmFAAjVKPbByi7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw";
    let key = VerifyingKey::from_jwk(&public(rsa_7520("PS384")), None).unwrap();
    check(&key, header, FRODO, signature);
    sign_again(&rsa_7520("PS384"), Algorithm::Ps384, &format!("{header}.{FRODO}"), signature);
}

#[test]
fn rfc_7520_4_3_es512() {
    let header = "eyJhbGciOiJFUzUxMiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9";
    let signature = "AE_R_YZCChjn4791jSQCrdPZCNYqHXCTZH0-JZGYNlaAjP2kqaluUIIUnC9qvbu9Plon7KRTzoNEuT4Va2cmL1eJAQy3mtPBu_u_sDDyYjnAMDxXPn7XrT0lw-kvAD890jl8e2puQens_IEKBpHABlsbEPX6sFY8OcGDqoRuBomu9xQ2";
    let key = VerifyingKey::from_jwk(&public(p521_7520()), None).unwrap();
    check(&key, header, FRODO, signature);
    sign_again(&p521_7520(), Algorithm::Es512, &format!("{header}.{FRODO}"), signature);
}

#[test]
fn rfc_7520_4_4_hs256() {
    let jwk = json!({"kty": "oct", "kid": "018c0ae5-4d9b-471b-bfd6-eef314bc7037", "use": "sig", "alg": "HS256",
        "k": "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg"});
    let key = SigningKey::from_private_jwk(&serde_json::to_vec(&jwk).unwrap(), None).unwrap();
    assert_eq!(key.kid(), "018c0ae5-4d9b-471b-bfd6-eef314bc7037");
    let header = "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9";
    let signature = "s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0";
    check(&key.verifying_key().unwrap(), header, FRODO, signature);
    let made = raw(Algorithm::Hs256, &key.private_bytes(), format!("{header}.{FRODO}").as_bytes());
    assert_eq!(base64url::encode(made), signature);
}

#[test]
fn rfc_8037_ed25519() {
    let key = VerifyingKey::from_jwk(&public(ed_8037()), None).unwrap();
    let (header, payload) = ("eyJhbGciOiJFZERTQSJ9", "RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc");
    let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    check(&key, header, payload, signature);
    sign_again(&ed_8037(), Algorithm::Ed25519, &format!("{header}.{payload}"), signature);
    let thumbprint = public(ed_8037()).thumbprint();
    assert_eq!(thumbprint.as_deref(), Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
}

#[test]
fn rfc_7638_thumbprint() {
    let jwk: Jwk = serde_json::from_value(rsa_7638()).unwrap();
    assert_eq!(jwk.thumbprint().as_deref(), Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"));
    let key = VerifyingKey::from_jwk(&jwk, None).unwrap();
    assert_eq!((key.kid(), key.algorithm()), (Some("2011-04-29"), Algorithm::Rs256));
}

fn rsa_7638() -> Value {
    json!({"kty": "RSA", "alg": "RS256", "kid": "2011-04-29", "e": "AQAB",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"})
}

/// RFC 7517 A.1: one key for encryption, one for signatures. A.2 and A.3 hold private and shared keys.
#[test]
fn rfc_7517_key_sets() {
    let ec = json!({"kty": "EC", "crv": "P-256", "use": "enc", "kid": "1",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"});
    let document = serde_json::to_vec(&json!({"keys": [ec, rsa_7638()]})).unwrap();
    let (keys, left_out) = KeySet::from_jwks(&document).unwrap();
    assert_eq!(keys.len(), 1);
    assert!(keys.get("2011-04-29").is_some());
    assert_eq!(left_out.iter().map(|e| e.code).collect::<Vec<_>>(), ["wrong_use"]);

    let mut private = ec;
    private["d"] = json!("870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE");
    let document = serde_json::to_vec(&json!({"keys": [private, rsa_7638()]})).unwrap();
    assert_eq!(KeySet::from_jwks(&document).unwrap_err().code, "private_key");
    let shared = json!({"keys": [{"kty": "oct", "alg": "A128KW", "k": "GawgguFyGrWKav7AX4VKUg"}]});
    let error = KeySet::from_jwks(&serde_json::to_vec(&shared).unwrap()).unwrap_err();
    assert_eq!(error.code, "symmetric_key");
}
