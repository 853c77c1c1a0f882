//! People with what they can prove themselves by.

use crate::column::{Read, digest, json, parsed, time};
use crate::fault::{Done, Fault};
use crate::tx::Tx;
use crate::user::{SUBJECT, credential_changed, key, load, put_password, subject, subject_columns};
use crate::{SqliteStore, event};
use async_trait::async_trait;
use countersign_issuer::model::{Account, Acr, Digest, Enrolled, EventDraft, Factor, Rule, Secret, UserId};
use countersign_issuer::port::account::KnownDevice;
use countersign_issuer::port::browser_session::{SeenDevice, SignIn};
use countersign_issuer::port::{Accounts, At, ChangedEmail, Claimed, CredentialChange, StoreResult};
use rusqlite::{Params, Row, params};

/// Columns of what is enrolled for a person of a table named `u`, after [`SUBJECT`].
macro_rules! account {
    ($of:literal) => {
        concat!(
            "SELECT ",
            subject_columns!(),
            ", EXISTS (SELECT 1 FROM password p WHERE p.user_id = u.id),
             (SELECT count(*) FROM passkey k WHERE k.user_id = u.id AND k.verifies_user),
             (SELECT count(*) FROM passkey k WHERE k.user_id = u.id AND NOT k.verifies_user),
             EXISTS (SELECT 1 FROM totp t WHERE t.user_id = u.id),
             (SELECT f.number FROM phone f WHERE f.user_id = u.id),
             (SELECT count(*) FROM recovery_code r WHERE r.user_id = u.id AND r.spent_at IS NULL),
             (SELECT json_group_array(l.provider) FROM upstream_link l WHERE l.user_id = u.id)
             FROM user u WHERE ",
            $of
        )
    };
}

fn account(row: &Row<'_>) -> Read<Account> {
    let enrolled = Enrolled {
        password: row.get(SUBJECT)?,
        passkeys: row.get(SUBJECT + 1)?,
        security_keys: row.get(SUBJECT + 2)?,
        totp: row.get(SUBJECT + 3)?,
        phone: row.get(SUBJECT + 4)?,
        recovery_codes: row.get(SUBJECT + 5)?,
        upstreams: json(row, SUBJECT + 6)?,
    };
    Ok(Account { subject: subject(row, 0)?, enrolled })
}

impl SqliteStore {
    fn one_account(&self, sql: &str, params: impl Params) -> StoreResult<At<Option<Account>>> {
        self.read(|tx| Ok(At { now: tx.now, it: tx.row(sql, params, account)? }))
    }
}

fn change_email(tx: &Tx<'_>, change: &CredentialChange, email: &str) -> Done<ChangedEmail> {
    let key = key(email);
    let taken = "SELECT 1 FROM user WHERE (email_key = ?1 OR username_key = ?1) AND id <> ?2";
    if tx.row(taken, params![key, change.user.as_str()], |_| Ok(()))?.is_some() {
        return Ok(ChangedEmail::Taken);
    }
    let Some(rules) = credential_changed(tx, change)? else { return Ok(ChangedEmail::NoSuchUser) };
    tx.one(
        "UPDATE user SET email = ?2, email_key = ?3, email_verified = 1 WHERE id = ?1",
        params![change.user.as_str(), email, key],
    )?;
    Ok(ChangedEmail::Changed(rules))
}

fn claim_email(tx: &Tx<'_>, change: &CredentialChange, email: &str) -> Done<Option<Claimed>> {
    let id = change.user.as_str();
    let first = tx.guarded(
        "UPDATE user SET email_verified = 1 WHERE id = ?1 AND email = ?2 AND email_verified = 0
           AND NOT EXISTS (SELECT 1 FROM totp WHERE user_id = ?1)
           AND NOT EXISTS (SELECT 1 FROM phone WHERE user_id = ?1)
           AND NOT EXISTS (SELECT 1 FROM passkey WHERE user_id = ?1)",
        [id, email],
    )?;
    if !first {
        return Ok(None);
    }
    for sql in [
        "DELETE FROM password WHERE user_id = ?1",
        "DELETE FROM upstream_link WHERE user_id = ?1",
        "DELETE FROM known_device WHERE user_id = ?1",
    ] {
        tx.count(sql, [id])?;
    }
    let rules = credential_changed(tx, change)?;
    match (rules, load(tx, &change.user)?) {
        (Some(rules), Some(subject)) => Ok(Some(Claimed { subject, rules })),
        _ => Err(Fault::Broken("an account went while its address was claimed".to_owned())),
    }
}

