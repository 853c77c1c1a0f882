//! SMS by way of a service's HTTP interface.

use crate::clock;
use crate::config::{SmsFill, SmsPreset, SmsService};
use aws_lc_rs::hmac;
use countersign_issuer::model::JobId;
use countersign_issuer::port::{Call, CallMethod, Egress, Undelivered};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::fmt::Write;
use url::form_urlencoded;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// Sends one text.
pub(super) async fn send(
    egress: &dyn Egress,
    service: &SmsService,
    id: JobId,
    to: &str,
    text: &str,
) -> Result<(), Undelivered> {
    let call = call(service, id, to, text, clock::wall_millis() / 1_000);
    let answer =
        egress.call(call).await.map_err(|e| Undelivered { for_good: false, detail: e.to_string() })?;
    judge(service.preset, answer.status, &answer.body)
}

fn call(service: &SmsService, id: JobId, to: &str, text: &str, now: i64) -> Call {
    let (from, secret) = (service.from.as_str(), service.secret.expose());
    let name = Cow::Borrowed;
    let number = id.to_string();
    let with = SmsFill { to, text, id: &number, from, user: &service.user, secret: service.secret.expose() };
    let (mut method, mut url) = (CallMethod::Post, service.url.clone());
    let (mut headers, body) = match service.preset {
        SmsPreset::Twilio => {
            let login = base64_simd::STANDARD.encode_to_string(format!("{}:{secret}", service.user));
            let headers = vec![
                (name("content-type"), FORM.to_owned()),
                (name("authorization"), format!("Basic {login}")),
            ];
            (headers, form(&[("To", to), ("From", from), ("Body", text)]))
        }
        SmsPreset::Vonage => {
            let number = to.trim_start_matches('+');
            let body = json!({"api_key": service.user, "api_secret": secret, "from": from, "to": number,
                "text": text, "type": "unicode"});
            (vec![(name("content-type"), JSON.to_owned())], body.to_string())
        }
        SmsPreset::Messagebird => {
            let headers = vec![
                (name("content-type"), FORM.to_owned()),
                (name("authorization"), format!("AccessKey {secret}")),
            ];
            (headers, form(&[("recipients", to), ("originator", from), ("body", text)]))
        }
        SmsPreset::Webhook => {
            let body = json!({"id": id.to_string(), "to": to, "text": text}).to_string();
            let signature = format!("t={now},v1={}", signature(secret, now, &body));
            let headers =
                vec![(name("content-type"), JSON.to_owned()), (name("x-countersign-signature"), signature)];
            (headers, body)
        }
        SmsPreset::Custom => {
            method = service.request.method();
            url = service.request.url(&with);
            let headers = service.request.headers(&with).into_iter();
            (headers.map(|(name, value)| (name.into(), value)).collect(), service.request.body(&with))
        }
    };
    headers.push((name("idempotency-key"), id.to_string()));
    Call { method, url, headers, body: body.into_bytes() }
}

fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// Hex of HMAC-SHA256 over `<seconds>.<body>`.
fn signature(secret: &str, now: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{now}.{body}").as_bytes());
    tag.as_ref().iter().fold(String::with_capacity(64), |mut out, byte| {
        // Writing into a String does not fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// 2xx went; 400, 404, 410, 413 and 422 are about this message; everything else passes. Vonage says 200 and then
/// what it thinks.
fn judge(preset: SmsPreset, status: u16, body: &[u8]) -> Result<(), Undelivered> {
    let no = |for_good, detail: String| Err(Undelivered { for_good, detail });
    match status {
        200..=299 if preset == SmsPreset::Vonage => {
            let answer: Value = serde_json::from_slice(body).unwrap_or_default();
            match answer.pointer("/messages/0/status").and_then(Value::as_str) {
                Some("0") => Ok(()),
                // 3: invalid parameters, 6: unroutable, 7: barred number.
                Some(code @ ("3" | "6" | "7")) => no(true, format!("the service refuses: status {code}")),
                code => {
                    no(false, format!("the service did not take it: status {}", code.unwrap_or("missing")))
                }
            }
        }
        200..=299 => Ok(()),
        400 | 404 | 410 | 413 | 422 => no(true, format!("the service refuses: {status}")),
        _ => no(false, format!("the service answers {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, SmsRequest};
    use crate::egress::Outward;
    use countersign_issuer::model::Secret;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    fn service(preset: SmsPreset) -> SmsService {
        SmsService {
            preset,
            url: "https://sms.example/send".to_owned(),
            user: "AC1".to_owned(),
            from: "+15550100".to_owned(),
            secret: Secret::new("Jefe"),
            request: SmsRequest::default(),
        }
    }

    /// Computed with Python: `hmac.new(b"Jefe", b"1770000000." + body, "sha256").hexdigest()`.
    #[test]
    fn webhooks_are_signed() {
        let call = call(&service(SmsPreset::Webhook), JobId([0; 16]), "+15550123", "Hi", 1_770_000_000);
        let body = String::from_utf8(call.body).unwrap();
        assert_eq!(body, r#"{"id":"AAAAAAAAAAAAAAAAAAAAAA","text":"Hi","to":"+15550123"}"#);
        let (_, signature) = call.headers.iter().find(|(n, _)| *n == "x-countersign-signature").unwrap();
        assert_eq!(
            signature,
            "t=1770000000,v1=57347e936e06f34f759c60ad271f4066ecf31366a372a100f3940dc5514aa265"
        );
    }

    #[test]
    fn texts_are_escaped_for_each_service() {
        let hostile = "a&To=+1\"}\r\n{to} ü";
        for preset in [SmsPreset::Twilio, SmsPreset::Messagebird] {
            let call = call(&service(preset), JobId([0; 16]), "+15550123", hostile, 0);
            let fields: Vec<(String, String)> = form_urlencoded::parse(&call.body).into_owned().collect();
            assert_eq!(fields.len(), 3, "{fields:?}");
            assert!(fields.iter().any(|(_, v)| v == hostile) && fields.iter().any(|(_, v)| v == "+15550123"));
        }
        for preset in [SmsPreset::Vonage, SmsPreset::Webhook] {
            let call = call(&service(preset), JobId([0; 16]), "+15550123", hostile, 0);
            let body: Value = serde_json::from_slice(&call.body).unwrap();
            assert_eq!(body["text"], hostile);
        }
    }

    #[test]
    fn answers_are_judged() {
        let judged =
            |preset, status, body: &str| judge(preset, status, body.as_bytes()).map_err(|e| e.for_good);
        assert_eq!(judged(SmsPreset::Twilio, 201, ""), Ok(()));
        assert_eq!(judged(SmsPreset::Twilio, 400, ""), Err(true));
        for passing in [401, 403, 408, 429, 500, 503, 302] {
            assert_eq!(judged(SmsPreset::Webhook, passing, ""), Err(false), "{passing}");
        }
        assert_eq!(judged(SmsPreset::Vonage, 200, r#"{"messages":[{"status":"0"}]}"#), Ok(()));
        assert_eq!(judged(SmsPreset::Vonage, 200, r#"{"messages":[{"status":"7"}]}"#), Err(true));
        assert_eq!(judged(SmsPreset::Vonage, 200, r#"{"messages":[{"status":"1"}]}"#), Err(false));
        assert_eq!(judged(SmsPreset::Vonage, 200, "nonsense"), Err(false));
    }

    /// One call over a real socket; answers what arrived.
    async fn arrived(toml: &str, text: &str) -> (Result<(), Undelivered>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("countersign.toml");
        std::fs::write(folder.path().join("key"), "s3cr3t\n").unwrap();
        let key = folder.path().join("key");
        let toml = toml.replace("PORT", &port.to_string()).replace("KEY", key.to_str().unwrap());
        std::fs::write(&file, toml).unwrap();
        let sources = config::Sources { file: Some(file), ..config::Sources::default() };
        let settings = config::load(&sources).unwrap().check().unwrap();
        let Some(config::SmsSink::Http(service)) = settings.sms else { panic!("no service") };
        let server = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut seen = Vec::new();
            let due = |seen: &[u8]| {
                let text = String::from_utf8_lossy(seen).to_lowercase();
                let (head, body) = text.split_once("\r\n\r\n")?;
                let length = head.split_once("content-length: ").map_or("0", |(_, rest)| rest);
                let length: usize = length.split("\r\n").next()?.parse().ok()?;
                (body.len() >= length).then_some(())
            };
            while due(&seen).is_none() {
                seen.push(socket.read_u8().await.unwrap());
            }
            socket.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            String::from_utf8(seen).unwrap()
        });
        let outward = Outward::new(vec!["127.0.0.1/32".parse().unwrap()]);
        let sent = send(&outward, &service, JobId([0; 16]), "+15550123", text).await;
        (sent, server.await.unwrap())
    }

    #[tokio::test]
    async fn a_request_of_ones_own_arrives_as_written() {
        let hostile = "123456\"}\r\nX-Evil: 1\r\n\r\n{secret}&to=+1 \u{fc}";
        let (sent, seen) = arrived(
            r#"
            [sms]
            sink = "http"
            preset = "custom"
            url = "http://127.0.0.1:PORT/v1/{user}/messages"
            user = "acme"
            secret_file = "KEY"
            headers = ["Authorization: Bearer {secret}", "X-Trace: {id}"]
            body = '{"to": ["{to}"], "body": "{text}"}'
            "#,
            hostile,
        )
        .await;
        sent.unwrap();
        let (head, body) = seen.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /v1/acme/messages HTTP/1.1\r\n"), "{head}");
        for line in ["authorization: Bearer s3cr3t", "x-trace: AAAA", "content-type: application/json"] {
            assert!(head.contains(&format!("\r\n{line}")), "{line}: {head}");
        }
        assert!(!head.to_lowercase().contains("x-evil") && !seen.contains("X-Evil: 1\r\n"), "{seen}");
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body, json!({"to": ["+15550123"], "body": hostile}));

        let (sent, seen) = arrived(
            r#"
            [sms]
            sink = "http"
            preset = "custom"
            method = "GET"
            url = "http://127.0.0.1:PORT/send?to={digits}&text={text}"
            "#,
            hostile,
        )
        .await;
        sent.unwrap();
        let target = seen.split(' ').nth(1).unwrap();
        let url = url::Url::parse(&format!("http://x{target}")).unwrap();
        let fields: Vec<_> = url.query_pairs().into_owned().collect();
        assert_eq!(
            fields,
            [("to", "15550123"), ("text", hostile)].map(|(n, v)| (n.to_owned(), v.to_owned()))
        );
    }
}
