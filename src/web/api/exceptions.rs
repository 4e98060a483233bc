//! The worklist and its cases.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::case::{Case, CaseState, Category, Severity};
use crate::domain::decision::{Fallback, RankedCase, Risk};
use crate::domain::ids::CaseId;
use crate::domain::message::Message;
use crate::domain::proposal::Proposal;
use crate::flow::assess::summary::kept;
use crate::flow::cases;
use crate::flow::sla::SlaStatus;
use crate::ports::store::cases::{CaseCursor, CaseFilter, Facets};
use crate::ports::store::proposals::ProposalFilter;
use crate::web::error::Problem;
use crate::web::extract::{Allowed, Body, Id, IfMatch, PageSize, Params, Text, demand};
use crate::web::openapi::{IdPath, VersionHeader};
use crate::web::paging::{Cursor, after, linked, page, plain, tagged};
use crate::web::picture;
use crate::web::state::WebState;
use crate::web::timeline::{self, TimelineEntry};

/// Which exceptions.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
#[expect(missing_docs, reason = "names say it")]
pub struct WorklistQuery {
    /// Only open ones, or only closed ones; open ones when not said.
    pub open: Option<bool>,
    /// Only in this state.
    pub state: Option<CaseStateName>,
    pub category: Option<Category>,
    pub severity: Option<Severity>,
    /// Group that owns it.
    #[param(value_type = Option<String>, min_length = 1, max_length = 200)]
    pub owner: Option<Text>,
    /// Person it is assigned to.
    #[param(value_type = Option<String>, min_length = 1, max_length = 200)]
    pub assignee: Option<Text>,
    #[param(value_type = Option<String>, min_length = 1, max_length = 200)]
    pub order_id: Option<Text>,
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    pub limit: Option<PageSize>,
    #[param(value_type = Option<String>, min_length = 1, max_length = 1000)]
    pub cursor: Option<Cursor>,
}

/// A state's name, for filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "names are the contract's")]
pub enum CaseStateName {
    New,
    Triaged,
    AwaitingInformation,
    Proposed,
    AwaitingApproval,
    Executing,
    Monitoring,
    Resolved,
    Cancelled,
}

impl CaseStateName {
    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        CaseState::NAMES[self as usize]
    }
}

impl WorklistQuery {
    /// The filter it asks for. A state says by itself whether it is open.
    #[must_use]
    pub fn filter(&self) -> CaseFilter {
        CaseFilter {
            open: self.open.or_else(|| self.state.is_none().then_some(true)),
            state: self.state.map(|s| s.name().to_owned()),
            category: self.category,
            severity: self.severity,
            owner: plain(self.owner.clone()),
            assignee: plain(self.assignee.clone()),
            order_id: plain(self.order_id.clone()),
        }
    }
}

/// A page of the worklist.
#[derive(Serialize, ToSchema)]
pub struct Worklist {
    /// In the order of the queue (`assessment.queue`): pins, what waited too long, then by value per approver minute.
    pub items: Vec<Case>,
    /// Counts of everything that matches.
    pub facets: Facets,
    /// Cursor of the next page.
    pub next: Option<String>,
}

/// One exception with its story.
#[derive(Serialize, ToSchema)]
pub struct ExceptionView {
    /// The case.
    pub case: Case,
    /// How it stands against its service target now; `null` before its first assessment.
    pub sla: Option<SlaStatus>,
    /// Facts, claims, inferences and acts, oldest first.
    pub timeline: Vec<TimelineEntry>,
    /// Messages that belong to it, oldest first.
    pub messages: Vec<Message>,
    /// Proposals on it, newest first.
    pub proposals: Vec<Proposal>,
}

/// The place of a case in the worklist.
#[must_use]
pub fn place(case: &Case) -> CaseCursor {
    CaseCursor { priority: case.queue_key(), id: case.id }
}

/// The worklist.
#[utoipa::path(get, path = "/v1/exceptions", tag = "exceptions", params(WorklistQuery),
    responses((status = 200, body = Worklist)), security(("bearer" = ["exceptions:read"])))]
pub async fn list_exceptions(
    State(state): State<WebState>,
    _caller: Allowed<demand::ExceptionsRead>,
    Params(query): Params<WorklistQuery>,
    uri: Uri,
) -> Result<Response, Problem> {
    let cursor: Option<CaseCursor> = after(&state, "exceptions", query.cursor.as_ref())?;
    let filter = query.filter();
    let size = query.limit.unwrap_or_default();
    let mut tx = state.services.store.read().await?;
    let cases = tx.list_cases(&filter, cursor, size.0 + 1).await?;
    let facets = tx.case_facets(&filter).await?;
    let page = page(&state, "exceptions", size, cases, place);
    let list = Worklist { items: page.items, facets, next: page.next.clone() };
    Ok(linked(&uri, page.next.as_deref(), list))
}

