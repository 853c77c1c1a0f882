//! The stage: addresses, the issuer, the services, the cast.

use crate::cast::{Cast, Person};
use crate::issuer::Issuer;
use crate::relay::Relay;
use crate::service::probe::Probe;
use crate::service::{self, Service};
use crate::{cast, http};
use anyhow::{Context, Result};
use countersign_verifier::SystemClock;
use std::net::SocketAddr;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::OnceCell;

/// Where everything answers. Every name is a loopback name (RFC 6761), so that hosts differ as they
/// would in the world: cookies ignore ports, but not hosts.
#[derive(Clone)]
pub(crate) struct Places {
    pub(crate) issuer_listen: SocketAddr,
    pub(crate) issuer: String,
    pub(crate) users: String,
    pub(crate) orders: String,
    /// The origin that the services and the mobile client's registration list.
    pub(crate) app: String,
}

/// Everything that runs.
pub(crate) struct Stage {
    pub(crate) places: Places,
    pub(crate) issuer: Issuer,
    pub(crate) cast: Cast,
    pub(crate) http: reqwest::Client,
    pub(crate) clock: SystemClock,
    third: OnceCell<Third>,
    _data: TempDir,
}

/// A third service; its feed comes by a cable that can be cut.
pub(crate) struct Third {
    pub(crate) probe: Probe,
    pub(crate) cable: Relay,
}

/// How old what it knows of revocations may get; a minute is usual.
pub(crate) const THIRD_HARD: Duration = Duration::from_millis(1500);

impl Stage {
    /// Starts the issuer on an empty data directory, registers the cast by the command line, starts the
    /// services.
    pub(crate) async fn set(page: SocketAddr) -> Result<Self> {
        let data = TempDir::with_prefix("countersign-demo-").context("a throw-away directory")?;
        let issuer_listen = free_port().await?;
        let (users, orders) =
            (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
        let places = Places {
            issuer_listen,
            issuer: format!("http://auth.localhost:{}", issuer_listen.port()),
            users: format!("http://api.localhost:{}", users.local_addr()?.port()),
            orders: format!("http://orders.localhost:{}", orders.local_addr()?.port()),
            app: format!("http://localhost:{}", page.port()),
        };
        let stage = Self {
            issuer: Issuer::new(data.path(), &places)?,
            cast: Cast::make()?,
            http: http::client()?,
            clock: SystemClock::new(),
            places,
            third: OnceCell::new(),
            _data: data,
        };
        stage.issuer.start(&stage.http).await?;
        stage.register().await?;
        service::start(Service::users(&stage)?, users);
        service::start(Service::orders(&stage)?, orders);
        Ok(stage)
    }

    async fn register(&self) -> Result<()> {
        self.issuer.apply("resource", &self.cast.resources()).await?.success()?;
        self.issuer.apply("client", &self.cast.clients(&self.places)).await?.success()?;
        let grant = format!("{}=users:read,users:write", cast::USERS);
        self.issuer.cli(&["role", "add", "admin", "--grant", &grant], None).await?.success()?;
        self.admit(&self.cast.alice).await?;
        self.admit(&self.cast.bob).await
    }

    /// The third service, started when it is first asked for. It stays: an issuer waits some seconds for what
    /// a verifier that went away has to say.
    pub(crate) async fn third(&self) -> Result<&Third> {
        let start = async || {
            let cable = Relay::to(&[self.places.issuer_listen]).await?;
            let probe = Probe::start(self, "a third service", THIRD_HARD, Some(&cable)).await?;
            Ok(Third { probe, cable })
        };
        self.third.get_or_try_init(start).await
    }

    /// `user add` at the issuer.
    pub(crate) async fn admit(&self, person: &Person) -> Result<()> {
        self.issuer.admit(person).await
    }

    /// What the terminal says.
    pub(crate) fn welcome(&self) -> String {
        let Places { app, users, orders, issuer, .. } = &self.places;
        let Cast { alice, bob, .. } = &self.cast;
        format!(
            "Countersign demo: open {app}\n\n  \
             Team directory  {users}\n  \
             Orders          {orders}\n  \
             Issuer          {issuer}\n\n  \
             Sign in as {} / {}  (administrator)\n          or {} / {}\n\n\
             Everything runs on this machine and is gone when you press Ctrl-C.",
            alice.username, alice.password, bob.username, bob.password
        )
    }
}

/// A loopback port that nobody listens on at the moment.
pub(crate) async fn free_port() -> Result<SocketAddr> {
    let probe = TcpListener::bind("127.0.0.1:0").await.context("a free loopback port")?;
    Ok(probe.local_addr()?)
}
