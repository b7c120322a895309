"""Checks the program on a GPU against the CPU, then measures its speed there. See gpu.sh.

The results go into a JSON file after each part, so that a run that is cut short leaves what it has.

Legend: B sentences, S source tokens, T target tokens, V vocabulary.
"""

import argparse
import json
import platform
import random
import signal
import statistics
import subprocess
import tempfile
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from seq2seq import api
from seq2seq.config import Config, parse_config, parse_model
from seq2seq.decoding.engines.torch_engine import TorchEngine
from seq2seq.decoding.search import beam_search
from seq2seq.models import Seq2Seq, VocabularySizes, build
from seq2seq.models.device import autocast
from seq2seq.models.weights import load_weights
from seq2seq.reporter import Reporter
from seq2seq.run import RunFolder
from seq2seq.settings import SearchSettings
from seq2seq.text.tokenizer import BOS, EOS, PAD, UNK
from seq2seq.training.journal import Journal
from seq2seq.training.loss import smoothed_cross_entropy

VOCABULARY = 8000
LENGTH = 32
"""Tokens of a sentence on both sides, in the speed measurements."""

TINY: dict[str, dict[str, Any]] = {
    "lstm": {"embedding_size": 32, "hidden_size": 32, "dropout": 0.0, "word_dropout": 0.0},
    "rnn": {"embedding_size": 32, "hidden_size": 32, "dropout": 0.0, "word_dropout": 0.0},
    "gru": {"embedding_size": 32, "hidden_size": 32, "dropout": 0.0, "word_dropout": 0.0},
    "mingru": {"embedding_size": 32, "hidden_size": 32, "dropout": 0.0, "word_dropout": 0.0},
    "xlstm": {"embedding_size": 32, "hidden_size": 32, "dropout": 0.0, "word_dropout": 0.0},
    "transformer": {"size": 32, "heads": 2, "feed_forward_size": 64, "dropout": 0.0},
    "mamba": {"size": 32, "head_size": 8, "state_size": 8, "dropout": 0.0},
}
for _section in (TINY["transformer"], TINY["mamba"]):
    _section["attention_dropout"] = 0.0

SIZES: dict[str, dict[str, dict[str, Any]]] = {
    "10 M": {
        "lstm": {"embedding_size": 384, "hidden_size": 512},
        "transformer": {"size": 256, "encoder_layers": 5, "decoder_layers": 5},
        "mamba": {"size": 256, "encoder_layers": 4, "decoder_layers": 4},
    },
    "60 M": {
        "lstm": {"embedding_size": 1024, "hidden_size": 1280, "encoder_layers": 2},
        "transformer": {
            "size": 512,
            "heads": 8,
            "feed_forward_size": 2048,
            "encoder_layers": 7,
            "decoder_layers": 7,
        },
        "mamba": {"size": 640, "encoder_layers": 6, "decoder_layers": 6, "attention_heads": 8},
    },
}


def main() -> None:
    """Runs all parts that fit into the time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, required=True, help="the JSON file to write")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=330, help="begin nothing after this time")
    parser.add_argument("--only", help="run the parts whose name contains this")
    parser.add_argument("--quick", action="store_true", help="small sizes, to try the script")
    arguments = parser.parse_args()
    deadline = time.monotonic() + arguments.seconds
    device = torch.device(arguments.device)
    torch.use_deterministic_algorithms(True, warn_only=True)
    results: dict[str, Any] = {"machine": describe_machine(device)}
    parts: list[tuple[str, Callable[[], Any]]] = [
        ("families agree with the CPU", lambda: check_families(device)),
        ("training agrees with the CPU", lambda: check_training(device)),
        ("resume is exact", lambda: check_resume(device)),
        ("training speed", lambda: measure_training(device, deadline, quick=arguments.quick)),
        ("translation speed", lambda: measure_translation(device, quick=arguments.quick)),
    ]
    for name, part in parts:
        if arguments.only and arguments.only not in name:
            continue
        if time.monotonic() > deadline:
            results[name] = "skipped: out of time"
            continue
        started_at = time.monotonic()
        try:
            results[name] = part()
        except Exception:  # one part that fails must not hide the others
            results[name] = {"error": traceback.format_exc()}
        print(f"{name} ({time.monotonic() - started_at:.0f} s): {json.dumps(results[name])[:3000]}")
        arguments.into.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def describe_machine(device: torch.device) -> dict[str, Any]:
    """Returns what the figures depend on."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True)
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU",
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "python": platform.python_version(),
        "commit": commit.stdout.strip()[:7],
        "date": datetime.now(UTC).date().isoformat(),
    }


# -- correctness -----------------------------------------------------------------------------------


