//! The files of a writer's directory: which there are, what they are together, and what they say of themselves.
//!
//! Guarantees: the digest covers every file that is read; a missing one is named with what it is for. Non-goals: fetching.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};

use candle_core::quantized::GgmlDType;
use candle_core::quantized::gguf_file::Content;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::network::Network;

/// Widths that are multiples of this run on the packed kernels.
const PACKED_WIDTH: usize = 256;

/// Weights in either form.
pub enum Weights {
    Gguf(PathBuf, Box<Content>),
    Safetensors(Value, Vec<Vec<u8>>),
}

/// What a directory holds.
pub struct Files {
    /// The weights.
    pub weights: Weights,
    /// `tokenizer.json`.
    pub tokenizer: Vec<u8>,
    /// The chat template's source.
    pub template: String,
    /// The token that begins a text, where the model has one.
    pub begin: Option<u32>,
    /// The token that ends a text.
    pub end: u32,
    /// SHA-256 over names and digests.
    pub digest: String,
}

impl Files {
    /// Reads `dir`; weights of a GGUF file are read when the network is built.
    ///
    /// # Errors
    /// In words, with the file.
    pub fn read(dir: &Path) -> Result<Self, String> {
        let names = names(dir)?;
        let with = |end: &str| names.iter().filter(|name| name.ends_with(end)).cloned().collect::<Vec<String>>();
        let read = |name: &str| std::fs::read(dir.join(name)).map_err(|error| format!("`{name}`: {error}"));
        let (gguf, safetensors) = (with(".gguf"), with(".safetensors"));
        let config: Option<Value> = match names.iter().any(|name| name == "config.json") {
            true => Some(json("config.json", &read("config.json")?)?),
            false => None,
        };
        let weights = match (gguf.as_slice(), safetensors.is_empty(), &config) {
            ([file], true, _) => {
                let path = dir.join(file);
                let opened = File::open(&path).map_err(|error| format!("`{file}`: {error}"))?;
                let content =
                    Content::read(&mut BufReader::new(opened)).map_err(|error| format!("`{file}`: {error}"))?;
                Weights::Gguf(path, Box::new(content))
            }
            ([], false, Some(config)) => {
                let shards = safetensors.iter().map(|name| read(name)).collect::<Result<_, _>>()?;
                Weights::Safetensors(config.clone(), shards)
            }
            ([], false, None) => return Err("`config.json` is missing: it says what the safetensors are".to_owned()),
            ([], true, _) => return Err("there are no weights: give one `.gguf` file or `.safetensors`".to_owned()),
            _ => {
                return Err(
                    "there is more than one set of weights: keep one `.gguf` file, or `.safetensors`".to_owned()
                );
            }
        };
        let tokenizer = read("tokenizer.json").map_err(|why| {
            format!("{why}; it is needed beside GGUF as well: take the one published with the weights")
        })?;
        let template = template(&names, &read)?;
        let [begin, end] = ends(&weights, config.as_ref());
        let end = end.ok_or("which token ends a text is not said: give `eos_token_id` in `config.json`")?;
        Ok(Self { weights, tokenizer, template, begin, end, digest: digest(dir, &names)? })
    }
}

impl Weights {
    /// What makes this model slower or worse than it could be.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let Self::Gguf(_, content) = self else { return Vec::new() };
        let matrices = content.tensor_infos.iter().filter(|(_, info)| info.shape.rank() == 2);
        let mut odd: Vec<&str> = Vec::new();
        let mut slow: Vec<&str> = Vec::new();
        for (name, info) in matrices {
            let width = info.shape.dims().last().copied().unwrap_or(0);
            match info.ggml_dtype {
                GgmlDType::F32 | GgmlDType::F16 | GgmlDType::BF16 => {}
                GgmlDType::Q5_0 | GgmlDType::Q5_1 | GgmlDType::Q4_1 | GgmlDType::Q8_1 => slow.push(name),
                _ if width % PACKED_WIDTH != 0 => odd.push(name),
                _ => {}
            }
        }
        let say = |names: &[&str], what: &str| {
            names.first().map(|first| format!("{} of its matrices, `{first}` for one, {what}", names.len()))
        };
        let odd = say(&odd, "have a width that is no multiple of 256: several times slower than others");
        let slow = say(&slow, "are of a type without fast kernels: take Q8_0 or Q4_K_M");
        odd.into_iter().chain(slow).collect()
    }

    /// Builds the network.
    ///
    /// # Errors
    /// As [`Network::from_gguf`] and [`Network::from_safetensors`].
    pub fn network(self) -> Result<Network, String> {
        match self {
            Self::Gguf(path, content) => Network::from_gguf(&path, *content),
            Self::Safetensors(config, files) => Network::from_safetensors(&config, &files),
        }
    }
}

fn names(dir: &Path) -> Result<Vec<String>, String> {
    let entries = std::fs::read_dir(dir).map_err(|error| format!("the directory cannot be read: {error}"))?;
    let files = entries.flatten().filter(|entry| entry.path().is_file());
    let mut names: Vec<String> = files.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    Ok(names)
}

fn json(name: &str, bytes: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(bytes).map_err(|error| format!("`{name}`: {error}"))
}

fn template(names: &[String], read: &impl Fn(&str) -> Result<Vec<u8>, String>) -> Result<String, String> {
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    if has("chat_template.jinja") {
        return String::from_utf8(read("chat_template.jinja")?)
            .map_err(|error| format!("`chat_template.jinja`: {error}"));
    }
    let config = match has("tokenizer_config.json") {
        true => json("tokenizer_config.json", &read("tokenizer_config.json")?)?,
        false => Value::Null,
    };
    let template = config.get("chat_template").and_then(Value::as_str).map(str::to_owned);
    template.ok_or_else(|| "the chat template is missing: give `chat_template.jinja`".to_owned())
}

/// The tokens that begin and end a text.
fn ends(weights: &Weights, config: Option<&Value>) -> [Option<u32>; 2] {
    let configured = |name: &str| {
        let value = config?.get(name)?;
        let first = value.as_array().map_or(Some(value), |several| several.first())?;
        first.as_u64().and_then(|id| u32::try_from(id).ok())
    };
    let stored = |name: &str| match weights {
        Weights::Gguf(_, content) => content.metadata.get(name).and_then(|value| value.to_u32().ok()),
        Weights::Safetensors(..) => None,
    };
    [
        configured("bos_token_id").or_else(|| stored("tokenizer.ggml.bos_token_id")),
        configured("eos_token_id").or_else(|| stored("tokenizer.ggml.eos_token_id")),
    ]
}

fn digest(dir: &Path, names: &[String]) -> Result<String, String> {
    let mut all = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    for name in names {
        let mut file = File::open(dir.join(name)).map_err(|error| format!("`{name}`: {error}"))?;
        let mut one = Sha256::new();
        loop {
            let filled = file.read(&mut buffer).map_err(|error| format!("`{name}`: {error}"))?;
            if filled == 0 {
                break;
            }
            one.update(&buffer[..filled]);
        }
        all.update(name.as_bytes());
        all.update([0]);
        all.update(one.finalize());
    }
    Ok(crate::domain::digest::hex(&all.finalize()))
}
