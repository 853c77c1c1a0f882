//! `docs/reference/` is what the binary says of itself.

use crate::bin::Bin;
use std::path::Path;

#[test]
fn the_settings_are_written_down_as_they_are() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference");
    let written = std::fs::read_to_string(folder.join("config.schema.json")).unwrap();
    let says = Bin::new().run(&["config", "schema"]).ok().out;
    assert!(
        written == says,
        "docs/reference/config.schema.json is not what `config schema` prints: run `just reference`"
    );
}
