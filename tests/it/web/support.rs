//! The whole router over a fresh SQLite store, called in process.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use holdfast::adapters::clock::{ManualClock, SeededEntropy};
use holdfast::adapters::linfa::policy_value::LibraryJudge;
use holdfast::adapters::mail::MimeReader;
use holdfast::adapters::models::ModelDirectory;
use holdfast::adapters::vectors::ExactVectors;
use holdfast::domain::actor::{Role, Scope};
use holdfast::domain::case::{Case, CaseAssessment, CaseKey, CaseState, Category, Origin, Severity};
use holdfast::domain::event::EventRef;
use holdfast::domain::ids::CaseId;
use holdfast::domain::job::JobError;
use holdfast::flow::accept::rules::Rules;
use holdfast::flow::decide::catalogue::{self, Catalogue};
use holdfast::flow::decide::policy::Policy;
use holdfast::flow::decide::queue::{self, QueueRules};
use holdfast::flow::services::{Models, Services, Settings};
use holdfast::flow::sla::{self, ServiceLevels};
use holdfast::ports::clock::Clock as _;
use holdfast::ports::connector::{Call, Connector};
use holdfast::web::auth::{Auth, AuthOptions, Kind, TokenRequest};
use holdfast::web::{WebSettings, WebState, router};
use jiff::SignedDuration;
use serde_json::Value;
use tower::ServiceExt as _;

/// The service with a clock that the test moves.
pub struct Web {
    pub router: Router,
    pub state: WebState,
    pub clock: Arc<ManualClock>,
    /// Operations that were called, as `METHOD /path/{template}`.
    pub called: Mutex<BTreeSet<String>>,
    dir: std::path::PathBuf,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    /// The problem's code, after checking that it is a problem of `status`.
    #[track_caller]
    pub fn problem(&self, status: u16) -> String {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
        let body = self.json();
        assert_eq!(body["status"], status, "{body:#}");
        assert_eq!(body["type"], format!("https://holdfast.example/problems/{}", body["code"].as_str().unwrap()));
        assert!(body["instance"].as_str().unwrap().starts_with("urn:holdfast:request:"), "{body:#}");
        assert_eq!(body["trace_id"].as_str().unwrap().len(), 32, "{body:#}");
        body["code"].as_str().unwrap().to_owned()
    }

    /// A header, empty where missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
}

/// Takes what the edge's tests carry out and says nothing of it; deliveries are tested with the executor.
struct NoConnector;

#[async_trait]
impl Connector for NoConnector {
    async fn deliver(&self, _: Call<'_>) -> Result<Value, JobError> {
        Ok(Value::Null)
    }
}

impl Web {
    pub async fn new() -> Self {
        Self::with(WebSettings { demo_login: true, ..WebSettings::default() }).await
    }

