//! The issuer's ports on SQLite, in one file that several processes may share.
//!
//! Owns: the schema and its migrations, the one writing thread that commits in groups, the read
//! connections, and the statements. Rules live in the issuer; here is only what must be atomic.

mod account;
mod browser_session;
mod challenge;
mod client;
mod client_session;
mod code;
mod column;
mod consent;
mod event;
mod fault;
mod feed;
mod key;
mod migrate;
mod node;
mod open;
mod outbox;
mod passkey;
mod phone;
mod reader;
mod recovery_code;
mod refresh;
mod resource;
mod revocation;
mod role;
mod status_list;
mod totp;
mod tx;
mod upstream;
mod user;
mod writer;

pub use open::{Durability, OpenError, Options};

use countersign_issuer::port::StoreResult;
use countersign_issuer::seal::LogKey;
use countersign_token::Timestamp;
use reader::Reader;
use std::sync::{Arc, OnceLock};
use tx::Tx;
use writer::Writer;

/// Where the store's time comes from.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
}

impl<F: Fn() -> Timestamp + Send + Sync> Clock for F {
    fn now(&self) -> Timestamp {
        self()
    }
}

/// An open store. Dropping it writes what is queued, waits for that commit and closes the file.
pub struct SqliteStore {
    clock: Arc<dyn Clock>,
    /// As the writer has it.
    log_key: Arc<OnceLock<LogKey>>,
    writer: Writer,
    reader: Reader,
    durability: Durability,
    queued: outbox::Queued,
}

impl SqliteStore {
    /// What the file system was asked to promise, as SQLite tells it.
    pub fn durability(&self) -> &Durability {
        &self.durability
    }

    /// Reads the whole file and every foreign key; what is wrong, one line each. Seconds on a large file.
    pub fn check(&self) -> StoreResult<Vec<String>> {
        self.read(open::check)
    }

    async fn write<T: Send + 'static>(
        &self,
        op: impl FnOnce(&Tx<'_>) -> fault::Done<T> + Send + 'static,
    ) -> StoreResult<T> {
        let counted = move |tx: &Tx<'_>| Ok((op(tx)?, tx.queued.get()));
        let (done, queued) = self.writer.run(counted).await?;
        self.queued.tell(queued);
        Ok(done)
    }

    /// As [`Self::read`], with every statement seeing the same moment.
    fn read_together<T>(&self, op: impl FnOnce(&Tx<'_>) -> fault::Done<T>) -> StoreResult<T> {
        self.read(|tx| tx.together(op))
    }

    fn read<T>(&self, op: impl FnOnce(&Tx<'_>) -> fault::Done<T>) -> StoreResult<T> {
        self.reader.run(self.clock.as_ref(), op)
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").field("durability", &self.durability).finish_non_exhaustive()
    }
}
