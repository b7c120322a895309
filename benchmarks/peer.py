"""What a peer is: another toolkit in a venv of its own, with ways to measure it."""

import os
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, Literal

import yaml
from setting import THREADS, WORK

TORCH = "torch==2.13.0"
SPEED_UPDATES = 24

Attention = Literal["additive", "general"]
"""Of Bahdanau et al. 2015, or of Luong et al. 2015 (this project's default, and the faster one everywhere)."""


class Peer(ABC):
    """Another toolkit."""

    name: ClassVar[str]
    packages: ClassVar[list[list[str]]]
    """Arguments of one `pip install` after the other."""
    patches: ClassVar[list[tuple[str, str, str]]]
    """(file below site-packages, what stands there, what stands there afterwards)."""

    @property
    def folder(self) -> Path:
        return WORK / "peers" / self.name

    @property
    def python(self) -> Path:
        return self.folder / "venv" / "bin" / "python"

    def install(self) -> None:
        """A venv with the toolkit; `done` in the folder says that it is whole."""
        if self.installed:
            print(f"{self.name} is installed")
            return
        print(f"installing {self.name}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(self.folder / "venv")], check=True)
        for arguments in [[TORCH], *self.packages]:
            subprocess.run([str(self.python), "-m", "pip", "install", "--quiet", *arguments], check=True)
        (site,) = (self.folder / "venv" / "lib").glob("python*/site-packages")
        for name, old, new in self.patches:
            text = (site / name).read_text(encoding="utf-8")
            if old not in text:
                sys.exit(f"{self.name}: {name} is not as expected; {old!r} is not in it.")
            (site / name).write_text(text.replace(old, new), encoding="utf-8")
            print(f"  mended {name}: {old.strip()}")
        (self.folder / "done").touch()

    @property
    def installed(self) -> bool:
        return (self.folder / "done").exists()

    def run(self, *arguments: str, minutes: float | None = None) -> tuple[str, float, float]:
        """Runs the toolkit with THREADS threads; returns what it wrote, seconds, peak MB. After `minutes` it is stopped."""
        log = self.folder / "log.txt"
        environment = {**os.environ, "OMP_NUM_THREADS": str(THREADS), "CUDA_VISIBLE_DEVICES": ""}
        started_at = time.perf_counter()
        with log.open("w", encoding="utf-8") as out:
            child = subprocess.Popen(
                [str(self.python), *arguments], stdout=out, stderr=subprocess.STDOUT, cwd=self.folder, env=environment
            )
            if minutes is not None:
                try:
                    child.wait(60 * minutes)
                except subprocess.TimeoutExpired:
                    child.terminate()
            _, status, usage = os.wait4(child.pid, 0) if child.returncode is None else (0, 0, None)
        child.returncode = os.waitstatus_to_exitcode(status)
        text = log.read_text(encoding="utf-8")
        if child.returncode and minutes is None:
            sys.exit(f"{self.name} {' '.join(arguments)} failed:\n{text[-3000:]}")
        return text, time.perf_counter() - started_at, usage.ru_maxrss / 1024 if usage else 0.0

    @abstractmethod
    def train_speed(self, attention: Attention) -> dict[str, Any]:
        """tokens_per_s (target pieces) and peak_mb of a short training."""

    @abstractmethod
    def train(self, minutes: float) -> None:
        """A model for `translate_speed`."""

    @property
    @abstractmethod
    def model(self) -> Path | None:
        """The newest model that `train` left, or None."""

    @abstractmethod
    def translate_speed(self) -> float:
        """Sentences a second on the test split with beam 5, loading left out, at the best of some batch sizes."""

    def _write(self, config: dict[str, Any], name: str) -> Path:
        path = self.folder / name
        path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
        return path


def newest(files: Iterable[Path]) -> Path | None:
    """The file that was written last."""
    return max(files, key=lambda path: path.stat().st_mtime, default=None)
