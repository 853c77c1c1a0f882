//! The colours, the logo and the words of an application, as an operator gives them.

use crate::pages::request;
use crate::tab::Browser;
use crate::wire::get;
use crate::world::{CALLBACK, world};
use countersign_issuer::admin::clients;
use serde_json::json;

#[tokio::test]
async fn a_brand_is_seen_on_the_way_to_its_client_only() {
    let world = world().await;
    // With a script, which nothing runs.
    let svg = br#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><script>alert(1)</script></svg>"#;
    let logo = format!("data:image/svg+xml;base64,{}", crate::wire::base64(svg));
    let document = json!({
        "client_id": "branded", "client_name": "Lighthouse", "client_name#de": "Leuchtturm",
        "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none",
        "brand": {"accent": "#ffd400", "logo": logo, "texts": {"welcome": "Hello", "welcome#de": "Willkommen"}},
    });
    clients::apply(&world.issuer, &document).await.unwrap();
    let shown = clients::show(&world.issuer, "branded").await.unwrap();
    assert_eq!(shown["brand"], document["brand"], "kept as it was given");

    let mut browser = Browser::new(&world);
    let page = browser.open(&request(&[("client_id", "branded"), ("ui_locales", "de")])).await;
    let shown = page.text();
    assert!(shown.contains("<bdi>Leuchtturm</bdi>") && shown.contains("Willkommen"), "{shown}");
    let address = |before: &str| {
        let all = shown.replace("&#x2f;", "/");
        let (_, rest) = all.split_once(&format!("{before}/brand/")).unwrap_or_else(|| panic!("{all}"));
        format!("/brand/{}", rest.split('"').next().unwrap())
    };
    let (style, logo) = (address("href=\""), address("src=\""));
    let css = world.send(get(&style)).await;
    assert_eq!(css.header("content-type"), Some("text/css; charset=utf-8"));
    assert!(css.text().starts_with(":root{--brand:#"), "{}", css.text());
    let (text, dark) = (css.text(), "@media (prefers-color-scheme:dark)");
    let (light, dark) = text.split_once(dark).unwrap();
    assert!(!light.contains("ffd400") && dark.contains("ffd400"), "yellow on white cannot be read: {text}");
    let again = world.send(get(&style).with("If-None-Match", css.header("etag").unwrap())).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    let image = world.send(get(&logo)).await;
    assert_eq!(image.header("content-type"), Some("image/svg+xml"));
    let policy = image.header("content-security-policy").unwrap();
    assert!(
        policy.contains("default-src 'none'") && policy.contains("sandbox"),
        "opened by itself: {policy}"
    );
    assert_eq!(image.body, svg);

    let other = browser.open(&request(&[])).await;
    assert!(!other.text().contains("brand/"), "{}", other.text());
    for wrong in [
        "/brand/",
        "/brand/x",
        "/brand/x/style-y",
        "/brand/../style-x",
        &style[..style.len() - 1],
        &format!("{style}x"),
    ] {
        assert_eq!(world.send(get(wrong)).await.status, 404, "{wrong}");
    }

    for bad in [json!("#fff"), json!({"accent": "red;}body{display:none"}), json!({"css": "*{}"})] {
        let mut document = document.clone();
        document["brand"] = bad;
        assert!(clients::apply(&world.issuer, &document).await.is_err());
    }
}
