//! Server-sent events, cut into pieces; the first byte says how long they are.
//!
//! `cargo fuzz run stream` (with `--sanitizer none` on a stable compiler).

#![no_main]

#[allow(dead_code, reason = "each target runs one of the checks")]
#[path = "../../crates/feed/tests/it/checks.rs"]
mod checks;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| checks::stream(data));
