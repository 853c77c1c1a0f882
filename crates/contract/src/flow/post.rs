//! Where mail and SMS of the flows end: kept, to be read by the test as the person would. And no way out.

use async_trait::async_trait;
use countersign_issuer::model::message::{About, To, Way};
use countersign_issuer::model::{JobId, Message};
use countersign_issuer::port::{Call, CallAnswer, Courier, Egress, Parcel, Undelivered, Unreached};
use std::sync::Mutex;

/// Keeps what is delivered; refuses while told so.
#[derive(Default)]
pub struct Postbox {
    delivered: Mutex<Vec<(JobId, Message)>>,
    refuses: Mutex<Option<Undelivered>>,
}

impl Postbox {
    /// What came since the last time, oldest first.
    pub fn take(&self) -> Vec<(JobId, Message)> {
        std::mem::take(&mut *self.delivered.lock().unwrap())
    }

    /// From now on everything is refused so; `None`: nothing is.
    pub fn refuse(&self, why: Option<Undelivered>) {
        *self.refuses.lock().unwrap() = why;
    }
}

#[async_trait]
impl Courier for Postbox {
    fn takes(&self, _: Way) -> bool {
        true
    }
    async fn deliver(&self, parcel: Parcel<'_>) -> Result<(), Undelivered> {
        if let Some(why) = self.refuses.lock().unwrap().clone() {
            return Err(why);
        }
        self.delivered.lock().unwrap().push((parcel.id, parcel.message.clone()));
        Ok(())
    }
}

/// Where a message went.
pub fn address(message: &Message) -> &str {
    match &message.to {
        To::Mail(address) => address,
        To::Sms(number) => number,
    }
}

/// The code in a message, if it has one.
pub fn code(message: &Message) -> Option<&str> {
    match &message.about {
        About::SignInCode(sent) | About::VerifyPhone(sent) => Some(sent.code.expose()),
        About::SignInLink(sent) | About::SignUp(sent) | About::VerifyEmail(sent) | About::Recover(sent) => {
            Some(sent.code.code.expose())
        }
        _ => None,
    }
}

/// The link in a message, if it has one.
pub fn link(message: &Message) -> Option<&str> {
    match &message.about {
        About::SignInLink(sent) | About::SignUp(sent) | About::VerifyEmail(sent) | About::Recover(sent) => {
            Some(sent.link.expose())
        }
        _ => None,
    }
}

/// Reaches nothing.
pub struct NoEgress;

#[async_trait]
impl Egress for NoEgress {
    async fn call(&self, _: Call) -> Result<CallAnswer, Unreached> {
        Err(Unreached("there is no way out".to_owned()))
    }
}
