//! Which redirect URIs may be registered (RFC 6749 3.1.2, RFC 8252 7, RFC 9700 2.1): they are compared as
//! text, so what is registered must have one reading only.

use std::net::IpAddr;
use url::{Host, Url};

/// Longest URI, in bytes.
const MAX: usize = 2048;

/// What is wrong with it, as a sentence that says what to write instead.
pub(super) fn check(text: &str) -> Result<(), &'static str> {
    if text.is_empty() || text.len() > MAX {
        return Err("it must be 1 to 2048 bytes long");
    }
    let odd = |b: u8| !b.is_ascii_graphic() || b"\"<>\\^`{|}".contains(&b);
    if text.bytes().any(odd) {
        return Err("it holds a character that must be percent-encoded");
    }
    if text.contains('#') {
        return Err("a fragment is not allowed (RFC 6749 3.1.2)");
    }
    if text.contains('*') {
        return Err("wildcards are not allowed: list each URI");
    }
    let url = Url::parse(text).map_err(|_| "it must be an absolute URI")?;
    if !text.starts_with(url.scheme()) {
        return Err("the scheme must be in lower case");
    }
    if !url.username().is_empty() || url.password().is_some() || text.split('?').next().is_some_and(userinfo)
    {
        return Err("a user name or password is not allowed");
    }
    let path = text.split('?').next().unwrap_or_default();
    if path.split('/').any(dots) {
        return Err("dot segments are not allowed: write the path out");
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if loopback(&url) => Ok(()),
        "http" => Err("http is for loopback addresses only: use https"),
        // RFC 8252 7.1: reverse domain names, so that no other app has it by accident.
        scheme if scheme.contains('.') => Ok(()),
        _ => Err(
            "use https, http on a loopback address, or a private-use scheme with a dot (com.example.app:/)",
        ),
    }
}

/// An `@` in the authority, in whatever reading.
fn userinfo(before_query: &str) -> bool {
    before_query
        .split_once("//")
        .is_some_and(|(_, rest)| rest.split('/').next().is_some_and(|authority| authority.contains('@')))
}

fn dots(segment: &str) -> bool {
    matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
}

fn loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => IpAddr::from(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::from(ip).is_loopback(),
        // RFC 8252 8.3 prefers addresses; development servers use the name, and names under it, which are
        // this machine too (RFC 6761 6.3).
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// What is wrong with an origin (RFC 6454 6.2): scheme, host, port that is not the default, nothing else.
pub(super) fn check_origin(text: &str) -> Result<(), &'static str> {
    let url = Url::parse(text).map_err(|_| "write it as https://host or https://host:port")?;
    match url.scheme() {
        "https" => {}
        "http" if loopback(&url) => {}
        _ => return Err("use https, or http on a loopback address"),
    }
    match url.origin().ascii_serialization() == text {
        true => Ok(()),
        false => {
            Err("write it as https://host or https://host:port, without path, default port or trailing slash")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirect_uris() {
        let fine = [
            "https://app.example/callback",
            "https://app.example:8443/cb?tenant=1",
            "https://app.example",
            "http://127.0.0.1/cb",
            "http://127.0.0.1:49152/cb",
            "http://[::1]:8080/cb",
            "http://localhost:3000/cb",
            "http://app.localhost:3000/cb",
            "com.example.app:/oauth",
            "com.example.app://callback",
            "https://app.example/a%20b",
            "https://app.example/cb?next=@home",
        ];
        for uri in fine {
            assert_eq!(check(uri), Ok(()), "{uri}");
        }
        let refused = [
            ("", "1 to 2048"),
            ("/callback", "absolute"),
            ("app.example/cb", "absolute"),
            ("https://", "absolute"),
            ("http://app.example/cb", "loopback"),
            ("http://127.0.0.1.evil.example/cb", "loopback"),
            ("http://localhost.evil.example/cb", "loopback"),
            ("https://app.example/cb#frag", "fragment"),
            ("https://app.example/cb#", "fragment"),
            ("https://*.app.example/cb", "wildcards"),
            ("https://app.example/*", "wildcards"),
            ("https://user@app.example/cb", "user name"),
            ("https://user:pw@app.example/cb", "user name"),
            ("https://@app.example/cb", "user name"),
            ("https://app.example/a/../b", "dot segments"),
            ("https://app.example/a/%2E%2e/b", "dot segments"),
            ("https://app.example/a b", "percent-encoded"),
            ("https://app.example\\@evil.example/", "percent-encoded"),
            ("https://app.example/\u{e9}", "percent-encoded"),
            ("HTTPS://app.example/cb", "lower case"),
            ("myapp:/cb", "dot"),
            ("javascript:alert(1)", "dot"),
            ("data:text/html,x", "dot"),
            ("file:///etc/passwd", "dot"),
        ];
        for (uri, why) in refused {
            let e = check(uri).expect_err(uri);
            assert!(e.contains(why), "{uri}: {e}");
        }
        assert!(check(&format!("https://app.example/{}", "x".repeat(2048))).is_err());
    }

    #[test]
    fn origins() {
        for fine in ["https://app.example", "https://app.example:8443", "http://localhost:3000"] {
            assert_eq!(check_origin(fine), Ok(()), "{fine}");
        }
        for bad in [
            "*",
            "null",
            "https://app.example/",
            "https://app.example:443",
            "http://app.example",
            "app.example",
            "",
        ] {
            assert!(check_origin(bad).is_err(), "{bad}");
        }
    }
}
