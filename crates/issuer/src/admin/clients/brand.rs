//! The `brand` of a client document.

use super::document::invalid;
use crate::admin::invisible::{self, Joiners};
use crate::admin::shown;
use crate::error::Rejected;
use crate::model::Brand;
use serde_json::Value;

/// Most bytes of a logo.
const MAX_LOGO: usize = 32 * 1024;
/// Most characters of a text.
const MAX_TEXT: usize = 200;
const PNG_BEGINS: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Checks and reads it.
pub(super) fn parse(value: &Value) -> Result<Brand, Rejected> {
    let wrong = |what: &str| invalid(format!("brand: {what}"));
    for name in value.as_object().into_iter().flat_map(|o| o.keys()) {
        if !matches!(name.as_str(), "accent" | "logo" | "texts") {
            return Err(wrong(&format!("{} is not known: there are accent, logo and texts", shown(name))));
        }
    }
    let brand: Brand = serde_json::from_value(value.clone())
        .map_err(|_| wrong("accent and logo are strings, texts is an object of strings"))?;
    let hex =
        |a: &String| a.len() == 7 && a.starts_with('#') && a.bytes().skip(1).all(|b| b.is_ascii_hexdigit());
    if !brand.accent.iter().all(hex) {
        return Err(wrong("accent must be a colour written as #rrggbb"));
    }
    if brand.logo.is_some() {
        let logo = brand.picture().ok_or_else(|| {
            wrong("logo must begin with data:image/png;base64, or data:image/svg+xml;base64,")
        })?;
        if logo.bytes.len() > MAX_LOGO {
            return Err(wrong("logo must be at most 32 KiB"));
        }
        let drawn = |b: &[u8]| std::str::from_utf8(b).is_ok_and(|t| t.contains("<svg"));
        if !(if logo.svg { drawn(&logo.bytes) } else { logo.bytes.starts_with(PNG_BEGINS) }) {
            return Err(wrong("logo is not the kind of picture that it says"));
        }
    }
    for (name, text) in &brand.texts {
        let tag = match name.split_once('#') {
            None => name == "welcome",
            Some((base, tag)) => {
                let fits = (2..=35).contains(&tag.len());
                base == "welcome" && fits && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            }
        };
        if !tag {
            return Err(wrong(&format!(
                "texts has welcome, and welcome#de for a language, not {}",
                shown(name)
            )));
        }
        if text.chars().count() > MAX_TEXT || invisible::first(text, Joiners::Fine).is_some() {
            return Err(wrong("texts must be at most 200 characters without control and invisible ones"));
        }
    }
    Ok(brand)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn uri(kind: &str, bytes: &[u8]) -> String {
        format!("data:image/{kind};base64,{}", base64_simd::STANDARD.encode_to_string(bytes))
    }

    #[test]
    fn what_a_brand_may_be() {
        let png = uri("png", &[PNG_BEGINS, b"rest"].concat());
        let svg = uri("svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>");
        for fine in [
            json!({}),
            json!({"accent": "#0A7cff"}),
            json!({"logo": png}),
            json!({"logo": svg, "texts": {"welcome": "Hello", "welcome#zh-Hans": "您好"}}),
        ] {
            assert!(parse(&fine).is_ok(), "{fine}");
        }
        let large = uri("png", &[PNG_BEGINS, &vec![0; MAX_LOGO]].concat());
        for (bad, says) in [
            (json!({"colour": "#fff"}), "colour"),
            (json!({"accent": "red"}), "#rrggbb"),
            (json!({"accent": "#fff"}), "#rrggbb"),
            (json!({"accent": "#12345g"}), "#rrggbb"),
            (json!({"accent": "#12345;"}), "#rrggbb"),
            (json!({"accent": 5}), "strings"),
            (json!({"logo": "https://app.example/logo.png"}), "data:image/png"),
            (json!({"logo": uri("gif", b"GIF89a")}), "data:image/png"),
            (json!({"logo": "data:image/png;base64,***"}), "data:image/png"),
            (json!({"logo": uri("png", b"<svg/>")}), "kind of picture"),
            (json!({"logo": uri("svg+xml", b"<html><script>alert(1)</script>")}), "kind of picture"),
            (json!({"logo": large}), "32 KiB"),
            (json!({"texts": {"title": "x"}}), "welcome"),
            (json!({"texts": {"welcome#": "x"}}), "welcome"),
            (json!({"texts": {"welcome": "x".repeat(201)}}), "200"),
            (json!({"texts": {"welcome": "a\u{202e}b"}}), "invisible"),
        ] {
            let error = parse(&bad).unwrap_err().public;
            assert!(error.contains(says), "{bad}: {error}");
        }
    }

    #[test]
    fn a_colour_is_three_bytes() {
        let rgb = |accent: &str| Brand { accent: Some(accent.to_owned()), ..Brand::default() }.rgb();
        assert_eq!(rgb("#0A7cff"), Some([0x0a, 0x7c, 0xff]));
        assert_eq!(rgb("#é1234"), None);
    }
}
