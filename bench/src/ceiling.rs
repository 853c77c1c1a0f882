//! What this machine can do at all: a bare axum handler, a bare signature, a bare group commit.

use anyhow::Result;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

/// Serves `bytes` bytes on every path until killed; prints its address first.
pub(crate) async fn serve(bytes: usize) -> Result<()> {
    let body: &'static [u8] = Vec::leak(vec![b'x'; bytes]);
    let app = axum::Router::new().fallback(move || async move { body });
    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let mut out = std::io::stdout().lock();
    std::io::Write::write_all(&mut out, format!("{}\n", listener.local_addr()?).as_bytes())?;
    drop(out);
    axum::serve(listener, app).await?;
    Ok(())
}

/// ES256 signatures a second over 700 bytes, one core.
pub(crate) fn signatures_per_second() -> Result<f64> {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)?;
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref())?;
    let message = [7_u8; 700];
    let began = Instant::now();
    let mut count = 0_u32;
    while began.elapsed() < Duration::from_secs(1) {
        std::hint::black_box(key.sign(&random, &message)?);
        count += 1;
    }
    Ok(f64::from(count) / began.elapsed().as_secs_f64())
}

/// Argon2id as the server does it (m = 19,456 KiB, t = 2, p = 1, memory kept), one thread; prints how many a second.
pub(crate) fn hashes(seconds: u64) -> Result<()> {
    let params = Params::new(19_456, 2, 1, Some(32)).map_err(|e| anyhow::anyhow!("{e}"))?;
    let mut memory = vec![Block::default(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut out = [0; 32];
    let (mut count, began) = (0_u32, Instant::now());
    while began.elapsed() < Duration::from_secs(seconds) {
        let hashed = argon2.hash_password_into_with_memory(b"bench horse", &[7; 16], &mut out, &mut memory);
        hashed.map_err(|e| anyhow::anyhow!("{e}"))?;
        count += 1;
    }
    let rate = f64::from(count) / began.elapsed().as_secs_f64();
    std::io::Write::write_all(&mut std::io::stdout(), format!("{rate}\n").as_bytes())?;
    Ok(())
}

/// Rows a second when `group` guarded updates share one commit, and the pragmas in force.
pub(crate) fn commits_per_second(dir: &Path, group: u32) -> Result<(f64, String)> {
    let mut db = durable(&dir.join(format!("ceiling-{group}.db")), group)?;
    let journal: String = db.query_row("PRAGMA journal_mode", [], |r| r.get(0))?;
    let synchronous: i64 = db.query_row("PRAGMA synchronous", [], |r| r.get(0))?;
    let began = Instant::now();
    let mut rows = 0_u32;
    let mut n = 0_i64;
    while began.elapsed() < Duration::from_secs(2) {
        let tx = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        {
            let mut update = tx.prepare_cached("UPDATE s SET n = n + 1 WHERE id = ?1 AND n = ?2")?;
            for id in 0..group {
                anyhow::ensure!(update.execute((id.to_be_bytes(), n))? == 1, "a row went missing");
            }
        }
        tx.commit()?;
        n += 1;
        rows += group;
    }
    let rate = f64::from(rows) / began.elapsed().as_secs_f64();
    Ok((rate, format!("journal_mode={journal} synchronous={synchronous}")))
}

/// What one guarded update takes on a machine that rested for `pause` before; median of `times`.
pub(crate) async fn commit_after(dir: &Path, pause: Duration, times: usize) -> Result<Duration> {
    let db = durable(&dir.join("ceiling-rested.db"), 1)?;
    let mut took = Vec::with_capacity(times);
    for n in 0..times {
        tokio::time::sleep(pause).await;
        let began = Instant::now();
        db.execute("UPDATE s SET n = n + 1 WHERE n = ?1", [i64::try_from(n)?])?;
        took.push(began.elapsed());
    }
    took.sort_unstable();
    Ok(took.get(times / 2).copied().unwrap_or_default())
}

fn durable(path: &Path, rows: u32) -> Result<rusqlite::Connection> {
    let db = rusqlite::Connection::open(path)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.execute_batch("CREATE TABLE s (id BLOB PRIMARY KEY, n INTEGER NOT NULL, pad BLOB NOT NULL) STRICT")?;
    for id in 0..rows {
        db.execute("INSERT INTO s VALUES (?1, 0, zeroblob(250))", [id.to_be_bytes()])?;
    }
    Ok(db)
}
