//! Writers with random weights, one of each architecture and form: what published directories look like, seconds-small.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file::Value as Meta;
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{DType, Device, Tensor};
use candle_nn::{VarBuilder, VarMap};
use candle_transformers::models::{gemma3, lfm2, llama, phi3, qwen2, qwen3, smol::smollm3};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::support::folder::Folder;

const WIDE: usize = 256;
const LAYERS: usize = 2;
const POSITIONS: usize = 2048;
const WORDS: usize = 258;
/// Width, heads, and heads whose keys are kept. The library's packed smollm3 knows heads of 128 only.
fn sizes(architecture: &str) -> [usize; 3] {
    if architecture == "smollm3" { [256, 2, 2] } else { [64, 4, 2] }
}

/// The chat template of the directories made here.
pub(crate) const TEMPLATE: &str = "{{ bos_token }}{% for m in messages %}{{ m['role'].upper() }}: {{ m['content'].strip() }}\n{% endfor %}\
                        {% if add_generation_prompt %}ANSWER:{% endif %}";

/// In which form weights lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Safetensors,
    Gguf(GgmlDType),
}

/// A directory with random weights of `architecture`.
pub(crate) fn directory(folder: &Folder, architecture: &str, form: Form) -> PathBuf {
    let dir = folder.path().join(format!("{architecture}-{form:?}").replace(['(', ')'], "-"));
    std::fs::create_dir_all(&dir).unwrap();
    let config = config(architecture);
    let tensors = tensors(architecture, &config);
    match form {
        Form::Safetensors => {
            let named: std::collections::HashMap<String, Tensor> = tensors.into_iter().collect();
            candle_core::safetensors::save(&named, dir.join("model.safetensors")).unwrap();
        }
        Form::Gguf(dtype) => gguf(&dir.join("model.gguf"), architecture, (&config, &tensors), dtype),
    }
    std::fs::write(dir.join("config.json"), config.to_string()).unwrap();
    std::fs::write(dir.join("tokenizer.json"), tokenizer().to_string()).unwrap();
    std::fs::write(dir.join("chat_template.jinja"), TEMPLATE).unwrap();
    dir
}

fn config(architecture: &str) -> Value {
    let [hidden, heads, kept] = sizes(architecture);
    let mut config = json!({
        "model_type": architecture, "vocab_size": WORDS, "hidden_size": hidden, "intermediate_size": WIDE,
        "num_hidden_layers": LAYERS, "num_attention_heads": heads, "num_key_value_heads": kept,
        "max_position_embeddings": POSITIONS, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "hidden_act": "silu",
        "tie_word_embeddings": false, "bos_token_id": 256, "eos_token_id": 257, "attention_bias": false,
        "use_sliding_window": false, "max_window_layers": LAYERS, "head_dim": hidden / heads,
    });
    let more = match architecture {
        "qwen2" => json!({"sliding_window": POSITIONS}),
        "qwen3" => json!({"sliding_window": null}),
        "gemma3" => json!({"hidden_activation": "gelu_pytorch_tanh", "rope_local_base_freq": 10000.0,
            "query_pre_attn_scalar": hidden / heads, "sliding_window": 512, "sliding_window_pattern": 6}),
        "smollm3" => json!({"tie_word_embeddings": true, "no_rope_layer_interval": 4}),
        "lfm2" => json!({"norm_eps": 1e-6, "layer_types": ["conv", "full_attention"], "conv_L_cache": 3,
            "block_multiple_of": WIDE, "tie_embedding": true}),
        _ => json!({}),
    };
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config
}

