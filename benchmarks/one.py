"""One measurement in a process of its own (so that memory and warm state belong to it), printed as JSON.

python benchmarks/one.py matmul --precision float32|bfloat16
python benchmarks/one.py train --system ours|baseline --precision float32|bfloat16|auto --steps 40
python benchmarks/one.py profile --steps 20
python benchmarks/one.py translate --run RUN --precision float32|bfloat16|float16|int8|auto
python benchmarks/one.py latency --run RUN --precision float32|bfloat16|float16|int8|auto
"""

import argparse
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("GOMP_SPINCOUNT", "10000")

import torch
from setting import BATCH, OURS, PIECES, THREADS, encoded
from torch import Tensor, nn

WARM_UP = 10  # updates that are not counted: allocator, the library's programs


def matmul_rate(number_format: torch.dtype, size: int = 2048, seconds: float = 3.0) -> float:
    """Multiply-adds a second of a matrix product of size^3, the best of many: what this machine can do."""
    a, b = torch.randn(size, size).to(number_format), torch.randn(size, size).to(number_format)
    best, until = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < until:
        started_at = time.perf_counter()
        torch.mm(a, b)
        best = min(best, time.perf_counter() - started_at)
    return size**3 / best


@dataclass(frozen=True)
class Work:
    """Batches, what is done with each, its (source pieces, target pieces, pairs of them), the model, the format."""

    batches: Iterator[Any]
    update: Callable[[Any], float]
    size: Callable[[Any], tuple[int, int, int]]
    model: nn.Module
    precision: str


def ours(precision: str) -> Work:
    """Whole updates, as the trainer does them: forward, loss, backward, clipping, optimiser."""
    from seq2seq import pipeline
    from seq2seq.allocator import keep_freed_memory
    from seq2seq.config import parse_config
    from seq2seq.data.batching import Batch, TrainingBatches
    from seq2seq.data.places import cache_dir
    from seq2seq.data.tokenizer import PAD
    from seq2seq.models import build
    from seq2seq.training.device import autocast, measure_precisions
    from seq2seq.training.loss import smoothed_cross_entropy
    from seq2seq.training.optim import make_optimizer

    keep_freed_memory()
    config = parse_config(OURS, "the benchmark's config")
    prepared = pipeline.prepare(config, say=lambda line: None)
    tokenizer, device = prepared.tokenizer, torch.device("cpu")
    source = TrainingBatches(
        prepared.training, tokenizer, config.batching, config.tokenizer, seed=1, cache=cache_dir()
    ).batches(0)
    torch.manual_seed(1)
    model = build(config.model, pipeline.vocabulary_of(tokenizer)).train()
    optimizer = make_optimizer(config.training.optimizer, model)

    def loss_of(batch: Batch) -> Tensor:
        logits = model(batch.source, batch.source_mask, batch.target_in).logits
        return smoothed_cross_entropy(logits, batch.target_out, smoothing=0.0, ignore=PAD)[0]

    if precision == "auto":
        measured = measure_precisions(model, next(source), loss_of, device)
        precision = min(measured, key=lambda name: measured[name])

    def update(batch: Batch) -> float:
        with autocast(device, precision):
            loss = loss_of(batch)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return float(loss.detach())

    def size(batch: Batch) -> tuple[int, int, int]:
        pairs = (batch.source_mask.sum(1) * (batch.target_out != PAD).sum(1)).sum()
        return int(batch.source_mask.sum()), batch.target_tokens, int(pairs)

    return Work(source, update, size, model, precision)


