//! `countersign audit`.

mod shown;
mod when;

use super::Context;
use crate::failure::Usage;
use crate::output::{print, table};
use anyhow::Result;
use clap::{Args, Subcommand};
use countersign_runtime::issuer::Issuer;
use countersign_runtime::issuer::admin::audit::{self, Head, Wanted};
use countersign_runtime::issuer::model::Event;
use countersign_runtime::issuer::port::{EventFilter, Going};
use serde_json::{Value, json};
use shown::{HEAD, Names, in_columns, line};
use std::time::Duration;
use tokio::time::MissedTickBehavior;
use when::When;

/// Events of a search, unless it says otherwise.
const LIMIT: u32 = 100;
/// Events of a tail, before the new ones.
const LAST: u32 = 10;
/// Events read at once.
const PAGE: u32 = 1_000;
/// Between two looks for new ones.
const POLL: Duration = Duration::from_millis(500);

/// The event log: follow it, search it, check that it is whole
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  countersign audit search --kind login.failed --since 24h")]
pub(crate) enum Audit {
    /// Search events, newest first; with --after oldest first, to go on from a position
    Search(Search),
    /// The last events, and with --follow each new one as it comes
    Tail(Tail),
    /// Check that no event was changed, put in or taken out, and print the head to note elsewhere
    Verify(Verify),
}

/// Which events.
#[derive(Debug, Args)]
pub(crate) struct Of {
    /// Only this kind, such as login.failed; may be repeated
    #[arg(long = "kind", value_name = "KIND")]
    kinds: Vec<String>,
    /// Only about this person: e-mail, user name or id
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Only about this client
    #[arg(long, value_name = "CLIENT")]
    client: Option<String>,
    /// Only about this session: the sid of tokens, or a browser session's b_...
    // One in 64 begins with a dash.
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    session: Option<String>,
}

/// Search
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  countersign audit search --user ada@example.com --since 7d\n  countersign audit search --json --after 81234 --limit 1000"
)]
pub(crate) struct Search {
    #[command(flatten)]
    of: Of,
    /// Not before: how long ago (15m, 24h, 7d), or a time such as 2026-05-31T08:00:00Z
    #[arg(long, value_name = "WHEN")]
    since: Option<When>,
    /// Before, written in the same way
    #[arg(long, value_name = "WHEN")]
    until: Option<When>,
    /// Oldest first, after this position; 0 is the beginning
    #[arg(long, value_name = "SEQ")]
    after: Option<i64>,
    /// Most events [default: 100]
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
}

/// Tail
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  countersign audit tail --follow --kind login.failed --json")]
pub(crate) struct Tail {
    #[command(flatten)]
    of: Of,
    /// Go on with each new event, until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Events before the new ones [default: 10]
    #[arg(long, short = 'n', value_name = "N")]
    limit: Option<u32>,
}

/// Verify
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  countersign audit verify --head 81234:hWpZ0v1Zl0iZJ7Q0mGqk2C5Q3m8Gv1B6G9s7bq0u3yA"
)]
pub(crate) struct Verify {
    /// A head that an earlier run printed: is it still in the log? May be repeated
    #[arg(long = "head", value_name = "SEQ:LINK")]
    heads: Vec<String>,
}

impl Audit {
    pub(crate) async fn run(self, context: &Context) -> Result<bool> {
        match self {
            Self::Search(search) => search.run(context).await,
            Self::Tail(tail) => tail.run(context).await,
            Self::Verify(verify) => verify.run(context).await,
        }
    }
}

impl Of {
    fn wanted(self) -> Wanted {
        let Self { kinds, user, client, session } = self;
        Wanted { kinds, user, client, session, since: None, until: None }
    }
}

