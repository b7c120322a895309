"""Validation on held-out pairs: the loss, and BLEU and chrF of real translations."""

from dataclasses import asdict, dataclass
from typing import Any

import torch

from seq2seq.config.training import ValidationConfig
from seq2seq.data.batching import collate
from seq2seq.data.corpus import Pairs
from seq2seq.data.encoding import EncodedPairs, RaggedArray
from seq2seq.decoding.translator import Translation, Translator
from seq2seq.evaluation.metrics import quick_scores
from seq2seq.evaluation.tokenization import DEFAULT_TOKENIZATION
from seq2seq.models import Seq2Seq
from seq2seq.models.device import autocast
from seq2seq.text.tokenizer import PAD
from seq2seq.training.loss import smoothed_cross_entropy
from seq2seq.training.ranking import ValidationScores

_BATCH_SENTENCES = 64
_PAD_TO_MULTIPLE_OF = 8


@dataclass(frozen=True)
class Sample:
    """One translated pair, to show to the user."""

    source: str
    reference: str
    translation: str


@dataclass(frozen=True)
class Validation(ValidationScores):
    """The scores of one validation, and a few translations."""

    samples: list[Sample]

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields of the journal."""
        return asdict(self)


class Validator:
    """Measures a model, while it changes, on the same pairs.

    Args:
        model: the model in training.
        translator: translates with it.
        pairs: the valid split.
        config: how many pairs to use, and how to translate them.
        tokenization: how BLEU splits text, a name of sacreBLEU.
        as_read: the same pairs as the model reads them, with slots, for the loss.
    """

    def __init__(
        self,
        model: Seq2Seq,
        translator: Translator,
        pairs: Pairs,
        config: ValidationConfig,
        tokenization: str = DEFAULT_TOKENIZATION,
        as_read: Pairs | None = None,
    ) -> None:
        count = min(config.sentences or len(pairs), len(pairs))
        # Spread evenly, because a split may be sorted.
        chosen = [len(pairs) * i // count for i in range(count)]
        self.pairs = pairs.select(chosen)
        self.model = model
        self.translator = translator
        self.config = config
        self.tokenization = tokenization
        self._encoded = self._encode_pairs(
            self.pairs if as_read is None else as_read.select(chosen)
        )

    def __call__(self, precision: str) -> Validation:
        """Validates the model with its current weights.

        Args:
            precision: float32 or bfloat16, for the loss.
        """
        model = self.model
        was_training = model.training
        model.eval()
        translations = self.translator.translate(self.pairs.source, beam=self.config.beam, nbest=1)
        hypotheses = [translation.text for translation in translations]
        bleu, chrf = quick_scores(hypotheses, [self.pairs.target], tokenization=self.tokenization)
        loss = self._loss(precision)
        model.train(was_training)
        return Validation(loss, bleu, chrf, self._samples(translations))

    @torch.inference_mode()
    def _loss(self, precision: str) -> float:
        device = next(self.model.parameters()).device
        total = 0.0
        count = 0
        # Sentences of similar length share a batch.
        order = self._encoded.target.lengths.argsort(kind="stable")
        for start in range(0, len(order), _BATCH_SENTENCES):
            rows = order[start : start + _BATCH_SENTENCES]
            batch = collate(self._encoded, rows, _PAD_TO_MULTIPLE_OF)
            num_tokens = batch.num_target_tokens
            batch = batch.to(device)
            with autocast(device, precision):
                logits = self.model(batch.source, batch.source_mask, batch.target_in).logits
            _, likelihood = smoothed_cross_entropy(
                logits, batch.target_out, smoothing=0, ignore=PAD
            )
            total += float(likelihood) * num_tokens
            count += num_tokens
        return total / max(count, 1)

    def _samples(self, translations: list[Translation]) -> list[Sample]:
        """Picks translations that are spread evenly."""
        samples = []
        for number in range(self.config.samples):
            i = len(self.pairs) * (2 * number + 1) // (2 * self.config.samples)
            samples.append(Sample(self.pairs.source[i], self.pairs.target[i], translations[i].text))
        return samples

    def _encode_pairs(self, pairs: Pairs) -> EncodedPairs:
        """Encodes the pairs once. Long sentences are cut, with room for the start or end token."""
        tokenizer = self.translator.tokenizer
        limit = self.translator.max_source_tokens - 1
        source = [ids[:limit] for ids in tokenizer.encode(pairs.source, "source")]
        target = [ids[:limit] for ids in tokenizer.encode(pairs.target, "target")]
        return EncodedPairs(RaggedArray.of(source), RaggedArray.of(target))
