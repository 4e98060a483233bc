//! Inbound messages: closed sets of intents, entities, channels, roles and trust, and what reading one yields.
//!
//! Guarantee: text never acts. A [`Reading`] names labels, spans and links; nothing in it can choose an action, a target
//! or an approver, and what it holds of the text is [`Untrusted`].

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::event::EventRef;
use super::ids::{CaseId, MessageId};
use super::payload::MessageReceived;
use super::untrusted::Untrusted;

// A wire name is a `tt`, not a `literal`: only so do derives see the text in `rename`.
macro_rules! closed_set {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $wire:tt),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[expect(missing_docs, reason = "names are the contract's")]
        pub enum $name { $(#[serde(rename = $wire)] $variant),+ }

        impl $name {
            /// Every member, in the contract's order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name on the wire.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $wire),+ }
            }

            /// The member of a wire name.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                match name { $($wire => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}
pub(crate) use closed_set;

closed_set! {
    /// What a message wants (24).
    Intent {
        OrderStatus = "order_status",
        ExpediteRequest = "expedite_request",
        PostponeRequest = "postpone_request",
        QuantityChange = "quantity_change",
        ItemChange = "item_change",
        CancelRequest = "cancel_request",
        ShipToChange = "ship_to_change",
        BackorderResponse = "backorder_response",
        PriceDispute = "price_dispute",
        PaymentNotice = "payment_notice",
        CreditRequest = "credit_request",
        InvoiceQuery = "invoice_query",
        DeliveryClaim = "delivery_claim",
        DocumentRequest = "document_request",
        SupplyDelay = "supply_delay",
        SupplyShortage = "supply_shortage",
        SupplyConfirmation = "supply_confirmation",
        CostChange = "cost_change",
        PickupFailure = "pickup_failure",
        TransitDelay = "transit_delay",
        DeliveryFailure = "delivery_failure",
        IntegrationFailure = "integration_failure",
        ApprovalReply = "approval_reply",
        Irrelevant = "irrelevant",
    }
}

closed_set! {
    /// Typed values that are found in text.
    EntityType {
        OrderNo = "order_no",
        PoNumber = "po_number",
        PurchaseOrderNo = "purchase_order_no",
        Sku = "sku",
        Quantity = "quantity",
        Date = "date",
        TrackingNumber = "tracking_number",
        InvoiceNumber = "invoice_number",
        Amount = "amount",
    }
}

closed_set! {
    /// How a message came in.
    Channel {
        Email = "email",
        Portal = "portal",
        PhoneNote = "phone_note",
        EdiNotice = "edi_notice",
        Chat = "chat",
    }
}

closed_set! {
    /// What the sender is to us.
    SenderRole {
        Customer = "customer",
        Supplier = "supplier",
        Carrier = "carrier",
        Internal = "internal",
        Unknown = "unknown",
    }
}

closed_set! {
    /// How far the sender's identity is known.
    Trust {
        VerifiedContact = "verified_contact",
        KnownDomain = "known_domain",
        InternalForward = "internal_forward",
        Unknown = "unknown",
    }
}

/// A typed value with the bytes it was read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Entity {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: EntityType,
    /// The text as written.
    pub text: String,
    /// Normalised value: ids upper-cased without spaces, dates ISO 8601, numbers plain; `None` when ambiguous.
    pub value: Option<String>,
    /// Where it stands.
    pub span: Span,
    /// The one known number that it is short for or misspells, offered to a person; the text stays as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meant: Option<String>,
}

/// Byte range in a message's subject or body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Span {
    /// Which text.
    pub part: Part,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// The texts of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "names say it")]
pub enum Part {
    Subject,
    Body,
}

/// An intent with its calibrated probability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "names say it")]
pub struct ScoredIntent {
    pub intent: Intent,
    pub probability: f64,
}

/// Why a candidate was linked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "clue", rename_all = "snake_case")]
pub enum Clue {
    /// A reference in the text is the order's.
    Reference {
        /// Type of the reference.
        entity: EntityType,
        /// The normalised value.
        value: String,
    },
    /// It answers a message that was attached there.
    Thread,
    /// The sender belongs to the order's customer, carrier or supplier.
    Sender,
    /// An item of the order is named.
    Item {
        /// The item.
        sku: String,
    },
    /// A reference in the text is the order's but for one character, or but for what stands in front of its number.
    NearReference {
        /// The order's reference.
        value: String,
    },
    /// Words of the text describe an item of the order.
    Words {
        /// The item.
        sku: String,
        /// The words, as stems.
        words: Vec<String>,
    },
    /// The text names the party that the order belongs to, by its name or by one of its people's.
    Name {
        /// The words, as stems.
        words: Vec<String>,
    },
    /// The text names a quantity of the order.
    Quantity {
        /// The number.
        value: String,
    },
    /// The text names a price, a line's value or the value of the order.
    Amount {
        /// The number.
        value: String,
    },
    /// The text names a day on which the order, or something close to it, was promised.
    Date {
        /// ISO 8601.
        date: String,
    },
    /// The text names the place that the order goes to.
    Place {
        /// The words, as stems.
        words: Vec<String>,
    },
    /// An open case of the order is of the kind that the message is about.
    Case {
        /// The case.
        case_id: CaseId,
    },
    /// The purchase order supplies this sales order.
    Supply {
        /// The purchase order.
        purchase_order_id: String,
    },
}

/// An order that a message may belong to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "names say it")]
pub struct LinkCandidate {
    pub order_id: String,
    #[serde(default)]
    pub case_id: Option<CaseId>,
    pub probability: f64,
    pub clues: Vec<Clue>,
}

/// Where a message belongs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "link", rename_all = "snake_case")]
pub enum Link {
    /// Attached, above the bound for doing so without a person.
    Attached {
        /// The candidate it was attached to.
        to: LinkCandidate,
        /// A purchase order through which it was found.
        #[serde(default)]
        purchase_order_id: Option<String>,
        /// Further orders that it concerns (a supplier's message).
        #[serde(default)]
        also: Vec<LinkCandidate>,
    },
    /// Attached to a purchase order that supplies no known order.
    PurchaseOrder {
        /// The purchase order.
        purchase_order_id: String,
        /// How probable it is.
        probability: f64,
        /// What speaks for it.
        clues: Vec<Clue>,
    },
    /// Not sure enough: ranked candidates for a person.
    Candidates {
        /// Most probable first.
        ranked: Vec<LinkCandidate>,
        /// Why it was not attached.
        reason: String,
        /// A reference that exists and belongs to somebody else.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        conflict: Option<Conflict>,
        /// What to ask the sender: the one question whose answer leaves the fewest candidates.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        question: Option<LinkQuestion>,
    },
    /// It belongs to no order.
    Nothing {
        /// Why.
        reason: String,
    },
}

/// A reference that exists and is not its sender's to speak of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Conflict {
    /// What kind of party it belongs to.
    pub with: ConflictWith,
    /// The reference, as read.
    pub value: String,
    /// The order or purchase order that it names.
    pub target: String,
    /// The sender's party, or where nobody knows that, the one that the text names.
    pub party: String,
}

