"""Makes one measurement in a process of its own, and prints it as JSON.

    python benchmarks/measure.py matmul --precision bfloat16
    python benchmarks/measure.py train --system ours --precision auto --steps 40
    python benchmarks/measure.py profile --steps 20
    python benchmarks/measure.py translate --run RUN --precision int8
    python benchmarks/measure.py latency --run RUN --precision auto

A new process for each measurement has its own peak memory, and nothing in it is warm.
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
from shared_setup import (
    BATCH_SENTENCES,
    OUR_CONFIG,
    THREADS,
    VOCAB_SIZE,
    read_encoded,
    read_test_sources,
)
from torch import Tensor, nn

WARM_UP = 10
"""Updates or sentences that are not counted: memory and the library's programs are not warm yet."""


def matmul_rate(dtype: torch.dtype, size: int = 2048, seconds: float = 3.0) -> float:
    """Returns the multiply-adds per second of a matrix product of size^3.

    It is the best of many repeats: what this machine can do.
    """
    a = torch.randn(size, size).to(dtype)
    b = torch.randn(size, size).to(dtype)
    best = float("inf")
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        started_at = time.perf_counter()
        torch.mm(a, b)
        best = min(best, time.perf_counter() - started_at)
    return size**3 / best


@dataclass(frozen=True)
class BatchSize:
    """Numbers of tokens without padding."""

    source_tokens: int
    target_tokens: int
    token_pairs: int
    """Pairs of a source token and a target token, which attention compares."""


@dataclass(frozen=True)
class System:
    """A translator to train: its batches, and what one update does."""

    model: nn.Module
    precision: str
    batches: Iterator[Any]
    update: Callable[[Any], float]
    """Makes one update with a batch, and returns the loss."""
    size: Callable[[Any], BatchSize]


def ours(precision: str) -> System:
    """This project. An update is forward, loss, backward, clipping, optimizer, as in training."""
    from seq2seq import api
    from seq2seq.config import parse_config
    from seq2seq.data.batching import Batch, TrainingBatches
    from seq2seq.decoding.run_loading import vocabulary_sizes
    from seq2seq.models import build
    from seq2seq.models.device import autocast
    from seq2seq.paths import cache_dir
    from seq2seq.runtime import keep_freed_memory
    from seq2seq.text.tokenizer import PAD
    from seq2seq.training.loss import smoothed_cross_entropy
    from seq2seq.training.optimizer import make_optimizer
    from seq2seq.training.precision import measure_precisions

    keep_freed_memory()
    config = parse_config(OUR_CONFIG, "the benchmark's config")
    prepared = api.prepare(config)
    tokenizer = prepared.tokenizer
    cpu = torch.device("cpu")
    training_batches = TrainingBatches(
        prepared.training, tokenizer, config.batching, config.tokenizer, seed=1, cache=cache_dir()
    )
    batches = training_batches.batches(0)
    torch.manual_seed(1)
    model = build(config.model, vocabulary_sizes(tokenizer)).train()
    optimizer = make_optimizer(config.training.optimizer, model)

    def compute_loss(batch: Batch) -> Tensor:
        logits = model(batch.source, batch.source_mask, batch.target_in).logits
        return smoothed_cross_entropy(logits, batch.target_out, smoothing=0.0, ignore=PAD)[0]

    if precision == "auto":
        seconds = measure_precisions(model, next(batches), compute_loss, cpu)
        precision = min(seconds, key=lambda name: seconds[name])

    def update(batch: Batch) -> float:
        with autocast(cpu, precision):
            loss = compute_loss(batch)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return float(loss.detach())

    def size(batch: Batch) -> BatchSize:
        return count_tokens(batch.source_mask, batch.target_out != PAD)

    return System(model, precision, batches, update, size)


def baseline() -> System:
    """The translator that a tutorial would write."""
    from baseline import PAD, Baseline, make_batches

    train_split = read_encoded("train")
    torch.manual_seed(1)
    model = Baseline(VOCAB_SIZE).train()
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

    def size(batch: tuple[Tensor, ...]) -> BatchSize:
        return count_tokens(batch[0] != PAD, batch[2] != PAD)

    batches = make_batches(train_split.source, train_split.target, BATCH_SENTENCES, seed=1)
    return System(model, "float32", batches, update, size)


def count_tokens(source_mask: Tensor, target_mask: Tensor) -> BatchSize:
    """Counts the tokens under the masks (B,S) and (B,T)."""
    source = source_mask.sum(1)
    target = target_mask.sum(1)
    return BatchSize(int(source.sum()), int(target.sum()), int((source * target).sum()))


def measure_training(system: System, steps: int) -> dict[str, Any]:
    """Returns the speed and memory of training."""
    for _ in range(WARM_UP):
        system.update(next(system.batches))
    sizes = []
    seconds = []
    for _ in range(steps):
        batch = next(system.batches)
        started_at = time.perf_counter()
        system.update(batch)
        seconds.append(time.perf_counter() - started_at)
        sizes.append(system.size(batch))
    target_tokens = sum(size.target_tokens for size in sizes)
    # A backward pass costs twice as much as a forward pass.
    multiply_adds = 3 * sum(forward_multiply_adds(system.model, size) for size in sizes)
    return {
        "precision": system.precision,
        "tokens_per_s": target_tokens / sum(seconds),
        "ms_per_update": statistics.median(seconds) * 1000,
        "multiply_adds_per_s": multiply_adds / sum(seconds),
        "peak_mb": peak_mb(),
        "parameters": sum(parameter.numel() for parameter in system.model.parameters()),
    }


