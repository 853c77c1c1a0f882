//! Pages of the demo and its sample services: embedded templates, one style sheet, one script.

use anyhow::{Context, Result};
use axum::response::{Html, IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use http::{HeaderMap, HeaderValue, StatusCode};
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;
use std::sync::OnceLock;

const TEMPLATES: [(&str, &str); 7] = [
    ("base.html", include_str!("../templates/base.html")),
    ("index.html", include_str!("../templates/index.html")),
    ("story.html", include_str!("../templates/story.html")),
    ("run.html", include_str!("../templates/run.html")),
    ("live.html", include_str!("../templates/live.html")),
    ("wall.html", include_str!("../templates/wall.html")),
    ("app.html", include_str!("../templates/app.html")),
];

const CSP: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                   img-src 'self'; base-uri 'none'; frame-ancestors 'none'";

fn environment() -> &'static Environment<'static> {
    static ONCE: OnceLock<Environment<'static>> = OnceLock::new();
    ONCE.get_or_init(|| {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        for (name, source) in TEMPLATES {
            // A template that does not parse is missing, which rendering it reports; a test renders all.
            let _ = environment.add_template(name, source);
        }
        environment
    })
}

/// Renders a template.
pub(crate) fn render(name: &str, values: impl Serialize) -> Result<String> {
    let template = environment().get_template(name)?;
    template.render(minijinja::value::Serde(values)).with_context(|| format!("rendering {name}"))
}

/// Asks for a piece of a page, for the script to put in place.
pub(crate) const FRAGMENT: &str = "x-fragment";

/// Not sent by a page of somebody else (Fetch Metadata); clients that say nothing are no browsers of today.
pub(crate) fn same_origin(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_none_or(|site| site == "same-origin" || site == "none")
}

/// A page with the headers every page has.
pub(crate) fn page(status: StatusCode, name: &str, values: impl Serialize) -> Response {
    let mut answer = match render(name, values) {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")).into_response(),
    };
    for (name, value) in
        [(CONTENT_SECURITY_POLICY, CSP), (CACHE_CONTROL, "no-store"), (REFERRER_POLICY, "same-origin")]
    {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// The style sheet.
pub(crate) async fn style() -> Response {
    asset("text/css; charset=utf-8", include_str!("../assets/demo.css"))
}

/// The script: runs a scenario in place. Without it the page works by ordinary forms.
pub(crate) async fn script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("../assets/demo.js"))
}

/// The script of the live picture.
pub(crate) async fn live_script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("../assets/live.js"))
}

/// The mark.
pub(crate) async fn mark() -> Response {
    asset("image/svg+xml", include_str!("../assets/mark.svg"))
}

fn asset(media: &'static str, body: &'static str) -> Response {
    ([(CONTENT_TYPE, media), (CACHE_CONTROL, "max-age=60")], body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_template_renders_and_escapes() {
        let app = |more: serde_json::Value| {
            let mut all = json!({
                "title": "T<", "about": "a", "demo": "/", "api": "/", "has_admin": true,
                "other": { "name": "o", "url": "/" },
            });
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            render("app.html", all).unwrap()
        };
        let token = json!({ "title": "t", "why": "w", "parts": { "header": "{}", "claims": "<b>" } });
        let verdict = json!({ "ok": true, "text": "x" });
        for page in [
            app(json!({ "view": "signed_out" })),
            app(
                json!({ "view": "signed_in", "name": "n", "email": "e", "verdict": verdict, "data": { "status": 200, "body": "{}" }, "tokens": [token] }),
            ),
            app(json!({ "view": "admin" })),
            app(json!({ "view": "problem", "status": 403, "problem": "<script>" })),
        ] {
            assert!(page.contains("T&lt;") && !page.contains("<script>") && !page.contains("<b>"));
        }
        let exchange = json!({
            "kind": "exchange", "method": "GET", "url": "/", "request": "", "status": 401, "response": "",
            "millis": 1, "tokens": [{ "header": "{}", "claims": "{}" }],
        });
        let steps = json!([
            { "kind": "note", "text": "n" },
            { "kind": "check", "ok": false, "text": "c" },
            { "kind": "command", "line": "l", "code": null, "output": "" },
            exchange,
        ]);
        let story = json!({
            "title": "t", "id": "UC-01", "passed": true, "observed": "<i>", "millis": 1, "checks": 1, "steps": steps,
        });
        assert!(render("run.html", &story).unwrap().contains("&lt;i&gt;"));
        assert!(render("story.html", &story).unwrap().contains("class=\"status s4\">401"));
        let row = json!({ "id": "UC-01", "title": "t", "works": "w", "refused": "r" });
        let person = json!({ "name": "n", "username": "u", "password": "p", "roles": ["admin"] });
        let tile = json!({ "state": "valid", "says": "<i>", "age": "0.1 s" });
        let live = json!({
            "person": "p", "token": "t", "summary": "<b>", "mood": "good", "receipt": "", "cuttable": 9, "hard": 3,
            "tiles": [tile],
        });
        let wall = render("wall.html", json!({ "title": "t", "live": &live })).unwrap();
        assert!(wall.contains("tile t-valid") && wall.contains("&lt;i&gt;") && !wall.contains("<b>"));
        let index = json!({
            "live": live,
            "title": "t", "users": "/", "orders": "/", "issuer": "/", "people": [person],
            "groups": [{ "title": "g", "rows": [row] }],
        });
        assert!(render("index.html", index).unwrap().contains("action=\"/run/UC-01\""));
    }
}
