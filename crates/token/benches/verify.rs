//! What the engine adds to the bare signature, beside the `jsonwebtoken` crate.
//!
//! `cargo bench -p countersign-token` prints a table of ratios first: small samples of every candidate
//! in turn, then in reverse, so that a change of the machine's speed meets all alike; the figure is the
//! median of the rounds' ratios to the bare aws-lc-rs operation on the same bytes. Criterion's absolute
//! figures follow.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench that cannot run may stop")]

use aws_lc_rs::signature::{self as sig, EcdsaKeyPair, Ed25519KeyPair, ParsedPublicKey, RsaKeyPair};
use aws_lc_rs::{hmac, rand::SystemRandom};
use countersign_token::{
    AccessToken, Algorithm, Audience, KeySet, Policy, Scratch, SigningKey, Timestamp, TokenType, base64url,
    verify, verify_with,
};
use criterion::Criterion;
use jsonwebtoken as peer;
use serde::Deserialize;
use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const ISSUER: &str = "https://id.countersign.example/realms/main";
const AUDIENCE: &str = "https://api.countersign.example/orders";

/// An access token of about 560 bytes: a person with eight roles.
fn claims(now: i64) -> AccessToken {
    let roles = [
        "admin",
        "auditor",
        "billing:read",
        "billing:write",
        "orders:read",
        "orders:write",
        "support:tier2",
        "reports:monthly:export",
    ];
    AccessToken {
        iss: ISSUER.to_owned(),
        sub: "u_01jd3v8q2m4n6p8r0s2t4v6w8x".to_owned(),
        aud: Audience(vec![AUDIENCE.to_owned()]),
        exp: now + 900,
        iat: now,
        jti: "xq5r0Zp1Sx2mC7bYk9wUuA".to_owned(),
        client_id: "web-shop-frontend".to_owned(),
        scope: "openid profile email orders.read orders.write invoices.read".to_owned(),
        sid: Some("s_8Hq2vT4yXz6bN0dFgJkLmAqW1xZr".to_owned()),
        auth_time: Some(now - 60),
        acr: Some("urn:countersign:acr:mfa".to_owned()),
        amr: vec!["pwd".to_owned(), "otp".to_owned(), "mfa".to_owned()],
        roles: roles.map(str::to_owned).to_vec(),
        ..AccessToken::default()
    }
}

/// The same claims, borrowed.
#[derive(Deserialize)]
#[expect(dead_code, reason = "read for the cost of reading it")]
struct Lean<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: i64,
    iat: i64,
    jti: &'a str,
    client_id: &'a str,
    scope: &'a str,
    sid: &'a str,
    auth_time: i64,
    acr: &'a str,
    #[serde(borrow)]
    amr: Vec<&'a str>,
    #[serde(borrow)]
    roles: Vec<&'a str>,
}

type Work = Box<dyn Fn()>;

