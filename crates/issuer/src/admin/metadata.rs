//! Every member a client document may have, once: its form, and what this version does with it.
//!
//! Names: IANA "OAuth Dynamic Client Registration Metadata" (RFC 7591 and those after it) and ours.

use super::invisible::{self, Joiners};
use super::shown;
use serde_json::{Map, Value};

/// The JSON a member must hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// A string.
    Text,
    /// An absolute `https` or `http` URL for people or servers to fetch.
    Url,
    /// `true` or `false`.
    Flag,
    /// A whole number of seconds, not negative.
    Seconds,
    /// An array of strings.
    List,
    /// An object.
    Object,
    /// Anything.
    Any,
}

/// What is done with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Effect {
    /// Read into a field of its own.
    Read,
    /// Kept and shown again; nothing depends on it.
    Kept,
    /// Kept; asks for something this version does not do, which the operator is told.
    Wish,
    /// Part of an answer to a registration, not of a registration: left out.
    Answer,
}

pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) form: Form,
    pub(super) effect: Effect,
    /// May come once a language, as `name#de` (RFC 7591 2.2).
    pub(super) tagged: bool,
}

macro_rules! members {
    ($($effect:ident $form:ident $tagged:literal: $($name:literal)+;)+) => {
        &[$($(Member {
            name: $name, form: Form::$form, effect: Effect::$effect, tagged: $tagged,
        }),+),+]
    };
}

const MEMBERS: &[Member] = members! {
    Read Text false: "client_id" "client_secret" "token_endpoint_auth_method" "scope" "application_type"
        "id_token_signed_response_alg";
    Read List false: "redirect_uris" "post_logout_redirect_uris" "grant_types" "response_types";
    Read Text true: "client_name";
    Read Url true: "client_uri" "logo_uri" "policy_uri" "tos_uri";
    Read Seconds false: "default_max_age";
    Read List false: "default_acr_values";
    Read Flag false: "require_auth_time";
    // Ours.
    Read List false: "allowed_origins" "resources" "introspects";
    Read Flag false: "first_party" "require_pkce" "refresh_without_offline_access" "refresh_rotate" "direct";
    Read Seconds false: "refresh_idle" "refresh_absolute" "refresh_retry_window" "session_ttl";
    Read Text false: "acr" "mfa";
    Read List false: "login_factors";
    Read Object false: "brand";

    Kept List false: "contacts" "request_uris" "claims_redirect_uris" "client_registration_types";
    Kept List true: "keywords";
    Kept Text true: "display_name" "description" "organization_name";
    Kept Url true: "information_uri" "organization_uri";
    Kept Text false: "software_id" "software_version" "ext_iss";
    Kept Url false: "jwks_uri" "signed_jwks_uri" "sector_identifier_uri" "initiate_login_uri"
        "backchannel_client_notification_endpoint";
    Kept Object false: "jwks";
    Kept Flag false: "use_mtls_endpoint_aliases";
    Kept Any false: "vp_formats_supported" "vp_formats" "encrypted_response_enc_values_supported";
    Kept Text false: "request_object_signing_alg" "token_endpoint_auth_signing_alg";

    Wish Text false: "subject_type" "software_statement"
        "id_token_encrypted_response_alg" "id_token_encrypted_response_enc"
        "userinfo_signed_response_alg" "userinfo_encrypted_response_alg" "userinfo_encrypted_response_enc"
        "request_object_encryption_alg" "request_object_encryption_enc"
        "introspection_signed_response_alg" "introspection_encrypted_response_alg"
        "introspection_encrypted_response_enc"
        "authorization_signed_response_alg" "authorization_encrypted_response_alg"
        "authorization_encrypted_response_enc"
        "nfv_token_signed_response_alg" "nfv_token_encrypted_response_alg" "nfv_token_encrypted_response_enc"
        "backchannel_token_delivery_mode" "backchannel_authentication_request_signing_alg"
        "tls_client_auth_subject_dn" "tls_client_auth_san_dns" "tls_client_auth_san_uri"
        "tls_client_auth_san_ip" "tls_client_auth_san_email";
    Wish Url false: "frontchannel_logout_uri" "backchannel_logout_uri";
    Wish Flag false: "frontchannel_logout_session_required" "backchannel_logout_session_required"
        "backchannel_user_code_parameter" "require_signed_request_object" "require_pushed_authorization_requests"
        "dpop_bound_access_tokens" "tls_client_certificate_bound_access_tokens";
    Wish List false: "authorization_details_types";

    Answer Seconds false: "client_id_issued_at" "client_secret_expires_at";
    Answer Text false: "registration_access_token";
    Answer Url false: "registration_client_uri";
};

/// Wishes that ask for what is done anyway.
const GRANTED: &[(&str, &str)] = &[("subject_type", "public"), ("userinfo_signed_response_alg", "none")];

/// The names there are, for messages.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    MEMBERS.iter().map(|m| m.name)
}

/// The member of that name, with or without a language tag.
pub(super) fn member(name: &str) -> Option<&'static Member> {
    let (base, tag) = match name.split_once('#') {
        Some((base, tag)) => (base, Some(tag)),
        None => (name, None),
    };
    let found = MEMBERS.iter().find(|m| m.name == base)?;
    let fits = |tag: &str| {
        (1..=35).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    tag.is_none_or(|tag| found.tagged && fits(tag)).then_some(found)
}

