//! `countersign outbox`.

use super::Context;
use crate::failure::{Usage, not_found};
use crate::output::{table, time};
use anyhow::Result;
use clap::{Args, Subcommand};
use countersign_runtime::issuer::Issuer;
use countersign_runtime::issuer::model::JobId;
use countersign_runtime::issuer::model::message::Way;
use countersign_runtime::issuer::outbox;
use countersign_runtime::issuer::port::WaitingJob;
use countersign_runtime::message_kind;
use serde_json::{Value, json};

/// Messages in a list, unless another number is asked for.
const LISTED: u16 = 1_000;

/// Messages: waiting to be sent, or given up
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  countersign outbox list")]
pub(crate) enum Outbox {
    /// List messages that wait or were given up, oldest first
    #[command(after_help = "Example:\n  countersign outbox list --way mail --json")]
    List {
        /// Only these: mail or sms
        #[arg(long, value_name = "WAY")]
        way: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = LISTED)]
        limit: u16,
    },
    /// Show one; never its code or link
    #[command(after_help = "Example:\n  countersign outbox show 5Wn3iJk0Qm2cZ1r8bYtFxg")]
    Show(Which),
    /// Try one again that was given up
    #[command(after_help = "Example:\n  countersign outbox retry 5Wn3iJk0Qm2cZ1r8bYtFxg")]
    Retry(Which),
    /// Remove one that was given up
    #[command(after_help = "Example:\n  countersign outbox remove 5Wn3iJk0Qm2cZ1r8bYtFxg")]
    Remove(Which),
}

/// A message.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// Its id
    // One in 64 begins with a dash.
    #[arg(allow_hyphen_values = true)]
    id: String,
}

impl Which {
    fn id(&self) -> Result<JobId> {
        JobId::parse(&self.id).ok_or_else(|| not_found("message", &self.id))
    }
}

impl Outbox {
    pub(crate) async fn run(self, context: &Context) -> Result<bool> {
        let out = context.out;
        match self {
            Self::List { way, limit } => {
                let way = match way.as_deref() {
                    None => None,
                    Some(name) => Some(
                        Way::parse(name).ok_or_else(|| Usage(format!("--way {name}: write mail or sms")))?,
                    ),
                };
                let node = context.node().await?;
                let store = &node.issuer.store;
                let all = store.list_jobs(way, limit).await.map_err(outbox_failure)?.it;
                let (waiting, dead) = store.count_jobs(way).await.map_err(outbox_failure)?;
                let json: Value = all.iter().map(|job| shown(&node.issuer, job)).collect();
                out.data(&json, || {
                    let row = |job: &WaitingJob| {
                        vec![
                            job.job.id.to_string(),
                            job.job.way.name().to_owned(),
                            kind(&node.issuer, job),
                            time(job.created_at),
                            job.tries.to_string(),
                            state(job).to_owned(),
                            job.error.clone().unwrap_or_default(),
                        ]
                    };
                    let head = ["ID", "WAY", "ABOUT", "QUEUED", "TRIES", "STATE", "WHY"];
                    table(&head, &all.iter().map(row).collect::<Vec<_>>())
                })?;
                let listed = u64::try_from(all.len()).unwrap_or(u64::MAX);
                let more = waiting.saturating_add(dead).saturating_sub(listed);
                if more > 0 {
                    out.done(format_args!("{more} more, newer than these: --limit shows them"));
                }
            }
            Self::Show(which) => {
                let id = which.id()?;
                let node = context.node().await?;
                let found = node.issuer.store.find_job(id).await.map_err(outbox_failure)?;
                let job = &found.ok_or_else(|| not_found("message", &which.id))?;
                out.data(&shown(&node.issuer, job), || {
                    let to = outbox::open(&node.issuer, &job.job).map(|m| m.to.address().to_owned());
                    format!(
                        "id      {id}\nway     {}\nabout   {}\nto      {}\nqueued  {}\ntries   {}\nstate   {}\nwhy     {}\n",
                        job.job.way.name(),
                        kind(&node.issuer, job),
                        to.unwrap_or_default(),
                        time(job.created_at),
                        job.tries,
                        state(job),
                        job.error.as_deref().unwrap_or_default(),
                    )
                })?;
            }
            Self::Retry(which) => {
                let node = context.node().await?;
                if !node.issuer.store.retry_job(which.id()?).await.map_err(outbox_failure)? {
                    return Err(not_found("message that was given up", &which.id));
                }
                out.done(format_args!("{} is tried again", which.id));
            }
            Self::Remove(which) => {
                let node = context.node().await?;
                if !node.issuer.store.remove_job(which.id()?).await.map_err(outbox_failure)? {
                    return Err(not_found("message that was given up", &which.id));
                }
                out.done(format_args!("removed {}", which.id));
            }
        }
        Ok(true)
    }
}

fn outbox_failure(e: countersign_runtime::issuer::port::StoreError) -> anyhow::Error {
    countersign_runtime::issuer::Failure::from(e).into()
}

fn state(job: &WaitingJob) -> &'static str {
    if job.next_at.is_some() { "waiting" } else { "dead" }
}

fn kind(issuer: &Issuer, job: &WaitingJob) -> String {
    outbox::open(issuer, &job.job).map_or("?", |message| message_kind(&message.about)).to_owned()
}

/// Never the message itself: it may hold a code or a link.
fn shown(issuer: &Issuer, job: &WaitingJob) -> Value {
    let message = outbox::open(issuer, &job.job);
    json!({
        "id": job.job.id.to_string(),
        "way": job.job.way.name(),
        "about": message.as_ref().map(|m| message_kind(&m.about)),
        "to": message.as_ref().map(|m| m.to.address()),
        "queued_at": time(job.created_at),
        "tries": job.tries,
        "state": state(job),
        "next_at": job.next_at.map(time),
        "error": job.error,
    })
}
