//! The link model as the flow sees it: features of candidates and of a message to probabilities.

/// Names of a candidate's features, in their order.
pub const FEATURES: [&str; 39] = [
    "reference",
    "reference_quoted",
    "reference_further",
    "reference_near",
    "thread",
    "another_referenced",
    "one_of_several_referenced",
    "own",
    "another_partys",
    "reference_of_stranger",
    "named",
    "another_named",
    "item_words",
    "item_words_lead",
    "item_words_only_here",
    "item_number",
    "quantity",
    "quantity_only_here",
    "quantity_of_described_item",
    "amount",
    "date",
    "date_near",
    "place",
    "place_only_here",
    "case_open",
    "case_fits",
    "case_fits_only_here",
    "status_fits",
    "newest",
    "purchase_order",
    "reference_short",
    "item_number_of_others",
    "item_rivals",
    "status",
    "live",
    "live_only_one",
    "age",
    "due_in",
    "lines",
];

/// Names of a message's features, in their order.
pub const MESSAGE: [&str; 28] = [
    "candidates",
    "sender_verified",
    "sender_domain",
    "sender_internal",
    "sender_unknown",
    "unknown_references",
    "several",
    "referenced",
    "irrelevant",
    "words",
    "without_reference",
    "parties_named",
    "sender_stranger",
    "sender_without_address",
    "own_live",
    "with_quantity_of_described_item",
    "with_item_words",
    "live_with_item_words",
    "about_supply",
    "about_carriage",
    "about_claim",
    "about_status",
    "about_change",
    "about_price",
    "about_payment",
    "about_documents",
    "about_integration",
    "about_approval",
];

/// Ranks the candidates of a message.
pub trait LinkRanker: Send + Sync {
    /// The probability of each candidate (a row of [`FEATURES`]; the message's are [`MESSAGE`]) that the message belongs there; that of the most probable one is calibrated.
    fn rank(&self, candidates: &[Vec<f64>], message: &[f64]) -> Vec<f64>;

    /// From this probability on, at most the stated share of what is attached without a person is wrong.
    fn bound(&self) -> f64;

    /// `name/version`.
    fn version(&self) -> String;
}
