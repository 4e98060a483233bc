//! Enforces what the compiler cannot inside one crate: layers, sizes, module docs (docs/ARCHITECTURE.md).

use std::path::{Path, PathBuf};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

/// A folder of the root package and the names that nothing in it may use.
const LAYERS: &[(&str, &[&str])] = &[
    (
        "src/domain",
        &[
            "crate::ports",
            "crate::flow",
            "crate::adapters",
            "crate::web",
            "crate::app",
            "crate::commands",
            "crate::config",
            "tokio::",
            "sqlx",
            "axum",
        ],
    ),
    (
        "src/ports",
        &[
            "crate::flow",
            "crate::adapters",
            "crate::web",
            "crate::app",
            "crate::commands",
            "crate::config",
            "sqlx",
            "axum",
            "candle",
        ],
    ),
    (
        "src/flow",
        &[
            "crate::adapters",
            "crate::web",
            "crate::app",
            "crate::commands",
            "crate::config",
            "sqlx",
            "axum",
            "candle",
            "linfa",
            "qdrant",
            "reqwest",
        ],
    ),
    ("src/adapters", &["crate::flow", "crate::web", "crate::app", "crate::commands", "axum"]),
    ("src/web", &["crate::adapters", "crate::app", "crate::commands", "sqlx", "candle", "linfa", "qdrant"]),
];

/// A crate and the only places of the root package that may name it.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("cedar_policy::", &["src/flow/decide/policy"]),
    ("sqlx::", &["src/adapters/store"]),
    ("candle_core::", &["src/adapters/candle"]),
    ("candle_nn::", &["src/adapters/candle"]),
    ("linfa::", &[]),
    ("mail_parser::", &["src/adapters/mail"]),
    ("qdrant_client::", &["src/adapters/vectors"]),
    ("axum::", &["src/web", "src/commands/serve"]),
    // The one way to what a message says: to read it, to show it, to offer a bounded value of it as a quote.
    (
        "as_written",
        &[
            "src/domain/untrusted",
            "src/flow/accept/messages",
            "src/flow/assess",
            "src/flow/decide/prefill",
            "src/adapters/store/messages",
            "src/web/timeline",
            "src/web/pages",
            "src/commands/read",
            "src/commands/train",
        ],
    ),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|e| e == "rs") {
            let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            found.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
    found.sort();
    found
}

fn all_sources() -> Vec<(String, String)> {
    [
        "src",
        "training/src",
        "training/tests",
        "training/examples",
        "datasets/src",
        "datasets/tests",
        "encoder/src",
        "encoder/tests",
        "tests",
        "benches",
    ]
    .iter()
    .filter(|folder| root().join(folder).exists())
    .flat_map(|folder| sources(folder))
    .collect()
}

/// Code without comments, so that prose may name what code may not.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.split("//").next().unwrap_or("")))
        .filter(|(_, line)| !line.trim().is_empty())
}

