"""A run folder: everything that training writes and translation needs. It can be copied anywhere.

config.yaml            every setting, defaults included
tokenizer/             the SentencePiece model or models
model.safetensors      the weights that translate
shortlist.safetensors  target tokens for each source token (`seq2seq export --shortlist`)
environment.json       machine, threads, versions
journal.jsonl          what happened in training, one JSON object per line
checkpoints/           what resuming needs (last/), and the best checkpoints
evaluation*.json       scores, and hypotheses*.txt beside them
robustness*.json       scores on text that was changed (`seq2seq evaluate --robustness`)
training.lock          exists while the run is being trained
"""

import errno
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from filelock import FileLock, Timeout

from seq2seq.config import Config, dump_config, load_run_config
from seq2seq.errors import UserError
from seq2seq.files import atomic_write_text, delete_temporaries
from seq2seq.onnx_folder import OnnxFolder, is_onnx_folder
from seq2seq.settings import SearchSettings, TextSettings, TranslatorSettings
from seq2seq.text.case import CaseFolder
from seq2seq.text.tokenizer import Tokenizer

# Errors of network file systems without locks. There, training takes no lock.
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP)


@dataclass(frozen=True)
class CheckpointFolder:
    """The folder of a checkpoint that training resumes from."""

    path: Path

    @property
    def state_file(self) -> Path:
        return self.path / "state.json"

    @property
    def tensors_file(self) -> Path:
        return self.path / "state.safetensors"


