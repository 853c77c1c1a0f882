//! Sign-in with GitHub: the real binary, and a server with the endpoints, shapes and habits that
//! docs.github.com describes for OAuth apps and the REST API of users and their addresses.

use crate::bin::{Answer, Bin, Server};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

const CLIENT: &str = "Iv1.8a61f9b3a7aba766";
const SECRET: &str = "github secret & more";
const CODE: &str = "3f1c9e5a7b2d4c6e8f00";
const TOKEN: &str = "gho_16C7e42F292c6912E7710c838347Ae178B4a";

/// What it says now.
struct Says {
    /// `GET /user`.
    user: Value,
    /// `GET /user/emails`: status and body.
    emails: (u16, Value),
    /// In place of an access token; answered with 200, as GitHub does.
    error: Option<&'static str>,
}

struct GitHub {
    address: SocketAddr,
    says: Arc<Mutex<Says>>,
    /// Forms that came to the token endpoint, and the paths of its API that were asked.
    asked: Arc<Mutex<Vec<String>>>,
}

struct Request {
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Request {
    fn read(stream: &TcpStream) -> Self {
        let mut reader = BufReader::new(stream);
        let mut line = || {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        };
        let first = line();
        let mut headers = BTreeMap::new();
        while let Some((name, value)) = line().split_once(": ") {
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        let length = headers.get("content-length").map_or(0, |text| text.parse().unwrap());
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let mut words = first.split(' ').map(str::to_owned);
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        Self { method, path, headers, body: String::from_utf8(body).unwrap() }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

impl GitHub {
    /// Octocat of the documentation, with a confirmed primary address.
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let says =
            Says { user: user("octocat"), emails: (200, json!([primary("octo@far.test")])), error: None };
        let (says, asked) = (Arc::new(Mutex::new(says)), Arc::default());
        let this = Self { address, says: Arc::clone(&says), asked: Arc::clone(&asked) };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &says.lock().unwrap(), &asked);
            }
        });
        this
    }

    fn say(&self, change: impl FnOnce(&mut Says)) {
        change(&mut self.says.lock().unwrap());
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    /// The binary, with this as its GitHub.
    fn here(&self) -> (Bin, Server) {
        let bin = Bin::new();
        let file = bin.path().join("countersign.toml");
        let config = format!(
            "[egress]\nallow = [\"127.0.0.1/32\"]\n[upstream.github]\npreset = \"github\"\n\
             issuer = \"http://{}\"\nclient_id = \"{CLIENT}\"\nclient_secret = \"{SECRET}\"\nsign_up = true\n",
            self.address
        );
        std::fs::write(&file, config).unwrap();
        let server = bin.serve_with(&["--config", file.to_str().unwrap()]);
        (bin, server)
    }
}

/// `GET /user`: the address in it is what the person shows to the public, confirmed or not.
fn user(login: &str) -> Value {
    json!({
        "login": login, "id": 583_231, "node_id": "MDQ6VXNlcjU4MzIzMQ==", "type": "User", "site_admin": false,
        "name": "monalisa octocat", "email": "shown@far.test", "bio": null, "public_repos": 2,
        "created_at": "2008-01-14T04:33:35Z",
    })
}

fn primary(email: &str) -> Value {
    json!({ "email": email, "primary": true, "verified": true, "visibility": "private" })
}

fn answer(mut stream: TcpStream, says: &Says, asked: &Mutex<Vec<String>>) {
    let request = Request::read(&stream);
    let json = request.header("accept").contains("json");
    let (status, body) = match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/login/oauth/access_token") => {
            asked.lock().unwrap().push(request.body.clone());
            match says.error {
                Some(error) => (
                    200,
                    json!({ "error": error, "error_description": "x", "error_uri": "/apps" }).to_string(),
                ),
                None if !request.body.contains(&format!("code={CODE}")) => {
                    (200, json!({ "error": "bad_verification_code" }).to_string())
                }
                // Without asking for JSON one gets a form.
                None if !json => (200, format!("access_token={TOKEN}&scope=user%3Aemail&token_type=bearer")),
                None => {
                    let scope = "read:user,user:email";
                    (
                        200,
                        json!({ "access_token": TOKEN, "scope": scope, "token_type": "bearer" }).to_string(),
                    )
                }
            }
        }
        ("GET", path) => {
            asked.lock().unwrap().push(path.to_owned());
            match path {
                _ if request.header("user-agent").is_empty() => (403, "Request forbidden".to_owned()),
                _ if request.header("authorization") != format!("Bearer {TOKEN}") => {
                    (401, json!({ "message": "Bad credentials", "status": "401" }).to_string())
                }
                "/api/v3/user" => (200, says.user.to_string()),
                // Thirty a page, unless more are asked for.
                "/api/v3/user/emails?per_page=100" => (says.emails.0, says.emails.1.to_string()),
                _ => (404, json!({ "message": "Not Found", "status": "404" }).to_string()),
            }
        }
        _ => (404, String::new()),
    };
    let length = body.len();
    let head = format!("HTTP/1.1 {status} X\r\ncontent-type: application/json; charset=utf-8\r\n");
    write!(stream, "{head}content-length: {length}\r\nconnection: close\r\n\r\n{body}").unwrap();
}

