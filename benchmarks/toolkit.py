"""Another translation toolkit, installed in an environment of its own, to compare speed with."""

import json
import os
import shutil
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import yaml
from shared_setup import THREADS, WORK

TORCH = "torch==2.13.0"
SPEED_UPDATES = 24
"""Updates of a training whose speed is measured."""

Attention = Literal["additive", "general"]
"""Attention of Bahdanau et al. (2015), or of Luong et al. (2015), which is this project's default
and the faster one in all systems."""


@dataclass(frozen=True)
class Patch:
    """A change to an installed file, which today's packages make necessary."""

    file: str
    """Path below site-packages."""
    old: str
    new: str


@dataclass(frozen=True)
class Output:
    """The output of a toolkit's process, and the time and memory that it needed."""

    text: str
    seconds: float
    peak_mb: float


class Toolkit(ABC):
    """A translation toolkit that is measured beside this project."""

    name: ClassVar[str]
    packages: ClassVar[list[list[str]]]
    """Arguments of `pip install`, one list for each call."""
    patches: ClassVar[list[Patch]]
    batch_sizes: ClassVar[Sequence[int]]
    """Sentences in a batch, of which `translate_speed` takes the fastest."""

    @property
    def folder(self) -> Path:
        return WORK / "toolkits" / self.name

    @property
    def python(self) -> Path:
        return self.folder / "venv" / "bin" / "python"

    @property
    def installed(self) -> bool:
        """Whether `install` has finished."""
        return (self.folder / "done").exists()

    def install(self) -> None:
        """Creates the environment, installs the toolkit and patches it."""
        if self.installed:
            print(f"{self.name} is installed")
            return
        print(f"installing {self.name}", flush=True)
        venv = self.folder / "venv"
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], check=True)
        pip = [str(self.python), "-m", "pip", "install", "--quiet"]
        for arguments in [[TORCH], *self.packages]:
            subprocess.run([*pip, *arguments], check=True)
        (site_packages,) = (venv / "lib").glob("python*/site-packages")
        for patch in self.patches:
            self._apply(patch, site_packages)
        (self.folder / "done").touch()

    def _apply(self, patch: Patch, site_packages: Path) -> None:
        file = site_packages / patch.file
        text = file.read_text(encoding="utf-8")
        if patch.old not in text:
            sys.exit(f"{self.name}: cannot patch {patch.file}, it does not contain {patch.old!r}.")
        file.write_text(text.replace(patch.old, patch.new), encoding="utf-8")
        print(f"  patched {patch.file}: {patch.old.strip()}")

    def run(self, *arguments: str, minutes: float | None = None) -> Output:
        """Runs the toolkit's Python with THREADS threads.

        Args:
            *arguments: arguments of Python.
            minutes: stop the process after this time.
        """
        log = self.folder / "log.txt"
        environment = os.environ | {"OMP_NUM_THREADS": str(THREADS), "CUDA_VISIBLE_DEVICES": ""}
        started_at = time.perf_counter()
        peak_mb = 0.0
        with log.open("w", encoding="utf-8") as file:
            process = subprocess.Popen(
                [str(self.python), *arguments],
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=environment,
            )
            if minutes is not None:
                try:
                    process.wait(60 * minutes)
                except subprocess.TimeoutExpired:
                    process.terminate()
            if process.returncode is None:
                # wait4 also returns the memory that the process needed.
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
                peak_mb = usage.ru_maxrss / 1024
        text = log.read_text(encoding="utf-8")
        if process.returncode and minutes is None:
            sys.exit(f"{self.name} {' '.join(arguments)} failed:\n{text[-3000:]}")
        return Output(text, time.perf_counter() - started_at, peak_mb)

    @abstractmethod
    def train_speed(self, attention: Attention) -> dict[str, Any]:
        """Returns tokens_per_s (target tokens) and peak_mb of a short training."""

    def train_anew(self, minutes: float) -> None:
        """Replaces the model by a new one, and keeps a record of how long it was trained."""
        shutil.rmtree(self.folder / "model", ignore_errors=True)
        self._training_file.unlink(missing_ok=True)
        self.train(minutes)
        self._training_file.write_text(json.dumps({"minutes": minutes}) + "\n", encoding="utf-8")

    @property
    def minutes_trained(self) -> float | None:
        """How long the model was trained. None if there is no model of `train_anew`."""
        if not self._training_file.exists():
            return None
        return float(json.loads(self._training_file.read_text(encoding="utf-8"))["minutes"])

    @property
    def _training_file(self) -> Path:
        return self.folder / "training.json"

    @abstractmethod
    def train(self, minutes: float) -> None:
        """Trains a model for `translate_speed`."""

    @property
    @abstractmethod
    def model(self) -> Path | None:
        """The newest model that `train` left, or None."""

    def translate_speed(self, beam: int) -> float:
        """Returns sentences per second on the test split, at the fastest of `batch_sizes`.

        Args:
            beam: width of the search. 1 is the toolkit's own greedy search.
        """
        return max(self.translate_speed_at(beam, size) for size in self.batch_sizes)

    @abstractmethod
    def translate_speed_at(self, beam: int, batch_size: int) -> float:
        """Returns sentences per second on the test split. Loading does not count."""

    def write_config(self, config: dict[str, Any], name: str) -> Path:
        """Writes a YAML file into the toolkit's folder."""
        path = self.folder / name
        path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
        return path


def newest(files: Iterable[Path]) -> Path | None:
    """Returns the file that was written last, or None."""
    return max(files, key=lambda path: path.stat().st_mtime, default=None)
