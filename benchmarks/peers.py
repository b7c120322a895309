"""OpenNMT-py and JoeyNMT on the text, vocabulary and sizes of setting.py, each in a venv of its own.

    python benchmarks/peers.py install      # venvs under benchmarks/work/peers (`make bench-peers`)
    python benchmarks/peers.py train 20     # minutes each, for the measurement of translation, this project too
                                            # (or: train 20 joeynmt, train 20 ours)

Both are old for today's packages; `install` mends, in the installed copies alone, what stops them from starting, and says
what. Nothing that costs or gains them speed is touched.
"""

import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, Literal

import yaml
from setting import BATCH, OURS, PIECES, THREADS, WORK, write_text

TORCH = "torch==2.13.0"
SPEED_UPDATES = 24
OURS_TRAINED = WORK / "equal"
"""A run of this project at the sizes of all, for the measurement of translation."""

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


class OpenNMT(Peer):
    """OpenNMT-py 3.5.1, the last one of its line."""

    name = "opennmt"
    packages: ClassVar = [
        ["--no-deps", "OpenNMT-py==3.5.1"],
        ["sentencepiece", "configargparse", "ctranslate2", "waitress", "pyonmttok", "sacrebleu", "rapidfuzz"],
        ["pyahocorasick", "fasttext-wheel", "spacy", "six", "flask", "tensorboard", "pyyaml"],
    ]
    patches: ClassVar = [
        (
            "onmt/models/model_saver.py",
            'torch.load(ckpt_path, map_location=torch.device("cpu"))',
            'torch.load(ckpt_path, map_location=torch.device("cpu"), weights_only=False)',
        ),
    ]

    def _config(self, **changes: Any) -> dict[str, Any]:
        data = write_text()
        vocabulary = self.folder / "vocabulary.txt"
        pieces = (data / "vocabulary.txt").read_text(encoding="utf-8").splitlines()
        vocabulary.write_text("".join(f"{piece}\t1\n" for piece in pieces), encoding="utf-8")
        files = {
            name: {"path_src": str(data / f"{name}.sp.de"), "path_tgt": str(data / f"{name}.sp.en")}
            for name in ("train", "valid")
        }
        return {
            "save_model": "model/m",
            "overwrite": True,
            "data": {
                "corpus_1": {**files["train"], "transforms": ["filtertoolong"], "weight": 1},
                "valid": {**files["valid"], "transforms": []},
            },
            "src_seq_length": 127,
            "tgt_seq_length": 127,
            "src_vocab": str(vocabulary),
            "tgt_vocab": str(vocabulary),
            "src_vocab_size": PIECES,
            "tgt_vocab_size": PIECES,
            "encoder_type": "brnn",
            "decoder_type": "rnn",
            "rnn_type": "LSTM",
            "hidden_size": 512,
            "word_vec_size": 256,
            "enc_layers": 2,
            "dec_layers": 2,
            "global_attention": "general",
            "input_feed": 1,
            "dropout": [0.3],
            "optim": "adam",
            "learning_rate": 0.001,
            "max_grad_norm": 1.0,
            "batch_type": "sents",
            "batch_size": BATCH,
            "valid_batch_size": BATCH,
            "normalization": "tokens",
            "num_workers": 0,
            "valid_steps": 100000,
            "save_checkpoint_steps": 100000,
            "report_every": 1,
            "train_steps": SPEED_UPDATES,
            "seed": 1,
            "bucket_size": 29000,
            **changes,
        }

    def train_speed(self, attention: Attention) -> dict[str, Any]:
        kind = {"additive": "mlp", "general": "general"}[attention]
        config = self._write(self._config(global_attention=kind, save_model="speed/m"), "speed.yaml")
        text, _, peak = self.run("-m", "onmt.bin.train", "-config", str(config))
        rates = [float(rate) for rate in re.findall(r"\d+/\s*(\d+) tok/s", text)]
        return {"tokens_per_s": statistics.median(rates[4:]), "peak_mb": peak}

    def train(self, minutes: float) -> None:
        # Smaller batches learn faster here.
        changes = {
            "batch_size": 64,
            "train_steps": 100000,
            "save_checkpoint_steps": 150,
            "report_every": 50,
            "keep_checkpoint": 1,
        }
        self.run(
            "-m", "onmt.bin.train", "-config", str(self._write(self._config(**changes), "train.yaml")), minutes=minutes
        )

    @property
    def model(self) -> Path | None:
        return _newest((self.folder / "model").glob("m_step_*.pt"))

    def translate_speed(self) -> float:
        source = write_text() / "test.sp.de"
        count = len(source.read_text(encoding="utf-8").splitlines())
        best = 0.0
        for size in (32, 128):
            seconds = []
            # Twice the text costs the translation twice and loading once: the difference is translation alone.
            for times in (1, 2):
                text = self.folder / f"source-{times}.txt"
                text.write_text(source.read_text(encoding="utf-8") * times, encoding="utf-8")
                arguments = ["-model", str(self.model), "-src", str(text), "-output", "out.txt", "-beam_size", "5"]
                _, taken, _ = self.run(
                    "-m", "onmt.bin.translate", *arguments, "-batch_size", str(size), "-max_length", "60"
                )
                seconds.append(taken)
            best = max(best, count / (seconds[1] - seconds[0]))
        return best


