//! The worklist: what to look at first, and why.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;

use super::Sampled;
use super::shell::{Refused, Shell, Viewer, escape, render};
use super::words::{self, Levelled};
use crate::domain::actor::Scope;
use crate::domain::case::{Case, CaseState, Category};
use crate::domain::queue::QueueRank;
use crate::ports::store::cases::{CaseCursor, CaseFilter, Facets};
use crate::web::api::exceptions::place;
use crate::web::extract::{PageSize, Params, Text};
use crate::web::paging::{Cursor, after, page, plain};
use crate::web::state::WebState;

const ROWS: PageSize = PageSize(50);

#[derive(Template)]
#[template(path = "worklist.html")]
struct WorklistPage {
    shell: Shell,
    total: i64,
    filtered: bool,
    facets: Vec<Facet>,
    rows: Vec<Row>,
    paged: bool,
    first: String,
    next: Option<String>,
}

struct Facet {
    name: &'static str,
    choices: Vec<Choice>,
}

struct Choice {
    label: String,
    href: String,
    count: i64,
    current: bool,
}

struct Row {
    rank: usize,
    id: String,
    category: String,
    detail: String,
    order: String,
    at_stake: String,
    miss: Option<Miss>,
    due: Levelled,
    sla: Levelled,
    action: String,
    saves: String,
    state: Levelled,
    owner: String,
    /// Why it stands before worth.
    first: Option<String>,
}

struct Miss {
    percent: u8,
    level: &'static str,
}

/// What the page's address can say.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Query {
    category: Option<Category>,
    state: Option<Text>,
    owner: Option<Text>,
    cursor: Option<Cursor>,
    #[serde(default)]
    from: usize,
    done: Option<String>,
}

impl Query {
    fn filter(&self) -> CaseFilter {
        CaseFilter {
            open: self.state.is_none().then_some(true),
            state: plain(self.state.clone()),
            category: self.category,
            owner: plain(self.owner.clone()),
            ..CaseFilter::default()
        }
    }

    /// The address with one filter set or cleared.
    fn with(&self, name: &str, value: Option<&str>) -> String {
        let mut parts = BTreeMap::new();
        let category = self.category.map(|c| c.name().to_owned());
        let members =
            [("category", category), ("state", plain(self.state.clone())), ("owner", plain(self.owner.clone()))];
        parts.extend(members.into_iter().filter_map(|(k, v)| v.map(|v| (k, v))));
        match value {
            Some(value) => parts.insert(name, value.to_owned()),
            None => parts.remove(name),
        };
        let query: Vec<String> = parts.iter().map(|(k, v)| format!("{k}={}", escape(v))).collect();
        if query.is_empty() { "/".to_owned() } else { format!("/?{}", query.join("&")) }
    }
}

pub(super) async fn show(
    State(state): State<WebState>,
    viewer: Viewer,
    Params(query): Params<Query>,
) -> Result<Response, Refused> {
    viewer.needs(Scope::ExceptionsRead)?;
    let cursor: Option<CaseCursor> = after(&state, "exceptions", query.cursor.as_ref())?;
    let mut shell = viewer.shell(&state, "Worklist", "/").await?;
    shell.notice.clone_from(&query.done);
    let filter = query.filter();
    let mut tx = state.services.store.read().await?;
    let cases = tx.list_cases(&filter, cursor, ROWS.0 + 1).await?;
    let facets = tx.case_facets(&filter).await?;
    let page = page(&state, "exceptions", ROWS, cases, place);
    let now = state.services.clock.now();
    let rows: Vec<Row> = page.items.iter().enumerate().map(|(i, c)| row(&state, query.from + i + 1, c, now)).collect();
    let first = query.with("", None);
    let mark = if first.contains('?') { '&' } else { '?' };
    let next = page.next.map(|cursor| format!("{first}{mark}cursor={cursor}&from={}", query.from + rows.len()));
    Ok(render(&WorklistPage {
        shell,
        total: facets.total,
        filtered: first != "/",
        facets: facet_list(&query, &facets),
        rows,
        paged: query.cursor.is_some(),
        first,
        next,
    }))
}