fn names(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let within_a_path = before == Some(':') && word.ends_with("::");
        !within_a_path && !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

fn report(mut faults: Vec<String>) {
    faults.sort();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn layers_hold() {
    let mut faults = Vec::new();
    for (folder, forbidden) in LAYERS {
        for (name, text) in sources(folder) {
            for (line_no, line) in code(&text) {
                for word in *forbidden {
                    if names(line, word) {
                        faults.push(format!("{name}:{line_no}: {folder} may not name `{word}`"));
                    }
                }
            }
        }
    }
    for (word, places) in ONLY_IN {
        for (name, text) in sources("src") {
            if places.iter().any(|place| name.starts_with(place)) {
                continue;
            }
            for (line_no, line) in code(&text) {
                if names(line, word) {
                    faults.push(format!("{name}:{line_no}: `{word}` belongs to {places:?}"));
                }
            }
        }
    }
    report(faults);
}

#[test]
fn members_know_nothing_of_the_service() {
    let faults = ["training/src", "datasets/src"]
        .iter()
        .flat_map(|folder| sources(folder))
        .filter(|(name, text)| {
            let other = if name.starts_with("training") { "holdfast_datasets" } else { "holdfast_training" };
            text.contains(other) || text.contains("holdfast::")
        })
        .map(|(name, _)| format!("{name}: a member may not name the service or the other member"))
        .collect();
    report(faults);
}

#[test]
fn files_are_short() {
    let faults = all_sources()
        .into_iter()
        .filter_map(|(name, text)| {
            let lines = text.lines().count();
            (lines > FILE_LINES_MAX).then(|| format!("{name}: {lines} lines, at most {FILE_LINES_MAX}"))
        })
        .collect();
    report(faults);
}

#[test]
fn functions_are_short() {
    let mut faults = Vec::new();
    for (name, text) in all_sources() {
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let body = line.trim_start();
            let is_function = [
                "fn ",
                "pub fn ",
                "async fn ",
                "pub async fn ",
                "pub(crate) fn ",
                "pub(crate) async fn ",
                "pub(super) fn ",
                "pub(super) async fn ",
            ]
            .iter()
            .any(|start| body.starts_with(start));
            if !is_function {
                continue;
            }
            let indent = line.len() - body.len();
            let close = format!("{}}}", " ".repeat(indent));
            let end = lines[index..]
                .iter()
                .position(|l| **l == *close || l.trim_end().ends_with(';') && l.len() - l.trim_start().len() == indent);
            let length = end.unwrap_or(0) + 1;
            if length > FUNCTION_LINES_MAX {
                faults
                    .push(format!("{name}:{}: a function of {length} lines, at most {FUNCTION_LINES_MAX}", index + 1));
            }
        }
    }
    report(faults);
}

#[test]
fn every_module_says_what_it_is_for() {
    let faults = all_sources()
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(name, _)| format!("{name}: begin with `//!`: purpose, guarantees, non-goals"))
        .collect();
    report(faults);
}

#[test]
fn tests_stand_apart() {
    let faults = sources("src")
        .into_iter()
        .filter(|(_, text)| text.contains("#[cfg(test)]"))
        .map(|(name, _)| format!("{name}: tests live in tests/it, so that files stay short"))
        .collect();
    report(faults);
}

#[test]
fn the_checkout_stays_small() {
    fn size(path: &PathBuf) -> u64 {
        if path.is_dir() {
            std::fs::read_dir(path).unwrap().map(|entry| size(&entry.unwrap().path())).sum()
        } else {
            std::fs::metadata(path).map_or(0, |m| m.len())
        }
    }
    let skipped = ["target", ".git", "data", ".venv"];
    let total: u64 = std::fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| !skipped.contains(&entry.file_name().to_string_lossy().as_ref()))
        .map(|entry| size(&entry.path()))
        .sum();
    assert!(total < 64 * 1024 * 1024, "the checkout has {} MiB, at most 64", total / 1024 / 1024);
}

/// The document names its schemas by their types, so of two types of one name only one would be in it.
#[test]
fn schemas_have_names_of_their_own() {
    let mut faults = Vec::new();
    let mut seen = std::collections::BTreeMap::new();
    for (name, text) in sources("src") {
        let mut is_schema = false;
        for (line_no, line) in code(&text) {
            is_schema |= line.contains("derive(") && line.contains("ToSchema");
            let mut words = line.trim_start().split(|c: char| !c.is_alphanumeric() && c != '_');
            let (Some("pub"), Some("struct" | "enum"), Some(kind)) = (words.next(), words.next(), words.next()) else {
                continue;
            };
            if std::mem::take(&mut is_schema)
                && !kind.is_empty()
                && let Some(first) = seen.insert(kind.to_owned(), name.clone())
            {
                faults.push(format!("{name}:{line_no}: `{kind}` is a schema of {first} already"));
            }
        }
    }
    report(faults);
}
