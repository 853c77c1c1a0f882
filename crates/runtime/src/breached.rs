//! Where breached passwords are looked up: a service with the range API of Have I Been Pwned, or the file
//! that its downloader makes.

use crate::config::BreachedList;
use async_trait::async_trait;
use countersign_issuer::port::{BreachedPasswords, Call, CallMethod, Egress, Unreached};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Digits of a hash in hex.
const HASH: usize = 40;
/// Longest line of the file, in bytes: a hash, a colon, a number.
const LINE: u64 = 80;
/// Bytes read of one range: a thousand lines and more.
const RANGE: u64 = 1 << 20;

/// The list that the settings name.
pub(crate) fn list(settings: &BreachedList, egress: &Arc<dyn Egress>) -> Option<Arc<dyn BreachedPasswords>> {
    match settings {
        BreachedList::Off => None,
        BreachedList::Api(url) => Some(Arc::new(Service { url: url.clone(), egress: egress.clone() })),
        BreachedList::File(path) => Some(Arc::new(Sorted(path.clone()))),
    }
}

struct Service {
    url: String,
    egress: Arc<dyn Egress>,
}

#[async_trait]
impl BreachedPasswords for Service {
    async fn range(&self, prefix: &str) -> Result<String, Unreached> {
        let call = Call {
            method: CallMethod::Get,
            url: format!("{}/range/{prefix}", self.url),
            // Answers of one length: who listens cannot tell ranges apart.
            headers: vec![
                ("add-padding".into(), "true".to_owned()),
                ("user-agent".into(), "countersign".to_owned()),
            ],
            body: Vec::new(),
        };
        let answer = self.egress.call(call).await?;
        if answer.status != 200 {
            return Err(Unreached(format!("the list of breached passwords answers {}", answer.status)));
        }
        String::from_utf8(answer.body).map_err(|_| Unreached("the list answers no text".to_owned()))
    }
}

/// `HASH:COUNT` a line, ordered by hash.
struct Sorted(PathBuf);

#[async_trait]
impl BreachedPasswords for Sorted {
    async fn range(&self, prefix: &str) -> Result<String, Unreached> {
        let (path, prefix) = (self.0.clone(), prefix.to_ascii_uppercase());
        let read = tokio::task::spawn_blocking(move || range(&path, &prefix)).await;
        let read = read.map_err(|e| Unreached(e.to_string()))?;
        read.map_err(|e| Unreached(format!("the list of breached passwords cannot be read: {e}")))
    }
}

fn range(path: &Path, prefix: &str) -> std::io::Result<String> {
    let mut file = BufReader::new(File::open(path)?);
    let (mut low, mut high) = (0, file.get_ref().metadata()?.len());
    // The first line that is not before the prefix begins behind `low`.
    while high - low > LINE {
        let middle = low + (high - low) / 2;
        match line_after(&mut file, middle)? {
            Some(line) if line.to_ascii_uppercase().as_str() < prefix => low = middle,
            _ => high = middle,
        }
    }
    file.seek(SeekFrom::Start(low))?;
    let mut out = String::new();
    let mut lines = file.take(RANGE).lines();
    if low > 0 {
        // Within a line.
        lines.next();
    }
    for line in lines {
        let line = line?.to_ascii_uppercase();
        match line.strip_prefix(prefix) {
            Some(rest) if line.len() > HASH => out.extend([rest, "\n"]),
            Some(_) => {}
            None if line.as_str() > prefix => break,
            None => {}
        }
    }
    Ok(out)
}

/// The first whole line behind this place.
fn line_after(file: &mut BufReader<File>, place: u64) -> std::io::Result<Option<String>> {
    file.seek(SeekFrom::Start(place))?;
    let mut lines = file.by_ref().take(2 * LINE).lines();
    lines.next();
    lines.next().transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_of_a_sorted_file_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.txt");
        // 3,000 hashes that follow each other, some ranges with several, ends of lines of both kinds.
        let hash = |n: u32| format!("{:05X}{:035X}", n / 3, n);
        for end in ["\n", "\r\n"] {
            let text: String = (300..3300).map(|n| format!("{}:{}{end}", hash(n), n % 7)).collect();
            std::fs::write(&path, text).unwrap();
            for n in [300, 301, 1500, 3297, 3299] {
                let found = range(&path, &hash(n)[..5]).unwrap();
                let due: Vec<_> =
                    (n / 3 * 3..n / 3 * 3 + 3).map(|m| format!("{}:{}", &hash(m)[5..], m % 7)).collect();
                assert_eq!(found.lines().collect::<Vec<_>>(), due, "{n}");
            }
            for none in ["00000", "00063", "FFFFF"] {
                assert_eq!(range(&path, none).unwrap(), "", "{none}");
            }
        }
        std::fs::write(&path, "").unwrap();
        assert_eq!(range(&path, "00100").unwrap(), "");
        assert!(range(&folder.path().join("none"), "00100").is_err());
    }
}
