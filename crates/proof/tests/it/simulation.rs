//! Courses of events on the real code, one a seed. More of them: `cargo run -p countersign-proof --release
//! --example simulate -- SEEDS`.

use countersign_proof::{Course, Flaw, simulate};

/// Courses in each test.
const SEEDS: u64 = 250;

fn courses(from: u64) {
    let mut all = Course::default();
    for seed in from..from + SEEDS {
        let course = simulate(seed, Flaw::None).unwrap_or_else(|broken| panic!("{broken}"));
        all.revoked += course.revoked;
        all.checked += course.checked;
        all.restarts += course.restarts;
        all.restores += course.restores;
        all.forked |= course.forked;
    }
    // A simulation in which nothing happens proves nothing.
    let each = |count: usize| count as u64 / SEEDS;
    assert!(each(all.revoked) > 5 && each(all.checked) > 100, "{all:?}");
    assert!(each(all.restarts) > 1 && all.restores as u64 > SEEDS / 10, "{all:?}");
}

#[test]
fn first_courses() {
    courses(0);
}

#[test]
fn second_courses() {
    courses(SEEDS);
}

#[test]
fn third_courses() {
    courses(2 * SEEDS);
}

#[test]
fn fourth_courses() {
    courses(3 * SEEDS);
}

#[test]
fn the_same_seed_is_the_same_course() {
    assert_eq!(simulate(7, Flaw::None), simulate(7, Flaw::None));
    assert_ne!(simulate(7, Flaw::None), simulate(8, Flaw::None));
}

/// Each flaw of the issuer is noticed, in a small number of courses.
#[test]
fn flaws_are_noticed() {
    for flaw in [Flaw::SkipsRows, Flaw::StampsAfterReading, Flaw::SignsUnnumbered] {
        let broken = (0..SEEDS).find_map(|seed| simulate(seed, flaw).err());
        let what = broken.unwrap_or_else(|| panic!("{flaw:?} is not noticed")).what;
        assert!(what.contains("is missing under a head"), "{flaw:?}: {what}");
    }
}
