//! From what was written to what is used: every rule that spans sections, and the result.

use super::problem::Problems;
use super::show::{names_user, without_password};
use super::upstream;
use super::{
    ConfigError, Effective, LogSettings, MailSettings, PasswordSettings, ReaderLimits, RegistrationMode,
    SmsSink, TlsFiles,
};
use countersign_issuer::model::Secret;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use url::{Host, Url};

/// Where everything is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorePath {
    /// A SQLite file.
    Sqlite(PathBuf),
}

/// Where the master key comes from.
#[derive(Clone, Debug)]
pub enum MasterKeySource {
    /// Environment, file or configuration.
    Given(Secret),
    /// A systemd credential.
    Credential(PathBuf),
    /// `master.key` of the data directory, made when missing.
    DataDir(PathBuf),
}

/// Checked settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The issuer identifier as configured. `None`: `http://localhost:PORT` of the port in the end.
    pub issuer_url: Option<String>,
    /// The rules' settings.
    pub issuer: countersign_issuer::Settings,
    /// Where everything is kept.
    pub store: StorePath,
    /// Folder of database and master key.
    pub data_dir: PathBuf,
    /// TLS of the listener.
    pub tls: Option<TlsFiles>,
    /// Proxies whose forwarded headers are believed.
    pub proxies: Vec<IpNet>,
    /// Folder that replaces built-in templates, assets and texts.
    pub templates: Option<PathBuf>,
    /// Where the master key comes from.
    pub master_key: MasterKeySource,
    /// The hashing pool.
    pub password: PasswordSettings,
    /// How mail leaves; `None`: it does not.
    pub mail: Option<MailSettings>,
    /// How text messages leave; `None`: they do not.
    pub sms: Option<SmsSink>,
    /// Readers of the revocation feed.
    pub readers: ReaderLimits,
    /// Who may register clients.
    pub registration: RegistrationMode,
    /// Addresses beside public ones that the server may call.
    pub egress: Vec<IpNet>,
    /// Where `rd=` may send a browser.
    pub return_hosts: Vec<String>,
    /// Logging.
    pub log: LogSettings,
}

impl Settings {
    /// The issuer when the listener got this port.
    pub fn issuer_at(&self, port: u16) -> String {
        self.issuer_url.clone().unwrap_or_else(|| self.local_url(port))
    }

    fn local_url(&self, port: u16) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://localhost:{port}")
    }
}

