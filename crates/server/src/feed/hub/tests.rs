use super::*;
use countersign_feed::head::{FeedId, Staleness};
use countersign_feed::stream::Reader;
use countersign_feed::{Chain, Cutoff, Head, Kind, Rule, Salt};

fn rule(h: u64) -> Rule {
    Rule { kind: Kind::Jti, h, cutoff: Cutoff::ALWAYS, until: 9 }
}

/// The state after rule `seq`, of which the last `added` are new.
fn state(epoch: u64, seq: u64, added: u64, as_of: i64) -> Arc<Published> {
    let chain = Chain::genesis(&[1; 16], epoch);
    let after = seq - added;
    let page = Page { epoch, after, chain, rules: (after + 1..=seq).map(rule).collect(), head: None };
    let head = Head {
        iss: "https://id.example".to_owned(),
        aud: "https://id.example/rev".to_owned(),
        feed: FeedId([1; 16]),
        epoch,
        seq,
        as_of,
        chain,
        snap: None,
        salt: Salt([2; 16]),
        hb_ms: 500,
        policy: Staleness::default(),
        jwks: None,
        next_key: None,
        exp: 9,
    };
    Arc::new(Published { head, jws: format!("head.{epoch}.{seq}.{as_of}").into(), added: Arc::new(page) })
}

fn hub() -> Hub {
    Hub::new(&Limits::default())
}

/// What came, as text: `rules AFTER..END` and heads.
fn read(live: &mut broadcast::Receiver<Sent>) -> Vec<String> {
    let mut reader = Reader::default();
    let mut out = Vec::new();
    while let Ok(sent) = live.try_recv() {
        for event in reader.push(&sent.bytes()).unwrap() {
            out.push(match event {
                Event::Rules(bytes) => {
                    let page = Page::read(&bytes).unwrap();
                    format!("{}: {}..{}", page.epoch, page.after, page.end())
                }
                Event::Head(jws) => jws,
                other => format!("{other:?}"),
            });
        }
    }
    out
}

#[tokio::test]
async fn the_first_goes_out_at_once_and_the_next_ones_together() {
    let hub = hub();
    assert!(hub.subscribe().is_none(), "nothing to begin with yet");
    hub.publish(&state(1, 0, 0, 1));
    let (frame, mut live) = hub.subscribe().unwrap();
    assert_eq!((frame.state.head.as_of, read(&mut live)), (1, Vec::new()), "the place is behind the frame");
    hub.publish(&state(1, 2, 2, 2));
    assert_eq!(read(&mut live), ["1: 0..2", "head.1.2.2"]);
    hub.publish(&state(1, 3, 1, 3));
    hub.publish(&state(1, 3, 0, 4));
    hub.publish(&state(1, 6, 3, 5));
    assert_eq!(read(&mut live), [""; 0], "held");
    assert_eq!(hub.newest().unwrap().state.head.seq, 6, "but served to who asks");
    assert_eq!(hub.subscribe().unwrap().0.state.head.seq, 2, "who comes now joins what is sent");
    hub.due().await;
    hub.flush();
    assert_eq!(read(&mut live), ["1: 2..6", "head.1.6.5"], "one page, one head");
    hub.publish(&state(1, 6, 0, 6));
    assert_eq!(read(&mut live), ["head.1.6.6"], "time alone waits for nothing");
}

#[tokio::test]
async fn what_does_not_join_stays_apart() {
    let hub = hub();
    hub.publish(&state(1, 1, 1, 1));
    let (_, mut live) = hub.subscribe().unwrap();
    for held in [state(1, 2, 1, 2), state(2, 3, 3, 3), state(2, 9, 2, 4)] {
        hub.publish(&held);
    }
    hub.flush();
    assert_eq!(read(&mut live), ["1: 1..2", "2: 0..3", "2: 7..9", "head.2.9.4"]);
}

#[tokio::test]
async fn the_end_sends_what_was_held() {
    let hub = hub();
    hub.publish(&state(1, 1, 1, 1));
    let (_, mut live) = hub.subscribe().unwrap();
    hub.publish(&state(1, 2, 1, 2));
    hub.comment();
    assert_eq!(live.recv().await.map(Sent::bytes).unwrap(), COMMENT);
    hub.close();
    assert_eq!(read(&mut live), ["1: 1..2", "head.1.2.2"]);
    assert!(matches!(live.recv().await, Err(broadcast::error::RecvError::Closed)));
    assert!(hub.subscribe().is_none() && hub.watch().borrow().closing);
}

#[tokio::test]
async fn who_is_overtaken_is_told() {
    let hub = hub();
    hub.publish(&state(1, 0, 0, 0));
    let (_, mut live) = hub.subscribe().unwrap();
    for n in 0..=RING {
        hub.publish(&state(1, 0, 0, i64::try_from(n).unwrap() + 1));
    }
    assert!(matches!(live.recv().await, Err(broadcast::error::RecvError::Lagged(_))));
}
