//! Passwords of every shape, at every entry where one is set or typed.

use crate::tab::{Browser, form_to};
use crate::wire::{Answer, post};
use crate::world::{PASSWORD, World, world_where};
use countersign_contract::flow::post as mailbox;
use countersign_issuer::account::signup::SignUp;
use countersign_issuer::outbox;
use countersign_issuer::port::Outbox;
use serde_json::json;

/// A password, whether it may be set, other spellings that are the same, and some that are not.
struct Shape {
    password: String,
    fine: bool,
    same: Vec<String>,
    others: Vec<String>,
}

fn shape(password: &str, fine: bool, same: &[&str], others: &[&str]) -> Shape {
    let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
    Shape { password: password.to_owned(), fine, same: own(same), others: own(others) }
}

/// RFC 8265 4.2: composed, every kind of space as the ordinary one, nothing trimmed, no case folded; here of 8
/// to 1,024 bytes, without control characters.
fn shapes() -> Vec<Shape> {
    let long: String = "lorem ipsum dolor violet ".chars().cycle().take(1_024).collect();
    let cut = &long[..1_023];
    vec![
        shape("x", false, &[], &[]),
        shape(&format!("{long}x"), false, &[], &[]),
        shape("correct\0horse battery staple", false, &[], &[]),
        shape("\0", false, &[], &[]),
        shape(&long, true, &[], &[cut]),
        shape(
            "\u{1f418}\u{1f3b7}\u{1f30b} and two quiet hills",
            true,
            &[],
            &["\u{1f418} and two quiet hills"],
        ),
        shape(
            "e\u{301}te\u{301} a\u{300} la plage 1937",
            true,
            &["\u{e9}t\u{e9} \u{e0} la plage 1937"],
            &["ete a la plage 1937", "\u{c9}T\u{c9} \u{c0} LA PLAGE 1937"],
        ),
        shape(
            "purple\u{a0}elephants\u{3000}yawn twice",
            true,
            &["purple elephants yawn twice", "purple\u{2009}elephants yawn\u{202f}twice"],
            &["purpleelephantsyawntwice"],
        ),
        shape(
            " \u{fb01}fteen silent lighthouses ",
            true,
            &[],
            &["\u{fb01}fteen silent lighthouses", " fifteen silent lighthouses "],
        ),
    ]
}

async fn world() -> World {
    let set = |settings: &mut countersign_issuer::Settings| {
        settings.login.mail = true;
        settings.sign_up = SignUp { enabled: true, domains: Vec::new() };
    };
    world_where(|_| {}, set).await
}

/// The path behind the newest link.
async fn link(world: &World) -> String {
    let jobs = world.store.list_jobs(None, 1000).await.unwrap().it;
    let mut all = jobs.iter().map(|j| outbox::open(&world.issuer, &j.job).unwrap());
    let newest = all.rfind(|m| mailbox::link(m).is_some()).unwrap();
    mailbox::link(&newest).unwrap().strip_prefix(&world.url("")).unwrap().to_owned()
}

/// Does this sign in, on the page and by the direct API? Both say the same.
async fn good(world: &World, username: &str, password: &str) -> bool {
    world.clock.advance_seconds(3601);
    let mut browser = Browser::new(world);
    let page = browser.open("/login").await;
    let page = browser.sign_in(&page, username, password).await;
    let ask = json!({ "username": username, "password": password, "client_id": "spa" });
    let direct = world.send(post("/auth/login").json(&ask)).await;
    match (page.status, direct.status) {
        (200, 200) => true,
        (422, 401) => {
            assert_eq!(direct.error(), "invalid_credentials", "{password:?}");
            false
        }
        // No form and no document holds a NUL.
        (400, 400) if password.contains('\0') => false,
        other => panic!("{other:?} for {password:.40?}"),
    }
}

/// Sets it by that entry for that address, whose password is `old` by now; the last answer.
async fn set(world: &World, entry: &str, address: &str, old: &str, new: &str) -> Answer {
    world.clock.advance_seconds(3601);
    let mut browser = Browser::new(world);
    match entry {
        "sign-up" => {
            let form = form_to(&browser.open("/signup").await, "/signup").set("email", address);
            let sent = browser.submit(&form.set("name", "N").set("password", new)).await;
            if sent.status != 200 {
                return sent;
            }
            let page = browser.open(&link(world).await).await;
            browser.submit(&form_to(&page, "/signup/confirm")).await
        }
        "change" => {
            let page = browser.open("/login").await;
            browser.sign_in(&page, address, old).await;
            let form = form_to(&browser.open("/account/password").await, "/account/password");
            browser.submit(&form.set("password", new)).await
        }
        _ => {
            let form = form_to(&browser.open("/recover").await, "/recover").set("email", address);
            browser.submit(&form).await;
            let page = browser.open(&link(world).await).await;
            let page = browser.submit(&form_to(&page, "/recover/confirm")).await;
            browser.submit(&form_to(&page, "/recover/password").set("password", new)).await
        }
    }
}

#[tokio::test]
async fn passwords_of_every_shape_at_every_entry() {
    for entry in ["sign-up", "change", "recovery"] {
        let world = world().await;
        let (mut address, mut now) = ("ada@example.test".to_owned(), PASSWORD.to_owned());
        for (n, shape) in shapes().iter().enumerate() {
            if entry == "sign-up" {
                address = format!("person{n}@example.test");
            }
            let what = format!("{entry}: {:.40?}", shape.password);
            assert!(!good(&world, &address, &shape.password).await, "{what}: before");
            let done = set(&world, entry, &address, &now, &shape.password).await;
            let due = match shape.fine {
                true => 200,
                false if shape.password.contains('\0') => 400,
                false => 422,
            };
            assert_eq!(done.status, due, "{what}: {}", done.text());
            assert_eq!(good(&world, &address, &shape.password).await, shape.fine, "{what}");
            for same in &shape.same {
                assert!(good(&world, &address, same).await, "{what}: {same:?}");
            }
            for other in &shape.others {
                assert!(!good(&world, &address, other).await, "{what}: {other:.40?}");
            }
            if shape.fine {
                now.clone_from(&shape.password);
            }
        }
    }
}
