//! The approver's inbox: the exact effect, what it rests on, how long it may wait, and whether this person may vote.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::Sampled;
use super::shell::{After, Posted, Refused, Shell, Viewer, done, render};
use super::summary::ToRead;
use super::words::{self, Levelled};
use crate::domain::actor::{Actor, Role, Scope};
use crate::domain::approval::Verdict;
use crate::domain::ids::ProposalId;
use crate::domain::proposal::{Awaiting, Proposal, ProposalState, Target};
use crate::flow::decide::approve::{self, Why};
use crate::flow::learn::effect_gate::Gate;
use crate::ports::store::proposals::ProposalFilter;
use crate::web::extract::{Id, Params};
use crate::web::state::WebState;

#[derive(Template)]
#[template(path = "approvals.html")]
struct ApprovalsPage {
    shell: Shell,
    waiting: Vec<Item>,
    decided: Vec<Decided>,
    codes: [(&'static str, &'static str); 10],
}

/// Reasons of a vote that can be counted, as they are sent and as they are shown.
const CODES: [(&str, &str); 10] = [
    ("agreed", "agreed"),
    ("better_action", "another action is better"),
    ("wrong_parameters", "right action, wrong parameters"),
    ("too_costly", "too costly"),
    ("not_feasible", "cannot be carried out"),
    ("wrong_facts", "facts are wrong or old"),
    ("customer_wish", "the customer wants something else"),
    ("already_handled", "handled already"),
    ("needs_information", "something has to be known first"),
    ("other", "other"),
];

struct Item {
    id: String,
    version: i64,
    title: String,
    tier: String,
    level: &'static str,
    effect: String,
    target: String,
    href: Option<String>,
    parameters: Vec<(String, String)>,
    cost: String,
    expected: String,
    preconditions: String,
    proposer: String,
    waited: String,
    stage: String,
    deadline: String,
    digest: String,
    votes: Vec<String>,
    question: Option<String>,
    evidence: Vec<(String, String)>,
    explored: bool,
    may_vote: bool,
    why_not: String,
    reading: ToRead,
}

struct Decided {
    title: String,
    target: String,
    href: Option<String>,
    state: Levelled,
    votes: Vec<String>,
}

pub(super) async fn show(
    State(state): State<WebState>,
    viewer: Viewer,
    Params(after): Params<After>,
) -> Result<Response, Refused> {
    viewer.needs(Scope::ApprovalsRead)?;
    let mut shell = viewer.shell(&state, "Approvals", "/approvals").await?;
    shell.notice = after.done;
    let mut tx = state.services.store.read().await?;
    let awaiting = ProposalFilter { state: Some("awaiting_approval".to_owned()), case_id: None };
    let mut waiting = tx.list_proposals(&awaiting, None, 200).await?;
    waiting.reverse();
    let mut to_read = Vec::new();
    for proposal in &waiting {
        to_read.push(ToRead::of(&state, proposal, viewer.actor()).await?);
    }
    let latest = tx.list_proposals(&ProposalFilter::default(), None, 40).await?;
    let now = state.services.clock.now();
    Ok(render(&ApprovalsPage {
        shell,
        waiting: waiting.iter().zip(to_read).filter_map(|(p, read)| item(p, read, &viewer, now)).collect(),
        decided: latest
            .iter()
            .filter(|p| !matches!(p.state, ProposalState::AwaitingApproval(_)))
            .map(decided)
            .collect(),
        codes: CODES,
    }))
}

