//! Every message is put into words here, with kind and with hostile values; a text that one misses makes
//! this red.

use super::*;
use countersign_issuer::model::message::{Notice, Noticed, SentCode, SentLink, To};
use countersign_issuer::model::{AskedFrom, Client, ClientId, JobId, Message, Secret};
use countersign_token::Timestamp;
use serde_json::json;

const LINK: &str = "https://id.example/auth/verify?token=abc_-123&x=1";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";

const NOTICED: [Noticed; 17] = [
    Noticed::NewDevice,
    Noticed::PasswordChanged,
    Noticed::EmailChanged,
    Noticed::PasskeyAdded,
    Noticed::PasskeyRemoved,
    Noticed::TotpAdded,
    Noticed::TotpRemoved,
    Noticed::PhoneAdded,
    Noticed::PhoneRemoved,
    Noticed::RecoveryCodesMade,
    Noticed::RecoveryCodeUsed,
    Noticed::ProviderLinked,
    Noticed::ProviderUnlinked,
    Noticed::SessionStolen,
    Noticed::AccountDeleted,
    Noticed::AddressClaimed,
    Noticed::PasskeyCloned,
];

fn from(device: &str) -> AskedFrom {
    AskedFrom { ip: "192.0.2.7".to_owned(), device: device.to_owned() }
}

fn code(device: &str) -> SentCode {
    SentCode { code: Secret::new("123456"), minutes: 10, asked_from: from(device) }
}

fn link(device: &str) -> SentLink {
    SentLink { link: Secret::new(LINK), code: code(device) }
}

/// Every occasion, with `s` wherever somebody else's words stand.
fn every(s: &str) -> Vec<About> {
    let mut out = vec![
        About::SignInLink(link(s)),
        About::SignInCode(code(s)),
        About::NoAccount(from(s)),
        About::SignUp(link(s)),
        About::AlreadySignedUp(from(s)),
        About::VerifyEmail(link(s)),
        About::Recover(link(s)),
        About::VerifyPhone(code(s)),
    ];
    for what in NOTICED {
        for (from, detail) in [(Some(from(s)), Some(s.to_owned())), (None, None)] {
            let at = Timestamp::from_seconds(1_770_000_000);
            out.push(About::Notice(Notice { what, at, from, detail }));
        }
    }
    out
}

fn message(about: About, name: &str) -> Message {
    Message {
        to: To::Mail("ada@example.test".to_owned()),
        lang: "en".to_owned(),
        name: Some(name.to_owned()),
        client: None,
        about,
    }
}

/// An application of this name, with more of its metadata.
fn application(name: &str, more: &serde_json::Value) -> Arc<Client> {
    let mut metadata = json!({
        "client_name": name, "token_endpoint_auth_method": "none", "grant_types": [], "response_types": [],
        "require_pkce": true,
    });
    for (key, value) in more.as_object().unwrap() {
        metadata[key] = value.clone();
    }
    Arc::new(Client {
        id: ClientId::parse("notes").unwrap(),
        metadata: serde_json::from_value(metadata).unwrap(),
        secrets: vec![],
        updated_at: Timestamp::from_seconds(1_770_000_000),
    })
}

fn parcel<'a>(message: &'a Message, client: Option<&str>) -> Parcel<'a> {
    parcel_of(message, client.map(|name| application(name, &json!({}))))
}

fn parcel_of(message: &Message, client: Option<Arc<Client>>) -> Parcel<'_> {
    let queued_at = Timestamp::from_seconds(1_770_000_000);
    Parcel { id: JobId([7; 16]), queued_at, message, client }
}

fn letters() -> Letters {
    Letters::open("https://id.example", None).unwrap()
}

#[test]
fn every_occasion_has_its_words() {
    let letters = letters();
    let mut subjects = std::collections::BTreeSet::new();
    for about in every(FIREFOX) {
        let message = message(about, "Ada Lovelace");
        let parcel = parcel(&message, Some("Notes"));
        let letter = letters.letter(&parcel).unwrap();
        let kind = kind(&message.about);
        assert!(!letter.subject.contains(['{', '\n']) && !letter.text.contains("{"), "{kind}: {letter:?}");
        subjects.insert(letter.subject.clone());
        for part in [&letter.text, &letter.html] {
            if let Some(sent) = message.about.code() {
                assert!(part.contains(sent.code.expose()), "{kind}: the code");
                assert!(
                    part.contains("192.0.2.7") && part.contains("Firefox on Linux"),
                    "{kind}: from where"
                );
                assert!(part.contains("10 minutes"), "{kind}: how long");
            }
        }
        if message.about.link().is_some() {
            assert!(letter.text.contains(LINK), "{kind}: the link in the text");
            let escaped = LINK.replace('&', "&amp;");
            let hrefs = letter.html.matches(&format!("href=\"{escaped}\"")).count();
            assert_eq!(hrefs, 2, "{kind}: a button and the address: {}", letter.html);
        }
        assert!(!letters.sms(&parcel).unwrap().is_empty());
        // Nothing is loaded from anywhere: it would tell who reads it, and when.
        for loads in ["<img", "<link", "src=", "url(", "@import", "<script", "<table"] {
            assert!(!letter.html.contains(loads), "{kind}: {loads}");
        }
    }
    // Notices with and without a place differ in their text, not in their subject.
    assert_eq!(subjects.len(), 8 + NOTICED.len(), "two occasions read alike: {subjects:?}");
}

