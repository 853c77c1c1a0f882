//! Roles that a provider's claims give. Applied at each sign-in: what the rules of a provider name is theirs
//! to give and to take; other roles stay.

use super::{Identity, Provider};
use crate::Issuer;
use crate::error::Result;
use crate::model::{Actor, EventDraft, EventKind, Subject};
use crate::port::{ChangedUser, UserChange};
use serde_json::{Map, Value};

/// Who has this value in this claim has this role.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoleRule {
    /// The claim's name, or a path with dots into it.
    pub claim: String,
    /// Equal to the claim, or among its values; `*`: whatever it is.
    pub value: String,
    /// The role.
    pub role: String,
}

impl RoleRule {
    /// Reads `CLAIM = VALUE -> ROLE`.
    pub fn parse(text: &str) -> Option<Self> {
        let (when, role) = text.rsplit_once("->")?;
        let (claim, value) = when.split_once('=')?;
        let [claim, value, role] = [claim, value, role].map(str::trim);
        let whole = ![claim, value, role].contains(&"") && !role.contains(char::is_whitespace);
        whole.then(|| Self { claim: claim.to_owned(), value: value.to_owned(), role: role.to_owned() })
    }

    fn fits(&self, claims: &Map<String, Value>) -> bool {
        let is = |value: &Value| match value {
            Value::String(text) => self.value == "*" || *text == self.value,
            Value::Bool(truth) => self.value == "*" || self.value == if *truth { "true" } else { "false" },
            Value::Number(number) => {
                let number = number.to_string();
                self.value == "*" || self.value == number
            }
            _ => false,
        };
        match find(claims, &self.claim) {
            Some(Value::Array(values)) => values.iter().any(is),
            Some(value) => is(value),
            None => false,
        }
    }
}

/// A claim by its name, else by a path into objects: names of claims may hold dots themselves.
fn find<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(path) {
        return Some(value);
    }
    let (first, rest) = path.split_once('.')?;
    find(claims.get(first)?.as_object()?, rest)
}

/// Is a claim looked at that is not there?
pub(super) fn lacks(rules: &[RoleRule], claims: &Map<String, Value>) -> bool {
    rules.iter().any(|rule| find(claims, &rule.claim).is_none())
}

/// The roles due: those held that no rule names, and those whose rule fits; sorted.
pub(super) fn due(rules: &[RoleRule], claims: &Map<String, Value>, held: &[String]) -> Vec<String> {
    let kept = held.iter().filter(|role| !rules.iter().any(|rule| rule.role == **role));
    let given = rules.iter().filter(|rule| rule.fits(claims)).map(|rule| &rule.role);
    let mut all: Vec<String> = kept.chain(given).cloned().collect();
    all.sort();
    all.dedup();
    all
}

/// Gives and takes. A role that does not exist is left out, and said in the log.
pub(super) async fn apply(
    issuer: &Issuer,
    provider: &Provider,
    identity: &Identity,
    subject: &Subject,
) -> Result<()> {
    let user = &subject.user;
    let mut roles = due(&provider.settings.roles, &identity.claims, &user.roles);
    while roles != user.roles {
        let event = EventDraft::new(EventKind::UserChanged, Actor::System)
            .user(&user.id)
            .with("provider", provider.settings.name.as_str())
            .with("roles", roles.join(" "));
        let change = UserChange { roles: Some(roles.clone()), ..UserChange::default() };
        match issuer.store.change_user(&user.id, change, event).await? {
            ChangedUser::NoSuchRole(role) => {
                tracing::warn!(
                    provider = provider.settings.name,
                    role,
                    "a rule names a role that is not there"
                );
                roles.retain(|r| *r != role);
            }
            ChangedUser::Changed | ChangedUser::NoSuchUser => break,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rules(texts: &[&str]) -> Vec<RoleRule> {
        texts.iter().map(|t| RoleRule::parse(t).unwrap()).collect()
    }

    #[test]
    fn rules_are_read() {
        let rule = |c: &str, v: &str, r: &str| {
            Some(RoleRule { claim: c.to_owned(), value: v.to_owned(), role: r.to_owned() })
        };
        assert_eq!(
            RoleRule::parse("groups = Platform Admins -> admin"),
            rule("groups", "Platform Admins", "admin")
        );
        assert_eq!(RoleRule::parse("a.b=x->y"), rule("a.b", "x", "y"));
        for bad in ["", "groups -> admin", "groups = staff", "= staff -> x", "groups = -> x", "g = s -> a b"]
        {
            assert_eq!(RoleRule::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_provider_gives_and_takes_what_its_rules_name_and_nothing_else() {
        let rules = rules(&[
            "groups = admins -> admin",
            "groups = staff -> reader",
            "realm_access.roles = writer -> writer",
            "https://far.test/level = 3 -> senior",
            "employee = true -> staff",
            "hd = * -> domain",
        ]);
        let held = |names: &[&str]| names.iter().map(|&n| n.to_owned()).collect::<Vec<_>>();
        for (claims, had, has) in [
            (json!({}), vec!["own"], vec!["own"]),
            (json!({"groups": ["staff", "admins"]}), vec!["own"], vec!["admin", "own", "reader"]),
            (json!({"groups": "staff"}), vec!["admin", "own"], vec!["own", "reader"]),
            (json!({"groups": ["Staff", "administrators"]}), vec!["reader"], vec![]),
            (json!({"realm_access": {"roles": ["writer"]}}), vec![], vec!["writer"]),
            (json!({"https://far.test/level": 3, "employee": true}), vec![], vec!["senior", "staff"]),
            (json!({"employee": "yes", "hd": "far.test"}), vec![], vec!["domain"]),
            (json!({"groups": {"staff": true}, "hd": null}), vec![], vec![]),
        ] {
            let claims = claims.as_object().unwrap();
            assert_eq!(due(&rules, claims, &held(&had)), held(&has), "{claims:?}");
        }
    }
}
