//! Who somebody is at a provider, out of what it says: every text judged as a stranger's.

use super::discovery::Metadata;
use super::{LONGEST_SUBJECT, MailTrust, Provider, Trouble, document, roles};
use crate::Issuer;
use crate::admin::users;
use crate::model::Secret;
use countersign_token::{IdToken, Timestamp};
use serde_json::{Map, Value};

/// Longest display name taken over, in bytes; the rest is cut off.
const LONGEST_NAME: usize = 200;

/// A person as a provider knows them.
#[derive(Clone, PartialEq, Debug)]
pub struct Identity {
    /// The provider's name for them, 1 to 255 bytes; never an address.
    pub subject: String,
    /// Their address, and whether it counts as confirmed.
    pub email: Option<(String, bool)>,
    /// Their display name.
    pub name: Option<String>,
    /// All that was said, for rules about roles.
    pub claims: Map<String, Value>,
    /// When the person proved it there (`auth_time`), if the provider says so.
    pub proven_at: Option<Timestamp>,
}

impl Identity {
    /// Judged: a subject that is none is refused; an address or a name that is none is left out.
    pub(super) fn new(
        subject: String,
        email: Option<(String, bool)>,
        name: Option<String>,
        claims: Map<String, Value>,
    ) -> Result<Self, Trouble> {
        if !(1..=LONGEST_SUBJECT).contains(&subject.len()) || subject.contains(char::is_control) {
            return Err(Trouble::refused("its name for the person is empty, too long, or no text"));
        }
        let email = email.map(|(address, sure)| (address.trim().to_owned(), sure));
        let email = email.filter(|(address, _)| {
            users::check(&users::Add { email: address.clone(), ..users::Add::default() }).is_ok()
        });
        let name = name.map(|name| cut(name.trim()).to_owned()).filter(|name| {
            let email = "a@b".to_owned();
            let add = users::Add { email, name: Some(name.clone()), ..users::Add::default() };
            users::check(&add).is_ok()
        });
        Ok(Self { subject, email, name, claims, proven_at: None })
    }

    /// The address, if it counts as confirmed.
    pub fn confirmed(&self) -> Option<&str> {
        self.email.as_ref().filter(|(_, sure)| *sure).map(|(address, _)| address.as_str())
    }

    /// The address, confirmed or not: for lists alone.
    pub fn address(&self) -> Option<&str> {
        self.email.as_ref().map(|(address, _)| address.as_str())
    }
}

fn cut(name: &str) -> &str {
    let mut end = name.len().min(LONGEST_NAME);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.get(..end).unwrap_or_default().trim_end()
}

/// Out of an ID token that was judged; what it lacks is asked for at the userinfo endpoint.
pub(super) async fn identity(
    issuer: &Issuer,
    provider: &Provider,
    metadata: &Metadata,
    token: IdToken,
    access_token: &Secret,
) -> Result<Identity, Trouble> {
    let mut claims = token.more;
    let lacking = !claims.contains_key("email") || roles::lacks(&provider.settings.roles, &claims);
    if let Some(userinfo) = metadata.userinfo.as_deref().filter(|_| lacking) {
        let body = document(issuer, userinfo, Some(access_token)).await?;
        let more: Map<String, Value> = serde_json::from_slice(&body)
            .map_err(|e| Trouble::refused(format!("its userinfo cannot be read: {e}")))?;
        // OIDC Core 5.3.4: the one protection against another person's userinfo.
        if more.get("sub").and_then(Value::as_str) != Some(token.sub.as_str()) {
            return Err(Trouble::refused("its userinfo is another person's (sub)"));
        }
        for (name, value) in more {
            // What is signed counts.
            claims.entry(name).or_insert(value);
        }
    }
    let email = claims.get("email").and_then(Value::as_str).map(str::to_owned);
    let email = email.map(|address| {
        let sure = confirmed(provider.settings.mail_trust, &address, &claims);
        (address, sure)
    });
    let name = claims.get("name").and_then(Value::as_str).map(str::to_owned);
    let proven_at = token.auth_time.map(Timestamp::from_seconds);
    Ok(Identity { proven_at, ..Identity::new(token.sub, email, name, claims)? })
}

