use super::bucket::MOST;
use super::*;
use std::net::{Ipv4Addr, Ipv6Addr};

const ME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

fn account(n: u8) -> Mark {
    Mark([n; 16])
}
fn ip(n: u32) -> IpAddr {
    Ipv4Addr::from_bits(n).into()
}
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_000_000 + seconds)
}
fn fail(t: &Throttle, who: Mark, ip: IpAddr, now: Timestamp) {
    t.admit_factor(Factor::Password, who, ip, now).unwrap_or_else(|e| panic!("{e:?}")).failed(now);
}
fn wait(t: &Throttle, who: Mark, ip: IpAddr, now: Timestamp) -> Option<u64> {
    t.admit_factor(Factor::Password, who, ip, now).err().and_then(|r| r.retry_after).map(|d| d.as_secs())
}

#[test]
fn delays_double_after_the_free_failures() {
    let t = Throttle::default();
    (0..5).for_each(|_| fail(&t, account(1), ME, at(0)));
    let mut now = 0;
    for due in [1, 2, 4, 8] {
        fail(&t, account(1), ME, at(now));
        assert_eq!(wait(&t, account(1), ME, at(now)), Some(due));
        now += i64::try_from(due).unwrap();
    }
    for n in 0..8 {
        fail(&t, account(1), ip(n), at(now));
        now += 300;
    }
    assert_eq!(wait(&t, account(1), ip(9), at(now - 300)), Some(300), "never longer");
}

#[test]
fn one_account_does_not_block_another() {
    let t = Throttle::default();
    (0..6).for_each(|n| fail(&t, account(1), ip(n), at(0)));
    assert!(wait(&t, account(1), ip(99), at(0)).is_some(), "from any address");
    assert_eq!(wait(&t, account(2), ip(0), at(0)), None);
}

#[test]
fn an_address_is_slowed_over_many_accounts() {
    let t = Throttle::default();
    (0..21).for_each(|n| fail(&t, account(n), ME, at(0)));
    assert_eq!(wait(&t, account(99), ME, at(0)), Some(1));
    assert_eq!(wait(&t, account(99), ip(1), at(0)), None);
}

#[test]
fn one_network_of_ipv6_is_one_address() {
    let t = Throttle::default();
    let host = |n: u16| Ipv6Addr::new(0x2001, 0xdb8, 0, 1, n, 2, 3, 4).into();
    (0..21).for_each(|n| fail(&t, account(n), host(n.into()), at(0)));
    assert_eq!(wait(&t, account(99), host(500), at(0)), Some(1));
    assert_eq!(wait(&t, account(99), Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 2, 3, 4).into(), at(0)), None);
    let mapped = Ipv4Addr::new(192, 0, 2, 9).to_ipv6_mapped().into();
    assert!(Address::of(mapped) == Address::of(Ipv4Addr::new(192, 0, 2, 9).into()));
}

#[test]
fn success_and_time_forget() {
    let t = Throttle::default();
    (0..5).for_each(|_| fail(&t, account(1), ME, at(0)));
    t.admit_factor(Factor::Password, account(1), ME, at(0)).unwrap().succeeded();
    (0..5).for_each(|_| fail(&t, account(1), ME, at(0)));
    assert_eq!(wait(&t, account(1), ME, at(0)), None, "five free ones again");
    fail(&t, account(1), ME, at(0));
    assert_eq!(wait(&t, account(1), ME, at(0)), Some(1));
    (0..2).for_each(|_| fail(&t, account(1), ME, at(1200)));
    assert_eq!(wait(&t, account(1), ME, at(1200)), Some(1), "two of six were forgotten");
}

#[test]
fn a_burst_in_parallel_gets_no_more_tries() {
    let t = Throttle::default();
    fail(&t, account(1), ME, at(0));
    let under_way: Vec<_> =
        (0..10).filter_map(|_| t.admit_factor(Factor::Password, account(1), ME, at(0)).ok()).collect();
    assert_eq!(under_way.len(), 4);
    drop(under_way);
    assert!(t.admit_factor(Factor::Password, account(1), ME, at(0)).is_ok(), "given back when dropped");
    let fresh: Vec<_> =
        (0..100).filter_map(|_| t.admit_factor(Factor::Password, account(2), ME, at(0)).ok()).collect();
    assert_eq!(fresh.len(), 64, "somebody who never failed may come in parallel");
}

