//! Properties: what is signed is read back; no input panics; no changed byte passes.

use crate::forge::{HEADER, NOW, World, forge, good, policy};
use countersign_token::{
    AccessToken, Algorithm, Audience, IdToken, Jwk, KeySet, SigningKey, base64url, dangerous, verify,
};
use proptest::prelude::*;
use serde_json::{Map, Value};
use std::sync::LazyLock;

static WORLD: LazyLock<World> = LazyLock::new(World::new);

/// JSON values, floats kept to those that are written and read alike.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1.0e15..1.0e15f64).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn claims() -> impl Strategy<Value = AccessToken> {
    let texts = || prop::collection::vec(any::<String>(), 0..6);
    let more = prop::collection::btree_map("x_[a-z\u{e9}\"\\\\]{0,8}", value(), 0..40);
    (any::<[String; 5]>(), texts(), texts(), texts(), any::<Option<String>>(), 0..900i64, more).prop_map(
        |([sub, jti, client_id, scope, acr], others, roles, groups, sid, age, more)| AccessToken {
            iss: "https://id.example".to_owned(),
            sub,
            aud: Audience([vec!["https://api.example".to_owned()], others].concat()),
            exp: NOW.seconds() + 1,
            iat: NOW.seconds() - age,
            jti,
            client_id,
            scope,
            sid,
            auth_time: Some(age),
            acr: Some(acr),
            amr: vec![],
            roles,
            groups,
            more: more.into_iter().collect::<Map<_, _>>(),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_signed_is_read_back(claims in claims(), kid in any::<String>()) {
        let key = WORLD.key("k1").clone().with_kid(&kid);
        let token = key.sign("at+jwt", &claims).unwrap();
        let keys = KeySet::new([key.verifying_key().unwrap()]);
        let policy = policy(&[Algorithm::Hs256]).max_bytes(1 << 20);
        let verified = verify::<AccessToken>(&token, &keys, &policy, NOW).unwrap();
        prop_assert_eq!(&verified.claims, &claims);
        prop_assert_eq!(verified.kid.as_deref(), Some(kid.as_str()));
        let value = verify::<Value>(&token, &keys, &policy, NOW).unwrap().claims;
        prop_assert_eq!(value, serde_json::to_value(&claims).unwrap());
    }

    #[test]
    fn json_is_read_as_serde_json_reads_it(value in value(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        let claims = crate::forge::plus(&format!("\"x\":{}", text.unwrap()));
        let (_, read) = dangerous::decode(&forge(HEADER, claims)).unwrap();
        prop_assert_eq!(&read["x"], &value);
    }

    #[test]
    fn no_text_panics(text in any::<String>(), bytes in any::<Vec<u8>>()) {
        prop_assert!(WORLD.judge(&text).is_err());
        prop_assert!(dangerous::decode(&text).is_err());
        let framed = [base64url::encode(&bytes), base64url::encode(&text), text.clone()].join(".");
        prop_assert!(WORLD.judge(&framed).is_err());
        let _ = KeySet::from_jwks(&bytes);
        let _ = KeySet::from_jwks(text.as_bytes());
        let _ = serde_json::from_str::<Jwk>(&text);
        let _ = base64url::decode(&bytes);
    }

    #[test]
    fn no_signed_claims_panic(bytes in any::<Vec<u8>>(), cut in 0usize..300) {
        prop_assert!(WORLD.judge(&forge(HEADER, &bytes)).is_err());
        let mut spliced = good().into_bytes();
        spliced.splice(cut.min(spliced.len()).., bytes);
        let token = forge(HEADER, spliced);
        let _ = verify::<AccessToken>(&token, &WORLD.keys, &WORLD.policy, NOW);
        let _ = verify::<IdToken>(&token, &WORLD.keys, &WORLD.policy, NOW);
        let _ = verify::<Value>(&token, &WORLD.keys, &WORLD.policy, NOW);
    }

    #[test]
    fn base64url_is_one_to_one(bytes in any::<Vec<u8>>(), text in "[A-Za-z0-9_=+/-]{0,24}") {
        prop_assert_eq!(base64url::decode(base64url::encode(&bytes)), Some(bytes));
        if let Some(bytes) = base64url::decode(&text) {
            prop_assert_eq!(base64url::encode(bytes), text);
        }
    }
}

/// Every byte of a token, changed in each bit and to each special character: always refused.
#[test]
fn no_changed_byte_passes() {
    for alg in [Algorithm::Hs256, Algorithm::Ed25519, Algorithm::Es256] {
        let key = SigningKey::generate(alg).unwrap();
        let claims: AccessToken = serde_json::from_str(&good()).unwrap();
        let token = key.sign("at+jwt", &claims).unwrap();
        let keys = KeySet::new([key.verifying_key().unwrap()]);
        let policy = policy(&[alg]);
        verify::<Value>(&token, &keys, &policy, NOW).unwrap();
        for at in 0..token.len() {
            let changes = (0..7).map(|bit| token.as_bytes()[at] ^ 1 << bit).chain(*b".=-_A ");
            for change in changes.filter(|change| *change != token.as_bytes()[at]) {
                let mut bytes = token.clone().into_bytes();
                bytes[at] = change;
                let text = String::from_utf8(bytes).unwrap();
                assert!(verify::<Value>(&text, &keys, &policy, NOW).is_err(), "{alg} byte {at} to {change}");
            }
            let shorter = format!("{}{}", &token[..at], &token[at + 1..]);
            assert!(verify::<Value>(&shorter, &keys, &policy, NOW).is_err(), "{alg} without byte {at}");
        }
    }
}

#[test]
fn claims_of_the_table_cannot_hide_among_the_others() {
    let mut claims: AccessToken = serde_json::from_str(&good()).unwrap();
    claims.more.insert("sub".to_owned(), "admin".into());
    let error = WORLD.key("k1").sign("at+jwt", &claims).unwrap_err();
    assert_eq!(error.code, "bad_claims");
    for claims in [Value::from("text"), Value::Null, Value::from(vec![1])] {
        assert_eq!(WORLD.key("k1").sign("at+jwt", &claims).unwrap_err().code, "bad_claims");
    }
}
