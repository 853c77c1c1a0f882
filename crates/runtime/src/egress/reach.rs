//! Which addresses may be called, and the resolver that names no others.

use countersign_issuer::port::Unreached;
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, LazyLock};
use url::{Host, Url};

/// IPv4 blocks that are not the public internet: the IANA Special-Purpose Address Registry (RFC 6890 and
/// after), whole where it makes exceptions inside a block, and multicast (RFC 5771).
const SPECIAL_V4: [&str; 16] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "192.175.48.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
];
/// Multicast and everything above it, broadcast included (RFC 5771, RFC 1112 4).
const FIRST_NOT_UNICAST: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 0);
/// All that IANA gives out as global unicast (RFC 4291 2.4).
const GLOBAL_V6: &str = "2000::/3";
/// What of it is special: the IPv6 Special-Purpose Address Registry. 2001::/23 holds Teredo, ORCHID,
/// benchmarking; 2002::/16 is 6to4, which reaches whatever IPv4 address stands inside.
const SPECIAL_V6: [&str; 5] = ["2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"];
/// NAT64 (RFC 6052 2.1): the IPv4 address in the last 32 bits is what is reached.
const NAT64: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];
/// Ports of the public internet that are called: https's own, and those that anybody may listen on; below
/// are other services, to which a request could be smuggled.
const HTTPS: u16 = 443;
const FIRST_FREE_PORT: u16 = 1024;

struct Tables {
    special_v4: Vec<IpNet>,
    global_v6: Vec<IpNet>,
    special_v6: Vec<IpNet>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let read = |texts: &[&str]| texts.iter().filter_map(|net| net.parse().ok()).collect();
    Tables { special_v4: read(&SPECIAL_V4), global_v6: read(&[GLOBAL_V6]), special_v6: read(&SPECIAL_V6) }
});

/// Is it an address of the public internet?
fn is_public(address: IpAddr) -> bool {
    let within = |nets: &[IpNet]| nets.iter().any(|net| net.contains(&address));
    match address {
        IpAddr::V4(v4) => v4 < FIRST_NOT_UNICAST && !within(&TABLES.special_v4),
        IpAddr::V6(_) => within(&TABLES.global_v6) && !within(&TABLES.special_v6),
    }
}

/// The address that packets reach in the end: IPv4 written as IPv6 (RFC 4291 2.5.5.2, RFC 6052) is IPv4.
fn reached(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    match v6.segments() {
        [a, b, c, d, e, f, high, low] if [a, b, c, d, e, f] == NAT64 => {
            IpAddr::V4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
        }
        _ => v6.to_canonical(),
    }
}

/// Where calls may go.
pub(super) struct Reach {
    allow: Vec<IpNet>,
}

impl Reach {
    pub(super) fn new(allow: Vec<IpNet>) -> Self {
        Self { allow }
    }

    fn is_allowed(&self, address: IpAddr) -> bool {
        let end = reached(address);
        self.allow.iter().any(|net| net.contains(&address) || net.contains(&end))
    }

    fn may_call(&self, address: IpAddr, only_allowed: bool) -> bool {
        self.is_allowed(address) || (!only_allowed && is_public(reached(address)))
    }

    /// Judges scheme, port and a host that is an address. `true`: only addresses of the list will do.
    pub(super) fn only_allowed(&self, url: &Url) -> Result<bool, Unreached> {
        let port = url.port_or_known_default().unwrap_or_default();
        let only_allowed = match url.scheme() {
            "https" => port != HTTPS && port < FIRST_FREE_PORT,
            "http" => true,
            other => return Err(Unreached(format!("{other} is not https"))),
        };
        let address = match url.host() {
            Some(Host::Ipv4(v4)) => Some(IpAddr::V4(v4)),
            Some(Host::Ipv6(v6)) => Some(IpAddr::V6(v6)),
            Some(Host::Domain(_)) => None,
            None => return Err(Unreached("the address names no host".to_owned())),
        };
        match address {
            Some(address) if !self.may_call(address, only_allowed) => Err(not_to(&address.to_string())),
            _ => Ok(only_allowed),
        }
    }
}

fn not_to(host: &str) -> Unreached {
    Unreached(format!("{host} is not an address this server calls in that way (egress.allow)"))
}

/// Resolves names to addresses that may be called.
pub(super) struct Resolver {
    reach: Arc<Reach>,
    only_allowed: bool,
}

impl Resolver {
    pub(super) fn new(reach: &Arc<Reach>, only_allowed: bool) -> Self {
        Self { reach: Arc::clone(reach), only_allowed }
    }

