//! One contract for every vector store.

use std::collections::BTreeMap;
use std::path::Path;

use holdfast::adapters::vectors::{ExactVectors, QdrantVectors};
use holdfast::ports::vectors::{Hit, Point, VectorStore};
use uuid::Uuid;

use crate::support::folder::Folder;

fn key(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn point(number: u128, vector: [f32; 3], category: &str) -> Point {
    let payload =
        BTreeMap::from([("category".to_owned(), category.to_owned()), ("number".to_owned(), number.to_string())]);
    Point { key: key(number), vector: vector.to_vec(), payload }
}

fn filter(category: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("category".to_owned(), category.to_owned())])
}

fn numbers(hits: &[Hit]) -> Vec<u128> {
    hits.iter().map(|hit| hit.key.as_u128()).collect()
}

/// What `ports::vectors` promises; `again` gives the same store after a restart.
async fn keeps_the_contract(again: impl Fn() -> Box<dyn VectorStore>, collection: &str) {
    let store = again();
    let none = BTreeMap::new();
    let east = [1.0, 0.0, 0.0];
    assert_eq!(store.search(collection, &east, &none, 5).await.unwrap(), vec![], "unknown collection");
    store.delete(collection, &[key(1)]).await.unwrap();
    let points = vec![
        point(1, [2.0, 0.0, 0.0], "shortage"),
        point(2, [1.0, 1.0, 0.0], "credit"),
        point(3, [0.0, 1.0, 0.0], "shortage"),
        point(4, [5.0, 0.0, 0.0], "credit"),
        point(5, [-1.0, 0.0, 0.0], "shortage"),
    ];
    store.upsert(collection, points).await.unwrap();
    let hits = store.search(collection, &east, &none, 4).await.unwrap();
    assert_eq!(numbers(&hits), [1, 4, 2, 3], "best first, ties by key");
    assert!((hits[0].score - 1.0).abs() < 1e-5 && (hits[2].score - 0.5_f32.sqrt()).abs() < 1e-5, "{hits:?}");
    assert_eq!(hits[2].payload["number"], "2");
    let hits = store.search(collection, &east, &filter("shortage"), 9).await.unwrap();
    assert_eq!(numbers(&hits), [1, 3, 5], "only what the filter lets through");
    assert!((hits[2].score + 1.0).abs() < 1e-5);
    let both = BTreeMap::from([("category".to_owned(), "credit".to_owned()), ("number".to_owned(), "2".to_owned())]);
    assert_eq!(numbers(&store.search(collection, &east, &both, 9).await.unwrap()), [2], "every member must match");
    store.upsert(collection, vec![point(3, [3.0, 0.1, 0.0], "credit")]).await.unwrap();
    let hits = store.search(collection, &east, &filter("shortage"), 9).await.unwrap();
    assert_eq!(numbers(&hits), [1, 5], "an upsert replaces");
    let wide = Point { key: key(9), vector: vec![1.0; 4], payload: BTreeMap::new() };
    let refused = store.upsert(collection, vec![wide]).await.unwrap_err();
    assert!(!refused.retryable, "{refused}");
    store.delete(collection, &[key(1), key(77)]).await.unwrap();
    drop(store);
    let store = again();
    let hits = store.search(collection, &east, &none, 9).await.unwrap();
    assert_eq!(numbers(&hits), [4, 3, 2, 5], "what was written is there after a restart");
    assert_eq!(store.search(collection, &east, &none, 0).await.unwrap(), vec![]);
}

fn open(path: &Path) -> ExactVectors {
    ExactVectors::open(path).unwrap()
}

#[tokio::test]
async fn exact_search_keeps_the_contract() {
    let folder = Folder::new().unwrap();
    let path = folder.path().join("vectors.log");
    keeps_the_contract(|| Box::new(open(&path)), "cases").await;
}

