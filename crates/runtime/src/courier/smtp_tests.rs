//! Whole conversations with a mail server on this machine.

use super::mime::mail;
use super::smtp::Smtp;
use crate::config::{MailSettings, MailSink, SmtpServer, SmtpTls};
use countersign_issuer::model::message::{About, To};
use countersign_issuer::model::{AskedFrom, JobId, Message};
use countersign_issuer::port::Parcel;
use countersign_server::mail::{Letter, Picture};
use countersign_token::Timestamp;
use lettre::message::Mailbox;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

async fn server(verdict: &'static str) -> (SmtpServer, mpsc::UnboundedReceiver<String>) {
    server_that_says("250-test\r\n250 8BITMIME\r\n", verdict).await
}

/// Serves one mail after another: EHLO is answered with `greeting`, RCPT TO with `verdict`; what was sent comes out
/// of the channel.
async fn server_that_says(
    greeting: &'static str,
    verdict: &'static str,
) -> (SmtpServer, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (out, received) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (read, mut write) = stream.into_split();
            let mut lines = BufReader::new(read).lines();
            write.write_all(b"220 test ESMTP\r\n").await.unwrap();
            while let Ok(Some(line)) = lines.next_line().await {
                let word: String = line.chars().take(4).collect::<String>().to_uppercase();
                let answer = match word.as_str() {
                    "STAR" => "454 4.7.0 no certificate\r\n".to_owned(),
                    "EHLO" => greeting.to_owned(),
                    "RCPT" => format!("{verdict}\r\n"),
                    "DATA" => {
                        write.write_all(b"354 go on\r\n").await.unwrap();
                        let mut text = String::new();
                        while let Ok(Some(line)) = lines.next_line().await {
                            if line == "." {
                                break;
                            }
                            text.push_str(line.strip_prefix('.').unwrap_or(&line));
                            text.push_str("\r\n");
                        }
                        out.send(text).unwrap();
                        "250 taken\r\n".to_owned()
                    }
                    _ => "250 fine\r\n".to_owned(),
                };
                if write.write_all(answer.as_bytes()).await.is_err() {
                    break;
                }
            }
        }
    });
    let host = "127.0.0.1".to_owned();
    (SmtpServer { host, port, tls: SmtpTls::None, login: None }, received)
}

fn letter() -> Letter {
    Letter {
        subject: "Grüße\r\nBcc: all@example.test".to_owned(),
        text: "first\n.\nlast".to_owned(),
        html: "<p>first</p>".to_owned(),
        logo: None,
    }
}

fn written(server: &SmtpServer, to: &str) -> Result<lettre::Message, String> {
    written_of(server, to, &letter())
}

fn written_of(server: &SmtpServer, to: &str, letter: &Letter) -> Result<lettre::Message, String> {
    let settings = MailSettings {
        sink: MailSink::Smtp(server.clone()),
        from: Mailbox::new(Some("Lüx, \"Inc\" <x@y>".to_owned()), "no-reply@id.example".parse().unwrap()),
        reply_to: None,
    };
    let message = Message {
        to: To::Mail(to.to_owned()),
        lang: "en".to_owned(),
        name: None,
        client: None,
        about: About::NoAccount(AskedFrom::default()),
    };
    let queued_at = Timestamp::from_seconds(1_770_000_000);
    let parcel = Parcel { id: JobId([1; 16]), queued_at, message: &message, client: None };
    mail(&settings, &parcel, to, letter)
}

#[tokio::test]
async fn a_mail_arrives_whole_and_has_no_header_of_others() {
    let (server, mut received) = server("250 ok").await;
    let smtp = Smtp::new(&server).unwrap();
    smtp.send(written(&server, "ada@example.test").unwrap()).await.unwrap();
    let text = received.recv().await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let names: Vec<&str> = head
        .lines()
        .filter(|line| !line.starts_with([' ', '\t']))
        .filter_map(|line| line.split_once(':').map(|(name, _)| name))
        .collect();
    assert!(!names.iter().any(|name| name.eq_ignore_ascii_case("bcc")), "{head}");
    for due in ["From", "To", "Subject", "Message-ID", "Date", "MIME-Version", "Auto-Submitted"] {
        assert_eq!(names.iter().filter(|name| name.eq_ignore_ascii_case(due)).count(), 1, "{due}: {head}");
    }
    assert!(head.contains("<AQEBAQEBAQEBAQEBAQEBAQ@id.example>"), "of the job: {head}");
    assert!(head.contains("Mon, 02 Feb 2026 02:40:00 +0000"), "when it was queued: {head}");
    assert!(body.contains("first\r\n.\r\nlast"), "a dot alone ends nothing: {body}");
    assert!(head.contains("multipart/alternative") && body.contains("<p>first</p>"));
}