    fn kept(
        &self,
        host: &str,
        found: impl Iterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, Unreached> {
        let kept: Vec<_> = found.filter(|found| self.reach.may_call(found.ip(), self.only_allowed)).collect();
        if kept.is_empty() { Err(not_to(host)) } else { Ok(kept) }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = Self::new(&self.reach, self.only_allowed);
        Box::pin(async move {
            let host = name.as_str();
            let kept = if is_localhost(host) {
                let here = [(Ipv4Addr::LOCALHOST, 0).into(), (Ipv6Addr::LOCALHOST, 0).into()];
                resolver.kept(host, here.into_iter())
            } else {
                resolver.kept(host, tokio::net::lookup_host((host, 0)).await?)
            };
            Ok(Box::new(kept?.into_iter()) as Addrs)
        })
    }
}

/// `localhost` and everything under it is this machine, whatever the network's DNS says (RFC 6761 6.3).
fn is_localhost(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn every_row_of_the_tables_is_read() {
        assert_eq!(TABLES.special_v4.len(), SPECIAL_V4.len());
        assert_eq!((TABLES.global_v6.len(), TABLES.special_v6.len()), (1, SPECIAL_V6.len()));
    }

    #[test]
    fn special_purpose_addresses_are_not_public() {
        let reach = Reach::new(Vec::new());
        // First and last address of a block, and its neighbours where they are public.
        for special in [
            "0.0.0.0",
            "0.255.255.255",
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.0",
            "172.31.255.255",
            "192.0.0.9",
            "192.0.0.170",
            "192.0.2.1",
            "192.31.196.1",
            "192.52.193.1",
            "192.88.99.1",
            "192.168.0.1",
            "192.168.255.255",
            "192.175.48.1",
            "198.18.0.0",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::127.0.0.1",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::1",
            "100::1",
            "100:0:0:1::1",
            "2001::1",
            "2001:1::1",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:1ff:ffff::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:808:808::1",
            "2620:4f:8000::1",
            "3fff::1",
            "3fff:fff::1",
            "4000::1",
            "5f00::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!reach.may_call(ip(special), false), "{special}");
        }
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "2a00:1450::1",
            "3ffe::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
        ] {
            assert!(reach.may_call(ip(public), false), "{public}");
            assert!(!reach.may_call(ip(public), true), "{public} over http");
        }
    }

    #[test]
    fn what_the_operator_lists_may_be_called_and_nothing_beside_it() {
        let reach = Reach::new(vec!["127.0.0.1/32".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        for (address, may) in [
            ("127.0.0.1", true),
            ("::ffff:127.0.0.1", true),
            ("64:ff9b::127.0.0.1", true),
            ("127.0.0.2", false),
            ("::1", false),
            ("fd12::1", true),
            ("10.0.0.1", false),
        ] {
            assert_eq!(reach.may_call(ip(address), true), may, "{address}");
            assert_eq!(reach.may_call(ip(address), false), may, "{address}");
        }
    }

    #[test]
    fn scheme_port_and_hosts_that_are_addresses_are_judged_before_sending() {
        let reach = Reach::new(vec!["127.0.0.1/32".parse().unwrap()]);
        let judged = |url: &str| reach.only_allowed(&Url::parse(url).unwrap()).ok();
        for (url, only_allowed) in [
            ("https://id.example/", Some(false)),
            ("https://id.example:8443/", Some(false)),
            ("https://id.example:25/", Some(true)),
            ("https://id.example:80/", Some(true)),
            ("http://id.example/", Some(true)),
            ("http://127.0.0.1:9/", Some(true)),
            ("https://127.0.0.1/", Some(false)),
            ("https://8.8.8.8/", Some(false)),
            ("https://8.8.8.8:22/", None),
            ("http://8.8.8.8/", None),
            ("https://10.0.0.1/", None),
            ("https://0x0a.1/", None),
            ("https://167772161/", None),
            ("https://[::1]/", None),
            ("https://[::ffff:10.0.0.1]/", None),
            ("ftp://id.example/", None),
            ("file:///etc/passwd", None),
            ("gopher://id.example:70/", None),
        ] {
            assert_eq!(judged(url), only_allowed, "{url}");
        }
    }

    #[test]
    fn names_keep_the_addresses_that_may_be_called() {
        let reach = Arc::new(Reach::new(Vec::new()));
        let found = |texts: &[&str]| texts.iter().map(|t| SocketAddr::new(ip(t), 0)).collect::<Vec<_>>();
        let kept = |only_allowed: bool, texts: &[&str]| {
            Resolver::new(&reach, only_allowed).kept("id.example", found(texts).into_iter()).ok()
        };
        assert_eq!(kept(false, &["10.0.0.1", "8.8.8.8", "::1"]), Some(found(&["8.8.8.8"])));
        assert_eq!(kept(false, &["10.0.0.1", "169.254.169.254"]), None);
        assert_eq!(kept(true, &["8.8.8.8"]), None);
        for (name, local) in
            [("localhost", true), ("LOCALHOST.", true), ("a.localhost", true), ("localhost.example", false)]
        {
            assert_eq!(is_localhost(name), local, "{name}");
        }
    }
}
