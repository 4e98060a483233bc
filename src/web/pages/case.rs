//! One exception: what happened and how we know, what could be done and what each option costs, what was proposed.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::options::{self, Compared, OptionRow};
use super::shell::{After, Posted, Refused, Shell, Viewer, done, render};
use super::summary::SummaryCard;
use super::text::{Run, runs};
use super::words::{self, Levelled};
use super::{Sampled, messages};
use crate::domain::action::ActionKind;
use crate::domain::actor::Scope;
use crate::domain::case::{Case, Origin};
use crate::domain::choice::Choice;
use crate::domain::ids::CaseId;
use crate::domain::message::{Message, Part};
use crate::domain::proposal::{Proposal, ProposalState};
use crate::flow::cases;
use crate::flow::decide::propose::{self, ProposeRequest};
use crate::web::api::exceptions::{ExceptionView, view};
use crate::web::extract::{Id, Params};
use crate::web::picture;
use crate::web::state::WebState;
use crate::web::timeline::TimelineEntry;

#[derive(Template)]
#[template(path = "case.html")]
struct CasePage {
    shell: Shell,
    id: String,
    version: i64,
    open: bool,
    category: String,
    order: String,
    state: Levelled,
    detail: String,
    figures: Vec<Figure>,
    summary: SummaryCard,
    caveat: Option<String>,
    ways_out: Vec<String>,
    options: Vec<OptionRow>,
    proposals: Vec<ProposalRow>,
    messages: Vec<MessageView>,
    timeline: Vec<Entry>,
    owner: String,
    assignee: String,
    origin: String,
    caused_by: String,
}

struct Figure {
    name: &'static str,
    value: String,
}

struct ProposalRow {
    id: String,
    title: String,
    state: Levelled,
    says: String,
    by: String,
    digest: String,
    votes: Vec<String>,
    waits: bool,
}

struct MessageView {
    id: String,
    from: String,
    at: String,
    reading: String,
    subject: Vec<Run>,
    body: Vec<Run>,
}

struct Entry {
    worth: &'static str,
    says: String,
    iso: String,
    at: String,
    from: String,
}

pub(super) async fn show(
    State(state): State<WebState>,
    viewer: Viewer,
    Id(id): Id<CaseId>,
    Params(after): Params<After>,
) -> Result<Response, Refused> {
    viewer.needs(Scope::ExceptionsRead)?;
    let mut shell = viewer.shell(&state, "Exception", "/").await?;
    shell.notice = after.done;
    let view = view(&state, id).await?;
    shell.title = words::title(view.case.key.category.name());
    let now = state.services.clock.now();
    let mut page = page(shell, &view, now);
    if let Some(picture) = picture::of(&state.services, &view.case).await? {
        let (summary, age) = picture.told(&state.services, &view, viewer.actor()).await?;
        page.summary = SummaryCard::of(&summary, age);
        page.foretell(&picture);
        let choice = choice(&state, &view.case).await?;
        page.compare(&Compared {
            ranked: &picture.ranked,
            catalogue: &state.services.catalogue,
            choice: choice.as_ref(),
            can_propose: viewer.may(Scope::ActionsPropose) && view.case.state.is_open(),
            facts: &picture.facts,
            messages: &view.messages,
        });
    }
    Ok(render(&page))
}

impl CasePage {
    /// When it ships, and what would lower the risk.
    fn foretell(&mut self, picture: &picture::Picture) {
        let risk = picture.ranked.risk.as_ref();
        if let Some((risk, [low, high])) = risk.and_then(|risk| Some((risk, risk.ships?))) {
            let share = risk.ships_basis.as_ref().map_or(0, |basis| words::percent(basis.coverage));
            let value = format!("{} to {} ({share} % of such lines do)", words::minute(low), words::minute(high));
            self.figures.push(Figure { name: "Ships", value });
        }
        if let Some(fallback) = &picture.ranked.fallback {
            let value = format!("{} % by rule", words::percent(fallback.miss_probability));
            self.figures.push(Figure { name: "The model abstains", value });
        }
        self.ways_out.clone_from(&picture.ways_out);
    }

    fn compare(&mut self, compared: &Compared<'_>) {
        self.caveat = words::caveat(compared.ranked);
        self.options = compared.rows();
    }
}

