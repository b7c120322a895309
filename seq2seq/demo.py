"""The whole way on real text, for `seq2seq demo` and `make demo`: train, evaluate, show. What is done is not done again."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from seq2seq.data.sources.files import read_lines
from seq2seq.evaluation.report import Report
from seq2seq.pipeline import TestSet, evaluate, split_of, train
from seq2seq.training import checkpoint

SAMPLES = 8
Sample = dict[str, str]


@dataclass(frozen=True)
class DemoResult:
    """The figures and a few translations of the test set."""

    report: Report
    samples: list[Sample]


def demo(
    config: Path, folder: Path, *, data_dir: Path | None, console: Console, progress: Callable[[int, int], None]
) -> DemoResult | None:
    """Does what is still to be done; None if a person stopped the training."""
    finished = checkpoint.has_last(folder) and checkpoint.load_facts(folder)["finished"]
    if finished:
        console.print(f"{folder} is trained already; delete the folder to train anew.", highlight=False)
    else:
        resume = checkpoint.has_last(folder)
        stands = train(config, folder, overrides=[], resume=resume, data_dir=data_dir, console=console)
        if not stands.finished:
            return None
    test_set = split_of(folder, "test", data_dir, lambda line: console.print(line, markup=False, highlight=False))
    evaluation, weights = folder / "evaluation.json", folder / checkpoint.MODEL_FILE
    if evaluation.exists() and evaluation.stat().st_mtime >= weights.stat().st_mtime:
        report = json.loads(evaluation.read_text(encoding="utf-8"))
        hypotheses = read_lines(folder / "hypotheses.txt")
    else:
        console.print(f"translating the test set, {len(test_set.sources):,} sentences", highlight=False)
        report, hypotheses = evaluate(folder, test_set, progress=progress)
    return DemoResult(report, pick_samples(test_set, hypotheses, SAMPLES))


def pick_samples(test_set: TestSet, hypotheses: list[str], count: int) -> list[Sample]:
    """Up to `count` translations, spread evenly over the test set's sentences of middling length."""
    places = [i for i, source in enumerate(test_set.sources) if 5 <= len(source.split()) <= 20]
    places = places or list(range(len(hypotheses)))
    count = min(count, len(places))
    chosen = [places[len(places) * (2 * n + 1) // (2 * count)] for n in range(count)]
    return [
        {"source": test_set.sources[i], "reference": test_set.references[0][i], "translation": hypotheses[i]}
        for i in chosen
    ]
