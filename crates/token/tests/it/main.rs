//! The engine from outside, as its users see it.

mod round_trip;
