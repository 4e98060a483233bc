//! `holdfast evaluate intents` on small files: what it prints, and what it bears.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use super::tiny;
use crate::support::folder::Folder;

/// Texts of three classes that differ by their words; 12 of each.
fn rows(classes: &[(&str, &[&str])], from: usize) -> String {
    let texts = |(label, words): &(&str, &[&str])| -> String {
        (from..from + 12)
            .map(|at| {
                format!("{label}\t{} the order {} please\n", words[at % words.len()], words[(at * 7 + 1) % words.len()])
            })
            .collect()
    };
    classes.iter().map(texts).collect()
}

const CLASSES: [(&str, &[&str]); 3] = [
    ("cancel", &["cancel", "cancel it", "stop and cancel"]),
    ("status", &["where is", "status of", "when ships"]),
    ("pay", &["invoice", "paid", "credit for"]),
];

fn packed(path: &Path, text: &str) {
    let mut file = GzEncoder::new(std::fs::File::create(path).unwrap(), Compression::fast());
    file.write_all(text.as_bytes()).unwrap();
    file.finish().unwrap();
}

fn evaluate(folder: &Folder, args: &[&str]) -> Output {
    let encoder = std::fs::canonicalize(tiny::DIR).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast"));
    command.current_dir(folder.path()).args(["evaluate", "intents", "--json", "--encoder"]).arg(encoder);
    command.args(args).output().unwrap()
}

fn report(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Training rows with a heading, carriage returns, blank lines, a byte that is no UTF-8 and a class of one row; a packed test.
fn written() -> Folder {
    let folder = Folder::new().unwrap();
    let at = |name: &str| -> PathBuf { folder.path().join(name) };
    let mut train = b"\xef\xbb\xbflabel\ttext\r\n\r\n".to_vec();
    train.extend(rows(&CLASSES, 0).replace('\n', "\r\n").into_bytes());
    train.extend(b"lonely\tnewsletter \xff unsubscribe\r\n");
    std::fs::write(at("train.tsv"), train).unwrap();
    packed(&at("test.tsv.gz"), &format!("{}nobody\tzzz qqq xxx\n", rows(&CLASSES, 5)));
    std::fs::write(at("oos.txt"), "vvv www\noos\tkkk jjj\n").unwrap();
    folder
}

#[test]
fn a_set_is_measured_and_texts_of_no_class_are_told_apart() {
    let folder = written();
    let args = ["--train", "train.tsv", "--test", "test.tsv.gz", "--oos", "oos.txt"];
    let output = evaluate(&folder, &args);
    let found = report(&output);
    // The lonely row counts twice, so that no fold is without it.
    assert_eq!((&found["classes"], &found["train"], &found["test"]), (&4.into(), &38.into(), &36.into()));
    assert!(found["heads"][0]["accuracy"].as_f64().unwrap() > 0.9, "{found}");
    assert!(found["heads"][0]["macro_f1"].as_f64().unwrap() > 0.9, "{found}");
    // Two of the file, and the test text whose label was never learned.
    assert_eq!(found["scope"]["texts"], 3);
    assert!(found["scope"]["scores"][0]["auroc"].as_f64().unwrap() > 0.8, "{found}");
    assert_eq!(evaluate(&folder, &args).stdout, output.stdout);
}

#[test]
fn an_encoder_is_tuned_on_the_training_file() {
    let folder = written();
    std::fs::write(folder.path().join("options.toml"), "epochs = 2\nbatch = 8\n").unwrap();
    std::fs::write(folder.path().join("valid.tsv"), rows(&CLASSES, 3)).unwrap();
    let args =
        ["--train", "train.tsv", "--test", "test.tsv.gz", "--tune", "--members", "2", "--options", "options.toml"];
    let found = report(&evaluate(&folder, &args));
    let names: Vec<&str> =
        found["heads"].as_array().unwrap().iter().map(|head| head["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(names[1].contains("2 encoders"), "{names:?}");
    assert!(found["heads"][2]["accuracy"].as_f64().unwrap() > 0.9, "{found}");
    let chosen = report(&evaluate(&folder, &[&args[..], &["--valid", "valid.tsv"]].concat()));
    assert!(chosen["heads"][2]["accuracy"].as_f64().unwrap() > 0.9, "{chosen}");
}

#[test]
fn a_line_without_label_is_named() {
    let folder = written();
    std::fs::write(folder.path().join("train.tsv"), "cancel\tstop it\nno label here\n").unwrap();
    let output = evaluate(&folder, &["--train", "train.tsv", "--test", "test.tsv.gz"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("`train.tsv` line 2"), "{said}");
}
