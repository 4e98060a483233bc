//! Parts of a message's body: what its sender wrote now, what is quoted or forwarded, and the signature, in English,
//! German, Spanish, French and Dutch.
//!
//! Guarantees: the parts are byte ranges of the body, in order, and cover it whole, so spans stay the text's own; a pure
//! function. Non-goals: whose words a quotation really is: a forward's content is the claim of whom it names.

use std::ops::Range;

/// What a part of a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Written by the sender for this message.
    New,
    /// Earlier messages of the thread, or what somebody forwards.
    Quoted,
    /// Greeting's end, name, address, disclaimer.
    Signature,
}

/// A part of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub kind: Kind,
    /// Bytes of the body.
    pub range: Range<usize>,
    /// Whom a quotation names as its author, as written.
    pub author: Option<String>,
}

/// Lines of a signature after its opening; a longer tail is text.
const SIGNATURE_LINES_MAX: usize = 8;
/// Longest line that may open a signature, in characters.
const CLOSING_CHARS_MAX: usize = 48;

/// Words between dashes that open an earlier message.
const SEPARATORS: [&str; 20] = [
    "original message",
    "original",
    "forwarded message",
    "forwarded",
    "begin forwarded message",
    "ursprüngliche nachricht",
    "originalnachricht",
    "weitergeleitete nachricht",
    "weitergeleitet",
    "mensaje original",
    "mensaje reenviado",
    "reenviado",
    "message d'origine",
    "message original",
    "message transféré",
    "transféré",
    "oorspronkelijk bericht",
    "doorgestuurd bericht",
    "doorgestuurd",
    "anfang der weitergeleiteten nachricht",
];
/// What an attribution line says of the author before its colon.
const WROTE: [&str; 5] = ["wrote", "schrieb", "escribió", "a écrit", "schreef"];
/// How an attribution line begins where its verb stands first (`Am 8. Mai schrieb …:`) or last.
const ON: [&str; 6] = ["on ", "am ", "el ", "le ", "op ", "il "];
const FROM: [&str; 6] = ["from", "von", "de", "van", "desde", "expéditeur"];
const HEADER: [&str; 25] = [
    "from",
    "von",
    "de",
    "van",
    "sent",
    "date",
    "to",
    "cc",
    "subject",
    "gesendet",
    "datum",
    "an",
    "betreff",
    "enviado",
    "fecha",
    "para",
    "asunto",
    "envoyé",
    "à",
    "objet",
    "verzonden",
    "aan",
    "onderwerp",
    "reply-to",
    "expéditeur",
];
/// How a line begins that closes a message.
const CLOSINGS: [&str; 44] = [
    "best",
    "best regards",
    "kind regards",
    "regards",
    "warm regards",
    "rgds",
    "cheers",
    "thanks",
    "many thanks",
    "thank you",
    "sincerely",
    "yours",
    "yours sincerely",
    "yours faithfully",
    "respectfully",
    "mit freundlichen grüßen",
    "mit freundlichem gruß",
    "freundliche grüße",
    "viele grüße",
    "beste grüße",
    "schöne grüße",
    "liebe grüße",
    "grüße",
    "gruß",
    "mfg",
    "vg",
    "danke",
    "saludos",
    "un saludo",
    "saludos cordiales",
    "atentamente",
    "gracias",
    "cordialement",
    "bien à vous",
    "bien cordialement",
    "merci",
    "salutations",
    "met vriendelijke groet",
    "met vriendelijke groeten",
    "vriendelijke groeten",
    "groeten",
    "groet",
    "mvg",
    "bedankt",
];
/// How a disclaimer begins.
const DISCLAIMERS: [&str; 8] = [
    "this e-mail and any",
    "this email and any",
    "this message and any",
    "the information contained in this",
    "diese e-mail enthält",
    "este mensaje y",
    "ce message et",
    "dit bericht en",
];

struct Line<'a> {
    start: usize,
    /// One past its line feed.
    end: usize,
    text: &'a str,
    lower: String,
}

/// The parts of `body`, in order.
#[must_use]
pub fn parts(body: &str) -> Vec<Part> {
    let lines = lines(body);
    let mut found: Vec<Part> = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let (kind, next, author) = part_at(&lines, at);
        let range = lines[at].start..lines[next - 1].end;
        match found.last_mut() {
            Some(last) if last.kind == kind && (author.is_none() || last.author == author) => {
                last.range.end = range.end
            }
            _ => found.push(Part { kind, range, author }),
        }
        at = next;
    }
    sign(body, &mut found);
    found
}

/// What the sender wrote for this message, without quotations and signature; a forward without words of its own is its content.
#[must_use]
pub fn own(body: &str) -> String {
    let parts = parts(body);
    let of = |kind: Kind| -> String {
        let texts = parts.iter().filter(|part| part.kind == kind).map(|part| body[part.range.clone()].trim());
        texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
    };
    Some(of(Kind::New)).filter(|text| text.chars().any(char::is_alphanumeric)).unwrap_or_else(|| of(Kind::Quoted))
}

fn lines(body: &str) -> Vec<Line<'_>> {
    let mut start = 0;
    let line = |text: &str| -> (usize, usize) {
        let range = (start, start + text.len());
        start = range.1;
        range
    };
    let ranges: Vec<(usize, usize)> = body.split_inclusive('\n').map(line).collect();
    let of = |(start, end): (usize, usize)| {
        let text = body[start..end].trim();
        Line { start, end, text, lower: text.to_lowercase() }
    };
    ranges.into_iter().map(of).collect()
}