fn device_level(tx: &Tx<'_>, user: &UserId, device: &[u8; 32]) -> Done<Option<Acr>> {
    let sql = "SELECT acr FROM known_device WHERE user_id = ?1 AND digest = ?2";
    tx.row(sql, params![user.as_str(), device], |r| parsed(r, 0, Acr::parse))
}

/// Notes the device of a sign-in by these proofs. Answers whether it is new to a person who signed in before:
/// with another device, or in a session that is still on record.
pub(crate) fn note_device(tx: &Tx<'_>, with: &SignIn, seen: &SeenDevice) -> Done<bool> {
    let (user, digest) = (with.user.as_str(), &seen.digest.0);
    let level = Acr::parse(&with.authentication.acr).unwrap_or(Acr::One);
    let before = device_level(tx, &with.user, digest)?;
    let elsewhere = "SELECT 1 FROM known_device WHERE user_id = ?1
                     UNION ALL SELECT 1 FROM browser_session WHERE user_id = ?1 LIMIT 1";
    let elsewhere = tx.row(elsewhere, [user], |_| Ok(()))?.is_some();
    tx.one(
        "INSERT INTO known_device (user_id, digest, name, acr, created_at, seen_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?5)
         ON CONFLICT (user_id, digest) DO UPDATE SET name = excluded.name, acr = excluded.acr,
             seen_at = excluded.seen_at",
        params![user, digest, with.device, level.max(before.unwrap_or(Acr::One)).name(), tx.now.millis()],
    )?;
    Ok(before.is_none() && elsewhere)
}

#[async_trait]
impl Accounts for SqliteStore {
    async fn account(&self, id: &UserId) -> StoreResult<At<Option<Account>>> {
        self.one_account(account!("u.id = ?1"), [id.as_str()])
    }

    async fn find_account(&self, login: &str) -> StoreResult<At<Option<Account>>> {
        // No name holds an `@`, so at most one of the two matches.
        self.one_account(account!("u.email_key = ?1 OR u.username_key = ?1"), [key(login)])
    }

    async fn change_email(&self, change: CredentialChange, email: &str) -> StoreResult<ChangedEmail> {
        let email = email.to_owned();
        self.write(move |tx| change_email(tx, &change, &email)).await
    }

    async fn verify_email(&self, id: &UserId, email: &str, event: EventDraft) -> StoreResult<bool> {
        let (id, email) = (id.clone(), email.to_owned());
        self.write(move |tx| {
            let verified = tx.guarded(
                "UPDATE user SET email_verified = 1, updated_at = ?3 WHERE id = ?1 AND email = ?2",
                params![id.as_str(), email, tx.now.millis()],
            )?;
            if verified {
                event::write(tx, &event)?;
            }
            Ok(verified)
        })
        .await
    }

    async fn claim_email(&self, change: CredentialChange, email: &str) -> StoreResult<Option<Claimed>> {
        let email = email.to_owned();
        self.write(move |tx| claim_email(tx, &change, &email)).await
    }

    async fn reset_password(
        &self,
        change: CredentialChange,
        password: Secret,
    ) -> StoreResult<Option<Vec<Rule>>> {
        self.write(move |tx| {
            let Some(rules) = credential_changed(tx, &change)? else { return Ok(None) };
            put_password(tx, &change.user, &password)?;
            tx.count("DELETE FROM known_device WHERE user_id = ?1", [change.user.as_str()])?;
            Ok(Some(rules))
        })
        .await
    }