#[tokio::test]
#[ignore = "needs a Qdrant server: set HOLDFAST_QDRANT_URL to its gRPC address"]
async fn qdrant_keeps_the_contract() {
    let url = std::env::var("HOLDFAST_QDRANT_URL").expect("HOLDFAST_QDRANT_URL is not set");
    let collection = format!("holdfast-contract-{}", std::process::id());
    keeps_the_contract(|| Box::new(QdrantVectors::new(&url, None).unwrap()), &collection).await;
}

#[tokio::test]
async fn an_unfinished_last_record_is_dropped_and_the_rest_stays() {
    let folder = Folder::new().unwrap();
    let path = folder.path().join("vectors.log");
    let store = open(&path);
    store.upsert("cases", vec![point(1, [1.0, 0.0, 0.0], "a"), point(2, [0.0, 1.0, 0.0], "a")]).await.unwrap();
    let whole = std::fs::read(&path).unwrap();
    store.upsert("cases", vec![point(3, [1.0, 0.0, 0.0], "a")]).await.unwrap();
    drop(store);
    let full = std::fs::read(&path).unwrap();
    for cut in [whole.len() + 1, whole.len() + 9, full.len() - 1] {
        std::fs::write(&path, &full[..cut]).unwrap();
        let store = open(&path);
        let hits = store.search("cases", &[1.0, 0.0, 0.0], &BTreeMap::new(), 9).await.unwrap();
        assert_eq!(numbers(&hits), [1, 2], "cut at {cut}");
        assert_eq!(std::fs::read(&path).unwrap(), whole, "the rest of the record is gone");
        store.upsert("cases", vec![point(4, [1.0, 0.0, 0.0], "a")]).await.unwrap();
        drop(store);
        assert_eq!(open(&path).search("cases", &[1.0, 0.0, 0.0], &BTreeMap::new(), 9).await.unwrap().len(), 3);
    }
}

#[tokio::test]
async fn damage_before_the_end_refuses_to_open() {
    let folder = Folder::new().unwrap();
    let path = folder.path().join("vectors.log");
    let store = open(&path);
    store.upsert("cases", vec![point(1, [1.0, 0.0, 0.0], "a"), point(2, [0.0, 1.0, 0.0], "a")]).await.unwrap();
    drop(store);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[30] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let error = ExactVectors::open(&path).err().unwrap().to_string();
    assert!(error.contains("damaged at byte 0"), "{error}");
}

#[tokio::test]
async fn two_that_share_a_file_see_what_the_other_wrote() {
    let folder = Folder::new().unwrap();
    let path = folder.path().join("vectors.log");
    let (one, two) = (open(&path), open(&path));
    let all = async |store: &ExactVectors| {
        numbers(&store.search("cases", &[1.0, 0.0, 0.0], &BTreeMap::new(), 9).await.unwrap())
    };
    for _ in 0..3 {
        one.upsert("cases", vec![point(1, [1.0, 0.0, 0.0], "a")]).await.unwrap();
        two.upsert("cases", vec![point(2, [0.0, 1.0, 0.0], "a")]).await.unwrap();
    }
    assert_eq!(all(&one).await, [1, 2]);
    // Dead records stay while somebody writes to the file.
    let before = std::fs::metadata(&path).unwrap().len();
    let three = open(&path);
    assert_eq!(std::fs::metadata(&path).unwrap().len(), before);
    one.delete("cases", &[key(1)]).await.unwrap();
    assert_eq!((all(&two).await, all(&three).await), (vec![2], vec![2]));
    drop((one, two, three));
    assert_eq!(all(&open(&path)).await, [2]);
    assert!(std::fs::metadata(&path).unwrap().len() < before / 3);
}

#[tokio::test]
async fn opening_drops_dead_records() {
    let folder = Folder::new().unwrap();
    let path = folder.path().join("vectors.log");
    let store = open(&path);
    for _ in 0..20 {
        store.upsert("cases", vec![point(1, [1.0, 0.0, 0.0], "a")]).await.unwrap();
    }
    drop(store);
    let before = std::fs::metadata(&path).unwrap().len();
    drop(open(&path));
    assert_eq!(std::fs::metadata(&path).unwrap().len() * 20, before);
}