/// A browser at the issuer.
struct Browser<'a> {
    server: &'a Server,
    cookies: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    fn new(server: &'a Server) -> Self {
        Self { server, cookies: BTreeMap::new() }
    }

    fn send(&mut self, method: &str, path: &str, body: &str) -> Answer {
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let head = format!(
            "cookie: {}\r\naccept: text/html\r\ncontent-type: application/x-www-form-urlencoded\r\n",
            pairs.join("; ")
        );
        let answer = self.server.send(method, path, &head, body);
        for (name, value) in answer.cookies() {
            self.cookies.insert(name, value);
        }
        answer
    }

    /// To GitHub, and back with its answer.
    fn sign_in(&mut self, code: &str) -> Answer {
        let away = self.leave();
        assert_eq!(away.get("client_id").map(String::as_str), Some(CLIENT));
        assert_eq!(away["scope"], "read:user user:email");
        assert_eq!(away["code_challenge_method"], "S256");
        assert!(!away.contains_key("nonce"), "GitHub knows none");
        self.send("GET", &format!("/login/upstream/github/callback?code={code}&state={}", away["state"]), "")
    }

    /// The query that the button leads to GitHub with.
    fn leave(&mut self) -> BTreeMap<String, String> {
        let page = self.send("GET", "/login", "");
        let token =
            page.body.split("name=\"form_token\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        let away = self.send("POST", "/login/upstream/github", &format!("form_token={token}"));
        assert_eq!(away.status, 303, "{away:?}");
        let location = away.location();
        let (page, query) = location.split_once('?').unwrap();
        assert!(page.ends_with("/login/oauth/authorize"), "{page}");
        form(query)
    }

    fn is_signed_in(&mut self) -> bool {
        self.send("GET", "/account", "").status == 200
    }
}

fn form(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), decoded(value))).collect()
}

/// `application/x-www-form-urlencoded`, undone.
fn decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let pair = [bytes.next().unwrap(), bytes.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&pair).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn who_is_new_gets_an_account_by_the_number_and_the_confirmed_primary_address() {
    let github = GitHub::start();
    let (bin, server) = github.here();
    github.say(|says| {
        let other =
            json!({ "email": "second@far.test", "primary": false, "verified": true, "visibility": null });
        says.emails = (200, json!([other, primary("octo@far.test")]));
    });
    let mut browser = Browser::new(&server);
    let done = browser.sign_in(CODE);
    assert_eq!((done.status, browser.is_signed_in()), (303, true), "{done:?}");
    let asked = github.asked();
    assert_eq!(asked[1..], ["/api/v3/user", "/api/v3/user/emails?per_page=100"]);
    let redeemed = form(&asked[0]);
    let due = [("client_id", CLIENT), ("client_secret", SECRET), ("code", CODE)];
    assert!(due.iter().all(|(name, value)| redeemed[*name] == *value), "{redeemed:?}");
    assert_eq!(redeemed["redirect_uri"], format!("{}/login/upstream/github/callback", server.issuer));
    let verifier = redeemed["code_verifier"].len();
    assert!((43..=128).contains(&verifier), "RFC 7636 4.1: {verifier}");
    let made = bin.run(&["user", "show", "octo@far.test", "--json"]).ok().json();
    assert_eq!((&made["email_verified"], &made["name"]), (&json!(true), &json!("monalisa octocat")));
    for other in ["second@far.test", "shown@far.test"] {
        bin.run(&["user", "show", other]).failed(1, "not_found");
    }

    // Another name and another address there, the same number: the same person.
    github.say(|says| {
        says.user = user("octocat-renamed");
        says.user["name"] = Value::Null;
        says.emails = (200, json!([primary("moved@far.test")]));
    });
    let mut again = Browser::new(&server);
    assert_eq!(again.sign_in(CODE).status, 303);
    let page = again.send("GET", "/account", "");
    assert!(page.body.contains("octo@far.test"), "{}", page.body);
    // The old name, with the number of somebody else: another person.
    github.say(|says| {
        says.user = user("octocat");
        says.user["id"] = json!(583_232);
        says.user["name"] = Value::Null;
    });
    assert_eq!(Browser::new(&server).sign_in(CODE).status, 303);
    let other = bin.run(&["user", "show", "moved@far.test", "--json"]).ok().json();
    assert_eq!(other["name"], "octocat", "who tells no name is called by the login");
    assert_ne!(other["id"], made["id"]);
}

