//! Mail as it is sent (RFC 5322, MIME) as the message that the flow reads; over `mail-parser`.
//!
//! Guarantees: bytes are data: nothing is fetched, opened or run; any charset becomes UTF-8; what an HTML part hides from a reader's
//! eyes is left out of the text and told apart; sizes are bounded, and what is over a bound is an error that says which.
//! Non-goals: signatures of mails (SPF, DKIM, DMARC), which the gateway in front checks; attachments that are not plain text.

mod html;

use jiff::Timestamp;
use mail_parser::{Address, HeaderValue, Message, MessageParser, MimeHeaders as _, PartType};

use crate::domain::message::Channel;
use crate::domain::payload::{Attachment, MessageReceived, Sender};
use crate::ports::mail::{ATTACHMENTS_MAX, BYTES_MAX, MailError, MailReader, TEXT_MAX};

/// The reader over `mail-parser`.
#[derive(Clone, Copy, Debug, Default)]
pub struct MimeReader;

impl MailReader for MimeReader {
    fn read(&self, bytes: &[u8]) -> Result<MessageReceived, MailError> {
        read(bytes)
    }
}

/// Longest subject and longest name or address, in characters, as for messages of the API; what is longer is cut.
const SUBJECT_MAX: usize = 1000;
const NAME_MAX: usize = 320;
/// Longest Message-ID, in bytes; a longer one is none.
const ID_MAX: usize = 998;
/// Most Message-IDs of a thread; the latest are kept.
const REFERENCES_MAX: usize = 100;

/// Reads the bytes of a mail.
///
/// # Errors
/// [`MailError`].
pub fn read(bytes: &[u8]) -> Result<MessageReceived, MailError> {
    if bytes.len() > BYTES_MAX {
        return Err(MailError::TooLarge { bytes: bytes.len() });
    }
    let mail = MessageParser::default().parse(bytes).ok_or(MailError::NotMail("it has no headers"))?;
    let address = mail.from().and_then(Address::first).ok_or(MailError::NotMail("it has no `From`"))?;
    let (own, hidden) = body(&mail);
    // A mail that only forwards another says what that one says.
    let text = if own.is_empty() { forwards(&mail) } else { own };
    let body = bounded("its body", text)?;
    if body.trim().is_empty() {
        return Err(MailError::NotMail("it has no text that a person would see"));
    }
    let mut references = ids(mail.references());
    references.drain(..references.len().saturating_sub(REFERENCES_MAX));
    Ok(MessageReceived {
        channel: Channel::Email,
        from: Sender {
            role: None,
            name: address.name().map(|name| cut(name, NAME_MAX)),
            email: address.address().map(|address| cut(address, NAME_MAX).to_lowercase()),
        },
        subject: mail.subject().map(|subject| cut(subject, SUBJECT_MAX)),
        body,
        in_reply_to: ids(mail.in_reply_to()).into_iter().next(),
        references,
        message_id: mail.message_id().and_then(bracketed),
        sent_at: mail.date().and_then(|date| Timestamp::from_second(date.to_timestamp()).ok()),
        attachments: attachments(&mail)?,
        hidden: bounded("what its HTML hides", hidden.join("\n")).map(|_| hidden)?,
    })
}

/// The mails that a mail forwards as attachments, with the lines that say whose they are.
fn forwards(mail: &Message<'_>) -> String {
    let forwarded = mail.attachments().filter_map(|part| match &part.body {
        PartType::Message(inner) => Some(inner),
        _ => None,
    });
    let texts = forwarded.map(|inner| {
        let from = inner.from().and_then(Address::first);
        let name = from.and_then(|from| from.name().or_else(|| from.address())).unwrap_or("unknown");
        let subject = inner.subject().unwrap_or("(no subject)");
        let (name, subject) = (cut(name, NAME_MAX), cut(subject, SUBJECT_MAX));
        format!("---------- Forwarded message ---------\nFrom: {name}\nSubject: {subject}\n\n{}", body(inner).0)
    });
    texts.collect::<Vec<_>>().join("\n\n")
}

/// The text that a person sees, and what the HTML hides. Plain text is taken where the sender gave any.
fn body(mail: &Message<'_>) -> (String, Vec<String>) {
    let (mut texts, mut hidden) = (Vec::new(), Vec::new());
    for part in mail.text_bodies() {
        match &part.body {
            PartType::Text(text) => texts.push(clean(text)),
            PartType::Html(html) => {
                let seen = html::text(html);
                texts.push(clean(&seen.visible));
                hidden.extend(seen.hidden.iter().map(|text| clean(text)));
            }
            _ => {}
        }
    }
    // What stands in the HTML beside a plain text is not read, but what it hides is told.
    // A mail of HTML alone has it in both lists.
    let beside = mail.html_body.iter().filter(|id| !mail.text_body.contains(id));
    for part in beside.filter_map(|id| mail.parts.get(*id as usize)) {
        if let PartType::Html(html) = &part.body {
            hidden.extend(html::text(html).hidden.iter().map(|text| clean(text)));
        }
    }
    hidden.retain(|text| !text.trim().is_empty());
    hidden.sort();
    hidden.dedup();
    (texts.join("\n\n").trim().to_owned(), hidden)
}

fn attachments(mail: &Message<'_>) -> Result<Vec<Attachment>, MailError> {
    let count = mail.attachment_count();
    if count > ATTACHMENTS_MAX {
        return Err(MailError::TooMany { count });
    }
    let attachment = |part: &mail_parser::MessagePart<'_>| {
        let of_mail = |inner: &Message<'_>| inner.subject().map(|subject| cut(subject, SUBJECT_MAX));
        let (name, text) = match &part.body {
            PartType::Text(text) => (None, Some(clean(text))),
            PartType::Message(inner) => (of_mail(inner), Some(body(inner).0)),
            _ => (None, None),
        };
        let name = part.attachment_name().map(|name| cut(name, NAME_MAX)).or(name);
        let called = format!("attachment `{}`", name.as_deref().unwrap_or("without a name"));
        let text = text.map(|text| bounded(&called, text)).transpose()?;
        Ok(Attachment { name, text })
    };
    mail.attachments().map(attachment).collect()
}

fn bounded(what: &str, text: String) -> Result<String, MailError> {
    if text.len() > TEXT_MAX {
        return Err(MailError::TooLong { what: what.to_owned(), bytes: text.len() });
    }
    Ok(text)
}

/// Message-IDs with their brackets, as headers of replies name them.
fn ids(value: &HeaderValue<'_>) -> Vec<String> {
    match value {
        HeaderValue::Text(id) => bracketed(id).into_iter().collect(),
        HeaderValue::TextList(ids) => ids.iter().filter_map(|id| bracketed(id)).collect(),
        _ => Vec::new(),
    }
}

/// One Message-ID; one that is too long is none.
fn bracketed(id: &str) -> Option<String> {
    let id = clean(id);
    let id = if id.starts_with('<') { id } else { format!("<{id}>") };
    (id.len() <= ID_MAX).then_some(id)
}

/// The first characters of a header's text, on one line.
fn cut(text: &str, characters: usize) -> String {
    clean(text).replace('\n', " ").chars().take(characters).collect()
}

/// Without the characters that show nothing: NUL, zero-width, directions of writing; with plain ends of lines.
fn clean(text: &str) -> String {
    let shown = |c: &char| {
        let unseen = matches!(*c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
        !unseen && (*c == '\n' || *c == '\t' || !c.is_control())
    };
    text.chars().filter(shown).collect()
}
