//! Whether a ship-to address can be delivered to, as far as its text shows.

/// Whether `address` has at least three parts, one of them a street (letters and a number) and another with a postal code
/// (a word that has a digit, at least two digits in the part).
pub(super) fn is_complete(address: &str) -> bool {
    let parts: Vec<&str> = address.split([',', ';', '\n']).map(str::trim).filter(|part| !part.is_empty()).collect();
    let digits = |part: &str| part.chars().filter(char::is_ascii_digit).count();
    let is_street = |part: &str| digits(part) > 0 && part.chars().filter(|c| c.is_alphabetic()).count() > 2;
    let Some(street) = parts.iter().position(|part| is_street(part)) else { return false };
    let postal = parts.iter().enumerate().any(|(at, part)| at != street && digits(part) >= 2);
    parts.len() >= 3 && postal
}
