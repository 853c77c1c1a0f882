//! Static files: named by the hash of their content, so they may be kept for ever.

use super::{ViewError, overridden};
use crate::app::App;
use crate::error::{Fault, Http};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use countersign_issuer::model::Digest;
use countersign_token::base64url;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use std::path::Path;
use std::sync::Arc;

const EMBEDDED: &[(&str, &str, &str)] = &[
    ("style.css", "text/css; charset=utf-8", include_str!("../../assets/style.css")),
    ("form-post.js", "text/javascript; charset=utf-8", include_str!("../../assets/form-post.js")),
    ("passkey.js", "text/javascript; charset=utf-8", include_str!("../../assets/passkey.js")),
    ("icon.svg", "image/svg+xml", include_str!("../../assets/icon.svg")),
];

/// `/assets/*`.
pub(crate) async fn get(State(app): State<Arc<App>>, uri: Uri, asked: HeaderMap) -> Result<Response, Fault> {
    let file = uri.path().rsplit('/').next().unwrap_or_default();
    app.views.assets.serve(file, &asked).ok_or(Fault::Http(Http::NotFound))
}

/// All of them, in memory.
pub(crate) struct Assets(Vec<Asset>);

struct Asset {
    name: &'static str,
    /// What a browser asks for behind `/assets/`.
    hashed: String,
    url: String,
    etag: HeaderValue,
    mime: &'static str,
    bytes: Bytes,
}

impl Assets {
    pub(super) fn open(base: &str, folder: Option<&Path>) -> Result<Self, ViewError> {
        let mut all = Vec::with_capacity(EMBEDDED.len());
        for (name, mime, text) in EMBEDDED {
            let mut text = overridden(folder, name)?.unwrap_or_else(|| (*text).to_owned());
            if *name == "style.css"
                && let Some(brand) = overridden(folder, "brand.css")?
            {
                text.push('\n');
                text.push_str(&brand);
            }
            all.push(Asset::new(base, name, mime, text));
        }
        Ok(Self(all))
    }

    /// Where a page finds it.
    pub(super) fn url(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|a| a.name == name).map(|a| a.url.as_str())
    }

    /// Answers `/assets/{file}`; `None`: there is no such file (any more).
    fn serve(&self, file: &str, asked: &HeaderMap) -> Option<Response> {
        let asset = self.0.iter().find(|a| a.hashed == file)?;
        let known = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
        let fresh = known.flat_map(|v| v.split(',')).any(|tag| {
            tag.trim() == "*" || tag.trim().trim_start_matches("W/").as_bytes() == asset.etag.as_bytes()
        });
        let mut response = match fresh {
            true => StatusCode::NOT_MODIFIED.into_response(),
            false => asset.bytes.clone().into_response(),
        };
        let headers = response.headers_mut();
        headers.insert(header::ETAG, asset.etag.clone());
        headers
            .insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // An image opened by itself is a document: it may do nothing either.
        let policy = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        if !fresh {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.mime));
        }
        Some(response)
    }
}

impl Asset {
    fn new(base: &str, name: &'static str, mime: &'static str, text: String) -> Self {
        let digest = base64url::encode(Digest::of(&text).0);
        let tag: String = digest.chars().take(16).collect();
        let (stem, kind) = name.rsplit_once('.').unwrap_or((name, ""));
        let hashed = format!("{stem}-{tag}.{kind}");
        Self {
            name,
            url: format!("{base}/assets/{hashed}"),
            hashed,
            etag: HeaderValue::from_str(&format!("\"{tag}\"")).unwrap_or(HeaderValue::from_static("\"0\"")),
            mime,
            bytes: Bytes::from(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn served_by_hash_only_and_not_twice() {
        let assets = Assets::open("/id", None).unwrap();
        let url = assets.url("style.css").unwrap();
        assert!(url.starts_with("/id/assets/style-") && url.ends_with(".css"), "{url}");
        let file = url.rsplit('/').next().unwrap();
        let first = assets.serve(file, &HeaderMap::new()).unwrap();
        assert_eq!(first.status(), StatusCode::OK);
        assert_eq!(first.headers()[header::CONTENT_TYPE], "text/css; charset=utf-8");
        let mut asked = HeaderMap::new();
        asked.insert(header::IF_NONE_MATCH, first.headers()[header::ETAG].clone());
        assert_eq!(assets.serve(file, &asked).unwrap().status(), StatusCode::NOT_MODIFIED);
        assert!(assets.serve("style.css", &HeaderMap::new()).is_none());
        assert!(assets.serve("../Cargo.toml", &HeaderMap::new()).is_none());
    }

    #[test]
    fn the_style_sheet_is_small() {
        let (_, _, css) = EMBEDDED[0];
        assert!(css.len() < 12 * 1024, "{} bytes", css.len());
        for (name, _, text) in EMBEDDED {
            let plain = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!plain.contains("http://") && !plain.contains("https://"), "{name} names another site");
        }
    }

    #[test]
    fn a_brand_is_added() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("brand.css"), ":root { --brand: #830 }").unwrap();
        let own = Assets::open("", Some(folder.path())).unwrap();
        let plain = Assets::open("", None).unwrap();
        assert_ne!(own.url("style.css"), plain.url("style.css"));
        assert!(String::from_utf8_lossy(&own.0[0].bytes).ends_with(":root { --brand: #830 }"));
    }

    /// WCAG 2.2: relative luminance of `#rgb` or `#rrggbb`.
    fn luminance(colour: &str) -> f64 {
        let hex = colour.trim_start_matches('#');
        let wide = hex.len() == 6;
        let channel = |i: usize| {
            let text = if wide { hex[2 * i..2 * i + 2].to_owned() } else { hex[i..=i].repeat(2) };
            let v = f64::from(u8::from_str_radix(&text, 16).unwrap()) / 255.0;
            if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(0) + 0.7152 * channel(1) + 0.0722 * channel(2)
    }

    #[test]
    fn colours_can_be_told_apart_in_both_schemes() {
        let (_, _, css) = EMBEDDED[0];
        let (light, dark) = css.split_once("prefers-color-scheme: dark").unwrap();
        for (scheme, css) in [("light", light), ("dark", dark)] {
            let colour = |name: &str| {
                let (_, rest) = css.split_once(&format!("--{name}: ")).unwrap_or_else(|| panic!("{name}"));
                luminance(rest.split(';').next().unwrap())
            };
            let text = [
                ("text", "page"),
                ("text", "card"),
                ("text", "tint"),
                ("muted", "page"),
                ("muted", "card"),
                ("on-brand", "brand"),
                ("on-brand", "brand-strong"),
                ("link", "card"),
                ("link", "tint"),
                ("bad", "bad-tint"),
                ("text", "bad-tint"),
                ("good", "good-tint"),
            ];
            let lines =
                [("edge", "card"), ("focus", "card"), ("focus", "page"), ("bad", "card"), ("brand", "card")];
            let pairs = text.map(|p| (p, 4.5)).into_iter().chain(lines.map(|p| (p, 3.0)));
            for ((front, back), least) in pairs {
                let (a, b) = (colour(front), colour(back));
                let ratio = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                assert!(ratio >= least, "{scheme}: {front} on {back} is {ratio:.2}");
            }
        }
    }
}