/// Some providers write truth as text.
fn is_true(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(truth)) => *truth,
        Some(Value::String(text)) => text == "true" || text == "1",
        Some(Value::Number(n)) => n.as_u64() == Some(1),
        _ => false,
    }
}

fn confirmed(trust: MailTrust, address: &str, claims: &Map<String, Value>) -> bool {
    let domain = address.rsplit_once('@').map(|(_, domain)| domain.to_lowercase()).unwrap_or_default();
    let says_so = is_true(claims.get("email_verified"));
    match trust {
        MailTrust::Claim => says_so,
        MailTrust::Google => {
            let hosted =
                claims.get("hd").and_then(Value::as_str).is_some_and(|hd| hd.to_lowercase() == domain);
            says_so && (hosted || domain == "gmail.com")
        }
        MailTrust::Microsoft => is_true(claims.get("xms_edov")),
        MailTrust::Always => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_address_counts_by_the_word_of_who_can_know() {
        use MailTrust::{Always, Claim, Google, Microsoft};
        for (trust, address, claims, sure) in [
            (Claim, "a@b.test", json!({"email_verified": true}), true),
            (Claim, "a@b.test", json!({"email_verified": "true"}), true),
            (Claim, "a@b.test", json!({"email_verified": false}), false),
            (Claim, "a@b.test", json!({"email_verified": "false"}), false),
            (Claim, "a@b.test", json!({"email_verified": "yes"}), false),
            (Claim, "a@b.test", json!({"email_verified": null}), false),
            (Claim, "a@b.test", json!({}), false),
            (Google, "a@gmail.com", json!({"email_verified": true}), true),
            (Google, "a@GMAIL.com", json!({"email_verified": true}), true),
            (Google, "a@gmail.com.evil.test", json!({"email_verified": true}), false),
            (Google, "a@b.test", json!({"email_verified": true}), false),
            (Google, "a@b.test", json!({"email_verified": true, "hd": "b.test"}), true),
            (Google, "a@b.test", json!({"email_verified": true, "hd": "c.test"}), false),
            (Google, "a@b.test", json!({"hd": "b.test"}), false),
            (Microsoft, "a@b.test", json!({"email_verified": true}), false),
            (Microsoft, "a@b.test", json!({"xms_edov": true}), true),
            (Microsoft, "a@b.test", json!({"xms_edov": "1"}), true),
            (Microsoft, "a@b.test", json!({"xms_edov": 0}), false),
            (Always, "a@b.test", json!({}), true),
        ] {
            assert_eq!(confirmed(trust, address, claims.as_object().unwrap()), sure, "{trust:?} {claims}");
        }
    }

    #[test]
    fn texts_of_strangers_are_cut_or_left_out() {
        let of = |subject: &str, email: &str, name: &str| {
            let email = Some((email.to_owned(), true));
            Identity::new(subject.to_owned(), email, Some(name.to_owned()), Map::new()).ok()
        };
        assert_eq!(of("", "a@b.test", "Ada"), None);
        assert_eq!(of(&"s".repeat(256), "a@b.test", "Ada"), None);
        assert_eq!(of("a\u{0}b", "a@b.test", "Ada"), None);
        let plain = of(&"s".repeat(255), " a@b.test ", " Ada ").unwrap();
        assert_eq!((plain.confirmed(), plain.name.as_deref()), (Some("a@b.test"), Some("Ada")));
        let odd = of("s", "no address", "A\u{202e}da").unwrap();
        assert_eq!((odd.address(), odd.name.as_deref()), (None, None));
        // 199 bytes and a letter of two: cut before it.
        let long = of("s", "a@b.test", &format!("{}éé", "x".repeat(199))).unwrap();
        assert_eq!(long.name.unwrap(), "x".repeat(199));
    }
}
