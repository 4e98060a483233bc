//! A text as words with their bytes: what every extractor looks at.
//!
//! Guarantees: every byte of a word is the text's; a word begins and ends with a letter, a digit or is one currency or
//! percent sign; `-`, `/`, `.`, `_`, `#`, `&` and `…` stay inside a word between two letters or digits, an apostrophe
//! between two letters (but for the elided article of `l'AF-70249`), a comma only between two digits.

/// One word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Lower case.
    pub(super) lower: String,
    /// Number of its line.
    pub(super) line: usize,
}

impl Word<'_> {
    pub(super) fn has_digit(&self) -> bool {
        self.text.bytes().any(|b| b.is_ascii_digit())
    }

    /// A mail or web address, or a part of one.
    pub(super) fn is_address(&self) -> bool {
        self.text.contains('@') || self.lower.ends_with(".example") || self.lower.starts_with("www.")
    }
}

/// The words of `text`, in order.
pub(super) fn words(text: &str) -> Vec<Word<'_>> {
    let chars: Vec<(usize, char)> = text.char_indices().collect();
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 0);
    while let Some(&(start, first)) = chars.get(at) {
        if first == '\n' {
            line += 1;
        }
        let length = match first {
            c if c.is_alphanumeric() => run(&chars[at..]),
            '$' | '€' | '£' | '¥' | '%' | '°' => 1,
            _ => 0,
        };
        if length > 0 {
            let end = chars.get(at + length).map_or(text.len(), |&(end, _)| end);
            let word = &text[start..end];
            found.push(Word { text: word, start, end, lower: word.to_lowercase(), line });
        }
        at += length.max(1);
    }
    found
}

/// Characters of the word that begins `chars`.
fn run(chars: &[(usize, char)]) -> usize {
    let at = |index: usize| chars.get(index).map_or(' ', |&(_, c)| c);
    let mut length = 1;
    loop {
        let (before, this, after) = (at(length - 1), at(length), at(length + 1));
        let joins = match this {
            c if c.is_alphanumeric() => true,
            '-' | '/' | '.' | '_' | '#' | '&' | '@' | '…' => after.is_alphanumeric() && before.is_alphanumeric(),
            '\'' | '’' => before.is_alphabetic() && after.is_alphabetic() && !elided(&chars[..length]),
            ',' => before.is_ascii_digit() && after.is_ascii_digit(),
            _ => false,
        };
        if !joins {
            return length;
        }
        length += 1;
    }
}

/// French articles and particles before an apostrophe.
fn elided(chars: &[(usize, char)]) -> bool {
    let [(_, only)] = chars else { return false };
    "ldnsjmctLDNSJMCT".contains(*only)
}
