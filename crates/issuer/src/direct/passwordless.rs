//! Signing in without a password: a link or a code by mail, asked for and used in one flow.
//!
//! The flow's name (`__Host-flow`) binds a link to the browser that asked; `flow` in the answer holds the same
//! name and what was asked for, sealed, so that whoever finishes can neither swap the client nor widen scopes.

use super::finish::{Outcome, UnderWay, finish};
use super::wish::{Aim, Kept, Wish};
use crate::Issuer;
use crate::error::{Code, Failure, Result, rejected};
use crate::login::{Caller, Look, Proof, Purpose, Transaction, email_code, magic_link};
use crate::model::{Client, Secret};
use countersign_token::base64url;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const PURPOSE: &str = "direct flow";

/// What the mail holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// A link, with a code beside it.
    Link,
    /// A code.
    Code,
}

/// What is sealed as `flow`.
#[derive(Serialize, Deserialize)]
struct Flow {
    name: String,
    purpose: Purpose,
    wish: Kept,
}

/// The flow of a call, and what was asked for in it.
struct Opened {
    /// `None`: the newest of the person's.
    name: Option<String>,
    purpose: Purpose,
    aim: Aim,
}

/// A mail is on its way, or not: the answer is the same.
#[derive(Debug)]
pub struct Started {
    /// At which client.
    pub client: Arc<Client>,
    /// `flow`.
    pub flow: String,
    /// The flow cookie's value.
    pub name: String,
}

/// How a call says in which flow it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Within<'a> {
    /// `flow` of the answer.
    pub flow: Option<&'a str>,
    /// The flow cookie's value.
    pub cookie: Option<&'a str>,
}

/// Sends a link or a code to the address, if it has an account; one mail and the same answer either way.
/// `cookie`: the browser's flow, if it is in one. `lang`: of the call (BCP 47), and so of the mail, whoever has
/// the address: one in the account's language would tell that there is one.
pub async fn request(
    issuer: &Issuer,
    by: By,
    email: &str,
    wish: &Wish,
    cookie: Option<&str>,
    lang: &str,
    caller: &Caller,
) -> Result<Started> {
    let aim = wish.aim(issuer).await?;
    let name = cookie.map_or_else(|| fresh(issuer), str::to_owned);
    let look = Look { lang: lang.to_owned(), client: Some(aim.client.id.clone()) };
    let purpose = if wish.is_plain(issuer, &aim).await? { Purpose::Direct } else { Purpose::DirectFlow };
    match by {
        By::Link => magic_link::request(issuer, email, purpose, &name, &look, caller).await?,
        By::Code => email_code::request(issuer, email, purpose, &name, &look, caller).await?,
    }
    let plain = serde_json::to_vec(&Flow { name: name.clone(), purpose, wish: aim.kept() });
    let plain = plain.map_err(|e| Failure::Bug(e.to_string()))?;
    let now = issuer.store.cached_now();
    let flow = issuer.sealer.blob(PURPOSE, "", now, &plain, &*issuer.entropy);
    Ok(Started { client: aim.client, flow, name })
}

fn fresh(issuer: &Issuer) -> String {
    base64url::encode(issuer.entropy.bytes::<32>())
}

/// Without the sealed flow nothing is known of a wish: the default client's own, and only for what was asked
/// for so.
async fn open(issuer: &Issuer, within: Within<'_>) -> Result<Opened> {
    let Some(flow) = within.flow else {
        let aim = Wish::default().aim(issuer).await?;
        return Ok(Opened { name: within.cookie.map(str::to_owned), purpose: Purpose::Direct, aim });
    };
    let opened = issuer.sealer.open_blob(PURPOSE, "", flow);
    let read = opened.and_then(|(_, plain)| serde_json::from_slice::<Flow>(&plain).ok());
    let Flow { name, purpose, wish } = read.ok_or_else(ended)?;
    Ok(Opened { name: Some(name), purpose, aim: wish.aim(issuer).await? })
}

/// The client that asked in that flow, and whether for cookie mode.
pub async fn client_of(issuer: &Issuer, within: Within<'_>) -> Result<(Arc<Client>, bool)> {
    let Opened { aim, .. } = open(issuer, within).await?;
    Ok((aim.client, aim.cookie))
}

/// `POST /auth/passwordless/verify`: the code of a mail, also one that came beside a link. Without a flow,
/// that of the newest one.
pub async fn verify_code(
    issuer: &Issuer,
    email: &str,
    code: &Secret,
    within: Within<'_>,
    caller: &Caller,
) -> Result<Outcome> {
    let Opened { name, purpose, aim } = open(issuer, within).await?;
    let proof = email_code::prove(issuer, email, code, purpose, name.as_deref(), caller).await?;
    // A sign-in that goes on to a second step has a flow of its own, also when the first step named none.
    let flow = name.unwrap_or_else(|| fresh(issuer));
    done(issuer, Proof { flow, ..proof }, aim, caller).await
}

/// `POST /auth/verify`: the link of a mail, in the flow that asked for it and nowhere else.
pub async fn verify_link(
    issuer: &Issuer,
    token: &str,
    within: Within<'_>,
    caller: &Caller,
) -> Result<Outcome> {
    let Opened { name, purpose, aim } = open(issuer, within).await?;
    let name = name.ok_or_else(|| {
        rejected(
            Code::InvalidRequest,
            "The member flow is missing: the one of the answer that promised the mail.",
        )
    })?;
    let proof = magic_link::prove(issuer, token, purpose, &name, caller).await?;
    done(issuer, proof, aim, caller).await
}

async fn done(issuer: &Issuer, proof: Proof, aim: Aim, caller: &Caller) -> Result<Outcome> {
    let under_way = UnderWay::begin(issuer, Transaction::of(proof), &aim);
    finish(issuer, under_way, aim, ended, caller).await
}

fn ended() -> Failure {
    rejected(Code::CodeExpired, "This code or link is not good any more. Ask for a new one.")
}