/// A new device is told of with what its owner knows it by: which, where from, when; and what to do if it was
/// somebody else.
#[test]
fn a_new_device_is_described() {
    let at = Timestamp::from_seconds(1_770_000_000);
    let about =
        About::Notice(Notice { what: Noticed::NewDevice, at, from: Some(from(FIREFOX)), detail: None });
    let message = message(about, "Ada");
    let letter = letters().letter(&parcel(&message, None)).unwrap();
    // 1,770,000,000 seconds after 1970 began.
    for part in [&letter.text, &letter.html] {
        for due in ["Firefox on Linux", "192.0.2.7", "2 February 2026, 02:40 UTC", "id.example"] {
            assert!(part.contains(due), "{due}: {part}");
        }
    }
    assert!(letter.subject.to_lowercase().contains("new"), "{}", letter.subject);
}

#[test]
fn words_of_others_stay_words() {
    let hostile = [
        "<script>alert(1)</script>",
        "\"><a href=x>",
        "Ada\r\nBcc: all@example.test",
        "Your account is locked, go to http://evil.example now",
        "www.Evil.example",
        "{{ 7 * 7 }}{client}",
        "\u{202e}moc.live\u{2066}",
        &"long ".repeat(100),
    ];
    let letters = letters();
    for s in hostile {
        for about in every(s) {
            let notice = matches!(about, About::Notice(_));
            let message = message(about, s);
            let letter = letters.letter(&parcel(&message, Some(s))).unwrap();
            assert_eq!(letter.subject.lines().count(), 1, "{s:?}");
            assert!(!letter.subject.contains("http://"), "{s:?}: {}", letter.subject);
            for part in [&letter.text, &letter.html] {
                assert!(!part.contains("\nBcc:") && !part.contains("49"), "{s:?}: {part}");
                assert!(!part.contains('\u{202e}') && !part.contains('\u{2066}'), "{s:?}: {part}");
                assert!(!part.contains(&"long ".repeat(13)), "{s:?}: {part}");
                // The detail of a notice is the reader's own; all else may come from a stranger.
                assert!(notice || !part.to_lowercase().contains("evil.example"), "{s:?}: {part}");
            }
            assert!(
                !letter.html.contains("<script") && !letter.html.contains("<a href=x"),
                "{}",
                letter.html
            );
        }
    }
}

#[test]
fn a_stranger_is_not_greeted_by_a_name_that_another_typed() {
    let letters = letters();
    for (about, greeted) in [
        (About::SignUp(link(FIREFOX)), false),
        (About::NoAccount(from(FIREFOX)), false),
        (About::VerifyEmail(link(FIREFOX)), false),
        (About::Recover(link(FIREFOX)), true),
    ] {
        let message = message(about, "You won a prize");
        let letter = letters.letter(&parcel(&message, None)).unwrap();
        assert_eq!(letter.text.contains("You won"), greeted, "{}", letter.text);
        assert_eq!(letter.html.contains("You won"), greeted);
    }
}

#[test]
fn a_code_stands_in_the_subject_only_where_it_signs_in() {
    let letters = letters();
    for about in every(FIREFOX) {
        let message = message(about, "Ada");
        let letter = letters.letter(&parcel(&message, None)).unwrap();
        let in_subject = matches!(message.about, About::SignInCode(_));
        assert_eq!(letter.subject.contains("123456"), in_subject, "{}", letter.subject);
        assert!(!letters.summary(&parcel(&message, None)).unwrap().contains("123456"));
    }
}

