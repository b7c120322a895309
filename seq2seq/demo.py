"""The whole way on real text, for `seq2seq demo` and `make demo`: train, evaluate, show. What is done is not done again."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from seq2seq.data.sources.files import read_lines
from seq2seq.evaluation.report import Report
from seq2seq.pipeline import evaluate, train
from seq2seq.run import RunFolder
from seq2seq.test_sets import TestSet, test_sets_of
from seq2seq.training import checkpoint

SAMPLES = 8
Sample = dict[str, str]


@dataclass(frozen=True)
class DemoResult:
    """The figures and a few translations of the test set."""

    reports: dict[str, Report]
    samples: list[Sample]


def demo(
    config: Path, folder: Path, *, data_dir: Path | None, console: Console, progress: Callable[[int, int], None]
) -> DemoResult | None:
    """Does what is still to be done; None if a person stopped the training."""
    resume = checkpoint.has_last(folder)
    # A run that was copied without its checkpoints is finished too, as far as can be seen.
    finished = checkpoint.load_facts(folder)["finished"] if resume else RunFolder(folder).holds_training()
    if finished:
        console.print(f"{folder} is trained already; delete the folder to train anew.", highlight=False)
    else:
        stands = train(config, folder, overrides=[], resume=resume, data_dir=data_dir, console=console)
        if not stands.finished:
            return None

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False)

    reports: dict[str, Report] = {}
    samples: list[Sample] = []
    for test_set in test_sets_of(folder, data_dir, say):
        done = _evaluated(folder, test_set)
        if done is None:
            say(f"translating {test_set.name}, {len(test_set.sources):,} sentences")
            done = evaluate(folder, test_set, progress=progress)
        reports[test_set.name] = done[0]
        samples = samples or pick_samples(test_set, done[1], SAMPLES)
    return DemoResult(reports, samples)


def _evaluated(folder: Path, test_set: TestSet) -> tuple[Report, list[str]] | None:
    """Report and hypotheses from an earlier evaluation of these weights on this test set, if there is one."""
    name = "" if test_set.name == "test" else f".{test_set.name}"
    evaluation, weights = folder / f"evaluation{name}.json", folder / checkpoint.MODEL_FILE
    if not evaluation.exists() or evaluation.stat().st_mtime < weights.stat().st_mtime:
        return None
    report, hypotheses = json.loads(evaluation.read_text("utf-8")), read_lines(folder / f"hypotheses{name}.txt")
    return (report, hypotheses) if len(hypotheses) == len(test_set.sources) else None


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
