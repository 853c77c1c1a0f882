//! Every connection is an open file. Systems allow a process few of them at first and more when it asks.

/// Files a server needs beside its connections: store, logs, sockets.
const OTHERS: u64 = 200;

/// Asks for as many as the system gives, and says when that is less than `connections` need.
#[cfg(unix)]
pub(crate) fn raise(connections: usize) {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::debug!(%error, "the limit of open files stays");
        }
    }
    let wanted = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(OTHERS);
    if let Some(allowed) = getrlimit(Resource::Nofile).current.filter(|allowed| *allowed < wanted) {
        tracing::warn!(
            allowed,
            wanted,
            "the system allows fewer open files than connections are taken: raise it (LimitNOFILE, ulimit -n)"
        );
    }
}

/// Other systems have no such limit.
#[cfg(not(unix))]
pub(crate) fn raise(_connections: usize) {}
