"""JoeyNMT at the sizes of setting.py."""

import re
import statistics
from pathlib import Path
from typing import Any, ClassVar

from peer import SPEED_UPDATES, Attention, Peer, newest
from setting import BATCH, write_text


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
        return newest((self.folder / "model").glob("*.ckpt"))

    def translate_speed(self) -> float:
        config = self.folder / "train.yaml"
        text, _, _ = self.run("-m", "joeynmt", "test", str(config), "--output-path", "out")
        seconds = [float(found) for found in re.findall(r"Generation took ([\d.]+)\[sec\]", text)]
        count = len((write_text() / "test.de").read_text(encoding="utf-8").splitlines())
        return count / seconds[-1]