#[derive(Deserialize)]
pub(super) struct Decide {
    version: i64,
    act: Act,
    #[serde(default)]
    reason: String,
    /// Digest of the material facts that the page showed.
    #[serde(default)]
    read: String,
    /// Empty for none: what a form sends that was left alone.
    #[serde(default)]
    code: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Act {
    Approve,
    Reject,
    Ask,
}

pub(super) async fn decide(
    State(state): State<WebState>,
    Id(id): Id<ProposalId>,
    Posted { viewer, form }: Posted<Decide>,
) -> Result<Response, Refused> {
    viewer.needs(Scope::ApprovalsDecide)?;
    let Decide { version, act, reason, code, read } = form;
    let (services, person) = (&*state.services, viewer.actor());
    let words = (!reason.trim().is_empty()).then(|| reason.clone());
    let why =
        Why { words, code: serde_json::from_value(Value::String(code)).ok(), read: (!read.is_empty()).then_some(read) };
    let notice = match act {
        Act::Approve => {
            approve::vote(services, person, id, version, Verdict::Approve, why).await?;
            "Approved."
        }
        Act::Reject => {
            approve::vote(services, person, id, version, Verdict::Reject, why).await?;
            "Rejected."
        }
        Act::Ask => {
            approve::request_information(services, person, id, version, reason).await?;
            "Asked; the deadline goes on."
        }
    };
    Ok(done("/approvals", notice))
}

fn item(proposal: &Proposal, reading: ToRead, viewer: &Viewer, now: Timestamp) -> Option<Item> {
    let ProposalState::AwaitingApproval(awaiting) = &proposal.state else { return None };
    let (target, href) = target(&proposal.target);
    let why_not = obstacle(proposal, awaiting, viewer.actor(), viewer.may(Scope::ApprovalsDecide));
    let parameters = proposal.action.parameters.iter().map(|(k, v)| (words::title(k), words::value(v)));
    let holds: Vec<&str> = proposal.preconditions.iter().map(|p| p.says.as_str()).collect();
    let effect = proposal.effect.as_ref();
    Some(Item {
        id: proposal.id.to_string(),
        version: proposal.version,
        title: words::title(proposal.action.kind.name()),
        tier: format!("{:?}", proposal.tier).to_lowercase(),
        level: urgency(awaiting, proposal.expires_at, now),
        effect: effect_of(proposal, &target),
        target,
        href,
        parameters: parameters.collect(),
        cost: proposal.action.quote.as_ref().map_or_else(|| "none".to_owned(), words::money),
        expected: effect.map_or_else(|| "none declared".to_owned(), |e| format!("{} within {} h", e.says, e.within_h)),
        preconditions: holds.join("; "),
        proposer: words::actor(&proposal.proposer),
        waited: words::span(proposal.created_at, now),
        stage: stage(awaiting),
        deadline: deadline(awaiting, proposal.expires_at, now),
        digest: words::short(&proposal.digest),
        votes: words::votes(&proposal.state),
        question: awaiting.information_requested.clone(),
        evidence: evidence(&proposal.evidence),
        explored: proposal.explored,
        may_vote: why_not.is_none(),
        why_not: why_not.unwrap_or_default(),
        reading,
    })
}

/// One sentence of what will happen, with every parameter that decides it.
fn effect_of(proposal: &Proposal, target: &str) -> String {
    let given: Vec<String> = proposal
        .action
        .parameters
        .iter()
        .map(|(name, value)| format!("{} {}", name.replace('_', " "), words::value(value)))
        .collect();
    let with = if given.is_empty() { String::new() } else { format!(" with {}", given.join(", ")) };
    format!("On approval, exactly this happens: {} on {target}{with}.", proposal.action.kind.name().replace('_', " "))
}

/// What an order-level or model-level target is called, and where it can be looked at.
pub(super) fn target(target: &Target) -> (String, Option<String>) {
    match target {
        Target::Order { case_id, order_id, line_no } => {
            let line = line_no.map_or_else(String::new, |n| format!(" line {n}"));
            (format!("{order_id}{line}"), Some(format!("/exceptions/{case_id}")))
        }
        Target::Model { name, version } => (format!("model {name} {version}"), Some("/models".to_owned())),
    }
}

/// Why this person cannot vote, as far as it can be told beforehand; policy has the last word when the vote comes.
fn obstacle(proposal: &Proposal, awaiting: &Awaiting, viewer: &Actor, may_decide: bool) -> Option<String> {
    let Some(person) = viewer.person().filter(|_| may_decide) else {
        return Some("You can read this, but your roles do not approve anything.".to_owned());
    };
    if proposal.proposer.person().is_some_and(|p| p.subject == person.subject) {
        return Some("You proposed this, so someone else must approve it.".to_owned());
    }
    if awaiting.votes.iter().any(|v| v.subject == person.subject) {
        return Some("You have voted on this.".to_owned());
    }
    let stage = awaiting.requirement.stages.get(awaiting.stage)?;
    let extra: &[Role] = if awaiting.escalated { &stage.escalate_to } else { &[] };
    let fits = person.roles.iter().any(|r| stage.roles.contains(r) || extra.contains(r));
    (!fits).then(|| format!("This stage is for {}.", role_names(&stage.roles)))
}

fn role_names(roles: &[Role]) -> String {
    roles.iter().map(|r| words::title(r.name()).to_lowercase()).collect::<Vec<_>>().join(" or ")
}

fn stage(awaiting: &Awaiting) -> String {
    let stages = &awaiting.requirement.stages;
    let Some(stage) = stages.get(awaiting.stage) else { return String::new() };
    let place = awaiting.stage + 1;
    format!("{} ({place} of {}): {} of {}", stage.name, stages.len(), stage.quorum, role_names(&stage.roles))
}

fn deadline(awaiting: &Awaiting, expires_at: Timestamp, now: Timestamp) -> String {
    let left = words::span(now, expires_at);
    let stage = awaiting.requirement.stages.get(awaiting.stage);
    let to = stage.map(|s| role_names(&s.escalate_to)).filter(|roles| !roles.is_empty());
    let escalation = match to {
        Some(to) if awaiting.escalated => format!("escalated to {to}; "),
        Some(to) => format!("escalates to {to} at {}; ", words::minute(awaiting.escalates_at)),
        None => String::new(),
    };
    format!("{escalation}expires {} ({left} left)", words::minute(expires_at))
}

/// How long it has waited, as a colour.
fn urgency(awaiting: &Awaiting, expires_at: Timestamp, now: Timestamp) -> &'static str {
    let left_h = (expires_at.as_second() - now.as_second()) / 3600;
    if left_h < 4 || awaiting.escalated {
        "stale"
    } else if awaiting.escalates_at <= now || left_h < 12 {
        "warning"
    } else {
        "fresh"
    }
}