/// What the recorded recommendation of a case chose.
async fn choice(state: &WebState, case: &Case) -> Result<Option<Choice>, Refused> {
    let Some(id) = case.assessment.as_ref().and_then(|assessment| assessment.decision_id) else { return Ok(None) };
    let decision = state.services.store.read().await?.decision(id).await?;
    let of_case = decision.and_then(|d| d.output.into_iter().find(|ranked| ranked.case_id == Some(case.id)));
    Ok(of_case.and_then(|ranked| ranked.choice))
}

#[derive(Deserialize)]
pub(super) struct Propose {
    action: ActionKind,
    #[serde(default)]
    parameters: String,
}

pub(super) async fn propose(
    State(state): State<WebState>,
    Id(case_id): Id<CaseId>,
    Posted { viewer, form }: Posted<Propose>,
) -> Result<Response, Refused> {
    viewer.needs(Scope::ActionsPropose)?;
    let parameters = serde_json::from_str(&form.parameters).unwrap_or_default();
    let request = ProposeRequest { case_id, action: form.action, parameters, decision_id: None };
    propose::propose(&state.services, viewer.actor(), request).await?;
    Ok(done(&format!("/exceptions/{case_id}"), "Proposed. It happens once the right people approve it."))
}

#[derive(Deserialize)]
pub(super) struct Assign {
    version: i64,
}

#[derive(Deserialize)]
pub(super) struct Close {
    version: i64,
    reason: String,
}

pub(super) async fn assign(
    State(state): State<WebState>,
    Id(id): Id<CaseId>,
    Posted { viewer, form }: Posted<Assign>,
) -> Result<Response, Refused> {
    viewer.needs(Scope::ExceptionsWrite)?;
    let me = viewer.actor().person().map(|p| p.subject.clone());
    cases::assign(&state.services, viewer.actor().clone(), id, form.version, me).await?;
    Ok(done(&format!("/exceptions/{id}"), "Assigned to you."))
}

pub(super) async fn close(
    State(state): State<WebState>,
    Id(id): Id<CaseId>,
    Posted { viewer, form }: Posted<Close>,
) -> Result<Response, Refused> {
    viewer.needs(Scope::ExceptionsWrite)?;
    cases::close(&state.services, viewer.actor().clone(), id, form.version, form.reason).await?;
    Ok(done(&format!("/exceptions/{id}"), "Closed."))
}

fn page(shell: Shell, view: &ExceptionView, now: jiff::Timestamp) -> CasePage {
    let case = &view.case;
    CasePage {
        shell,
        id: case.id.to_string(),
        version: case.version,
        open: case.state.is_open(),
        category: words::title(case.key.category.name()),
        order: order(case),
        state: words::case_state(&case.state),
        detail: case.detail.clone(),
        figures: figures(view, now),
        summary: SummaryCard::default(),
        caveat: None,
        ways_out: Vec::new(),
        options: Vec::new(),
        proposals: view.proposals.iter().map(proposal_row).collect(),
        messages: view.messages.iter().map(message_view).collect(),
        timeline: view.timeline.iter().map(entry).collect(),
        owner: words::title(&case.owner),
        assignee: case.assignee.clone().unwrap_or_else(|| "nobody".to_owned()),
        origin: match &case.origin {
            Origin::Rule { rule, version } => format!("rule {rule}, version {version}"),
            Origin::Upstream => "an upstream system".to_owned(),
            Origin::Execution => "a failed execution".to_owned(),
        },
        caused_by: case.caused_by.to_string(),
    }
}

fn order(case: &Case) -> String {
    let line = case.key.line_no.map_or_else(String::new, |n| format!(", line {n}"));
    format!("{}{line}", case.key.order_id)
}

fn figures(view: &ExceptionView, now: jiff::Timestamp) -> Vec<Figure> {
    let case = &view.case;
    let assessment = case.assessment.as_ref();
    let miss = assessment.and_then(|a| a.miss_probability);
    let saves = assessment.and_then(|a| a.value);
    vec![
        Figure { name: "At stake", value: case.at_stake.as_ref().map_or_else(|| "unknown".to_owned(), words::money) },
        Figure {
            name: "Miss probability",
            value: miss.map_or_else(|| "unknown".to_owned(), |p| format!("{} %", words::percent(p))),
        },
        Figure { name: "Due", value: words::countdown(case.due_at, now).says },
        Figure { name: "Service target", value: words::sla(view.sla.as_ref()).says },
        Figure { name: "Best action saves", value: saves.map_or_else(|| "unknown".to_owned(), words::amount) },
        Figure { name: "Severity", value: format!("{:?}", case.severity) },
        Figure { name: "Open for", value: words::span(case.opened_at, now) },
    ]
}