def baseline() -> Work:
    """The same for the tutorial's way."""
    from baseline import PAD, Baseline, batches

    data = encoded("train")
    torch.manual_seed(1)
    model = Baseline(PIECES).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss(ignore_index=PAD)

    def update(batch: tuple[Tensor, ...]) -> float:
        source, target_in, target_out = batch
        loss = criterion(model(source, target_in).flatten(0, 1), target_out.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return float(loss.detach())

    def size(batch: tuple[Tensor, ...]) -> tuple[int, int, int]:
        source, target = (batch[0] != PAD).sum(1), (batch[2] != PAD).sum(1)
        return int(source.sum()), int(target.sum()), int((source * target).sum())

    return Work(batches(data.source, data.target, BATCH, seed=1), update, size, model, "float32")


def train(work: Work, steps: int) -> dict[str, Any]:
    """Its speed and memory."""
    for _ in range(WARM_UP):
        work.update(next(work.batches))
    sizes, seconds = [], []
    for _ in range(steps):
        batch = next(work.batches)
        started_at = time.perf_counter()
        work.update(batch)
        seconds.append(time.perf_counter() - started_at)
        sizes.append(work.size(batch))
    source_tokens, target_tokens, pairs = (sum(column) for column in zip(*sizes, strict=True))
    model = work.model
    return {
        "precision": work.precision,
        "tokens_per_s": target_tokens / sum(seconds),
        "ms_per_update": statistics.median(seconds) * 1000,
        "multiply_adds_per_s": 3 * _multiply_adds(model, source_tokens, target_tokens, pairs) / sum(seconds),
        "peak_mb": _peak_mb(),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
    }


# What an operator's time is counted as; the first part that fits its name.
GROUPS = {
    "LSTM layers, forward": ("mkldnn_rnn_layer",),
    "LSTM layers, backward": ("mkldnn_rnn_layer_backward", "MkldnnRnnLayer"),
    "products with matrices (projection, readout, attention)": (
        "aten::mm",
        "aten::addmm",
        "aten::bmm",
        "aten::baddbmm",
    ),
    "loss (passes over pieces x vocabulary)": ("CrossEntropy", "aten::exp", "aten::logsumexp"),
    "optimiser, clipping": ("adam", "norm_", "vector_norm"),
    "copies, casts, fills": ("aten::copy_", "aten::fill_", "aten::cat", "aten::clone", "aten::zero_"),
}


def profile(work: Work, steps: int) -> list[tuple[str, float, float]]:
    """(group, milliseconds an update, share) by torch.profiler, the largest first."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as recording

    for _ in range(WARM_UP):
        work.update(next(work.batches))
    chosen = [next(work.batches) for _ in range(steps)]
    with recording(activities=[ProfilerActivity.CPU]) as recorded:
        for batch in chosen:
            work.update(batch)
    found: dict[str, float] = {}
    for event in recorded.key_averages():
        backward = "ackward" in event.key and ("mkldnn" in event.key or "Mkldnn" in event.key)
        group = "LSTM layers, backward" if backward else _group(event.key)
        found[group] = found.get(group, 0.0) + event.self_cpu_time_total / 1000 / steps
    total = sum(found.values())
    return sorted(((name, ms, ms / total) for name, ms in found.items()), key=lambda row: -row[1])


def _group(name: str) -> str:
    return next((group for group, parts in GROUPS.items() if any(part in name for part in parts)), "the rest")


def _multiply_adds(model: nn.Module, source_tokens: int, target_tokens: int, pairs: int) -> int:
    """Of a forward pass, by arithmetic, for pieces that are not padding: each weight once for each piece of its side,
    and the attention's scores and means for each (source, target) pair of pieces. Backward costs twice that."""
    total = 0
    for name, parameter in model.named_parameters():
        if parameter.dim() == 2 and "embedding" not in name:
            of_source = name.startswith("encoder") or "key" in name
            total += parameter.numel() * (source_tokens if of_source else target_tokens)
    return total + 2 * 512 * pairs


def _peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20) if sys.platform == "darwin" else peak / 1024


def translate_ours(run: Path, precision: str) -> dict[str, Any]:
    """test2016 with beam 5, as `seq2seq evaluate` does it."""
    from setting import write_text

    from seq2seq import Translator

    texts = (write_text() / "test.de").read_text(encoding="utf-8").splitlines()
    translator = Translator.load(run, precision=precision, beam=5)
    translator(texts[:50])
    started_at = time.perf_counter()
    translator(texts)
    return {"sentences_per_s": len(texts) / (time.perf_counter() - started_at)}


def latency_ours(run: Path, precision: str, count: int = 100) -> dict[str, Any]:
    """One sentence at a time, beam 5: the median over test sentences."""
    from setting import write_text

    from seq2seq import Translator

    texts = (write_text() / "test.de").read_text(encoding="utf-8").splitlines()[: count + 10]
    translator, times = Translator.load(run, precision=precision, beam=5), []
    for text in texts:
        started_at = time.perf_counter()
        translator([text])
        times.append((time.perf_counter() - started_at) * 1000)
    return {"latency_ms": statistics.median(times[10:])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["matmul", "train", "profile", "translate", "latency"])
    parser.add_argument("--system", choices=["ours", "baseline"], default="ours")
    parser.add_argument("--precision", choices=["auto", "float32", "bfloat16", "float16", "int8"], default="auto")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--run", type=Path)
    options = parser.parse_args()
    if options.precision in ("float16", "int8") and options.what not in ("translate", "latency"):
        parser.error(f"{options.precision} is for translating and latency; training is in float32 or bfloat16")
    torch.set_num_threads(THREADS)
    if options.what == "matmul":
        found: dict[str, Any] = {
            "multiply_adds_per_s": matmul_rate(torch.float32 if options.precision == "float32" else torch.bfloat16)
        }
    elif options.what == "train":
        found = train(ours(options.precision) if options.system == "ours" else baseline(), options.steps)
    elif options.what == "profile":
        for name, milliseconds, share in profile(ours(options.precision), options.steps):
            print(f"| {name} | {milliseconds:.1f} | {share:.0%} |")
        return
    elif options.what == "translate":
        found = translate_ours(options.run, options.precision)
    else:
        found = latency_ours(options.run, options.precision)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
