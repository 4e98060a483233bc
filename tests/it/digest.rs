//! Digests over parts equal those over the whole.

use holdfast::domain::digest;
use serde_json::json;

#[test]
fn parts_give_the_digest_of_the_whole() {
    let list = vec![json!({"b": [1.0, 2.5], "a": "ü\n\""}), json!(null), json!(1e21)];
    let (text, empty): (_, Vec<u8>) = ("12", Vec::new());
    let members = [
        ("empty", digest::canonical(&empty).unwrap()),
        ("list", digest::canonical(&list).unwrap()),
        ("text", digest::canonical(&text).unwrap()),
    ];
    let whole = json!({ "text": text, "list": list, "empty": empty });
    assert_eq!(digest::of_members(&members), digest::of(&whole).unwrap());
    assert_eq!(digest::of_members(&[]), digest::of(&json!({})).unwrap());
}
