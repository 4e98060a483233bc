//! Policy: one request per file, the folder is the verdict; every policy decides some case; and a matrix of every path.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use holdfast::domain::action::{ActionKind, RiskTier};
use holdfast::domain::actor::{Actor, Person, Role};
use holdfast::domain::case::Category;
use holdfast::domain::payload::Tier;
use holdfast::flow::decide::governance::{BUILT_IN, Question};
use holdfast::flow::decide::policy::{Act, AuthzRequest, CODES, Policy, Resource, Verdict};
use rust_decimal::Decimal;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    request: AuthzRequest,
    policies: Vec<String>,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    category: Option<Category>,
    #[serde(default)]
    rule: Option<String>,
    #[serde(default)]
    stages: Vec<Vec<Role>>,
    #[serde(default)]
    reversible: bool,
    #[serde(default)]
    order_value: f64,
    #[serde(default)]
    customer_tier: Option<Tier>,
}

fn files(folder: &str) -> Vec<(PathBuf, CaseFile)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/policy").join(folder);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let case = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        (path, case)
    };
    paths.into_iter().map(read).collect()
}

fn question(case: &CaseFile) -> Question {
    let on = &case.request.on;
    Question {
        action: on.action,
        tier: on.tier,
        category: case.category,
        amount: on.amount,
        currency: on.currency.clone(),
        reversible: case.reversible,
        order_value: case.order_value,
        customer_tier: case.customer_tier,
    }
}

#[test]
fn what_lies_in_allow_or_needs_approval_is_permitted_and_waits_for_the_stages_named() {
    let policy = Policy::load(None).unwrap();
    for folder in ["allow", "needs_approval"] {
        for (path, case) in files(folder) {
            let name = path.display();
            let verdict = policy.authorize(&case.request);
            assert_eq!(verdict, Verdict::Allow { policies: case.policies.clone() }, "{name}");
            if case.request.act != Act::Propose {
                continue;
            }
            let requirement = policy.requirement(&question(&case)).unwrap();
            assert_eq!(Some(&requirement.rule), case.rule.as_ref(), "{name}");
            let stages: Vec<Vec<Role>> = requirement.stages.iter().map(|stage| stage.roles.clone()).collect();
            assert_eq!(stages, case.stages, "{name}");
            assert_eq!(stages.is_empty(), folder == "allow", "{name}");
        }
    }
}

#[test]
fn what_lies_in_deny_is_denied_with_code_and_policies() {
    let policy = Policy::load(None).unwrap();
    for (path, case) in files("deny") {
        let Verdict::Deny { code, reason, policies } = policy.authorize(&case.request) else {
            panic!("{} is allowed", path.display());
        };
        assert_eq!((Some(code), &policies), (case.code.as_deref(), &case.policies), "{}: {reason}", path.display());
        assert!(!reason.is_empty());
    }
}

#[test]
fn every_policy_decides_some_case_and_every_case_names_policies_that_exist() {
    let policy = Policy::load(None).unwrap();
    let known: BTreeSet<String> = policy.ids().into_iter().map(ToOwned::to_owned).collect();
    let cases: Vec<_> = ["allow", "needs_approval", "deny"].into_iter().flat_map(files).collect();
    let decided: BTreeSet<String> = cases.iter().flat_map(|(_, case)| case.policies.clone()).collect();
    assert_eq!(known, decided, "left: policies; right: policies that decided a case");
    let codes: BTreeSet<&str> = cases.iter().filter_map(|(_, case)| case.code.as_deref()).collect();
    assert_eq!(codes, CODES.into_iter().collect());
    assert!(cases.len() >= 40);
}

/// Every governance rule is the first to match some case.
#[test]
fn every_governance_rule_decides_some_case() {
    let document: toml::Table = BUILT_IN.parse().unwrap();
    let rules = document["rules"].as_array().unwrap();
    let rules: BTreeSet<String> = rules.iter().map(|rule| rule["id"].as_str().unwrap().to_owned()).collect();
    let decided = ["allow", "needs_approval"].into_iter().flat_map(files).filter_map(|(_, case)| case.rule).collect();
    assert_eq!(rules, decided);
}

/// How the actor stands to the proposal.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Relation {
    Stranger,
    Proposer,
    Trainer,
    Voter,
}

const SUBJECT: &str = "x";

fn actors() -> Vec<Actor> {
    let person = |role| Actor::Person(Person { subject: SUBJECT.into(), name: "X".into(), roles: vec![role] });
    let mut actors: Vec<Actor> = Role::ALL.into_iter().map(person).collect();
    actors.push(Actor::Person(Person { subject: SUBJECT.into(), name: "X".into(), roles: Vec::new() }));
    actors.push(Actor::Person(Person { subject: SUBJECT.into(), name: "X".into(), roles: Role::ALL.to_vec() }));
    actors.push(Actor::Service { subject: SUBJECT.into() });
    actors.push(Actor::Model { version: "m/1".into() });
    actors.push(Actor::System);
    actors
}

fn resource(action: ActionKind, state: &str, amount: i64, relation: Relation, label: &str) -> Resource {
    let mine = |wanted| (relation == wanted).then(|| label.to_owned());
    let waiting = state == "awaiting_approval";
    Resource {
        action,
        tier: RiskTier::High,
        amount: Some(Decimal::from(amount)),
        currency: Some("EUR".into()),
        proposer: mine(Relation::Proposer).unwrap_or("person:other".into()),
        trained_by: mine(Relation::Trainer),
        state: state.into(),
        stage_roles: if waiting { vec![Role::PricingApprover, Role::ModelApprover] } else { Vec::new() },
        voters: mine(Relation::Voter).into_iter().collect(),
    }
}

