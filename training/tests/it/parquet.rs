//! Parquet: what is written reads back, other writers' types become cells, what is no table is refused.

use std::path::PathBuf;
use std::sync::Arc;

use crate::support::{chain, empty_folder, shipments};
use holdfast_training::tabular::descriptor::{Descriptor, DescriptorError};
use holdfast_training::tabular::parquet::{descriptor_of, to_csv, to_parquet};
use holdfast_training::tabular::split::Split;
use holdfast_training::tabular::table::{Table, Value};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int32Type, Int64Type};
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

fn table() -> Table {
    let mut table = shipments(500, 4);
    let splits = (0..500).map(|row| [Split::Train, Split::Valid, Split::Gap, Split::Test][row / 125]);
    table.splits = Some(splits.collect());
    table.rows[3][0] = Value::Number(-0.1 - 0.2);
    table.rows[4][1] = Value::Text("quoted \"and\", with\na line".into());
    table.rows[5][1] = Value::Missing;
    table.rows[6][2] = Value::Number(1e-300);
    table.times[0] = -1;
    table
}

#[test]
fn what_is_written_reads_back() {
    let path = empty_folder("parquet-round-trip").join("set.parquet");
    let table = table();
    let bytes = to_parquet(&table, &[], &[("seed".into(), "7".into())]).unwrap();
    assert_eq!(bytes, to_parquet(&table, &[], &[("seed".into(), "7".into())]).unwrap());
    std::fs::write(&path, &bytes).unwrap();
    let descriptor = descriptor_of(&table, "set", "a test", "none");
    let text = toml::to_string(&descriptor).unwrap();
    let toml = path.with_extension("toml");
    std::fs::write(&toml, text).unwrap();
    assert_eq!(Descriptor::load(&toml).unwrap().read(&path).unwrap(), table);
    let reader = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
    let about = reader.metadata().file_metadata().key_value_metadata().unwrap();
    let about: Vec<(&str, Option<&str>)> = about.iter().map(|kv| (kv.key.as_str(), kv.value.as_deref())).collect();
    assert_eq!(about, [("schema_version", Some("shipments-1")), ("seed", Some("7"))]);
}

#[test]
fn as_of_features_are_written_beside_the_table() {
    let path = empty_folder("parquet-as-of").join("set.parquet");
    let table = table();
    let rates: Vec<f64> = (0..500).map(|row| f64::from(row) / 7.0).collect();
    std::fs::write(&path, to_parquet(&table, &[("carrier_rate".into(), rates.clone())], &[]).unwrap()).unwrap();
    let csv = String::from_utf8(to_csv(&path, "").unwrap()).unwrap();
    assert_eq!(csv.lines().next(), Some("_time,_label,_split,load,carrier,noise,order,carrier_rate"));
    assert!(csv.lines().nth(2).unwrap().ends_with(&format!(",{}", rates[1])));
    let error = chain(&to_parquet(&table, &[("load".into(), rates)], &[]).unwrap_err());
    assert!(error.contains("`load`"), "{error}");
    let error = chain(&to_parquet(&table, &[("short".into(), vec![1.0])], &[]).unwrap_err());
    assert!(error.contains("`short` has 1 rows of 500"), "{error}");
}

type Group<'a> = SerializedRowGroupWriter<'a, std::fs::File>;

/// A file with one row group of one schema.
fn file(name: &str, schema: &str, write: impl FnOnce(&mut Group<'_>)) -> PathBuf {
    let path = empty_folder(name).join("file.parquet");
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(std::fs::File::create(&path).unwrap(), schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    write(&mut group);
    group.close().unwrap();
    writer.close().unwrap();
    path
}

fn column<T: DataType>(group: &mut Group<'_>, values: &[T::T], levels: Option<&[i16]>) {
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<T>().write_batch(values, levels, None).unwrap();
    column.close().unwrap();
}

#[test]
fn other_writers_types_become_cells() {
    let schema = "message other {
        required boolean late; required int32 day (DATE); optional int64 at (TIMESTAMP(NANOS,true));
        required int64 old (TIMESTAMP_MILLIS); required int32 price (DECIMAL(9,2)); required int32 big (UINT_32);
        required float weight; optional double share; required binary name (STRING); required binary plain;
    }";
    let path = file("parquet-types", schema, |group| {
        column::<BoolType>(group, &[true, false], None);
        column::<Int32Type>(group, &[-1, 19_700], None);
        column::<Int64Type>(group, &[1_700_000_000_000_000_001], Some(&[1, 0]));
        column::<Int64Type>(group, &[-1, 0], None);
        column::<Int32Type>(group, &[-5, 12_345], None);
        column::<Int32Type>(group, &[-1, 7], None);
        column::<FloatType>(group, &[0.1, f32::INFINITY], None);
        column::<DoubleType>(group, &[f64::NAN, 0.1 + 0.2], Some(&[1, 1]));
        column::<ByteArrayType>(group, &[ByteArray::from("Ä, b"), ByteArray::from("")], None);
        column::<ByteArrayType>(group, &[ByteArray::from("x"), ByteArray::from("y")], None);
    });
    let csv = String::from_utf8(to_csv(&path, "NA").unwrap()).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "late,day,at,old,price,big,weight,share,name,plain");
    let first =
        "true,1969-12-31,2023-11-14T22:13:20.000000001Z,1969-12-31T23:59:59.999Z,-0.05,4294967295,0.1,NA,\"Ä, b\",x";
    assert_eq!(lines[1], first);
    assert_eq!(lines[2], "false,2023-12-09,NA,1970-01-01T00:00:00Z,123.45,7,inf,0.30000000000000004,,y");
}

#[test]
fn what_is_no_table_is_refused() {
    let read = |path: &PathBuf| chain(&to_csv(path, "").unwrap_err());
    let list = file("parquet-list", "message m { repeated int32 many; }", |group| {
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int32Type>().write_batch(&[1, 2], Some(&[1, 1]), Some(&[0, 1])).unwrap();
        column.close().unwrap();
    });
    assert!(read(&list).contains("`many` holds lists"), "{}", read(&list));
    let bytes = file("parquet-utf8", "message m { required binary name (STRING); }", |group| {
        column::<ByteArrayType>(group, &[ByteArray::from("a"), ByteArray::from(vec![0xff])], None);
    });
    assert!(read(&bytes).contains("`name`, row 2: not UTF-8"), "{}", read(&bytes));
    let folder = empty_folder("parquet-damaged");
    let (damaged, whole) = (folder.join("half.parquet"), to_parquet(&table(), &[], &[]).unwrap());
    for bytes in [&whole[..whole.len() / 2], &whole[..4], &[], b"PAR1PAR1"] {
        std::fs::write(&damaged, bytes).unwrap();
        assert!(read(&damaged).contains("check that it is whole"));
    }
    assert!(read(&folder.join("absent.parquet")).contains("cannot be opened"));
    let error = descriptor_of(&table(), "n", "s", "l").read(&damaged).unwrap_err();
    assert!(matches!(error, DescriptorError::Parquet { .. }) && chain(&error).contains("half.parquet"));
}
