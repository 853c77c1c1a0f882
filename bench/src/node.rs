//! The real binary on core 0 with a throw-away data directory.

use crate::http::{self, Connection};
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Where the binaries are: beside this one.
fn binary() -> Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name("countersign"))
}

/// A running server.
pub(crate) struct Node {
    child: Child,
    pub(crate) address: SocketAddr,
    dir: PathBuf,
    cores: String,
    env: Vec<(&'static str, String)>,
}

impl Node {
    /// Starts it, on the cores named as `taskset` does; answers how long the first 200 on discovery took.
    pub(crate) async fn start(dir: &Path, cores: &str) -> Result<(Self, Duration)> {
        Self::start_with(dir, cores, &[]).await
    }

    /// The same, with settings as environment variables.
    pub(crate) async fn start_with(
        dir: &Path,
        cores: &str,
        env: &[(&'static str, String)],
    ) -> Result<(Self, Duration)> {
        let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let began = Instant::now();
        let node = Self {
            child: spawn(dir, cores, address, env)?,
            address,
            dir: dir.to_owned(),
            cores: cores.to_owned(),
            env: env.to_vec(),
        };
        node.answering(began).await?;
        Ok((node, began.elapsed()))
    }

    /// The issuer identifier.
    pub(crate) fn issuer(&self) -> String {
        format!("http://localhost:{}", self.address.port())
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// After [`Self::kill`], at the same address; answers how long the first 200 took.
    pub(crate) async fn start_again(&mut self) -> Result<Duration> {
        let began = Instant::now();
        self.child = spawn(&self.dir, &self.cores, self.address, &self.env)?;
        self.answering(began).await?;
        Ok(began.elapsed())
    }

    async fn answering(&self, began: Instant) -> Result<()> {
        let request = http::get(self.address, "/.well-known/openid-configuration", "");
        while began.elapsed() < Duration::from_secs(20) {
            if let Ok(mut connection) = Connection::open(self.address).await
                && connection.send(&request).await.is_ok_and(|answer| answer.status == 200)
            {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
        bail!("no 200 on discovery: {}", std::fs::read_to_string(self.dir.join("server.log"))?)
    }

    /// Runs a command of the binary on this node's data.
    pub(crate) fn cli(&self, args: &[&str], stdin: &str) -> Result<()> {
        let mut child = Command::new(binary()?)
            .args(args)
            .arg("--data-dir")
            .arg(&self.dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        child.stdin.take().context("stdin")?.write_all(stdin.as_bytes())?;
        let done = child.wait_with_output()?;
        if !done.status.success() {
            bail!("countersign {args:?}: {}", String::from_utf8_lossy(&done.stderr));
        }
        Ok(())
    }

    /// `client apply` or `resource apply` of a document.
    pub(crate) fn apply(&self, kind: &str, document: &serde_json::Value) -> Result<()> {
        let file = self.dir.join(format!("{kind}.json"));
        std::fs::write(&file, document.to_string())?;
        self.cli(&[kind, "apply", &file.to_string_lossy()], "")
    }

    /// Resident memory in MiB.
    pub(crate) fn resident_mib(&self) -> Result<f64> {
        self.memory("VmRSS:")
    }

    /// The most it ever was.
    pub(crate) fn peak_mib(&self) -> Result<f64> {
        self.memory("VmHWM:")
    }

    /// Processor time that its threads have had (Linux: `schedstat`, first field, nanoseconds).
    pub(crate) fn busy(&self) -> Result<Duration> {
        let mut nanos = 0_u64;
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let read = std::fs::read_to_string(thread?.path().join("schedstat"))?;
            nanos += read.split_whitespace().next().context("no figure")?.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanos))
    }

    fn memory(&self, name: &str) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|l| l.starts_with(name)).context("no such figure")?;
        let kib: f64 = line.split_whitespace().nth(1).context("no figure")?.parse()?;
        Ok(kib / 1024.0)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let stopped = self.child.kill().and_then(|()| self.child.wait());
        if let Err(e) = stopped {
            eprintln!("could not stop the server: {e}");
        }
    }
}

/// The log is kept when a server follows another.
fn spawn(dir: &Path, cores: &str, address: SocketAddr, env: &[(&'static str, String)]) -> Result<Child> {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(dir.join("server.log"))?;
    Command::new("taskset")
        .args(["-c", cores])
        .arg(binary()?)
        .args(["serve", "--listen", &address.to_string()])
        .args(["--issuer", &format!("http://localhost:{}", address.port())])
        .arg("--data-dir")
        .arg(dir)
        .envs(env.iter().map(|(name, value)| (*name, value.as_str())))
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .context("taskset countersign serve")
}

/// Bare Argon2id on core 0.
pub(crate) struct Hashing;

impl Hashing {
    /// Hashes a second, one thread.
    pub(crate) fn measure(time: Duration) -> Result<f64> {
        let done = Command::new("taskset")
            .args(["-c", "0"])
            .arg(std::env::current_exe()?)
            .args(["hash", &time.as_secs().to_string()])
            .output()?;
        Ok(String::from_utf8(done.stdout)?.trim().parse()?)
    }
}

/// A bare axum server on core 0.
pub(crate) struct Bare {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Bare {
    pub(crate) fn start(bytes: usize) -> Result<Self> {
        let mut child = Command::new("taskset")
            .args(["-c", "0"])
            .arg(std::env::current_exe()?)
            .args(["ceiling", &bytes.to_string()])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("stdout")?).read_line(&mut line)?;
        Ok(Self { child, address: line.trim().parse()? })
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let stopped = self.child.kill().and_then(|()| self.child.wait());
        if let Err(e) = stopped {
            eprintln!("could not stop the ceiling: {e}");
        }
    }
}
