//! The flow's services over a store of a test: a clock that is moved by hand, seeded ids, a connector that only notes.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use holdfast::adapters::clock::{ManualClock, SeededEntropy};
use holdfast::adapters::linfa::policy_value::LibraryJudge;
use holdfast::adapters::mail::MimeReader;
use holdfast::adapters::models::ModelDirectory;
use holdfast::adapters::vectors::ExactVectors;
use holdfast::domain::case::Case;
use holdfast::domain::job::JobError;
use holdfast::domain::order::Order;
use holdfast::flow::Services;
use holdfast::flow::accept::events::{self, Arrival, ItemResult, ItemStatus};
use holdfast::flow::accept::rules::Rules;
use holdfast::flow::decide::catalogue::{self, Catalogue};
use holdfast::flow::decide::policy::Policy;
use holdfast::flow::decide::queue::{self, QueueRules};
use holdfast::flow::services::{Models, Settings};
use holdfast::flow::sla::{self, ServiceLevels};
use holdfast::ports::connector::{Call, Connector};
use holdfast::ports::store::Store;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::folder::Folder;

/// What the clock of a test says first: a Monday.
pub const START: &str = "2026-03-02T09:00:00Z";

/// The services of one test.
pub struct World {
    pub services: Arc<Services>,
    pub clock: Arc<ManualClock>,
    _folder: Folder,
}

/// A connector that takes every call and keeps its body.
#[derive(Default)]
pub struct Notes(Mutex<Vec<(String, Value)>>);

#[async_trait]
impl Connector for Notes {
    async fn deliver(&self, call: Call<'_>) -> Result<Value, JobError> {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        calls.push((call.event_type.to_owned(), call.data.clone()));
        Ok(json!({ "reference": call.idempotency_key }))
    }
}

impl World {
    /// Services over `store`, without models.
    pub fn over(store: &Arc<dyn Store>) -> anyhow::Result<Self> {
        Self::with(store, Settings::default())
    }

    /// The same with settings of its own.
    pub fn with(store: &Arc<dyn Store>, settings: Settings) -> anyhow::Result<Self> {
        let folder = Folder::new()?;
        let clock = Arc::new(ManualClock::new(START.parse()?));
        let connector = Arc::new(Notes::default());
        let services = Services {
            store: Arc::clone(store),
            clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(7)),
            models: Arc::new(Models::default()),
            loader: Arc::new(ModelDirectory::new(folder.path().join("shipped"), folder.path().join("models"), 4)),
            judge: Arc::new(LibraryJudge),
            vectors: Arc::new(ExactVectors::open(&folder.path().join("vectors"))?),
            connector,
            mail: Arc::new(MimeReader),
            rules: Arc::new(Rules::built_in()?),
            catalogue: Arc::new(Catalogue::load(catalogue::BUILT_IN)?),
            queue: Arc::new(QueueRules::load(queue::BUILT_IN)?),
            service_levels: Arc::new(ServiceLevels::load(sla::BUILT_IN)?),
            policy: Arc::new(Policy::load(None)?),
            settings,
        };
        Ok(Self { services: Arc::new(services), clock, _folder: folder })
    }

    /// The clock's time.
    pub fn now(&self) -> Timestamp {
        self.services.clock.now()
    }

    /// Lets hours pass.
    pub fn pass_h(&self, hours: i64) {
        self.clock.advance(SignedDuration::from_hours(hours));
    }

    /// Posts an event of `kind` (`order.placed`) that happens now, and expects it to be accepted.
    pub async fn tell(&self, kind: &str, id: &str, data: Value) -> anyhow::Result<ItemResult> {
        self.tell_at(kind, id, self.now(), data).await
    }

    /// Posts an event that happened at `time`, and expects it to be accepted.
    pub async fn tell_at(&self, kind: &str, id: &str, time: Timestamp, data: Value) -> anyhow::Result<ItemResult> {
        let result = self.post(event(kind, id, time, data)).await?;
        anyhow::ensure!(result.status == ItemStatus::Accepted, "{kind} {id}: {result:?}");
        Ok(result)
    }

    /// Posts one item.
    pub async fn post(&self, item: Value) -> anyhow::Result<ItemResult> {
        let mut results = events::accept(&self.services, vec![item], Arrival::Live).await?;
        results.pop().ok_or_else(|| anyhow::anyhow!("no result"))
    }

    /// An order as stored.
    pub async fn order(&self, order_id: &str) -> anyhow::Result<Option<Order>> {
        Ok(self.services.store.read().await?.order(order_id).await?.map(|(order, _)| order))
    }

    /// Every case of an order, newest first.
    pub async fn cases(&self, order_id: &str) -> anyhow::Result<Vec<Case>> {
        Ok(self.services.store.read().await?.cases_of(order_id).await?)
    }

    /// The open cases of an order.
    pub async fn open_cases(&self, order_id: &str) -> anyhow::Result<Vec<Case>> {
        Ok(self.services.store.read().await?.open_cases_of(order_id).await?)
    }
}

/// A CloudEvent of `kind`, without prefix and version.
pub fn event(kind: &str, id: &str, time: Timestamp, data: Value) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "/test", "type": format!("io.holdfast.{kind}.v1"), "time": time,
        "data": data,
    })
}

/// An order of one line that nothing is wrong with: ten of `sku` from `W-1`, promised in two days.
pub fn plain_order(order_id: &str, sku: &str) -> Value {
    json!({
        "order_id": order_id, "customer_id": "C-1", "po_number": format!("PO-{order_id}"), "channel": "edi",
        "placed_at": START, "currency": "EUR", "ship_to": "Hafenstrasse 12, 20457 Hamburg, DE", "warehouse_id": "W-1",
        "carrier_id": "K-1",
        "lines": [{
            "line_no": 1, "sku": sku, "quantity": "10", "unit_price": "10.00",
            "requested_ship_at": "2026-03-04T09:00:00Z", "promised_ship_at": "2026-03-04T15:00:00Z",
        }],
    })
}

/// An item with a list price of 10 EUR.
pub fn item(sku: &str) -> Value {
    json!({
        "sku": sku, "description": "Hex bolt", "unit_of_measure": "box",
        "list_price": { "amount": "10.00", "currency": "EUR" },
    })
}

/// A position in `W-1`.
pub fn position(sku: &str, available: &str) -> Value {
    json!({ "sku": sku, "warehouse_id": "W-1", "available": available })
}