def forward_multiply_adds(model: nn.Module, size: BatchSize) -> int:
    """Returns the multiply-adds of a forward pass, without padding, by arithmetic.

    Each weight counts once for each token of its side. Attention scores and contexts count for each
    pair of a source and a target token.
    """
    hidden_size = OUR_CONFIG["model"]["hidden_size"]
    total = 2 * hidden_size * size.token_pairs
    for name, parameter in model.named_parameters():
        if parameter.dim() == 2 and "embedding" not in name:
            reads_source = name.startswith("encoder") or "key" in name
            tokens = size.source_tokens if reads_source else size.target_tokens
            total += parameter.numel() * tokens
    return total


BACKWARD_LSTM = "LSTM layers, backward"
# The first group with a part of an operator's name gets its time.
OPERATOR_GROUPS = {
    "LSTM layers, forward": ("mkldnn_rnn_layer",),
    BACKWARD_LSTM: ("mkldnn_rnn_layer_backward", "MkldnnRnnLayer"),
    "matrix products (projection, readout, attention)": (
        "aten::mm",
        "aten::addmm",
        "aten::bmm",
        "aten::baddbmm",
    ),
    "loss (passes over tokens x vocabulary)": ("CrossEntropy", "aten::exp", "aten::logsumexp"),
    "optimizer, clipping": ("adam", "norm_", "vector_norm"),
    "copies, casts, fills": (
        "aten::copy_",
        "aten::fill_",
        "aten::cat",
        "aten::clone",
        "aten::zero_",
    ),
}


def profile_training(system: System, steps: int) -> list[tuple[str, float, float]]:
    """Returns (group, milliseconds per update, share of the time), the largest first."""
    from torch.profiler import ProfilerActivity, profile

    for _ in range(WARM_UP):
        system.update(next(system.batches))
    batches = [next(system.batches) for _ in range(steps)]
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        for batch in batches:
            system.update(batch)
    milliseconds: dict[str, float] = {}
    for event in profiler.key_averages():
        group = operator_group(event.key)
        own_ms = event.self_cpu_time_total / 1000 / steps
        milliseconds[group] = milliseconds.get(group, 0.0) + own_ms
    total = sum(milliseconds.values())
    rows = [(group, own_ms, own_ms / total) for group, own_ms in milliseconds.items()]
    return sorted(rows, key=lambda row: -row[1])


def operator_group(name: str) -> str:
    """Returns the group that an operator belongs to."""
    if "ackward" in name and ("mkldnn" in name or "Mkldnn" in name):
        return BACKWARD_LSTM
    for group, parts in OPERATOR_GROUPS.items():
        if any(part in name for part in parts):
            return group
    return "the rest"


def peak_mb() -> float:
    """Returns the peak memory of this process in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20) if sys.platform == "darwin" else peak / 1024


def measure_translation(run: Path, precision: str) -> dict[str, Any]:
    """Returns the speed on test2016 with beam 5, as in `seq2seq evaluate`."""
    translator = load_translator(run, precision)
    texts = read_test_sources()
    translator(texts[:50])
    started_at = time.perf_counter()
    translator(texts)
    return {"sentences_per_s": len(texts) / (time.perf_counter() - started_at)}


def measure_latency(run: Path, precision: str, count: int = 100) -> dict[str, Any]:
    """Returns the median time for one sentence with beam 5."""
    translator = load_translator(run, precision)
    milliseconds = []
    for text in read_test_sources()[: count + WARM_UP]:
        started_at = time.perf_counter()
        translator([text])
        milliseconds.append((time.perf_counter() - started_at) * 1000)
    return {"latency_ms": statistics.median(milliseconds[WARM_UP:])}


def load_translator(run: Path, precision: str) -> Callable[[list[str]], list[str]]:
    """Loads a run as the command line does."""
    import seq2seq
    from seq2seq.runtime import keep_freed_memory

    keep_freed_memory()
    return seq2seq.load(run, precision=precision, beam=5)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    measurements = ["matmul", "train", "profile", "translate", "latency"]
    precisions = ["auto", "float32", "bfloat16", "float16", "int8"]
    parser.add_argument("measurement", choices=measurements)
    parser.add_argument("--system", choices=["ours", "baseline"], default="ours")
    parser.add_argument("--precision", choices=precisions, default="auto")
    parser.add_argument("--steps", type=int, default=40, help="updates to measure")
    parser.add_argument("--run", type=Path, help="a trained run, for translate and latency")
    arguments = parser.parse_args()
    translates = arguments.measurement in ("translate", "latency")
    if arguments.precision in ("float16", "int8") and not translates:
        parser.error(
            f"--precision {arguments.precision} is for translate and latency. "
            "Training uses float32 or bfloat16."
        )
    if translates and arguments.run is None:
        parser.error(f"{arguments.measurement} needs --run")
    return arguments


def main() -> None:
    arguments = parse_arguments()
    torch.set_num_threads(THREADS)
    precision = arguments.precision
    if arguments.measurement == "profile":
        for group, milliseconds, share in profile_training(ours(precision), arguments.steps):
            print(f"| {group} | {milliseconds:.1f} | {share:.0%} |")
        return
    if arguments.measurement == "matmul":
        dtype = torch.float32 if precision == "float32" else torch.bfloat16
        result: dict[str, Any] = {"multiply_adds_per_s": matmul_rate(dtype)}
    elif arguments.measurement == "train":
        system = ours(precision) if arguments.system == "ours" else baseline()
        result = measure_training(system, arguments.steps)
    elif arguments.measurement == "translate":
        result = measure_translation(arguments.run, precision)
    else:
        result = measure_latency(arguments.run, precision)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
