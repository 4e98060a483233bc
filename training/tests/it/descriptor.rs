//! Descriptors: roles, leaks, and errors with file, line and column.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{chain, empty_folder};
use holdfast_training::tabular::descriptor::{Descriptor, DescriptorError};
use holdfast_training::tabular::split::Split;
use holdfast_training::tabular::table::Value;

const DESCRIPTOR: &str = r#"
name = "toy"
source = "made up"
licence = "CC0-1.0"
schema_version = "toy-1"
ids = ["order"]

[label]
column = "late"
positive = "1"
negative = "0"

[split.column]
name = "split"
train = "0"
valid = "1"
test = "2"

[[features]]
column = "days"
kind = "numeric"
label = "scheduled days"

[[features]]
column = "city"
kind = "categorical"
label = "city"

[[leaks]]
column = "status"
reason = "states the outcome"
"#;

const DATA: &str = "order,days,city,late,split\n1,4,\"Paris, TX\",1,0\n2,NA,,0,1\n3,2.5,Oslo,0,2\n";

fn load(folder: &Path, descriptor: &str) -> Result<Descriptor, DescriptorError> {
    let path = folder.join("toy.toml");
    fs::write(&path, descriptor).unwrap();
    Descriptor::load(&path)
}

fn read_error(test: &str, descriptor: &str, data: &str) -> String {
    let folder = empty_folder(test);
    let path = folder.join("toy.csv");
    fs::write(&path, data).unwrap();
    chain(&load(&folder, descriptor).unwrap().read(&path).unwrap_err())
}

#[test]
fn a_described_file_becomes_a_table() {
    let folder = empty_folder("descriptor_table");
    let path = folder.join("toy.csv");
    fs::write(&path, DATA).unwrap();
    let table = load(&folder, DESCRIPTOR).unwrap().read(&path).unwrap();
    table.check().unwrap();
    assert_eq!(table.rows[0], [Value::Number(4.0), Value::Text("Paris, TX".into())]);
    assert_eq!(table.rows[1], [Value::Missing, Value::Missing]);
    assert_eq!(table.labels, [true, false, false]);
    assert_eq!(table.times, [0, 1, 2]);
    assert_eq!(table.splits, Some(vec![Split::Train, Split::Valid, Split::Test]));
    assert_eq!(table.schema.features[0].label, "scheduled days");
}

