//! Message triage: what was read from each message, and where it belongs.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::shell::{Refused, Shell, Viewer, render};
use super::{Sampled, words};
use crate::domain::actor::Scope;
use crate::domain::ids::MessageId;
use crate::domain::message::{Link, Message};
use crate::flow::learn::to_label;
use crate::web::api::messages::MessageOrder;
use crate::web::extract::{PageSize, Params};
use crate::web::paging::{Cursor, Page, after, page};
use crate::web::state::WebState;

const ROWS: PageSize = PageSize(50);
/// Messages that a person is asked about at once.
const TO_LABEL: usize = 20;

#[derive(Template)]
#[template(path = "messages.html")]
struct MessagesPage {
    shell: Shell,
    /// Whether it lists what to label next.
    asks: bool,
    tabs: Vec<Tab>,
    rows: Vec<Row>,
    next: Option<String>,
}

struct Tab {
    href: &'static str,
    label: &'static str,
    current: bool,
}

struct Row {
    id: String,
    at: String,
    from: String,
    trust: String,
    subject: String,
    start: String,
    intent: String,
    link: String,
    href: Option<String>,
    unknown: String,
}

#[derive(Deserialize)]
pub(super) struct Query {
    attached: Option<bool>,
    #[serde(default)]
    order: MessageOrder,
    cursor: Option<Cursor>,
}

pub(super) async fn show(
    State(state): State<WebState>,
    viewer: Viewer,
    Params(query): Params<Query>,
) -> Result<Response, Refused> {
    viewer.needs(Scope::MessagesRead)?;
    let before: Option<MessageId> = after(&state, "messages", query.cursor.as_ref())?;
    let shell = viewer.shell(&state, "Messages", "/messages").await?;
    let asks = query.order == MessageOrder::ToLabel;
    let page = if asks {
        Page { items: to_label::next(&state.services, None, TO_LABEL).await?, next: None }
    } else {
        let found = state.services.store.read().await?.list_messages(query.attached, before, ROWS.0 + 1).await?;
        page(&state, "messages", ROWS, found, |m| m.id)
    };
    let only = query.attached.map_or_else(String::new, |a| format!("attached={a}&"));
    Ok(render(&MessagesPage {
        shell,
        asks,
        tabs: tabs(query.attached, asks),
        rows: page.items.iter().map(row).collect(),
        next: page.next.map(|cursor| format!("/messages?{only}cursor={cursor}")),
    }))
}

fn tabs(attached: Option<bool>, asks: bool) -> Vec<Tab> {
    let label = Tab { href: "/messages?order=to_label", label: "To label next", current: asks };
    let listed = [
        ("/messages", "All", None),
        ("/messages?attached=false", "Needs a person", Some(false)),
        ("/messages?attached=true", "Attached", Some(true)),
    ]
    .into_iter()
    .map(|(href, label, of)| Tab { href, label, current: !asks && attached == of });
    listed.chain([label]).collect()
}

fn row(message: &Message) -> Row {
    let content = message.content.as_written();
    let from = &content.from;
    let reading = message.reading.as_ref();
    let (link, href) = match reading.map(|r| &r.link) {
        None => ("not read yet".to_owned(), None),
        Some(Link::Attached { to, .. }) => (
            format!("{} ({} %)", to.order_id, words::percent(to.probability)),
            to.case_id.map(|id| format!("/exceptions/{id}#message-{}", message.id)),
        ),
        Some(Link::Candidates { ranked, reason, .. }) => {
            let best = ranked.iter().take(3).map(|c| format!("{} {} %", c.order_id, words::percent(c.probability)));
            (format!("{}: {reason}", best.collect::<Vec<_>>().join(", ")), None)
        }
        Some(Link::PurchaseOrder { purchase_order_id, probability, .. }) => {
            (format!("attached to purchase order {purchase_order_id} ({:.0} %)", probability * 100.0), None)
        }
        Some(Link::Nothing { reason }) => (reason.clone(), None),
    };
    Row {
        id: message.id.to_string(),
        at: words::minute(message.received_at),
        from: from.called().unwrap_or("unnamed").to_owned(),
        trust: reading.map_or_else(String::new, |r| words::title(r.trust.name())),
        subject: content.subject.clone().unwrap_or_else(|| "(no subject)".to_owned()),
        start: words::start(&content.body, 140),
        intent: intent(message),
        link,
        href,
        unknown: reading.map_or_else(String::new, |r| r.unknown.join("; ")),
    }
}

/// The intent with its probability, or that there is none.
pub(super) fn intent(message: &Message) -> String {
    match message.reading.as_ref() {
        None => "waiting".to_owned(),
        Some(reading) => reading.intent.as_ref().map_or_else(
            || "abstained".to_owned(),
            |i| format!("{} {} %", words::title(i.intent.name()), words::percent(i.probability)),
        ),
    }
}

impl Sampled for MessagesPage {
    fn samples() -> Vec<Self> {
        let row = Row {
            id: "1".to_owned(),
            at: "2026-03-02 09:30".to_owned(),
            from: "Jo <jo@customer.example>".to_owned(),
            trust: "Verified contact".to_owned(),
            subject: "Where is SO-10231?".to_owned(),
            start: "Hello, we still wait …".to_owned(),
            intent: "Order status 93 %".to_owned(),
            link: "SO-10231 (97 %)".to_owned(),
            href: Some("/exceptions/1".to_owned()),
            unknown: String::new(),
        };
        let next = Some("/messages?cursor=abc".to_owned());
        let full = Self {
            shell: Shell::sample("/messages"),
            asks: false,
            tabs: tabs(Some(true), false),
            rows: vec![row],
            next,
        };
        vec![
            full,
            Self {
                shell: Shell::sample("/messages"),
                asks: true,
                tabs: tabs(None, true),
                rows: Vec::new(),
                next: None,
            },
        ]
    }
}

pub(super) fn samples() -> Vec<String> {
    super::rendered::<MessagesPage>()
}
