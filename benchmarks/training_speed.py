"""Training throughput in target tokens per second, of this project and (if installed) of JoeyNMT, in turn, in one run.

Both train the same network size on the same text with the same vocabulary: joint 8,000 pieces, embeddings 256, two-layer
bidirectional LSTM encoder (2 x 256), two-layer LSTM decoder 512, dropout 0.3, batches of 128 sentences. Ours differs in
the wiring of the decoder (no input feeding) and in the number format (bfloat16 where that is faster); that is the point.

    python benchmarks/training_speed.py DATA [--joeynmt PYTHON] [--rounds 3] [--precision auto]

DATA is a folder with multi30k-de-en/train.de.gz …; with --joeynmt, PYTHON is the interpreter of a venv that has JoeyNMT,
and --joeynmt-config its config for the same text (70 updates or so, logging every 10).
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("GOMP_SPINCOUNT", "10000")

OURS = {
    "data": {"corpus": "multi30k-de-en", "source": "de", "target": "en"},
    "tokenizer": {"vocab_size": 8000, "copy_share": 0.0},
    "batching": {"tokens": 128 * 128, "sentences": 128},
    "model": {
        "family": "lstm",
        "embedding_size": 256,
        "hidden_size": 512,
        "dropout": 0.3,
        "word_dropout": 0.0,
        "tie_embeddings": "none",
    },
    "training": {"budget": {"steps": 1000}},
}


def ours(data: Path, precision: str, steps: int) -> dict[str, float | str]:
    """Whole updates: forward, loss, backward, clipping, optimiser. The first ten are not counted."""
    import torch
    from torch import nn

    from seq2seq import pipeline
    from seq2seq.config import parse_config
    from seq2seq.data.batching import TrainingBatches
    from seq2seq.data.places import cache_dir
    from seq2seq.data.tokenizer import PAD
    from seq2seq.models import Vocabulary, build
    from seq2seq.training.device import autocast, measure_precisions
    from seq2seq.training.loss import smoothed_cross_entropy
    from seq2seq.training.optim import make_optimizer

    config = parse_config(OURS, "the benchmark's config")
    prepared = pipeline.prepare(config, data_dir=data, say=lambda line: None)
    tokenizer = prepared.tokenizer
    train = prepared.corpus.splits["train"]
    batches = TrainingBatches(train, tokenizer, config.batching, config.tokenizer, seed=1, cache=cache_dir())
    sizes = Vocabulary(source=tokenizer.size("source"), target=tokenizer.size("target"))
    torch.manual_seed(1)
    model, device = build(config.model, sizes), torch.device("cpu")
    model.train()
    optimizer = make_optimizer(config.training.optimizer, model)

    def loss_of(batch):  # type: ignore[no-untyped-def]
        logits = model(batch.source, batch.source_mask, batch.target_in).logits
        return smoothed_cross_entropy(logits, batch.target_out, smoothing=0.0, ignore=PAD)[0]

    source = batches.batches(0)
    if precision == "auto":
        seconds = measure_precisions(model, next(source), loss_of, device)
        precision = min(seconds, key=lambda name: seconds[name])
    times, tokens = [], []
    for _ in range(steps + 10):
        batch = next(source)
        started_at = time.perf_counter()
        with autocast(device, precision):
            loss = loss_of(batch)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        times.append(time.perf_counter() - started_at)
        tokens.append(batch.target_tokens)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return {
        "tokens_per_s": sum(tokens[10:]) / sum(times[10:]),
        "precision": precision,
        "parameters": parameters,
        "sentences_a_batch": 128,
    }


def joeynmt(python: str, config: Path) -> float:
    """The median of the throughputs that JoeyNMT logs, its first report left out."""
    command = [python, "-m", "joeynmt", "train", str(config), "--skip-test"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=config.parent, check=False)
    rates = [float(rate) for rate in re.findall(r"Tokens per Sec:\s*([\d.]+)", done.stdout + done.stderr)]
    if len(rates) < 3:
        sys.exit(f"JoeyNMT reported no throughput:\n{(done.stdout + done.stderr)[-2000:]}")
    return statistics.median(rates[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--joeynmt", metavar="PYTHON")
    parser.add_argument("--joeynmt-config", type=Path, default=Path("joey.yaml"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--precision", default="auto", choices=["auto", "float32", "bfloat16"])
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)  # a single measurement, in this process
    options = parser.parse_args()
    if options.one:
        print(json.dumps(ours(options.data, options.precision, options.steps)))
        return
    own, peer, last = [], [], {}
    for number in range(options.rounds):
        command = [sys.executable, __file__, str(options.data), "--one", "--steps", str(options.steps)]
        command += ["--precision", options.precision]
        last = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        own.append(last["tokens_per_s"])
        print(f"round {number + 1}: seq2seq {own[-1]:,.0f} tokens/s ({last['precision']})", flush=True)
        if options.joeynmt:
            peer.append(joeynmt(options.joeynmt, options.joeynmt_config.resolve()))
            print(f"round {number + 1}: JoeyNMT {peer[-1]:,.0f} tokens/s, ratio {own[-1] / peer[-1]:.2f}", flush=True)
    result = {**last, "tokens_per_s": own, "median": statistics.median(own)}
    if peer:
        ratios = [a / b for a, b in zip(own, peer, strict=True)]
        result |= {"joeynmt_tokens_per_s": peer, "ratio_median": statistics.median(ratios), "ratios": ratios}
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
