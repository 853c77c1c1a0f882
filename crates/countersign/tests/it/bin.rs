//! Runs the binary with a throw-away data directory and no settings of the person who runs the tests.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) const GOOD: &str = "tangled-harbour-lantern-42";

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }
    #[track_caller]
    pub(crate) fn failed(self, code: i32, says: &str) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(self.err.contains(says), "no {says:?} in {self:?}");
        self
    }
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// A data directory and the binary that works on it.
pub(crate) struct Bin {
    dir: tempfile::TempDir,
}

impl Bin {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }
    /// The temporary folder.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }
    /// The data directory, made by the first start.
    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.args(args).current_dir(self.dir.path()).env_clear();
        command.env("COUNTERSIGN_DATA_DIR", self.data());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, "", &[])
    }
    pub(crate) fn pipe(&self, args: &[&str], stdin: &str) -> Ran {
        self.run_with(args, stdin, &[])
    }
    pub(crate) fn run_with(&self, args: &[&str], stdin: &str, env: &[(&str, &str)]) -> Ran {
        let mut command = self.command(args);
        let mut child = command.envs(env.iter().copied()).stdin(Stdio::piped()).spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        // The command may refuse before it reads.
        drop(pipe.write_all(stdin.as_bytes()));
        drop(pipe);
        let done = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran { code: done.status.code(), out: text(done.stdout), err: text(done.stderr) }
    }
    /// Applies a client or resource document.
    pub(crate) fn apply(&self, kind: &str, document: &Value) -> Ran {
        self.pipe(&[kind, "apply", "-", "--json"], &document.to_string())
    }
    pub(crate) fn serve(&self) -> Server {
        self.serve_with(&[])
    }
    pub(crate) fn serve_with(&self, more: &[&str]) -> Server {
        let mut args = vec!["serve", "--json", "--listen", "127.0.0.1:0"];
        args.extend(more);
        let log = self.dir.path().join("serve.log");
        let mut command = self.command(&args);
        let mut child = command.stderr(std::fs::File::create(&log).unwrap()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("not serving: {}", std::fs::read_to_string(&log).unwrap()));
        let address = told["listening"].as_str().unwrap().parse().unwrap();
        Server { child, address, issuer: told["issuer"].as_str().unwrap().to_owned(), log }
    }
}

/// A running server; killed when dropped.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) issuer: String,
    log: PathBuf,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Status line and headers, lower case.
    pub(crate) head: String,
    /// The same as it came.
    pub(crate) raw_head: String,
    pub(crate) body: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
    fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        let lines = self.raw_head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
    #[track_caller]
    pub(crate) fn location(&self) -> &str {
        self.headers("location").next().unwrap_or_else(|| panic!("no redirect: {self:?}"))
    }
    /// Names and values of the cookies it sets.
    pub(crate) fn cookies(&self) -> Vec<(String, String)> {
        let pairs = self.headers("set-cookie").filter_map(|cookie| cookie.split(';').next()?.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

impl Server {
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "", "")
    }
    pub(crate) fn post_json(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, "content-type: application/json\r\n", &body.to_string())
    }
    pub(crate) fn post_form(&self, path: &str, body: &str) -> Answer {
        self.send("POST", path, "content-type: application/x-www-form-urlencoded\r\n", body)
    }
    pub(crate) fn send(&self, method: &str, path: &str, head: &str, body: &str) -> Answer {
        let host = self.issuer.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\n{head}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_ascii_lowercase(), raw_head: head.to_owned(), body: body.to_owned() }
    }
    /// Resident memory now, in KiB.
    pub(crate) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
    /// Sends SIGTERM and waits; the exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        let done = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(done.success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Asks until it is so; how long that took.
#[track_caller]
pub(crate) fn within(limit: Duration, what: &str, mut so: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    loop {
        if so() {
            return began.elapsed();
        }
        assert!(began.elapsed() < limit, "{what}: not within {limit:?}");
    }
}
