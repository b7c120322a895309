"""What the studies that train translators have in common."""

import os
from abc import abstractmethod
from functools import partial
from pathlib import Path
from typing import Any

from seq2seq import api
from seq2seq.config import dump_config
from seq2seq.decoding.run_loading import vocabulary_sizes
from seq2seq.evaluation.test_set import TestSet, load_split
from seq2seq.models import Seq2Seq, build
from seq2seq.run import RunFolder
from seq2seq.studies.config import TranslatorConfig
from seq2seq.studies.study import Measurement, Study
from seq2seq.studies.training import Training, train_all
from seq2seq.training.journal import Journal


class TranslatorStudy(Study):
    """A study that trains translators and measures them."""

    @abstractmethod
    def trainings(self) -> list[Training]:
        """All trainings that the measurements need."""

    @abstractmethod
    def measure(self, training: Training) -> dict[str, Any]:
        """Measures a translator, and trains it first if it is not finished."""

    def measurements(self) -> list[Measurement]:
        """One measurement of each training."""
        measurements = []
        for training in self.trainings():
            measure = partial(self.measure, training)
            measurements.append(Measurement(training.name, self.settings(training), measure))
        return measurements

    def training(
        self, name: str, translator: TranslatorConfig, minutes: float, *overrides: str
    ) -> Training:
        """Returns the training called `name`: the translator with overrides."""
        at_once = self.config.translation.at_once
        config = translator.load(*overrides, f"training.budget.minutes={minutes}")
        if at_once > 1:
            threads = max(1, (os.cpu_count() or 1) // at_once)
            config = config.replace(training=config.training.replace(threads=threads))
        return Training(name, config, self.folder / "runs" / name.replace(" ", "-"))

    def reference(self) -> Training:
        """The run that the others are compared with."""
        translation = self.config.translation
        name = translation.reference
        return self.training(name, translation.runs[name], translation.minutes)

    def settings(self, training: Training) -> dict[str, Any]:
        """What a measurement of the training depends on."""
        return {
            "config": dump_config(training.config),
            "held_gates": dict(training.held_gates),
            "sentences": self.config.translation.sentences,
        }

    def trained(self, training: Training) -> RunFolder:
        """Returns the run, and trains it first if it is not finished."""
        if not training.finished:
            train_all([training], 1, self.data_dir, self.reporter)
        return training.run

    def evaluate(self, run: RunFolder, split: str, against: Path | None = None) -> dict[str, Any]:
        """Translates a split and scores it.

        Args:
            run: a trained run.
            split: "valid" or "test".
            against: the translations of another run, to compare with.
        """
        report, _ = api.evaluate(run, self._test_set(run, split), against=against)
        events = list(Journal(run.journal_file))
        steps = [event for event in events if event["event"] == "step"]
        validations = [event for event in events if event["event"] == "validation"]
        speeds = sorted(event["tokens_per_s"] for event in steps)
        comparison = report.get("against")
        return {
            "bleu": report["bleu"],
            "chrf": report["chrf"],
            "by_length": report["bleu_by_source_length"],
            "sentences_per_s": report["sentences_per_second"],
            "tokens_per_s": speeds[len(speeds) // 2] if speeds else None,
            "curve": [(event["elapsed_s"] / 60, event["bleu"]) for event in validations],
            "updates": max((event["step"] for event in steps), default=0),
            "parameters": sum(each.numel() for each in build_model(run).parameters()),
            "bytes": run.model_file.stat().st_size,
            "against": _scores_against(comparison) if comparison else None,
        }

    def _test_set(self, run: RunFolder, split: str) -> TestSet:
        test_set = load_split(run, split, self.data_dir, self.reporter)
        count = self.config.translation.sentences
        return test_set.first(count) if count else test_set


def _scores_against(comparison: dict[str, Any]) -> dict[str, Any]:
    return {metric: comparison[metric] for metric in ("bleu", "chrf")}


def build_model(run: RunFolder) -> Seq2Seq:
    """Builds the model of a run, with initial weights."""
    return build(run.config.model, vocabulary_sizes(run.tokenizer))
