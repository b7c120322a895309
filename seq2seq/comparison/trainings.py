"""The translators of a comparison: trained in FOLDER/runs, several at once on a thread each if so wished, and measured.

On a CPU two trainings with one thread each get more done than one after the other with two threads, and nobody is favoured:
all of them have the same share of the machine for the same time.
"""

import os
import shutil
import subprocess
import sys
import time
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from seq2seq import pipeline
from seq2seq.comparison.experiment import Experiment, Say
from seq2seq.comparison.settings import RunSettings
from seq2seq.config import Config, dump_config
from seq2seq.errors import UserError
from seq2seq.run import RunFolder
from seq2seq.test_sets import TestSet, split_of
from seq2seq.training import checkpoint
from seq2seq.training.journal import Journal


class TrainingStopped(Exception):
    """A person stopped a training; it is saved, and goes on when the comparison does."""


@dataclass(frozen=True)
class Training:
    """A translator to train: its name, what it is trained by, and where it lies."""

    name: str
    config: Config
    folder: Path

    @property
    def begun(self) -> bool:
        """Whether there is a checkpoint to go on from."""
        return checkpoint.has_last(self.folder)

    @property
    def finished(self) -> bool:
        """Whether its budget is used, by these very settings."""
        return self.begun and self._as_wanted() and bool(checkpoint.load_facts(self.folder)["finished"])

    def clear_if_other(self, say: Say) -> None:
        """Makes room where the folder holds a training by other settings."""
        if self.begun and not self._as_wanted():
            say(f"{self.folder} was trained with other settings and is trained anew")
            shutil.rmtree(self.folder)

    def _as_wanted(self) -> bool:
        return RunFolder(self.folder).config() == self.config


def train_all(trainings: Sequence[Training], at_once: int, data_dir: Path | None, say: Say) -> None:
    """Trains what is not finished; raises TrainingStopped after Ctrl-C, when all of them are saved."""
    missing = list({training.folder: training for training in trainings if not training.finished}.values())
    for training in missing:
        training.clear_if_other(say)
    if at_once == 1:
        for number, training in enumerate(missing, start=1):
            say(f"training {training.name} ({number} of {len(missing)})")
            _train_here(training, data_dir)
        return
    waiting, running = list(missing), dict[str, subprocess.Popen[bytes]]()
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                training = waiting.pop(0)
                say(
                    f"training {training.name} ({len(missing) - len(waiting)} of {len(missing)}); log: {_log(training)}"
                )
                running[training.name] = _start(training, data_dir)
            time.sleep(0.2)
            for name, process in list(running.items()):
                if process.poll() is not None:
                    del running[name]
                    _check(next(training for training in missing if training.name == name))
    except BaseException:
        # They save what they have and end. (Not SIGINT: a process that began in the background may ignore that.)
        for process in running.values():
            process.terminate()
        for process in running.values():
            process.wait()
        raise


def _train_here(training: Training, data_dir: Path | None) -> None:
    console, file = Console(stderr=True), _config_file(training)
    progress = pipeline.train(
        file, training.folder, overrides=[], resume=training.begun, data_dir=data_dir, console=console
    )
    if not progress.finished:
        raise TrainingStopped


def _start(training: Training, data_dir: Path | None) -> subprocess.Popen[bytes]:
    """`seq2seq train` as a process of its own, with its output in a file."""
    command = [sys.executable, "-m", "seq2seq.cli", "train", str(_config_file(training)), "--run", str(training.folder)]
    command += ["--resume"] if training.begun else []
    command += [] if data_dir is None else ["--data-dir", str(data_dir)]
    # The library's threads of one are not to wait for the cores of another.
    environment = {**os.environ, "OMP_NUM_THREADS": str(max(training.config.training.threads, 1))}
    with _log(training).open("wb") as log:
        # A session of its own: Ctrl-C at a terminal reaches this process alone, which passes it on once.
        return subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)


def _check(training: Training) -> None:
    """After its process has ended."""
    with suppress(UserError):
        if training.finished:
            return
    lines = _log(training).read_text(encoding="utf-8", errors="replace").strip().splitlines()
    raise UserError(
        f"The training of {training.name} ended before its time; {_log(training)} says: {lines[-1] if lines else 'nothing'}"
    )


def _config_file(training: Training) -> Path:
    file = training.folder.with_name(f"{training.folder.name}.yaml")  # a name may have a dot
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(dump_config(training.config), encoding="utf-8")
    return file


def _log(training: Training) -> Path:
    return training.folder.with_name(f"{training.folder.name}.log")


class Translators(Experiment):
    """What trains and measures translators."""

    @abstractmethod
    def trainings(self) -> list[Training]:
        """All that the parts measure."""

    def training(self, name: str, run: RunSettings, minutes: float, *changes: str) -> Training:
        """The training called `name`: that of `run` with `changes`."""
        at_once, cores = self.config.translation.at_once, os.cpu_count() or 1
        config = run.load(*changes, f"training.budget.minutes={minutes}")
        if at_once > 1:
            config = replace(config, training=replace(config.training, threads=max(1, cores // at_once)))
        return Training(name, config, self.folder / "runs" / name.replace(" ", "-"))

    def settings(self, training: Training) -> dict[str, Any]:
        """What a measurement of it depends on."""
        return {"config": dump_config(training.config), "sentences": self.config.translation.sentences}

    def trained(self, training: Training) -> Path:
        """Its folder, after training if it is not trained yet."""
        if not training.finished:
            train_all([training], 1, self.data_dir, self.say)
        return training.folder

    def reference(self) -> Training:
        """The run that the others are compared with."""
        settings = self.config.translation
        return self.training(settings.reference, settings.runs[settings.reference], settings.minutes)

    def measured(self, folder: Path, split: str, against: Path | None = None) -> dict[str, Any]:
        """Translates and scores; `against` is another run's folder, measured before."""
        test_set = self._test_set(folder, split)
        part = "" if split == "test" else f".{split}"
        report, _ = pipeline.evaluate(
            folder, test_set, against=None if against is None else against / f"hypotheses{part}.txt"
        )
        model = pipeline.load_translator(folder, precision="float32").model
        events = list(Journal(folder / "journal.jsonl"))
        steps = [entry for entry in events if entry["event"] == "step"]
        speeds = sorted(entry["tokens_per_s"] for entry in steps)
        other = report.get("against", {})
        return {
            "bleu": report["bleu"],
            "chrf": report["chrf"],
            "by_length": report["bleu_by_source_length"],
            "sentences_per_s": report["sentences_per_second"],
            "tokens_per_s": speeds[len(speeds) // 2] if speeds else None,
            "curve": [(e["elapsed_s"] / 60, e["bleu"]) for e in events if e["event"] == "validation"],
            "updates": max((entry["step"] for entry in steps), default=0),
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "bytes": (folder / checkpoint.MODEL_FILE).stat().st_size,
            "against": {key: other[key] for key in ("bleu", "chrf")} if other else None,
        }

    def _test_set(self, folder: Path, split: str) -> TestSet:
        found = split_of(folder, split, self.data_dir, self.say)
        count = self.config.translation.sentences or len(found.sources)
        return TestSet(found.name, found.sources[:count], [lines[:count] for lines in found.references])
