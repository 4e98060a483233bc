//! Counterfactuals: copies of a world become the world, weights are weights, the best action is the best, and nothing of it
//! reaches the service.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use holdfast_datasets::simulator::{Case, Config, Counterfactual, Scenario, Scope, World};

use crate::{DEMO, demo};

const SMALL: Config = Config { days: 34, orders_per_day: 18, ..DEMO };
/// Every so many cases is tried in whole worlds.
const WHOLE: usize = 24;

/// A case, what each action would have come to locally, and in whole worlds for some.
struct Tried {
    case: Case,
    local: Vec<Counterfactual>,
    whole: Option<Vec<Counterfactual>>,
}

fn tried() -> &'static [Tried] {
    static TRIED: OnceLock<Vec<Tried>> = OnceLock::new();
    TRIED.get_or_init(|| {
        let mut world = World::with(SMALL, &Scenario::default()).unwrap();
        let mut tried = Vec::new();
        while let Some(case) = world.next_case() {
            if case.day < 14 {
                let local = world.counterfactuals(&case, Scope::Local, 0);
                let whole = tried.len() % WHOLE == 0;
                let whole = whole.then(|| world.counterfactuals(&case, Scope::World, 0));
                tried.push(Tried { case, local, whole });
            }
        }
        tried.iter_mut().for_each(|one| one.case.outcome = world.outcome_of(&one.case));
        tried.retain(|one| one.case.outcome.is_some());
        assert!(tried.len() > 100, "{} cases", tried.len());
        tried
    })
}

fn mean(values: impl Iterator<Item = f64> + Clone) -> f64 {
    values.clone().sum::<f64>() / values.count() as f64
}

#[test]
fn the_copy_in_which_people_do_what_they_do_becomes_the_world() {
    let mut checked = 0;
    for one in tried().iter().filter(|one| one.whole.is_some()) {
        let replayed = one.whole.as_ref().unwrap()[one.case.taken].realised;
        assert_eq!(Some(replayed), one.case.outcome, "{}", one.case.order_id);
        checked += 1;
    }
    assert!(checked >= 5, "{checked}");
}

#[test]
fn asking_changes_nothing() {
    let mut asked = World::with(SMALL, &Scenario::default()).unwrap();
    let mut answered = 0;
    while answered < 30 {
        let case = asked.next_case().unwrap();
        answered += asked.counterfactuals(&case, Scope::Local, 1).len();
    }
    while asked.next_case().is_some() {}
    let mut plain = World::new(SMALL).unwrap();
    let _ = plain.events().count();
    assert_eq!(asked.truth(), plain.truth());
}

#[test]
fn local_costs_follow_those_of_whole_worlds() {
    let pairs: Vec<(f64, f64)> = tried()
        .iter()
        .filter_map(|one| Some((one, one.whole.as_ref()?)))
        .flat_map(|(one, whole)| one.local.iter().zip(whole).map(|(a, b)| (a.realised.cost, b.realised.cost)))
        .collect();
    let (a, b) = (mean(pairs.iter().map(|pair| pair.0)), mean(pairs.iter().map(|pair| pair.1)));
    let product = mean(pairs.iter().map(|pair| (pair.0 - a) * (pair.1 - b)));
    let spread = |side: &dyn Fn(&(f64, f64)) -> f64| mean(pairs.iter().map(|pair| side(pair).powi(2))).sqrt();
    let correlation = product / (spread(&|pair| pair.0 - a) * spread(&|pair| pair.1 - b));
    assert!(correlation > 0.6, "correlation {correlation} of {} pairs, means {a} and {b}", pairs.len());
}

#[test]
fn inverse_propensities_weigh_what_they_must() {
    let cases: Vec<&Case> = tried().iter().map(|one| &one.case).collect();
    let chosen = |case: &Case| case.candidates[case.taken].propensity;
    // A policy that draws among what is open: its weights have mean 1.
    let weights = cases.iter().map(|case| 1.0 / case.candidates.len() as f64 / chosen(case));
    let average = mean(weights.clone());
    let error = (mean(weights.map(|weight| (weight - average).powi(2))) / cases.len() as f64).sqrt();
    assert!((average - 1.0).abs() < 3.0 * error.max(0.01), "mean weight {average}, error {error}");
    // The policy that logged: its estimate is the mean of the log.
    let logged = mean(cases.iter().map(|case| case.outcome.unwrap().cost));
    let again = mean(cases.iter().map(|case| chosen(case) / chosen(case) * case.outcome.unwrap().cost));
    assert!((logged - again).abs() < 1e-9);
    for case in cases {
        let all: f64 = case.candidates.iter().map(|candidate| candidate.propensity).sum();
        assert!((all - 1.0).abs() < 1e-9);
    }
}

/// Logs drawn again from the known chances; a doubly robust estimate with a mean per category and action as its model has the
/// true value in its 95 % interval about as often as it says. The policy draws among what agents do in one case of twenty or
/// more: where nobody ever acts there is nothing to estimate from.
#[test]
fn doubly_robust_intervals_cover_the_truth() {
    let tried = tried();
    let value = |one: &Tried| -> f64 {
        let shares = supported(&one.case);
        one.local.iter().zip(shares).map(|(action, share)| share * action.realised.cost).sum()
    };
    let truth = mean(tried.iter().map(value));
    let mut state = 7_u64;
    let mut unit = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let rounds = 400;
    let covered = (0..rounds)
        .filter(|_| {
            let drawn: Vec<usize> = tried.iter().map(|one| draw(&one.case, unit())).collect();
            let estimates = doubly_robust(tried, &drawn);
            let value = mean(estimates.iter().copied());
            let spread = mean(estimates.iter().map(|estimate| (estimate - value).powi(2)));
            (value - truth).abs() <= 1.96 * (spread / estimates.len() as f64).sqrt()
        })
        .count();
    let share = covered as f64 / f64::from(rounds);
    assert!(share >= 0.9, "covers {share}");
}