fn proposal_row(proposal: &Proposal) -> ProposalRow {
    ProposalRow {
        id: proposal.id.to_string(),
        title: words::title(proposal.action.kind.name()),
        state: words::proposal_state(&proposal.state),
        says: words::proposal_says(&proposal.state),
        by: format!("{}, {}", words::actor(&proposal.proposer), words::minute(proposal.created_at)),
        digest: words::short(&proposal.digest),
        votes: words::votes(&proposal.state),
        waits: matches!(proposal.state, ProposalState::AwaitingApproval(_)),
    }
}

fn message_view(message: &Message) -> MessageView {
    let content = message.content.as_written();
    let entities = message.reading.as_ref().map_or(&[][..], |r| r.entities.as_written());
    MessageView {
        id: message.id.to_string(),
        from: content.from.called().unwrap_or("unnamed").to_owned(),
        at: words::minute(message.received_at),
        reading: messages::intent(message),
        subject: runs(content.subject.as_deref().unwrap_or("(no subject)"), Part::Subject, 0, entities),
        body: runs(&content.body, Part::Body, 0, entities),
    }
}

fn entry(entry: &TimelineEntry) -> Entry {
    Entry {
        worth: entry.worth.name(),
        says: entry.says.clone(),
        iso: entry.at.to_string(),
        at: words::minute(entry.at),
        from: entry.from.clone(),
    }
}

pub(super) fn samples() -> Vec<String> {
    super::rendered::<CasePage>()
}

impl Sampled for CasePage {
    fn samples() -> Vec<Self> {
        let entries = ["fact", "claim", "inference", "act"].map(|worth| Entry {
            worth,
            says: "Line 2 allocated".to_owned(),
            iso: "2026-03-02T09:30:00Z".to_owned(),
            at: "2026-03-02 09:30".to_owned(),
            from: "/erp#17".to_owned(),
        });
        let message = MessageView {
            id: "1".to_owned(),
            from: "Jo".to_owned(),
            at: "2026-03-02 09:30".to_owned(),
            reading: "Order status 93 %".to_owned(),
            subject: vec![Run { text: "Order ".to_owned(), entity: None, says: String::new() }],
            body: vec![Run { text: "SO-10231".to_owned(), entity: Some("order_no"), says: "Order no".to_owned() }],
        };
        let proposal = ProposalRow {
            id: "1".to_owned(),
            title: "Approve price".to_owned(),
            state: Levelled::new("Awaiting approval", "warn"),
            says: "Escalated".to_owned(),
            by: "Noor, 2026-03-02 09:30".to_owned(),
            digest: "ab12cd34ef56".to_owned(),
            votes: vec!["Ines approved".to_owned()],
            waits: true,
        };
        vec![Self {
            shell: Shell::sample("/"),
            id: "0192f0c1-2345-7abc-8def-0123456789ab".to_owned(),
            version: 3,
            open: true,
            category: "Inventory shortage".to_owned(),
            order: "SO-10231, line 2".to_owned(),
            state: Levelled::new("Triaged", ""),
            detail: "Line 2 lacks 40 of 120 pieces.".to_owned(),
            figures: vec![Figure { name: "At stake", value: "12 400.00 EUR".to_owned() }],
            summary: SummaryCard::sample(),
            caveat: Some("No risk model serves, so options are compared by cost alone.".to_owned()),
            ways_out: vec!["stock is allocated 1 instead of 0: 12.0 %".to_owned()],
            options: options::samples(),
            proposals: vec![proposal],
            messages: vec![message],
            timeline: entries.into(),
            owner: "Supply planning".to_owned(),
            assignee: "nobody".to_owned(),
            origin: "rule shortage, version 1".to_owned(),
            caused_by: "/wms#9".to_owned(),
        }]
    }
}
