//! `next`: the pure function pages, direct API and step-up all ask.

use super::{Factor, Proof, Purpose};
use crate::model::User;
use crate::model::session::Authentication;
use countersign_token::Timestamp;

/// What is asked of the person.
#[derive(Clone, Debug)]
pub struct Asked {
    /// For what.
    pub purpose: Purpose,
    /// In which flow.
    pub flow: String,
}

/// What the house demands.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Factors that may come first.
    pub first: Vec<Factor>,
    /// How old a proof may be, in seconds.
    pub proof_life: u32,
}

/// What comes next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// One of these is still due.
    NeedFactor(Vec<Factor>),
    /// Signed in.
    Done(Authentication),
    /// Never.
    Refused(&'static str),
}

/// Decides from the account and the proofs so far.
pub fn next(_account: &User, _proofs: &[Proof], _asked: &Asked, _policy: &Policy, _now: Timestamp) -> Step {
    todo!()
}
