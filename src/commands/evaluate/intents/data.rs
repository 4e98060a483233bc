//! Labelled texts in tab-separated files, plain or gzip: a label, a tab and a text in every line.
//!
//! Guarantees: blank lines, byte order marks, carriage returns and bytes that are no UTF-8 are borne; a heading that names its
//! columns is heard and not taken for a text; a line that is neither is an error that names it. Non-goals: quoting, which
//! such files do not have.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use flate2::read::MultiGzDecoder;

/// How files name the column of labels.
const LABELS: [&str; 5] = ["label", "intent", "class", "category", "target"];
/// How files name the column of texts.
const TEXTS: [&str; 6] = ["text", "sentence", "utterance", "query", "question", "message"];

/// A text with its label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Labelled {
    pub(super) label: String,
    pub(super) text: String,
}

/// The rows of a file that have label and text.
pub(super) fn labelled(path: &Path) -> Result<Vec<Labelled>> {
    let content = content(path)?;
    let mut rows = Vec::new();
    let mut turned = false;
    for (index, line) in lines(&content) {
        let Some((first, second)) = line.split_once('\t') else {
            bail!("`{}` line {}: give a label, a tab and a text", path.display(), index + 1);
        };
        let (first, second) = (first.trim(), second.trim());
        let names = |name: &str, known: &[&str]| known.contains(&name.to_lowercase().as_str());
        if rows.is_empty() && names(first, &LABELS) && names(second, &TEXTS) {
            continue;
        }
        if rows.is_empty() && names(first, &TEXTS) && names(second, &LABELS) {
            turned = true;
            continue;
        }
        let (label, text) = if turned { (second, first) } else { (first, second) };
        if !label.is_empty() && !text.is_empty() {
            rows.push(Labelled { label: label.to_owned(), text: text.to_owned() });
        }
    }
    if rows.is_empty() {
        bail!("`{}` has no row with label and text", path.display());
    }
    Ok(rows)
}

/// The texts of a file, with a label before each or alone in their lines.
pub(super) fn texts(path: &Path) -> Result<Vec<String>> {
    let content = content(path)?;
    let text = |(_, line): (usize, &str)| line.split_once('\t').map_or(line, |(_, text)| text).trim().to_owned();
    Ok(lines(&content).map(text).filter(|text| !text.is_empty()).collect())
}

fn lines(content: &str) -> impl Iterator<Item = (usize, &str)> {
    content.lines().enumerate().filter(|(_, line)| !line.trim().is_empty())
}

fn content(path: &Path) -> Result<String> {
    let name = path.display();
    let file = File::open(path).with_context(|| format!("`{name}` cannot be opened"))?;
    let packed = path.extension().is_some_and(|extension| extension == "gz");
    let mut source: Box<dyn Read> = if packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    let mut bytes = Vec::new();
    source.read_to_end(&mut bytes).with_context(|| format!("`{name}` cannot be read"))?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())
}
