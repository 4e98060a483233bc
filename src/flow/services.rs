//! What every phase is given: the ports, the loaded rules and the settings. Built once by `app`.

use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use serde_json::Value;

use crate::domain::actor::Actor;
use crate::domain::audit::AuditDraft;
use crate::domain::digest;
use crate::domain::ids::Entropy;
use crate::domain::model::ServingRole;
use crate::domain::weights::Weights;
use crate::flow::accept::rules::Rules;
use crate::flow::decide::catalogue::Catalogue;
use crate::flow::decide::explore::ExplorationSettings;
use crate::flow::decide::policy::Policy;
use crate::flow::decide::queue::QueueRules;
use crate::flow::sla::ServiceLevels;
use crate::ports::clock::Clock;
use crate::ports::connector::{Connector, Endpoint};
use crate::ports::language::{Encoder, IntentClassifier, Writer};
use crate::ports::link::LinkRanker;
use crate::ports::mail::MailReader;
use crate::ports::policy_value::PolicyJudge;
use crate::ports::registry::ModelLoader;
use crate::ports::store::Store;
use crate::ports::tabular::{EffectModel, RiskModel};
use crate::ports::vectors::VectorStore;

/// Ports, rules and settings.
#[expect(missing_docs, reason = "names say it")]
pub struct Services {
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub models: Arc<Models>,
    pub loader: Arc<dyn ModelLoader>,
    pub judge: Arc<dyn PolicyJudge>,
    pub vectors: Arc<dyn VectorStore>,
    pub connector: Arc<dyn Connector>,
    pub mail: Arc<dyn MailReader>,
    pub rules: Arc<Rules>,
    pub catalogue: Arc<Catalogue>,
    pub policy: Arc<Policy>,
    pub queue: Arc<QueueRules>,
    pub service_levels: Arc<ServiceLevels>,
    pub settings: Settings,
}

/// The models that serve now; each is swapped whole, so a request sees one version from start to end.
#[derive(Default)]
#[expect(missing_docs, reason = "names say it")]
pub struct Models {
    pub risk: Slot<dyn RiskModel>,
    pub effect: Slot<dyn EffectModel>,
    pub encoder: Slot<dyn Encoder>,
    pub intents: Slot<dyn IntentClassifier>,
    /// Tells typed values by what the encoder makes of words.
    pub values: Slot<Weights>,
    pub link: Slot<dyn LinkRanker>,
    /// Words summaries, where one is configured.
    pub writer: Slot<dyn Writer>,
    /// The risk version that stands beside the champion, where one does.
    pub challenger: Slot<Challenger>,
}

/// A risk version beside the champion.
#[expect(missing_docs, reason = "names say it")]
pub struct Challenger {
    pub role: ServingRole,
    /// Share of the orders that a canary answers for.
    pub share: f64,
    pub model: Arc<dyn RiskModel>,
}

impl Challenger {
    /// Whether this version answers for the order.
    #[must_use]
    pub fn answers(&self, order_id: &str) -> bool {
        self.role == ServingRole::Canary && digest::place_of(order_id) < self.share
    }
}

impl Models {
    /// The risk model that answers for an order: the canary for its share of them, else the champion.
    #[must_use]
    pub fn risk_for(&self, order_id: &str) -> Option<Arc<dyn RiskModel>> {
        let canary = self.challenger.get().filter(|challenger| challenger.answers(order_id));
        canary.map(|challenger| Arc::clone(&challenger.model)).or_else(|| self.risk.get())
    }
}

/// A place for one model; empty until one is loaded.
pub struct Slot<M: ?Sized>(RwLock<Option<Arc<M>>>);

impl<M: ?Sized> Default for Slot<M> {
    fn default() -> Self {
        Self(RwLock::new(None))
    }
}

impl<M: ?Sized> Slot<M> {
    /// The model that serves now.
    #[must_use]
    pub fn get(&self) -> Option<Arc<M>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Swaps the model; requests under way keep the one they hold.
    pub fn set(&self, model: Option<Arc<M>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = model;
    }
}

/// Plain settings of the flow, from configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// A condition that comes back within so many hours re-opens with lineage.
    pub reopen_window_h: u32,
    /// A message is attached without a person at or above this probability and the link model's bound.
    pub auto_attach_min: f64,
    /// How long a proposal can be approved and executed.
    pub proposal_ttl_h: u32,
    /// How long an internal or webhook job is leased.
    pub lease_s: u32,
    /// Attempts of an execution before it becomes an incident.
    pub attempts_max: u32,
    /// Where actions with the webhook executor go; `None` leaves them waiting as a visible incident.
    pub action_endpoint: Option<Endpoint>,
    /// Cost of an approver's minute, in the order's currency.
    pub minute_cost: f64,
    /// Cost of a missed line as a share of its value, by customer tier A, B, C and unknown.
    pub miss_penalty: [f64; 4],
    /// How much may be explored; nothing by default.
    pub exploration: ExplorationSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            reopen_window_h: 72,
            auto_attach_min: 0.5,
            proposal_ttl_h: 48,
            lease_s: 60,
            attempts_max: 5,
            action_endpoint: None,
            minute_cost: 1.0,
            miss_penalty: [0.15, 0.10, 0.06, 0.08],
            exploration: ExplorationSettings::default(),
        }
    }
}

/// Who acts when, and where fresh ids come from: what every change in a transaction needs to be recorded.
#[expect(missing_docs, reason = "names say it")]
pub struct Ctx<'a> {
    pub now: Timestamp,
    pub entropy: &'a dyn Entropy,
    pub actor: Actor,
}

impl Ctx<'_> {
    /// An audit entry of this actor at this time; `subject` is `kind:id`.
    #[must_use]
    pub fn audit(&self, action: &'static str, subject: String, detail: Value) -> AuditDraft {
        AuditDraft { at: self.now, actor: self.actor.clone(), action, subject, detail }
    }
}
