//! Columns of a CSV file, packed or not, by name.

use std::error::Error;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;

/// A file's cells, by row.
pub struct Columns {
    header: Vec<String>,
    rows: Vec<csv::StringRecord>,
    name: String,
}

impl Columns {
    /// Reads all of `path`; unpacks it when it ends in `.gz`.
    pub fn read(path: &Path) -> Result<Columns, Box<dyn Error>> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| format!("`{name}` cannot be opened: {error}"))?;
        let packed = path.extension().is_some_and(|extension| extension == "gz");
        let source: Box<dyn Read> = if packed { Box::new(GzDecoder::new(file)) } else { Box::new(file) };
        let mut reader = csv::Reader::from_reader(source);
        let header = reader.headers()?.iter().map(str::to_owned).collect();
        let rows = reader.records().collect::<Result<Vec<_>, _>>()?;
        Ok(Columns { header, rows, name })
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn names(&self) -> &[String] {
        &self.header
    }

    fn place(&self, name: &str) -> Result<usize, String> {
        let place = self.header.iter().position(|column| column == name);
        place.ok_or_else(|| format!("`{}` has no column `{name}`", self.name))
    }

    /// A column of text.
    pub fn texts(&self, name: &str) -> Result<Vec<String>, Box<dyn Error>> {
        let place = self.place(name)?;
        Ok(self.rows.iter().map(|row| row.get(place).unwrap_or_default().to_owned()).collect())
    }

    /// A column of numbers.
    pub fn numbers(&self, name: &str) -> Result<Vec<f64>, Box<dyn Error>> {
        let number = |text: String| match text.parse::<f64>() {
            Ok(number) => Ok(number),
            Err(error) => Err(format!("column `{name}` of `{}` holds `{text}`: {error}", self.name).into()),
        };
        self.texts(name)?.into_iter().map(number).collect()
    }

    /// The columns `<prefix>0`, `<prefix>1`, … as rows × columns.
    pub fn block(&self, prefix: &str) -> Result<Vec<Vec<f64>>, Box<dyn Error>> {
        let mut rows = vec![Vec::new(); self.len()];
        for index in 0.. {
            let name = format!("{prefix}{index}");
            if !self.header.contains(&name) {
                break;
            }
            rows.iter_mut().zip(self.numbers(&name)?).for_each(|(row, value)| row.push(value));
        }
        Ok(rows)
    }
}
