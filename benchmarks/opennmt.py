"""OpenNMT-py with the sizes of shared_setup.py."""

import re
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from shared_setup import (
    BATCH_SENTENCES,
    VOCAB_SIZE,
    from_tokens,
    read_tokenizer,
    to_tokens,
    write_text,
)
from toolkit import SPEED_UPDATES, Attention, Output, Patch, Toolkit, newest

from seq2seq.text.normalization import normalize_text

_ATTENTION_NAMES = {"additive": "mlp", "general": "general"}


class OpenNMT(Toolkit):
    """OpenNMT-py 3.5.1, the last one of its line."""

    name = "opennmt"
    packages: ClassVar = [
        ["--no-deps", "OpenNMT-py==3.5.1"],
        [
            "sentencepiece",
            "configargparse",
            "ctranslate2",
            "waitress",
            "pyonmttok",
            "sacrebleu",
            "rapidfuzz",
        ],
        [
            "pyahocorasick",
            "fasttext-wheel",
            "spacy",
            "six",
            "flask",
            "tensorboard",
            "pyyaml",
        ],
    ]
    patches: ClassVar = [
        Patch(
            "onmt/models/model_saver.py",
            old='torch.load(ckpt_path, map_location=torch.device("cpu"))',
            new='torch.load(ckpt_path, map_location=torch.device("cpu"), weights_only=False)',
        ),
    ]
    batch_sizes: ClassVar = (32, 64, 128)

    def _config(self, **changes: Any) -> dict[str, Any]:
        data = write_text()
        vocabulary_file = self.folder / "vocabulary.txt"
        tokens = (data / "vocabulary.txt").read_text(encoding="utf-8").splitlines()
        vocabulary_file.write_text("".join(f"{token}\t1\n" for token in tokens), encoding="utf-8")
        files = {}
        for split in ("train", "valid"):
            files[split] = {
                "path_src": str(data / f"{split}.sp.de"),
                "path_tgt": str(data / f"{split}.sp.en"),
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
            "src_vocab": str(vocabulary_file),
            "tgt_vocab": str(vocabulary_file),
            "src_vocab_size": VOCAB_SIZE,
            "tgt_vocab_size": VOCAB_SIZE,
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
            "batch_size": BATCH_SENTENCES,
            "valid_batch_size": BATCH_SENTENCES,
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
        config = self._config(global_attention=_ATTENTION_NAMES[attention], save_model="speed/m")
        file = self.write_config(config, "speed.yaml")
        output = self.run("-m", "onmt.bin.train", "-config", str(file))
        speeds = re.findall(r"\d+/\s*(\d+) tok/s", output.text)
        # The first updates are the warmup.
        tokens_per_s = statistics.median(float(speed) for speed in speeds[4:])
        return {"tokens_per_s": tokens_per_s, "peak_mb": output.peak_mb}

    def train(self, minutes: float) -> None:
        config = self._config(
            # Smaller batches learn faster here.
            batch_size=64,
            train_steps=100000,
            save_checkpoint_steps=150,
            report_every=50,
            keep_checkpoint=1,
        )
        file = self.write_config(config, "train.yaml")
        self.run("-m", "onmt.bin.train", "-config", str(file), minutes=minutes)

    @property
    def model(self) -> Path | None:
        return newest((self.folder / "model").glob("m_step_*.pt"))

    @property
    def updates_trained(self) -> int | None:
        """Updates of the model, or None if there is no model."""
        model = self.model
        return int(model.stem.rpartition("_")[2]) if model else None

    def translate(self, texts: Sequence[str]) -> list[str]:
        """Returns the translation of each of N texts, with beam 5.

        A text is normalized like the training text, becomes tokens of the shared vocabulary, and is
        translated as a whole. Everything else is the toolkit's default.
        """
        tokenizer = read_tokenizer()
        normalized = [normalize_text(text, "nfc") for text in texts]
        lines = [f"{line}\n" for line in to_tokens(tokenizer, normalized, "source")]
        self._run_search(lines, 5, "-batch_size", "64")
        # Only a line feed ends a line. `splitlines` knows more characters that do.
        output = self._output_file.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        if len(output) != len(texts):
            sys.exit(f"{self.name} gave {len(output):,} translations of {len(texts):,} texts.")
        return from_tokens(tokenizer, output)

    def translate_speed_at(self, beam: int, batch_size: int) -> float:
        sources = (write_text() / "test.sp.de").read_text(encoding="utf-8")
        # The toolkit reports tenths of a second. Twice the test set makes them fine enough.
        lines = 2 * sources.splitlines(keepends=True)
        search = ("-batch_size", str(batch_size), "-max_length", "60", "-report_time")
        output = self._run_search(lines, beam, *search)
        (seconds,) = re.findall(r"Total translation time \(s\): ([\d.]+)", output.text)
        return len(lines) / float(seconds)

    @property
    def _output_file(self) -> Path:
        return self.folder / "out.txt"

    def _run_search(self, lines: Sequence[str], beam: int, *options: str) -> Output:
        """Translates lines of tokens into the output file."""
        source = self.folder / "source.txt"
        source.write_text("".join(lines), encoding="utf-8")
        files = ["-model", str(self.model), "-src", str(source), "-output", str(self._output_file)]
        search = ["-beam_size", str(beam), *options]
        return self.run("-m", "onmt.bin.translate", *files, *search)
