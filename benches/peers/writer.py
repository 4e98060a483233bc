"""A model with random weights, as a user's own would lie in a directory: model.gguf, tokenizer.json, chat template.

    writer.py DIR --hidden 1024 --layers 28 --inner 3072 --heads 16 --kept 8 --words 32768

The architecture is qwen3, weights are Q8_0, the vocabulary is byte-level with words that nothing forms.
"""

import argparse
import json
import pathlib

import gguf
import numpy


def bytes_as_text():
    prints = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    free = iter(range(256, 512))
    return [chr(byte if byte in prints else next(free)) for byte in range(256)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dir", type=pathlib.Path)
    for name in ("hidden", "layers", "inner", "heads", "kept", "words"):
        parser.add_argument(f"--{name}", type=int, required=True)
    size = parser.parse_args()
    size.dir.mkdir(parents=True, exist_ok=True)
    random = numpy.random.default_rng(7)
    head = 128

    file = gguf.GGUFWriter(size.dir / "model.gguf", "qwen3")
    file.add_block_count(size.layers)
    file.add_context_length(4096)
    file.add_embedding_length(size.hidden)
    file.add_feed_forward_length(size.inner)
    file.add_head_count(size.heads)
    file.add_head_count_kv(size.kept)
    file.add_key_length(head)
    file.add_value_length(head)
    file.add_rope_dimension_count(head)
    file.add_rope_freq_base(1e6)
    file.add_layer_norm_rms_eps(1e-6)
    file.add_vocab_size(size.words)
    file.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    table = bytes_as_text()
    pair = table[ord("a")] + table[ord("b")]
    tokens = [*table, "<s>", "</s>", pair]
    tokens += [f"word{at}" for at in range(len(tokens), size.words)]
    file.add_tokenizer_model("gpt2")
    file.add_tokenizer_pre("qwen2")
    file.add_token_list(tokens)
    marks = [gguf.TokenType.CONTROL if token in ("<s>", "</s>") else gguf.TokenType.NORMAL for token in tokens]
    file.add_token_types(marks)
    file.add_token_merges(["a b"])
    file.add_bos_token_id(256)
    file.add_eos_token_id(257)

    def matrix(name, rows, columns):
        weights = random.normal(0, 0.02, (rows, columns)).astype(numpy.float32)
        packed = gguf.quants.quantize(weights, gguf.GGMLQuantizationType.Q8_0)
        file.add_tensor(name, packed, raw_dtype=gguf.GGMLQuantizationType.Q8_0)

    def ones(name, width):
        file.add_tensor(name, numpy.ones(width, numpy.float32))

    matrix("token_embd.weight", size.words, size.hidden)
    for layer in range(size.layers):
        block = f"blk.{layer}"
        ones(f"{block}.attn_norm.weight", size.hidden)
        matrix(f"{block}.attn_q.weight", size.heads * head, size.hidden)
        matrix(f"{block}.attn_k.weight", size.kept * head, size.hidden)
        matrix(f"{block}.attn_v.weight", size.kept * head, size.hidden)
        matrix(f"{block}.attn_output.weight", size.hidden, size.heads * head)
        ones(f"{block}.attn_q_norm.weight", head)
        ones(f"{block}.attn_k_norm.weight", head)
        ones(f"{block}.ffn_norm.weight", size.hidden)
        matrix(f"{block}.ffn_gate.weight", size.inner, size.hidden)
        matrix(f"{block}.ffn_up.weight", size.inner, size.hidden)
        matrix(f"{block}.ffn_down.weight", size.hidden, size.inner)
    ones("output_norm.weight", size.hidden)
    matrix("output.weight", size.words, size.hidden)
    file.write_header_to_file()
    file.write_kv_data_to_file()
    file.write_tensors_to_file()
    file.close()

    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    mark = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "normalizer": None, "post_processor": None,
        "added_tokens": [{"id": 256, "content": "<s>", **mark}, {"id": 257, "content": "</s>", **mark}],
        "pre_tokenizer": level, "decoder": level,
        "model": {
            "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
            "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
            "vocab": {token: at for at, token in enumerate(tokens)}, "merges": ["a b"],
        },
    }
    (size.dir / "tokenizer.json").write_text(json.dumps(tokenizer))
    template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    (size.dir / "chat_template.jinja").write_text(template)
    (size.dir / "config.json").write_text(json.dumps({"bos_token_id": 256, "eos_token_id": 257}))


if __name__ == "__main__":
    main()
