//! A browser without script: keeps cookies, follows our own redirects, fills in forms.

use crate::wire::{Answer, Ask, get, post};
use crate::world::World;
use std::collections::BTreeMap;

/// A browser. Its tabs are the pages a test holds.
pub(crate) struct Browser<'w> {
    world: &'w World,
    pub(crate) cookies: BTreeMap<String, String>,
    agent: &'static str,
}

/// A form as it stands in a page.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    pub(crate) action: String,
    pub(crate) fields: Vec<(String, String)>,
    /// Named submit buttons.
    pub(crate) buttons: Vec<(String, String)>,
}

impl Form {
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(n, _)| n != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(n, _)| n != name);
        self
    }
    pub(crate) fn field(&self, name: &str) -> &str {
        let found = self.fields.iter().find(|(n, _)| n == name);
        found.map(|(_, v)| v.as_str()).unwrap_or_else(|| panic!("no field {name} in {self:?}"))
    }
    /// Presses the button of that value.
    pub(crate) fn press(self, value: &str) -> Self {
        let button = self.buttons.iter().find(|(_, v)| v == value).cloned();
        let (name, value) = button.unwrap_or_else(|| panic!("no button {value} in {self:?}"));
        self.set(&name, &value)
    }
    pub(crate) fn ask(&self) -> Ask {
        let pairs: Vec<_> = self.fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        post(&self.action).form(&pairs)
    }
}

/// The forms of a page.
pub(crate) fn forms(page: &Answer) -> Vec<Form> {
    let html = page.text();
    let mut out: Vec<Form> = Vec::new();
    for tag in html.split('<').skip(1).filter_map(|t| t.split_once('>')).map(|(tag, _)| tag) {
        let attribute = |name: &str| {
            let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
            Some(unescape(rest.split('"').next()?))
        };
        let named = || Some((attribute("name")?, attribute("value").unwrap_or_default()));
        if tag.starts_with("form ") {
            let action = attribute("action").unwrap_or_default();
            out.push(Form { action, fields: Vec::new(), buttons: Vec::new() });
        } else if let (true, Some(form), Some(pair)) = (tag.starts_with("input "), out.last_mut(), named()) {
            form.fields.push(pair);
        } else if let (true, Some(form), Some(pair)) = (tag.starts_with("button "), out.last_mut(), named()) {
            form.buttons.push(pair);
        }
    }
    out
}

/// The form that leads there.
pub(crate) fn form_to(page: &Answer, action: &str) -> Form {
    let form = forms(page).into_iter().find(|f| f.action == action);
    form.unwrap_or_else(|| panic!("no form to {action}: {} {}", page.status, page.text()))
}

fn unescape(text: &str) -> String {
    let mut out = text.to_owned();
    for (from, to) in
        [("&#x2f;", "/"), ("&#x27;", "'"), ("&quot;", "\""), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")]
    {
        out = out.replace(from, to);
    }
    out
}

impl<'w> Browser<'w> {
    pub(crate) fn new(world: &'w World) -> Self {
        let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        Self { world, cookies: BTreeMap::new(), agent }
    }
    pub(crate) fn phone(world: &'w World) -> Self {
        Self {
            agent: "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) Safari/604.1",
            ..Self::new(world)
        }
    }
    pub(crate) fn cookie(&self, name: &str) -> &str {
        self.cookies.get(name).map_or("", String::as_str)
    }
    /// With this browser's cookies and name; takes the cookies that come back.
    pub(crate) async fn send(&mut self, ask: Ask) -> Answer {
        let jar: Vec<_> = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
        let jar = (!jar.is_empty()).then(|| jar.join("; "));
        let ask =
            ask.maybe("Cookie", jar.as_deref()).with("User-Agent", self.agent).with("Accept", "text/html");
        let answer = self.world.send(ask).await;
        for line in answer.all("set-cookie") {
            let (pair, attributes) = line.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            match attributes.contains("Max-Age=0") {
                true => self.cookies.remove(name),
                false => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        answer
    }
    /// Goes there and on, as far as it is our own site.
    pub(crate) async fn open(&mut self, target: &str) -> Answer {
        let answer = self.send(get(target)).await;
        self.follow(answer).await
    }
    /// Sends a form of ours, without going on.
    pub(crate) async fn post(&mut self, form: &Form) -> Answer {
        let ask = form.ask().with("Origin", &self.world.url("")).with("Sec-Fetch-Site", "same-origin");
        self.send(ask).await
    }
    /// Sends a form of ours and goes on.
    pub(crate) async fn submit(&mut self, form: &Form) -> Answer {
        let answer = self.post(form).await;
        self.follow(answer).await
    }
    /// Follows redirects to our own site; one to another is the last answer.
    pub(crate) async fn follow(&mut self, mut answer: Answer) -> Answer {
        for _ in 0..10 {
            let Some(location) = answer.header("location") else { return answer };
            assert_eq!(answer.status, 303, "only 303 changes a POST to a GET");
            let Some(target) = location.strip_prefix(&self.world.url("")) else { return answer };
            let target = target.to_owned();
            answer = self.send(get(&target)).await;
        }
        panic!("redirects without end");
    }
    /// Signs in on the page that shows the form.
    pub(crate) async fn sign_in(&mut self, page: &Answer, username: &str, password: &str) -> Answer {
        let form = form_to(page, "/login").set("username", username).set("password", password);
        self.submit(&form).await
    }
}

/// What a redirect to a client carries.
pub(crate) fn answer_of(answer: &Answer) -> BTreeMap<String, String> {
    let location = answer.header("location").unwrap_or_else(|| panic!("{} {}", answer.status, answer.text()));
    let url = url::Url::parse(location).unwrap();
    url.query_pairs().into_owned().collect()
}
