//! How an application looks on the pages on the way to it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Colour, picture and words of a client. Checked where clients are made (`admin::clients`).
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Brand {
    /// Of buttons and links, `#rrggbb`.
    pub accent: Option<String>,
    /// A `data:` URI in base64, PNG or SVG, of at most 32 KiB.
    pub logo: Option<String>,
    /// `welcome`, perhaps once a language (`welcome#de`): a sentence above the sign-in form.
    #[serde(default)]
    pub texts: BTreeMap<String, String>,
}

/// The kinds of picture, with the bytes a `data:` URI of them begins with.
const PNG: &str = "data:image/png;base64,";
const SVG: &str = "data:image/svg+xml;base64,";

/// A picture, decoded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Logo {
    /// It is an SVG, which may hold scripts: nothing but an `img` may load it.
    pub svg: bool,
    /// The file.
    pub bytes: Vec<u8>,
}

impl Brand {
    /// The picture; `None` when there is none, or it is not base64.
    pub fn picture(&self) -> Option<Logo> {
        let uri = self.logo.as_deref()?;
        let (svg, data) = match (uri.strip_prefix(PNG), uri.strip_prefix(SVG)) {
            (Some(data), _) => (false, data),
            (None, Some(data)) => (true, data),
            (None, None) => return None,
        };
        let bytes = base64_simd::STANDARD.decode_to_vec(data).ok()?;
        Some(Logo { svg, bytes })
    }

    /// The accent's red, green and blue.
    pub fn rgb(&self) -> Option<[u8; 3]> {
        let hex = self.accent.as_deref()?.strip_prefix('#').filter(|h| h.len() == 6)?;
        let all = u32::from_str_radix(hex, 16).ok()?;
        let [_, red, green, blue] = all.to_be_bytes();
        Some([red, green, blue])
    }
}