#[test]
fn who_is_refused_pushes_nobody_out() {
    let t = Throttle::default();
    (0..9).for_each(|n| fail(&t, account(1), ip(n), at(i64::from(n) * 9)));
    (0..21).for_each(|n| fail(&t, account(n + 10), ME, at(72)));
    let made_up = |n: usize| {
        let mut mark = [0xff; 16];
        mark.iter_mut().zip(n.to_be_bytes()).for_each(|(to, from)| *to = from);
        Mark(mark)
    };
    for n in 0..=MOST {
        assert!(t.admit_factor(Factor::Password, made_up(n), ME, at(72)).is_err(), "the address waits");
    }
    assert_eq!(wait(&t, account(1), ip(99), at(72)), Some(8), "not forgotten for names made up");
}

#[test]
fn a_slowed_address_tries_one_at_a_time() {
    let t = Throttle::default();
    (0..21).for_each(|n| fail(&t, account(n), ME, at(0)));
    let under_way: Vec<_> =
        (50..90).filter_map(|n| t.admit_factor(Factor::Password, account(n), ME, at(1)).ok()).collect();
    assert_eq!(under_way.len(), 1, "a burst over many accounts");
    drop(under_way);
    assert!(t.admit_factor(Factor::Password, account(50), ME, at(1)).is_ok(), "given back when dropped");
    let others: Vec<_> =
        (50..90).filter_map(|n| t.admit_factor(Factor::Password, account(n), ip(1), at(1)).ok()).collect();
    assert_eq!(others.len(), 40, "an address that did nothing wrong");
}

#[test]
fn a_clock_set_back_locks_nobody_out() {
    let t = Throttle::default();
    (0..7).for_each(|n| fail(&t, account(1), ip(n), at(7200 + i64::from(n))));
    assert!(wait(&t, account(1), ip(99), at(0)).is_some_and(|w| w <= 300), "not until the clock is there");
    assert_eq!(wait(&t, account(1), ip(99), at(300)), None);
}

#[test]
fn a_storm_refuses_nobody_by_itself() {
    let t = Throttle::default();
    (0..2_000_u32).for_each(|n| fail(&t, Mark(u128::from(n).to_be_bytes()), ip(n), at(0)));
    let fresh = Mark([0xff; 16]);
    assert_eq!(wait(&t, fresh, ME, at(0)), None);
    (0..6).for_each(|n| fail(&t, Mark([0xf0 + n; 16]), ME, at(0)));
    assert_eq!(wait(&t, fresh, ME, at(0)), Some(1), "fewer free failures while it lasts");
    assert_eq!(wait(&t, fresh, ME, at(600)), None);
}

#[test]
fn memory_is_bounded() {
    let t = Throttle::default();
    for n in 0..100_000_u32 {
        fail(&t, Mark(u128::from(n).to_be_bytes()), ip(n), at(0));
    }
    let held = t.with(|b| b.passwords.len().max(b.addresses.len()));
    assert!(held <= MOST, "{held}");
}

#[test]
fn a_factor_s_full_bucket_closes_no_other_factor() {
    let t = Throttle::default();
    (0..6).for_each(|n| fail(&t, account(1), ip(n), at(0)));
    assert!(wait(&t, account(1), ip(99), at(0)).is_some(), "the password waits");
    for factor in Factor::ALL.into_iter().filter(|f| *f != Factor::Password) {
        assert!(t.admit_factor(factor, account(1), ip(0), at(0)).is_ok(), "{factor:?}");
    }
    assert!(t.admit(account(1), ip(0), at(0)).is_ok(), "an API user of that name is another");
    (0..21).for_each(|n| fail(&t, account(200 + n), ip(7), at(20_000)));
    assert!(wait(&t, account(2), ip(7), at(20_000)).is_some(), "the address waits for passwords");
    assert!(t.admit_factor(Factor::Passkey, account(2), ip(7), at(20_000)).is_ok(), "not for keys");
}

/// Tries that are let through within `seconds`, by who tries each second, and fails.
fn tries(t: &Throttle, factor: Factor, begin: i64, seconds: i64) -> usize {
    let spread = |n: i64| ip(u32::try_from(n).unwrap());
    let mut admitted = 0;
    for n in begin..begin + seconds {
        while let Ok(attempt) = t.admit_factor(factor, account(1), spread(n), at(n)) {
            attempt.failed(at(n));
            admitted += 1;
        }
    }
    admitted
}

