//! HTML as the text that a person sees.
//!
//! Guarantees: comments, scripts, styles and what is styled away (no display, no visibility, no size) are not in the text but told
//! apart; the address of a link stays as text; quoted blocks have `>` before their lines, as in plain mail. Non-goals: layout, style
//! sheets, colours (white on white is seen).

use mail_parser::decoders::html::html_to_text;

/// What a page says.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) visible: String,
    pub(super) hidden: Vec<String>,
}

/// Elements without an end.
const VOID: [&str; 9] = ["br", "img", "hr", "input", "meta", "link", "wbr", "col", "area"];
/// Elements that begin and end a line.
const BLOCK: [&str; 19] = [
    "p",
    "div",
    "br",
    "hr",
    "tr",
    "table",
    "ul",
    "ol",
    "li",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "blockquote",
    "pre",
    "section",
    "body",
];
/// Elements whose content is never text.
const SILENT: [&str; 6] = ["script", "style", "title", "template", "noscript", "head"];
/// Styles that show nothing, without blanks.
const UNSEEN: [&str; 9] = [
    "display:none",
    "visibility:hidden",
    "font-size:0",
    "opacity:0;",
    "mso-hide:all",
    "max-height:0",
    "max-width:0",
    "height:0;",
    "width:0;",
];

struct Open {
    name: String,
    hides: bool,
    link: Option<String>,
}

/// The text of a page.
pub(super) fn text(html: &str) -> Seen {
    let mut page = Page::default();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        page.say(&rest[..at]);
        rest = &rest[at..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            let end = comment.find("-->").unwrap_or(comment.len());
            page.seen.hidden.push(comment[..end].trim().to_owned());
            rest = comment.get(end + 3..).unwrap_or_default();
            continue;
        }
        let end = tag_end(rest);
        page.tag(&rest[1..end]);
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    page.say(rest);
    page.seen
}

/// Where the tag that begins `text` ends: a `>` in quotes is an attribute's.
fn tag_end(text: &str) -> usize {
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return at,
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
    }
    text.find('>').unwrap_or(text.len())
}

#[derive(Default)]
struct Page {
    seen: Seen,
    open: Vec<Open>,
    quotes: usize,
}

impl Page {
    fn say(&mut self, raw: &str) {
        if raw.is_empty() || self.open.iter().any(|open| SILENT.contains(&open.name.as_str())) {
            return;
        }
        let blank = |c: Option<char>| c.is_some_and(char::is_whitespace);
        let text = html_to_text(raw);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if self.open.iter().any(|open| open.hides) {
            self.seen.hidden.extend(Some(text).filter(|text| !text.is_empty()));
            return;
        }
        let visible = &mut self.seen.visible;
        let starts = visible.is_empty() || visible.ends_with(['\n', ' ']);
        if !starts && (blank(raw.chars().next()) || text.is_empty()) {
            visible.push(' ');
        }
        if visible.is_empty() || visible.ends_with('\n') {
            visible.push_str(&"> ".repeat(if text.is_empty() { 0 } else { self.quotes }));
        }
        visible.push_str(&text);
        if !text.is_empty() && blank(raw.chars().next_back()) {
            visible.push(' ');
        }
    }

    fn line(&mut self) {
        let kept = self.seen.visible.trim_end_matches(' ').len();
        self.seen.visible.truncate(kept);
        if !self.seen.visible.is_empty() && !self.seen.visible.ends_with("\n\n") {
            self.seen.visible.push('\n');
        }
    }

    fn tag(&mut self, tag: &str) {
        let ends = tag.starts_with('/');
        let inner = tag.trim_start_matches('/');
        let name: String = inner.chars().take_while(|c| c.is_ascii_alphanumeric()).collect::<String>().to_lowercase();
        if BLOCK.contains(&name.as_str()) {
            self.line();
        }
        if ends {
            self.close(&name);
        } else if !VOID.contains(&name.as_str()) && !name.is_empty() && !tag.ends_with('/') {
            self.quotes += usize::from(name == "blockquote");
            let link = attribute(inner, "href").filter(|href| name == "a" && !href.starts_with(['#', '?']));
            self.open.push(Open { hides: hides(inner), link, name });
        }
    }

    fn close(&mut self, name: &str) {
        let Some(at) = self.open.iter().rposition(|open| open.name == name) else { return };
        let hidden = self.open.iter().any(|open| open.hides);
        self.quotes -= self.open[at..].iter().filter(|open| open.name == "blockquote").count();
        let links: Vec<String> = self.open.drain(at..).filter_map(|open| open.link).collect();
        for link in links {
            if !hidden && !self.seen.visible.ends_with(&link) {
                self.say(&format!(" ({link})"));
            }
        }
    }
}

fn hides(tag: &str) -> bool {
    let style = attribute(tag, "style").unwrap_or_default().to_lowercase();
    let style: String = style.chars().filter(|c| !c.is_whitespace()).chain([';']).collect();
    let named = tag.split_whitespace().skip(1).any(|word| word.eq_ignore_ascii_case("hidden"));
    let zero = |sign: &str| style.contains(sign) && !style.contains(&format!("{sign}."));
    named || UNSEEN.iter().any(|sign| zero(sign))
}

/// The value of an attribute of a tag.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let lower = tag.to_ascii_lowercase();
    let at = lower.match_indices(name).map(|(at, _)| at).find(|&at| {
        let before = lower[..at].chars().next_back();
        before.is_some_and(char::is_whitespace) && lower[at + name.len()..].trim_start().starts_with('=')
    })?;
    let value = tag[at + name.len()..].trim_start().strip_prefix('=')?.trim_start();
    let end = |close: &[char]| value[1..].find(close).map(|end| value[1..=end].to_owned());
    match value.chars().next()? {
        '"' => end(&['"']),
        '\'' => end(&['\'']),
        _ => value.split([' ', '>', '\n']).next().map(str::to_owned),
    }
}
