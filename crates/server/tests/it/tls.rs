//! TLS from PEM files: versions, HTTP/2 by ALPN, and errors that say which file.

use crate::wire::{exchange, get};
use crate::world::{World, world_with};
use countersign_server::{Config, Tls};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

struct Secured {
    world: World,
    roots: RootCertStore,
    folder: tempfile::TempDir,
}

/// A new pair in the folder; the client trusts it.
fn renew(folder: &Path) -> RootCertStore {
    let made = rcgen::generate_simple_self_signed(vec!["id.example.test".to_owned()]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    roots
}

async fn secured(change: impl FnOnce(&mut Config)) -> Secured {
    let folder = tempfile::tempdir().unwrap();
    let roots = renew(folder.path());
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let world = world_with(|config| {
        config.public_url = "https://id.example.test".to_owned();
        config.tls = Some(Tls::Files { cert, key });
        change(config);
    })
    .await;
    Secured { world, roots, folder }
}

impl Secured {
    async fn connect(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        alpn: &[&[u8]],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|p| p.to_vec()).collect();
        let stream = TcpStream::connect(self.world.addr).await.unwrap();
        let name = ServerName::try_from("id.example.test").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }
}

#[tokio::test]
async fn both_versions_speak_http() {
    let secured = secured(|_| {}).await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut stream = secured.connect(&[version], &[b"http/1.1"]).await.unwrap();
        let answer = exchange(&mut stream, &get("/.well-known/openid-configuration").bytes()).await.unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json()["issuer"], "https://id.example.test");
        assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000"));
    }
}

#[tokio::test]
async fn http2_by_alpn() {
    let secured = secured(|_| {}).await;
    let mut stream = secured.connect(rustls::ALL_VERSIONS, &[b"h2", b"http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    // The client's preface and empty SETTINGS (RFC 9113 3.4); the server answers with its SETTINGS frame.
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut frame = [0; 9];
    stream.read_exact(&mut frame).await.unwrap();
    assert_eq!(frame[3], 4, "a SETTINGS frame");
}

#[tokio::test]
async fn a_renewed_certificate_is_used_without_a_restart() {
    let mut secured = secured(|config| config.limits.certificate_look = Duration::from_millis(10)).await;
    assert!(secured.connect(rustls::ALL_VERSIONS, &[]).await.is_ok());
    // Half of a pair: the old one stays.
    let old_key = std::fs::read(secured.folder.path().join("key.pem")).unwrap();
    let new_roots = renew(secured.folder.path());
    let new_key = std::fs::read(secured.folder.path().join("key.pem")).unwrap();
    std::fs::write(secured.folder.path().join("key.pem"), &old_key[..old_key.len() / 2]).unwrap();
    assert!(secured.connect(rustls::ALL_VERSIONS, &[]).await.is_ok());
    std::fs::write(secured.folder.path().join("key.pem"), new_key).unwrap();
    let old_roots = std::mem::replace(&mut secured.roots, new_roots);
    let until_renewed = async {
        while secured.connect(rustls::ALL_VERSIONS, &[]).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), until_renewed).await.expect("the new certificate");
    secured.roots = old_roots;
    assert!(secured.connect(rustls::ALL_VERSIONS, &[]).await.is_err(), "the old one is gone");
}

#[tokio::test]
async fn a_connection_that_does_not_shake_hands_is_closed() {
    let short = Duration::from_millis(200);
    let secured = secured(|config| config.limits.handshake = short).await;
    for bytes in [&b""[..], b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n"] {
        let mut stream = TcpStream::connect(secured.world.addr).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut rest = Vec::new();
        let end = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await;
        assert!(end.is_ok(), "{bytes:?}");
        assert!(!rest.starts_with(b"HTTP"), "{bytes:?}");
    }
}

#[tokio::test]
async fn errors_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let start = || {
        let mut config = Config::new("https://id.example.test", ([127, 0, 0, 1], 0).into());
        config.tls = Some(Tls::Files { cert: cert.clone(), key: key.clone() });
        crate::world::start(config)
    };
    let missing = start().await.unwrap_err().to_string();
    assert!(missing.contains("cert.pem"), "{missing}");
    std::fs::write(&cert, "nothing").unwrap();
    std::fs::write(&key, "nothing").unwrap();
    let empty = start().await.unwrap_err().to_string();
    assert!(empty.contains("no certificate") && empty.contains("cert.pem"), "{empty}");
    let one = rcgen::generate_simple_self_signed(vec!["id.example.test".to_owned()]).unwrap();
    let two = rcgen::generate_simple_self_signed(vec!["id.example.test".to_owned()]).unwrap();
    std::fs::write(&cert, one.cert.pem()).unwrap();
    let no_key = start().await.unwrap_err().to_string();
    assert!(no_key.contains("private key") && no_key.contains("key.pem"), "{no_key}");
    std::fs::write(&key, two.signing_key.serialize_pem()).unwrap();
    let other = start().await.unwrap_err().to_string();
    assert!(other.contains("certificate and key"), "{other}");
    assert!(!other.contains("BEGIN"), "{other}");
}

#[tokio::test]
async fn settings_that_do_not_go_together_do_not_start() {
    let config = Config::new("http://id.example.test", ([127, 0, 0, 1], 0).into());
    assert!(crate::world::start(config).await.unwrap_err().to_string().contains("https"));
    let config = Config::new("https://id.example.test", ([127, 0, 0, 1], 0).into());
    assert!(crate::world::start(config).await.unwrap_err().to_string().contains("proxy"));
}
