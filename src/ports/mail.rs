//! Mail as it is sent (RFC 5322 with MIME) as a message: bytes in, text that a person would see out.

use crate::domain::payload::MessageReceived;

/// Largest mail, in bytes.
pub const BYTES_MAX: usize = 10 * 1024 * 1024;
/// Longest text of a body or an attachment, in bytes; the API takes as many characters.
pub const TEXT_MAX: usize = 100_000;
/// Most attachments of one mail.
pub const ATTACHMENTS_MAX: usize = 50;

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

/// Reads mails.
pub trait MailReader: Send + Sync {
    /// The message of a mail's bytes, whatever their charset.
    ///
    /// # Errors
    /// [`MailError`], which says which bound is passed or what is missing.
    fn read(&self, bytes: &[u8]) -> Result<MessageReceived, MailError>;
}
