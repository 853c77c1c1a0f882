//! What the issuer sent: a person's mailbox, read from the folder its mail goes to.

use crate::scene::Scene;
use anyhow::{Context, Result, bail};
use countersign_verifier::Clock;
use std::path::Path;
use std::time::Duration;

/// Digits of a code.
const DIGITS: usize = 6;
/// How long a mail may take.
const DELIVERED: Duration = Duration::from_secs(10);

/// A mail as its reader sees it.
pub(crate) struct Mail {
    text: String,
}

impl Mail {
    /// The six digits.
    pub(crate) fn code(&self) -> Result<String> {
        six_digits(&self.text).context("no six digits in the mail")
    }

    /// The link that signs in.
    pub(crate) fn link(&self) -> Result<String> {
        let link = self.text.split_whitespace().find(|w| w.starts_with("http") && w.contains("token="));
        Ok(link.context("no link in the mail")?.to_owned())
    }
}

/// The first word of six digits.
pub(crate) fn six_digits(text: &str) -> Option<String> {
    let mut words = text.split(|c: char| c.is_whitespace() || "<>.,:".contains(c));
    let code = words.find(|w| w.len() == DIGITS && w.bytes().all(|b| b.is_ascii_digit()));
    code.map(str::to_owned)
}

/// How many mails there are for this address.
pub(crate) fn count(scene: &Scene<'_>, address: &str) -> Result<usize> {
    Ok(mails(&scene.stage.issuer.mail(), address)?.len())
}

/// The newest mail for this address, once there are more than `seen`.
pub(crate) async fn newest(scene: &mut Scene<'_>, address: &str, seen: usize) -> Result<Mail> {
    let folder = scene.stage.issuer.mail();
    let started = scene.stage.clock.elapsed();
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    loop {
        tick.tick().await;
        let mut all = mails(&folder, address)?;
        if all.len() > seen {
            let text = all.pop().unwrap_or_default();
            scene.say(format!("A mail for {address} is there."));
            return Ok(Mail { text: readable(&text) });
        }
        if scene.stage.clock.elapsed().saturating_sub(started) > DELIVERED {
            bail!("no mail for {address} within {DELIVERED:?}");
        }
    }
}

/// Texts of the files for this address, oldest first: their names begin with the time.
fn mails(folder: &Path, address: &str) -> Result<Vec<String>> {
    let Ok(files) = std::fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut paths = files.map(|f| f.map(|f| f.path())).collect::<std::io::Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|e| e == "eml"));
    paths.sort();
    let mut out = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let to = text.lines().take_while(|l| !l.is_empty()).find(|l| l.starts_with("To:"));
        if to.is_some_and(|line| line.contains(address)) {
            out.push(text);
        }
    }
    Ok(out)
}

/// The body, quoted-printable undone (RFC 2045 6.7) as far as plain English needs it.
fn readable(mail: &str) -> String {
    let mail = mail.replace("\r\n", "\n");
    let body = mail.split_once("\n\n").map_or(mail.as_str(), |(_, body)| body);
    if mail.to_ascii_lowercase().contains("quoted-printable") {
        body.replace("=\n", "").replace("=3D", "=").replace("=20", " ")
    } else {
        body.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_read_as_a_person_reads_it() {
        let raw = "To: a@demo.example\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
                   Follow http://localhost:1/auth/verify?token=3Dab=\r\ncd or type 123456.\r\n--x999999x--\r\n";
        let mail = Mail { text: readable(raw) };
        assert_eq!(mail.link().unwrap(), "http://localhost:1/auth/verify?token=abcd");
        assert_eq!(mail.code().unwrap(), "123456");
    }
}
