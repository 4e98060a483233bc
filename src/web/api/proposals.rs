//! Proposals: propose an action, see what waits, vote.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::domain::actor::Role;
use crate::domain::approval::Verdict;
use crate::domain::choice::ReasonCode;
use crate::domain::ids::{CaseId, ProposalId};
use crate::domain::proposal::{Proposal, ProposalState};
use crate::flow::decide::approve::{self, Why};
use crate::flow::decide::propose::{self, ProposeRequest};
use crate::ports::store::proposals::ProposalFilter;
use crate::web::api::exceptions::Because;
use crate::web::error::Problem;
use crate::web::extract::{Allowed, Body, Id, IfMatch, PageSize, Params, demand};
use crate::web::idempotency::KeyRequired;
use crate::web::openapi::{IdPath, KeyHeader, VersionHeader};
use crate::web::paging::{Cursor, Page, after, linked, page, tagged};
use crate::web::state::WebState;

/// Which proposals.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
#[expect(missing_docs, reason = "names say it")]
pub struct ProposalQuery {
    pub state: Option<ProposalStateName>,
    pub case_id: Option<Uuid>,
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    pub limit: Option<PageSize>,
    #[param(value_type = Option<String>, min_length = 1, max_length = 1000)]
    pub cursor: Option<Cursor>,
}

/// A state's name, for filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "names are the contract's")]
pub enum ProposalStateName {
    Drafted,
    Denied,
    AwaitingApproval,
    Approved,
    Queued,
    Executing,
    Succeeded,
    Failed,
    Rejected,
    Withdrawn,
    Expired,
    Superseded,
}

/// A vote to be cast.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"verdict": "approve", "reason": "contract price, checked with the customer"}))]
pub struct NewVote {
    /// Approve or reject.
    pub verdict: Verdict,
    /// Why; needed to reject.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 2000)]
    pub reason: Option<String>,
    /// `material` of the summary that was read; needed to approve where facts changed since it was proposed.
    #[serde(default)]
    #[schema(min_length = 64, max_length = 64)]
    pub read: Option<String>,
    /// Why, in a word that can be counted.
    #[serde(default)]
    pub reason_code: Option<ReasonCode>,
}

/// A question to the proposer.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// In words.
    #[schema(min_length = 1, max_length = 2000, pattern = "\\S")]
    pub question: String,
}

/// The proposer's answer.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// In words.
    #[schema(min_length = 1, max_length = 2000, pattern = "\\S")]
    pub answer: String,
}

/// Another role that may decide the open stage.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reassignment {
    /// Who.
    pub role: Role,
    /// Why.
    #[schema(min_length = 1, max_length = 2000, pattern = "\\S")]
    pub reason: String,
}

fn answer(proposal: Proposal) -> Response {
    tagged(StatusCode::OK, proposal.version, proposal)
}

/// `201` with the proposal's place.
pub(super) fn created(proposal: Proposal) -> Response {
    let place = HeaderValue::from_str(&format!("/v1/proposals/{}", proposal.id));
    let mut response = tagged(StatusCode::CREATED, proposal.version, proposal);
    if let Ok(place) = place {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response
}

/// Proposes an action; nothing happens before it is approved.
#[utoipa::path(post, path = "/v1/proposals", tag = "proposals", params(KeyHeader), request_body = ProposeRequest,
    responses((status = 201, body = Proposal)), security(("bearer" = ["actions:propose"])))]
pub async fn create_proposal(
    State(state): State<WebState>,
    caller: Allowed<demand::ActionsPropose>,
    _key: KeyRequired,
    Body(request): Body<ProposeRequest>,
) -> Result<Response, Problem> {
    Ok(created(propose::propose(&state.services, caller.actor(), request).await?))
}

/// Proposals, newest first; `state=awaiting_approval` is the inbox.
#[utoipa::path(get, path = "/v1/proposals", tag = "proposals", params(ProposalQuery),
    responses((status = 200, body = Page<Proposal>)), security(("bearer" = ["approvals:read"])))]
pub async fn list_proposals(
    State(state): State<WebState>,
    _caller: Allowed<demand::ApprovalsRead>,
    Params(query): Params<ProposalQuery>,
    uri: Uri,
) -> Result<Response, Problem> {
    let before: Option<ProposalId> = after(&state, "proposals", query.cursor.as_ref())?;
    let size = query.limit.unwrap_or_default();
    let filter = ProposalFilter {
        state: query.state.map(|s| ProposalState::NAMES[s as usize].to_owned()),
        case_id: query.case_id.map(CaseId),
    };
    let proposals = state.services.store.read().await?.list_proposals(&filter, before, size.0 + 1).await?;
    let page = page(&state, "proposals", size, proposals, |proposal| proposal.id);
    Ok(linked(&uri, page.next.clone().as_deref(), page))
}

