use countersign_feed::stream::Event;
use countersign_feed::{Chain, Cutoff, Kind, Page, Rule};
use proptest::prelude::*;

fn rule() -> impl Strategy<Value = Rule> {
    (0..8_usize, any::<u64>(), any::<u32>(), any::<u32>()).prop_map(|(kind, h, cutoff, until)| {
        let kind = Kind::ALL[kind];
        let h = match kind {
            Kind::Bucket => h & 0xffff,
            Kind::Coarse => 0,
            _ => h,
        };
        Rule { kind, h, cutoff: Cutoff(cutoff), until }
    })
}

proptest! {
    #[test]
    fn round_trips(
        epoch in any::<u64>(),
        after in any::<u64>(),
        chain in any::<[u8; 32]>(),
        rules in prop::collection::vec(rule(), 0..40),
        head in prop::option::of("[a-z.]{1,40}"),
    ) {
        let page = Page { epoch, after, chain: Chain(chain), rules, head };
        let bytes = page.bytes();
        prop_assert_eq!(&Page::read(&bytes).unwrap(), &page);
        let id = format!("\nid: {epoch}.{}\n", page.end());
        prop_assert!(Event::Rules(bytes.clone()).text().contains(&id));
        for cut in 0..bytes.len() {
            prop_assert_eq!(Page::read(&bytes[..cut]).unwrap_err().code, "truncated");
        }
    }

    /// A run of the log in pages comes to the same chain.
    #[test]
    fn runs(rules in prop::collection::vec(rule(), 0..60), after in 0..1_000_u64) {
        let start = Chain([1; 32]);
        let mut end = (after, start);
        let mut had = Vec::new();
        for page in Page::run(4, after, start, &rules) {
            prop_assert_eq!((page.epoch, page.after, page.chain), (4, end.0, end.1));
            end = (page.end(), page.end_chain());
            had.extend(page.rules);
        }
        prop_assert_eq!(end.1, start.over(&rules));
        prop_assert_eq!(had, rules);
    }
}
