//! A mail as it travels (RFC 5322): headers made of checked parts, text and HTML beside each other.

use crate::config::MailSettings;
use countersign_issuer::port::Parcel;
use countersign_server::mail::Letter;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};
use std::time::{Duration, SystemTime};

/// A mail to one address. The error names no address.
pub(super) fn mail(
    settings: &MailSettings,
    parcel: &Parcel<'_>,
    to: &str,
    letter: &Letter,
) -> Result<Message, String> {
    let address: Address = to.parse().map_err(|_| "the address is no mail address".to_owned())?;
    let queued = Duration::from_millis(u64::try_from(parcel.queued_at.millis()).unwrap_or(0));
    let mut builder = Message::builder()
        .from(settings.from.clone())
        .to(Mailbox::new(None, address))
        .subject(letter.subject.as_str())
        // Of the job, so that a second delivery is seen to be one.
        .message_id(Some(format!("<{}@{}>", parcel.id, settings.from.email.domain())))
        .date(SystemTime::UNIX_EPOCH + queued)
        .header(AutoSubmitted);
    if let Some(reply_to) = &settings.reply_to {
        builder = builder.reply_to(reply_to.clone());
    }
    let part = |kind, body: &str| SinglePart::builder().header(kind).body(body.to_owned());
    let html = part(ContentType::TEXT_HTML, &letter.html);
    let text = MultiPart::alternative().singlepart(part(ContentType::TEXT_PLAIN, &letter.text));
    let both = match &letter.logo {
        None => text.singlepart(html),
        Some(logo) => {
            let png = ContentType::parse("image/png").map_err(|e| e.to_string())?;
            let logo = Attachment::new_inline(logo.cid.clone()).body(logo.png.clone(), png);
            text.multipart(MultiPart::related().singlepart(html).singlepart(logo))
        }
    };
    builder.multipart(both).map_err(|e| e.to_string())
}

/// No human wrote it, so no "out of office" should answer it (RFC 3834 5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }
    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }
    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
