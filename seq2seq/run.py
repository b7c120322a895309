"""The run folder: all that translating needs, in one place that can be copied anywhere.

config.yaml        the whole config, defaults included
tokenizer/         SentencePiece models
model.safetensors  the weights that translate
shortlist.safetensors  which target pieces each source piece may become, if exported with it
journal.jsonl      what happened in training
environment.json   machine and versions
evaluation.json    scores, and hypotheses.txt beside it, once evaluated
checkpoints/       for going on; translating does not need it
training.lock      as long as it is being trained
"""

import errno
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from filelock import FileLock, Timeout

from seq2seq.config import Config, dump_config, load_config
from seq2seq.data.tokenizer import Tokenizer
from seq2seq.errors import UserError
from seq2seq.training import checkpoint
from seq2seq.training.journal import Journal

# What network file systems answer that have no locks: training there goes without.
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP)


class RunFolder:
    """Paths and files of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def config_file(self) -> Path:
        return self.path / "config.yaml"

    @property
    def shortlist_file(self) -> Path:
        return self.path / "shortlist.safetensors"

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """A folder that holds a trained model. Raises UserError for any other."""
        run = cls(path)
        if not path.exists():
            raise UserError(f"There is no run folder {path}. Train one: seq2seq train CONFIG --run {path}")
        if not run.config_file.exists() or not (path / "tokenizer").is_dir():
            raise UserError(
                f"{path} is no run folder (it has no config.yaml and tokenizer/). Give the folder that "
                "'seq2seq train' wrote, such as runs/demo."
            )
        if not (path / "model.safetensors").exists():
            raise UserError(
                f"{path} has no weights yet (model.safetensors): its training has not come to the first "
                f"validation. Train it: seq2seq train CONFIG --run {path}"
            )
        return run

    def create(self, config: Config, tokenizer: Tokenizer) -> None:
        """Writes config, tokenizer and environment."""
        self.path.mkdir(parents=True, exist_ok=True)
        tokenizer.save(self.path / "tokenizer")
        (self.path / "environment.json").write_text(json.dumps(environment(), indent=1) + "\n", encoding="utf-8")
        (self.path / "journal.jsonl").unlink(missing_ok=True)
        # Last: a folder with a config is a run.
        self.write_config(config)

    def write_config(self, config: Config) -> None:
        """In one step: a full disk leaves the old one."""
        written = self.config_file.with_suffix(".tmp")
        try:
            written.write_text(dump_config(config), encoding="utf-8")
            written.replace(self.config_file)
        finally:
            written.unlink(missing_ok=True)

    @contextmanager
    def being_trained(self) -> Iterator[None]:
        """Keeps a second training out while the block runs; what a killed one leaves does not hinder the next.

        Raises UserError where the folder is being trained already.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.path / "training.lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            raise UserError(
                f"{self.path} is being trained by another process. Wait until it ends, or choose another folder (--run)."
            ) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
        try:
            yield
        finally:
            # While it is held: whoever opens it now sees that it is gone, and begins a new one.
            with suppress(OSError):
                Path(lock.lock_file).unlink()
            lock.release()
            with suppress(OSError):  # of a training that came to nothing nothing stays
                self.path.rmdir()

    def holds_training(self) -> bool:
        """Whether something would be lost by training anew here. A training that broke off before its first checkpoint was
        whole has nothing to go on from, though it may have left weights."""
        if checkpoint.has_last(self.path):
            return True
        if not (self.path / checkpoint.MODEL_FILE).exists():
            return False
        events = [event.get("event") for event in Journal(self.path / "journal.jsonl")]
        # Runs that were copied without their checkpoints have an end, or more validations; exported ones no journal.
        return not events or "end" in events or events.count("validation") > 1

    def config(self) -> Config:
        if not self.config_file.is_file():
            raise UserError(f"{self.path} is not a whole run folder: it has no config.yaml.")
        return load_config(self.config_file)

    def direction(self) -> str:
        """Such as "de-en"."""
        data = self.config().data
        return f"{data.source}-{data.target}"

    def tokenizer(self) -> Tokenizer:
        return Tokenizer.load(self.path / "tokenizer")


def environment() -> dict[str, object]:
    """What a measured number depends on besides the config."""
    import torch

    versions = {}
    for name in ("seq2seq", "torch", "numpy", "sentencepiece", "datasets", "sacrebleu", "safetensors"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed as a package"
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "versions": versions,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()
