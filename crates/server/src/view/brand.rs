//! How the pages on the way to an application look: its accent, its logo, its words. A colour too weak to be
//! read is darkened, or lightened in the dark, until it can be (WCAG 2.2, 1.4.3).

use super::asset::File;
use crate::app::App;
use crate::error::{Fault, Http};
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::model::{Brand, Client, ClientId};
use countersign_token::base64url;
use http::{HeaderMap, Uri};
use minijinja::context;
use minijinja::value::{Value, ValueKind};
use serde::Serialize;
use std::sync::Arc;

/// Least contrast of text (WCAG 2.2, 1.4.3).
const READABLE: f64 = 4.5;
/// Steps from a colour to white or black.
const STEPS: u16 = 32;
/// What stands behind links and buttons, of `style.css`: the card, and the tint under a pointer.
const LIGHT: [Colour; 2] = [Colour([0xff, 0xff, 0xff]), Colour([0xea, 0xef, 0xfc])];
const DARK: [Colour; 2] = [Colour([0x19, 0x1d, 0x27]), Colour([0x23, 0x2b, 0x45])];
/// The accent of `style.css`.
const HOUSE: Colour = Colour([0x24, 0x47, 0xb8]);
const WHITE: Colour = Colour([0xff; 3]);
const BLACK: Colour = Colour([0; 3]);

/// Red, green, blue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Colour(pub(super) [u8; 3]);

impl Colour {
    /// WCAG 2.2, contrast ratio.
    pub(super) fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// WCAG 2.2, relative luminance.
    fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|byte| {
            let v = f64::from(byte) / 255.0;
            if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// So many of [`STEPS`] towards another.
    fn towards(self, end: Self, steps: u16) -> Self {
        let mix = |from: u8, to: u8| {
            let sum = u16::from(from) * (STEPS - steps) + u16::from(to) * steps;
            u8::try_from(sum / STEPS).unwrap_or(u8::MAX)
        };
        let ([r, g, b], [x, y, z]) = (self.0, end.0);
        Self([mix(r, x), mix(g, y), mix(b, z)])
    }

    /// The nearest to it, on the way to `end`, that can be read on all of `backs`.
    fn readable(self, backs: [Self; 2], end: Self) -> Self {
        let fits = |c: &Self| backs.iter().all(|back| c.contrast(*back) >= READABLE);
        (0..=STEPS).map(|steps| self.towards(end, steps)).find(fits).unwrap_or(end)
    }

    fn css(self) -> String {
        let [r, g, b] = self.0;
        format!("#{r:02x}{g:02x}{b:02x}")
    }
}

/// An accent as text and as a button, with what is written on that; CSS colours.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Ink {
    pub(crate) brand: String,
    strong: String,
    pub(crate) on: String,
}

impl Ink {
    fn of(accent: Colour, backs: [Colour; 2], end: Colour) -> Self {
        let brand = accent.readable(backs, end);
        let strong = brand.towards(end, STEPS / 5);
        let on = if end == BLACK { WHITE } else { BLACK };
        Self { brand: brand.css(), strong: strong.css(), on: on.css() }
    }

    /// The variables of `style.css` that follow the accent.
    fn variables(&self) -> String {
        let Self { brand, strong, on } = self;
        format!(
            ":root{{--brand:{brand};--brand-strong:{strong};--on-brand:{on};--link:{brand};--focus:{brand}}}"
        )
    }
}

/// An accent by day and by night.
fn inks_of(accent: Colour) -> [Ink; 2] {
    [Ink::of(accent, LIGHT, BLACK), Ink::of(accent, DARK, WHITE)]
}

/// The accent of a brand by day and by night; where it has none, that of the house.
pub(crate) fn inks(brand: Option<&Brand>) -> [Ink; 2] {
    inks_of(brand.and_then(Brand::rgb).map_or(HOUSE, Colour))
}

fn style(brand: &Brand) -> Option<File> {
    let [light, dark] = inks_of(Colour(brand.rgb()?)).map(|ink| ink.variables());
    let css = format!("{light}\n@media (prefers-color-scheme:dark){{{dark}}}\n");
    Some(File::new("text/css; charset=utf-8", css))
}

fn logo(brand: &Brand) -> Option<File> {
    let picture = brand.picture()?;
    Some(File::new(if picture.svg { "image/svg+xml" } else { "image/png" }, picture.bytes))
}

/// Where the pages find a client's style and logo: below the issuer's own path.
pub(super) fn paths(client: &Client) -> (Option<String>, Option<String>) {
    let id = base64url::encode(client.id.as_str());
    let brand = client.metadata.brand.as_ref();
    let path = |file: Option<File>, name: &str| file.map(|f| format!("/brand/{id}/{name}-{}", f.tag()));
    (path(brand.and_then(style), "style"), path(brand.and_then(logo), "logo"))
}