impl Search {
    async fn run(self, context: &Context) -> Result<bool> {
        let node = context.node().await?;
        let issuer = &node.issuer;
        let now = issuer.store.cached_now();
        let wanted = Wanted {
            since: self.since.map(|when| when.at(now)),
            until: self.until.map(|when| when.at(now)),
            ..self.of.wanted()
        };
        let going = self.after.map_or(Going::Back(None), Going::On);
        let mut filter = audit::filter(issuer, &wanted, going).await?;
        let mut left = self.limit.unwrap_or(LIMIT);
        let mut rows = Vec::new();
        let mut names = Names::of(issuer);
        while left > 0 {
            let page = audit::search(issuer, &filter, left.min(PAGE)).await?;
            let Some(last) = page.last() else { break };
            filter.going = beyond(filter.going, last);
            left = left.saturating_sub(u32::try_from(page.len()).unwrap_or(u32::MAX));
            if context.out.json {
                // As they are read: an export may be long.
                print(&lines(&page))?;
            } else {
                for event in &page {
                    rows.push(names.row(event).await);
                }
            }
        }
        if !context.out.json {
            print(&table(&HEAD, &rows))?;
        }
        Ok(true)
    }
}

/// The filter's next page begins after this one's last.
fn beyond(going: Going, last: &Event) -> Going {
    match going {
        Going::On(_) => Going::On(last.seq),
        Going::Back(_) => Going::Back(Some(last.seq)),
    }
}

fn lines(page: &[Event]) -> String {
    page.iter().map(|event| line(event) + "\n").collect()
}

impl Tail {
    async fn run(self, context: &Context) -> Result<bool> {
        let node = context.node().await?;
        let issuer = &node.issuer;
        // Before the search, so that what comes in between is printed once and not left out.
        let newest = audit::newest(issuer).await?;
        let back = Going::Back(Some(newest.saturating_add(1)));
        let mut filter = audit::filter(issuer, &self.of.wanted(), back).await?;
        let mut last = audit::search(issuer, &filter, self.limit.unwrap_or(LAST)).await?;
        last.reverse();
        let mut names = Names::of(issuer);
        tell(context, &mut names, &last).await?;
        if !self.follow {
            return Ok(true);
        }
        filter.going = Going::On(newest);
        tokio::select! {
            done = follow(context, issuer, &mut names, filter) => done,
            asked = tokio::signal::ctrl_c() => Ok(asked.map(|()| true)?),
        }
    }
}

async fn follow(
    context: &Context,
    issuer: &Issuer,
    names: &mut Names<'_>,
    mut filter: EventFilter,
) -> Result<bool> {
    let mut clock = tokio::time::interval(POLL);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        let page = audit::search(issuer, &filter, PAGE).await?;
        if let Some(last) = page.last() {
            filter.going = beyond(filter.going, last);
            tell(context, names, &page).await?;
        }
    }
}

async fn tell(context: &Context, names: &mut Names<'_>, events: &[Event]) -> Result<()> {
    if context.out.json {
        return print(&lines(events));
    }
    for event in events {
        print(&in_columns(&names.row(event).await))?;
    }
    Ok(())
}

impl Verify {
    async fn run(self, context: &Context) -> Result<bool> {
        let mut heads = Vec::with_capacity(self.heads.len());
        for text in &self.heads {
            let head = Head::parse(text);
            let head =
                head.ok_or_else(|| Usage(format!("--head {text}: write SEQ:LINK as it was printed")))?;
            heads.push(head);
        }
        let node = context.node().await?;
        let verdict = audit::verify(&node.issuer, &heads).await?;
        let whole = verdict.is_whole();
        let head = verdict.head.map(|head| head.to_string());
        let findings: Vec<Value> =
            verdict.findings.iter().map(|f| json!({ "seq": f.seq(), "what": f.text() })).collect();
        let json = json!({
            "whole": whole, "events": verdict.linked, "before": verdict.before, "head": head,
            "findings": findings, "more": verdict.more,
        });
        context.out.data(&json, || {
            let mut out = String::new();
            for finding in &verdict.findings {
                out.push_str(&format!("broken  {}\n", finding.text()));
            }
            if verdict.more {
                out.push_str("broken  and more after that\n");
            }
            let state = if whole { "whole" } else { "not whole" };
            out.push_str(&format!("log     {state}: {} events\n", verdict.linked));
            if verdict.before > 0 {
                let before = verdict.before;
                out.push_str(&format!("before  {before} events from before it was chained: not checked\n"));
            }
            out.push_str(&format!("head    {}\n", head.as_deref().unwrap_or("-")));
            out
        })?;
        if whole {
            context.out.done("Note the head where nobody who can write the database can change it.");
        }
        Ok(whole)
    }
}