def check_families(device: torch.device) -> dict[str, Any]:
    """Compares logits and translations of each family on the CPU and on the device, in float32."""
    report = {}
    for family in TINY:
        model = tiny_model(family)
        source, mask, target = random_batch(4, 9, 7, 60)
        with torch.no_grad():
            expected = model(source, mask, target).logits
        expected_hypotheses = search(model, source, mask)
        model.to(device)
        with torch.no_grad():
            logits = model(source.to(device), mask.to(device), target.to(device)).logits.cpu()
        hypotheses = search(model, source.to(device), mask.to(device))
        report[family] = {
            "largest difference of logits": float((logits - expected).abs().max()),
            "same translations": hypotheses == expected_hypotheses,
        }
    return report


def search(model: Seq2Seq, source: Tensor, mask: Tensor) -> list[list[int]]:
    """Returns the tokens of the best hypotheses."""
    config = SearchSettings(beam=4, max_length_ratio=1.0)
    results = beam_search(
        TorchEngine(model),
        source.cpu().numpy(),
        mask.cpu().numpy(),
        config,
        bos=BOS,
        eos=EOS,
        forbidden=[PAD, UNK],
    )
    return [hypotheses[0].tokens for hypotheses in results]


def check_training(device: torch.device) -> dict[str, Any]:
    """Trains on the CPU and on the device, and compares the losses of the validations."""
    with tempfile.TemporaryDirectory() as folder:
        losses = {}
        for name, where in (("cpu", "cpu"), ("device", str(device))):
            run = RunFolder(Path(folder) / name)
            api.train(toy_config(Path(folder), where), run)
            events = list(Journal(run.journal_file))
            losses[name] = [e["loss"] for e in events if e["event"] == "validation"]
    pairs = zip(losses["cpu"], losses["device"], strict=True)
    difference = max(abs(cpu - other) for cpu, other in pairs)
    return {
        "losses": losses,
        "largest difference": difference,
        "agrees to 1e-3": difference < 1e-3,
    }


def check_resume(device: torch.device) -> dict[str, Any]:
    """Interrupts a training and resumes it: the weights must equal those of one without a stop."""
    with tempfile.TemporaryDirectory() as folder:
        config = toy_config(Path(folder), str(device))
        straight = RunFolder(Path(folder) / "straight")
        api.train(config, straight)
        interrupted = RunFolder(Path(folder) / "interrupted")
        state = api.train(config, interrupted, reporter=InterruptAt(0.3))
        stopped_at = state.step
        api.resume(interrupted)
        expected = load_weights(straight.model_file)
        weights = load_weights(interrupted.model_file)
        differences = [float((weights[n] - expected[n]).abs().max()) for n in expected]
    return {
        "stopped at update": stopped_at,
        "bit-identical": max(differences) == 0,
        "largest difference": max(differences),
    }


class InterruptAt(Reporter):
    """Presses Ctrl-C once, when a share of the training is done."""

    def __init__(self, fraction: float) -> None:
        self.fraction = fraction
        self.pressed = False

    def status(self, fraction: float, line: str) -> None:
        """Is called after updates; on a GPU not after each."""
        if fraction >= self.fraction and not self.pressed:
            self.pressed = True
            signal.raise_signal(signal.SIGINT)


def toy_config(folder: Path, device: str) -> Config:
    """Returns a training of 40 updates on word-for-word translations."""
    words = {"hund": "dog", "katze": "cat", "haus": "house", "garten": "garden", "sieht": "sees"}
    rng = random.Random(1)
    sentences = [rng.choices(list(words), k=rng.randint(2, 9)) for _ in range(800)]
    source_file = folder / "train.de"
    target_file = folder / "train.en"
    source_file.write_text("".join(f"{' '.join(s)}\n" for s in sentences), encoding="utf-8")
    translations = [" ".join(words[word] for word in sentence) for sentence in sentences]
    target_file.write_text("".join(f"{line}\n" for line in translations), encoding="utf-8")
    raw = {
        "data": {
            "corpus": {
                "kind": "files",
                "train": {"de": str(source_file), "en": str(target_file)},
                "hold_out": {"valid": 40, "test": 0},
            },
            "source": "de",
            "target": "en",
        },
        "tokenizer": {"vocab_size": 40, "byte_fallback": False},
        "batching": {"max_tokens": 400, "max_length": 32},
        "model": {"family": "lstm", **TINY["lstm"]},
        "training": {
            "budget": {"steps": 40},
            "device": device,
            "precision": "float32",
            "validation": {"every_steps": 10, "sentences": 40, "samples": 0},
            "average": 1,
        },
    }
    return parse_config(raw, "the toy config")


# -- speed -----------------------------------------------------------------------------------------