class JoeyNMT(Peer):
    """JoeyNMT 2.3.0."""

    name = "joeynmt"
    packages: ClassVar = [["joeynmt==2.3.0", "importlib_metadata"]]
    patches: ClassVar = [
        (
            "joeynmt/tokenizers.py",
            "        self.spm.SetVocabulary(vocab._itos)",
            "        pass  # current sentencepiece refuses SetVocabulary for a unigram model",
        ),
        ("joeynmt/builders.py", '            "verbose": False,\n', ""),
    ]

    def _config(self, **training: Any) -> dict[str, Any]:
        data = write_text()
        pieces = (data / "vocabulary.txt").read_text(encoding="utf-8")
        (self.folder / "vocabulary.txt").write_text(pieces, encoding="utf-8")
        side: dict[str, Any] = {
            "max_length": 127,
            "lowercase": False,
            "normalize": False,
            "level": "bpe",
            "voc_file": str(self.folder / "vocabulary.txt"),
            "tokenizer_type": "sentencepiece",
            "tokenizer_cfg": {
                "model_file": str(data / "tokenizer" / "joint.model"),
                "model_type": "unigram",
                "pretokenizer": "none",
            },
        }
        embeddings = {"embedding_dim": 256, "scale": False}
        return {
            "name": "benchmark",
            "joeynmt_version": "2.3.0",
            "model_dir": str(self.folder / "model"),
            "use_cuda": False,
            "fp16": False,
            "random_seed": 1,
            "data": {
                "train": str(data / "train"),
                "dev": str(data / "valid"),
                "test": str(data / "test"),
                "dataset_type": "plain",
                "src": {"lang": "de", **side},
                "trg": {"lang": "en", **side},
                "special_symbols": {
                    **{"unk_token": "<unk>", "pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>"},
                    **{"unk_id": 0, "pad_id": 1, "bos_id": 2, "eos_id": 3},
                },
            },
            "testing": {
                "n_best": 1,
                "beam_size": 5,
                "beam_alpha": 1.0,
                "batch_size": 64,
                "batch_type": "sentence",
                "max_output_length": 60,
                "eval_metrics": ["bleu"],
                "return_prob": "none",
            },
            "training": {
                "optimizer": "adam",
                "learning_rate": 0.001,
                "clip_grad_norm": 1.0,
                "loss": "crossentropy",
                "label_smoothing": 0.0,
                "batch_size": BATCH,
                "batch_type": "sentence",
                "normalization": "tokens",
                "scheduling": "plateau",
                "patience": 20,
                "epochs": 1000,
                "updates": SPEED_UPDATES,
                "validation_freq": 100000,
                "logging_freq": 4,
                "early_stopping_metric": "bleu",
                "overwrite": True,
                "shuffle": True,
                "print_valid_sents": [0],
                "keep_best_ckpts": 1,
                **training,
            },
            "model": {
                "initializer": "xavier_uniform",
                "bias_initializer": "zeros",
                "embed_initializer": "normal",
                "embed_init_weight": 0.1,
                "lstm_forget_gate": 1.0,
                "tied_embeddings": False,
                "tied_softmax": False,
                "encoder": {
                    **{"type": "recurrent", "rnn_type": "lstm", "embeddings": embeddings, "hidden_size": 256},
                    **{"bidirectional": True, "dropout": 0.3, "num_layers": 2},
                },
                "decoder": {
                    **{"type": "recurrent", "rnn_type": "lstm", "embeddings": embeddings, "hidden_size": 512},
                    **{"dropout": 0.3, "hidden_dropout": 0.3, "num_layers": 2, "input_feeding": True},
                    **{"init_hidden": "last", "attention": "luong"},
                },
            },
        }

    def train_speed(self, attention: Attention) -> dict[str, Any]:
        settings = {**self._config(), "model_dir": str(self.folder / "speed")}
        settings["model"]["decoder"]["attention"] = {"additive": "bahdanau", "general": "luong"}[attention]
        config = self._write(settings, "speed.yaml")
        text, _, peak = self.run("-m", "joeynmt", "train", str(config), "--skip-test")
        rates = [float(rate) for rate in re.findall(r"Tokens per Sec:\s*([\d.]+)", text)]
        return {"tokens_per_s": statistics.median(rates[1:]), "peak_mb": peak}

    def train(self, minutes: float) -> None:
        config = self._config(updates=1_000_000, validation_freq=100, logging_freq=50)
        self.run("-m", "joeynmt", "train", str(self._write(config, "train.yaml")), "--skip-test", minutes=minutes)

    @property
    def model(self) -> Path | None:
        return _newest((self.folder / "model").glob("*.ckpt"))

    def translate_speed(self) -> float:
        config = self.folder / "train.yaml"
        text, _, _ = self.run("-m", "joeynmt", "test", str(config), "--output-path", "out")
        seconds = [float(found) for found in re.findall(r"Generation took ([\d.]+)\[sec\]", text)]
        count = len((write_text() / "test.de").read_text(encoding="utf-8").splitlines())
        return count / seconds[-1]


