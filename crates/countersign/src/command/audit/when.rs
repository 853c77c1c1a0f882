//! A moment as people write it: a date, a date and a time (RFC 3339), or how long ago.

use countersign_runtime::config::Span;
use countersign_runtime::tokens::Timestamp;
use std::str::FromStr;

/// A moment, before it is known what time it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum When {
    /// So long ago.
    Ago(Span),
    /// Then.
    At(Timestamp),
}

impl When {
    /// As of `now`.
    pub(crate) fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(span) => now - span.0,
            Self::At(at) => at,
        }
    }
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(at) = moment(text) {
            return Ok(Self::At(at));
        }
        let bad = "write how long ago (15m, 24h, 7d) or a time such as 2026-05-31 or 2026-05-31T08:00:00Z";
        text.parse().map(Self::Ago).map_err(|_| bad.to_owned())
    }
}

/// `2026-05-31` or `2026-05-31T08:00:00(.123)(Z|+02:00)`.
fn moment(text: &str) -> Option<Timestamp> {
    let (date, rest) = text.split_at_checked(10)?;
    let days = days(date)?;
    if rest.is_empty() {
        return Some(Timestamp::from_seconds(days * 86_400));
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, rest) = rest.split_at_checked(8)?;
    let (hour, minute, second) = three(clock, ':')?;
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (millis, zone) = match rest.strip_prefix('.') {
        Some(rest) => {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (fraction, zone) = rest.split_at(digits);
            let padded = format!("{fraction:0<3}");
            (padded.get(..3).filter(|_| digits > 0)?.parse::<i64>().ok()?, zone)
        }
        None => (0, rest),
    };
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset(zone)?;
    Some(Timestamp::from_millis(seconds * 1_000 + millis))
}

/// Seconds east of Greenwich.
fn offset(zone: &str) -> Option<i64> {
    let (sign, rest) = match zone.split_at_checked(1)? {
        ("Z" | "z", "") => return Some(0),
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3_600 + minutes * 60))
}

/// Days since the epoch of `2026-05-31`.
fn days(date: &str) -> Option<i64> {
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let (year, month, day) = (number(year, 4)?, number(month, 2)?, number(day, 2)?);
    // In years that start in March the leap day is the last.
    let (of_march, since_march) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leaps = of_march.div_euclid(4) - of_march.div_euclid(100) + of_march.div_euclid(400);
    let days = of_march * 365 + leaps + (153 * since_march + 2) / 5 + day - 1 - 719_468;
    // There is no 30th of February.
    let same = Timestamp::from_seconds(days * 86_400).date() == (year, month, day);
    ((1..=12).contains(&month) && same).then_some(days)
}

fn three(text: &str, between: char) -> Option<(i64, i64, i64)> {
    let mut parts = text.split(between);
    let three = (number(parts.next()?, 2)?, number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    parts.next().is_none().then_some(three)
}

fn number(text: &str, digits: usize) -> Option<i64> {
    let fits = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read() {
        // Seconds by `date -u -d TEXT +%s`.
        for (text, millis) in [
            ("1970-01-01", 0),
            ("2026-05-31", 1_780_185_600_000),
            ("2000-02-29", 951_782_400_000),
            ("2026-05-31T08:00:00Z", 1_780_214_400_000),
            ("2026-05-31 08:00:00Z", 1_780_214_400_000),
            ("2026-05-31T08:00:00.5Z", 1_780_214_400_500),
            ("2026-05-31T08:00:00.123456Z", 1_780_214_400_123),
            ("2026-05-31T08:00:00+02:00", 1_780_207_200_000),
            ("2026-05-30T22:30:00-05:30", 1_780_200_000_000),
            ("2024-12-31T23:59:59Z", 1_735_689_599_000),
        ] {
            assert_eq!(text.parse(), Ok(When::At(Timestamp::from_millis(millis))), "{text}");
        }
        let now = Timestamp::from_seconds(10_000);
        assert_eq!("15m".parse::<When>().unwrap().at(now), Timestamp::from_seconds(9_100));
        assert_eq!("90".parse::<When>().unwrap().at(now), Timestamp::from_seconds(9_910));
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "yesterday",
            "2026-02-30",
            "2026-13-01",
            "2026-00-10",
            "2026-1-1",
            "2026-05-31T",
            "2026-05-31T08:00",
            "2026-05-31T24:00:00Z",
            "2026-05-31T08:00:00",
            "2026-05-31T08:00:00.Z",
            "2026-05-31T08:00:00+2:00",
            "2026-05-31T08:00:00+24:00",
            "2026-05-31x",
            "+026-05-31",
            "1w",
            "\u{661}\u{662}:\u{663}\u{664}",
        ] {
            assert!(text.parse::<When>().is_err(), "{text:?}");
        }
    }
}