/// One exception with timeline, messages and proposals.
#[utoipa::path(get, path = "/v1/exceptions/{id}", tag = "exceptions", params(IdPath),
    responses((status = 200, body = ExceptionView)), security(("bearer" = ["exceptions:read"])))]
pub async fn read_exception(
    State(state): State<WebState>,
    _caller: Allowed<demand::ExceptionsRead>,
    Id(id): Id<CaseId>,
) -> Result<Response, Problem> {
    let view = view(&state, id).await?;
    Ok(tagged(StatusCode::OK, view.case.version, view))
}

/// Everything that is shown of a case.
///
/// # Errors
/// 404, or what the store says.
pub async fn view(state: &WebState, id: CaseId) -> Result<ExceptionView, Problem> {
    let mut tx = state.services.store.read().await?;
    let case = tx.case(id).await?.ok_or_else(|| Problem::not_found("exception", &id.to_string()))?;
    let messages = tx.messages_of_case(id).await?;
    let timeline = timeline::of_case(tx.as_mut(), &case, &messages).await?;
    let filter = ProposalFilter { case_id: Some(id), state: None };
    let proposals = tx.list_proposals(&filter, None, kept::PROPOSALS_MAX).await?;
    let sla = state.services.service_levels.status(&case, state.services.clock.now());
    Ok(ExceptionView { case, sla, timeline, messages, proposals })
}

/// What the risk model says of an exception now.
#[derive(Serialize, ToSchema)]
pub struct Outlook {
    /// The risk with its reasons and the interval in which the line ships; `null` where the model abstains.
    pub risk: Option<Risk>,
    /// Why it abstains.
    pub abstained: Option<String>,
    /// The rule that stands in then.
    pub fallback: Option<Fallback>,
    /// The smallest changes to what people can act on that would bring the risk below a half: what the model would answer,
    /// not what causes the delay.
    pub ways_out: Vec<String>,
}

/// The outlook of an exception as of now: risk, ship date, and what would change it.
#[utoipa::path(get, path = "/v1/exceptions/{id}/outlook", tag = "exceptions", params(IdPath),
    responses((status = 200, body = Outlook)), security(("bearer" = ["exceptions:read"])))]
pub async fn read_outlook(
    State(state): State<WebState>,
    _caller: Allowed<demand::ExceptionsRead>,
    Id(id): Id<CaseId>,
) -> Result<Json<Outlook>, Problem> {
    let case = state.services.store.read().await?.case(id).await?;
    let case = case.ok_or_else(|| Problem::not_found("exception", &id.to_string()))?;
    let picture = picture::outlook(&state.services, &case).await?;
    let picture = picture.ok_or_else(|| Problem::not_found("order", &case.key.order_id))?;
    let RankedCase { risk, abstained, fallback, .. } = picture.ranked;
    Ok(Json(Outlook { risk, abstained, fallback, ways_out: picture.ways_out }))
}

/// Who is to look after it.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"assignee": "piotr"}))]
pub struct Assignment {
    /// A person's subject; `null` for nobody.
    #[schema(min_length = 1, max_length = 200)]
    pub assignee: Option<String>,
}

/// Assigns an exception to a person or to nobody.
#[utoipa::path(post, path = "/v1/exceptions/{id}/assign", tag = "exceptions", params(IdPath, VersionHeader),
    request_body = Assignment, responses((status = 200, body = Case)), security(("bearer" = ["exceptions:write"])))]
pub async fn assign_exception(
    State(state): State<WebState>,
    caller: Allowed<demand::ExceptionsWrite>,
    Id(id): Id<CaseId>,
    IfMatch(version): IfMatch,
    Body(assignment): Body<Assignment>,
) -> Result<Response, Problem> {
    let actor = caller.actor().clone();
    let case = cases::assign(&state.services, actor, id, version, assignment.assignee).await?;
    Ok(tagged(StatusCode::OK, case.version, case))
}

/// Closes an exception by a person's judgement.
#[utoipa::path(post, path = "/v1/exceptions/{id}/close", tag = "exceptions", params(IdPath, VersionHeader),
    request_body = Because, responses((status = 200, body = Case)), security(("bearer" = ["exceptions:write"])))]
pub async fn close_exception(
    State(state): State<WebState>,
    caller: Allowed<demand::ExceptionsWrite>,
    Id(id): Id<CaseId>,
    IfMatch(version): IfMatch,
    Body(because): Body<Because>,
) -> Result<Response, Problem> {
    let case = cases::close(&state.services, caller.actor().clone(), id, version, because.reason).await?;
    Ok(tagged(StatusCode::OK, case.version, case))
}

/// A reason, for acts that must name one.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Because {
    /// In words.
    #[schema(min_length = 1, max_length = 2000, pattern = "\\S")]
    pub reason: String,
}
