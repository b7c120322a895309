"""Settings of batching, training, its optimizer and its validation."""

import re
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from seq2seq.config.section import Section

Precision = Literal["auto", "float32", "bfloat16"]
"""The number format of matrix products in training."""

ValidationMetric = Literal["auto", "bleu", "chrf", "loss"]
"""What says which of two validations is better."""


class BatchingConfig(Section):
    """How sentence pairs are grouped into batches."""

    max_tokens: Annotated[int, Field(ge=1)] = 1000
    """Most padded tokens in a batch, counted on the longer side. On a small corpus the number of
    updates decides how good the model gets: keep it small."""
    max_sentences: Annotated[int, Field(ge=1)] = 512
    """Most sentences in a batch."""
    max_length: Annotated[int, Field(ge=1)] = 128
    """Training pairs with this many tokens or more on either side are skipped and counted. The
    start or end token is one of them."""
    pad_to_multiple_of: Annotated[int, Field(ge=1)] = 4
    """Lengths are padded to a multiple of this. The CPU library compiles and caches one program
    per shape."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.max_tokens < self.max_length:
            raise ValueError(
                "max_tokens must be at least max_length, or the longest pairs fit into no batch"
            )
        return self


class Budget(Section):
    """How long to train: exactly one of three. The learning rate schedule adapts to it."""

    steps: Annotated[int, Field(gt=0)] | None = None
    """Updates."""
    epochs: Annotated[float, Field(gt=0)] | None = None
    """Passes over the training pairs."""
    minutes: Annotated[float, Field(gt=0)] | None = None
    """Minutes, validations included."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        limits = [value for value in (self.steps, self.epochs, self.minutes) if value is not None]
        if len(limits) != 1:
            raise ValueError("give exactly one of steps, epochs and minutes")
        return self


class OptimizerConfig(Section):
    """AdamW (Loshchilov & Hutter 2019) and its learning rate schedule."""

    learning_rate: Annotated[float, Field(gt=0, le=1)] = 1e-3
    """Highest learning rate, reached after warmup."""
    warmup_steps: Annotated[int, Field(ge=0)] = 400
    """Updates in which the learning rate rises from 0."""
    schedule: Literal["cosine", "linear", "inverse_sqrt", "constant"] = "cosine"
    """How the learning rate falls after warmup. `cosine` and `linear` reach `min_lr_ratio` at the
    end of the budget."""
    min_lr_ratio: Annotated[float, Field(ge=0, le=1)] = 0.02
    """Share of the highest learning rate that is left at the end of `cosine` and `linear`."""
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (
        0.9,
        0.98,
    )
    """Decay of the running means of the gradient and of the squared gradient."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """Decoupled weight decay, for matrices only."""
    max_grad_norm: Annotated[float, Field(ge=0)] = 1.0
    """Gradients are scaled down to this norm; 0 turns clipping off."""


class ValidationConfig(Section):
    """When and how the model is validated during training."""

    every_steps: Annotated[int, Field(ge=1)] = 500
    """Updates between validations."""
    sentences: Annotated[int, Field(ge=0)] = 1000
    """Pairs of the valid split to use, spread evenly over it because a split may be sorted. 0
    uses all."""
    metric: ValidationMetric = "auto"
    """What decides which checkpoints are the best: `bleu`, `chrf`, `loss`, or `auto`: BLEU, and
    chrF between validations whose BLEU is the same to two decimals, such as 0.00. BLEU uses
    sacreBLEU's tokenization for the target language: `zh` for Chinese, `ja-mecab` and `ko-mecab`
    for Japanese and Korean if the packages of `sacrebleu[ja]` and `sacrebleu[ko]` are installed,
    else `char`; `char` for Thai, Khmer, Lao, Burmese and Tibetan; `13a` for all others."""
    beam: Annotated[int, Field(ge=1)] = 1
    """Beam of the search. Greedy search is several times faster and ranks checkpoints much the
    same."""
    samples: Annotated[int, Field(ge=0)] = 2
    """Translations shown at each validation."""


class TrainingConfig(Section):
    """How the weights are trained."""

    budget: Budget
    """How long to train."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 1
    """Seed of the initial weights, the order of batches, dropout and sampling."""
    device: str = "auto"
    """`auto` (CUDA if available), `cpu`, `cuda`, `cuda:1`."""
    precision: Precision = "auto"
    """`float32`, `bfloat16` (weights and loss stay float32), or `auto`: the faster one in a short
    measurement."""
    threads: Annotated[int, Field(ge=0, le=256)] = 0
    """CPU threads; 0 leaves the choice to torch."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of the probability that is spread over all tokens."""
    guided_alignment: Annotated[float, Field(ge=0)] = 0.3
    """Weight of a second loss that shows the attention where to look, from an alignment that IBM
    Model 1 finds in the training pairs (Chen et al. 2016). It falls to 0 over the budget; 0 turns
    it off."""
    optimizer: OptimizerConfig = OptimizerConfig()
    """AdamW and its schedule."""
    validation: ValidationConfig = ValidationConfig()
    """When and how the model is validated."""
    patience: Annotated[int, Field(ge=0)] = 0
    """Stop after this many validations that are not better than the best one, by
    `validation.metric`; 0 never stops early."""
    average: Annotated[int, Field(ge=1)] = 5
    """Keep this many best checkpoints. At the end, average them, and keep the average if it is at
    least as good as the best of them; 1 turns averaging off."""
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Decay of an exponential moving average of the weights, such as 0.999, which is then
    validated and kept; 0 turns it off."""

    @field_validator("device")
    @classmethod
    def _check_device(cls, device: str) -> str:
        if re.fullmatch(r"auto|cpu|cuda(:\d+)?", device) is None:
            raise ValueError("must be auto, cpu, cuda, or a GPU such as cuda:1")
        return device