#[test]
fn an_address_that_is_not_the_confirmed_primary_one_is_nobodys() {
    let github = GitHub::start();
    let (bin, server) = github.here();
    let add = ["user", "add", "shown@far.test", "--email-verified"];
    bin.run(&add).ok();
    let unverified =
        json!({ "email": "shown@far.test", "primary": true, "verified": false, "visibility": "public" });
    let other = json!({ "email": "second@far.test", "primary": false, "verified": true, "visibility": null });
    for emails in [json!([]), json!([other]), json!([unverified]), json!([unverified, other])] {
        github.say(|says| says.emails = (200, emails.clone()));
        let mut browser = Browser::new(&server);
        let page = browser.sign_in(CODE);
        assert_eq!((page.status, browser.is_signed_in()), (200, false), "{emails}");
        assert!(
            page.body.contains("does not say that your address there is yours"),
            "{emails}: {}",
            page.body
        );
        assert!(!page.body.contains("shown@far.test"), "{emails}: says who is known here");
    }
    let shown = bin.run(&["user", "show", "shown@far.test", "--json"]).ok().json();
    assert_eq!(shown["enrolled"]["providers"], json!([]));
    bin.run(&["user", "show", "second@far.test"]).failed(1, "not_found");
    // The same, confirmed: its owner is asked.
    github.say(|says| says.emails = (200, json!([primary("shown@far.test")])));
    let page = Browser::new(&server).sign_in(CODE);
    assert!(page.body.contains("There is an account here with the address"), "{}", page.body);
}

#[test]
fn errors_that_come_with_200_sign_nobody_in() {
    let github = GitHub::start();
    let (bin, server) = github.here();
    let refused = |error: Option<&'static str>, code: &str, status: u16, says: &str| {
        github.say(|github| github.error = error);
        let mut browser = Browser::new(&server);
        let page = browser.sign_in(code);
        assert_eq!((page.status, browser.is_signed_in()), (status, false), "{error:?}: {}", page.body);
        assert!(page.body.contains(says), "{error:?}: {}", page.body);
        assert_eq!(github.asked().len(), 1, "its API is not asked without a token");
    };
    refused(Some("bad_verification_code"), CODE, 400, "took too long, or was done already");
    refused(Some("incorrect_client_credentials"), CODE, 502, "does not work");
    refused(Some("redirect_uri_mismatch"), CODE, 502, "does not work");
    refused(Some("unverified_user_email"), CODE, 403, "did not sign you in");
    refused(None, "another", 400, "took too long, or was done already");
    // An operator reads which; nobody reads a secret.
    let log = server.log();
    for error in ["bad_verification_code", "incorrect_client_credentials", "unverified_user_email"] {
        assert!(log.contains(error), "{error} is not in the log");
    }
    github.say(|github| github.error = None);
    // Its API: without the scope, out of order, of another shape.
    for (status, emails) in [(404, json!({ "message": "Not Found" })), (200, json!({})), (200, json!([{}]))] {
        github.say(|github| github.emails = (status, emails.clone()));
        let mut browser = Browser::new(&server);
        let page = browser.sign_in(CODE);
        assert_eq!((page.status, browser.is_signed_in()), (502, false), "{status} {emails}: {}", page.body);
    }
    github.say(|github| github.user["id"] = json!("583231"));
    assert_eq!(Browser::new(&server).sign_in(CODE).status, 502, "a number it is");
    let log = server.log();
    for secret in [SECRET, TOKEN, CODE] {
        assert!(!log.contains(secret), "the log holds {secret}");
    }
    bin.run(&["user", "show", "octo@far.test"]).failed(1, "not_found");
}