/// One proposal.
#[utoipa::path(get, path = "/v1/proposals/{id}", tag = "proposals", params(IdPath),
    responses((status = 200, body = Proposal)), security(("bearer" = ["approvals:read"])))]
pub async fn read_proposal(
    State(state): State<WebState>,
    _caller: Allowed<demand::ApprovalsRead>,
    Id(id): Id<ProposalId>,
) -> Result<Response, Problem> {
    let found = state.services.store.read().await?.proposal(id).await?;
    found.map(answer).ok_or_else(|| Problem::not_found("proposal", &id.to_string()))
}

/// Approves or rejects; only a person can, and never the proposer.
#[utoipa::path(post, path = "/v1/proposals/{id}/votes", tag = "proposals", params(IdPath, VersionHeader, KeyHeader),
    request_body = NewVote, responses((status = 200, body = Proposal)), security(("bearer" = ["approvals:decide"])))]
pub async fn vote_on_proposal(
    State(state): State<WebState>,
    caller: Allowed<demand::ApprovalsDecide>,
    Id(id): Id<ProposalId>,
    IfMatch(version): IfMatch,
    _key: KeyRequired,
    Body(vote): Body<NewVote>,
) -> Result<Response, Problem> {
    let why = Why { words: vote.reason, code: vote.reason_code, read: vote.read };
    approve::vote(&state.services, caller.actor(), id, version, vote.verdict, why)
        .await
        .map(answer)
        .map_err(Problem::from)
}

/// Takes a proposal back.
#[utoipa::path(post, path = "/v1/proposals/{id}/withdraw", tag = "proposals",
    params(IdPath, VersionHeader, KeyHeader), request_body = Because, responses((status = 200, body = Proposal)),
    security(("bearer" = ["actions:propose"])))]
pub async fn withdraw_proposal(
    State(state): State<WebState>,
    caller: Allowed<demand::ActionsPropose>,
    Id(id): Id<ProposalId>,
    IfMatch(version): IfMatch,
    _key: KeyRequired,
    Body(because): Body<Because>,
) -> Result<Response, Problem> {
    Ok(answer(approve::withdraw(&state.services, caller.actor(), id, version, because.reason).await?))
}

/// Asks the proposer for information; the deadline goes on.
#[utoipa::path(post, path = "/v1/proposals/{id}/request-information", tag = "proposals",
    params(IdPath, VersionHeader, KeyHeader), request_body = Question, responses((status = 200, body = Proposal)),
    security(("bearer" = ["approvals:decide"])))]
pub async fn request_information(
    State(state): State<WebState>,
    caller: Allowed<demand::ApprovalsDecide>,
    Id(id): Id<ProposalId>,
    IfMatch(version): IfMatch,
    _key: KeyRequired,
    Body(asked): Body<Question>,
) -> Result<Response, Problem> {
    Ok(answer(approve::request_information(&state.services, caller.actor(), id, version, asked.question).await?))
}

/// Answers an approver's question.
#[utoipa::path(post, path = "/v1/proposals/{id}/provide-information", tag = "proposals",
    params(IdPath, VersionHeader, KeyHeader), request_body = Reply, responses((status = 200, body = Proposal)),
    security(("bearer" = ["actions:propose"])))]
pub async fn provide_information(
    State(state): State<WebState>,
    caller: Allowed<demand::ActionsPropose>,
    Id(id): Id<ProposalId>,
    IfMatch(version): IfMatch,
    _key: KeyRequired,
    Body(reply): Body<Reply>,
) -> Result<Response, Problem> {
    Ok(answer(approve::provide_information(&state.services, caller.actor(), id, version, reply.answer).await?))
}

/// Lets another role decide the open stage.
#[utoipa::path(post, path = "/v1/proposals/{id}/reassign", tag = "proposals",
    params(IdPath, VersionHeader, KeyHeader), request_body = Reassignment, responses((status = 200, body = Proposal)),
    security(("bearer" = ["approvals:decide"])))]
pub async fn reassign_proposal(
    State(state): State<WebState>,
    caller: Allowed<demand::ApprovalsDecide>,
    Id(id): Id<ProposalId>,
    IfMatch(version): IfMatch,
    _key: KeyRequired,
    Body(to): Body<Reassignment>,
) -> Result<Response, Problem> {
    Ok(answer(approve::reassign(&state.services, caller.actor(), id, version, to.role, to.reason).await?))
}
