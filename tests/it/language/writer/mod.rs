//! Models that word: whichever weights they have, they choose among wordings and do nothing else.

mod made;

use std::path::Path;
use std::time::Duration;

use candle_core::quantized::GgmlDType;
use holdfast::adapters::candle::writer::{ARCHITECTURES, CandleWriter, HostedWriter, Limits};
use holdfast::ports::language::{Brief, Chosen, LanguageError, Writer as _};

use serde_json::{Value, json};

use crate::support::folder::Folder;
use crate::support::process::Process;
use crate::support::services::{event, item, plain_order, position};
use made::{Form, directory};

const LIMITS: Limits = Limits { tokens: 2_000, time: Duration::from_secs(60) };
const FORMS: [Form; 2] = [Form::Safetensors, Form::Gguf(GgmlDType::Q8_0)];

fn brief() -> Brief {
    let of = |wordings: &[&str]| wordings.iter().map(|&wording| wording.to_owned()).collect();
    Brief {
        sentences: vec![
            of(&[
                "Order <ORDER> is short.",
                "Order <ORDER> is short of <QUANTITY>.",
                "<QUANTITY> are missing for <ORDER>.",
            ]),
            of(&["It ships on <SHIP_DATE>."]),
            of(&["\"<QUOTE>\", says <SENDER>.", "<SENDER> says \"<QUOTE>\".", "Gesagt hat das <SENDER> – „<QUOTE>“."]),
            of(&["<ORDER> ships on <SHIP_DATE>, says <SENDER>: \"<QUOTE>\"."]),
        ],
        orders: vec![vec![0, 1, 2], vec![2, 0, 1], vec![0, 3]],
    }
}

fn load(dir: &Path) -> CandleWriter {
    let unpinned = CandleWriter::load(dir, None, LIMITS).err().unwrap().to_string();
    let digest = unpinned.split('"').nth(1).expect("the error names the digest to pin").to_owned();
    CandleWriter::load(dir, Some(&digest), LIMITS).unwrap()
}

#[test]
fn every_architecture_and_form_chooses_by_its_own_greedy_tokens() {
    let folder = Folder::new().unwrap();
    for architecture in ARCHITECTURES {
        for form in FORMS {
            let mut writer = load(&directory(&folder, architecture, form));
            let (chosen, [prompt, written]) = writer.write(&brief()).unwrap();
            let order: Vec<usize> = chosen.iter().map(|chosen| chosen.sentence).collect();
            assert!(brief().orders.contains(&order), "{architecture} {form:?} took {order:?}");
            // Tokens here are bytes. Each is the likeliest among what the wordings allow after those before it, by a forward
            // over everything at once.
            let lines = texts(&brief());
            for at in (0..written.len()).step_by(10) {
                let (before, token) = (&written[..at], written[at]);
                let allowed = |token: u32| {
                    let next = [before, &[token]].concat();
                    lines.iter().any(|line| line.starts_with(&next))
                };
                let all = [&prompt[..], before].concat();
                let likeliest = writer.likeliest(&all, allowed).unwrap();
                assert_eq!(likeliest, Some(token), "{architecture} {form:?}, token {at}");
            }
        }
    }
}

/// Every text that the brief allows, in tokens.
fn texts(brief: &Brief) -> Vec<Vec<u32>> {
    let of_order = |order: &Vec<usize>| {
        let join = |before: Vec<String>, wordings: &Vec<String>| {
            let longer = |text: &String| wordings.iter().map(|w| format!("{text}\n{w}")).collect::<Vec<_>>();
            before.iter().flat_map(longer).collect::<Vec<_>>()
        };
        let first = brief.sentences[order[0]].clone();
        order[1..].iter().map(|&at| &brief.sentences[at]).fold(first, join)
    };
    brief.orders.iter().flat_map(of_order).map(|text| text.bytes().map(u32::from).collect()).collect()
}

#[test]
fn packed_weights_choose_as_the_same_weights_unpacked() {
    let folder = Folder::new().unwrap();
    // smollm3 keeps its tied output in eight bits whatever the file holds, so it may differ.
    for architecture in ARCHITECTURES.into_iter().filter(|&name| name != "smollm3") {
        let written = [Form::Safetensors, Form::Gguf(GgmlDType::F32)].map(|form| {
            let mut writer = load(&directory(&folder, architecture, form));
            writer.write(&brief()).unwrap()
        });
        assert_eq!(written[0], written[1], "{architecture}");
    }
}

#[test]
fn only_the_pinned_directory_is_loaded() {
    let folder = Folder::new().unwrap();
    let dir = directory(&folder, "llama", Form::Safetensors);
    let pinned = load(&dir).digest().to_owned();
    std::fs::write(dir.join("chat_template.jinja"), "another").unwrap();
    let error = CandleWriter::load(&dir, Some(&pinned), LIMITS).err().unwrap().to_string();
    assert!(error.contains("is pinned"), "{error}");
}

#[test]
fn what_is_missing_is_named() {
    let folder = Folder::new().unwrap();
    for (file, form) in [
        ("tokenizer.json", Form::Gguf(GgmlDType::F32)),
        ("config.json", Form::Safetensors),
        ("chat_template.jinja", Form::Safetensors),
        ("model.safetensors", Form::Safetensors),
    ] {
        let dir = directory(&folder, "qwen2", form);
        std::fs::remove_file(dir.join(file)).unwrap();
        let error = CandleWriter::load(&dir, None, LIMITS).err().unwrap().to_string();
        let named = file.trim_start_matches("model");
        assert!(error.contains(named), "without {file}: {error}");
    }
}