#[test]
fn sent_codes_have_twenty_tries_a_day_whatever_succeeds_in_between() {
    const DAY: i64 = 86_400;
    for factor in [Factor::SmsCode, Factor::EmailCode] {
        let t = Throttle::default();
        assert_eq!(tries(&t, factor, 0, 60), 20, "{factor:?}: at once");
        assert_eq!(tries(&t, factor, 60, DAY - 60), 19, "{factor:?}: one each 72 minutes");
        let t = Throttle::default();
        for n in 0..12 {
            t.admit_factor(factor, account(1), ip(n), at(0)).unwrap().failed(at(0));
            t.admit_factor(factor, account(1), ip(n), at(0)).unwrap().succeeded();
        }
        assert_eq!(tries(&t, factor, 1, 60), 8, "{factor:?}: a right one forgives nothing");
    }
}

#[test]
fn guesses_of_an_app_s_codes_are_few() {
    let t = Throttle::default();
    assert!(tries(&t, Factor::Totp, 0, 86_400) <= 5 + 10 + 96);
    let fresh = Throttle::default();
    let at_once: Vec<_> =
        (0..64).filter_map(|n| fresh.admit_factor(Factor::Totp, account(1), ip(n), at(0)).ok()).collect();
    assert_eq!(at_once.len(), 5, "64 at once");
}

#[test]
fn a_known_device_has_tries_of_its_own() {
    let t = Throttle::default();
    let device = Mark([0xdd; 16]);
    let known = |now| t.admit_known(device, Factor::Password, account(1), ME, now);
    (0..9).for_each(|n| fail(&t, account(1), ip(n), at(i64::from(n) * 9)));
    (0..21).for_each(|n| fail(&t, account(n + 10), ME, at(72)));
    assert!(wait(&t, account(1), ip(99), at(72)).is_some(), "others guessed");
    assert!(wait(&t, account(2), ME, at(72)).is_some(), "its address is full");
    for n in 0..10 {
        known(at(72)).unwrap_or_else(|e| panic!("{n}: {e:?}")).failed(at(72));
    }
    assert!(known(at(72)).is_err(), "ten, then as everybody");
    let other = t.admit_known(Mark([0xee; 16]), Factor::Password, account(1), ME, at(72));
    assert!(other.is_ok(), "another device of the person");
    drop(other);
    let later: Vec<_> = (0..64).filter_map(|_| known(at(3_672)).ok()).filter(|a| a.from.is_none()).collect();
    assert_eq!(later.len(), 1, "one an hour");
    let parallel: Vec<_> = (0..64)
        .filter_map(|_| t.admit_known(Mark([0xcc; 16]), Factor::Password, account(1), ME, at(72)).ok())
        .collect();
    assert_eq!(parallel.len(), 9, "a burst gets no more");
}

#[test]
fn a_known_device_s_failures_fill_no_other_bucket() {
    let t = Throttle::default();
    for _ in 0..10 {
        t.admit_known(Mark([0xdd; 16]), Factor::Password, account(1), ME, at(0)).unwrap().failed(at(0));
    }
    assert_eq!(wait(&t, account(1), ME, at(0)), None);
    let own = || t.admit_known(Mark([0xdd; 16]), Factor::Password, account(1), ME, at(3_600));
    own().unwrap().succeeded();
    (0..10).for_each(|_| own().unwrap().failed(at(3_600)));
}

#[test]
fn a_flood_of_other_names_and_factors_forgets_nobody_s_guesses() {
    let t = Throttle::default();
    let victim = account(1);
    let guess = |factor: Factor, who: Mark, from: u32, now: Timestamp| {
        t.admit_factor(factor, who, ip(from), now).map(|attempt| attempt.failed(now))
    };
    for n in 0..20 {
        guess(Factor::EmailCode, victim, n, at(0)).unwrap();
    }
    for n in 0..100_000_u32 {
        let other = Mark((u128::from(n) << 64).to_be_bytes());
        let from = 1_000 + n / 4;
        // Made up, and let go without a result, as when nothing waits for a code.
        drop(t.admit_factor(Factor::EmailCode, other, ip(from), at(1)));
        guess(Factor::Passkey, other, from, at(1)).unwrap();
        drop(guess(Factor::Password, other, from, at(1)));
    }
    assert!(guess(Factor::EmailCode, victim, 99, at(2)).is_err(), "twenty a day");
}