    pub async fn with(settings: WebSettings) -> Self {
        let dir = std::env::temp_dir().join(format!("holdfast-web-{}", unique()));
        std::fs::create_dir_all(&dir).unwrap();
        let store = holdfast::adapters::store::open(&format!("sqlite:{}/web.db", dir.display())).await.unwrap();
        let clock = Arc::new(ManualClock::new("2026-03-02T09:30:00Z".parse().unwrap()));
        let services = Arc::new(Services {
            store,
            clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(7)),
            models: Arc::new(Models::default()),
            loader: Arc::new(ModelDirectory::new(dir.join("shipped"), dir.join("models"), 8)),
            judge: Arc::new(LibraryJudge),
            vectors: Arc::new(ExactVectors::open(&dir.join("vectors")).unwrap()),
            connector: Arc::new(NoConnector),
            mail: Arc::new(MimeReader),
            rules: Arc::new(Rules::built_in().unwrap()),
            catalogue: Arc::new(Catalogue::load(catalogue::BUILT_IN).unwrap()),
            service_levels: Arc::new(ServiceLevels::load(sla::BUILT_IN).unwrap()),
            queue: Arc::new(QueueRules::load(queue::BUILT_IN).unwrap()),
            policy: Arc::new(Policy::load(None).unwrap()),
            settings: Settings::default(),
        });
        let auth = Arc::new(Auth::open(&dir, AuthOptions::default()).unwrap());
        let state = WebState::new(services, auth, Arc::new(|| "up 1\n".to_owned()), settings);
        Self { router: router(state.clone()), state, clock, called: Mutex::default(), dir }
    }

    /// A person's token.
    pub fn person(&self, subject: &str, roles: &[Role]) -> String {
        self.token(subject, Kind::Person, roles, &[])
    }

    /// A machine's token.
    pub fn service(&self, scopes: &[Scope]) -> String {
        self.token("engine", Kind::Service, &[], scopes)
    }

    pub fn token(&self, subject: &str, kind: Kind, roles: &[Role], scopes: &[Scope]) -> String {
        let ttl = SignedDuration::from_hours(8);
        let request = TokenRequest { subject, name: subject, kind, roles, scopes, ttl };
        self.state.auth.issue(&request, self.clock.now()).unwrap()
    }

    /// Someone who may do everything.
    pub fn admin(&self) -> String {
        self.person("root", &[Role::Admin])
    }

    /// Sends a request as it is.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some(operation) = self.operation_of(&method, &path) {
            self.called.lock().unwrap().insert(operation);
        }
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// The documented operation of a path, as `METHOD /path/{template}`.
    fn operation_of(&self, method: &str, path: &str) -> Option<String> {
        let fits = |template: &str| {
            let (left, right): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
            left.len() == right.len() && left.iter().zip(&right).all(|(l, r)| l == r || l.starts_with('{'))
        };
        let paths = self.state.document["paths"].as_object().unwrap();
        let literal = paths.keys().find(|template| *template == path);
        let template = literal.or_else(|| paths.keys().find(|template| fits(template)))?;
        Some(format!("{method} {template}"))
    }

    pub async fn get(&self, token: &str, path: &str) -> Answer {
        self.call("GET", token, path, None, &[]).await
    }

    pub async fn post(&self, token: &str, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        self.call("POST", token, path, Some(body), headers).await
    }

    /// Sends JSON with a bearer token; an empty token sends none.
    pub async fn call(
        &self,
        method: &str,
        token: &str,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.map_or_else(Body::empty, |b| Body::from(b.to_string()))).unwrap()).await
    }

    /// A page with a session cookie.
    pub async fn page(&self, token: &str, path: &str) -> Answer {
        self.send(with_cookie(token, path).body(Body::empty()).unwrap()).await
    }

    /// A form of the session `token`, with its form token.
    pub async fn submit(&self, token: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let seal = self.state.auth.form_token(token);
        let fields = fields.iter().copied().chain([("form_token", seal.as_str())]);
        let body: Vec<String> = fields.map(|(k, v)| format!("{k}={}", encoded(v))).collect();
        let request =
            with_cookie(token, path).method("POST").header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(body.join("&"))).unwrap()).await
    }

    /// Puts an open case into the store.
    pub async fn case(&self, number: u32, priority: f64) -> Case {
        let now = self.clock.now();
        let case = Case {
            id: CaseId::new(now, self.state.services.entropy.as_ref()),
            key: CaseKey {
                category: Category::InventoryShortage,
                order_id: format!("SO-{number}"),
                line_no: Some(2),
                location: "WH-1".to_owned(),
            },
            state: CaseState::New,
            origin: Origin::Upstream,
            severity: Severity::High,
            owner: "supply_planning".to_owned(),
            assignee: None,
            detail: "Line 2 lacks <b>40</b> of 120 pieces".to_owned(),
            attributes: serde_json::Map::new(),
            caused_by: EventRef { source: "/wms".to_owned(), id: number.to_string() },
            opened_at: now,
            updated_at: now,
            due_at: Some(now + SignedDuration::from_hours(7)),
            at_stake: None,
            reopens: None,
            sla: None,
            assessment: Some(CaseAssessment {
                miss_probability: Some(0.4),
                value: Some(120.0),
                priority,
                best_action: None,
                decision_id: None,
                at: now,
                queue: None,
            }),
            version: 1,
        };
        let mut tx = self.state.services.store.write().await.unwrap();
        tx.insert_case(&case).await.unwrap();
        tx.commit().await.unwrap();
        case
    }
}

fn with_cookie(token: &str, path: &str) -> axum::http::request::Builder {
    Request::builder().uri(path).header("cookie", format!("other=1; holdfast_session={token}"))
}

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |out, b| {
        if b.is_ascii_alphanumeric() { out + &char::from(b).to_string() } else { out + &format!("%{b:02X}") }
    })
}

impl Drop for Web {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Tells the folders of tests that run side by side apart.
fn unique() -> String {
    static MADE: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    format!("{}-{}", std::process::id(), MADE.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
}
