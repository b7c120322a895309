"""Trains the model that ctranslate2_peer.py converts: a Transformer without rotary embeddings.

CTranslate2 adds sinusoids to the embeddings or rotates queries and keys. This project's Transformer
does both. A model for both systems has only the sinusoids.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import torch
from shared_setup import THREADS

from seq2seq import api
from seq2seq.cli.console import ConsoleReporter
from seq2seq.config import Config, load_config
from seq2seq.models.layers.rotary import RotaryEmbedding
from seq2seq.run import RunFolder

CONFIG = "transformer-multi30k"
# A plain model: its tokens have no cases, and nothing is replaced by slots.
_OVERRIDES = ("text.case=cased", "text.spans=false", f"training.threads={THREADS}")


def training_config(steps: int) -> Config:
    """Returns the bundled Transformer for Multi30k, for plain text and a number of updates."""
    budget = ("training.budget.minutes=null", f"training.budget.steps={steps}")
    return load_config(Path(CONFIG), [*_OVERRIDES, *budget])


def train(run: Path, steps: int) -> None:
    """Trains a Transformer whose queries and keys are not rotated.

    Every rotary embedding has the angle 0, so it leaves its values as they are. The sinusoids
    remain. A training that was interrupted goes on.

    Args:
        run: the run folder. Whoever loads it has to switch off the rotation too: the config does
            not say that it was trained without.
        steps: updates.
    """
    folder = RunFolder(run)
    with without_rotary(), ConsoleReporter() as reporter:
        if folder.last_checkpoint is not None:
            budget = [f"training.budget.steps={steps}"]
            api.resume(folder, overrides=budget, reporter=reporter)
        else:
            api.train(training_config(steps), folder, reporter=reporter)


@contextmanager
def without_rotary() -> Iterator[None]:
    """Makes the angle of every rotary embedding 0 while the context is open."""
    with patch.object(RotaryEmbedding, "at", _unrotated):
        yield


def _unrotated(first: int, length: int, head_size: int, device: torch.device) -> RotaryEmbedding:
    """Does what `RotaryEmbedding.at` does, with cosines of 1 and sines of 0."""
    shape = (length, head_size // 2)
    return RotaryEmbedding(torch.ones(shape, device=device), torch.zeros(shape, device=device))
