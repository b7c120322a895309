"""Hands a run's weights over to CTranslate2, and checks what it makes of them.

Legend: L positions, D size of the model.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ctranslate2_training import without_rotary

from seq2seq.config.model import TransformerConfig
from seq2seq.decoding.run_loading import load_models
from seq2seq.models import Seq2Seq
from seq2seq.models.layers.rotary import position_angles
from seq2seq.run import RunFolder
from seq2seq.text.tokenizer import BOS, EOS

POSITIONS = 512
"""Rows of the table of sinusoids. It limits the length of a sentence and of its translation."""
_CHECKED_TOKENS = 40


@dataclass(frozen=True)
class Agreement:
    """How well two systems with the same weights agree."""

    sentences: int
    same_greedy: int
    """Sentences whose greedy translations have the same tokens."""
    largest_difference: float
    """Of the log-probability of a token."""


def write_weights(run: RunFolder, folder: Path) -> None:
    """Writes weights.npz, model.json and sentencepiece.model, which ctranslate2_worker.py converts.

    Args:
        run: a Transformer with a joint vocabulary without cases.
        folder: is created.

    Raises:
        SystemExit: the run is of another kind.
    """
    config = run.config.model
    tokenizer = run.tokenizer
    if not isinstance(config, TransformerConfig):
        raise SystemExit(f"{run.path} is of family {config.family}. Give a Transformer.")
    if not tokenizer.joint or tokenizer.source_cases > 1:
        raise SystemExit(
            f"{run.path} needs tokenizer.joint=true and text.case=cased: CTranslate2 reads plain "
            "tokens of one vocabulary."
        )
    folder.mkdir(parents=True, exist_ok=True)
    model = load_models(run, [])
    arrays = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    np.savez(folder / "weights.npz", sinusoids=_sinusoids(config.size), **arrays)
    tokens = {
        f"{side}_tokens": tokenizer.tokens(range(tokenizer.size(side)), side)
        for side in ("source", "target")
    }
    description = {
        "encoder_layers": config.encoder_layers,
        "decoder_layers": config.decoder_layers,
        "heads": config.heads,
        "layer_norm_epsilon": _layer_norm_epsilon(model),
        **tokens,
    }
    (folder / "model.json").write_text(json.dumps(description), encoding="utf-8")
    shutil.copyfile(run.tokenizer_dir / "joint.model", folder / "sentencepiece.model")


def _sinusoids(size: int) -> np.ndarray[Any, Any]:
    """Returns (L,D) float32: sines in the first half of the units, cosines in the second."""
    angles = position_angles(0, POSITIONS, size, torch.device("cpu"))  # (L,D/2)
    sinusoids: np.ndarray[Any, Any] = torch.cat([angles.sin(), angles.cos()], dim=-1).numpy()
    return sinusoids


def _layer_norm_epsilon(model: Seq2Seq[Any, Any]) -> float:
    """Returns the epsilon that all normalizations share."""
    norms = (part for part in model.modules() if isinstance(part, torch.nn.LayerNorm))
    (epsilon,) = {norm.eps for norm in norms}
    return epsilon


def check(
    run: RunFolder, texts: Sequence[str], score: Callable[[dict[str, Any]], dict[str, Any]]
) -> Agreement:
    """Compares a run, without rotary embeddings, with what CTranslate2 computes in float32.

    Args:
        run: the run that was converted.
        texts: source sentences.
        score: `score` of ctranslate2_worker.py: JSON in, JSON out.
    """
    tokenizer = run.tokenizer
    model = load_models(run, []).eval()
    source = tokenizer.encode(texts, "source")
    with torch.inference_mode(), without_rotary():
        searched = [_greedy(model, ids) for ids in source]
    ours = [tokenizer.tokens(ids, "target") for ids, _ in searched]
    theirs = score({"source": [tokenizer.tokens(ids, "source") for ids in source], "target": ours})
    differences = []
    for (ids, log_probs), other in zip(searched, theirs["log_probs"], strict=True):
        # A translation that was cut off has no end. CTranslate2 always scores one.
        assert len(other) == len(ids) + 1
        differences += [abs(a - b) for a, b in zip(log_probs, other, strict=False)]
    same = sum(a == b for a, b in zip(ours, theirs["greedy"], strict=True))
    return Agreement(len(texts), same, max(differences))


def _greedy(model: Seq2Seq[Any, Any], source: list[int]) -> tuple[list[int], list[float]]:
    """Returns the tokens of a greedy translation, and their log-probabilities with that of the end.

    A translation of `_CHECKED_TOKENS` is cut off there.
    """
    sentence = torch.tensor([source])
    memory = model.encode(sentence, torch.ones_like(sentence, dtype=torch.bool))
    state = model.start(memory)
    token = BOS
    tokens: list[int] = []
    log_probs: list[float] = []
    while len(tokens) < _CHECKED_TOKENS:
        step, state = model.step(memory, state, torch.tensor([token]))
        best = torch.log_softmax(step.logits[0], dim=-1).max(dim=-1)
        token = int(best.indices)
        log_probs.append(float(best.values))
        if token == EOS:
            break
        tokens.append(token)
    return tokens, log_probs
