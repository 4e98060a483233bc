//! The decoders that can word a summary: seven architectures, from safetensors or from GGUF.
//!
//! Guarantees: whatever the architecture, [`Network::start`] forgets what was read before, and [`Network::read`] answers
//! with one finite number for each entry of the vocabulary. Non-goals: choosing tokens; anything but the CPU.

use std::fs::File;
use std::path::Path;

use candle_core::quantized::gguf_file::Content;
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::{
    gemma3, lfm2, llama, phi3, quantized_gemma3, quantized_lfm2, quantized_llama, quantized_phi3, quantized_qwen2,
    quantized_qwen3, qwen2, qwen3,
    smol::{quantized_smollm3, smollm3},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The architectures that are known, by the name that `config.json` and GGUF files give them.
pub const ARCHITECTURES: [&str; 7] = ["qwen3", "qwen2", "llama", "gemma3", "phi3", "smollm3", "lfm2"];

/// Weights of one architecture.
enum Weights {
    Qwen3(qwen3::ModelForCausalLM),
    Qwen2(qwen2::ModelForCausalLM),
    Llama(Box<(llama::Llama, llama::Config, llama::Cache)>),
    Gemma3(gemma3::Model),
    Phi3(phi3::Model),
    Smollm3(smollm3::ModelForCausalLM),
    Lfm2(Box<(lfm2::Model, lfm2::Config, lfm2::Cache)>),
    PackedQwen3(quantized_qwen3::ModelWeights),
    PackedQwen2(quantized_qwen2::ModelWeights),
    PackedLlama(quantized_llama::ModelWeights),
    PackedGemma3(quantized_gemma3::ModelWeights),
    PackedPhi3(quantized_phi3::ModelWeights),
    PackedSmollm3(quantized_smollm3::QuantizedModelForCausalLM),
    PackedLfm2(quantized_lfm2::ModelWeights),
}

/// A loaded decoder and how far it has read.
pub struct Network {
    weights: Weights,
    read: usize,
}

impl Network {
    /// Loads safetensors by the `model_type` of `config`; computed in single precision.
    ///
    /// # Errors
    /// In words: an unknown architecture, a configuration or tensors that do not fit it.
    pub fn from_safetensors(config: &Value, files: &[Vec<u8>]) -> Result<Self, String> {
        let name = config.get("model_type").and_then(Value::as_str).unwrap_or_default();
        let shards = files.iter().map(|file| candle_core::safetensors::load_buffer(file, &Device::Cpu));
        let mut tensors = std::collections::HashMap::new();
        for shard in shards {
            tensors.extend(shard.map_err(words)?);
        }
        let vars = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
        let weights = match name {
            "qwen3" => qwen3::ModelForCausalLM::new(&of(config)?, vars).map(Weights::Qwen3),
            "qwen2" => qwen2::ModelForCausalLM::new(&of(config)?, vars).map(Weights::Qwen2),
            "llama" => load_llama(of::<llama::LlamaConfig>(config)?.into_config(false), vars),
            "gemma3" | "gemma3_text" => gemma3::Model::new(false, &of(config)?, vars).map(Weights::Gemma3),
            "phi3" => phi3::Model::new(&of(config)?, vars).map(Weights::Phi3),
            "smollm3" => smollm3::ModelForCausalLM::new(&of(config)?, vars).map(Weights::Smollm3),
            "lfm2" => load_lfm2(of::<lfm2::Lfm2Config>(config)?.into_config(false), vars),
            other => return Err(unknown(other)),
        };
        Ok(Self { weights: weights.map_err(words)?, read: 0 })
    }

    /// Loads a GGUF file by its `general.architecture`.
    ///
    /// # Errors
    /// As [`Self::from_safetensors`].
    pub fn from_gguf(path: &Path, content: Content) -> Result<Self, String> {
        let name = content.metadata.get("general.architecture").and_then(|v| v.to_string().ok()).cloned();
        let mut file = File::open(path).map_err(|error| error.to_string())?;
        let cpu = &Device::Cpu;
        let weights = match name.as_deref().unwrap_or_default() {
            "qwen3" => quantized_qwen3::ModelWeights::from_gguf(content, &mut file, cpu).map(Weights::PackedQwen3),
            "qwen2" => quantized_qwen2::ModelWeights::from_gguf(content, &mut file, cpu).map(Weights::PackedQwen2),
            "llama" => quantized_llama::ModelWeights::from_gguf(content, &mut file, cpu).map(Weights::PackedLlama),
            "gemma3" => quantized_gemma3::ModelWeights::from_gguf(content, &mut file, cpu).map(Weights::PackedGemma3),
            "phi3" => quantized_phi3::ModelWeights::from_gguf(false, content, &mut file, cpu).map(Weights::PackedPhi3),
            "smollm3" => {
                quantized_smollm3::QuantizedModelForCausalLM::from_gguf(path, cpu, false).map(Weights::PackedSmollm3)
            }
            "lfm2" => quantized_lfm2::ModelWeights::from_gguf(content, &mut file, cpu).map(Weights::PackedLfm2),
            other => return Err(unknown(other)),
        };
        Ok(Self { weights: weights.map_err(words)?, read: 0 })
    }

    /// Forgets everything that was read.
    ///
    /// # Errors
    /// What the library said.
    pub fn start(&mut self) -> Result<(), String> {
        self.read = 0;
        match &mut self.weights {
            Weights::Qwen3(model) => model.clear_kv_cache(),
            Weights::Qwen2(model) => model.clear_kv_cache(),
            Weights::Llama(model) => {
                model.2 = llama::Cache::new(true, DType::F32, &model.1, &Device::Cpu).map_err(words)?;
            }
            Weights::Gemma3(model) => model.clear_kv_cache(),
            Weights::Phi3(model) => model.clear_kv_cache(),
            Weights::Smollm3(model) => model.clear_kv_cache(),
            Weights::Lfm2(model) => model.2.clear(),
            Weights::PackedQwen3(model) => model.clear_kv_cache(),
            Weights::PackedQwen2(model) => model.clear_kv_cache(),
            Weights::PackedLlama(model) => model.clear_kv_cache(),
            Weights::PackedSmollm3(model) => model.clear_kv_cache(),
            // These begin anew when they are given the first position.
            Weights::PackedGemma3(_) | Weights::PackedPhi3(_) | Weights::PackedLfm2(_) => {}
        }
        Ok(())
    }

    /// Reads `tokens` after those read before; the scores of what comes next, one for each entry of the vocabulary.
    ///
    /// Several tokens are taken at the beginning only: later ones go in one by one, because `quantized_qwen3` gives wrong
    /// scores for a chunk that follows a single token.
    ///
    /// # Errors
    /// What the library said, or that a score is not finite.
    pub fn read(&mut self, tokens: &[u32]) -> Result<Vec<f32>, String> {
        let mut scores = Vec::new();
        let chunks = if self.read == 0 { vec![tokens] } else { tokens.chunks(1).collect() };
        for chunk in chunks {
            let logits = self.forward(chunk).map_err(words)?;
            self.read += chunk.len();
            scores = logits.flatten_all().and_then(|t| t.to_dtype(DType::F32)?.to_vec1::<f32>()).map_err(words)?;
        }
        match scores.iter().any(|score| !score.is_finite()) || scores.is_empty() {
            true => Err("the scores that it gives are not finite".to_owned()),
            false => Ok(scores),
        }
    }

    fn forward(&mut self, tokens: &[u32]) -> candle_core::Result<Tensor> {
        let input = Tensor::new(tokens, &Device::Cpu)?.unsqueeze(0)?;
        let at = self.read;
        match &mut self.weights {
            Weights::Qwen3(model) => model.forward(&input, at),
            Weights::Qwen2(model) => model.forward(&input, at),
            Weights::Llama(model) => model.0.forward(&input, at, &mut model.2),
            Weights::Gemma3(model) => model.forward(&input, at),
            Weights::Phi3(model) => model.forward(&input, at),
            Weights::Smollm3(model) => model.forward(&input, at),
            Weights::Lfm2(model) => model.0.forward(&input, at, &mut model.2),
            Weights::PackedQwen3(model) => model.forward(&input, at),
            Weights::PackedQwen2(model) => model.forward(&input, at),
            Weights::PackedLlama(model) => model.forward(&input, at),
            Weights::PackedGemma3(model) => model.forward(&input, at),
            Weights::PackedPhi3(model) => model.forward(&input, at),
            Weights::PackedSmollm3(model) => model.forward(&input, at),
            Weights::PackedLfm2(model) => model.forward(&input, at),
        }
    }
}

fn load_llama(config: llama::Config, vars: VarBuilder) -> candle_core::Result<Weights> {
    let model = llama::Llama::load(vars, &config)?;
    let cache = llama::Cache::new(true, DType::F32, &config, &Device::Cpu)?;
    Ok(Weights::Llama(Box::new((model, config, cache))))
}

fn load_lfm2(config: lfm2::Config, vars: VarBuilder) -> candle_core::Result<Weights> {
    let model = lfm2::Model::new(&config, vars)?;
    let cache = lfm2::Cache::new(true, DType::F32, &config, &Device::Cpu)?;
    Ok(Weights::Lfm2(Box::new((model, config, cache))))
}

fn of<T: DeserializeOwned>(config: &Value) -> Result<T, String> {
    T::deserialize(config).map_err(|error| format!("`config.json`: {error}"))
}

fn unknown(name: &str) -> String {
    format!("its architecture `{name}` is none that can word a summary; use one of {}", ARCHITECTURES.join(", "))
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
fn words(error: candle_core::Error) -> String {
    error.to_string()
}