class RunFolder:
    """Owns every file name of a run, and reads its config and tokenizer once."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    @classmethod
    def open(cls, path: Path | str, *, exported: bool = False) -> "RunFolder":
        """Opens a folder that contains a trained model.

        Args:
            path: the folder.
            exported: whether it may be one of `seq2seq export --format onnx`, which has no weights
                for torch.

        Raises:
            UserError: the folder is missing, is not a run, or has no weights yet.
        """
        run = cls(path)
        if not run.path.exists():
            raise UserError(
                f"There is no run folder {path}. Train one: seq2seq train CONFIG --run {path}"
            )
        if is_onnx_folder(path):
            if not exported:
                raise UserError(
                    f"{path} is an exported folder: it can translate, and has nothing else. "
                    "Give the run folder that it was exported from."
                )
            if not run.config_file.exists():
                raise UserError(
                    f"{path} has no config.yaml. Copy the whole folder again, or export the run."
                )
            OnnxFolder.open(path)
            return run
        if not run.config_file.exists() or not run.tokenizer_dir.is_dir():
            raise UserError(
                f"{path} is not a run folder: it has no config.yaml and tokenizer/. "
                "Give a folder that 'seq2seq train' wrote, such as runs/demo."
            )
        if not run.model_file.exists():
            raise UserError(
                f"{path} has no weights (model.safetensors): "
                "its training has not reached the first validation. "
                f"Train it: seq2seq train CONFIG --run {path}"
            )
        return run

    # -- file names --------------------------------------------------------------------------------

    @property
    def config_file(self) -> Path:
        return self.path / "config.yaml"

    @property
    def tokenizer_dir(self) -> Path:
        return self.path / "tokenizer"

    @property
    def model_file(self) -> Path:
        return self.path / "model.safetensors"

    @property
    def shortlist_file(self) -> Path:
        return self.path / "shortlist.safetensors"

    @property
    def environment_file(self) -> Path:
        return self.path / "environment.json"

    @property
    def journal_file(self) -> Path:
        return self.path / "journal.jsonl"

    @property
    def lock_file(self) -> Path:
        return self.path / "training.lock"

    @property
    def checkpoints_dir(self) -> Path:
        return self.path / "checkpoints"

    @property
    def last(self) -> CheckpointFolder:
        """Where the last checkpoint is, except after a kill: see `last_checkpoint`."""
        return CheckpointFolder(self.checkpoints_dir / "last")

    @property
    def last_new(self) -> CheckpointFolder:
        """The checkpoint that is being written. It becomes `last` when it is complete."""
        return CheckpointFolder(self.checkpoints_dir / "last.new")

    @property
    def last_old(self) -> CheckpointFolder:
        """The checkpoint before, until `last` is replaced."""
        return CheckpointFolder(self.checkpoints_dir / "last.old")

    @property
    def last_checkpoint(self) -> CheckpointFolder | None:
        """The checkpoint that training resumes from, or None."""
        # A kill while `last` is replaced leaves `last_old`.
        for folder in (self.last, self.last_old):
            if folder.state_file.exists():
                return folder
        return None

    def best_checkpoint(self, step: int) -> Path:
        """The weights of a good validation after `step` updates."""
        return self.checkpoints_dir / f"best-{step:07}.safetensors"

    def evaluation_file(self, test_set: str) -> Path:
        """The scores of a test set; those of the split "test" are in evaluation.json."""
        part = "" if test_set == "test" else f".{test_set}"
        return self.path / f"evaluation{part}.json"

    def robustness_file(self, test_set: str) -> Path:
        """The scores of a test set in several forms, such as in capitals."""
        part = "" if test_set == "test" else f".{test_set}"
        return self.path / f"robustness{part}.json"

    def hypotheses_file(self, test_set: str) -> Path:
        """The translations of a test set, one per line."""
        part = "" if test_set == "test" else f".{test_set}"
        return self.path / f"hypotheses{part}.txt"

    # -- content -----------------------------------------------------------------------------------

    @cached_property
    def config(self) -> Config:
        """The settings of the run.

        Raises:
            UserError: config.yaml is missing or has mistakes.
        """
        if not self.config_file.is_file():
            raise UserError(f"{self.path} is not a complete run folder: config.yaml is missing.")
        return load_run_config(self.config_file)

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer of the run."""
        return Tokenizer.load(self.tokenizer_dir, case_folder(self.config))

    @property
    def settings(self) -> TranslatorSettings:
        """The part of the config that translating needs."""
        return translator_settings(self.config)

    @property
    def direction(self) -> str:
        """Source and target language, such as "de-en"."""
        return f"{self.config.data.source}-{self.config.data.target}"

    def create(self, config: Config, tokenizer: Tokenizer) -> None:
        """Writes config, tokenizer and environment, and removes what an earlier training left."""
        self.path.mkdir(parents=True, exist_ok=True)
        tokenizer.save(self.tokenizer_dir)
        atomic_write_text(self.environment_file, json.dumps(environment(), indent=1) + "\n")
        self.journal_file.unlink(missing_ok=True)
        self.__dict__.pop("tokenizer", None)
        # The config comes last: a folder with a config is a run.
        self.write_config(config)

    def write_config(self, config: Config) -> None:
        """Replaces config.yaml. A full disk leaves the old one."""
        atomic_write_text(self.config_file, dump_config(config))
        self.__dict__.pop("config", None)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps a second training out while the block runs.

        The lock ends with the process: a killed training does not block the next one.

        Raises:
            UserError: another process is training this run.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.lock_file)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            raise UserError(
                f"{self.path} is being trained by another process. "
                "Wait until it ends, or choose another folder (--run)."
            ) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
        for folder in (self.path, self.checkpoints_dir, self.tokenizer_dir):
            delete_temporaries(folder)
        try:
            yield
        finally:
            # Delete the file while the lock is held: a process that opens it now sees that it is
            # gone.
            with suppress(OSError):
                self.lock_file.unlink()
            lock.release()
            # A training that failed before it wrote anything leaves no folder.
            with suppress(OSError):
                self.path.rmdir()

    def is_foreign(self) -> bool:
        """Returns whether the folder has files, and none of them is of a run."""
        if not self.path.is_dir():
            return False
        own = (
            self.config_file,
            self.tokenizer_dir,
            self.environment_file,
            self.checkpoints_dir,
            self.model_file,
            self.lock_file,
        )
        return any(self.path.iterdir()) and not any(path.exists() for path in own)

    def size(self) -> int:
        """Bytes of all files."""
        return sum(path.stat().st_size for path in self.path.rglob("*") if path.is_file())


def case_folder(config: Config) -> CaseFolder | None:
    """Returns what separates case from letters in source words, if the config wants it."""
    return CaseFolder(config.data.source) if config.text.case == "factor" else None


def translator_settings(config: Config) -> TranslatorSettings:
    """Returns the part of a config that translating needs."""
    return TranslatorSettings(
        source=config.data.source,
        target=config.data.target,
        normalize=config.data.cleaning.normalize,
        max_source_tokens=config.batching.max_length,
        text=TextSettings(**config.text.model_dump()),
        search=SearchSettings(**config.search.model_dump()),
    )


def environment() -> dict[str, object]:
    """Returns the machine, the threads and the versions that a measured number depends on."""
    import torch

    versions = {}
    for name in (
        "seq2seq",
        "torch",
        "numpy",
        "sentencepiece",
        "sentencex",
        "datasets",
        "sacrebleu",
        "safetensors",
    ):
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
    except OSError:
        return platform.processor()
    for line in lines:
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()
