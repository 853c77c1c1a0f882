//! What outlives a restart: revocations as far as they were proven, keys as far as they are young.

use crate::feed::{outcome, seen};
use crate::issuer::{Answer, Issuer, JWKS, METADATA, key};
use countersign_feed::Kind;
use countersign_token::SigningKey;
use countersign_verifier::{Builder, Refusal, Verifier};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

const HOUR: Duration = Duration::from_secs(3600);

fn builder(issuer: &Issuer, dir: &Path) -> Builder {
    issuer.builder().state_dir(dir).max_staleness(HOUR).timeout(Duration::from_millis(500))
}

/// Nobody answers any more.
fn down(issuer: &Issuer) {
    issuer.answer(METADATA, Answer::Status(500));
    issuer.answer(JWKS, Answer::Status(500));
    issuer.feed.knob(|knobs| knobs.status = [("/rev", 500)].into());
    issuer.feed.lock().log.issuer = "https://gone.example".to_owned(); // its metadata is refused
}

async fn stopped(issuer: &Issuer, verifier: Verifier) {
    drop(verifier);
    let ended = tokio::time::timeout(Duration::from_secs(30), async {
        while issuer.feed.streams() > 0 {
            issuer.feed.push(&countersign_feed::stream::Event::Jwks(String::new()));
            tokio::task::yield_now().await;
        }
    });
    ended.await.expect("it goes on");
}

/// A verifier that saw `j1` revoked 10 s after the start, and stopped 20 s later.
async fn one_life(issuer: &Issuer, dir: &Path) {
    let verifier = builder(issuer, dir).build().unwrap();
    verifier.ready().await.unwrap();
    issuer.feed.streaming().await;
    issuer.clock.pass(10);
    let seq = issuer.feed.revoke(Kind::Jti, "j1");
    seen(&verifier, |now| now.seq == seq).await;
    issuer.clock.pass(20);
    stopped(issuer, verifier).await;
}

fn files(dir: &Path, end: &str) -> Vec<PathBuf> {
    let inner = fs::read_dir(dir).unwrap().next().unwrap().unwrap().path();
    let all = fs::read_dir(inner).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = all.filter(|path| path.to_str().unwrap().ends_with(end)).collect();
    found.sort();
    found
}

fn other(issuer: &Issuer, key: &SigningKey) -> String {
    let claims = countersign_token::AccessToken { jti: "j2".to_owned(), ..issuer.claims() };
    key.sign("at+jwt", &claims).unwrap()
}

#[tokio::test]
async fn a_restart_without_the_issuer_enforces_what_was_known_and_shows_its_age() {
    let key = key();
    let (issuer, dir) = (Issuer::with_feed(&[&key]).await, TempDir::new().unwrap());
    one_life(&issuer, dir.path()).await;
    down(&issuer);
    issuer.clock.pass(5);
    let verifier = builder(&issuer, dir.path()).build().unwrap();
    assert_eq!(outcome(&verifier, &issuer.token(&key)).await, "revoked");
    assert_eq!(outcome(&verifier, &other(&issuer, &key)).await, "accepted");
    let feed = verifier.status().feed.unwrap();
    assert_eq!(
        (feed.age, feed.connected, feed.epoch, feed.seq),
        (Some(Duration::from_secs(25)), false, 1, 1)
    );

    // Beyond the bound of the issuer it closes, as it would without a restart.
    let strict = issuer.builder().state_dir(dir.path()).build().unwrap();
    issuer.clock.pass(36);
    assert_eq!(outcome(&strict, &other(&issuer, &key)).await, "stale");
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_reads_the_state() {
    use std::os::unix::fs::PermissionsExt;
    let key = key();
    let (issuer, dir) = (Issuer::with_feed(&[&key]).await, TempDir::new().unwrap());
    one_life(&issuer, dir.path()).await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for file in files(dir.path(), "") {
        assert_eq!(mode(&file), 0o600, "{file:?}");
    }
    assert_eq!(mode(files(dir.path(), "").first().unwrap().parent().unwrap()), 0o700);
}

#[tokio::test]
async fn a_damaged_journal_is_believed_as_far_as_it_is_proven() {
    let key = key();
    let (issuer, dir) = (Issuer::with_feed(&[&key]).await, TempDir::new().unwrap());
    let verifier = builder(&issuer, dir.path()).build().unwrap();
    verifier.ready().await.unwrap();
    issuer.feed.streaming().await;
    for jti in ["a", "b", "j1", "c", "d"] {
        issuer.clock.pass(10);
        let seq = issuer.feed.revoke(Kind::Jti, jti);
        seen(&verifier, |now| now.seq == seq).await;
    }
    stopped(&issuer, verifier).await;
    down(&issuer);
    let [file] = files(dir.path(), ".journal").try_into().unwrap();
    let whole = fs::read(&file).unwrap();
    let step = whole.len() / 30;
    let cut = (0..=whole.len()).step_by(step).map(|at| whole[..at].to_vec());
    let altered = (0..whole.len()).step_by(step).map(|at| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    });
    let mut met = std::collections::BTreeMap::<&str, usize>::new();
    for bytes in cut.chain(altered).chain([whole.clone()]) {
        fs::write(&file, &bytes).unwrap();
        let verifier = builder(&issuer, dir.path()).build().unwrap();
        let told = outcome(&verifier, &issuer.token(&key)).await;
        *met.entry(told).or_default() += 1;
        // What is not known shows: the revocation was 20 s ago, so whoever accepts is older than that.
        if told == "accepted" {
            assert!(verifier.status().feed.unwrap().age > Some(Duration::from_secs(20)));
        }
        drop(verifier);
    }
    assert!(met.contains_key("revoked") && met.contains_key("stale"), "{met:?}");
}

