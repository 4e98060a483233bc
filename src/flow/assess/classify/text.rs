//! The text that stands for a message, in training and in serving.
//!
//! Guarantees: who is said to write and how come first, then the subject, then what was written for this message, then what is
//! quoted or forwarded, so that what is cut at the encoder's length is the end of the history; a signature says nothing of what
//! is wanted and is left out; long numbers become one sign, because which number it is says nothing either. Non-goals: finding
//! references, which reads the message itself.

use crate::domain::message::{Channel, SenderRole};
use crate::domain::payload::MessageReceived;
use crate::flow::assess::parts::{self, Kind};

/// Digits in a row from which a number is an identifier rather than a quantity.
const DIGITS_MIN: usize = 3;
/// What stands for them.
const NUMBER: char = '#';

/// The text of a message whose sender is known as `role`.
#[must_use]
pub fn of(message: &MessageReceived, role: SenderRole) -> String {
    of_parts(role, message.channel, message.subject.as_deref(), &message.body)
}

/// The text of a message's parts.
#[must_use]
pub fn of_parts(role: SenderRole, channel: Channel, subject: Option<&str>, body: &str) -> String {
    let subject = subject.map(str::trim).filter(|subject| !subject.is_empty());
    let mut text = writer(role, channel);
    if let Some(subject) = subject {
        without_numbers(subject, &mut text);
        text.push('\n');
    }
    let parts = parts::parts(body);
    let head = text.len();
    for kind in [Kind::New, Kind::Quoted] {
        for part in parts.iter().filter(|part| part.kind == kind) {
            without_numbers(body[part.range.clone()].trim(), &mut text);
            text.push('\n');
        }
    }
    if text[head..].trim().is_empty() {
        without_numbers(body, &mut text);
    }
    text.truncate(text.trim_end().len());
    text
}

/// A message as it stands, for what looks at single words: the text, and where subject and body begin in it.
#[must_use]
pub fn whole(message: &MessageReceived, role: SenderRole) -> (String, [usize; 2]) {
    let mut text = writer(role, message.channel);
    let at_subject = text.len();
    if let Some(subject) = &message.subject {
        text.push_str(subject);
        text.push('\n');
    }
    let at_body = text.len();
    text.push_str(&message.body);
    (text, [at_subject, at_body])
}

/// Who is said to write, and how.
fn writer(role: SenderRole, channel: Channel) -> String {
    format!("{} {}: ", role.name(), channel.name().replace('_', " "))
}

/// Appends `text` with every run of digits that is long enough as one sign.
fn without_numbers(text: &str, into: &mut String) {
    let mut digits = String::new();
    for character in text.chars() {
        if character.is_ascii_digit() {
            digits.push(character);
            continue;
        }
        end(&mut digits, into);
        into.push(character);
    }
    end(&mut digits, into);
}

fn end(digits: &mut String, into: &mut String) {
    if digits.len() >= DIGITS_MIN {
        into.push(NUMBER);
    } else {
        into.push_str(digits);
    }
    digits.clear();
}
