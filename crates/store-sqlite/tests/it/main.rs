//! The store against the contract, and against what only a file can suffer.

mod contract;
