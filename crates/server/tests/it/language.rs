//! In which language a page is: what the application asked for, what the person chose, what the browser says.

use crate::pages::request;
use crate::tab::{Browser, form_to};
use crate::wire::{Answer, get, post};
use crate::world::{PASSWORD, world, world_with};
use countersign_issuer::port::Accounts;

/// `<html lang>`, which the header must agree with.
fn lang(page: &Answer) -> String {
    let text = page.text();
    let (_, rest) = text.split_once("<html lang=\"").unwrap_or_else(|| panic!("{} {text}", page.status));
    let lang = rest.split('"').next().unwrap().to_owned();
    assert_eq!(page.header("content-language"), Some(lang.as_str()));
    let vary = page.all("vary").join(", ");
    assert!(vary.contains("Accept-Language") && vary.contains("Cookie"), "{vary}");
    lang
}

/// The page with its addresses readable.
fn text(page: &Answer) -> String {
    page.text().replace("&#x2f;", "/")
}

#[tokio::test]
async fn the_browser_says_what_its_owner_reads() {
    let world = world().await;
    for (accept, wanted) in [
        (None, "en"),
        (Some("de-AT,de;q=0.9,en;q=0.8"), "de"),
        (Some("nl, fr;q=0.5"), "fr"),
        (Some("zh-CN"), "zh-Hans"),
        (Some("nl"), "en"),
        (Some("\u{202e}<script>, de;q=x"), "en"),
        (Some(&*"de-".repeat(2_000)), "de"),
    ] {
        let page = world.send(get("/login").maybe("Accept-Language", accept)).await;
        assert_eq!((page.status, lang(&page).as_str()), (200, wanted), "{accept:?}");
    }
    // Failures too.
    let ask = get("/nothing").with("Accept", "text/html").with("Accept-Language", "ja");
    let page = world.send(ask).await;
    assert_eq!((page.status, lang(&page).as_str()), (404, "ja"));
    assert!(page.text().contains("ページが見つかりません"), "{}", page.text());
}

#[tokio::test]
async fn the_menu_of_a_page_is_remembered() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    let page = browser.open("/login?a=%26b&lang=tlh&c").await;
    assert_eq!(lang(&page), "en", "a language that is not there changes nothing");
    let menu = text(&page);
    let own = world.url("/login?a=%26b&amp;c&amp;lang=");
    for tag in ["en", "de", "es", "fr", "ja", "zh-Hans"] {
        let link = format!("<a href=\"{own}{tag}\" lang=\"{tag}\" hreflang=\"{tag}\"");
        assert!(menu.contains(&link), "{link} in {menu}");
    }
    let answer = browser.send(get("/login?a=%26b&lang=fr&c").with("Accept-Language", "de")).await;
    assert_eq!(answer.status, 303);
    assert_eq!(answer.header("location"), Some(world.url("/login?a=%26b&c").as_str()));
    assert_eq!(browser.cookie("countersign-lang"), "fr");
    let page = browser.send(get("/login").with("Accept-Language", "de")).await;
    assert_eq!(lang(&page), "fr", "chosen, whatever the browser says");

    // A page that answers a form cannot be asked for again: it has no menu, and the language stays.
    let form = form_to(&page, "/login").set("username", "ada").set("password", "wrong");
    let wrong = browser.post(&form).await;
    assert_eq!((wrong.status, lang(&wrong).as_str()), (422, "fr"));
    assert!(!wrong.text().contains("hreflang"), "{}", wrong.text());
    let cookie = browser.send(get("/login").with("Cookie", "countersign-lang=\"><script>~~de")).await;
    assert_eq!(cookie.status, 200);
}

