//! Static files: named by the hash of their content, so they may be kept for ever.

use super::{ViewError, overridden};
use crate::app::App;
use crate::error::{Fault, Http};
use crate::oauth::document::is_known;
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
    file: File,
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
        self.0.iter().find(|a| a.hashed == file).map(|a| a.file.answer(asked))
    }
}

/// Bytes under an address that changes with them.
pub(super) struct File {
    tag: String,
    mime: &'static str,
    bytes: Bytes,
}

impl File {
    pub(super) fn new(mime: &'static str, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let tag = base64url::encode(Digest::of(&bytes).0).chars().take(16).collect();
        Self { tag, mime, bytes }
    }

    /// For its address.
    pub(super) fn tag(&self) -> &str {
        &self.tag
    }

    /// The file, or 304 for who has it. An image opened by itself is a document: it may do nothing either.
    pub(super) fn answer(&self, asked: &HeaderMap) -> Response {
        let etag =
            HeaderValue::from_str(&format!("\"{}\"", self.tag)).unwrap_or(HeaderValue::from_static("\"0\""));
        let fresh = is_known(asked, &etag);
        let mut response = match fresh {
            true => StatusCode::NOT_MODIFIED.into_response(),
            false => self.bytes.clone().into_response(),
        };
        let headers = response.headers_mut();
        headers.insert(header::ETAG, etag);
        for (name, value) in [
            (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; sandbox"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if !fresh {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.mime));
        }
        response
    }
}

impl Asset {
    fn new(base: &str, name: &'static str, mime: &'static str, text: String) -> Self {
        let file = File::new(mime, text);
        let (stem, kind) = name.rsplit_once('.').unwrap_or((name, ""));
        let hashed = format!("{stem}-{}.{kind}", file.tag());
        Self { name, url: format!("{base}/assets/{hashed}"), hashed, file }
    }
}

#[cfg(test)]
mod tests {
    use super::super::brand::Colour;
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
        assert!(String::from_utf8_lossy(&own.0[0].file.bytes).ends_with(":root { --brand: #830 }"));
    }

    fn colour(hex: &str) -> Colour {
        let hex = hex.trim_start_matches('#');
        let wide = if hex.len() == 6 { hex.to_owned() } else { hex.chars().flat_map(|c| [c, c]).collect() };
        let byte = |i: usize| u8::from_str_radix(&wide[2 * i..2 * i + 2], 16).unwrap();
        Colour([byte(0), byte(1), byte(2)])
    }

    #[test]
    fn colours_can_be_told_apart_in_both_schemes() {
        let (_, _, css) = EMBEDDED[0];
        let (light, dark) = css.split_once("prefers-color-scheme: dark").unwrap();
        for (scheme, css) in [("light", light), ("dark", dark)] {
            let named = |name: &str| {
                let (_, rest) = css.split_once(&format!("--{name}: ")).unwrap_or_else(|| panic!("{name}"));
                colour(rest.split(';').next().unwrap())
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
                let ratio = named(front).contrast(named(back));
                assert!(ratio >= least, "{scheme}: {front} on {back} is {ratio:.2}");
            }
        }
    }
}
