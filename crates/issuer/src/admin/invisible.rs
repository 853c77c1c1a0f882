//! Characters that change how text looks without being seen: an address or name that holds one can be taken
//! for another by a person who reads it.

/// What may stand in a text beside what is seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Joiners {
    /// Nothing: addresses and user names.
    Refused,
    /// U+200C and U+200D, which Persian and Indic names and emoji are written with.
    Fine,
}

/// Control characters (Unicode Cc), line and paragraph separators (Zl, Zp), format characters (Cf: direction
/// overrides and isolates, zero width, tags), and fillers that show nothing.
const UNSEEN: &[(char, char)] = &[
    ('\u{0}', '\u{1f}'),
    ('\u{7f}', '\u{9f}'),
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{6dd}', '\u{6dd}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{110bd}', '\u{110bd}'),
    ('\u{110cd}', '\u{110cd}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Is it one of them? A terminal may obey it, and who reads the text may be deceived.
pub fn is_unseen(c: char) -> bool {
    UNSEEN.iter().any(|(from, to)| (*from..=*to).contains(&c))
}

/// The first such character of a text, if it holds one.
pub(super) fn first(text: &str, joiners: Joiners) -> Option<char> {
    let joins = |c: char| joiners == Joiners::Fine && matches!(c, '\u{200c}' | '\u{200d}');
    text.chars().find(|c| is_unseen(*c) && !joins(*c))
}

/// Refuses it, and says which it is.
pub(super) fn refuse(what: &str, text: &str, joiners: Joiners) -> Result<(), String> {
    match first(text, joiners) {
        None => Ok(()),
        Some(c) => Err(format!(
            "{what} holds U+{:04X}, a character that is not seen: copy it without, or type it.",
            u32::from(c)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_found() {
        let unseen = [
            '\u{0}',
            '\u{7}',
            '\n',
            '\u{7f}',
            '\u{85}',
            '\u{9b}',
            '\u{ad}',
            '\u{61c}',
            '\u{180e}',
            '\u{200b}',
            '\u{200e}',
            '\u{200f}',
            '\u{2028}',
            '\u{2029}',
            '\u{202a}',
            '\u{202b}',
            '\u{202c}',
            '\u{202d}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{2067}',
            '\u{2068}',
            '\u{2069}',
            '\u{206f}',
            '\u{feff}',
            '\u{fff9}',
            '\u{e0001}',
            '\u{e007f}',
            '\u{3164}',
            '\u{115f}',
        ];
        for c in unseen {
            for joiners in [Joiners::Refused, Joiners::Fine] {
                assert_eq!(first(&format!("no{c}ra"), joiners), Some(c), "U+{:04X}", u32::from(c));
            }
        }
        for joiner in ['\u{200c}', '\u{200d}'] {
            assert_eq!(first(&format!("a{joiner}b"), Joiners::Refused), Some(joiner));
            assert_eq!(first(&format!("a{joiner}b"), Joiners::Fine), None);
        }
    }

    #[test]
    fn names_of_the_world_are_fine() {
        for name in
            ["Nora Field", "Zoë Åström", "李小龍", "محمد", "ניצה", "अनीता", "Владимир", "Nguyễn Thị Minh"]
        {
            assert_eq!(first(name, Joiners::Refused), None, "{name}");
        }
        for name in ["می\u{200c}خواهم", "क\u{94d}\u{200d}ष", "👩\u{200d}🚀"] {
            assert_eq!(first(name, Joiners::Fine), None, "{name}");
        }
    }
}
