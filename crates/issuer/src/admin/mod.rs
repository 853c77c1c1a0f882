//! What operators do, shared by the command line and (later) console and admin API. They work on an
//! [`crate::Issuer`] over the same store, also while a server runs on it.

pub mod clients;
pub mod resources;
pub mod revoke;
pub mod roles;
pub mod users;
