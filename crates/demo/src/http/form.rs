//! Forms of an HTML page, as a browser without script sees them.

/// A form with the fields a browser would send.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) action: String,
    pub(crate) method: String,
    pub(crate) fields: Vec<Field>,
}

/// An input or button.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) kind: String,
    pub(crate) autocomplete: String,
}

impl Form {
    /// The name of the field for the user name.
    pub(crate) fn user_field(&self) -> Option<&str> {
        self.fields.iter().find(|f| f.autocomplete.starts_with("username")).map(|f| f.name.as_str())
    }

    /// The name of the field for the password.
    pub(crate) fn password_field(&self) -> Option<&str> {
        self.fields.iter().find(|f| f.kind == "password").map(|f| f.name.as_str())
    }

    /// What is sent when the first submit button is pressed after `typed` was filled in.
    pub(crate) fn filled<'a>(&'a self, typed: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let mut pressed = false;
        let mut sent: Vec<(&str, &str)> = Vec::new();
        for field in &self.fields {
            let value = typed.iter().find(|(name, _)| *name == field.name).map(|(_, value)| *value);
            match field.kind.as_str() {
                _ if field.name.is_empty() => {}
                "submit" if pressed => {}
                "submit" => {
                    pressed = true;
                    sent.push((&field.name, &field.value));
                }
                "button" | "reset" | "image" | "file" => {}
                "checkbox" | "radio" if value.is_none() => {}
                _ => sent.push((&field.name, value.unwrap_or(&field.value))),
            }
        }
        sent
    }
}

/// Every form of a page.
pub(crate) fn read(html: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let mut open = false;
    for tag in tags(html) {
        let of = |name: &str| tag.attribute(name).unwrap_or_default();
        match (tag.name.as_str(), open) {
            ("form", _) => {
                open = true;
                forms.push(Form {
                    action: of("action"),
                    method: of("method").to_ascii_lowercase(),
                    fields: Vec::new(),
                });
            }
            ("/form", _) => open = false,
            ("input" | "button", true) => {
                let fallback = if tag.name == "button" { "submit" } else { "text" };
                let kind = tag.attribute("type").unwrap_or_else(|| fallback.to_owned());
                let field =
                    Field { name: of("name"), value: of("value"), kind, autocomplete: of("autocomplete") };
                if let Some(form) = forms.last_mut() {
                    form.fields.push(field);
                }
            }
            _ => {}
        }
    }
    forms
}

/// Where the links of a page lead.
pub(crate) fn links(html: &str) -> Vec<String> {
    tags(html).iter().filter(|tag| tag.name == "a").filter_map(|tag| tag.attribute("href")).collect()
}

struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    fn attribute(&self, name: &str) -> Option<String> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone())
    }
}

/// Tags in order. Comments are skipped; enough for well-formed pages such as ours.
fn tags(html: &str) -> Vec<Tag> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some((_, after)) = rest.split_once('<') {
        if let Some(comment) = after.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let end = after.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(after.len());
        let (name, tail) = after.split_at(end);
        let (attributes, tail) = attributes(tail);
        found.push(Tag { name: name.to_ascii_lowercase(), attributes });
        rest = tail;
    }
    found
}

fn attributes(mut rest: &str) -> (Vec<(String, String)>, &str) {
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if let Some(after) = rest.strip_prefix('>') {
            return (found, after);
        }
        if rest.is_empty() {
            return (found, rest);
        }
        let end = rest.find(|c: char| c.is_whitespace() || "=>/".contains(c)).unwrap_or(rest.len());
        let (name, tail) = rest.split_at(end);
        let Some(value) = tail.strip_prefix('=') else {
            found.push((name.to_ascii_lowercase(), String::new()));
            rest = tail;
            continue;
        };
        let quote = value.chars().next().filter(|c| *c == '"' || *c == '\'');
        let (value, tail) = match quote {
            Some(quote) => value.get(1..).and_then(|v| v.split_once(quote)).unwrap_or((value, "")),
            None => {
                value.split_at(value.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(value.len()))
            }
        };
        found.push((name.to_ascii_lowercase(), unescaped(value)));
        rest = tail;
    }
}

/// Character references of HTML, as far as template engines write them.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let known = after.split_once(';').and_then(|(name, tail)| Some((reference(name)?, tail)));
        match known {
            Some((c, tail)) => {
                out.push(c);
                rest = tail;
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn reference(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => digits.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_form_is_read_as_a_browser_does() {
        let page = r#"<!-- <form action="/old"> --><p>a < b</p>
            <form method=POST action="/login?x=1&amp;y=&#x2f;">
              <input type="hidden" name="flow" value="a&quot;b">
              <input name='username' autocomplete="username" required>
              <input type="password" name="password"/><input type=checkbox name=keep value=1>
              <button type="button" name="show">Show</button>
              <button name="go" value="1">Sign in</button><button name="go" value="2">No</button>
            </form><input name="outside"><a class="x" href="otp:&#x2f;&#x2f;a?b&amp;c">Open</a>"#;
        assert_eq!(links(page), ["otp://a?b&c"]);
        let forms = read(page);
        assert_eq!(forms.len(), 1);
        let form = &forms[0];
        assert_eq!((form.action.as_str(), form.method.as_str()), ("/login?x=1&y=/", "post"));
        assert_eq!((form.user_field(), form.password_field()), (Some("username"), Some("password")));
        assert_eq!(
            form.filled(&[("username", "alice"), ("password", "pw")]),
            [("flow", "a\"b"), ("username", "alice"), ("password", "pw"), ("go", "1")]
        );
    }
}
