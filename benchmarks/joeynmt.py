"""JoeyNMT with the sizes of shared_setup.py."""

import re
import statistics
from pathlib import Path
from typing import Any, ClassVar

from shared_setup import BATCH_SENTENCES, read_test_sources, write_text
from toolkit import SPEED_UPDATES, Attention, Patch, Toolkit, newest

_SPECIAL_SYMBOLS = {
    "unk_token": "<unk>",
    "pad_token": "<pad>",
    "bos_token": "<s>",
    "eos_token": "</s>",
    "unk_id": 0,
    "pad_id": 1,
    "bos_id": 2,
    "eos_id": 3,
}
_TESTING = {
    "n_best": 1,
    "beam_size": 5,
    "beam_alpha": 1.0,
    "batch_size": 64,
    "batch_type": "sentence",
    "max_output_length": 60,
    "eval_metrics": ["bleu"],
    "return_prob": "none",
}
_TRAINING = {
    "optimizer": "adam",
    "learning_rate": 0.001,
    "clip_grad_norm": 1.0,
    "loss": "crossentropy",
    "label_smoothing": 0.0,
    "batch_size": BATCH_SENTENCES,
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
}
_ATTENTION_NAMES = {"additive": "bahdanau", "general": "luong"}


def _model() -> dict[str, Any]:
    embeddings = {"embedding_dim": 256, "scale": False}
    return {
        "initializer": "xavier_uniform",
        "bias_initializer": "zeros",
        "embed_initializer": "normal",
        "embed_init_weight": 0.1,
        "lstm_forget_gate": 1.0,
        "tied_embeddings": False,
        "tied_softmax": False,
        "encoder": {
            "type": "recurrent",
            "rnn_type": "lstm",
            "embeddings": embeddings,
            "hidden_size": 256,
            "bidirectional": True,
            "dropout": 0.3,
            "num_layers": 2,
        },
        "decoder": {
            "type": "recurrent",
            "rnn_type": "lstm",
            "embeddings": embeddings,
            "hidden_size": 512,
            "dropout": 0.3,
            "hidden_dropout": 0.3,
            "num_layers": 2,
            "input_feeding": True,
            "init_hidden": "last",
            "attention": "luong",
        },
    }


class JoeyNMT(Toolkit):
    """JoeyNMT 2.3.0."""

    name = "joeynmt"
    packages: ClassVar = [["joeynmt==2.3.0", "importlib_metadata"]]
    patches: ClassVar = [
        Patch(
            "joeynmt/tokenizers.py",
            old="        self.spm.SetVocabulary(vocab._itos)",
            new="        pass  # current sentencepiece refuses SetVocabulary for a unigram model",
        ),
        Patch("joeynmt/builders.py", old='            "verbose": False,\n', new=""),
    ]
    batch_sizes: ClassVar = (32, 64, 128)

    def _config(self, **training: Any) -> dict[str, Any]:
        data = write_text()
        vocabulary_file = self.folder / "vocabulary.txt"
        vocabulary_file.write_bytes((data / "vocabulary.txt").read_bytes())
        side: dict[str, Any] = {
            "max_length": 127,
            "lowercase": False,
            "normalize": False,
            "level": "bpe",
            "voc_file": str(vocabulary_file),
            "tokenizer_type": "sentencepiece",
            "tokenizer_cfg": {
                "model_file": str(data / "tokenizer" / "joint.model"),
                "model_type": "unigram",
                "pretokenizer": "none",
            },
        }
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
                "special_symbols": _SPECIAL_SYMBOLS,
            },
            "testing": _TESTING,
            "training": _TRAINING | training,
            "model": _model(),
        }

    def train_speed(self, attention: Attention) -> dict[str, Any]:
        config = self._config() | {"model_dir": str(self.folder / "speed")}
        config["model"]["decoder"]["attention"] = _ATTENTION_NAMES[attention]
        file = self.write_config(config, "speed.yaml")
        output = self.run("-m", "joeynmt", "train", str(file), "--skip-test")
        speeds = re.findall(r"Tokens per Sec:\s*([\d.]+)", output.text)
        # The first interval includes the warmup.
        tokens_per_s = statistics.median(float(speed) for speed in speeds[1:])
        return {"tokens_per_s": tokens_per_s, "peak_mb": output.peak_mb}

    def train(self, minutes: float) -> None:
        config = self._config(
            # Smaller batches learn faster here.
            batch_size=64,
            updates=1_000_000,
            validation_freq=100,
            logging_freq=50,
        )
        file = self.write_config(config, "train.yaml")
        self.run("-m", "joeynmt", "train", str(file), "--skip-test", minutes=minutes)

    @property
    def model(self) -> Path | None:
        return newest((self.folder / "model").glob("*.ckpt"))

    def translate_speed_at(self, beam: int, batch_size: int) -> float:
        config = self._config()
        config["testing"] = _TESTING | {"beam_size": beam, "batch_size": batch_size}
        # Otherwise it translates that split as well.
        config["data"]["dev"] = None
        file = self.write_config(config, "translate.yaml")
        output = self.run("-m", "joeynmt", "test", str(file), "--output-path", "out")
        (seconds,) = re.findall(r"Generation took ([\d.]+)\[sec\]", output.text)
        return len(read_test_sources()) / float(seconds)
