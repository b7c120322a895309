"""How good the model is now: loss by teacher forcing, BLEU and chrF by real search, on held-out pairs."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch
from pydantic import ConfigDict

from seq2seq.data.batching import Batch, EncodedPairs, Ragged, collate
from seq2seq.data.pairs import Pairs
from seq2seq.data.tokenizer import PAD
from seq2seq.decoding.translator import Translator
from seq2seq.evaluation.metrics import quick_scores
from seq2seq.training.device import autocast
from seq2seq.training.loss import smoothed_cross_entropy


@dataclass(frozen=True, kw_only=True)
class ValidationConfig:
    """When and how the model is tried on held-out pairs during training."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    every_steps: int = 500
    """Updates between validations."""
    sentences: int = 1000
    """Pairs of the valid split that are used, spread evenly over it (a split may be sorted); 0 uses all."""
    beam: int = 1
    """Beam of the search; greedy is several times faster and ranks checkpoints much the same."""
    samples: int = 2
    """Translations shown at each validation."""

    def __post_init__(self) -> None:
        if self.every_steps < 1 or self.beam < 1 or self.sentences < 0 or self.samples < 0:
            raise ValueError("every_steps and beam must be at least 1, sentences and samples at least 0")


@dataclass(frozen=True)
class Validation:
    """loss in nats per piece, BLEU and chrF of 0 to 100, samples of source, reference and translation."""

    loss: float
    bleu: float
    chrf: float
    samples: list[dict[str, str]]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class Validator:
    """Measures one model, as it changes, on the same pairs."""

    def __init__(self, translator: Translator, pairs: Pairs, config: ValidationConfig) -> None:
        count = min(config.sentences or len(pairs), len(pairs))
        self.pairs = pairs.select([len(pairs) * i // count for i in range(count)])
        self.config = config
        self.translator = translator

    def __call__(self, precision: str) -> Validation:
        """Validates the model with the weights that it has now."""
        model = self.translator.model
        was_training = model.training
        model.eval()
        translations = self.translator.translate(self.pairs.source, beam=self.config.beam, nbest=1)
        bleu, chrf = quick_scores([t.text for t in translations], [self.pairs.target])
        loss = self._loss(precision)
        model.train(was_training)
        shown = [len(self.pairs) * (2 * i + 1) // (2 * self.config.samples) for i in range(self.config.samples)]
        samples = [
            {"source": self.pairs.source[i], "reference": self.pairs.target[i], "translation": translations[i].text}
            for i in shown
        ]
        return Validation(loss, bleu, chrf, samples)

    @torch.inference_mode()
    def _loss(self, precision: str) -> float:
        translator, total, count = self.translator, 0.0, 0
        for batch in self._batches():
            on_device = batch.to(translator.device)
            with autocast(translator.device, precision):
                logits = translator.model(on_device.source, on_device.source_mask, on_device.target_in).logits
            _, likelihood = smoothed_cross_entropy(logits, on_device.target_out, smoothing=0, ignore=PAD)
            total += float(likelihood) * batch.target_tokens
            count += batch.target_tokens
        return total / max(count, 1)

    def _batches(self, size: int = 64) -> Iterator[Batch]:
        tokenizer, limit = self.translator.tokenizer, self.translator.max_source - 1
        source = [ids[:limit] for ids in tokenizer.encode(self.pairs.source, "source")]
        target = [ids[:limit] for ids in tokenizer.encode(self.pairs.target, "target")]
        encoded = EncodedPairs(Ragged.of(source), Ragged.of(target))
        order = encoded.target.lengths.argsort(kind="stable")
        for first in range(0, len(order), size):
            yield collate(encoded, order[first : first + size], 8)