/// The rules in the words of the product, written without the policies at hand.
fn expected(actor: &Actor, act: Act, on: &Resource, relation: Relation) -> bool {
    let person = actor.person();
    let holds = |roles: &[Role]| person.is_some_and(|p| p.roles.iter().any(|role| roles.contains(role)));
    let waiting = on.state == "awaiting_approval";
    let votes = waiting && holds(&on.stage_roles) && !matches!(relation, Relation::Proposer | Relation::Voter);
    let pricing_only = !holds(&[Role::ModelApprover]);
    let within = on.amount.unwrap() <= Decimal::from(5000) || !pricing_only;
    let business = [
        Role::CustomerService,
        Role::SupplyPlanner,
        Role::WarehouseManager,
        Role::PricingApprover,
        Role::FinanceApprover,
        Role::LogisticsCoordinator,
        Role::IntegrationEngineer,
        Role::OperationsManager,
    ];
    let science = [Role::DataScientist, Role::ModelApprover, Role::OperationsManager];
    let promotes = on.action == ActionKind::PromoteModel;
    let own = relation == Relation::Proposer && !matches!(actor, Actor::Model { .. });
    match act {
        Act::Propose if promotes => holds(&science),
        Act::Propose => holds(&business) || matches!(actor, Actor::Service { .. }),
        Act::Approve => votes && within && relation != Relation::Trainer,
        Act::Reject => votes,
        Act::Withdraw | Act::ProvideInformation => own || holds(&[Role::OperationsManager]),
        Act::RequestInformation => waiting && holds(&on.stage_roles),
        Act::Reassign => waiting && holds(&on.stage_roles) || holds(&[Role::OperationsManager]),
        Act::Escalate | Act::Expire => *actor == Actor::System,
        Act::Execute => matches!(actor, Actor::System | Actor::Service { .. }) && on.state == "queued",
    }
}

#[test]
fn every_path_relation_and_role_is_decided_as_the_product_says() {
    let policy = Policy::load(None).unwrap();
    let relations = [Relation::Stranger, Relation::Proposer, Relation::Trainer, Relation::Voter];
    let mut allowed = 0;
    for actor in actors() {
        for relation in relations {
            for state in ["drafted", "awaiting_approval", "queued", "rejected"] {
                for (action, amount) in
                    [(ActionKind::ApprovePrice, 100), (ActionKind::ApprovePrice, 6000), (ActionKind::PromoteModel, 0)]
                {
                    let on = resource(action, state, amount, relation, &actor.label());
                    for act in Act::ALL {
                        let request = AuthzRequest { actor: actor.clone(), act: *act, on: on.clone() };
                        let verdict = policy.authorize(&request);
                        let permitted = matches!(verdict, Verdict::Allow { .. });
                        assert_eq!(permitted, expected(&actor, *act, &on, relation), "{request:?}: {verdict:?}");
                        allowed += usize::from(permitted);
                    }
                }
            }
        }
    }
    assert!(allowed > 100, "{allowed}");
}

#[test]
fn policies_that_do_not_fit_stop_the_start() {
    let schema = include_str!("../../src/flow/decide/policy/holdfast.cedarschema");
    let policies = include_str!("../../src/flow/decide/policy/holdfast.cedar");
    let error = |policies: &str, governance: &str| match Policy::parse(schema, policies, governance) {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    };
    let typo = error(&policies.replace("resource.stage_roles", "resource.stage_role"), BUILT_IN);
    assert!(typo.starts_with("the policies do not fit their schema: ") && typo.contains("stage_role"), "{typo}");
    let silent = error(&policies.replacen("@code(\"not-a-person\")", "", 1), BUILT_IN);
    assert!(silent.contains("forbids and needs a @code, one of not-a-person"), "{silent}");
    let broken = error("permit (principal, action", BUILT_IN);
    assert!(broken.starts_with("the policies cannot be parsed: "), "{broken}");
    let open = error(policies, &BUILT_IN.replace("when = \"true\"", "when = \"tier == 'low'\""));
    assert!(open.starts_with("the last governance rule must have `when = \"true\"`"), "{open}");
    let quorum = error(policies, &BUILT_IN.replacen("quorum = 1", "quorum = 0", 1));
    assert!(quorum.contains("needs roles, a quorum and hours"), "{quorum}");
    assert!(Policy::load(Some(Path::new("does/not/exist"))).is_err());
}

#[test]
fn an_action_that_does_something_never_goes_without_a_stage() {
    let schema = include_str!("../../src/flow/decide/policy/holdfast.cedarschema");
    let policies = include_str!("../../src/flow/decide/policy/holdfast.cedar");
    let open = BUILT_IN.replace("action == 'do_nothing'", "action in ['do_nothing', 'notify_customer']");
    let policy = Policy::parse(schema, policies, &open).unwrap();
    let ask = |action| Question {
        action,
        tier: RiskTier::Low,
        category: None,
        amount: Some(Decimal::ONE),
        currency: Some("EUR".into()),
        reversible: true,
        order_value: 1.0,
        customer_tier: None,
    };
    assert!(policy.requirement(&ask(ActionKind::DoNothing)).unwrap().stages.is_empty());
    let error = policy.requirement(&ask(ActionKind::NotifyCustomer)).unwrap_err();
    assert!(error.to_string().contains("only `do_nothing` may go without"), "{error}");
}

#[test]
fn the_version_names_the_texts() {
    let built_in = Policy::load(None).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/flow/decide/policy");
    assert_eq!(Policy::load(Some(&folder)).unwrap().version(), built_in.version());
}
