//! Mail as it is sent (RFC 5322, MIME) as the message that the flow reads; over `mail-parser`.
//!
//! Guarantees: bytes are data: nothing is fetched, opened or run; any charset becomes UTF-8; what an HTML part hides from a reader's
//! eyes is left out of the text and told apart; sizes are bounded, and what is over a bound is an error that says which.
//! Non-goals: signatures of mails (SPF, DKIM, DMARC), which the gateway in front checks; attachments that are not plain text.

mod html;

use jiff::Timestamp;
use mail_parser::{Address, HeaderValue, Message, MessageParser, MimeHeaders as _, PartType};

use crate::domain::message::Channel;
use crate::domain::payload::{MessageReceived, Sender};

/// Largest mail, in bytes.
pub const BYTES_MAX: usize = 10 * 1024 * 1024;
/// Longest text of a body or an attachment, in bytes, as for messages of the API.
pub const TEXT_MAX: usize = 100_000;
/// Most attachments of one mail.
pub const ATTACHMENTS_MAX: usize = 50;

/// A mail that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Mail {
    /// The message, with the text that a person sees.
    pub message: MessageReceived,
    /// Texts that its HTML hides: never part of the message.
    pub hidden: Vec<String>,
    /// Its attachments.
    pub attachments: Vec<Attachment>,
}

/// A file in a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its file name, where it has one.
    pub name: Option<String>,
    /// Its text, where it is plain text.
    pub text: Option<String>,
}

/// Why a mail cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MailError {
    /// Too many bytes.
    #[error("the mail has {bytes} bytes, at most {BYTES_MAX} are read: send it without its attachments")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Too long a text.
    #[error("{what} has {bytes} bytes of text, at most {TEXT_MAX} are read: send an excerpt")]
    TooLong {
        /// Which text.
        what: String,
        /// Its size.
        bytes: usize,
    },
    /// Too many attachments.
    #[error("the mail has {count} attachments, at most {ATTACHMENTS_MAX} are read")]
    TooMany {
        /// How many.
        count: usize,
    },
    /// No headers, or no text.
    #[error("this is no mail that can be read: {0}")]
    NotMail(&'static str),
}

/// Reads the bytes of a mail.
///
/// # Errors
/// [`MailError`].
pub fn read(bytes: &[u8]) -> Result<Mail, MailError> {
    if bytes.len() > BYTES_MAX {
        return Err(MailError::TooLarge { bytes: bytes.len() });
    }
    let mail = MessageParser::default().parse(bytes).ok_or(MailError::NotMail("it has no headers"))?;
    let address = mail.from().and_then(Address::first).ok_or(MailError::NotMail("it has no `From`"))?;
    let (body, hidden) = body(&mail);
    let body = bounded("its body", body)?;
    if body.trim().is_empty() {
        return Err(MailError::NotMail("it has no text that a person would see"));
    }
    let message = MessageReceived {
        channel: Channel::Email,
        from: Sender {
            role: None,
            name: address.name().map(clean),
            email: address.address().map(|address| clean(address).to_lowercase()),
        },
        subject: mail.subject().map(clean),
        body,
        in_reply_to: ids(mail.in_reply_to()).into_iter().next(),
        references: ids(mail.references()),
        message_id: mail.message_id().map(bracketed),
        sent_at: mail.date().and_then(|date| Timestamp::from_second(date.to_timestamp()).ok()),
    };
    Ok(Mail { message, hidden, attachments: attachments(&mail)? })
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
        let name = part.attachment_name().map(clean);
        let text = match &part.body {
            PartType::Text(text) => {
                Some(bounded(&format!("attachment `{}`", name.as_deref().unwrap_or("without a name")), clean(text))?)
            }
            _ => None,
        };
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
        HeaderValue::Text(id) => vec![bracketed(id)],
        HeaderValue::TextList(ids) => ids.iter().map(|id| bracketed(id)).collect(),
        _ => Vec::new(),
    }
}

fn bracketed(id: &str) -> String {
    let id = clean(id);
    if id.starts_with('<') { id } else { format!("<{id}>") }
}

/// Without the characters that show nothing: NUL, zero-width, directions of writing; with plain ends of lines.
fn clean(text: &str) -> String {
    let shown = |c: &char| {
        let unseen = matches!(*c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
        !unseen && (*c == '\n' || *c == '\t' || !c.is_control())
    };
    text.chars().filter(shown).collect()
}
