"""The whole program on real text, for `seq2seq demo` and `make demo`: train, evaluate, show.

Steps that are already done are not repeated.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from seq2seq import api
from seq2seq.config import load_config
from seq2seq.data.sources.files import read_lines
from seq2seq.evaluation.report import Report
from seq2seq.evaluation.scoring import Sample, pick_samples
from seq2seq.evaluation.test_set import TestSet, load_test_splits
from seq2seq.reporter import SILENT, Reporter
from seq2seq.run import RunFolder
from seq2seq.training.checkpoint import holds_training, load_training_state

NUM_SAMPLES = 8


@dataclass(frozen=True)
class DemoResult:
    """The scores of each test set, and a few translations."""

    reports: dict[str, Report]
    samples: list[Sample]


def run_demo(
    config_file: Path,
    run: RunFolder,
    *,
    data_dir: Path | None = None,
    reporter: Reporter = SILENT,
) -> DemoResult | None:
    """Runs the steps that are not done yet. Returns None if the training was interrupted."""
    if _is_trained(run):
        reporter.info(f"{run.path} is already trained. Delete the folder to train again.")
    elif run.last_checkpoint is not None:
        config = load_config(config_file)
        if not api.resume(run, config, data_dir=data_dir, reporter=reporter).finished:
            return None
    else:
        config = load_config(config_file)
        if not api.train(config, run, data_dir=data_dir, reporter=reporter).finished:
            return None
    reports: dict[str, Report] = {}
    samples: list[Sample] = []
    for test_set in load_test_splits(run, data_dir, reporter):
        evaluation = _earlier_evaluation(run, test_set)
        if evaluation is None:
            reporter.info(f"translating {test_set.name}, {len(test_set.sources):,} sentences")
            evaluation = api.evaluate(run, test_set, reporter=reporter)
        report, hypotheses = evaluation
        reports[test_set.name] = report
        if not samples:
            samples = pick_samples(test_set, hypotheses, NUM_SAMPLES)
    return DemoResult(reports, samples)


def _is_trained(run: RunFolder) -> bool:
    if run.last_checkpoint is None:
        # A run that was copied without its checkpoints looks finished.
        return holds_training(run)
    return bool(load_training_state(run).finished)


def _earlier_evaluation(run: RunFolder, test_set: TestSet) -> tuple[Report, list[str]] | None:
    """Returns report and hypotheses of an earlier evaluation of these weights, if there is one."""
    evaluation = run.evaluation_file(test_set.name)
    if not evaluation.exists():
        return None
    if evaluation.stat().st_mtime < run.model_file.stat().st_mtime:
        return None
    report: Report = json.loads(evaluation.read_text("utf-8"))
    hypotheses = read_lines(run.hypotheses_file(test_set.name))
    return (report, hypotheses) if len(hypotheses) == len(test_set.sources) else None