def _newest(files: Iterable[Path]) -> Path | None:
    return max(files, key=lambda path: path.stat().st_mtime, default=None)


ALL: list[Peer] = [OpenNMT(), JoeyNMT()]


def installed() -> list[Peer]:
    """Those that `install` has made ready."""
    return [peer for peer in ALL if peer.installed]


def train_ours(minutes: float) -> None:
    """This project at the same sizes, into OURS_TRAINED."""
    config, training = WORK / "equal.yaml", {"budget": {"minutes": minutes}, "threads": THREADS}
    config.write_text(yaml.safe_dump({**OURS, "training": training}, sort_keys=False), encoding="utf-8")
    shutil.rmtree(OURS_TRAINED, ignore_errors=True)
    command = [sys.executable, "-m", "seq2seq.cli", "train", str(config), "--run", str(OURS_TRAINED)]
    subprocess.run(command, check=True, stdout=(WORK / "equal.log").open("w", encoding="utf-8"))


def main() -> None:
    what = sys.argv[1] if len(sys.argv) > 1 else ""
    if what == "install":
        for peer in ALL:
            peer.install()
    elif what == "train":
        training = {"ours": train_ours} | {peer.name: peer.train for peer in installed()}
        for name in sys.argv[3:] or training:
            print(f"training {name} for {sys.argv[2]} minutes", flush=True)
            training[name](float(sys.argv[2]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