/// RFC 2387: the picture stands beside the document that names it, both within the alternative to the text.
#[tokio::test]
async fn a_picture_travels_with_the_mail() {
    let (server, _received) = server("250 ok").await;
    let logo = Some(Picture { cid: "logo@x".to_owned(), png: vec![0x89, 0, 0xff, 0xfe] });
    let mail = written_of(&server, "ada@example.test", &Letter { logo, ..letter() }).unwrap();
    let text = String::from_utf8(mail.formatted()).unwrap();
    let place = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what} in {text}"));
    let order = ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"];
    assert!(order.windows(2).all(|two| place(two[0]) < place(two[1])), "{text}");
    assert!(place("Content-ID: <logo@x>") > 0 && place("Content-Disposition: inline") > 0);
    assert_eq!(place("iQD//g=="), text.rfind("iQD//g==").unwrap());
}

#[tokio::test]
async fn a_refusal_for_good_is_told_from_one_for_now() {
    for (verdict, for_good) in [
        ("550 5.1.1 <ada@example.test>: no such user", true),
        ("550-5.1.1 The account ada@example.test\r\n550 5.1.1 does not exist", true),
        ("501 5.1.3 bad address", true),
        ("556 5.1.10 the domain takes no mail", true),
        ("552 5.2.2 mailbox full", true),
        ("552 5.3.4 too big", true),
        ("450 4.2.1 later", false),
        ("450 5.1.1 as Postfix says it with unknown_local_recipient_reject_code", false),
        ("535 5.7.8 wrong password", false),
        // About us: a mistake in our settings, or in theirs, that somebody may mend.
        ("554 5.7.1 <ada@example.test>: Relay access denied", false),
        ("550 5.7.26 unauthenticated mail from id.example is not accepted", false),
        ("550 5.1.0 <no-reply@id.example>: Sender address rejected", false),
        ("550 5.1.8 bad sender's address", false),
        ("554 5.2.252 SendAsDenied", false),
        ("550 relay not permitted", false),
        ("554 5.1.1x", false),
        ("553 sorry", false),
    ] {
        let (server, _received) = server(verdict).await;
        let smtp = Smtp::new(&server).unwrap();
        let why = smtp.send(written(&server, "ada@example.test").unwrap()).await.unwrap_err();
        assert_eq!(why.for_good, for_good, "{verdict}: {why}");
        assert!(!why.detail.contains("ada@"), "{why}");
    }
}

#[tokio::test]
async fn a_server_that_is_down_is_tried_again() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let host = "127.0.0.1".to_owned();
    let server = SmtpServer { host, port: free, tls: SmtpTls::None, login: None };
    let why = Smtp::new(&server).unwrap().send(written(&server, "ada@example.test").unwrap()).await;
    assert!(!why.unwrap_err().for_good);
}

#[tokio::test]
async fn an_address_that_is_none_is_not_written_to() {
    let (server, _received) = server("250 ok").await;
    for to in
        ["", "ada", "ada@example.test\r\nRCPT TO:<eve@example.test>", "ada@example.test, eve@example.test"]
    {
        assert!(written(&server, to).is_err(), "{to:?}");
    }
}

/// A server elsewhere that offers no TLS gets nothing.
#[tokio::test]
async fn without_tls_nothing_goes_beyond_this_machine() {
    let (server, mut received) = server("250 ok").await;
    let elsewhere = SmtpServer { tls: SmtpTls::StartTls, ..server };
    let sent = Smtp::new(&elsewhere).unwrap().send(written(&elsewhere, "ada@example.test").unwrap()).await;
    assert!(sent.is_err());
    assert!(received.try_recv().is_err());
}

/// As a package sets it up: STARTTLS is offered but no use, for nobody vouches for the certificate (here: it has none).
#[tokio::test]
async fn on_this_machine_mail_goes_in_the_clear_though_tls_is_offered() {
    let (server, mut received) = server_that_says("250-test\r\n250 STARTTLS\r\n", "250 ok").await;
    let sent = Smtp::new(&server).unwrap().send(written(&server, "ada@example.test").unwrap()).await;
    sent.unwrap();
    assert!(received.recv().await.is_some());
    let elsewhere = SmtpServer { tls: SmtpTls::StartTls, ..server };
    let sent = Smtp::new(&elsewhere).unwrap().send(written(&elsewhere, "ada@example.test").unwrap()).await;
    assert!(!sent.unwrap_err().for_good);
    assert!(received.try_recv().is_err());
}
