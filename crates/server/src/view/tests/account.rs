//! The account pages in every shape.

use super::{app, nobody_special, person};
use crate::account::trouble::Failed;
use crate::view::Views;
use crate::view::page::account::*;
use crate::view::page::mail_link::*;
use crate::view::page::passkeys::{PasskeyEntry, Passkeys};
use countersign_issuer::error::{Reason, Rejected};
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
    Frame { trouble: Some(trouble(kind, None, wait)), ..frame(s) }
}

fn trouble(kind: &'static str, reason: Option<&'static str>, wait: Option<u64>) -> Trouble {
    Trouble { kind, reason, wait }
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
            sms: !there,
            recovery_codes: 7,
            two_steps: there,
            providers: there,
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
    out.append(&mut changes(view, s));
    out.append(&mut mails(view, s));
    out
}

/// The pages of one matter each.
fn changes(view: &Views, s: &str) -> Pages {
    let t = || s.to_owned();
    let mut out = Pages::new();
    for codes in [vec![], vec![t(), t()]] {
        let page = RecoveryCodes { frame: frame(s), left: 3, codes };
        out.push(("account_recovery_codes", view.html(&page)));
    }
    let kinds = ["password", "weak", "field", "conflict", "expired", "code"];
    let plain = kinds.map(|kind| trouble(kind, None, None)).into_iter();
    let waits = [trouble("throttled", None, Some(90)), trouble("busy", None, Some(2))];
    let reasons = Reason::ALL.map(|reason| {
        Failed::of(Rejected::of(reason, "never shown").into())
            .unwrap_or_else(|_| panic!("{reason:?}"))
            .trouble()
    });
    for trouble in plain.chain(waits).chain(reasons) {
        let framed = || Frame { trouble: Some(trouble.clone()), ..frame(s) };
        for there in [false, true] {
            let page = Password { frame: framed(), username: t(), there, asks_old: !there };
            out.push(("account_password", view.html(&page)));
            let page = Email { frame: framed(), email: t(), verified: there, mail: there };
            out.push(("account_email", view.html(&page)));
        }
        out.push(("account_email_sent", view.html(&EmailSent { frame: framed(), what: "verify", to: t() })));
        out.push(("account_delete", view.html(&Delete { frame: framed(), email: t() })));
    }
    for (kind, wait) in [("number", None), ("sms_code", None), ("sms_expired", None), ("throttled", Some(90))]
    {
        for sms in [false, true] {
            let page = Phone { frame: troubled(s, kind, wait), now: (!sms).then(t), sms };
            out.push(("account_phone", view.html(&page)));
        }
        out.push(("account_phone_sent", view.html(&PhoneSent { frame: troubled(s, kind, wait), to: t() })));
    }
    let entry = || ConsentEntry {
        client: t(),
        name: t(),
        scopes: vec!["openid".to_owned(), t()],
        resources: vec![t()],
        granted_at: 1_770_000_000_000,
    };
    for consents in [vec![], vec![entry(), entry()]] {
        out.push(("account_consents", view.html(&Consents { frame: frame(s), consents })));
    }
    out.push(("account_data", view.html(&Data { frame: frame(s) })));
    out.push(("account_deleted", view.html(&Deleted {})));
    out
}

/// Sign-up, recovery, and what links in mails lead to.
fn mails(view: &Views, s: &str) -> Pages {
    let t = || s.to_owned();
    let mut out = Pages::new();
    for full in [false, true] {
        let (resume, client) = (full.then(t), full.then(|| app(s)));
        let trouble = full.then(|| trouble("weak", Some("short"), None));
        let page = SignUp {
            form_token: t(),
            resume: resume.clone(),
            client: client.clone(),
            email: t(),
            name: t(),
            password_optional: full,
            trouble: trouble.clone(),
        };
        out.push(("signup", view.html(&page)));
        let (form_token, email) = (t(), t());
        let client = client.clone();
        let page = Recover {
            form_token,
            resume: resume.clone(),
            client: client.clone(),
            email,
            trouble: trouble.clone(),
        };
        out.push(("recover", view.html(&page)));
        let page = MailSent {
            form_token: t(),
            action: "/signup/confirm",
            start: "/signup",
            to: t(),
            resume: resume.clone(),
            trouble: trouble.clone(),
        };
        out.push(("mail_sent", view.html(&page)));
        for all in [false, true] {
            let app = AppOnTheWay {
                key: t(),
                address: t(),
                qr: "<svg viewBox=\"0 0 1 1\"><path d=\"M0 0h1v1z\"/></svg>".to_owned(),
                sealed: t(),
            };
            let page = EnrolOnTheWay {
                form_token: t(),
                transaction: t(),
                resume: resume.clone(),
                client: client.clone(),
                passkey: true,
                agent: t(),
                app: all.then_some(app),
                phone: all,
                trouble: trouble.clone(),
            };
            out.push(("enrol", view.html(&page)));
        }
        let page = EnrolPhone {
            form_token: t(),
            transaction: t(),
            resume: resume.clone(),
            to: t(),
            trouble: trouble.clone(),
        };
        out.push(("enrol_phone", view.html(&page)));
        let page =
            KeepCodes { form_token: t(), transaction: t(), resume: resume.clone(), codes: vec![t(), t()] };
        out.push(("enrol_codes", view.html(&page)));
        let page = NewPassword { form_token: t(), resume, transaction: t(), username: t(), trouble };
        out.push(("new_password", view.html(&page)));
    }
    for topic in ["signup", "recover", "email"] {
        for (stands, me) in
            [("here", None), ("here", Some(t())), ("elsewhere", None), ("used", None), ("ended", None)]
        {
            let page = Link {
                form_token: t(),
                me,
                topic,
                action: "/signup/confirm",
                start: "/signup",
                token: t(),
                stands,
                code: (stands == "elsewhere").then(|| "123456".to_owned()),
                to: Some(t()),
                asked_at: Some(1_770_000_000_000),
                ip: Some(t()),
                device_name: Some(t()),
            };
            out.push(("mail_link", view.html(&page)));
        }
    }
    out
}

fn overview(view: &Views, s: &str) -> Pages {
    let notices = crate::account::NOTICES.iter().copied().map(Some);
    let device = |current| DeviceEntry {
        id: s.to_owned(),
        current,
        device: s.to_owned(),
        created_at: 1_770_000_000_000,
        seen_at: 1_770_000_060_000,
    };
    let page = |notice: Option<&'static str>| {
        let alone = notice.is_none();
        Overview {
            frame: Frame { notice, ..frame(s) },
            user: if alone { nobody_special() } else { person(s) },
            browsers: if alone { vec![browser(s, true)] } else { vec![browser(s, true), browser(s, false)] },
            apps: if alone { vec![] } else { vec![session(s)] },
            others: !alone,
            devices: if alone { vec![] } else { vec![device(true), device(false)] },
        }
    };
    std::iter::once(None).chain(notices).map(|notice| ("account", view.html(&page(notice)))).collect()
}