/// The kind of the part that begins at line `at`, the line after it, and a quotation's author.
fn part_at(lines: &[Line<'_>], at: usize) -> (Kind, usize, Option<String>) {
    let is_quoted = |line: &Line<'_>| line.text.starts_with('>');
    if is_quoted(&lines[at]) {
        let next = (at..lines.len()).find(|&index| !is_quoted(&lines[index])).unwrap_or(lines.len());
        let author = lines[at..next].iter().find_map(|line| author(line.text.trim_start_matches(['>', ' '])));
        return (Kind::Quoted, next, author);
    }
    if let Some(next) = attribution(lines, at) {
        let after = (next..lines.len()).find(|&index| !lines[index].text.is_empty());
        let marked = after.is_some_and(|index| is_quoted(&lines[index]));
        let author = author(&lines[at..next].iter().map(|line| line.text).collect::<Vec<_>>().join(" "));
        // Where the earlier message is marked line by line, what is not marked is new.
        return (Kind::Quoted, if marked { next } else { lines.len() }, author);
    }
    if is_separator(&lines[at].lower) || is_header(lines, at) {
        let author = lines[at..].iter().take(4).find_map(|line| author(line.text));
        return (Kind::Quoted, lines.len(), author);
    }
    (Kind::New, at + 1, None)
}

/// `---- forwarded ----`, `Begin forwarded message:`.
fn is_separator(lower: &str) -> bool {
    let plain = lower.trim_matches(|c: char| c.is_whitespace() || "-_=*:–—".contains(c));
    let dressed =
        lower.starts_with(['-', '_', '=', '*']) || lower.starts_with("begin ") || lower.starts_with("anfang ");
    dressed && SEPARATORS.contains(&plain)
}

/// The line after an attribution that begins at line `at`: it may be broken over two lines.
fn attribution(lines: &[Line<'_>], at: usize) -> Option<usize> {
    let says = |lower: &str| {
        let wrote = WROTE.iter().any(|verb| lower.contains(verb));
        wrote
            && lower.ends_with(':')
            && (ON.iter().any(|on| lower.starts_with(on)) || lower.split_whitespace().count() <= 6)
    };
    if says(&lines[at].lower) {
        return Some(at + 1);
    }
    let next = lines.get(at + 1)?;
    let opens = ON.iter().any(|on| lines[at].lower.starts_with(on));
    (opens && !next.text.is_empty() && says(&format!("{} {}", lines[at].lower, next.lower))).then_some(at + 2)
}

/// A sender's line with another header line, or a blank line's worth, right behind it.
fn is_header(lines: &[Line<'_>], at: usize) -> bool {
    let name = |line: &Line<'_>| line.lower.split_once(':').map(|(name, _)| name.trim().to_owned());
    let is_from = name(&lines[at]).is_some_and(|name| FROM.contains(&name.as_str()));
    let follows = lines.get(at + 1).and_then(name).is_some_and(|name| HEADER.contains(&name.as_str()));
    is_from && follows
}

/// The name after `From:`, or before `wrote:`.
fn author(text: &str) -> Option<String> {
    if let Some((name, rest)) = text.split_once(':')
        && FROM.contains(&name.trim().to_lowercase().as_str())
    {
        return Some(rest.trim().to_owned()).filter(|rest| !rest.is_empty());
    }
    let verb = WROTE.iter().find(|verb| text.contains(*verb))?;
    let (before, after) = text.split_once(verb)?;
    let after = after.trim_matches([':', ' ']);
    let named = if after.chars().any(char::is_alphabetic) && !after.starts_with("on ") {
        after
    } else {
        before.rsplit([',', ')']).next().unwrap_or(before)
    };
    Some(named.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Splits the signature off the last part that is new.
fn sign(body: &str, parts: &mut Vec<Part>) {
    let Some(index) = parts.iter().rposition(|part| part.kind == Kind::New) else { return };
    let range = parts[index].range.clone();
    let Some(at) = signature(&body[range.clone()]).map(|at| range.start + at) else { return };
    parts[index].range.end = at;
    parts.insert(index + 1, Part { kind: Kind::Signature, range: at..range.end, author: None });
    parts.retain(|part| !part.range.is_empty());
}

/// The byte at which the signature of a text begins.
fn signature(text: &str) -> Option<usize> {
    let lines = lines(text);
    let filled = |from: usize| lines[from..].iter().filter(|line| !line.text.is_empty()).count();
    let opens = |index: &usize| {
        let line = &lines[*index];
        let plain = line.lower.trim_end_matches(|c: char| !c.is_alphanumeric());
        let closing = line.text.chars().count() <= CLOSING_CHARS_MAX
            && CLOSINGS.iter().any(|closing| plain == *closing || line.lower.starts_with(&format!("{closing},")));
        let dashes = line.text == "--" || line.text == "__";
        let disclaimer = DISCLAIMERS.iter().any(|disclaimer| line.lower.starts_with(disclaimer));
        *index > 0 && (dashes || disclaimer || (closing && filled(*index) <= SIGNATURE_LINES_MAX))
    };
    (0..lines.len()).find(opens).map(|index| lines[index].start)
}
