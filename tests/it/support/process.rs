//! The real binary as a child process: started, killed with SIGKILL, started again, and called over HTTP.
//!
//! Its clock is the system's plus an offset in a file, so that a test can let hours pass.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A running `holdfast serve` with its data folder.
pub struct Process {
    child: Option<Child>,
    dir: PathBuf,
    environment: Vec<(String, String)>,
    pub url: String,
    http: reqwest::Client,
}

/// An answer with its parsed body.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    /// The body, after checking the status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{:#}", self.body);
        self.body
    }

    /// The version in the `ETag`, quoted as it came.
    pub fn etag(&self) -> String {
        self.headers.get("etag").expect("an ETag").to_str().unwrap().to_owned()
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Process {
    /// Starts the service on `store_url` with everything else in `dir`.
    pub async fn start(dir: &Path, store_url: &str, settings: &[(&str, String)]) -> Self {
        let port = free_port();
        std::fs::write(dir.join("clock-offset-s"), "0").unwrap();
        let mut environment = vec![
            ("HOLDFAST_DATA_DIR".to_owned(), dir.join("data").display().to_string()),
            ("HOLDFAST_SERVER__BIND".to_owned(), format!("127.0.0.1:{port}")),
            ("HOLDFAST_SERVER__CLOCK_OFFSET_FILE".to_owned(), dir.join("clock-offset-s").display().to_string()),
            ("HOLDFAST_STORE__URL".to_owned(), store_url.to_owned()),
            ("HOLDFAST_MODELS__SHIPPED".to_owned(), concat!(env!("CARGO_MANIFEST_DIR"), "/models").to_owned()),
            ("HOLDFAST_CONNECTOR__ALLOW_PRIVATE".to_owned(), "true".to_owned()),
            ("HOLDFAST_LOG".to_owned(), "warn".to_owned()),
        ];
        environment.extend(settings.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        let mut process = Self {
            child: None,
            dir: dir.to_owned(),
            environment,
            url: format!("http://127.0.0.1:{port}"),
            http: reqwest::Client::builder().timeout(Duration::from_secs(60)).build().unwrap(),
        };
        process.restart().await;
        process
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast"));
        command.current_dir(&self.dir).envs(self.environment.iter().map(|(k, v)| (k, v)));
        command
    }

    /// Starts the service again on the same data, and waits until it is ready.
    pub async fn restart(&mut self) {
        self.kill();
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.dir.join("serve.log")).unwrap();
        self.child = Some(self.command().arg("serve").stdout(Stdio::null()).stderr(log).spawn().unwrap());
        let began = Instant::now();
        loop {
            if let Ok(answer) = self.http.get(format!("{}/readyz", self.url)).send().await
                && answer.status().is_success()
            {
                return;
            }
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            let log = || std::fs::read_to_string(self.dir.join("serve.log")).unwrap_or_default();
            assert!(ended.is_none(), "the service ended with {ended:?}:\n{}", log());
            assert!(began.elapsed() < Duration::from_secs(60), "the service is not ready after 60 s:\n{}", log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// SIGKILL: no handler runs, nothing is flushed.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Lets `hours` pass.
    pub fn pass_hours(&self, hours: f64) {
        let path = self.dir.join("clock-offset-s");
        let before: f64 = std::fs::read_to_string(&path).unwrap().trim().parse().unwrap();
        std::fs::write(&path, format!("{}", (before + hours * 3600.0).round())).unwrap();
    }

    /// The service's time.
    pub fn now(&self) -> jiff::Timestamp {
        let offset: f64 = std::fs::read_to_string(self.dir.join("clock-offset-s")).unwrap().trim().parse().unwrap();
        #[expect(
            clippy::disallowed_methods,
            clippy::cast_possible_truncation,
            reason = "the child runs on the system's clock"
        )]
        let now = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(offset as i64);
        now
    }

    /// Runs a subcommand on the same data and gives its output.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.command().args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "holdfast {arguments:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
        said
    }

    /// A person's token with these roles.
    pub fn person(&self, subject: &str, roles: &str) -> String {
        self.run(&["token", "--subject", subject, "--kind", "person", "--roles", roles, "--hours", "1000"])
            .trim()
            .to_owned()
    }

    /// A machine's token with these scopes.
    pub fn service(&self, subject: &str, scopes: &str) -> String {
        self.run(&["token", "--subject", subject, "--kind", "service", "--scopes", scopes, "--hours", "1000"])
            .trim()
            .to_owned()
    }

    /// `GET`.
    pub async fn get(&self, token: &str, path: &str) -> Answer {
        self.send(self.http.get(format!("{}{path}", self.url)).bearer_auth(token)).await
    }

    /// `POST` with an idempotency key made from the content, so that a repeated step is the same request.
    pub async fn post(&self, token: &str, path: &str, body: &Value) -> Answer {
        self.post_with(token, path, body, &[]).await
    }

    /// `POST` with further headers.
    pub async fn post_with(&self, token: &str, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        let key = holdfast::domain::digest::hex_of(&serde_json::json!([path, body, headers])).unwrap();
        let mut request = self.http.post(format!("{}{path}", self.url)).bearer_auth(token);
        request = request.header("idempotency-key", key).json(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let answer = request.send().await.expect("the service answers");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer { status, headers, body }
    }

    /// Asks until `found` says what it saw, for at most a minute.
    pub async fn wait_for<T>(&self, token: &str, path: &str, what: &str, found: impl Fn(&Value) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            let answer = self.get(token, path).await;
            if answer.status == 200
                && let Some(seen) = found(&answer.body)
            {
                return seen;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "waited 60 s for {what}; last saw {:#}", answer.body);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
