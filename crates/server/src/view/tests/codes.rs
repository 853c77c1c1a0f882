//! The pages of codes and links in every shape.

use super::app;
use crate::view::Views;
use crate::view::page::Trouble;
use crate::view::page::codes::*;
use minijinja::Error;

type Pages = Vec<(&'static str, Result<String, Error>)>;

fn behind_the_link(s: &str, stands: Stands) -> MailSignIn {
    let asked_from = AskedFrom { ip: s.to_owned(), device: s.to_owned(), at: 1_770_000_000_000 };
    let waits = matches!(stands, Stands::Here { .. } | Stands::Elsewhere { .. });
    MailSignIn { form_token: s.to_owned(), stands, asked_from: waits.then_some(asked_from) }
}

pub(super) fn pages(view: &Views, s: &str) -> Pages {
    let mut out: Pages = Vec::new();
    for (kind, wait) in
        [("", None), ("code", None), ("ended", None), ("throttled", Some(90)), ("busy", Some(2))]
    {
        let page = CheckMail {
            form_token: s.to_owned(),
            resume: wait.map(|_| s.to_owned()),
            transaction: wait.map(|_| s.to_owned()),
            client: (kind == "code").then(|| app(s)),
            address: s.to_owned(),
            trouble: (!kind.is_empty()).then_some(Trouble { kind, wait }),
        };
        out.push(("check_mail", view.html(&page)));
    }
    let (token, to) = (s.to_owned(), s.to_owned());
    for stands in [
        Stands::Here { token: token.clone(), to },
        Stands::Elsewhere { token: token.clone(), code: Some(s.to_owned()) },
        Stands::Elsewhere { token, code: None },
        Stands::Used,
        Stands::Ended,
        Stands::Voided,
    ] {
        out.push(("mail_sign_in", view.html(&behind_the_link(s, stands))));
    }
    out
}

#[test]
fn opening_a_link_submits_nothing_by_itself() {
    let view = Views::open("", None).unwrap();
    let here = Stands::Here { token: "t".to_owned(), to: "ada@example.com".to_owned() };
    let html = view.html(&behind_the_link("Ada", here)).unwrap();
    assert!(html.contains("method=\"post\"") && !html.contains("<script") && !html.contains("http-equiv"));
    assert!(!html.contains("href=\"/auth/verify"), "no address that does it");
}
