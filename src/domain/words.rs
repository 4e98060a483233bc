//! Words as an index keeps them: what makes two spellings of one word equal.
//!
//! Guarantees: pure; upper and lower case, accents and the usual endings of plurals make no difference, in the five languages
//! of the contract and in names of any language of Latin script. Non-goals: meaning. A word and its translation stay two.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::message::closed_set;
use super::party::ObjectKind;

closed_set! {
    /// What a word is to the object that has it.
    WordRole {
        Address = "address",
        Domain = "domain",
        Name = "name",
        Contact = "contact",
        Description = "description",
        Supplier = "supplier",
    }
}

/// Letters that a stem keeps at most: longer words of one root differ after them.
const STEM_CHARS_MAX: usize = 8;
/// Shorter words say nothing unless they have a digit.
const WORD_CHARS_MIN: usize = 3;

/// A letter without its accent, in lower case; `None` for what belongs to no word.
fn folded(letter: char) -> Option<&'static str> {
    Some(match letter {
        'à' | 'á' | 'â' | 'ã' | 'å' | 'ā' | 'ă' | 'ą' | 'ä' => "a",
        'ç' | 'ć' | 'č' => "c",
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ę' | 'ě' => "e",
        'ì' | 'í' | 'î' | 'ï' | 'ī' => "i",
        'ł' => "l",
        'ñ' | 'ń' | 'ň' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ø' | 'ō' | 'ö' | 'ő' => "o",
        'ř' => "r",
        'ś' | 'š' | 'ş' => "s",
        'ß' => "ss",
        'ù' | 'ú' | 'û' | 'ū' | 'ü' | 'ű' => "u",
        'ý' | 'ÿ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        'æ' => "ae",
        'œ' => "oe",
        _ => return None,
    })
}

/// The stems of `text`'s words, in order, with repetition.
#[must_use]
pub fn stems(text: &str) -> Vec<String> {
    let mut lower = String::with_capacity(text.len());
    for letter in text.chars().flat_map(char::to_lowercase) {
        match folded(letter) {
            Some(plain) => lower.push_str(plain),
            None if letter.is_alphanumeric() => lower.push(letter),
            None if matches!(letter, '\'' | '’') => {}
            None => lower.push(' '),
        }
    }
    let worth = |word: &&str| word.chars().count() >= WORD_CHARS_MIN || word.bytes().any(|b| b.is_ascii_digit());
    lower.split(' ').filter(|word| !word.is_empty()).filter(worth).map(stem).collect()
}

/// A word without its plural ending; a word with a digit stays as it is.
fn stem(word: &str) -> String {
    if word.bytes().any(|b| b.is_ascii_digit()) {
        return word.to_owned();
    }
    let mut stem = word;
    for ending in ["s", "n", "e"] {
        stem = stem.strip_suffix(ending).filter(|rest| rest.chars().count() >= WORD_CHARS_MIN).unwrap_or(stem);
    }
    stem.chars().take(STEM_CHARS_MAX).collect()
}

/// What an object is found by beside its key: its people's addresses, its mail domains, the words of its name or description.
/// A member that is missing or of another type finds nothing.
#[must_use]
pub fn of_object(kind: ObjectKind, document: &Value) -> Option<Vec<(WordRole, String)>> {
    let text = |value: &Value, member: &str| value[member].as_str().map(str::to_owned);
    let list = |member: &str| document[member].as_array().map_or(&[][..], Vec::as_slice);
    let words = |role: WordRole, text: Option<String>| {
        text.map_or(Vec::new(), |text| stems(&text)).into_iter().map(move |word| (role, word))
    };
    let mut found: Vec<(WordRole, String)> = match kind {
        ObjectKind::Customer | ObjectKind::Supplier | ObjectKind::Carrier => {
            let domains = list("email_domains").iter().filter_map(Value::as_str);
            let domains = domains.map(|domain| (WordRole::Domain, domain.trim().to_lowercase()));
            let contacts = list("contacts");
            let addresses = contacts.iter().filter_map(|contact| text(contact, "email"));
            let addresses = addresses.map(|address| (WordRole::Address, address.trim().to_lowercase()));
            let people = contacts.iter().flat_map(|contact| words(WordRole::Contact, text(contact, "name")));
            domains.chain(addresses).chain(people).chain(words(WordRole::Name, text(document, "name"))).collect()
        }
        ObjectKind::Item => words(WordRole::Description, text(document, "description")).collect(),
        ObjectKind::PurchaseOrder => {
            text(document, "supplier_id").map(|supplier| (WordRole::Supplier, supplier)).into_iter().collect()
        }
        _ => return None,
    };
    found.sort();
    found.dedup();
    Some(found)
}
