//! Exact nearest neighbours in memory, kept in an append-only log: the embedded default.
//!
//! Guarantees: search looks at every point that the filter lets through, so its recall is 1; what `upsert` or `delete`
//! returned from is on disk (synced); a record that a crash cut off is dropped with a warning, damage anywhere else refuses
//! to open; dead records are dropped when the log is opened by one process alone; several processes may share the file, and each
//! sees what the others wrote. Non-goals: more vectors than fit in memory.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use uuid::Uuid;

use super::log::{Log, Record, Turn};
use crate::ports::vectors::{Hit, Point, Query, VectorError, VectorStore};

/// One collection: vectors packed row after row and normalised, so that a likeness is one dot product.
#[derive(Default)]
struct Collection {
    width: usize,
    packed: Vec<f32>,
    points: Vec<Point>,
    rows: BTreeMap<Uuid, usize>,
}

struct State {
    collections: BTreeMap<String, Collection>,
    log: Log,
}

/// The exact store.
#[derive(Clone)]
pub struct ExactVectors {
    state: Arc<RwLock<State>>,
}

impl ExactVectors {
    /// Opens the log at `path`, or begins one.
    ///
    /// # Errors
    /// When the file cannot be read or written, or is damaged before its end.
    pub fn open(path: &Path) -> Result<Self, VectorError> {
        let (log, records) = Log::open(path, live)?;
        let mut state = State { collections: BTreeMap::new(), log };
        state.apply(records);
        Ok(Self { state: Arc::new(RwLock::new(state)) })
    }

    /// Runs `work` where blocking is allowed.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&RwLock<State>) -> Result<T, VectorError> + Send + 'static,
    ) -> Result<T, VectorError> {
        let state = Arc::clone(&self.state);
        tokio::task::spawn_blocking(move || work(&state))
            .await
            .map_err(|error| VectorError { message: format!("its task ended: {error}"), retryable: true })?
    }
}

#[async_trait]
impl VectorStore for ExactVectors {
    async fn upsert(&self, collection: &str, points: Vec<Point>) -> Result<(), VectorError> {
        let collection = collection.to_owned();
        self.blocking(move |state| {
            let mut state = state.write().unwrap_or_else(PoisonError::into_inner);
            state.commit(|collections| {
                let width = collections.get(&collection).and_then(Collection::width_fixed);
                check(&collection, width, &points)?;
                Ok(points.into_iter().map(|point| Record::put(&collection, point)).collect())
            })
        })
        .await
    }

    async fn search_each(&self, collection: &str, queries: Vec<Query>) -> Result<Vec<Vec<Hit>>, VectorError> {
        let collection = collection.to_owned();
        self.blocking(move |whole| {
            let mut state = whole.read().unwrap_or_else(PoisonError::into_inner);
            if state.log.is_behind() {
                drop(state);
                whole.write().unwrap_or_else(PoisonError::into_inner).catch_up()?;
                state = whole.read().unwrap_or_else(PoisonError::into_inner);
            }
            match state.collections.get(&collection) {
                Some(found) => found.search_each(&collection, &queries),
                None => Ok(vec![Vec::new(); queries.len()]),
            }
        })
        .await
    }

    async fn delete(&self, collection: &str, keys: &[Uuid]) -> Result<(), VectorError> {
        let (collection, keys) = (collection.to_owned(), keys.to_vec());
        self.blocking(move |state| {
            let mut state = state.write().unwrap_or_else(PoisonError::into_inner);
            state.commit(|collections| {
                let found = collections.get(&collection);
                let present = keys.into_iter().filter(|key| found.is_some_and(|found| found.rows.contains_key(key)));
                Ok(present.map(|key| Record::delete(&collection, key)).collect())
            })
        })
        .await
    }
}

impl State {
    /// On disk first, in memory after; `records` sees what other processes wrote before.
    fn commit(
        &mut self,
        records: impl FnOnce(&BTreeMap<String, Collection>) -> Result<Vec<Record>, VectorError>,
    ) -> Result<(), VectorError> {
        let _turn = self.catch_up()?;
        let records = records(&self.collections)?;
        self.log.append(&records)?;
        self.apply(records);
        Ok(())
    }

    /// Reads what other processes wrote, and keeps the turn.
    fn catch_up(&mut self) -> Result<Turn, VectorError> {
        let turn = self.log.turn()?;
        let missed = self.log.read()?;
        self.apply(missed);
        Ok(turn)
    }

    fn apply(&mut self, records: Vec<Record>) {
        for record in records {
            self.collections.entry(record.collection.clone()).or_default().apply(record);
        }
    }
}

/// The records that say as much as all of them; `None` when none is dead.
fn live(records: &[Record]) -> Option<Vec<Record>> {
    let last: BTreeMap<(&str, Uuid), &Record> =
        records.iter().map(|record| ((record.collection.as_str(), record.key), record)).collect();
    let live: Vec<&Record> = last.into_values().filter(|record| record.point.is_some()).collect();
    (live.len() < records.len()).then(|| live.into_iter().cloned().collect())
}