/// One algorithm: what is measured, the bare operation first.
struct Group {
    name: String,
    limit: f64,
    work: Vec<(&'static str, Work)>,
}

/// The bare operations, on keys parsed once.
fn bare(key: &SigningKey, message: Vec<u8>, signature: Vec<u8>) -> (Work, Work) {
    let stored = key.private_bytes();
    let to_sign = message.clone();
    match key.algorithm() {
        Algorithm::Hs256 => {
            let secret = hmac::Key::new(hmac::HMAC_SHA256, &stored);
            let same = secret.clone();
            (
                Box::new(move || hmac::verify(black_box(&secret), &message, &signature).unwrap()),
                Box::new(move || {
                    black_box(hmac::sign(black_box(&same), &to_sign));
                }),
            )
        }
        Algorithm::Ed25519 => {
            let pair = Ed25519KeyPair::from_pkcs8(&stored).unwrap();
            let public = parsed(&sig::ED25519, sig::KeyPair::public_key(&pair).as_ref());
            (
                Box::new(move || public.verify_sig(black_box(&message), &signature).unwrap()),
                Box::new(move || {
                    black_box(pair.sign(black_box(&to_sign)));
                }),
            )
        }
        Algorithm::Es256 => {
            let pair = EcdsaKeyPair::from_pkcs8(&sig::ECDSA_P256_SHA256_FIXED_SIGNING, &stored).unwrap();
            let public = parsed(&sig::ECDSA_P256_SHA256_FIXED, sig::KeyPair::public_key(&pair).as_ref());
            (
                Box::new(move || public.verify_sig(black_box(&message), &signature).unwrap()),
                Box::new(move || {
                    black_box(pair.sign(&SystemRandom::new(), black_box(&to_sign)).unwrap());
                }),
            )
        }
        _ => {
            let pair = RsaKeyPair::from_pkcs8(&stored).unwrap();
            let public = parsed(&sig::RSA_PKCS1_2048_8192_SHA256, sig::KeyPair::public_key(&pair).as_ref());
            (
                Box::new(move || public.verify_sig(black_box(&message), &signature).unwrap()),
                Box::new(move || {
                    let mut out = vec![0; pair.public_modulus_len()];
                    pair.sign(&sig::RSA_PKCS1_SHA256, &SystemRandom::new(), &to_sign, &mut out).unwrap();
                    black_box(out);
                }),
            )
        }
    }
}

fn parsed(alg: &'static dyn sig::VerificationAlgorithm, key: &[u8]) -> ParsedPublicKey {
    ParsedPublicKey::new(alg, key).unwrap()
}

/// The peer's verification and signing, with its own keys and validation made once.
fn peer(key: &SigningKey, now: i64) -> (Work, Work) {
    let stored = key.private_bytes();
    let jwk = key.public_jwk();
    let part = |value: &Option<String>| value.clone().unwrap();
    let (alg, encoding, decoding) = match key.algorithm() {
        Algorithm::Hs256 => (
            peer::Algorithm::HS256,
            peer::EncodingKey::from_secret(&stored),
            peer::DecodingKey::from_secret(&stored),
        ),
        Algorithm::Ed25519 => (
            peer::Algorithm::EdDSA,
            peer::EncodingKey::from_ed_der(&stored),
            peer::DecodingKey::from_ed_components(&part(&jwk.unwrap().x)).unwrap(),
        ),
        Algorithm::Es256 => {
            let jwk = jwk.unwrap();
            let decoding = peer::DecodingKey::from_ec_components(&part(&jwk.x), &part(&jwk.y)).unwrap();
            (peer::Algorithm::ES256, peer::EncodingKey::from_ec_der(&stored), decoding)
        }
        _ => {
            // It reads PKCS#1: what PKCS#8 holds after a head of 26 bytes (RSA 2048).
            let jwk = jwk.unwrap();
            let decoding = peer::DecodingKey::from_rsa_components(&part(&jwk.n), &part(&jwk.e)).unwrap();
            (peer::Algorithm::RS256, peer::EncodingKey::from_rsa_der(&stored[26..]), decoding)
        }
    };
    let header = peer::Header {
        typ: Some("at+jwt".to_owned()),
        kid: Some(key.kid().to_owned()),
        ..peer::Header::new(alg)
    };
    let mut validation = peer::Validation::new(alg);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["iss", "aud", "exp"]);
    validation.validate_nbf = true;
    let claims = claims(now);
    let token = peer::encode(&header, &claims, &encoding).unwrap();
    (
        Box::new(move || {
            let data = peer::decode::<AccessToken>(black_box(&token), &decoding, &validation).unwrap();
            black_box(data);
        }),
        Box::new(move || drop(black_box(peer::encode(&header, black_box(&claims), &encoding).unwrap()))),
    )
}

