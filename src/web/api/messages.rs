//! Inbound messages: read at once, listed for triage, corrected by people.

use axum::extract::{FromRequest as _, Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::event::EventRef;
use crate::domain::ids::MessageId;
use crate::domain::message::{Channel, Correction, EntityCorrection, EntityType, Intent, Message, SenderRole};
use crate::domain::payload::{MessageReceived, Sender};
use crate::flow::accept::messages;
use crate::flow::learn::to_label;
use crate::ports::mail::MailError;
use crate::web::error::{Problem, ProblemDocument};
use crate::web::extract::{Allowed, Body, Id, IfMatch, PageSize, Params, bytes_of, demand, media_type};
use crate::web::idempotency::KeyRequired;
use crate::web::openapi::{IdPath, KeyHeader, VersionHeader};
use crate::web::paging::{Cursor, Page, after, linked, page, tagged};
use crate::web::state::WebState;

/// Which messages.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
#[expect(missing_docs, reason = "names say it")]
pub struct MessageQuery {
    /// Only those with an order, or only those without.
    pub attached: Option<bool>,
    /// `to_label`: what a person should label next, in one page.
    #[serde(default)]
    #[param(inline)]
    pub order: MessageOrder,
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    pub limit: Option<PageSize>,
    #[param(value_type = Option<String>, min_length = 1, max_length = 1000)]
    pub cursor: Option<Cursor>,
}

/// In which order messages are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageOrder {
    /// The newest first.
    #[default]
    Newest,
    /// Those whose label would teach the classifier most first: uncorrected, doubtful, unlike each other.
    ToLabel,
}

/// Messages, newest first, or what to label next.
#[utoipa::path(get, path = "/v1/messages", tag = "messages", params(MessageQuery),
    responses((status = 200, body = Page<Message>)), security(("bearer" = ["messages:read"])))]
pub async fn list_messages(
    State(state): State<WebState>,
    _caller: Allowed<demand::MessagesRead>,
    Params(query): Params<MessageQuery>,
    uri: Uri,
) -> Result<Response, Problem> {
    let before: Option<MessageId> = after(&state, "messages", query.cursor.as_ref())?;
    let size = query.limit.unwrap_or_default();
    if query.order == MessageOrder::ToLabel {
        let items = to_label::next(&state.services, query.attached, size.0 as usize).await?;
        return Ok(linked(&uri, None, Page { items, next: None }));
    }
    let found = state.services.store.read().await?.list_messages(query.attached, before, size.0 + 1).await?;
    let page = page(&state, "messages", size, found, |m| m.id);
    Ok(linked(&uri, page.next.clone().as_deref(), page))
}

/// One message with its reading.
#[utoipa::path(get, path = "/v1/messages/{id}", tag = "messages", params(IdPath),
    responses((status = 200, body = Message)), security(("bearer" = ["messages:read"])))]
pub async fn read_message(
    State(state): State<WebState>,
    _caller: Allowed<demand::MessagesRead>,
    Id(id): Id<MessageId>,
) -> Result<Response, Problem> {
    let found = state.services.store.read().await?.message(id).await?;
    let message = found.ok_or_else(|| Problem::not_found("message", &id.to_string()))?;
    Ok(tagged(StatusCode::OK, message.version, message))
}

/// A message to be read now.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "channel": "email", "from": {"name": "Dana Reyes", "email": "dana@brook.example"},
    "subject": "Where is PO-77?", "body": "Hello, our order SO-10231 was promised for Monday. Where is it?"
}))]
pub struct NewMessage {
    /// How it came in.
    pub channel: Channel,
    /// Who sent it, from the envelope.
    pub from: NewSender,
    /// Subject line.
    #[serde(default)]
    #[schema(max_length = 1000)]
    pub subject: Option<String>,
    /// The text.
    #[schema(min_length = 1, max_length = 100_000)]
    pub body: String,
    /// Message-ID that it answers.
    #[serde(default)]
    #[schema(max_length = 998)]
    pub in_reply_to: Option<String>,
    /// Message-IDs of its thread.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub references: Vec<String>,
    /// Its own Message-ID.
    #[serde(default)]
    #[schema(max_length = 998)]
    pub message_id: Option<String>,
    /// When the sender sent it.
    #[serde(default)]
    pub sent_at: Option<Timestamp>,
    /// The sending system's own identity of this delivery, where it has one: the same one again is the same message.
    #[serde(default)]
    pub event: Option<EventIdentity>,
}

/// A sender.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "names say it")]
pub struct NewSender {
    #[serde(default)]
    pub role: Option<SenderRole>,
    #[serde(default)]
    #[schema(max_length = 320)]
    pub name: Option<String>,
    #[serde(default)]
    #[schema(max_length = 320)]
    pub email: Option<String>,
}