#[tokio::test]
async fn a_damaged_journal_is_mended_when_the_issuer_answers() {
    let key = key();
    let (issuer, dir) = (Issuer::with_feed(&[&key]).await, TempDir::new().unwrap());
    one_life(&issuer, dir.path()).await;
    let [file] = files(dir.path(), ".journal").try_into().unwrap();
    let mut bytes = fs::read(&file).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    bytes.extend_from_slice(b"and more");
    fs::write(&file, &bytes).unwrap();
    let verifier = builder(&issuer, dir.path()).build().unwrap();
    verifier.ready().await.unwrap();
    issuer.feed.streaming().await;
    issuer.clock.pass(6);
    let seq = issuer.feed.revoke(Kind::Jti, "j2");
    seen(&verifier, |now| now.seq == seq).await;
    stopped(&issuer, verifier).await;
    down(&issuer);
    let verifier = builder(&issuer, dir.path()).build().unwrap();
    for token in [issuer.token(&key), other(&issuer, &key)] {
        assert_eq!(outcome(&verifier, &token).await, "revoked");
    }
}

#[tokio::test]
async fn two_writers_in_one_directory_do_not_meet() {
    let key = key();
    let (issuer, dir) = (Issuer::with_feed(&[&key]).await, TempDir::new().unwrap());
    let verifiers = [0, 1].map(|_| builder(&issuer, dir.path()).build().unwrap());
    for verifier in &verifiers {
        verifier.ready().await.unwrap();
    }
    for n in 1..=20 {
        issuer.clock.pass(1);
        let seq = issuer.feed.revoke(Kind::Jti, &format!("j{n}"));
        for verifier in &verifiers {
            seen(verifier, |now| now.seq == seq).await;
        }
    }
    let [first, second] = verifiers;
    drop(first);
    stopped(&issuer, second).await;
    assert_eq!(files(dir.path(), ".journal").len(), 2);
    down(&issuer);
    for file in files(dir.path(), ".journal") {
        // Either alone is enough.
        let aside = file.with_extension("aside");
        fs::rename(&file, &aside).unwrap();
        let verifier = builder(&issuer, dir.path()).build().unwrap();
        for token in [issuer.token(&key), other(&issuer, &key)] {
            assert_eq!(outcome(&verifier, &token).await, "revoked");
        }
        drop(verifier);
        fs::rename(&aside, &file).unwrap();
    }
}

#[tokio::test]
async fn kept_keys_serve_for_a_day_and_only_while_the_issuer_does_not_answer() {
    let (old, new) = (key(), key());
    let (issuer, dir) = (Issuer::start(&[&old]).await, TempDir::new().unwrap());
    let build = || issuer.builder().state_dir(dir.path()).build().unwrap();
    let long = countersign_token::AccessToken { exp: crate::issuer::START + 200_000, ..issuer.claims() };
    let token = old.sign("at+jwt", &long).unwrap();
    assert_eq!(outcome(&build(), &token).await, "accepted");

    // Young ones are used at once, as in a process that went on.
    issuer.clock.pass(60);
    assert_eq!(outcome(&build(), &token).await, "accepted");
    assert_eq!(issuer.hits(JWKS), 1);
    // Past their age the issuer is asked first.
    issuer.clock.pass(540);
    issuer.publish(&[&new]);
    assert_eq!(outcome(&build(), &token).await, "unknown_key");
    issuer.publish(&[&old]);
    build().refresh_keys().await.unwrap();
    issuer.answer(METADATA, Answer::Status(500));
    issuer.answer(JWKS, Answer::Status(500));
    issuer.clock.pass(24 * 3600);
    assert_eq!(outcome(&build(), &token).await, "accepted");
    issuer.clock.pass(1);
    let refusal = build().verify(&token).await.unwrap_err();
    assert!(matches!(refusal, Refusal::KeysUnavailable(_)), "{refusal:?}");
}

#[tokio::test]
async fn damaged_keys_are_none() {
    let key = key();
    let (issuer, dir) = (Issuer::start(&[&key]).await, TempDir::new().unwrap());
    let build = || issuer.builder().state_dir(dir.path()).build().unwrap();
    build().ready().await.unwrap();
    issuer.answer(METADATA, Answer::Status(500));
    issuer.answer(JWKS, Answer::Status(500));
    let [file] = files(dir.path(), "keys.json").try_into().unwrap();
    let whole = fs::read_to_string(&file).unwrap();
    for damaged in
        [whole[..whole.len() / 2].to_owned(), whole.replacen("\\\"x\\\"", "\\\"X\\\"", 1), String::new()]
    {
        assert_ne!(damaged, whole);
        fs::write(&file, damaged).unwrap();
        assert!(build().ready().await.is_err());
    }
    fs::write(&file, whole).unwrap();
    build().ready().await.unwrap();
}
