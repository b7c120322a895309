"""OpenNMT-py at the sizes of setting.py."""

import re
import statistics
from pathlib import Path
from typing import Any, ClassVar

from peer import SPEED_UPDATES, Attention, Peer, newest
from setting import BATCH, PIECES, write_text


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
        return newest((self.folder / "model").glob("m_step_*.pt"))

    def translate_speed(self) -> float:
        lines = (write_text() / "test.sp.de").read_text(encoding="utf-8").splitlines(keepends=True)
        best = 0.0
        for size in (32, 128):
            seconds = []
            # What one sentence takes is loading; it is taken off. (Two long translations would differ by too little where
            # something else runs.)
            for name, text in (("one", lines[:1]), ("twice", 2 * lines)):
                path = self.folder / f"source-{name}.txt"
                path.write_text("".join(text), encoding="utf-8")
                arguments = ["-model", str(self.model), "-src", str(path), "-output", "out.txt", "-beam_size", "5"]
                _, taken, _ = self.run(
                    "-m", "onmt.bin.translate", *arguments, "-batch_size", str(size), "-max_length", "60"
                )
                seconds.append(taken)
            best = max(best, 2 * len(lines) / (seconds[1] - seconds[0]))
        return best
