//! Hands messages over: mail to a file or to `/dev/outbox`, SMS the same.

mod file;
mod mime;

use crate::config::{MailSettings, MailSink, Settings, SmsSink};
use async_trait::async_trait;
use countersign_issuer::model::message::{To, Way};
use countersign_issuer::port::{Courier, Parcel, Undelivered};
use countersign_server::mail::{Letter, Letters};
use countersign_server::{DevOutbox, Kept};
use std::sync::Arc;

/// Everything that is configured.
pub(crate) struct Couriers {
    letters: Letters,
    mail: Option<MailSettings>,
    sms: Option<SmsSink>,
    outbox: Option<Arc<DevOutbox>>,
}

impl Couriers {
    pub(crate) fn new(settings: &Settings) -> Result<Self, countersign_server::Error> {
        let page = matches!(&settings.mail, Some(MailSettings { sink: MailSink::Outbox, .. }))
            || matches!(settings.sms, Some(SmsSink::Outbox));
        Ok(Self {
            letters: Letters::open(&settings.issuer.issuer, settings.templates.as_deref())?,
            mail: settings.mail.clone(),
            sms: settings.sms.clone(),
            outbox: page.then(Arc::default),
        })
    }

    /// What `/dev/outbox` shows, if that is where messages go.
    pub(crate) fn outbox(&self) -> Option<Arc<DevOutbox>> {
        self.outbox.clone()
    }

    async fn mail(&self, parcel: &Parcel<'_>, to: &str) -> Result<(), Undelivered> {
        let settings = self.mail.as_ref().ok_or_else(nowhere)?;
        let letter = self.letters.letter(parcel).map_err(for_good)?;
        match &settings.sink {
            MailSink::File(folder) => {
                let mail = mime::mail(settings, parcel, to, &letter).map_err(for_good)?;
                file::write(folder, "eml", &parcel.id, mail.formatted()).await
            }
            MailSink::Outbox => {
                self.keep(parcel, "mail", to, Some(letter.clone()), letter.text);
                Ok(())
            }
        }
    }

    async fn sms(&self, parcel: &Parcel<'_>, to: &str) -> Result<(), Undelivered> {
        let sink = self.sms.as_ref().ok_or_else(nowhere)?;
        let text = self.letters.sms(parcel).map_err(for_good)?;
        match sink {
            SmsSink::File(folder) => {
                let body = serde_json::json!({"to": to, "text": text});
                file::write(folder, "json", &parcel.id, body.to_string().into_bytes()).await
            }
            SmsSink::Outbox => {
                self.keep(parcel, "sms", to, None, text);
                Ok(())
            }
        }
    }

    fn keep(&self, parcel: &Parcel<'_>, way: &'static str, to: &str, letter: Option<Letter>, text: String) {
        let Some(outbox) = &self.outbox else { return };
        let about = &parcel.message.about;
        let (subject, html) = letter.map(|l| (l.subject, l.html)).unzip();
        outbox.keep(Kept {
            id: parcel.id.to_string(),
            way,
            at: parcel.queued_at.millis(),
            to: to.to_owned(),
            subject,
            text,
            html,
            code: about.code().map(|sent| sent.code.expose().to_owned()),
            link: about.link().map(|link| link.expose().to_owned()),
        });
    }
}

#[async_trait]
impl Courier for Couriers {
    fn takes(&self, way: Way) -> bool {
        match way {
            Way::Mail => self.mail.is_some(),
            Way::Sms => self.sms.is_some(),
        }
    }

    async fn deliver(&self, parcel: Parcel<'_>) -> Result<(), Undelivered> {
        match &parcel.message.to {
            To::Mail(address) => self.mail(&parcel, address).await,
            To::Sms(number) => self.sms(&parcel, number).await,
        }
    }
}

fn nowhere() -> Undelivered {
    for_good("no way to send is configured".to_owned())
}

fn for_good(detail: String) -> Undelivered {
    Undelivered { for_good: true, detail }
}
