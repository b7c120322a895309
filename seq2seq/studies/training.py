"""Trains the translators of a comparison in FOLDER/runs, one by one or several at once.

On a CPU, two trainings with one thread each get more done than two threads for one after the
other. The comparison is fair: every training has the same share of the machine for the same time.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from seq2seq import api
from seq2seq.config import Config, dump_config
from seq2seq.errors import UserError
from seq2seq.files import atomic_write_text
from seq2seq.reporter import Reporter
from seq2seq.run import RunFolder
from seq2seq.studies.config import Gate
from seq2seq.studies.instruments import hold_gates
from seq2seq.training.checkpoint import has_checkpoint, load_training_state

_POLL_SECONDS = 0.2


class TrainingInterrupted(Exception):
    """Ctrl-C interrupted a training. It is saved, and the next comparison continues it."""


@dataclass(frozen=True)
class Training:
    """A translator to train: its name, its settings and its folder."""

    name: str
    config: Config
    folder: Path
    held_gates: Mapping[Gate, float] = field(default_factory=dict)
    """Gates that are held during training."""

    @property
    def run(self) -> RunFolder:
        """The run folder, read from disk again."""
        return RunFolder(self.folder)

    @property
    def started(self) -> bool:
        """Whether there is a checkpoint to continue from."""
        return has_checkpoint(self.run)

    @property
    def finished(self) -> bool:
        """Whether its budget is used, with these settings."""
        if not self.started or not self._settings_match():
            return False
        return bool(load_training_state(self.run).finished)

    # The folder's name may contain a dot, so `with_suffix` would cut it.

    @property
    def config_file(self) -> Path:
        """The config that the training starts from."""
        return self.folder.with_name(f"{self.folder.name}.yaml")

    @property
    def gates_file(self) -> Path:
        """The gates that are held. The run folder does not know them."""
        return self.folder.with_name(f"{self.folder.name}.gates.json")

    @property
    def log_file(self) -> Path:
        """The messages of a training in a process of its own."""
        return self.folder.with_name(f"{self.folder.name}.log")

    def prepare(self, reporter: Reporter) -> None:
        """Writes the settings. A training with other settings in this folder is deleted."""
        if self.started and not self._settings_match():
            reporter.info(f"{self.folder} was trained with other settings and is trained again")
            shutil.rmtree(self.folder)
        atomic_write_text(self.config_file, dump_config(self.config), mkdir=True)
        atomic_write_text(self.gates_file, json.dumps(dict(self.held_gates)) + "\n")

    def _settings_match(self) -> bool:
        return self.run.config == self.config and self._stored_gates() == self.held_gates

    def _stored_gates(self) -> object:
        try:
            return json.loads(self.gates_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # missing or damaged
            return None


def train_all(
    trainings: Sequence[Training], at_once: int, data_dir: Path | None, reporter: Reporter
) -> None:
    """Trains the translators that are not finished.

    Args:
        trainings: may name a training several times.
        at_once: trainings that run side by side.

    Raises:
        TrainingInterrupted: after Ctrl-C, when all of them are saved.
        UserError: a training failed.
    """
    by_folder = {each.folder: each for each in trainings}
    missing = [training for training in by_folder.values() if not training.finished]
    for training in missing:
        training.prepare(reporter)
    if at_once > 1:
        _train_side_by_side(missing, at_once, data_dir, reporter)
        return
    for number, training in enumerate(missing, start=1):
        reporter.info(f"training {training.name} ({number} of {len(missing)})")
        _train_here(training, data_dir, reporter)


def _train_here(training: Training, data_dir: Path | None, reporter: Reporter) -> None:
    instrument = partial(hold_gates, gates=training.held_gates)
    if training.started:
        state = api.resume(
            training.run,
            training.config,
            data_dir=data_dir,
            reporter=reporter,
            instrument=instrument,
        )
    else:
        state = api.train(
            training.config,
            training.run,
            data_dir=data_dir,
            reporter=reporter,
            instrument=instrument,
        )
    if not state.finished:
        raise TrainingInterrupted


def _train_side_by_side(
    trainings: Sequence[Training], at_once: int, data_dir: Path | None, reporter: Reporter
) -> None:
    waiting = list(trainings)
    running: list[tuple[Training, subprocess.Popen[bytes]]] = []
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                training = waiting.pop(0)
                number = len(trainings) - len(waiting)
                reporter.info(
                    f"training {training.name} ({number} of {len(trainings)}); "
                    f"log: {training.log_file}"
                )
                running.append((training, _start_process(training, data_dir)))
            time.sleep(_POLL_SECONDS)
            ended = [pair for pair in running if pair[1].poll() is not None]
            running = [pair for pair in running if pair not in ended]
            for training, _ in ended:
                _check_finished(training)
    except BaseException:
        # SIGTERM makes them save and end. SIGINT would not do: a process that was started in the
        # background may ignore it.
        for _, process in running:
            process.terminate()
        for _, process in running:
            process.wait()
        raise


def _start_process(training: Training, data_dir: Path | None) -> subprocess.Popen[bytes]:
    """Starts the training, with its output in the log file."""
    command = [sys.executable, "-m", "seq2seq.studies.train_process", str(training.config_file)]
    command += ["--run", str(training.folder)]
    command += ["--hold-gates", json.dumps(dict(training.held_gates))]
    if training.started:
        command += ["--resume"]
    if data_dir is not None:
        command += ["--data-dir", str(data_dir)]
    # The library's threads of one training must not wait for the cores of another.
    threads = max(training.config.training.threads, 1)
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    with training.log_file.open("wb") as log:
        # In a new session, Ctrl-C at a terminal reaches only this process, which passes it on once.
        return subprocess.Popen(
            command, stdout=log, stderr=log, env=environment, start_new_session=True
        )


def _check_finished(training: Training) -> None:
    """Checks the result of a process that has ended."""
    with suppress(UserError):
        if training.finished:
            return
    log = training.log_file.read_text(encoding="utf-8", errors="replace").strip()
    last_line = log.splitlines()[-1] if log else "(the log is empty)"
    raise UserError(
        f"The training of {training.name} ended too early. The last line of {training.log_file}: "
        f"{last_line}"
    )