fn groups(alg: Algorithm, now: i64, verify_limit: f64, sign_limit: f64) -> [Group; 2] {
    let key = SigningKey::generate(alg).unwrap();
    let claims = claims(now);
    let token = key.sign("at+jwt", &claims).unwrap();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let payload = message.split_once('.').unwrap().1.len() * 3 / 4;
    let (bare_verify, bare_sign) =
        bare(&key, message.as_bytes().to_vec(), base64url::decode(signature).unwrap());
    let (peer_verify, peer_sign) = peer(&key, now);
    let keys = KeySet::new([key.verifying_key().unwrap()]);
    let policy = Policy::issuer(ISSUER).audience([AUDIENCE]).token_type(TokenType::Access).algorithms(&[alg]);
    let now = Timestamp::from_seconds(now);
    let (token2, keys2, policy2) = (token.clone(), keys.clone(), policy.clone());
    let scratch = std::cell::RefCell::new(Scratch::default());
    [
        Group {
            name: format!("verify {alg} ({payload} B payload)"),
            limit: verify_limit,
            work: vec![
                ("bare", bare_verify),
                (
                    "countersign",
                    Box::new(move || {
                        black_box(verify::<AccessToken>(black_box(&token), &keys, &policy, now).unwrap());
                    }),
                ),
                (
                    "countersign, borrowed",
                    Box::new(move || {
                        let mut scratch = scratch.borrow_mut();
                        let verified =
                            verify_with::<Lean<'_>>(black_box(&token2), &keys2, &policy2, now, &mut scratch);
                        black_box(verified.unwrap());
                    }),
                ),
                ("jsonwebtoken", peer_verify),
            ],
        },
        Group {
            name: format!("sign {alg}"),
            limit: sign_limit,
            work: vec![
                ("bare", bare_sign),
                (
                    "countersign",
                    Box::new(move || drop(black_box(key.sign("at+jwt", black_box(&claims)).unwrap()))),
                ),
                ("jsonwebtoken", peer_sign),
            ],
        },
    ]
}

#[expect(clippy::disallowed_methods, reason = "a bench is about time")]
fn timed(work: &Work, times: u32) -> Duration {
    let start = Instant::now();
    for _ in 0..times {
        work();
    }
    start.elapsed()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Rounds of one sample of 0.2 ms each, all candidates there and back: short enough that a busy machine
/// rarely interrupts one.
#[expect(clippy::print_stdout, reason = "the table is what the bench is for")]
fn ratios(group: &Group, rounds: usize) {
    let counts: Vec<u32> = group
        .work
        .iter()
        .map(|(_, work)| {
            let once = timed(work, 20).as_nanos().max(20) / 20;
            u32::try_from(200_000 / once.max(1)).unwrap().max(1)
        })
        .collect();
    let mut costs = vec![Vec::new(); group.work.len()];
    let mut ratios = vec![Vec::new(); group.work.len()];
    for _ in 0..rounds {
        let mut sums = vec![0.0; group.work.len()];
        for i in (0..group.work.len()).chain((0..group.work.len()).rev()) {
            sums[i] += timed(&group.work[i].1, counts[i]).as_secs_f64() / f64::from(counts[i]) / 2.0;
        }
        for (i, sum) in sums.iter().enumerate() {
            costs[i].push(sum * 1e6);
            ratios[i].push(sum / sums[0]);
        }
    }
    println!("{}", group.name);
    for (i, (name, _)) in group.work.iter().enumerate() {
        let due = if name.starts_with("countersign") {
            format!("  (due <= {:.2})", group.limit)
        } else {
            String::new()
        };
        let (cost, ratio) = (median(&mut costs[i]), median(&mut ratios[i]));
        println!("  {name:<22} {cost:>9.2} us  {ratio:>6.3} x{due}");
    }
}

#[expect(clippy::disallowed_methods, reason = "a bench is about time")]
fn main() {
    let measured = std::env::args().any(|arg| arg == "--bench");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let now = i64::try_from(now).unwrap();
    let groups: Vec<Group> = [
        (Algorithm::Es256, 1.05, 1.10),
        (Algorithm::Ed25519, 1.05, 1.10),
        (Algorithm::Rs256, 1.12, 1.10),
        (Algorithm::Hs256, 2.5, 2.5),
    ]
    .into_iter()
    .flat_map(|(alg, verify, sign)| groups(alg, now, verify, sign))
    .collect();
    for group in &groups {
        ratios(group, if measured { 1001 } else { 1 });
    }
    let mut criterion = Criterion::default().configure_from_args();
    for group in groups {
        let mut criterion = criterion.benchmark_group(group.name);
        criterion.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
        for (name, work) in group.work {
            criterion.bench_function(name, |b| b.iter(&work));
        }
    }
    criterion.final_summary();
}
