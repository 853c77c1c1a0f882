//! The issuer under show: a child process of this binary, and the command line beside it.

use crate::cast::Person;
use crate::stage::Places;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

/// Where the issuer's log goes, in its data directory.
const LOG: &str = "serve.log";

/// Where its mail goes, there too: a file each.
const MAIL: &str = "mail";

/// How long the issuer may take to answer `/readyz`.
const START_DEADLINE: Duration = Duration::from_secs(20);
/// How long it may take to end after it was asked to.
const STOP_DEADLINE: Duration = Duration::from_secs(10);

/// `countersign serve`, stoppable for real.
pub(crate) struct Issuer {
    binary: PathBuf,
    data_dir: PathBuf,
    listen: String,
    url: String,
    more: Vec<String>,
    child: Mutex<Option<Child>>,
}

/// What a command answered.
pub(crate) struct Output {
    pub(crate) line: String,
    pub(crate) ok: bool,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Issuer {
    pub(crate) fn new(data_dir: &Path, places: &Places) -> Result<Self> {
        Ok(Self {
            binary: std::env::current_exe().context("which binary is this?")?,
            data_dir: data_dir.to_owned(),
            listen: places.issuer_listen.to_string(),
            url: places.issuer.clone(),
            more: Vec::new(),
            child: Mutex::new(None),
        })
    }

    /// More flags for `serve`.
    pub(crate) fn with(mut self, flags: &[&str]) -> Self {
        self.more = flags.iter().map(|flag| (*flag).to_owned()).collect();
        self
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The folder its mail goes to.
    pub(crate) fn mail(&self) -> PathBuf {
        self.data_dir.join(MAIL)
    }

    /// Starts the process and waits until it answers.
    pub(crate) async fn start(&self, http: &reqwest::Client) -> Result<()> {
        let mut slot = self.child.lock().await;
        let log = std::fs::File::options().create(true).append(true).open(self.data_dir.join(LOG));
        let log = log.context("the issuer's log")?;
        let child = self
            .command()
            .args(["serve", "--listen", &self.listen, "--issuer", &self.url])
            .args(&self.more)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("starting the issuer")?;
        let child = slot.insert(child);
        let ready = tokio::time::timeout(START_DEADLINE, async {
            let mut tick = tokio::time::interval(Duration::from_millis(20));
            loop {
                tick.tick().await;
                if let Some(status) = child.try_wait()? {
                    bail!("the issuer ended at once: {status}");
                }
                let answer = http.get(format!("{}/readyz", self.url)).send().await;
                if answer.is_ok_and(|a| a.status().is_success()) {
                    return Ok(());
                }
            }
        });
        let outcome = ready.await.unwrap_or_else(|_| bail!("no 200 at /readyz within {START_DEADLINE:?}"));
        outcome.with_context(|| self.log_tail())
    }

    /// Ends the process and waits until it is gone.
    pub(crate) async fn stop(&self) -> Result<()> {
        let Some(mut child) = self.child.lock().await.take() else { return Ok(()) };
        child.start_kill().context("stopping the issuer")?;
        tokio::time::timeout(STOP_DEADLINE, child.wait()).await.context("the issuer does not end")??;
        Ok(())
    }

    /// Runs a command of this binary on the issuer's data directory.
    pub(crate) async fn cli(&self, args: &[&str], stdin: Option<&str>) -> Result<Output> {
        let mut child = self
            .command()
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("starting a command")?;
        if let Some(mut pipe) = child.stdin.take() {
            // A command that ends without reading its input is judged by its exit code, not by the pipe.
            let _ = pipe.write_all(stdin.unwrap_or_default().as_bytes()).await;
        }
        let line = format!("countersign {}", args.join(" "));
        let done = tokio::time::timeout(START_DEADLINE, child.wait_with_output())
            .await
            .with_context(|| format!("`{line}` does not end"))??;
        Ok(Output {
            line,
            ok: done.status.success(),
            code: done.status.code(),
            stdout: String::from_utf8_lossy(&done.stdout).trim().to_owned(),
            stderr: String::from_utf8_lossy(&done.stderr).trim().to_owned(),
        })
    }

    /// `client apply` or `resource apply` of a document.
    pub(crate) async fn apply(&self, noun: &str, document: &Value) -> Result<Output> {
        let file = self.data_dir.join(format!("{noun}.json"));
        std::fs::write(&file, document.to_string())?;
        let outcome = self.cli(&[noun, "apply", &file.to_string_lossy()], None).await;
        std::fs::remove_file(&file)?;
        outcome
    }

    /// `user add`.
    pub(crate) async fn admit(&self, person: &Person) -> Result<()> {
        let mut args = vec!["user", "add", &person.email, "--name", &person.name];
        args.extend(["--username", &person.username, "--password-stdin", "--email-verified"]);
        for role in &person.roles {
            args.extend(["--role", role]);
        }
        self.cli(&args, Some(&person.password)).await?.success()?;
        Ok(())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        // Nothing of the user's own settings reaches the demo, and nothing of it reaches their store.
        command.env_clear().env("COUNTERSIGN_DATA_DIR", &self.data_dir).env("NO_COLOR", "1");
        command.env("COUNTERSIGN_MAIL__SINK", format!("file:{}", self.mail().display()));
        // One line a request, also for documents.
        command.env("COUNTERSIGN_LOG__LEVEL", "info,countersign_server=debug");
        command.current_dir(&self.data_dir).kill_on_drop(true);
        command
    }

    /// Routes of the requests served so far, by the issuer's own log.
    pub(crate) fn requests(&self) -> Result<Vec<String>> {
        let route = |line: &str| {
            let line: Value = serde_json::from_str(line).ok()?;
            Some(line.get("route")?.as_str()?.to_owned())
        };
        Ok(self.log()?.lines().filter_map(route).collect())
    }

    /// Everything it logged.
    pub(crate) fn log(&self) -> Result<String> {
        std::fs::read_to_string(self.data_dir.join(LOG)).context("the issuer's log")
    }

    fn log_tail(&self) -> String {
        let log = self.log().unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(12).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Output {
    /// An error unless the command succeeded.
    pub(crate) fn success(self) -> Result<Self> {
        if self.ok {
            return Ok(self);
        }
        bail!("`{}` ended with {:?}: {} {}", self.line, self.code, self.stderr, self.stdout)
    }
}