#[test]
fn a_mail_on_the_way_to_an_application_looks_like_it() {
    let png = b"\x89PNG\r\n\x1a\nrest";
    let logo = format!("data:image/png;base64,{}", base64_simd::STANDARD.encode_to_string(png));
    let brand = |logo: &str| json!({"accent": "#ffd400", "logo": logo, "texts": {}});
    let look = |logo: &str| json!({"more": {"client_name#de": "Notizen"}, "brand": brand(logo)});
    let mut message = message(About::SignInLink(link(FIREFOX)), "Ada");
    let letters = letters();
    let branded = letters.letter(&parcel_of(&message, Some(application("Notes", &look(&logo))))).unwrap();
    let cid = "logo@BwcHBwcHBwcHBwcHBwcHBw";
    assert_eq!(branded.logo, Some(Picture { cid: cid.to_owned(), png: png.to_vec() }));
    assert_eq!(branded.html.matches("src=").count(), 1);
    assert!(branded.html.contains(&format!("src=\"cid:{cid}\" alt=\"Notes\"")), "{}", branded.html);
    assert!(branded.text.starts_with("Notes\n\nHello Ada,"), "{}", branded.text);
    // Yellow cannot be read on white: by day it is darkened, by night it stays.
    assert!(!branded.html.contains("background: #ffd400; color"), "{}", branded.html);
    assert!(branded.html.contains("background: #ffd400 !important; color: #000000"), "{}", branded.html);

    message.lang = "de".to_owned();
    let svg = format!("data:image/svg+xml;base64,{}", base64_simd::STANDARD.encode_to_string("<svg/>"));
    let german = letters.letter(&parcel_of(&message, Some(application("Notes", &look(&svg))))).unwrap();
    assert!(german.logo.is_none() && !german.html.contains("src="), "no mail program shows an SVG");
    assert!(german.subject.contains("Notizen") && german.text.starts_with("Notizen\n"), "{german:?}");
    assert!(german.html.contains(">Notizen</p>"), "{}", german.html);

    let plain = letters.letter(&parcel(&message, None)).unwrap();
    assert!(plain.html.contains("background: #2447b8; color: #ffffff"), "the house's: {}", plain.html);
}

#[test]
fn a_brand_brings_no_markup_and_no_address() {
    let letters = letters();
    let message = message(About::SignInLink(link(FIREFOX)), "Ada");
    for accent in ["red", "#ffd400;background:url(//evil.example)", "\"><img src=x>", "#12345"] {
        for logo in ["https://evil.example/logo.png", "javascript:alert(1)", "data:text/html;base64,QQ=="] {
            let more =
                json!({"brand": {"accent": accent, "logo": logo, "texts": {"welcome": "evil.example"}}});
            let letter = letters.letter(&parcel_of(&message, Some(application("Notes", &more)))).unwrap();
            for part in [&letter.text, &letter.html] {
                assert!(!part.contains("evil.example") && !part.contains("<img"), "{accent} {logo}: {part}");
            }
            assert_eq!(letter, letters.letter(&parcel(&message, Some("Notes"))).unwrap(), "{accent} {logo}");
        }
    }
}

/// <https://wicg.github.io/sms-one-time-codes/>: the last line is `@` host, a space, `#` code.
#[test]
fn browsers_fill_in_codes_of_an_sms() {
    let message = message(About::SignInCode(code(FIREFOX)), "Ada");
    let text = letters().sms(&parcel(&message, Some("Notes"))).unwrap();
    assert_eq!(text, "123456 is your code for Notes. Tell it to nobody.\n\n@id.example #123456");
    let local = Letters::open("http://localhost:8080", None).unwrap();
    assert!(!local.sms(&parcel(&message, None)).unwrap().contains('@'));
}

#[test]
fn a_folder_replaces_templates_and_texts() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("mail")).unwrap();
    std::fs::write(folder.path().join(TEXT), "{{ kind }} {{ code }}").unwrap();
    std::fs::write(folder.path().join("en.json"), r#"{"mail.sign_in_code.subject": "Code {code}"}"#).unwrap();
    let letters = Letters::open("https://id.example", Some(folder.path())).unwrap();
    let message = message(About::SignInCode(code(FIREFOX)), "Ada");
    let letter = letters.letter(&parcel(&message, None)).unwrap();
    assert_eq!((letter.subject.as_str(), letter.text.as_str()), ("Code 123456", "sign_in_code 123456\n"));
    std::fs::write(folder.path().join(TEXT), "{{ nonsense }}").unwrap();
    let letters = Letters::open("https://id.example", Some(folder.path())).unwrap();
    let error = letters.letter(&parcel(&message, None)).unwrap_err();
    assert!(error.contains("letter.txt") && !error.contains("123456"), "{error}");
}