fn facet_list(query: &Query, facets: &Facets) -> Vec<Facet> {
    let category = query.category.map(Category::name);
    let state = query.state.as_ref().map(|s| s.0.as_str());
    let owner = query.owner.as_ref().map(|o| o.0.as_str());
    [
        ("Category", "category", &facets.category, category),
        ("State", "state", &facets.state, state),
        ("Owner", "owner", &facets.owner, owner),
    ]
    .into_iter()
    .map(|(name, parameter, counts, current)| Facet { name, choices: choices(query, parameter, counts, current) })
    .collect()
}

fn choices(query: &Query, parameter: &str, counts: &BTreeMap<String, i64>, current: Option<&str>) -> Vec<Choice> {
    let mut list: Vec<Choice> = counts
        .iter()
        .map(|(value, count)| {
            let chosen = current == Some(value.as_str());
            let href = query.with(parameter, (!chosen).then_some(value));
            Choice { label: words::title(value), href, count: *count, current: chosen }
        })
        .collect();
    list.sort_by_key(|choice| std::cmp::Reverse(choice.count));
    list
}

fn row(state: &WebState, rank: usize, case: &Case, now: Timestamp) -> Row {
    let assessment = case.assessment.as_ref();
    let line = case.key.line_no.map_or_else(String::new, |n| format!(" / {n}"));
    Row {
        rank,
        id: case.id.to_string(),
        category: words::title(case.key.category.name()),
        detail: case.detail.clone(),
        order: format!("{}{line}", case.key.order_id),
        at_stake: case.at_stake.as_ref().map_or_else(String::new, words::money),
        miss: assessment.and_then(|a| a.miss_probability).map(miss),
        due: words::countdown(case.due_at.filter(|_| case.state.is_open()), now),
        sla: words::sla(state.services.service_levels.status(case, now).as_ref()),
        action: assessment.map_or_else(String::new, |assessment| {
            assessment.best_action.map_or_else(|| "none recommended".to_owned(), |action| words::title(action.name()))
        }),
        saves: assessment.and_then(|a| a.value).map_or_else(String::new, words::amount),
        state: words::case_state(&case.state),
        owner: words::title(&case.owner),
        first: assessment
            .and_then(|a| a.queue.as_ref())
            .filter(|place| place.rank < QueueRank::Worth)
            .map(|p| p.why.clone()),
    }
}

fn miss(probability: f64) -> Miss {
    let percent = words::percent(probability);
    let level = match percent {
        0..34 => "low",
        34..67 => "mid",
        _ => "high",
    };
    Miss { percent, level }
}

impl Sampled for WorklistPage {
    fn samples() -> Vec<Self> {
        let row = |rank, probability: Option<f64>| Row {
            rank,
            id: "0192f0c1-2345-7abc-8def-0123456789ab".to_owned(),
            category: "Inventory shortage".to_owned(),
            detail: "Line 2 lacks 40 of 120 pieces in WH-NORTH <today>.".to_owned(),
            order: "SO-10231 / 2".to_owned(),
            at_stake: "12\u{202f}400.00 EUR".to_owned(),
            miss: probability.map(miss),
            due: Levelled::new("in 7 h", "soon"),
            sla: Levelled::new("2 h left", "soon"),
            first: Some("safety: people <are> in danger".to_owned()),
            action: "Reallocate from warehouse".to_owned(),
            saves: "310".to_owned(),
            state: words::case_state(&CaseState::New),
            owner: "Supply planning".to_owned(),
        };
        let counts: BTreeMap<String, i64> = [("inventory_shortage".to_owned(), 2)].into();
        let facets = Facets { total: 2, category: counts.clone(), state: counts.clone(), owner: counts };
        let query = Query { category: Some(Category::InventoryShortage), ..Query::default() };
        let full = Self {
            shell: Shell::sample("/"),
            total: 2,
            filtered: true,
            facets: facet_list(&query, &facets),
            rows: vec![row(1, Some(0.82)), row(2, None)],
            paged: true,
            first: query.with("", None),
            next: Some("/?cursor=abc".to_owned()),
        };
        let shell = Shell::sample("/");
        let empty = (0, false, Vec::new(), Vec::new());
        let (total, filtered, facets, rows) = empty;
        vec![full, Self { shell, total, filtered, facets, rows, paged: false, first: "/".to_owned(), next: None }]
    }
}

pub(super) fn samples() -> Vec<String> {
    super::rendered::<WorklistPage>()
}
