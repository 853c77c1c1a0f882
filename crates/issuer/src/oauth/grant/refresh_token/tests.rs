use super::*;
use crate::oauth::fixture::{API, OTHER, client, confidential, known, scopes, session};

fn key(version: u16, fill: u8) -> Arc<RefreshKey> {
    Arc::new(RefreshKey { version, secret: zeroize::Zeroizing::new(vec![fill; 32]) })
}

const SID: ClientSessionId = ClientSessionId([3; 16]);

fn token(n: u32) -> String {
    make(&key(1, 1), SID, n).unwrap()
}

fn keys(version: u16) -> Option<Arc<RefreshKey>> {
    (version == 1).then(|| key(1, 1))
}

#[test]
fn reads_what_it_made() {
    for n in [0, 1, 0x0102_0304, u32::MAX] {
        let named = read(&token(n), keys).unwrap();
        assert_eq!(named, Named { key_version: 1, sid: SID, n });
    }
    assert_eq!(token(1), token(1), "a retry gets the same successor");
    assert_eq!(token(1).len(), 52);
}

#[test]
fn a_forged_token_is_nobodys() {
    let good = token(5);
    let bytes = base64url::decode(&good).unwrap();
    for at in 0..bytes.len() {
        let mut forged = bytes.clone();
        forged[at] ^= 1;
        assert_eq!(read(&base64url::encode(&forged), keys), None, "byte {at}");
    }
    assert_eq!(read(&good, |_| Some(key(1, 2))), None, "another key");
    assert_eq!(read(&good, |_| None), None, "a forgotten key");
    for bad in ["", "x", &good[1..], &format!("{good}="), &format!("{good}A"), &format!(" {}", &good[1..])] {
        assert_eq!(read(bad, keys), None, "{bad}");
    }
}

#[test]
fn the_tag_is_bound_to_the_session() {
    // Under the same refresh key, a tag of one session fits no other: the key is derived from the sid.
    let other = make(&key(1, 1), ClientSessionId([4; 16]), 5).unwrap();
    let (a, b) = (base64url::decode(token(5)).unwrap(), base64url::decode(other).unwrap());
    let mixed = [&a[..SIGNED], &b[SIGNED..]].concat();
    assert_eq!(read(&base64url::encode(mixed), keys), None);
}

#[test]
fn one_use_never_gets_more_than_was_granted() {
    let known = known();
    let session = session("openid read offline_access", &[API]);
    let of = |client: &Client, scope: Option<&str>, resources: &[&str]| {
        let scope = scope.map(scopes);
        decide(&session, client, scope.as_ref(), resources, &known)
            .map(|(scopes, audiences)| (scopes, audiences.len()))
            .map_err(|refused| refused.code)
    };
    assert_eq!(of(&client(), None, &[]), Ok((scopes("openid read offline_access"), 1)));
    assert_eq!(of(&client(), Some("read"), &[API]), Ok((scopes("read"), 1)));
    assert_eq!(of(&client(), Some("read write"), &[]), Err(Code::InvalidScope), "wider");
    assert_eq!(of(&client(), None, &[OTHER]), Err(Code::InvalidTarget), "not granted");
    let mut reduced = client();
    reduced.metadata.scope = scopes("openid");
    assert_eq!(of(&reduced, None, &[]), Ok((scopes("openid"), 1)), "taken from the client since");
    let mut stranger = client();
    stranger.id = crate::model::ClientId::parse("stranger").unwrap();
    assert_eq!(of(&stranger, None, &[]), Err(Code::InvalidGrant));
}

#[test]
fn who_rotates() {
    assert!(client().rotates());
    let mut quiet = confidential();
    quiet.metadata.refresh_rotate = false;
    assert!(!quiet.rotates());
}
