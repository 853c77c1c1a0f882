//! JSON bodies of the direct API: one object of texts and lists of texts, no member twice. Members nobody
//! asks for are ignored, so that a newer client can talk to an older server.

use super::{body, one_header};
use crate::app::App;
use crate::error::{Fault, Http};
use axum::extract::{FromRequest, Request};
use countersign_issuer::Code;
use countersign_issuer::oauth::params::Params;
use http::header;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;
use std::fmt;
use std::sync::Arc;

/// The members of the object.
#[derive(Debug)]
pub(crate) struct Json(Vec<(String, Value)>);

impl Json {
    /// Reads an object.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        serde_json::from_slice(bytes).map_err(|e| {
            // The text of serde_json's error may quote the input; its place and kind do not.
            let place = format!("JSON: {:?} at line {} column {}", e.classify(), e.line(), e.column());
            invalid("The body is not a JSON object with each member once.", Some(place))
        })
    }
    /// A text; left out, `null` and empty are the same.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, Fault> {
        match self.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(checked(text)?).filter(|t| !t.is_empty())),
            Some(_) => Err(invalid(format!("The member {name} must be a string."), None)),
        }
    }
    /// A text that must be there.
    pub(crate) fn required(&self, name: &str) -> Result<&str, Fault> {
        self.text(name)?.ok_or_else(|| invalid(format!("The member {name} is missing."), None))
    }
    /// A list of texts; a single one may stand without brackets.
    pub(crate) fn list(&self, name: &str) -> Result<Vec<String>, Fault> {
        let wrong = || invalid(format!("The member {name} must be a string or an array of strings."), None);
        let texts: Vec<&str> = match self.get(name) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(items)) if items.len() <= Params::MAX_COUNT => {
                items.iter().map(|i| i.as_str().ok_or_else(wrong)).collect::<Result<_, _>>()?
            }
            Some(_) => return Err(wrong()),
        };
        texts.into_iter().map(|t| checked(t).map(str::to_owned)).collect()
    }
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }
}

fn checked(text: &str) -> Result<&str, Fault> {
    if text.len() > Params::MAX_VALUE {
        return Err(invalid("A value is too long.", None));
    }
    if text.contains('\0') {
        return Err(invalid("A value holds a NUL.", None));
    }
    Ok(text)
}

fn invalid(public: impl Into<std::borrow::Cow<'static, str>>, private: Option<String>) -> Fault {
    let mut rejected = countersign_issuer::Rejected::new(Code::InvalidRequest, public);
    rejected.private = private;
    rejected.into()
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Json;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
                let mut members: Vec<(String, Value)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if members.len() == Params::MAX_COUNT || members.iter().any(|(n, _)| *n == name) {
                        return Err(A::Error::custom("too many members, or one twice"));
                    }
                    members.push((name, value));
                }
                Ok(Json(members))
            }
        }
        from.deserialize_map(Object)
    }
}

impl FromRequest<Arc<App>> for Json {
    type Rejection = Fault;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Fault> {
        if !is_json(&request) {
            return Err(Http::MediaType.into());
        }
        Self::parse(&body::read(app, request.into_body()).await?)
    }
}

/// A body that may be left out: no bytes are no members, whatever the content type.
pub(crate) struct MaybeJson {
    pub(crate) members: Json,
    /// `Content-Type: application/json`: what no form of another site can send without asking first.
    pub(crate) is_json: bool,
}

impl FromRequest<Arc<App>> for MaybeJson {
    type Rejection = Fault;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Fault> {
        let is_json = is_json(&request);
        let bytes = body::read(app, request.into_body()).await?;
        if bytes.is_empty() {
            return Ok(Self { members: Json(Vec::new()), is_json });
        }
        if !is_json {
            return Err(Http::MediaType.into());
        }
        Ok(Self { members: Json::parse(&bytes)?, is_json })
    }
}

fn is_json(request: &Request) -> bool {
    body::is_type(one_header(request.headers(), &header::CONTENT_TYPE), "application/json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Json, Fault> {
        Json::parse(text.as_bytes())
    }

    #[test]
    fn an_object_of_texts() {
        let json = parse(r#"{"a":"x","b":["y","z"],"c":null,"d":"","e":{"f":1}}"#).unwrap();
        assert_eq!(json.required("a").unwrap(), "x");
        assert_eq!(json.list("b").unwrap(), ["y", "z"]);
        assert_eq!(json.list("a").unwrap(), ["x"]);
        assert_eq!(json.text("c").unwrap(), None);
        assert_eq!(json.text("d").unwrap(), None);
        assert_eq!(json.text("nobody").unwrap(), None);
        assert!(json.text("b").is_err() && json.text("e").is_err() && json.list("e").is_err());
        assert!(json.required("c").is_err() && json.required("d").is_err());
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in [
            "",
            "null",
            "[]",
            "\"a\"",
            "{",
            "{}x",
            r#"{"a":"1","a":"2"}"#,
            r#"{"a":"1","\u0061":"2"}"#,
            "{\"a\":\"\u{1}\"}",
            "{'a':1}",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(Json::parse(b"{\"a\":\"\xff\"}").is_err());
        assert!(parse(r#"{"a":"\u0000"}"#).unwrap().text("a").is_err());
        let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(Params::MAX_VALUE + 1));
        assert!(parse(&long).unwrap().text("a").is_err());
        let many: Vec<_> = (0..=Params::MAX_COUNT).map(|i| format!("\"m{i}\":1")).collect();
        assert!(parse(&format!("{{{}}}", many.join(","))).is_err());
    }
}
