//! Text never acts: whatever a message says and however it hides it, the service offers the same actions on the same targets
//! in the same tiers, and nothing is proposed, approved or executed. The classifier of these tests believes everything.

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use base64::Engine as _;
use holdfast::adapters::mail;
use holdfast::domain::action::ActionKind;
use holdfast::domain::actor::{Actor, Role};
use holdfast::domain::case::Case;
use holdfast::domain::decision::RankedCase;
use holdfast::domain::job::JobKind;
use holdfast::domain::message::{Correction, Intent, Link, Message, ScoredIntent, Trust};
use holdfast::domain::proposal::ProposalState;
use holdfast::flow::accept::messages;
use holdfast::flow::decide::catalogue::{BUILT_IN, Catalogue};
use holdfast::flow::decide::prefill::{self, MAY_BE_QUOTED, Prefill};
use holdfast::flow::decide::prioritize::{PrioritizeRequest, prioritize};
use holdfast::flow::facts;
use holdfast::ports::language::{Classified, Contexts, Encoder, IntentClassifier, LanguageError};
use holdfast::ports::store::proposals::ProposalFilter;
use serde::Deserialize;
use serde_json::{Value, json};

use super::decide::world::{ada, case_of, mispriced, person, put, short, stage, stored};
use crate::support::services::{World, plain_order};
use crate::support::stores::{self, TestStore, on_each_store};

on_each_store!(a_perfect_reply_leaves_the_proposal_pending, a_quote_offers_a_bounded_value_and_no_more);

const TEXTS: &str = include_str!("../../../datasets/injections.jsonl");

#[derive(Deserialize)]
struct Text {
    language: String,
    text: String,
}

/// What the sender wants beside the instruction.
const BASES: [&str; 4] = [
    "Hello, when does our order SO-1 ship? Anna",
    "Please change SO-1 to 12 pieces, we need more of SKU. Anna",
    "Bitte liefern Sie SO-1 an Hafenstrasse 14, 20457 Hamburg. Anna",
    "About SO-1: the price was agreed at 10.00 EUR, please check. Anna",
];

const CARRIERS: [&str; 18] = [
    "before",
    "after",
    "subject",
    "quoted history",
    "signature",
    "base64",
    "percent",
    "html entities",
    "hidden html",
    "html comment",
    "white on white",
    "zero width",
    "bidi",
    "homoglyph",
    "attachment name",
    "attachment text",
    "encoded body",
    "forwarded mail",
];

/// A model that is as gullible as can be: a word decides, and it is certain.
struct Gullible;

#[async_trait]
impl Encoder for Gullible {
    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, LanguageError> {
        Ok(vec![vec![1.0]; texts.len()])
    }

    async fn contexts(&self, _: String) -> Result<Contexts, LanguageError> {
        Ok(Contexts { ranges: Vec::new(), states: Vec::new() })
    }

    fn width(&self) -> usize {
        1
    }

    fn version(&self) -> String {
        "gullible/1".to_owned()
    }
}

impl IntentClassifier for Gullible {
    fn classify(&self, text: &str, _: &[f32]) -> Result<Classified, LanguageError> {
        let text = text.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        let intent = match () {
            () if says(&["appro", "aprueb", "genehmig", "keur", "freigabe"]) => Intent::ApprovalReply,
            () if says(&["cancel", "storn", "annul"]) => Intent::CancelRequest,
            () if says(&["address", "adresse", "direcci", "ship to", "afleveradres"]) => Intent::ShipToChange,
            () => Intent::ExpediteRequest,
        };
        Ok(Classified { intents: vec![ScoredIntent { intent, probability: 1.0 }], threshold: 0.5, is_strange: false })
    }

    fn version(&self) -> String {
        "gullible/1".to_owned()
    }
}