impl Effective {
    /// Checks every value; all problems at once.
    pub fn check(&self) -> Result<Settings, ConfigError> {
        let raw = &self.raw;
        let mut problems = Problems::new(&self.origins);
        let listen = read_listen(&raw.listen);
        if listen.is_none() {
            problems.push(
                "listen",
                format!("{:?} is not an address with a port: write 127.0.0.1:8080 or [::1]:8080", raw.listen),
            );
        }
        let listen = listen.unwrap_or(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080));
        let tls = raw.tls.check(&mut problems);
        let proxies = raw.proxy.check(&mut problems);
        if let Some(issuer) = &raw.issuer {
            check_issuer(issuer, tls.is_some(), !proxies.is_empty(), &mut problems);
        } else if !listen.ip().is_loopback() {
            problems.push(
                "issuer",
                "must be set when listening beyond loopback: the URL at which browsers and clients reach \
                 this server, such as https://id.example.com",
            );
        }
        if raw.issuer.is_some() && !listen.ip().is_loopback() && tls.is_none() && proxies.is_empty() {
            problems.push(
                "listen",
                "plain HTTP beyond loopback: listen on 127.0.0.1 or [::1], give tls.cert and tls.key, or \
                 declare the proxy in front in proxy.trusted",
            );
        }
        let mut issuer = countersign_issuer::Settings::new(raw.issuer.clone().unwrap_or_default());
        raw.tokens.check(&mut problems, &mut issuer);
        raw.sessions.check(&mut problems, &mut issuer);
        raw.keys.check(&mut problems, &mut issuer);
        raw.direct.check(&mut problems, &mut issuer);
        raw.login.check(&mut problems, &mut issuer);
        raw.signup.check(&mut problems, &mut issuer);
        let password = raw.password.check(&mut problems, &mut issuer);
        let (host, public) = self.host(listen);
        let mail = raw.mail.check(&mut problems, &host, public);
        let sms = raw.sms.check(&mut problems, public);
        issuer.login.mail = mail.is_some();
        issuer.login.sms = sms.is_some();
        let readers = raw.revocation.check(&mut problems, &mut issuer);
        let templates = raw.pages.check(&mut problems);
        let egress = raw.egress.check(&mut problems);
        upstream::check(&raw.upstream, &mut problems, &mut issuer);
        let return_hosts = raw.gateway.check(&mut problems);
        let log = raw.log.check(&mut problems);
        if raw.data_dir.is_empty() {
            problems.push("data_dir", "is empty");
        }
        let data_dir = PathBuf::from(&raw.data_dir);
        let store = self.store(&data_dir, &mut problems);
        problems.finish()?;
        let mut settings = Settings {
            listen,
            issuer_url: raw.issuer.clone(),
            issuer,
            store,
            master_key: self.master_key(&data_dir),
            data_dir,
            tls,
            proxies,
            templates,
            password,
            mail,
            sms,
            readers,
            registration: raw.oauth.registration.mode,
            egress,
            return_hosts,
            log,
        };
        settings.issuer.issuer = settings.issuer_at(listen.port());
        Ok(settings)
    }

    /// The issuer's host, and whether others than this machine reach it.
    fn host(&self, listen: SocketAddr) -> (String, bool) {
        match self.raw.issuer.as_deref().and_then(|issuer| Url::parse(issuer).ok()) {
            Some(url) => (
                url.host_str().unwrap_or("localhost").to_owned(),
                !is_loopback(&url) || !listen.ip().is_loopback(),
            ),
            None => ("localhost".to_owned(), !listen.ip().is_loopback()),
        }
    }

    fn store(&self, data_dir: &Path, problems: &mut Problems<'_>) -> StorePath {
        let Some(url) = &self.raw.store else { return StorePath::Sqlite(data_dir.join("countersign.db")) };
        let path = url.strip_prefix("sqlite:").map(|rest| rest.strip_prefix("//").unwrap_or(rest));
        match path {
            Some(path) if !path.is_empty() && !path.starts_with(':') && !path.contains('?') => {
                return StorePath::Sqlite(PathBuf::from(path));
            }
            Some(_) => problems.push("store", "needs a file: sqlite:./countersign-data/countersign.db"),
            None if url.starts_with("postgres") => {
                problems.push("store", "PostgreSQL is not supported by this version: write sqlite:PATH");
            }
            None => problems.push("store", "is not a store: write sqlite:PATH"),
        }
        StorePath::Sqlite(data_dir.join("countersign.db"))
    }

    fn master_key(&self, data_dir: &Path) -> MasterKeySource {
        if let Some(given) = &self.raw.keys.master_key {
            return MasterKeySource::Given(Secret::new(given.clone()));
        }
        let credential = self.credentials.as_ref().map(|dir| dir.join("countersign-master-key"));
        match credential.filter(|path| path.exists()) {
            Some(path) => MasterKeySource::Credential(path),
            None => MasterKeySource::DataDir(data_dir.join("master.key")),
        }
    }

    /// The value of a setting that nobody set but another one decides.
    pub(super) fn derived(&self, key: &str) -> Option<(String, &'static str)> {
        match key {
            "store" => Some((
                format!("sqlite:{}", Path::new(&self.raw.data_dir).join("countersign.db").display()),
                "data_dir",
            )),
            "issuer" => {
                let listen = read_listen(&self.raw.listen)?;
                let scheme = if self.raw.tls.cert.is_some() { "https" } else { "http" };
                listen
                    .ip()
                    .is_loopback()
                    .then(|| (format!("{scheme}://localhost:{}", listen.port()), "listen"))
            }
            _ => None,
        }
    }
}

fn read_listen(text: &str) -> Option<SocketAddr> {
    let local = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    local.as_deref().unwrap_or(text).parse().ok()
}

/// RFC 8414 2: https, no query, no fragment; `iss` is compared as text, so one spelling only. Plain http
/// only on loopback, where browsers treat it as secure.
fn check_issuer(issuer: &str, tls: bool, proxied: bool, problems: &mut Problems<'_>) {
    let url = match Url::parse(issuer) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => url,
        _ => {
            let shown = without_password(issuer);
            problems.push("issuer", format!("{shown:?} is not a URL such as https://id.example.com"));
            return;
        }
    };
    if url.query().is_some() || url.fragment().is_some() {
        problems.push("issuer", "must have no query and no fragment (RFC 8414 2)");
        return;
    }
    if names_user(&url) {
        problems.push("issuer", "must not hold a user name or a password");
        return;
    }
    let canonical = url.as_str().trim_end_matches('/');
    if issuer != canonical {
        problems.push("issuer", format!("write {canonical} (tokens carry it letter for letter)"));
        return;
    }
    let local = is_loopback(&url);
    if url.scheme() == "http" && tls {
        problems.push("issuer", "begins with http:// although tls.cert is set: write https://");
    } else if url.scheme() == "http" && !local {
        problems.push(
            "issuer",
            "plain http for a public issuer: write https:// and give tls.cert and tls.key, or declare the \
             proxy that terminates TLS in proxy.trusted",
        );
    } else if url.scheme() == "https" && !tls && !proxied {
        problems.push(
            "issuer",
            "is https, but this server would answer plain HTTP: give tls.cert and tls.key, or declare the \
             proxy that terminates TLS in proxy.trusted",
        );
    }
}

/// Loopback names and addresses (RFC 6761 6.3, RFC 8252 8.3).
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}
