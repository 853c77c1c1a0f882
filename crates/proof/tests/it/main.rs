//! The guarantee of the feed, checked: by a model of the protocol, and by simulation of the code.

#![expect(clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod model;
mod simulation;
