//! What may be echoed of a text that an attacker wrote.

/// At most `max` characters, printable ASCII; others become `?`.
pub(crate) fn shown(text: &str, max: usize) -> String {
    let mut out: String =
        text.chars().take(max).map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
    if text.chars().nth(max).is_some() {
        out.push_str("...");
    }
    out
}
