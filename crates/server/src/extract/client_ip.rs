//! The caller's address: the connection's, or, from a declared proxy only, what `X-Forwarded-For` says.

use super::cookies::Cookies;
use super::device;
use crate::app::App;
use axum::extract::FromRequestParts;
use countersign_issuer::login::{Caller, Devices};
use http::HeaderMap;
use http::request::Parts;
use ipnet::IpNet;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// Of this request; put there by the dispatcher.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientIp(pub(crate) IpAddr);

impl ClientIp {
    /// Walks `X-Forwarded-For` from the right, as long as the one who wrote the entry is trusted.
    pub(crate) fn of(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        let mut at = peer.to_canonical();
        let is_trusted = |ip: IpAddr| trusted.iter().any(|net| net.contains(&ip));
        if trusted.is_empty() || !is_trusted(at) {
            return Self(at);
        }
        let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
        let entries = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        for entry in entries {
            let Some(ip) = address(entry.trim()) else { break };
            at = ip.to_canonical();
            if !is_trusted(at) {
                break;
            }
        }
        Self(at)
    }
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|a| a.ip()))
}

/// The address alone, for the limiter of client secrets.
pub(crate) fn of(parts: &Parts) -> IpAddr {
    parts.extensions.get::<ClientIp>().map_or(IpAddr::from([0, 0, 0, 0]), |c| c.0)
}

/// Address and device, for the limiter and the sessions list.
pub(crate) struct From(pub(crate) Caller);

impl FromRequestParts<Arc<App>> for From {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        let Ok(cookies) = Cookies::from_request_parts(parts, app).await;
        let devices = cookies.device().map(|value| Devices::read(&app.issuer, value)).unwrap_or_default();
        Ok(Self(Caller { ip: of(parts), device: device(&parts.headers), devices }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, lines: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(X_FORWARDED_FOR, line.parse().unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|t| t.parse().unwrap()).collect();
        ClientIp::of(peer.parse().unwrap(), &headers, &trusted).0.to_string()
    }

    #[test]
    fn only_a_declared_proxy_is_believed() {
        assert_eq!(seen("198.51.100.7", &["203.0.113.9"], &[]), "198.51.100.7");
        assert_eq!(seen("198.51.100.7", &["203.0.113.9"], &["10.0.0.0/8"]), "198.51.100.7");
        assert_eq!(seen("10.0.0.1", &["203.0.113.9"], &["10.0.0.0/8"]), "203.0.113.9");
        assert_eq!(seen("::ffff:10.0.0.1", &["203.0.113.9"], &["10.0.0.0/8"]), "203.0.113.9");
    }

    #[test]
    fn what_a_visitor_wrote_left_of_the_proxy_does_not_count() {
        let trusted = ["10.0.0.0/8"];
        assert_eq!(seen("10.0.0.1", &["127.0.0.1, 203.0.113.9"], &trusted), "203.0.113.9");
        assert_eq!(seen("10.0.0.1", &["127.0.0.1", "203.0.113.9, 10.0.0.2"], &trusted), "203.0.113.9");
        assert_eq!(seen("10.0.0.1", &["203.0.113.9, garbage"], &trusted), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &["203.0.113.9, \""], &trusted), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &[], &trusted), "10.0.0.1");
    }

    #[test]
    fn entries_may_carry_ports() {
        let trusted = ["10.0.0.0/8"];
        assert_eq!(seen("10.0.0.1", &["203.0.113.9:4711"], &trusted), "203.0.113.9");
        assert_eq!(seen("10.0.0.1", &["[2001:db8::1]:4711"], &trusted), "2001:db8::1");
        assert_eq!(seen("10.0.0.1", &["[2001:db8::1]"], &trusted), "2001:db8::1");
    }
}
