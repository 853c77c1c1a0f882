//! Times, dates and devices in words for people.

use super::message::Messages;
use countersign_token::Timestamp;

/// How long to wait, rounded up so that nobody comes back too early.
pub(super) fn wait(m: &Messages, seconds: u64) -> Result<String, String> {
    let n = |n: u64| vec![("n".to_owned(), n.to_string())];
    match seconds {
        0..=10 => m.plain("wait.seconds", &[]),
        11..=30 => m.plain("wait.half", &[]),
        31..=60 => m.plain("wait.minute", &[]),
        61..=3_540 => m.plain("wait.minutes", &n(seconds.div_ceil(60))),
        3_541..=3_600 => m.plain("wait.hour", &[]),
        _ => m.plain("wait.hours", &n(seconds.div_ceil(3_600))),
    }
}

/// A date and a time of day, UTC: the server does not know where the reader is.
pub(super) fn date(m: &Messages, millis: i64) -> Result<String, String> {
    let (year, month, day) = Timestamp::from_millis(millis).date();
    let of_day = millis.div_euclid(60_000).rem_euclid(1_440);
    let args = [
        ("day", day.to_string()),
        ("month", m.plain(&format!("month.{month}"), &[])?),
        ("year", year.to_string()),
        ("time", format!("{:02}:{:02}", of_day / 60, of_day % 60)),
    ];
    m.plain("date", &args.map(|(name, value)| (name.to_owned(), value)))
}

/// Order matters: a browser names those it descends from too.
const BROWSERS: &[(&str, &str)] = &[
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
];

const SYSTEMS: &[(&str, &str)] = &[
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("Linux", "Linux"),
];

/// What a `User-Agent` stands for, where what it says of itself must not be repeated.
pub(crate) fn known_device(m: &Messages, agent: &str) -> Result<String, String> {
    let known = BROWSERS.iter().chain(SYSTEMS).any(|(mark, _)| agent.contains(mark));
    device(m, if known { agent } else { "" })
}

/// What a `User-Agent` stands for. Anything not known is shown as it came, cut short.
pub(super) fn device(m: &Messages, agent: &str) -> Result<String, String> {
    let find = |table: &[(&str, &'static str)]| {
        table.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
    };
    match (find(BROWSERS), find(SYSTEMS)) {
        (Some(browser), Some(system)) => {
            let args = [("browser".to_owned(), browser.to_owned()), ("system".to_owned(), system.to_owned())];
            m.plain("device.both", &args)
        }
        (Some(one), None) | (None, Some(one)) => Ok(one.to_owned()),
        (None, None) if agent.trim().is_empty() => m.plain("device.unknown", &[]),
        (None, None) => Ok(agent.trim().chars().take(60).collect()),
    }
}

/// The letter on a tile.
pub(super) fn initial(name: &str) -> String {
    name.chars().find(|c| c.is_alphanumeric()).map_or_else(|| "?".to_owned(), |c| c.to_uppercase().collect())
}

#[cfg(test)]
mod tests {
    use super::super::Languages;
    use super::*;
    use std::sync::Arc;

    fn english() -> Arc<Messages> {
        Languages::open(None).unwrap().iter().next().unwrap().clone()
    }

    #[test]
    fn dates_agree_with_the_calendar() {
        let m = english();
        for (seconds, text) in [
            (0, "1 January 1970, 00:00 UTC"),
            (951_782_399, "28 February 2000, 23:59 UTC"),
            (951_782_400, "29 February 2000, 00:00 UTC"),
            (1_709_251_199, "29 February 2024, 23:59 UTC"),
            (4_107_542_400, "1 March 2100, 00:00 UTC"),
            (-1, "31 December 1969, 23:59 UTC"),
        ] {
            assert_eq!(date(&m, seconds * 1_000).unwrap(), text);
        }
    }

    #[test]
    fn waits_are_never_too_short() {
        let m = english();
        for (seconds, text) in [
            (0, "a few seconds"),
            (30, "half a minute"),
            (60, "about a minute"),
            (61, "about 2 minutes"),
            (3_540, "about 59 minutes"),
            (3_600, "about an hour"),
            (3_601, "about 2 hours"),
        ] {
            assert_eq!(wait(&m, seconds).unwrap(), text);
        }
    }

    #[test]
    fn devices_by_their_common_names() {
        let m = english();
        let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36 Edg/142.0";
        let iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1";
        assert_eq!(device(&m, edge).unwrap(), "Edge on Windows");
        assert_eq!(device(&m, iphone).unwrap(), "Safari on iPhone");
        assert_eq!(device(&m, "curl/8.1").unwrap(), "curl");
        assert_eq!(device(&m, " ").unwrap(), "Unknown device");
        assert_eq!(device(&m, &"x".repeat(200)).unwrap().len(), 60);
    }

    #[test]
    fn initials_are_letters_in_any_script() {
        assert_eq!(initial("\u{202e}ada"), "A");
        assert_eq!(initial("ß"), "SS");
        assert_eq!(initial("مريم"), "م");
        assert_eq!(initial("🦀"), "?");
    }
}