/// CloudEvents `source` and `id`.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "names say it")]
pub struct EventIdentity {
    #[schema(min_length = 1, max_length = 256)]
    pub source: String,
    #[schema(min_length = 1, max_length = 256)]
    pub id: String,
}

/// A mail as it was sent (RFC 5322 with MIME), in any charset.
#[derive(ToSchema)]
#[schema(value_type = String, min_length = 1, example = "From: Dana Reyes <dana@brook.example>\r\nSubject: PO-77\r\n\r\nWhere is SO-10231?\r\n")]
#[expect(dead_code, reason = "declares the body for the document; it is taken as bytes")]
pub struct RawMail(String);

const RAW_MAIL: &str = "message/rfc822";

/// Classifies, extracts and links a message now, given as JSON or as a raw mail; 429 when the models are busy, and then
/// nothing is stored.
#[utoipa::path(post, path = "/v1/messages", tag = "messages", params(KeyHeader),
    request_body(content((NewMessage = "application/json"), (RawMail = "message/rfc822"))),
    responses(
        (status = 200, description = "Taken in before under this identity", body = Message),
        (status = 201, description = "Taken in and read", body = Message),
        (status = 429, description = "The models are busy", body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("bearer" = ["messages:write"])))]
pub async fn receive_message(
    State(state): State<WebState>,
    caller: Allowed<demand::MessagesWrite>,
    _key: KeyRequired,
    request: Request,
) -> Result<Response, Problem> {
    let (content, identity) = if media_type(request.headers()).as_deref() == Some(RAW_MAIL) {
        let bytes = bytes_of(request, &state).await?;
        (state.services.mail.read(&bytes).map_err(|error| not_read(&error))?, None)
    } else {
        let Body(new) = Body::from_request(request, &state).await?;
        content_of(new)
    };
    let now = state.services.clock.now();
    let (message, is_new) = messages::receive(&state.services, caller.actor().clone(), content, identity, now).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    let place = HeaderValue::from_str(&format!("/v1/messages/{}", message.id));
    let mut response = tagged(status, message.version, message);
    if let Ok(place) = place {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

fn not_read(error: &MailError) -> Problem {
    let status = match error {
        MailError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    Problem::new(status, "invalid-mail", error.to_string())
}

/// What a message in JSON says, and the identity that its sender gave it.
fn content_of(new: NewMessage) -> (MessageReceived, Option<EventRef>) {
    let identity = new.event.map(|EventIdentity { source, id }| EventRef { source, id });
    let NewSender { role, name, email } = new.from;
    let content = MessageReceived {
        channel: new.channel,
        from: Sender { role, name, email },
        subject: new.subject,
        body: new.body,
        in_reply_to: new.in_reply_to,
        references: new.references,
        message_id: new.message_id,
        sent_at: new.sent_at,
        attachments: Vec::new(),
        hidden: Vec::new(),
    };
    (content, identity)
}

/// What a reading should have said.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"intent": "order_status", "order_id": "SO-10231", "reason": "names the order in the signature"}))]
pub struct NewCorrection {
    /// The right intent, where that was wrong.
    #[serde(default)]
    pub intent: Option<Intent>,
    /// The right order, where that was wrong.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200)]
    pub order_id: Option<String>,
    /// Runs of the text that were read wrongly or missed.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub entities: Vec<NewEntity>,
    /// Why, in words.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 2000)]
    pub reason: Option<String>,
}

impl From<NewCorrection> for Correction {
    fn from(new: NewCorrection) -> Self {
        let entity = |new: NewEntity| EntityCorrection { text: new.text, kind: new.kind, value: new.value };
        let entities = new.entities.into_iter().map(entity).collect();
        Self { intent: new.intent, order_id: new.order_id, entities, reason: new.reason }
    }
}

/// What a run of the text is.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEntity {
    /// The run, as it stands in the subject or else the body.
    #[schema(min_length = 1, max_length = 200)]
    pub text: String,
    /// Its type; left out where it is no value at all.
    #[serde(default, rename = "type")]
    pub kind: Option<EntityType>,
    /// Its normalised value, left out where that is ambiguous.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200)]
    pub value: Option<String>,
}

/// Corrects a reading; the correction becomes a labelled example.
#[utoipa::path(post, path = "/v1/messages/{id}/corrections", tag = "messages", params(IdPath, VersionHeader, KeyHeader),
    request_body = NewCorrection, responses((status = 200, body = Message)), security(("bearer" = ["messages:write"])))]
pub async fn correct_message(
    State(state): State<WebState>,
    caller: Allowed<demand::MessagesWrite>,
    Id(id): Id<MessageId>,
    IfMatch(version): IfMatch,
    _key: KeyRequired,
    Body(new): Body<NewCorrection>,
) -> Result<Response, Problem> {
    let message = messages::correct(&state.services, caller.actor().clone(), id, version, new.into()).await?;
    Ok(tagged(StatusCode::OK, message.version, message))
}
