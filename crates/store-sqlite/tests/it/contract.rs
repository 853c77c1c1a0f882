//! The contract suite, on a file and in memory.

use countersign_contract::{ManualClock, Place};
use countersign_issuer::port::Store;
use countersign_store_sqlite::{Options, SqliteStore};
use std::sync::Arc;
use tempfile::TempDir;

struct File(TempDir);

impl Place for File {
    fn open(&self, clock: &ManualClock) -> Arc<dyn Store> {
        let path = self.0.path().join("store.db");
        Arc::new(SqliteStore::open(Some(&path), Arc::new(clock.reader()), &Options::default()).unwrap())
    }
}

mod file {
    countersign_contract::suite!(super::File(tempfile::tempdir().unwrap()));
}

mod flow {
    countersign_contract::flows!(super::File(tempfile::tempdir().unwrap()));
}

mod memory {
    use super::*;

    fn open(clock: &ManualClock) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(None, Arc::new(clock.reader()), &Options::default()).unwrap())
    }

    countersign_contract::suite_of_one!(open);
}