#[test]
fn another_architecture_is_refused_by_name() {
    let folder = Folder::new().unwrap();
    let dir = directory(&folder, "llama", Form::Safetensors);
    let config = std::fs::read_to_string(dir.join("config.json")).unwrap().replace("\"llama\"", "\"mamba\"");
    std::fs::write(dir.join("config.json"), config).unwrap();
    let digest = CandleWriter::load(&dir, None, LIMITS).err().unwrap().to_string();
    let digest = digest.split('"').nth(1).unwrap();
    let error = CandleWriter::load(&dir, Some(digest), LIMITS).err().unwrap().to_string();
    assert!(error.contains("`mamba`") && error.contains("qwen3"), "{error}");
}

#[test]
fn odd_widths_and_slow_types_are_said() {
    let folder = Folder::new().unwrap();
    let writer = load(&directory(&folder, "qwen3", Form::Gguf(GgmlDType::Q8_0)));
    assert!(writer.warnings().iter().any(|warning| warning.contains("multiple of 256")), "{:?}", writer.warnings());
    let writer = load(&directory(&folder, "qwen3", Form::Gguf(GgmlDType::Q5_0)));
    assert!(writer.warnings().iter().any(|warning| warning.contains("Q8_0")), "{:?}", writer.warnings());
}

#[test]
fn a_brief_without_orders_or_with_others_is_an_error() {
    let folder = Folder::new().unwrap();
    let mut writer = load(&directory(&folder, "llama", Form::Safetensors));
    for orders in [vec![], vec![vec![]], vec![vec![0, 4]]] {
        let error = writer.choose(&Brief { orders, ..brief() }).unwrap_err();
        assert!(error.contains("needs orders"), "{error}");
    }
    let only = Brief { orders: vec![vec![2]], ..brief() };
    assert!(matches!(writer.choose(&only).unwrap()[..], [Chosen { sentence: 2, .. }]));
}

#[test]
fn a_spent_budget_is_an_error() {
    let folder = Folder::new().unwrap();
    let dir = directory(&folder, "llama", Form::Safetensors);
    let digest = load(&dir).digest().to_owned();
    let few = Limits { tokens: 5, ..LIMITS };
    let error = CandleWriter::load(&dir, Some(&digest), few).unwrap().choose(&brief()).unwrap_err();
    assert!(error.contains("more than 5 tokens"), "{error}");
    let short = Limits { time: Duration::ZERO, ..LIMITS };
    let error = CandleWriter::load(&dir, Some(&digest), short).unwrap().choose(&brief()).unwrap_err();
    assert!(error.contains("not done in time"), "{error}");
}

#[tokio::test]
async fn a_hosted_writer_answers_and_refuses_when_full() {
    let folder = Folder::new().unwrap();
    let writer = load(&directory(&folder, "llama", Form::Safetensors));
    let hosted = HostedWriter::start(writer, "summary-writer/test".to_owned(), 1).unwrap();
    let many = (0..8).map(|_| hosted.choose(brief()));
    let answers = futures(many).await;
    assert!(answers.iter().any(Result::is_ok));
    assert!(answers.iter().any(|a| matches!(a, Err(LanguageError::QueueFull { capacity: 1 }))));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_words_what_it_keeps_with_the_configured_writer() {
    let folder = Folder::new().unwrap();
    let dir = directory(&folder, "llama", Form::Safetensors);
    let settings = [
        ("HOLDFAST_MODELS__WRITER", dir.display().to_string()),
        ("HOLDFAST_MODELS__WRITER_DIGEST", load(&dir).digest().to_owned()),
        ("HOLDFAST_MODELS__WRITER_TOKENS", "2000".to_owned()),
    ];
    let url = format!("sqlite:{}", folder.path().join("served.db").display());
    let service = Process::start(folder.path(), &url, &settings).await;
    let now = service.now();
    let events = json!([
        event("item.upserted", "i", now, item("SKU")),
        event("inventory.position", "p", now, position("SKU", "4")),
        event("order.placed", "o", now, plain_order("SO-1", "SKU")),
    ]);
    let token = service.service("erp", "events:write,exceptions:read");
    let headers = [("content-type", "application/cloudevents-batch+json")];
    service.post_with(&token, "/v1/events", &events, &headers).await.expect(202);
    let open = "/v1/exceptions?order_id=SO-1&category=inventory_shortage";
    let id = |list: &Value| Some(list["items"].as_array()?.first()?["id"].as_str()?.to_owned());
    let case = service.wait_for(&token, open, "a case", id).await;
    let worded = |summary: &Value| summary["model"].as_str()?.starts_with("summary-writer/llama").then_some(());
    service.wait_for(&token, &format!("/v1/exceptions/{case}/summary"), "the writer's words", worded).await;
}

/// Awaits all of them at once.
async fn futures<F: Future>(many: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut pinned: Vec<_> = many.map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = pinned.iter().map(|_| None).collect();
    std::future::poll_fn(move |cx| {
        for (slot, future) in done.iter_mut().zip(&mut pinned) {
            if slot.is_none()
                && let std::task::Poll::Ready(output) = future.as_mut().poll(cx)
            {
                *slot = Some(output);
            }
        }
        match done.iter().all(Option::is_some) {
            true => std::task::Poll::Ready(done.iter_mut().filter_map(Option::take).collect()),
            false => std::task::Poll::Pending,
        }
    })
    .await
}