impl Collection {
    /// The width that further points must have; an empty collection takes any.
    fn width_fixed(&self) -> Option<usize> {
        (!self.points.is_empty()).then_some(self.width)
    }

    fn apply(&mut self, record: Record) {
        match (record.point, self.rows.get(&record.key).copied()) {
            (Some(point), Some(row)) => {
                let width = self.width;
                self.packed[row * width..(row + 1) * width].copy_from_slice(&normalised(&point.vector));
                self.points[row] = point;
            }
            (Some(point), None) => {
                self.width = point.vector.len();
                self.packed.extend(normalised(&point.vector));
                self.rows.insert(point.key, self.points.len());
                self.points.push(point);
            }
            (None, Some(row)) => self.remove(row),
            (None, None) => {}
        }
    }

    /// The last row takes the place of the removed one.
    fn remove(&mut self, row: usize) {
        let last = self.points.len() - 1;
        self.packed.copy_within(last * self.width.., row * self.width);
        self.packed.truncate(last * self.width);
        let removed = self.points.swap_remove(row);
        self.rows.remove(&removed.key);
        if let Some(moved) = self.points.get(row) {
            self.rows.insert(moved.key, row);
        }
    }

    /// Queries with one filter share one look at the payloads.
    fn search_each(&self, name: &str, queries: &[Query]) -> Result<Vec<Vec<Hit>>, VectorError> {
        let mut passing: BTreeMap<&BTreeMap<String, String>, Vec<usize>> = BTreeMap::new();
        let mut all = Vec::with_capacity(queries.len());
        for query in queries {
            let rows = passing.entry(&query.filter).or_insert_with(|| self.rows_of(&query.filter));
            all.push(self.nearest(name, query, rows)?);
        }
        Ok(all)
    }

    /// The rows whose payload has every member of `filter`.
    fn rows_of(&self, filter: &BTreeMap<String, String>) -> Vec<usize> {
        let passes = |point: &Point| filter.iter().all(|(member, value)| point.payload.get(member) == Some(value));
        self.points.iter().enumerate().filter(|(_, point)| passes(point)).map(|(row, _)| row).collect()
    }

    fn nearest(
        &self,
        name: &str,
        Query { vector, limit, .. }: &Query,
        rows: &[usize],
    ) -> Result<Vec<Hit>, VectorError> {
        let limit = *limit;
        if limit == 0 || self.points.is_empty() {
            return Ok(Vec::new());
        }
        check_vector(name, Some(self.width), vector)?;
        let query = normalised(vector);
        let likeness = |row: usize| dot(&self.packed[row * self.width..(row + 1) * self.width], &query);
        let mut scored: Vec<(f32, &Point)> = rows.iter().map(|row| (likeness(*row), &self.points[*row])).collect();
        let better = |a: &(f32, &Point), b: &(f32, &Point)| b.0.total_cmp(&a.0).then(a.1.key.cmp(&b.1.key));
        if scored.len() > limit {
            scored.select_nth_unstable_by(limit - 1, better);
            scored.truncate(limit);
        }
        scored.sort_unstable_by(better);
        let hit = |(score, point): (f32, &Point)| Hit { key: point.key, score, payload: point.payload.clone() };
        Ok(scored.into_iter().map(hit).collect())
    }
}

fn check(name: &str, width: Option<usize>, points: &[Point]) -> Result<(), VectorError> {
    let width = width.or(points.first().map(|point| point.vector.len()));
    points.iter().try_for_each(|point| check_vector(name, width, &point.vector))
}

fn check_vector(name: &str, width: Option<usize>, vector: &[f32]) -> Result<(), VectorError> {
    let refuse = |message: String| Err(VectorError { message, retryable: false });
    match width {
        Some(width) if width != vector.len() => {
            refuse(format!("a vector has {} numbers, those of collection `{name}` have {width}", vector.len()))
        }
        _ if vector.is_empty() => refuse(format!("a vector for collection `{name}` has no numbers")),
        _ if vector.iter().any(|x| !x.is_finite()) => {
            refuse(format!("a vector for collection `{name}` has a number that is not finite"))
        }
        _ => Ok(()),
    }
}

/// The vector at length 1; the zero vector stays, and is like nothing.
fn normalised(vector: &[f32]) -> Vec<f32> {
    let length = vector.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
    let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
    vector.iter().map(|x| (f64::from(*x) * scale) as f32).collect()
}

/// Eight running sums, which the compiler keeps in one vector register.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a_chunks, b_chunks) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(x, y)| x * y).sum();
    let mut sums = [0.0_f32; 8];
    for (x, y) in a_chunks.zip(b_chunks) {
        for lane in 0..8 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    rest + sums.iter().sum::<f32>()
}
