//! Promotion as a governed proposal: who may, and a crash between the swap and its record.

use anyhow::Context as _;
use holdfast::domain::actor::{Actor, Role};
use holdfast::domain::approval::Verdict;
use holdfast::domain::digest;
use holdfast::domain::job::{Job, JobKind};
use holdfast::domain::proposal::Proposal;
use holdfast::flow::decide::approve::Why;
use holdfast::flow::decide::{approve, propose};
use holdfast::flow::execute::start::{self, Started};
use holdfast::flow::execute::worker::Worker;
use holdfast::flow::learn::registry;
use holdfast::ports::store::jobs::Claim;
use jiff::SignedDuration;

use super::decide::world::{code, person};
use super::learn::School;

async fn proposed(school: &School, who: &Actor) -> anyhow::Result<Proposal> {
    school.live_through(900, false).await?;
    let version = school.train().await?.version;
    Ok(propose::propose_model(school.services(), who, &version.name, &version.version).await?)
}

async fn claimed(school: &School) -> anyhow::Result<Job> {
    let claim = Claim {
        kinds: vec![JobKind::ExecuteAction],
        pull: false,
        topic: None,
        worker: "dies".to_owned(),
        limit: 1,
        now: school.world.now(),
        lease_until: school.world.now() + SignedDuration::from_secs(60),
    };
    let mut tx = school.services().store.write().await?;
    let job = tx.claim(&claim, &|_| digest::hex(b"token")).await?.pop().context("no job")?;
    tx.commit().await?;
    Ok(job)
}

pub async fn approved(school: &School, proposal: &Proposal) -> anyhow::Result<()> {
    let approver = person("mara", &[Role::ModelApprover]);
    approve::vote(school.services(), &approver, proposal.id, proposal.version, Verdict::Approve, Why::default())
        .await?;
    Ok(())
}

#[tokio::test]
async fn who_trained_a_version_does_not_approve_it_and_another_does() -> anyhow::Result<()> {
    let school = School::open().await?;
    let proposal = proposed(&school, &person("ada", &[Role::DataScientist])).await?;
    let trainer = person("trainer", &[Role::ModelApprover]);
    let own =
        approve::vote(school.services(), &trainer, proposal.id, proposal.version, Verdict::Approve, Why::default())
            .await;
    assert_eq!(code(&own.unwrap_err()), "separation-of-duties");
    approved(&school, &proposal).await?;
    Worker::new(school.world.services.clone(), "w").run_once(school.world.now()).await;
    assert!(school.services().models.risk.get().is_some(), "it serves");
    Ok(())
}

#[tokio::test]
async fn a_crash_after_the_swap_is_finished_by_the_next_attempt() -> anyhow::Result<()> {
    let mut school = School::open().await?;
    let proposal = proposed(&school, &person("ada", &[Role::DataScientist])).await?;
    approved(&school, &proposal).await?;
    let job = claimed(&school).await?;
    let started = start::begin(school.services(), &job, school.world.now()).await?;
    let Started::Run { order } = started else { anyhow::bail!("{started:?}") };
    let holdfast::domain::proposal::Target::Model { name, version } = &order.target else { anyhow::bail!("{order:?}") };
    registry::serve(school.services(), &school.ctx(), name, version, &proposal.id.to_string()).await?;

    // The worker dies here, before it could say so.
    school.restart();
    registry::restore(school.services()).await?;
    school.world.pass_h(1);
    Worker::new(school.world.services.clone(), "w").run_once(school.world.now()).await;
    let mut tx = school.services().store.read().await?;
    let done = tx.proposal(proposal.id).await?.context("no proposal")?;
    assert_eq!(done.state.name(), "succeeded", "{:?}", done.state);
    assert_eq!(registry::servings(tx.as_mut(), Some(name)).await?.len(), 1, "it began to serve once");
    Ok(())
}
