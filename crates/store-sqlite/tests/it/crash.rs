//! kill -9 in the middle of a storm of logins and rotations: what was acknowledged is there, nothing forks,
//! no code is good twice.
//!
//! The child writes a line for each answer it got; the parent kills it after so many lines, drawn from the
//! round's seed, opens the file and presents what a client would hold.

use crate::{as_child, child};
use countersign_contract::fixture::{self, ABSOLUTE, CODE_LIFE, UNTIL, event, rotation};
use countersign_contract::stage::at_once;
use countersign_contract::{ManualClock, SeededEntropy, Stage};
use countersign_issuer::model::{
    AuthorizationCode, Client, ClientSession, ClientSessionId, Digest, EventKind, User,
};
use countersign_issuer::port::{CreateUser, Redeemed, RotateOutcome, Store};
use countersign_store_sqlite::{Options, SqliteStore};
use countersign_token::base64url;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

const ROUNDS: u64 = 50;
const MOST_LINES: u64 = 300;
const CALLERS: usize = 16;

fn place(path: PathBuf) -> impl Fn(&ManualClock) -> Arc<dyn Store> {
    move |clock| {
        Arc::new(SqliteStore::open(Some(&path), Arc::new(clock.reader()), &Options::default()).unwrap())
    }
}

#[test]
fn kill_9() {
    if let Some(path) = as_child() {
        return countersign_contract::run(place(path), storm);
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let mut told = Told::default();
    for round in 0..ROUNDS {
        let seed = SeededEntropy::new(round);
        let lines = seed.below(MOST_LINES);
        println!("round {round}: seed {round}, killed after {lines} answers");
        told.listen(&path, lines);
        countersign_contract::run(place(path.clone()), async |stage| told.hold(&stage, &seed).await);
        let clock = Arc::new(ManualClock::default().reader());
        let store = SqliteStore::open(Some(&path), clock, &Options::default()).unwrap();
        assert_eq!(store.check().unwrap(), Vec::<String>::new());
    }
    println!(
        "{} sessions, {} codes, {} ended, {} rotations",
        told.sessions.len(),
        told.codes.len(),
        told.ended.len(),
        told.rotations
    );
    assert!(told.sessions.len() > 50 && told.codes.len() > 50 && told.rotations > 500, "hardly a storm");
}

/// In the child, until it is killed.
async fn storm(mut stage: Stage) {
    // Ids of this round only: where the log stands differs from round to round.
    let mark = stage.mark().await;
    stage.entropy = SeededEntropy::new(u64::try_from(mark).unwrap() ^ (1 << 40));
    let client = stage.client("app").await;
    let user = match stage.store.find_login("ada").await.unwrap().it {
        Some(found) => found.subject.user,
        None => {
            let new = fixture::new_user(&stage.entropy, "ada");
            match stage.store.create_user(new, event(EventKind::UserCreated)).await.unwrap() {
                CreateUser::Created(user) => user,
                other => panic!("{other:?}"),
            }
        }
    };
    let old = stage.store.list_client_sessions(&user.id).await.unwrap();
    let stage = Arc::new(stage);
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let mine: Vec<_> = old.iter().skip(caller).step_by(CALLERS).take(8).cloned().collect();
            tokio::spawn(caller_loop(Arc::clone(&stage), user.clone(), client.clone(), mine))
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
}

/// Logs in, rotates what it has, ends one now and then.
async fn caller_loop(stage: Arc<Stage>, user: User, client: Client, mut mine: Vec<ClientSession>) {
    loop {
        for session in &mut mine {
            let n = session.refresh.as_ref().unwrap().n;
            let theft = event(EventKind::RefreshTheft);
            match stage.store.rotate_refresh(rotation(session, n), theft).await.unwrap() {
                RotateOutcome::Rotated(_, row, _) => *session = *row,
                other => panic!("{other:?}"),
            }
            say(&format!("n {} {}", session.id, session.refresh.as_ref().unwrap().n));
        }
        if mine.len() > 4 {
            let session = mine.swap_remove(0);
            let ended = event(EventKind::ClientSessionEnded);
            stage.store.end_session(session.id, None, None, UNTIL, ended).await.unwrap().unwrap();
            say(&format!("ended {}", session.id));
        }
        mine.push(log_in(&stage, &user, &client).await);
    }
}

async fn log_in(stage: &Stage, user: &User, client: &Client) -> ClientSession {
    let browser = stage.browser(user).await;
    let code = fixture::code(&stage.entropy, &user.id, &client.id, &browser.id);
    assert!(stage.store.create_code(code.clone(), CODE_LIFE).await.unwrap());
    let digest = base64url::encode(code.digest.0);
    say(&format!("code {digest}"));
    let new = fixture::client_session(&stage.entropy, &user.id, &client.id, Some(&browser.id));
    let done = redeem(stage, &code, new.clone()).await;
    assert!(matches!(done, Redeemed::Done(..)), "{done:?}");
    say(&format!("spent {digest} {}", new.id));
    new
}

async fn redeem(stage: &Stage, code: &AuthorizationCode, new: ClientSession) -> Redeemed {
    let started = event(EventKind::ClientSessionStarted);
    stage.store.redeem_code(&code.digest, new, ABSOLUTE, UNTIL, started).await.unwrap()
}

/// One write, so that a line is whole or not there.
fn say(line: &str) {
    std::io::stdout().write_all(format!("told {line}\n").as_bytes()).unwrap();
}

/// What the child was told by the store before it died.
#[derive(Default)]
struct Told {
    /// The newest number a client holds.
    sessions: HashMap<ClientSessionId, u32>,
    codes: HashMap<Digest, Option<ClientSessionId>>,
    ended: Vec<ClientSessionId>,
    rotations: usize,
}

impl Told {
    fn listen(&mut self, path: &Path, lines: u64) {
        let mut child =
            child("crash::kill_9", path, None).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut heard = 0;
        let mut killed = false;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            // The harness says something before the first answer: a round may be killed while it opens.
            if !killed && heard >= lines {
                child.kill().unwrap();
                killed = true;
            }
            // libtest may have left its own text at the beginning of the first line.
            if let Some((_, told)) = line.split_once("told ") {
                heard += 1;
                self.note(told);
            }
        }
        assert!(!child.wait().unwrap().success(), "it was killed, or it failed");
        assert!(killed, "the child ended by itself after {heard} answers");
    }

    fn note(&mut self, told: &str) {
        let sid = |text: &str| ClientSessionId::parse(text).unwrap();
        let digest = |text: &str| Digest(base64url::decode(text).unwrap().try_into().unwrap());
        match told.split(' ').collect::<Vec<_>>()[..] {
            ["n", id, n] => {
                self.rotations += 1;
                self.sessions.insert(sid(id), n.parse().unwrap());
            }
            ["code", code] => {
                self.codes.insert(digest(code), None);
            }
            ["spent", code, id] => {
                self.codes.insert(digest(code), Some(sid(id)));
                self.sessions.insert(sid(id), 1);
            }
            ["ended", id] => {
                self.sessions.remove(&sid(id));
                self.ended.push(sid(id));
            }
            _ => panic!("{told}"),
        }
    }

    /// After the restart: everything told is so.
    async fn hold(&mut self, stage: &Stage, seed: &SeededEntropy) {
        for id in &self.ended {
            let row = stage.store.client_session(*id).await.unwrap().it.unwrap().0;
            assert!(row.revoked_at.is_some(), "{id} was ended");
        }
        let held: Vec<_> = self.sessions.drain().collect();
        let now_held = at_once(held.len(), |i| {
            let store = Arc::clone(&stage.store);
            let (id, n) = held[i];
            async move { (id, ask_again(store, id, n).await) }
        })
        .await;
        let before = self.ended.len();
        for (id, n) in now_held {
            match n {
                Some(n) => drop(self.sessions.insert(id, n)),
                // Ended, and killed before that was said.
                None => self.ended.push(id),
            }
        }
        let gone = self.ended.len() - before;
        assert!(gone <= CALLERS, "{gone} sessions are gone");
        self.codes_hold(stage, seed).await;
    }

    async fn codes_hold(&mut self, stage: &Stage, seed: &SeededEntropy) {
        for (digest, spent_for) in std::mem::take(&mut self.codes) {
            let code = stage.store.code(&digest).await.unwrap().it.unwrap();
            assert!(spent_for.is_none() || code.spent_for == spent_for, "spent is spent");
            // Presenting it again is theft and ends the session: not for all of them.
            if code.spent_for.is_some() && seed.below(16) > 0 {
                self.codes.insert(digest, code.spent_for);
                continue;
            }
            let new = fixture::client_session(seed, &code.user, &code.client, code.browser.as_ref());
            match redeem(stage, &code, new.clone()).await {
                Redeemed::Done(..) => {
                    assert!(code.spent_for.is_none(), "a code was good twice");
                    self.codes.insert(digest, Some(new.id));
                    self.sessions.insert(new.id, 1);
                }
                Redeemed::AlreadySpent(_) => {
                    let first = code.spent_for.unwrap();
                    if self.sessions.remove(&first).is_some() {
                        self.ended.push(first);
                    }
                }
                Redeemed::Gone => panic!("a code was lost"),
            }
        }
    }
}

/// What a client does that holds number `n` and never got its answer: it asks again, and gets the very
/// successor that was made before the crash, or makes it now. `None`: the session was ended.
async fn ask_again(store: Arc<dyn Store>, id: ClientSessionId, n: u32) -> Option<u32> {
    let row = store.client_session(id).await.unwrap().it.unwrap().0;
    let stored = row.refresh.as_ref().unwrap().n;
    assert!(stored == n || stored == n + 1, "{id}: told {n}, stored {stored}");
    if row.revoked_at.is_some() {
        return None;
    }
    let next = match store.rotate_refresh(rotation(&row, n), event(EventKind::RefreshTheft)).await.unwrap() {
        RotateOutcome::Rotated(_, row, _) if stored == n => row,
        RotateOutcome::Replayed(_, row, _) if stored == n + 1 => row,
        other => panic!("{id}: told {n}, stored {stored}: {other:?}"),
    };
    assert_eq!(next.refresh.unwrap().n, n + 1);
    Some(n + 1)
}