    async fn reset_factors(&self, change: CredentialChange) -> StoreResult<Option<Vec<Rule>>> {
        self.write(move |tx| {
            let Some(rules) = credential_changed(tx, &change)? else { return Ok(None) };
            for sql in [
                "DELETE FROM totp WHERE user_id = ?1",
                "DELETE FROM phone WHERE user_id = ?1",
                "DELETE FROM passkey WHERE user_id = ?1",
                "DELETE FROM recovery_code WHERE user_id = ?1",
                "DELETE FROM known_device WHERE user_id = ?1",
            ] {
                tx.count(sql, [change.user.as_str()])?;
            }
            Ok(Some(rules))
        })
        .await
    }

    async fn remove_password(&self, change: CredentialChange) -> StoreResult<Option<Vec<Rule>>> {
        self.write(move |tx| {
            if !tx.guarded("DELETE FROM password WHERE user_id = ?1", [change.user.as_str()])? {
                return Ok(None);
            }
            credential_changed(tx, &change)
        })
        .await
    }

    async fn set_locale(&self, id: &UserId, locale: &str) -> StoreResult<()> {
        let (id, locale) = (id.clone(), locale.to_owned());
        self.write(move |tx| {
            tx.guarded("UPDATE user SET locale = ?2 WHERE id = ?1", [id.as_str(), locale.as_str()])
        })
        .await
        .map(drop)
    }

    async fn locale(&self, id: &UserId) -> StoreResult<Option<String>> {
        let sql = "SELECT locale FROM user WHERE id = ?1";
        self.read(|tx| Ok(tx.row(sql, [id.as_str()], |r| r.get(0))?.flatten()))
    }

    async fn count_stranded(&self, usable: &[Factor]) -> StoreResult<u64> {
        let has = |f: Factor| usable.contains(&f);
        self.read(|tx| {
            let counted = tx.row(
                "SELECT count(*) FROM user u WHERE u.disabled_at IS NULL
                   AND u.id IN (SELECT user_id FROM totp UNION SELECT user_id FROM phone
                                UNION SELECT user_id FROM passkey)
                   AND NOT (?1 AND EXISTS (SELECT 1 FROM totp t WHERE t.user_id = u.id))
                   AND NOT (?2 AND EXISTS (SELECT 1 FROM phone f WHERE f.user_id = u.id))
                   AND NOT (?3 AND EXISTS (SELECT 1 FROM passkey k WHERE k.user_id = u.id AND k.verifies_user))
                   AND NOT (?4 AND EXISTS (SELECT 1 FROM passkey k WHERE k.user_id = u.id AND NOT k.verifies_user))",
                params![
                    has(Factor::Totp),
                    has(Factor::SmsCode),
                    has(Factor::Passkey),
                    has(Factor::SecurityKey)
                ],
                |r| r.get(0),
            )?;
            Ok(counted.unwrap_or_default())
        })
    }

    async fn known_device(&self, user: &UserId, device: &[u8; 32]) -> StoreResult<Option<Acr>> {
        self.read(|tx| device_level(tx, user, device))
    }

    async fn forget_devices(
        &self,
        user: &UserId,
        only: Option<&Digest>,
        event: EventDraft,
    ) -> StoreResult<u64> {
        let (user, only) = (user.clone(), only.map(|d| d.0));
        self.write(move |tx| {
            let gone = tx.count(
                "DELETE FROM known_device WHERE user_id = ?1 AND (?2 IS NULL OR digest = ?2)",
                params![user.as_str(), only],
            )?;
            if gone > 0 {
                event::write(tx, &event)?;
            }
            Ok(u64::try_from(gone).unwrap_or(u64::MAX))
        })
        .await
    }

    async fn list_devices(&self, user: &UserId) -> StoreResult<Vec<KnownDevice>> {
        let sql = "SELECT name, created_at, seen_at, digest FROM known_device WHERE user_id = ?1
                   ORDER BY seen_at DESC, digest";
        self.read(|tx| {
            tx.rows(sql, [user.as_str()], |r| {
                Ok(KnownDevice {
                    digest: digest(r, 3)?,
                    device: r.get(0)?,
                    created_at: time(r, 1)?,
                    seen_at: time(r, 2)?,
                })
            })
        })
    }
}