def measure_training(device: torch.device, deadline: float, *, quick: bool) -> list[dict[str, Any]]:
    """Measures target tokens per second and peak memory of updates, for each batch size."""
    rows: list[dict[str, Any]] = []
    batch_sizes = (128,) if quick else (256, 1024, 4096)
    for size, families in SIZES.items():
        for family, section in families.items():
            for precision in ("float32", "bfloat16"):
                for sentences in batch_sizes:
                    # Leave time for the translation speed.
                    if time.monotonic() > deadline - 60:
                        return [*rows, {"skipped": f"{size} {family} {precision} and later ones"}]
                    row = {"size": size, "family": family, "precision": precision}
                    row["sentences"] = sentences
                    row |= time_updates(family, section, precision, sentences, device, quick=quick)
                    rows.append(row)
                    print(row, flush=True)
    return rows


def time_updates(
    family: str,
    section: dict[str, Any],
    precision: str,
    sentences: int,
    device: torch.device,
    *,
    quick: bool,
) -> dict[str, Any]:
    """Times forward, backward and optimizer of one batch; the median of several updates."""
    torch.manual_seed(1)
    model = model_of(family, section, VOCABULARY).to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    batch = [tensor.to(device) for tensor in random_batch(sentences, LENGTH, LENGTH, VOCABULARY)]
    parameters = sum(parameter.numel() for parameter in model.parameters())
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    try:
        seconds = [
            update(model, optimizer, batch, precision, device) for _ in range(3 if quick else 7)
        ]
    except torch.cuda.OutOfMemoryError:
        return {"parameters": parameters, "error": "out of memory"}
    finally:
        del optimizer
    median = statistics.median(seconds[2:])
    peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0
    return {
        "parameters": parameters,
        "target_tokens_per_s": round(sentences * LENGTH / median),
        "seconds_per_update": round(median, 4),
        "peak_gb": round(peak / 1e9, 2),
    }


def update(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: list[Tensor],
    precision: str,
    device: torch.device,
) -> float:
    """Returns the seconds of one update."""
    source, mask, target = batch
    synchronize(device)
    started_at = time.perf_counter()
    with autocast(device, precision):
        logits = model(source, mask, target).logits
    loss, _ = smoothed_cross_entropy(logits, target, smoothing=0.1, ignore=PAD)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    synchronize(device)
    return time.perf_counter() - started_at


@torch.inference_mode()
def measure_translation(device: torch.device, *, quick: bool) -> list[dict[str, Any]]:
    """Measures sentences per second in beam search. All hypotheses reach the length limit.

    The models are untrained, so the limit decides when a translation ends: 26 tokens for 16.
    """
    rows = []
    sentences = 32 if quick else 512
    for family, section in SIZES["10 M"].items():
        for precision in ("float32", "bfloat16"):
            torch.manual_seed(1)
            model = model_of(family, section, VOCABULARY).to(device).eval()
            model = model.to(torch.bfloat16 if precision == "bfloat16" else torch.float32)
            source, mask, _ = random_batch(sentences, 16, 2, VOCABULARY)
            config = SearchSettings(beam=5, max_length_ratio=1.0, prune=0)
            seconds = []
            for _ in range(3):
                synchronize(device)
                started_at = time.perf_counter()
                beam_search(
                    TorchEngine(model),
                    source.numpy(),
                    mask.numpy(),
                    config,
                    bos=BOS,
                    eos=EOS,
                    forbidden=[PAD, UNK],
                )
                synchronize(device)
                seconds.append(time.perf_counter() - started_at)
            rows.append(
                {
                    "family": family,
                    "precision": precision,
                    "sentences_per_s": round(sentences / min(seconds), 1),
                }
            )
    return rows


# -- helpers ---------------------------------------------------------------------------------------


def tiny_model(family: str) -> Seq2Seq:
    """Returns a seeded model in evaluation mode."""
    torch.manual_seed(1)
    return model_of(family, TINY[family], 60).eval()


def model_of(family: str, section: dict[str, Any], vocabulary: int) -> Seq2Seq:
    """Builds a model of a `model` section."""
    config, mistakes = parse_model({"family": family, **section})
    if config is None:
        raise ValueError("; ".join(mistakes))
    return build(config, VocabularySizes(source=vocabulary, target=vocabulary))


def random_batch(
    sentences: int, source_length: int, target_length: int, vocabulary: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Returns source (B,S), its mask, and target (B,T), without padding."""
    generator = torch.Generator().manual_seed(1)
    source = torch.randint(4, vocabulary, (sentences, source_length), generator=generator)
    target = torch.randint(4, vocabulary, (sentences, target_length), generator=generator)
    return source, torch.ones_like(source, dtype=torch.bool), target


def synchronize(device: torch.device) -> None:
    """Waits until the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    main()
