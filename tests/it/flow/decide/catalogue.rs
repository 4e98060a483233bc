//! The catalogue: complete, evaluable, and refused with entry and field when it is not.

use holdfast::domain::action::ActionKind;
use holdfast::domain::case::Category;
use holdfast::flow::decide::candidates::{self, CaseView};
use holdfast::flow::decide::catalogue::{BUILT_IN, Catalogue, broken, hindsight};
use holdfast::flow::expression::{Expression, ExpressionError, Recorded};
use serde_json::{Value, json};

use super::samples;

fn load(text: &str) -> String {
    Catalogue::load(text).map(|_| String::new()).unwrap_or_else(|e| e.to_string())
}

#[test]
fn every_expression_can_be_evaluated_where_everything_is_known() {
    let catalogue = Catalogue::load(BUILT_IN).unwrap();
    let facts = samples::facts();
    let json = serde_json::to_value(&facts).unwrap();
    let scope = candidates::scope(&facts);
    for entry in catalogue.entries().iter().filter(|e| e.spec.kind != ActionKind::PromoteModel) {
        let name = entry.spec.kind.name();
        for (parameter, source) in &entry.spec.fill {
            Expression::compile(source)
                .unwrap()
                .json(&scope)
                .unwrap_or_else(|e| panic!("{name}.fill.{parameter}: {e}"));
        }
        let parameters = entry.fill(&scope);
        assert_eq!(entry.violations(&parameters), [], "{name} fills {parameters:?}");
        let scope = scope.clone().with("parameters", &Recorded(&parameters));
        for guard in &entry.spec.guards {
            Expression::compile(&guard.when).unwrap().truth(&scope).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
        entry.quote(&scope).unwrap_or_else(|e| panic!("{name}.quote: {e}"));
        entry.amount(&scope).unwrap_or_else(|e| panic!("{name}.amount: {e}"));
        let later = hindsight(&json, &json, &parameters);
        let effect = entry.spec.effect.iter().map(|e| &e.when);
        for source in entry.spec.preconditions.iter().map(|p| &p.when).chain(effect) {
            Expression::compile(source).unwrap().truth(&later).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
        assert_eq!(broken(&entry.spec.preconditions, &later), Vec::<String>::new(), "{name} on unchanged facts");
    }
    for category in Category::ALL {
        assert!(catalogue.standing(category, &scope) > 0.0, "{category:?}");
    }
}

#[test]
fn every_category_has_the_contracts_actions_and_those_for_any() {
    let catalogue = Catalogue::load(BUILT_IN).unwrap();
    let answers = |category| catalogue.entries().iter().filter(|e| e.answers(category)).count();
    let counted = Category::ALL.map(answers);
    assert_eq!(counted, [11, 10, 9, 10, 11, 10, 9, 12, 9]);
    assert_eq!(ActionKind::ALL.len(), 40);
}

#[test]
fn what_is_not_known_refuses_with_the_declared_reason() {
    let catalogue = Catalogue::load(BUILT_IN).unwrap();
    let mut changed = samples::everything();
    changed["stock"]["alternate"] = Value::Null;
    changed["purchase_order"] = Value::Null;
    let facts = serde_json::from_value(changed).unwrap();
    let case = CaseView { category: Category::InventoryShortage, due_at: None };
    let candidates = candidates::of(&catalogue, &facts, &case);
    let of = |kind| candidates.iter().find(|c| c.action == kind).unwrap();
    let elsewhere = of(ActionKind::ReallocateFromWarehouse);
    assert_eq!(elsewhere.refused, ["no other warehouse has enough of the item"]);
    assert_eq!((elsewhere.quote.as_ref(), elsewhere.parameters.get("from_warehouse")), (None, None));
    assert!(!of(ActionKind::ExpeditePurchaseOrder).refused.is_empty());
    assert_eq!(of(ActionKind::SplitShipment).parameters["quantity_now"], json!(50));
    assert!(of(ActionKind::SplitShipment).refused.is_empty());
}

#[test]
fn a_wrong_entry_is_named_with_its_field() {
    let without = BUILT_IN.replace("kind = \"do_nothing\"", "kind = \"cancel_line\"");
    assert_eq!(load(&without), "the catalogue has 2 entries for action `cancel_line`; every action needs exactly one");
    let broken_cel = BUILT_IN.replacen("quote = \"25.0 + 0.5 * parameters.quantity\"", "quote = \"25.0 +\"", 1);
    assert!(
        load(&broken_cel).starts_with("action `reallocate_from_warehouse`, field `quote`: "),
        "{}",
        load(&broken_cel)
    );
    let keyword = BUILT_IN.replacen("exclusiveMinimum", "multipleOf", 1);
    assert!(
        load(&keyword).contains("field `parameters`: property `quantity`: keyword `multipleOf`"),
        "{}",
        load(&keyword)
    );
    let unknown = BUILT_IN.replacen("effort_min", "efort_min", 1);
    assert!(load(&unknown).contains("efort_min"), "{}", load(&unknown));
    let late = BUILT_IN.replacen("useful_before_due_h = 8.0", "useful_before_due_h = 1.0", 1);
    assert!(load(&late).contains("field `useful_before_due_h`: is less than the lead time of 4 h"), "{}", load(&late));
}

#[test]
fn parameters_are_checked_with_pointers() {
    let catalogue = Catalogue::load(BUILT_IN).unwrap();
    let entry = catalogue.entry(ActionKind::ReallocateFromWarehouse);
    let given = json!({ "from_warehouse": "", "quantity": 0, "to": "W-9" });
    let found: Vec<String> =
        entry.violations(given.as_object().unwrap()).iter().map(|v| format!("{} {}", v.pointer, v.message)).collect();
    assert_eq!(
        found,
        [
            "/from_warehouse must have at least 1 characters",
            "/quantity must be more than 0",
            "/to is not a parameter; there are: from_warehouse, quantity",
        ]
    );
    assert_eq!(entry.violations(&serde_json::Map::new()).len(), 2);
}

#[test]
fn an_amount_that_is_no_amount_is_refused() {
    let strange = BUILT_IN.replacen("quote = \"25.0 + 0.5 * parameters.quantity\"", "quote = \"-1.0\"", 1);
    let catalogue = Catalogue::load(&strange).unwrap();
    let entry = catalogue.entry(ActionKind::ReallocateFromWarehouse);
    let scope = candidates::scope(&samples::facts());
    assert!(matches!(entry.quote(&scope), Err(ExpressionError::Type { expected: "an amount from 0", .. })));
}
