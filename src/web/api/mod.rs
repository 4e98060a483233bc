//! One file per resource; each gives its routes with their part of the document.

pub mod audit;
pub mod dead_letters;
pub mod decisions;
pub mod events;
pub mod exceptions;
pub mod governance;
pub mod incidents;
pub mod jobs;
pub mod messages;
pub mod models;
pub mod operations;
pub mod proposals;
pub mod service;
pub mod summaries;
pub mod training;
pub mod webhooks;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::openapi;
use super::state::WebState;

/// Every route of the API, with the document that describes them.
#[must_use]
pub fn router() -> OpenApiRouter<WebState> {
    OpenApiRouter::with_openapi(openapi::base())
        .routes(routes!(events::post_events, events::validate_webhook))
        .routes(routes!(messages::list_messages, messages::receive_message))
        .routes(routes!(messages::read_message))
        .routes(routes!(messages::correct_message))
        .routes(routes!(exceptions::list_exceptions))
        .routes(routes!(exceptions::read_exception))
        .routes(routes!(summaries::read_summary))
        .routes(routes!(summaries::give_opinion))
        .routes(routes!(summaries::read_since))
        .routes(routes!(exceptions::read_outlook))
        .routes(routes!(exceptions::assign_exception))
        .routes(routes!(exceptions::close_exception))
        .routes(routes!(dead_letters::discard_dead_letter))
        .routes(routes!(dead_letters::list_dead_letters))
        .routes(routes!(dead_letters::read_dead_letter, dead_letters::fix_dead_letter))
        .routes(routes!(dead_letters::replay_dead_letter))
        .routes(routes!(dead_letters::replay_dead_letters))
        .routes(routes!(governance::list_actions))
        .routes(routes!(governance::read_policies))
        .routes(routes!(incidents::close_incident))
        .routes(routes!(incidents::list_incidents))
        .routes(routes!(incidents::read_incident))
        .routes(routes!(incidents::resume_incident))
        .routes(routes!(decisions::prioritize))
        .routes(routes!(decisions::read_decision))
        .routes(routes!(decisions::read_replay, decisions::replay_decision))
        .routes(routes!(decisions::respond_to_decision))
        .routes(routes!(proposals::list_proposals, proposals::create_proposal))
        .routes(routes!(proposals::read_proposal))
        .routes(routes!(proposals::vote_on_proposal))
        .routes(routes!(proposals::withdraw_proposal))
        .routes(routes!(proposals::request_information))
        .routes(routes!(proposals::provide_information))
        .routes(routes!(proposals::reassign_proposal))
        .routes(routes!(jobs::activate_jobs))
        .routes(routes!(jobs::complete_job))
        .routes(routes!(jobs::extend_job))
        .routes(routes!(jobs::fail_job))
        .routes(routes!(webhooks::list_webhooks, webhooks::create_webhook))
        .routes(routes!(models::list_models))
        .routes(routes!(models::promote_model))
        .routes(routes!(models::roll_back_model))
        .routes(routes!(models::read_card))
        .routes(routes!(models::read_report))
        .routes(routes!(training::start_training))
        .routes(routes!(operations::read_operation))
        .routes(routes!(operations::cancel_operation))
        .routes(routes!(audit::list_audit))
        .routes(routes!(audit::verify_audit))
        .routes(routes!(service::openapi_json))
        .routes(routes!(service::livez))
        .routes(routes!(service::readyz))
        .routes(routes!(service::metrics))
}