#[tokio::test]
async fn choosing_leads_nowhere_else() {
    let world = world().await;
    for path in ["//evil.example/", "//evil.example", "/\\evil.example/", "/%2f%2fevil.example/"] {
        let ask = get(&format!("{path}?lang=de")).with("Accept", "text/html");
        let answer = world.send(ask).await;
        assert!(answer.header("location").is_none_or(|l| l.starts_with(&world.url("/"))), "{path}");
        let page = world.send(get(path).with("Accept", "text/html")).await;
        let text = text(&page);
        let menu: Vec<_> = text.split("<a href=\"").skip(1).collect();
        let own = |link: &&&str| link.starts_with(&world.url("/")) || link.starts_with("/\"");
        assert!(menu.len() > 5 && menu.iter().all(|link| own(&link)), "{path}: {text}");
    }
    let posted = world.send(post("/login?lang=de").form(&[("lang", "de")])).await;
    assert!(posted.all("set-cookie").iter().all(|c| !c.contains("-lang=")), "only the menu's links choose");
    let long = world.send(get(&format!("/login?x={}", "y".repeat(5_000)))).await;
    assert!(!long.text().contains("hreflang"), "a long address is not repeated for each language");
}

#[tokio::test]
async fn an_application_asks_for_a_language_on_its_way_only() {
    let world = world().await;
    let mut browser = Browser::new(&world);
    browser.send(get("/login?lang=es")).await;

    let page = browser.open(&request(&[("ui_locales", "tlh fr-CA de")])).await;
    assert_eq!(lang(&page), "fr", "the first that is there, before what the person chose");
    let wrong = form_to(&page, "/login").set("username", "ada").set("password", "wrong");
    assert_eq!(lang(&browser.post(&wrong).await), "fr", "all along the way");
    assert_eq!(lang(&browser.open("/").await), "es", "and not elsewhere");

    // Choosing on the way overrides it, and is not overridden by the address of the same request.
    let menu = text(&browser.open(&request(&[("ui_locales", "fr")])).await);
    let link = menu.split("<a href=\"").find(|l| l.contains("hreflang=\"ja\"")).unwrap().to_owned();
    let link = link.split('"').next().unwrap().replace("&amp;", "&");
    assert!(!link.contains("ui_locales"), "{link}");
    let page = browser.open(link.strip_prefix(&world.url("")).unwrap()).await;
    assert_eq!(lang(&page), "ja");

    // The next application says nothing: the person's choice is back.
    browser.open(&request(&[("ui_locales", "de")])).await;
    assert_eq!(browser.cookie("countersign-lang"), "ja~de");
    assert_eq!(lang(&browser.open(&request(&[])).await), "ja");
    assert_eq!(browser.cookie("countersign-lang"), "ja");
}

#[tokio::test]
async fn mails_are_in_the_language_of_the_last_sign_in() {
    let world = world().await;
    for lang in ["de", "ja"] {
        let mut browser = Browser::new(&world);
        let page = browser.open(&format!("/login?lang={lang}")).await;
        browser.sign_in(&page, "ada", "wrong").await;
        assert_ne!(world.store.locale(&world.ada).await.unwrap().as_deref(), Some(lang), "not by a guess");
        browser.sign_in(&page, "ada", PASSWORD).await;
        assert_eq!(world.store.locale(&world.ada).await.unwrap().as_deref(), Some(lang));
    }
}

#[tokio::test]
async fn a_language_of_the_folder_is_offered_too() {
    let folder = tempfile::tempdir().unwrap();
    let texts = r#"{"lang.name": "العربية", "lang.dir": "rtl", "signin.submit": "دخول"}"#;
    std::fs::write(folder.path().join("ar.json"), texts).unwrap();
    let path = folder.path().to_owned();
    assert!(countersign_server::languages(Some(&path)).unwrap().contains(&"ar".to_owned()));
    let world = world_with(|c| c.template_dir = Some(path)).await;
    let page = world.send(get("/login").with("Accept-Language", "ar-EG")).await;
    assert_eq!(lang(&page), "ar");
    let text = page.text();
    for needed in ["<html lang=\"ar\" dir=\"rtl\">", "دخول", "Password", "dir=\"ltr\" rel"] {
        assert!(text.contains(needed), "{needed} in {text}");
    }
}