fn draw(case: &Case, mut unit: f64) -> usize {
    for (place, candidate) in case.candidates.iter().enumerate() {
        unit -= candidate.propensity;
        if unit < 0.0 {
            return place;
        }
    }
    case.candidates.len() - 1
}

/// Equal chances for what is done in one case of twenty or more.
fn supported(case: &Case) -> Vec<f64> {
    let usual: Vec<bool> = case.candidates.iter().map(|candidate| candidate.propensity >= 0.05).collect();
    let count = usual.iter().filter(|usual| **usual).count() as f64;
    usual.into_iter().map(|usual| f64::from(u8::from(usual)) / count).collect()
}

/// One estimate of the policy's cost per case; halves of the log lend each other their model.
fn doubly_robust(tried: &[Tried], drawn: &[usize]) -> Vec<f64> {
    let model = |half: usize| {
        let mut sums = std::collections::BTreeMap::<_, (f64, f64)>::new();
        for (_, (one, &taken)) in tried.iter().zip(drawn).enumerate().filter(|(index, _)| index % 2 != half) {
            let entry = sums.entry((one.case.category, one.case.candidates[taken].number)).or_default();
            *entry = (entry.0 + one.local[taken].realised.cost, entry.1 + 1.0);
        }
        sums
    };
    let models = [model(0), model(1)];
    let of = |(index, (one, &taken)): (usize, (&Tried, &usize))| {
        let guess = |place: usize| {
            let pair = (one.case.category, one.case.candidates[place].number);
            models[index % 2].get(&pair).map_or(0.0, |(sum, count)| sum / count)
        };
        let shares = supported(&one.case);
        let direct: f64 = shares.iter().enumerate().map(|(place, share)| share * guess(place)).sum();
        direct + shares[taken] / one.case.candidates[taken].propensity * (one.local[taken].realised.cost - guess(taken))
    };
    tried.iter().zip(drawn).enumerate().map(of).collect()
}

#[test]
fn the_best_action_is_better_than_what_is_done_in_whole_worlds_too() {
    let least = |costs: &[f64]| (0..costs.len()).min_by(|&a, &b| costs[a].total_cmp(&costs[b])).unwrap();
    let (mut oracle, mut agents, mut local_oracle, mut local_agents) = (0.0, 0.0, 0.0, 0.0);
    for one in tried() {
        let local: Vec<f64> = one.local.iter().map(|action| action.realised.cost).collect();
        let usual = |costs: &[f64]| -> f64 {
            costs.iter().zip(&one.case.candidates).map(|(cost, candidate)| cost * candidate.propensity).sum()
        };
        local_oracle += local[least(&local)];
        local_agents += usual(&local);
        if let Some(whole) = &one.whole {
            let whole: Vec<f64> = whole.iter().map(|action| action.realised.cost).collect();
            oracle += whole[least(&local)];
            agents += usual(&whole);
        }
    }
    assert!(local_oracle < 0.9 * local_agents, "{local_oracle} of {local_agents}");
    assert!(oracle < agents, "{oracle} of {agents}");
}

/// Little's law (1961): how many conditions are open on average is how many come per hour times how long they stay.
#[test]
fn the_work_queue_obeys_littles_law() {
    let end = DEMO.start + jiff::SignedDuration::from_hours(24 * 42);
    let hours = |from: jiff::Timestamp, to: jiff::Timestamp| from.duration_until(to).as_secs_f64() / 3_600.0;
    let (from, to) =
        (DEMO.start + jiff::SignedDuration::from_hours(24 * 7), end - jiff::SignedDuration::from_hours(24 * 7));
    let conditions = &demo().truth.conditions;
    let closed = |at: Option<jiff::Timestamp>| at.unwrap_or(end);
    let mut open = 0.0;
    let mut samples = 0.0;
    let mut at = from;
    while at < to {
        open += conditions.iter().filter(|c| c.opened_at <= at && closed(c.closed_at) > at).count() as f64;
        samples += 1.0;
        at += jiff::SignedDuration::from_mins(47);
    }
    let came: Vec<f64> = conditions
        .iter()
        .filter(|c| (from..to).contains(&c.opened_at))
        .map(|c| hours(c.opened_at, closed(c.closed_at)))
        .collect();
    let rate = came.len() as f64 / hours(from, to);
    let (open, predicted) = (open / samples, rate * mean(came.iter().copied()));
    assert!((open / predicted - 1.0).abs() < 0.15, "{open} open, {predicted} predicted");
}

/// The service is built with this crate for its demonstration only, and that takes events and nothing else.
#[test]
fn the_service_cannot_read_the_truth() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("src");
    let mut checked = 0;
    for path in sources(&root) {
        let text = std::fs::read_to_string(&path).unwrap();
        if !text.contains("holdfast_datasets") {
            continue;
        }
        assert!(path.ends_with("commands/demo.rs"), "{} names the simulator", path.display());
        for word in ["Truth", ".truth", "ounterfactual", "next_case", "outcome_of"] {
            assert!(!text.contains(word), "{} names `{word}`", path.display());
        }
        checked += 1;
    }
    assert_eq!(checked, 1);
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}