closed_set! {
    /// Whom a reference belongs to, where not to the sender or to the party that the text names.
    ConflictWith {
        AnotherCustomer = "another_customer",
        AnotherSupplier = "another_supplier",
    }
}

closed_set! {
    /// What a clarifying question asks for.
    Asks {
        Site = "site",
        CustomerPo = "customer_po",
        Item = "item",
        ShipDate = "ship_date",
        Order = "order",
    }
}

/// A clarifying question about the candidates of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LinkQuestion {
    /// What it asks for.
    pub asks: Asks,
    /// The language it is worded in: the sender's where the text shows it, else `en`.
    pub language: String,
    /// The question.
    pub text: String,
    /// Possible answers, each with the candidates that it leaves.
    pub answers: Vec<Answer>,
    /// What its answer is expected to tell, in bits.
    pub information_bits: f64,
}

/// A possible answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Answer {
    /// The answer, as the order has it.
    pub answer: String,
    /// Orders that it leaves.
    pub order_ids: Vec<String>,
}

/// What reading a message yields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Reading {
    /// The most probable intent, or `None` when the classifier abstains or is absent.
    pub intent: Option<ScoredIntent>,
    /// Every intent with a noticeable probability, most probable first.
    pub intents: Vec<ScoredIntent>,
    /// The probability that the most probable one needed, `None` when nothing classified.
    #[serde(default)]
    pub threshold: Option<f64>,
    /// Typed values with spans.
    #[schema(value_type = Vec<Entity>)]
    pub entities: Untrusted<Vec<Entity>>,
    /// How far the sender is known.
    pub trust: Trust,
    /// The sender's role, by party lookup, else as declared.
    pub role: SenderRole,
    /// The party the sender belongs to.
    #[serde(default)]
    pub party: Option<String>,
    /// Where it belongs.
    pub link: Link,
    /// What could not be known, in words.
    #[serde(default)]
    pub unknown: Vec<String>,
    /// Model version that classified, `None` when none could.
    #[serde(default)]
    pub model: Option<String>,
    /// When it was read.
    pub at: Timestamp,
}

/// A stored message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    /// Identity.
    pub id: MessageId,
    /// The event that brought it.
    pub event: EventRef,
    /// When it was received.
    pub received_at: Timestamp,
    /// The message as received.
    #[serde(flatten)]
    #[schema(value_type = MessageReceived)]
    pub content: Untrusted<MessageReceived>,
    /// `None` until read (the model's queue was full, or it waits for a worker).
    #[serde(default)]
    pub reading: Option<Reading>,
    /// Optimistic lock and ETag.
    pub version: i64,
}

/// What a run of a message's text is, by a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntityCorrection {
    /// The run, as it stands in the subject or else the body.
    pub text: String,
    /// Its type, or `None` where it is no value at all.
    #[serde(default, rename = "type")]
    pub kind: Option<EntityType>,
    /// Its normalised value, `None` where that is ambiguous.
    #[serde(default)]
    pub value: Option<String>,
}

/// A person's correction: becomes a labelled example.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Correction {
    /// The right intent, where that was wrong.
    #[serde(default)]
    pub intent: Option<Intent>,
    /// The right order, where that was wrong.
    #[serde(default)]
    pub order_id: Option<String>,
    /// Runs of the text that were read wrongly or missed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entities: Vec<EntityCorrection>,
    /// Why, in words.
    #[serde(default)]
    pub reason: Option<String>,
}
