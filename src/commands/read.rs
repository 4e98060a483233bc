//! `holdfast read FILE.eml`: what the service would read in a mail, without taking it in.
//!
//! Guarantees: nothing is stored, so a mail may be tried as often as one likes. Non-goals: mailboxes.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::adapters::mail;
use crate::app::App;
use crate::config::Config;
use crate::domain::message::{Link, Reading};
use crate::domain::payload::MessageReceived;
use crate::flow::assess::{classify, parts};

/// Options of `holdfast read`.
#[derive(clap::Args)]
pub struct Args {
    /// The mail, as it was sent (RFC 5322).
    file: PathBuf,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// Reads the mail with the models that serve and the orders that the store knows.
///
/// # Errors
/// When the file is no mail, or the models are busy.
pub async fn run(config: Config, args: Args) -> Result<()> {
    let bytes = std::fs::read(&args.file).with_context(|| format!("`{}` cannot be read", args.file.display()))?;
    let message = mail::read(&bytes).with_context(|| args.file.display().to_string())?;
    let app = App::open(config).await?;
    let (reading, _) = classify::read_with(&app.services, &message, app.services.clock.now()).await?;
    if args.json {
        println!("{}", json!({ "message": message, "reading": reading }));
    } else {
        print(&message, &reading);
    }
    Ok(())
}

fn print(message: &MessageReceived, reading: &Reading) {
    println!(
        "from     {} ({}, {})",
        message.from.email.as_deref().unwrap_or("-"),
        reading.role.name(),
        reading.trust.name()
    );
    println!("subject  {}", message.subject.as_deref().unwrap_or("-"));
    for part in parts::parts(&message.body).iter().filter(|part| part.kind != parts::Kind::New) {
        let lines = message.body[part.range.clone()].trim().lines().count();
        let of = part.author.as_deref().map(|author| format!(" of {author}")).unwrap_or_default();
        println!(
            "         {lines} lines of {}{of}",
            if part.kind == parts::Kind::Quoted { "quotation" } else { "signature" }
        );
    }
    println!("intents");
    for scored in &reading.intents {
        let sure = reading.intent.as_ref().is_some_and(|intent| intent.intent == scored.intent);
        println!("  {:<22} {:.2}{}", scored.intent.name(), scored.probability, if sure { "  sure" } else { "" });
    }
    println!("values");
    for entity in reading.entities.as_written() {
        let value = entity.value.as_deref().unwrap_or("no certain reading");
        let meant = entity.meant.as_deref().map(|meant| format!("  meant: {meant}?")).unwrap_or_default();
        let (kind, span) = (entity.kind.name(), entity.span);
        println!("  {kind:<18} `{}` = {value}  {:?} {}..{}{meant}", entity.text, span.part, span.start, span.end);
    }
    print_link(&reading.link);
    reading.unknown.iter().for_each(|what| println!("not known: {what}"));
    message.hidden.iter().for_each(|text| println!("hidden from readers, left out: {text}"));
    for file in &message.attachments {
        let read = file
            .text
            .as_ref()
            .map_or("not read: no plain text".to_owned(), |text| format!("{} bytes of text", text.len()));
        println!("attachment {}: {read}", file.name.as_deref().unwrap_or("without a name"));
    }
}

fn print_link(link: &Link) {
    match link {
        Link::Attached { to, purchase_order_id, also } => {
            let through = purchase_order_id.as_deref().map(|id| format!(" through {id}")).unwrap_or_default();
            println!("belongs to {} ({:.2}){through}", to.order_id, to.probability);
            also.iter().for_each(|one| println!("  and to {}", one.order_id));
        }
        Link::PurchaseOrder { purchase_order_id, probability, .. } => {
            println!("belongs to {purchase_order_id} ({probability:.2}), which supplies no known order");
        }
        Link::Candidates { ranked, reason, question, .. } => {
            println!("may belong to, {reason}");
            ranked.iter().for_each(|one| println!("  {} ({:.2})", one.order_id, one.probability));
            question.iter().for_each(|question| println!("to ask: {}", question.text));
        }
        Link::Nothing { reason } => println!("belongs to nothing: {reason}"),
    }
}
