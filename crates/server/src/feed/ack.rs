//! `POST /rev/ack`: a verifier that proves who it is says what it has in force.

use crate::app::App;
use crate::error::{Fault, Http};
use crate::extract::{authorization, body, client_ip, one_header};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use countersign_feed::metadata::Ack;
use countersign_issuer::Code;
use countersign_issuer::error::{Rejected, rejected};
use countersign_issuer::oauth::verifier;
use countersign_issuer::revocation::publish;
use http::{StatusCode, header};
use std::sync::Arc;

/// Bytes of an acknowledgement.
const MOST_BYTES: usize = 1_024;
/// Characters of a verifier's name.
const MOST_NAME: usize = 64;
/// Modes of a verifier's routes.
const MODES: [&str; 3] = ["closed", "open", "introspect"];
/// Epochs and numbers of rules that the store can hold.
const MOST_PLACE: u64 = i64::MAX.unsigned_abs();
/// The longest hard bound a verifier may have, in seconds: a week.
const MOST_HARD: u64 = 7 * 24 * 60 * 60;

/// Takes it.
pub(crate) async fn post(State(app): State<Arc<App>>, request: Request) -> Result<Response, Fault> {
    let (parts, body) = request.into_parts();
    if !body::is_type(one_header(&parts.headers, &header::CONTENT_TYPE), "application/json") {
        return Err(Http::MediaType.into());
    }
    let body = body::read(&app, body).await?;
    let client =
        verifier::authenticate(&app.issuer, authorization::of(&parts.headers)?, client_ip::of(&parts))
            .await?;
    let ack = read(&body)?;
    publish::acknowledge(&app.issuer, &client.id, ack)?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

fn read(body: &[u8]) -> Result<Ack, Fault> {
    if body.len() > MOST_BYTES {
        return Err(Http::BodyTooLarge.into());
    }
    let ack: Ack = serde_json::from_slice(body).map_err(|e| {
        // The text of serde_json's error may quote the input; its place and kind do not.
        let place = format!("JSON: {:?} at line {} column {}", e.classify(), e.line(), e.column());
        Rejected::new(Code::InvalidRequest, "The body is not an acknowledgement.").because(place)
    })?;
    let name = !ack.verifier.is_empty() && ack.verifier.len() <= MOST_NAME;
    let modes = ack.modes.len() <= MODES.len() && ack.modes.iter().all(|m| MODES.contains(&m.as_str()));
    let demands = [
        (
            name && ack.verifier.bytes().all(|b| b.is_ascii_graphic()),
            "verifier must be 1 to 64 visible ASCII characters.",
        ),
        (ack.epoch.max(ack.seq) <= MOST_PLACE, "epoch and seq must be those of a head."),
        (ack.hard <= MOST_HARD, "hard must be at most 604800 seconds."),
        (modes, "modes must be closed, open or introspect."),
    ];
    match demands.iter().find(|(met, _)| !met) {
        Some((_, what)) => Err(rejected(Code::InvalidRequest, *what).into()),
        None => Ok(ack),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(body: &str) -> Option<&'static str> {
        read(body.as_bytes()).err().map(|fault| fault.code())
    }

    #[test]
    fn an_acknowledgement_is_read_strictly() {
        let good = r#"{"verifier":"a~!","epoch":1,"seq":2,"hard":60,"modes":["closed","open"]}"#;
        let ack = read(good.as_bytes()).unwrap();
        assert_eq!((ack.verifier.as_str(), ack.epoch, ack.seq, ack.hard), ("a~!", 1, 2, 60));
        for (from, to) in [
            ("a~!", ""),
            ("a~!", "a b"),
            ("a~!", "caf\u{e9}"),
            ("a~!", "a\\nb"),
            (":60", ":604801"),
            (":60", ":-1"),
            (":60", ":1.5"),
            (":1,", ":\"1\","),
            (":1,", ":18446744073709551616,"),
            (":1,", ":9223372036854775808,"),
            (":2,", ":18446744073709551615,"),
            ("open", "ajar"),
            ("\"open\"", "\"open\",\"open\",\"open\""),
            ("\"seq\":2,", ""),
            ("\"seq\":2,", "\"seq\":2,\"seq\":3,"),
            ("\"seq\":2,", "\"seq\":2,\"more\":3,"),
            ("{", "[{"),
            ("}", "}x"),
        ] {
            assert_eq!(code(&good.replacen(from, to, 1)), Some("invalid_request"), "{from} -> {to}");
        }
        assert_eq!(code(&good.replace("a~!", &"x".repeat(64))), None);
        assert_eq!(code(&good.replace("a~!", &"x".repeat(65))), Some("invalid_request"));
        let padded = format!("{good}{}", " ".repeat(MOST_BYTES));
        assert!(matches!(read(padded.as_bytes()), Err(Fault::Http(Http::BodyTooLarge))));
    }
}