/// The tensors that the library asks for, filled at random by name.
fn tensors(architecture: &str, config: &Value) -> BTreeMap<String, Tensor> {
    let asked = VarMap::new();
    let vars = VarBuilder::from_varmap(&asked, DType::F32, &Device::Cpu);
    fn of<T: serde::de::DeserializeOwned>(config: &Value) -> T {
        T::deserialize(config).unwrap()
    }
    match architecture {
        "qwen3" => drop(qwen3::ModelForCausalLM::new(&of(config), vars).unwrap()),
        "qwen2" => drop(qwen2::ModelForCausalLM::new(&of(config), vars).unwrap()),
        "llama" => drop(llama::Llama::load(vars, &of::<llama::LlamaConfig>(config).into_config(false)).unwrap()),
        "gemma3" => drop(gemma3::Model::new(false, &of(config), vars).unwrap()),
        "phi3" => drop(phi3::Model::new(&of(config), vars).unwrap()),
        "smollm3" => drop(smollm3::ModelForCausalLM::new(&of(config), vars).unwrap()),
        "lfm2" => drop(lfm2::Model::new(&of::<lfm2::Lfm2Config>(config).into_config(false), vars).unwrap()),
        other => panic!("no recipe for {other}"),
    }
    let asked = asked.data().lock().unwrap();
    let mut names: Vec<_> = asked.iter().map(|(name, var)| (name.clone(), var.shape().clone())).collect();
    names.sort_by(|a, b| a.0.cmp(&b.0));
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let fill = |(name, shape): (String, candle_core::Shape)| {
        let around = if name.contains("norm") && architecture != "gemma3" { 1.0 } else { 0.0 };
        let values: Vec<f32> = (0..shape.elem_count()).map(|_| around + rng.random_range(-0.3..0.3)).collect();
        (name, Tensor::from_vec(values, shape, &Device::Cpu).unwrap())
    };
    names.into_iter().map(fill).collect()
}

fn gguf(path: &Path, architecture: &str, (config, tensors): (&Value, &BTreeMap<String, Tensor>), dtype: GgmlDType) {
    let packed = tensors.iter().map(|(name, tensor)| {
        let tensor = converted(architecture, name, tensor);
        let dtype = if tensor.rank() == 2 && !name.contains("conv.conv") { dtype } else { GgmlDType::F32 };
        (renamed(architecture, name), QTensor::quantize(&tensor, dtype).unwrap())
    });
    let packed: Vec<(String, QTensor)> = packed.collect();
    let number = |name: &str| Meta::U32(u32::try_from(config[name].as_u64().unwrap()).unwrap());
    let key = |name: &str| format!("{architecture}.{name}");
    let [hidden, heads, kept] = sizes(architecture);
    let head = u32::try_from(hidden / heads).unwrap();
    let mut meta = vec![
        ("general.architecture".to_owned(), Meta::String(architecture.to_owned())),
        ("general.dtype".to_owned(), Meta::U32(0)),
        (key("block_count"), number("num_hidden_layers")),
        (key("embedding_length"), number("hidden_size")),
        (key("feed_forward_length"), number("intermediate_size")),
        (key("context_length"), number("max_position_embeddings")),
        (key("attention.head_count"), number("num_attention_heads")),
        (key("attention.key_length"), Meta::U32(head)),
        (key("attention.value_length"), Meta::U32(head)),
        (key("attention.layer_norm_rms_epsilon"), Meta::F32(1e-6)),
        (key("attention.sliding_window"), Meta::U32(512)),
        (key("rope.dimension_count"), Meta::U32(head)),
        (key("rope.freq_base"), Meta::F32(10_000.0)),
        (key("shortconv.l_cache"), Meta::U32(3)),
        (key("vocab_size"), number("vocab_size")),
    ];
    let kept = u32::try_from(kept).unwrap();
    meta.push(match architecture {
        // By layer: none where it is a convolution.
        "lfm2" => (key("attention.head_count_kv"), Meta::Array(vec![Meta::U32(0), Meta::U32(kept)])),
        _ => (key("attention.head_count_kv"), Meta::U32(kept)),
    });
    let meta: Vec<(&str, &Meta)> = meta.iter().map(|(name, value)| (name.as_str(), value)).collect();
    let packed: Vec<(&str, &QTensor)> = packed.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    let mut file = std::fs::File::create(path).unwrap();
    candle_core::quantized::gguf_file::write(&mut file, &meta, &packed).unwrap();
}