/// `/brand/{client}/{style or logo}-{tag}`. Only the one that is there now is served.
pub(crate) async fn get(State(app): State<Arc<App>>, uri: Uri, asked: HeaderMap) -> Result<Response, Fault> {
    let missing = Fault::Http(Http::NotFound);
    let mut parts = uri.path().rsplit('/');
    let (Some(file), Some(id)) = (parts.next(), parts.next()) else { return Err(missing) };
    let id = base64url::decode(id).and_then(|id| ClientId::parse(std::str::from_utf8(&id).ok()?));
    let Some(id) = id else { return Err(missing) };
    let client = app.issuer.directory.client(&id).await?;
    let brand = client.as_ref().and_then(|c| c.metadata.brand.as_ref());
    let (name, tag) = file.split_once('-').unwrap_or_default();
    let found = match name {
        "style" => brand.and_then(style),
        "logo" => brand.and_then(logo),
        _ => None,
    };
    found.filter(|f| f.tag() == tag).map(|f| f.answer(&asked)).ok_or(missing)
}

/// The client of a page with its name and its words in the reader's language, where it has them.
pub(super) fn in_language(values: Value, lang: &str) -> Value {
    let client = values.get_attr("client").unwrap_or_default();
    if client.kind() != ValueKind::Map {
        return values;
    }
    let said = |name: &str, by_language: &str| -> Option<Value> {
        let texts = client.get_attr(by_language).ok()?;
        let tags: Vec<String> = texts.try_iter().ok()?.map(|tag| tag.to_string()).collect();
        let tag = suited(tags.iter().map(String::as_str), lang);
        tag.map_or_else(|| client.get_attr(name), |tag| texts.get_attr(tag)).ok()
    };
    let (name, welcome) = (said("name", "names"), said("welcome", "welcomes"));
    context! { client => context! { name, welcome, ..client }, ..values }
}

/// The tag among these for a reader of `lang`: that very language, or another kind of it.
fn suited<'a>(tags: impl Iterator<Item = &'a str> + Clone, lang: &str) -> Option<&'a str> {
    let primary = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
    let exact = tags.clone().find(|tag| tag.eq_ignore_ascii_case(lang));
    exact.or_else(|| tags.clone().find(|tag| primary(tag) == primary(lang)))
}

/// A client's name in the reader's language (RFC 7591 2.2), where it has one.
pub(crate) fn name<'a>(client: &'a Client, lang: &str) -> &'a str {
    let more = &client.metadata.more;
    let tag = suited(more.keys().filter_map(|name| name.strip_prefix("client_name#")), lang);
    let named = tag.and_then(|tag| more.get(&format!("client_name#{tag}"))?.as_str());
    named.unwrap_or_else(|| client.display_name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_that_of_the_specification() {
        // WCAG 2.2: black on white is 21; #767676 is the lightest grey that passes on white.
        assert!((WHITE.contrast(BLACK) - 21.0).abs() < 1e-9);
        assert!(Colour([0x76; 3]).contrast(WHITE) >= 4.5);
        assert!(Colour([0x77; 3]).contrast(WHITE) < 4.5);
    }

    #[test]
    fn whatever_the_accent_it_can_be_read() {
        let levels = [0u8, 0x33, 0x66, 0x99, 0xcc, 0xff];
        for accent in levels.iter().flat_map(|r| levels.iter().flat_map(move |g| levels.map(|b| [*r, *g, b])))
        {
            for (backs, end, on) in [(LIGHT, BLACK, WHITE), (DARK, WHITE, BLACK)] {
                let brand = Colour(accent).readable(backs, end);
                let strong = brand.towards(end, STEPS / 5);
                for back in backs {
                    assert!(brand.contrast(back) >= READABLE, "{accent:?} {brand:?} on {back:?}");
                }
                for button in [brand, strong] {
                    assert!(on.contrast(button) >= READABLE, "{accent:?}: {on:?} on {button:?}");
                }
            }
        }
        // One that can be read stays as it is.
        let blue = Colour([0x24, 0x47, 0xb8]);
        assert_eq!(blue.readable(LIGHT, BLACK), blue);
    }

    #[test]
    fn the_backs_are_those_of_the_style_sheet() {
        let css = include_str!("../../assets/style.css");
        let (light, dark) = css.split_once("prefers-color-scheme: dark").unwrap();
        for (css, [card, tint]) in [(light, LIGHT), (dark, DARK)] {
            let short = |c: Colour| if c == WHITE { "#fff".to_owned() } else { c.css() };
            assert!(css.contains(&format!("--card: {};", short(card))), "{card:?}");
            assert!(css.contains(&format!("--tint: {};", short(tint))), "{tint:?}");
        }
    }
}
