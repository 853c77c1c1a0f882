//! Recovery codes: made with the first second factor, and anew when the person asks.

use super::{change, gone, load};
use crate::error::Result;
use crate::login::Caller;
use crate::login::recovery_code::{ALPHABET, LENGTH, digest};
use crate::model::message::Noticed;
use crate::model::{BrowserSessionId, Digest, EventKind, Secret, User};
use crate::{Issuer, revocation};

/// Codes of a set.
pub const CODES: usize = 10;
/// Characters that stand together.
const GROUP: usize = 4;

/// Makes a set, in place of the one before. Shown this once; only keyed digests are kept.
pub async fn make(
    issuer: &Issuer,
    me: &User,
    keep: Option<&BrowserSessionId>,
    caller: &Caller,
) -> Result<Vec<Secret>> {
    let codes: Vec<Secret> = (0..CODES).map(|_| mint(issuer)).collect();
    let digests: Vec<Digest> = codes.iter().map(|code| digest(issuer, &me.id, code)).collect();
    let about = (EventKind::RecoveryCodesMade, Noticed::RecoveryCodesMade);
    let change = change(issuer, me, about, keep, caller).await?;
    let rules = issuer.store.put_recovery_codes(change, digests).await?;
    revocation::enforce(issuer, &rules.ok_or_else(gone)?).await?;
    Ok(codes)
}

/// With the first second factor comes a set; who has codes left keeps them.
pub async fn with_the_first(
    issuer: &Issuer,
    me: &User,
    keep: Option<&BrowserSessionId>,
    caller: &Caller,
) -> Result<Option<Vec<Secret>>> {
    let account = load(issuer, me).await?;
    if account.enrolled.recovery_codes > 0 {
        return Ok(None);
    }
    make(issuer, &account.subject.user, keep, caller).await.map(Some)
}

/// `XXXX-XXXX-XXXX`. Thirty-two characters divide 256: each is as likely as the next.
fn mint(issuer: &Issuer) -> Secret {
    let bytes: [u8; LENGTH] = issuer.entropy.bytes();
    let mut code = String::with_capacity(LENGTH + LENGTH / GROUP);
    for (n, byte) in bytes.iter().enumerate() {
        if n > 0 && n.is_multiple_of(GROUP) {
            code.push('-');
        }
        let c = ALPHABET.get(usize::from(*byte) % ALPHABET.len()).copied().unwrap_or_default();
        code.push(char::from(c));
    }
    Secret::new(code)
}