/// Longest text, most entries of a list, most bytes of an object as text.
const MAX_TEXT: usize = 4 * 1024;
const MAX_ITEMS: usize = 100;
const MAX_OBJECT: usize = 64 * 1024;

/// What is wrong with the value, as the end of "member ...".
pub(super) fn check(member: &Member, value: &Value) -> Result<(), String> {
    let text_fits = |t: &str| t.len() <= MAX_TEXT && invisible::first(t, Joiners::Fine).is_none();
    let too_long =
        || Err(format!("must be at most {MAX_TEXT} bytes without control and invisible characters"));
    match (member.form, value) {
        (Form::Text, Value::String(t)) => {
            if text_fits(t) {
                Ok(())
            } else {
                too_long()
            }
        }
        (Form::Url, Value::String(t)) => {
            let url = url::Url::parse(t).ok().filter(|_| text_fits(t));
            match url {
                Some(u) if matches!(u.scheme(), "https" | "http") && u.has_host() => Ok(()),
                _ => Err(format!("must be an absolute https URL, not {}", shown(t))),
            }
        }
        (Form::Flag, Value::Bool(_)) | (Form::Any, _) => Ok(()),
        (Form::Seconds, Value::Number(n)) => match n.as_u64() {
            Some(_) => Ok(()),
            None => Err("must be a whole number of seconds, 0 or more".into()),
        },
        (Form::List, Value::Array(items)) if items.len() <= MAX_ITEMS => {
            if items.iter().all(|i| i.as_str().is_some_and(text_fits)) {
                return Ok(());
            }
            Err("must hold strings only".into())
        }
        (Form::List, Value::Array(_)) => Err(format!("must have at most {MAX_ITEMS} entries")),
        (Form::Object, Value::Object(_)) if value.to_string().len() <= MAX_OBJECT => Ok(()),
        (Form::Text | Form::Url, _) => Err("must be a string".into()),
        (Form::Flag, _) => Err("must be true or false".into()),
        (Form::Seconds, _) => Err("must be a whole number of seconds, not a string".into()),
        (Form::List, _) => Err("must be an array of strings".into()),
        (Form::Object, _) => Err("must be an object".into()),
    }
}

/// Is a wish for something we do not do?
pub(super) fn unmet(member: &Member, value: &Value) -> bool {
    member.effect == Effect::Wish
        && !matches!(value, Value::Bool(false))
        && value.as_str().is_none_or(|v| !GRANTED.contains(&(member.name, v)))
}

/// Members kept as they came: everything of the registry that has no field of its own.
pub(super) fn kept(document: &Map<String, Value>) -> Map<String, Value> {
    let keep = |name: &str| {
        member(name).is_some_and(|m| match m.effect {
            Effect::Read => name.contains('#'),
            Effect::Kept | Effect::Wish => true,
            Effect::Answer => false,
        })
    };
    document
        .iter()
        .filter(|(name, v)| !v.is_null() && keep(name))
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_unique_and_language_tags_go_to_texts_for_people() {
        let mut all: Vec<_> = names().collect();
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count);
        for fine in ["client_name", "client_name#de", "logo_uri#ja-Hira-JP", "policy_uri#en"] {
            assert!(member(fine).is_some(), "{fine}");
        }
        for bad in ["client_names", "redirect_uris#de", "client_name#", "client_name#d e", "Client_name", ""]
        {
            assert!(member(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn each_form_refuses_the_others() {
        let samples = [
            (Form::Text, json!("x")),
            (Form::Url, json!("https://a.example/x")),
            (Form::Flag, json!(true)),
            (Form::Seconds, json!(5)),
            (Form::List, json!(["x"])),
            (Form::Object, json!({})),
        ];
        for (form, own) in &samples {
            let member = Member { name: "m", form: *form, effect: Effect::Kept, tagged: false };
            assert!(check(&member, own).is_ok(), "{form:?}");
            for (other, value) in samples.iter().filter(|(other, _)| other != form) {
                let url_is_text = (*form, *other) == (Form::Text, Form::Url);
                assert_eq!(check(&member, value).is_ok(), url_is_text, "{form:?} {value}");
            }
        }
        let refused = [
            (Form::Url, json!("/path")),
            (Form::Url, json!("javascript:alert(1)")),
            (Form::Url, json!("data:text/html,x")),
            (Form::Seconds, json!(-1)),
            (Form::Seconds, json!(1.5)),
            (Form::List, json!([1])),
            (Form::List, json!(vec!["x"; 101])),
            (Form::Text, json!("a\u{0}b")),
            (Form::Text, json!("x".repeat(5000))),
            (Form::Object, json!({"x": "y".repeat(70_000)})),
        ];
        for (form, value) in refused {
            let member = Member { name: "m", form, effect: Effect::Kept, tagged: false };
            assert!(check(&member, &value).is_err(), "{form:?} {}", shown(&value.to_string()));
        }
    }

    #[test]
    fn wishes_are_told_only_when_they_wish_for_something() {
        let unmet = |name: &str, value: Value| super::unmet(member(name).unwrap(), &value);
        assert!(unmet("dpop_bound_access_tokens", json!(true)));
        assert!(!unmet("dpop_bound_access_tokens", json!(false)));
        assert!(unmet("subject_type", json!("pairwise")));
        assert!(!unmet("subject_type", json!("public")));
        assert!(!unmet("contacts", json!(["a@example.test"])));
    }
}