/// What converters do to values: gemma's norms are stored with the one added, llama's rotated halves are interleaved.
fn converted(architecture: &str, name: &str, tensor: &Tensor) -> Tensor {
    match architecture {
        "gemma3" if name.contains("norm") => (tensor + 1.0).unwrap(),
        "llama" if name.contains("q_proj") || name.contains("k_proj") => {
            let (rows, columns) = tensor.dims2().unwrap();
            let [hidden, heads, _] = sizes(architecture);
            let half = hidden / heads / 2;
            let halves = tensor.reshape((rows / (2 * half), 2, half, columns)).unwrap();
            halves.transpose(1, 2).unwrap().contiguous().unwrap().reshape((rows, columns)).unwrap()
        }
        "lfm2" if name.ends_with("conv.conv.weight") => tensor.squeeze(1).unwrap(),
        _ => tensor.clone(),
    }
}

fn renamed(architecture: &str, name: &str) -> String {
    let before = if architecture == "gemma3" { "post_attention_norm" } else { "ffn_norm" };
    let names = [
        ("model.embed_tokens", "token_embd"),
        ("model.embedding_norm", "output_norm"),
        ("model.norm", "output_norm"),
        ("lm_head", "output"),
        ("model.layers.", "blk."),
        ("self_attn.qkv_proj", "attn_qkv"),
        ("self_attn.q_proj", "attn_q"),
        ("self_attn.k_proj", "attn_k"),
        ("self_attn.v_proj", "attn_v"),
        ("self_attn.o_proj", "attn_output"),
        ("self_attn.out_proj", "attn_output"),
        ("self_attn.q_norm", "attn_q_norm"),
        ("self_attn.k_norm", "attn_k_norm"),
        ("self_attn.q_layernorm", "attn_q_norm"),
        ("self_attn.k_layernorm", "attn_k_norm"),
        ("input_layernorm", "attn_norm"),
        ("operator_norm", "attn_norm"),
        ("post_attention_layernorm", before),
        ("pre_feedforward_layernorm", "ffn_norm"),
        ("post_feedforward_layernorm", "post_ffw_norm"),
        ("mlp.gate_up_proj", "ffn_up"),
        ("mlp.gate_proj", "ffn_gate"),
        ("mlp.up_proj", "ffn_up"),
        ("mlp.down_proj", "ffn_down"),
        ("feed_forward.w1", "ffn_gate"),
        ("feed_forward.w3", "ffn_up"),
        ("feed_forward.w2", "ffn_down"),
        ("conv.in_proj", "shortconv.in_proj"),
        ("conv.out_proj", "shortconv.out_proj"),
        ("conv.conv", "shortconv.conv"),
    ];
    names.iter().fold(name.to_owned(), |name, (from, to)| name.replacen(from, to, 1))
}

/// A byte-level vocabulary without merges, and two marks.
fn tokenizer() -> Value {
    let prints = |byte: u32| matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff);
    let mut free = 256_u32;
    let mut vocabulary = serde_json::Map::new();
    for byte in 0..256_u32 {
        let code = if prints(byte) {
            byte
        } else {
            free += 1;
            free - 1
        };
        vocabulary.insert(char::from_u32(code).unwrap().to_string(), json!(byte));
    }
    let mark = |id: u32, content: &str| {
        json!({"id": id, "content": content, "single_word": false, "lstrip": false,
        "rstrip": false, "normalized": false, "special": true})
    };
    let level = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "post_processor": null,
        "added_tokens": [mark(256, "<s>"), mark(257, "</s>")], "pre_tokenizer": level, "decoder": level,
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
            "vocab": vocabulary, "merges": []},
    })
}