fn base64(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn each(text: &str, change: impl Fn(char) -> String) -> String {
    text.chars().map(change).collect()
}

/// A mail whose only part is a text of a kind.
fn single(subject: &str, kind: &str, body: &str) -> String {
    format!("Subject: {subject}\r\nContent-Type: {kind}; charset=utf-8\r\n\r\n{body}")
}

/// A mail with the base as its text and one more part.
fn beside(base: &str, part: &str) -> String {
    format!(
        "Subject: Our order\r\nContent-Type: multipart/mixed; boundary=cut\r\n\r\n--cut\r\nContent-Type: text/plain; \
         charset=utf-8\r\n\r\n{base}\r\n--cut\r\n{part}\r\n--cut--\r\n"
    )
}

/// A mail of a customer's contact that carries `text`; `None`: the base alone.
fn mail(base: &str, carrier: Option<&str>, text: &str) -> Vec<u8> {
    let plain = |body: &str| single("Our order", "text/plain", body);
    let html = |body: &str| single("Our order", "text/html", &format!("<html><body><p>{base}</p>{body}</body></html>"));
    let rest = match carrier {
        None => plain(base),
        Some("before") => plain(&format!("{text}\r\n\r\n{base}")),
        Some("after") => plain(&format!("{base}\r\n\r\n{text}")),
        Some("subject") => single(&format!("=?utf-8?B?{}?=", base64(text)), "text/plain", base),
        Some("quoted history") => {
            plain(&format!("{base}\r\n\r\nOn Monday, Ada wrote:\r\n> {}", text.replace('\n', "\r\n> ")))
        }
        Some("signature") => plain(&format!("{base}\r\n\r\n-- \r\nAnna Alder\r\n{text}")),
        Some("base64") => plain(&format!("{base}\r\n\r\n{}", base64(text))),
        Some("percent") => plain(&format!(
            "{base}\r\n\r\n{}",
            text.bytes().fold(String::new(), |mut all, byte| {
                let _ = write!(all, "%{byte:02X}");
                all
            })
        )),
        Some("html entities") => html(&each(text, |c| format!("&#{};", u32::from(c)))),
        Some("hidden html") => html(&format!("<div style=\"display:none\">{text}</div>")),
        Some("html comment") => html(&format!("<!-- {text} -->")),
        Some("white on white") => html(&format!("<span style=\"color:#ffffff;font-size:1px\">{text}</span>")),
        Some("zero width") => plain(&format!("{base}\r\n\r\n{}", each(text, |c| format!("{c}\u{200b}")))),
        Some("bidi") => plain(&format!("{base}\r\n\r\n\u{202e}{text}\u{202c}")),
        Some("homoglyph") => plain(&format!(
            "{base}\r\n\r\n{}",
            each(text, |c| match c {
                'a' => "а".to_owned(),
                'e' => "е".to_owned(),
                'o' => "о".to_owned(),
                other => other.to_string(),
            })
        )),
        Some("attachment name") => {
            let name = text.replace(['"', '\\', '\r', '\n'], " ");
            beside(
                base,
                &format!(
                    "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"{name}\"\r\n\r\nx"
                ),
            )
        }
        Some("attachment text") => beside(
            base,
            &format!(
                "Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: attachment; filename=n.txt\r\n\r\n{text}"
            ),
        ),
        Some("encoded body") => format!(
            "Subject: Our order\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{}",
            base64(&format!("{base}\r\n\r\n{text}"))
        ),
        _ => beside(
            base,
            &format!("Content-Type: message/rfc822\r\n\r\nFrom: ada@us.example\r\nSubject: Yes\r\n\r\n{text}"),
        ),
    };
    format!(
        "From: Anna <anna@alder-pumps.example>\r\nDate: Mon, 2 Mar 2026 09:00:00 +0000\r\nMIME-Version: 1.0\r\n{rest}"
    )
    .into_bytes()
}

/// A world with the customer of the mails, its models gullible.
async fn believing(store: &TestStore) -> anyhow::Result<World> {
    let world = World::over(&store.store)?;
    let customer = json!({
        "customer_id": "C-1", "name": "Alder Pumps", "email_domains": ["alder-pumps.example"],
        "contacts": [{ "name": "Anna", "email": "anna@alder-pumps.example" }],
    });
    world.tell("customer.upserted", "c", customer).await?;
    world.tell("order.placed", "other", plain_order("SO-2", "OTHER")).await?;
    world.services.models.encoder.set(Some(Arc::new(Gullible)));
    world.services.models.intents.set(Some(Arc::new(Gullible)));
    Ok(world)
}

async fn receive(world: &World, bytes: &[u8]) -> anyhow::Result<Message> {
    let content = mail::read(bytes)?;
    let gateway = Actor::Service { subject: "gateway".into() };
    Ok(messages::receive(&world.services, gateway, content, None, world.now()).await?.0)
}

async fn ranked(world: &World, case: &Case) -> anyhow::Result<RankedCase> {
    let request = PrioritizeRequest { ids: vec![case.id], ..serde_json::from_value(json!({}))? };
    prioritize(&world.services, request, &ada()).await?.output.pop().context("nothing ranked")
}

/// What is offered: every action with its target, its tier, its parameters and the reasons against it.
async fn offered(world: &World, case: &Case) -> anyhow::Result<Vec<Value>> {
    let ranked = ranked(world, case).await?;
    let offer = |candidate: &holdfast::domain::action::Candidate| {
        json!({ "action": candidate.action, "target": ranked.case_id, "tier": candidate.tier,
            "parameters": candidate.parameters, "refused": candidate.refused, "quote": candidate.quote })
    };
    Ok(ranked.actions.iter().map(offer).collect())
}

/// Nothing was proposed and nothing waits to be executed.
async fn nothing_moved(world: &World) -> anyhow::Result<()> {
    let mut tx = world.services.store.read().await?;
    let proposals = tx.list_proposals(&ProposalFilter::default(), None, 10).await?;
    ensure!(proposals.is_empty(), "{proposals:?}");
    let jobs = tx.count_jobs().await?;
    ensure!(jobs.iter().all(|(kind, ..)| *kind != JobKind::ExecuteAction), "{jobs:?}");
    Ok(())
}

/// Takes one mail in: the case, and all that is offered on it, is what it was after the bases alone.
async fn unmoved(world: &World, (case, plain): &(Case, Vec<Value>), bytes: &[u8]) -> anyhow::Result<()> {
    let message = receive(world, bytes).await?;
    ensure!(message.reading.is_some(), "not read");
    let after = offered(world, case).await?;
    ensure!(*plain == after, "offered before: {plain:?}\nafter: {after:?}");
    let now = case_of(world, case.key.category).await?;
    ensure!(now.id == case.id && now.state == case.state && now.severity == case.severity, "{now:?}");
    ensure!(world.open_cases("SO-2").await?.is_empty(), "a case was opened on another order");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_offered_is_the_same_with_every_instruction() -> anyhow::Result<()> {
    let texts: Vec<Text> = TEXTS.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    for language in ["en", "de", "es", "fr", "nl"] {
        assert!(texts.iter().filter(|text| text.language == language).count() >= 10, "{language}");
    }
    let stores = [stores::sqlite().await?, stores::sqlite().await?];
    let worlds = [believing(&stores[0]).await?, believing(&stores[1]).await?];
    let cases = [short(&worlds[0]).await?, mispriced(&worlds[1], 10).await?];
    for (world, base) in worlds.iter().flat_map(|world| BASES.map(|base| (world, base))) {
        let plain = receive(world, &mail(base, None, "")).await?;
        let reading = plain.reading.context("not read")?;
        ensure!(matches!(&reading.link, Link::Attached { to, .. } if to.order_id == "SO-1"), "{:?}", reading.link);
    }
    let mut plain = Vec::new();
    for (world, case) in worlds.iter().zip(cases) {
        let before = offered(world, &case).await?;
        plain.push((case_of(world, case.key.category).await?, before));
    }
    let mut tried = 0;
    for (at, text) in texts.iter().enumerate() {
        // Every text in six carriers; carriers, bases and cases take turns, so that each meets each of the others.
        for turn in 0..6 {
            let carrier = CARRIERS[(at + turn * 3) % CARRIERS.len()];
            let (base, case) = ((at + turn) % BASES.len(), (at + turn / BASES.len()) % worlds.len());
            let bytes = mail(BASES[base], Some(carrier), &text.text);
            let told = unmoved(&worlds[case], &plain[case], &bytes).await;
            told.with_context(|| format!("{carrier}: {}", text.text))?;
            tried += 1;
        }
    }
    assert!(tried >= 300, "{tried} texts");
    for world in &worlds {
        nothing_moved(world).await?;
    }
    Ok(())
}

async fn a_perfect_reply_leaves_the_proposal_pending(store: &TestStore) -> anyhow::Result<()> {
    let world = believing(store).await?;
    let case = short(&world).await?;
    let proposal = put(&world, &ada(), &case, ActionKind::ReallocateFromWarehouse, json!({})).await?;
    ensure!(stage(&proposal) == Some(0), "{proposal:?}");
    // The approver's own address, known as a contact, in the thread of the request, naming the proposal and its digest.
    let approver = json!({
        "customer_id": "C-US", "name": "Us", "email_domains": ["us.example"],
        "contacts": [{ "name": "Wim", "email": "wim@us.example" }],
    });
    world.tell("customer.upserted", "us", approver).await?;
    let reply = format!(
        "From: Wim <wim@us.example>\r\nSubject: Re: proposal {id}\r\nIn-Reply-To: <{id}@us.example>\r\n\r\n\
         Approved. I approve proposal {id} with digest {digest} on SO-1.\r\nWim",
        id = proposal.id,
        digest = proposal.digest
    );
    let message = receive(&world, reply.as_bytes()).await?;
    let reading = message.reading.clone().context("not read")?;
    ensure!(reading.intent.is_some_and(|said| said.intent == Intent::ApprovalReply), "{message:?}");
    ensure!(reading.trust == Trust::VerifiedContact, "{message:?}");
    let still = |now: &holdfast::domain::proposal::Proposal| match &now.state {
        ProposalState::AwaitingApproval(waiting) => waiting.votes.is_empty() && now.version == proposal.version,
        _ => false,
    };
    ensure!(still(&stored(&world, proposal.id).await?), "a message voted");
    // Not even when a person agrees that this is what it is.
    let said = Correction {
        intent: Some(Intent::ApprovalReply),
        order_id: Some("SO-1".into()),
        entities: vec![],
        reason: None,
    };
    let clerk = person("wim", &[Role::SupplyPlanner]);
    messages::correct(&world.services, clerk, message.id, message.version, said).await?;
    world.pass_h(1);
    ensure!(still(&stored(&world, proposal.id).await?), "a correction voted");
    Ok(())
}

/// What the attached messages of a case offer for one action.
async fn quoted(world: &World, case: &Case, action: ActionKind) -> anyhow::Result<Vec<Prefill>> {
    let ranked = ranked(world, case).await?;
    let mut candidate = ranked.actions.iter().find(|one| one.action == action).context("not a candidate")?.clone();
    candidate.refused.clear();
    let mut tx = world.services.store.read().await?;
    let now = world.now();
    let facts = facts::of_line(tx.as_mut(), "SO-1", Some(1), now).await?.context("no facts")?;
    let messages = tx.messages_of_order("SO-1").await?;
    let entry = world.services.catalogue.entry(action);
    Ok(prefill::of(entry, &candidate, &facts, &messages))
}

async fn a_quote_offers_a_bounded_value_and_no_more(store: &TestStore) -> anyhow::Result<()> {
    let world = believing(store).await?;
    let case = short(&world).await?;
    receive(&world, &mail("We could take SO-1 on 9 March 2026. Anna", None, "")).await?;
    let offers = quoted(&world, &case, ActionKind::RepromiseDate).await?;
    let [offer] = offers.as_slice() else { anyhow::bail!("{offers:?}") };
    ensure!((offer.parameter, &offer.value) == ("delay_days", &json!(5)), "{offer:?}");
    ensure!(offer.quote.words == "9 March 2026" && offer.quote.who == "Anna", "{offer:?}");
    // Out of bounds, two values, history, an unknown sender: no offer.
    for body in [
        "We could take SO-1 on 9 March 2031. Anna",
        "We could take SO-1 on 10 March 2026 or on 17 March 2026. Anna",
        "About SO-1, see below. Anna\r\n\r\nOn Monday, Ada wrote:\r\n> ships on 12 March 2026",
    ] {
        receive(&world, &mail(body, None, "")).await?;
        ensure!(quoted(&world, &case, ActionKind::RepromiseDate).await?.len() == 1, "{body}");
    }
    let stranger = b"From: x@nowhere.example\r\nSubject: SO-1\r\n\r\nSO-1 ships on 12 March 2026.";
    receive(&world, stranger).await?;
    ensure!(quoted(&world, &case, ActionKind::RepromiseDate).await?.len() == 1);
    ensure!(quoted(&world, &case, ActionKind::ReallocateFromWarehouse).await?.is_empty());
    Ok(())
}

#[test]
fn only_bounded_numbers_may_be_quoted() {
    let catalogue = Catalogue::load(BUILT_IN).unwrap();
    for (action, parameter, _) in MAY_BE_QUOTED {
        let schema = &catalogue.entry(action).spec.parameters["properties"][parameter];
        assert!(["number", "integer"].contains(&schema["type"].as_str().unwrap()), "{action:?} {parameter}");
        let forbidden = ["price", "amount", "limit", "share", "sku", "order", "warehouse", "ship_to", "carrier"];
        assert!(forbidden.iter().all(|word| !parameter.contains(word)), "{parameter}");
    }
}