#[test]
fn compressed_files_and_time_columns_are_read() {
    let folder = empty_folder("descriptor_time");
    let descriptor = DESCRIPTOR.replace("ids = [\"order\"]", "time_column = \"order\"").replace(
        "[split.column]\nname = \"split\"\ntrain = \"0\"\nvalid = \"1\"\ntest = \"2\"",
        "[split.time]\nfractions = [0.5, 0.25, 0.25]\ngap = 0",
    );
    let data = "order,days,city,late\n2020-01-02,1,a,0\n1970-01-02T00:00:01Z,2,a,1\n0,3,b,1\n2021-05-06 07:08,4,b,0\n";
    let path = folder.join("toy.csv.gz");
    let mut encoder = flate2::write::GzEncoder::new(fs::File::create(&path).unwrap(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, data.as_bytes()).unwrap();
    encoder.finish().unwrap();
    let table = load(&folder, &descriptor).unwrap().read(&path).unwrap();
    assert_eq!(table.times, [1_577_923_200, 86_401, 0, 1_620_284_880]);
    assert_eq!(table.splits.unwrap(), [Split::Valid, Split::Train, Split::Train, Split::Test]);
}

#[test]
fn a_leak_declared_as_a_feature_is_refused() {
    let feature = "[[features]]\ncolumn = \"status\"\nkind = \"categorical\"\nlabel = \"status\"\n\n[[leaks]]";
    let error = load(&empty_folder("descriptor_leak"), &DESCRIPTOR.replace("[[leaks]]", feature)).unwrap_err();
    assert!(matches!(&error, DescriptorError::Leak { column, .. } if column == "status"), "{error}");
    assert!(error.to_string().contains("states the outcome"));
}

#[test]
fn a_leak_in_the_file_is_left_out() {
    let folder = empty_folder("descriptor_leak_column");
    let path = folder.join("toy.csv");
    fs::write(&path, "status,order,days,city,late,split\nLATE,1,4,Oslo,1,0\n").unwrap();
    let table = load(&folder, DESCRIPTOR).unwrap().read(&path).unwrap();
    assert_eq!(table.rows[0], [Value::Number(4.0), Value::Text("Oslo".into())]);
}

#[test]
fn a_column_has_exactly_one_role() {
    let twice = DESCRIPTOR.replace("ids = [\"order\"]", "ids = [\"order\", \"days\"]");
    let error = load(&empty_folder("descriptor_roles"), &twice).unwrap_err();
    assert!(matches!(&error, DescriptorError::Roles { column, .. } if column == "days"), "{error}");
    let none = read_error("descriptor_no_role", DESCRIPTOR, &DATA.replace("order", "shipped_at"));
    assert!(none.contains("column 1 (`shipped_at`)"), "{none}");
    let absent = read_error("descriptor_absent", DESCRIPTOR, &DATA.replace(",city,", ",status,"));
    assert!(absent.contains("no column `city` (feature)"), "{absent}");
}

#[test]
fn errors_in_the_data_give_file_line_and_column() {
    let cell = read_error("descriptor_cell", DESCRIPTOR, &DATA.replace("2.5", "2,5"));
    assert!(cell.contains("toy.csv") && cell.contains("line: 4"), "{cell}");
    let cell = read_error("descriptor_number", DESCRIPTOR, &DATA.replace("2.5", "two"));
    assert!(cell.contains("line 4, column `days`: `two` is not a finite number"), "{cell}");
    let cell = read_error("descriptor_infinite", DESCRIPTOR, &DATA.replace("2.5", "inf"));
    assert!(cell.contains("line 4, column `days`"), "{cell}");
    let label = read_error("descriptor_label", DESCRIPTOR, &DATA.replace("Oslo,0,2", "Oslo,yes,2"));
    assert!(label.contains("line 4, column `late`: `yes` is not `1` or `0`"), "{label}");
    let split = read_error("descriptor_split", DESCRIPTOR, &DATA.replace("Oslo,0,2", "Oslo,0,9"));
    assert!(split.contains("line 4, column `split`"), "{split}");
}

#[test]
fn what_is_no_descriptor_says_where() {
    let error = load(&empty_folder("descriptor_toml"), &DESCRIPTOR.replace("numeric", "number")).unwrap_err();
    assert!(chain(&error).contains("number"), "{}", chain(&error));
    let error = Descriptor::load(Path::new("/nowhere/toy.toml")).unwrap_err();
    assert!(error.to_string().contains("/nowhere/toy.toml"));
}

#[test]
fn the_public_descriptors_load() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../datasets/public");
    for (name, features, leak) in [("dataco", 25, "Delivery Status"), ("scms", 39, "Delivered to Client Date")] {
        let descriptor = Descriptor::load(&folder.join(format!("{name}.toml"))).unwrap();
        assert_eq!((descriptor.name.as_str(), descriptor.features.len()), (name, features));
        assert!(descriptor.leaks.iter().any(|column| column.column == leak && !column.reason.is_empty()));
    }
}

#[test]
fn the_documented_descriptor_loads() {
    let readme = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../datasets/README.md");
    let text = fs::read_to_string(readme).unwrap();
    let example = text.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let descriptor = load(&empty_folder("descriptor_documented"), example).unwrap();
    assert_eq!(descriptor.delay(), 1_209_600);
    let other = example
        .replace("column = \"status\"\npositive = \"late\"\nnegative = \"in time\"\n", "")
        .replace("# expression", "expression");
    let descriptor = load(&empty_folder("descriptor_documented_other"), &other).unwrap();
    let text = toml::to_string(&descriptor).unwrap();
    assert_eq!(toml::from_str::<Descriptor>(&text).unwrap(), descriptor, "{text}");
}
