//! Hands messages over: mail to a server, SMS to a service, either to a file or to `/dev/outbox`.

mod file;
mod mime;
mod sms;
mod smtp;
#[cfg(test)]
mod smtp_tests;

use crate::StartError;
use crate::config::{MailSettings, MailSink, Settings, SmsSink, SmtpTls};
use async_trait::async_trait;
use countersign_issuer::Failure;
use countersign_issuer::model::message::{To, Way};
use countersign_issuer::port::{Courier, Egress, Parcel, Undelivered};
use countersign_server::mail::{Letter, Letters};
use countersign_server::{DevOutbox, Kept};
use smtp::Smtp;
use std::sync::Arc;

/// Everything that is configured.
pub(crate) struct Couriers {
    letters: Letters,
    mail: Option<MailSettings>,
    sms: Option<SmsSink>,
    smtp: Option<Smtp>,
    egress: Arc<dyn Egress>,
    outbox: Option<Arc<DevOutbox>>,
}

impl Couriers {
    pub(crate) fn new(settings: &Settings, egress: Arc<dyn Egress>) -> Result<Self, StartError> {
        let page = matches!(&settings.mail, Some(MailSettings { sink: MailSink::Outbox, .. }))
            || matches!(settings.sms, Some(SmsSink::Outbox));
        let smtp = match &settings.mail {
            Some(MailSettings { sink: MailSink::Smtp(server), .. }) => {
                Some(Smtp::new(server).map_err(|e| Failure::Bug(format!("mail: {e}")))?)
            }
            _ => None,
        };
        Ok(Self {
            smtp,
            egress,
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
            MailSink::Smtp(_) => {
                let mail = mime::mail(settings, parcel, to, &letter).map_err(for_good)?;
                self.smtp.as_ref().ok_or_else(nowhere)?.send(mail).await
            }
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
            SmsSink::Http(service) => sms::send(&*self.egress, service, parcel.id, to, &text).await,
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

/// For the doctor: how mail leaves; a server is greeted as for a mail. `None`: it does not.
pub(crate) async fn look(settings: &Settings) -> Result<Option<String>, String> {
    let Some(mail) = &settings.mail else { return Ok(None) };
    Ok(Some(match &mail.sink {
        MailSink::Smtp(server) => {
            if !Smtp::new(server)?.reach().await? {
                return Err("it answered, but not that it is well".to_owned());
            }
            let tls = match server.tls {
                SmtpTls::Wrapped => "TLS",
                SmtpTls::StartTls => "STARTTLS",
                SmtpTls::None => "in the clear, on this machine",
            };
            format!("{}:{} answers ({tls})", server.host, server.port)
        }
        MailSink::File(folder) => format!("a file each in {}", folder.display()),
        MailSink::Outbox => "kept for /dev/outbox".to_owned(),
    }))
}

fn nowhere() -> Undelivered {
    for_good("no way to send is configured".to_owned())
}

fn for_good(detail: String) -> Undelivered {
    Undelivered { for_good: true, detail }
}