/// The known facts, by group.
fn evidence(facts: &Value) -> Vec<(String, String)> {
    let Some(members) = facts.as_object() else { return Vec::new() };
    members
        .iter()
        .filter(|(name, value)| *name != "cites" && !value.is_null())
        .map(|(name, value)| (words::title(name), if name == "gate" { ruled(value) } else { known(value) }))
        .collect()
}

/// The ruling of the promotion gate with every check.
fn ruled(value: &Value) -> String {
    serde_json::from_value::<Gate>(value.clone()).map_or_else(|_| known(value), |gate| gate.to_string())
}

fn known(value: &Value) -> String {
    let Some(members) = value.as_object() else { return words::value(value) };
    let told = members.iter().filter(|(_, v)| !v.is_null());
    told.map(|(k, v)| format!("{} {}", k.replace('_', " "), words::value(v))).collect::<Vec<_>>().join(" · ")
}

fn decided(proposal: &Proposal) -> Decided {
    let (target, href) = target(&proposal.target);
    Decided {
        title: words::title(proposal.action.kind.name()),
        target,
        href,
        state: words::proposal_state(&proposal.state),
        votes: words::votes(&proposal.state),
    }
}

impl Sampled for ApprovalsPage {
    fn samples() -> Vec<Self> {
        let item = |may_vote| Item {
            id: "0192f0c1-2345-7abc-8def-0123456789ab".to_owned(),
            version: 2,
            title: "Approve price".to_owned(),
            tier: "high".to_owned(),
            level: "warning",
            effect: "On approval, exactly this happens: approve price on SO-10231 line 2.".to_owned(),
            target: "SO-10231 line 2".to_owned(),
            href: Some("/exceptions/1".to_owned()),
            parameters: vec![("Unit price".to_owned(), "<12.50> EUR".to_owned())],
            cost: "none".to_owned(),
            expected: "the line is released within 24 h".to_owned(),
            preconditions: "the price still differs".to_owned(),
            proposer: "Noor Haddad".to_owned(),
            waited: "3 h".to_owned(),
            stage: "Pricing (1 of 1): 1 of pricing approver".to_owned(),
            deadline: "expires 2026-03-03 09:30 (1 d left)".to_owned(),
            digest: "ab12cd34ef56".to_owned(),
            votes: vec!["Ines approved".to_owned()],
            question: Some("Is this the contract price?".to_owned()),
            evidence: vec![("Line".to_owned(), "quantity 40".to_owned())],
            explored: true,
            may_vote,
            why_not: "You proposed this, so someone else must approve it.".to_owned(),
            reading: ToRead::sample(),
        };
        let decided = Decided {
            title: "Hold order".to_owned(),
            target: "SO-1".to_owned(),
            href: None,
            state: Levelled::new("Succeeded", "good"),
            votes: Vec::new(),
        };
        let shell = || Shell::sample("/approvals");
        let full =
            Self { shell: shell(), waiting: vec![item(true), item(false)], decided: vec![decided], codes: CODES };
        vec![full, Self { shell: shell(), waiting: Vec::new(), decided: Vec::new(), codes: CODES }]
    }
}

pub(super) fn samples() -> Vec<String> {
    super::rendered::<ApprovalsPage>()
}
