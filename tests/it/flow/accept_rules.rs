//! The rule file: what is refused at load, and that the refusal names the place.

use anyhow::ensure;
use holdfast::flow::accept::rules::Rules;

fn file(rule: &str) -> String {
    let built_in = include_str!("../../../src/flow/accept/rules.toml");
    let head = built_in.split("[[rule]]").next().unwrap_or_default();
    format!("{head}\n[[rule]]\nid = \"mine\"\ncategory = \"credit_hold\"\nseverity = \"low\"\n{rule}")
}

fn refusal(rule: &str) -> anyhow::Result<String> {
    match Rules::load(&file(rule)) {
        Ok(_) => anyhow::bail!("this rule is taken: {rule}"),
        Err(error) => Ok(error.to_string()),
    }
}

#[test]
fn the_built_in_rules_load() -> anyhow::Result<()> {
    ensure!(!Rules::built_in()?.version().is_empty());
    Ok(())
}

#[test]
fn a_good_rule_of_ones_own_is_taken() -> anyhow::Result<()> {
    let rule = "scope = \"line\"\nwhen = \"facts.line.quantity > limits.price_gap\"\ndetail = \"{line.sku} {attributes.n}\"\n\
                attributes = { n = \"facts.line.quantity * 2.0\" }";
    Rules::load(&file(rule))?;
    Ok(())
}

#[test]
fn a_refusal_names_rule_and_field() -> anyhow::Result<()> {
    let cases = [
        ("scope = \"order\"\nwhen = \"facts.order.live &&\"\ndetail = \"x\"", "field `when`"),
        ("scope = \"order\"\nwhen = \"facts.order.value\"\ndetail = \"x\"", "needs a boolean"),
        ("scope = \"order\"\nwhen = \"facts.order.lives\"\ndetail = \"x\"", "field `when`"),
        ("scope = \"order\"\nwhen = \"true\"\ndetail = \"{order.nobody}\"", "`{order.nobody}`"),
        ("scope = \"order\"\nwhen = \"true\"\ndetail = \"{order.value\"", "field `detail`"),
        ("scope = \"order\"\nwhen = \"true\"\nlocation = \"1.0\"\ndetail = \"x\"", "field `location`"),
        ("scope = \"order\"\nwhen = \"false\"\nwake_h = \"'soon'\"\ndetail = \"x\"", "field `wake_h`"),
        (
            "scope = \"order\"\nwhen = \"true\"\ndetail = \"x\"\nattributes = { a = \"facts.nothing\" }",
            "field `attributes.a`",
        ),
        // It would fail on an order without a shipment.
        ("scope = \"order\"\nwhen = \"facts.shipment.since_h > 1.0\"\ndetail = \"x\"", "field `when`"),
    ];
    for (rule, expected) in cases {
        let message = refusal(rule)?;
        ensure!(message.contains("rule `mine`") && message.contains(expected), "{rule}: {message}");
    }
    Ok(())
}

#[test]
fn a_file_must_be_whole() -> anyhow::Result<()> {
    let good = "scope = \"order\"\nwhen = \"true\"\ndetail = \"x\"";
    let twice = format!("{}\n{}", file(good), &file(good)[file(good).find("[[rule]]").unwrap_or(0)..]);
    let ownerless = file(good).replace("credit_hold = \"finance\"", "");
    for (text, expected) in
        [(twice, "`mine` is used twice"), (ownerless, "`credit_hold`"), ("version = 3".into(), "rule file")]
    {
        let message = Rules::load(&text).err().map(|e| e.to_string()).unwrap_or_default();
        ensure!(message.contains(expected), "{expected}: {message}");
    }
    Ok(())
}
