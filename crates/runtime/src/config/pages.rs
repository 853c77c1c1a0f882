//! `[pages]`: the look of the pages.

use super::problem::Problems;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// As written.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawPages {
    /// Folder whose templates, assets and texts (`<language>.json`) replace the built-in ones of the same name; a
    /// `brand.css` in it is added to every page.
    pub templates: Option<String>,
}

impl RawPages {
    pub(super) fn check(&self, problems: &mut Problems<'_>) -> Option<PathBuf> {
        let dir = PathBuf::from(self.templates.as_ref()?);
        if !dir.is_dir() {
            problems.push("pages.templates", format!("{} is not a folder", dir.display()));
        }
        Some(dir)
    }
}
