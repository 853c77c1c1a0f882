//! The life of an account as its owner sees it.

pub mod sessions;
