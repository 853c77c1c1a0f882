//! The account pages in every shape.

use super::{nobody_special, person};
use crate::view::Views;
use crate::view::page::Trouble;
use crate::view::page::account::*;
use crate::view::page::passkeys::{PasskeyEntry, Passkeys};
use minijinja::Error;

type Pages = Vec<(&'static str, Result<String, Error>)>;

fn session(s: &str) -> AppSession {
    AppSession { id: s.to_owned(), name: s.to_owned(), device: s.to_owned(), created_at: 1_770_000_000_000 }
}

fn browser(s: &str, current: bool) -> BrowserEntry {
    BrowserEntry {
        id: s.to_owned(),
        current,
        device: s.to_owned(),
        created_at: 1_770_000_000_000,
        seen_at: 1_770_000_060_000,
        apps: if current { vec![session(s), session(s)] } else { vec![] },
    }
}

fn frame(s: &str) -> Frame {
    Frame { form_token: s.to_owned(), me: s.to_owned(), notice: None, trouble: None }
}

fn troubled(s: &str, kind: &'static str, wait: Option<u64>) -> Frame {
    Frame { trouble: Some(Trouble { kind, wait }), ..frame(s) }
}

fn passkeys(view: &Views, s: &str) -> Pages {
    let key = |passkey, kept, used_at| PasskeyEntry {
        id: s.to_owned(),
        name: s.to_owned(),
        passkey,
        kept,
        created_at: 1_770_000_000_000,
        used_at,
    };
    let (keys, agent) = (Vec::new(), s.to_owned());
    let none = Passkeys { frame: frame(s), keys, full: false, agent: agent.clone() };
    let mut out = vec![("passkeys", view.html(&none))];
    for kind in ["passkey", "passkey_known", "passkey_full", "passkey_name"] {
        let keys = vec![
            key(true, "backed_up", Some(1_770_000_060_000)),
            key(true, "eligible", None),
            key(false, "device", None),
        ];
        let full = kind == "passkey_full";
        let some = Passkeys { frame: troubled(s, kind, None), keys, full, agent: agent.clone() };
        out.push((if full { "passkeys_full" } else { "passkeys" }, view.html(&some)));
    }
    out
}

pub(super) fn pages(view: &Views, s: &str) -> Pages {
    let mut out = overview(view, s);
    out.extend(passkeys(view, s));
    for there in [false, true] {
        let page = Security {
            frame: frame(s),
            password: there,
            passkeys: if there { 3 } else { 0 },
            totp: there,
            phone: there.then(|| s.to_owned()),
            recovery_codes: 7,
            two_steps: there,
            upstreams: if there { vec![s.to_owned()] } else { vec![] },
        };
        out.push(("account_security", view.html(&page)));
    }
    for (replaces, frame) in
        [(false, frame(s)), (true, troubled(s, "code", None)), (true, troubled(s, "throttled", Some(90)))]
    {
        let page = Totp {
            frame,
            replaces,
            key: s.to_owned(),
            address: s.to_owned(),
            qr: "<svg viewBox=\"0 0 1 1\"><path d=\"M0 0h1v1z\"/></svg>".to_owned(),
            sealed: s.to_owned(),
        };
        out.push(("account_totp", view.html(&page)));
    }
    out
}

fn overview(view: &Views, s: &str) -> Pages {
    let notices = crate::account::NOTICES.iter().copied().map(Some);
    let page = |notice: Option<&'static str>| {
        let alone = notice.is_none();
        Overview {
            frame: Frame { notice, ..frame(s) },
            user: if alone { nobody_special() } else { person(s) },
            browsers: if alone { vec![browser(s, true)] } else { vec![browser(s, true), browser(s, false)] },
            apps: if alone { vec![] } else { vec![session(s)] },
            others: !alone,
        }
    };
    std::iter::once(None).chain(notices).map(|notice| ("account", view.html(&page(notice)))).collect()
}
