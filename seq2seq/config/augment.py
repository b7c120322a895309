"""Settings of the noise that is added to the training text."""

import math
from typing import Annotated, Self

from pydantic import Field, model_validator

from seq2seq.config.section import Section

Rate = Annotated[float, Field(ge=0, le=1)]


class AugmentConfig(Section):
    """How often a training pair is changed, so that the model knows text as people write it.

    Each epoch draws anew which pairs are changed. The draws depend only on `training.seed` and the
    epoch. The kinds are those of OpusTrainer (Bogoychev et al. 2023). The target stays as it is,
    unless the rate says otherwise. A pair has one case at most, so `upper`, `title` and `lower` add
    up to 1 or less.
    """

    upper: Rate = 0.05
    """Share of the pairs whose source is in capitals."""
    title: Rate = 0.05
    """Share of the pairs whose source has a capital at every word."""
    lower: Rate = 0.1
    """Share of the pairs whose source is in lower case."""
    no_final_punctuation: Rate = 0.2
    """Share of the pairs that lose the final mark on both sides."""
    typos: Rate = 0.03
    """Share of the pairs whose source gets typing errors."""
    diacritics: Rate = 0.02
    """Share of the pairs whose source loses its accents and umlauts."""
    quotes: Rate = 0.02
    """Share of the pairs whose source gets straight quotes for typographic ones, or the other way
    round."""
    dashes: Rate = 0.02
    """Share of the pairs whose source gets other dashes."""
    join: Rate = 0.03
    """Share of the pairs that are joined with the next pair; of the same document where the corpus
    tells documents apart."""
    slots: Rate = 0.15
    """Share of the pairs in which a word becomes a slot on both sides: a word that stands on both
    sides, or a word and its likely translation. This teaches the model to copy."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        total = math.fsum((self.upper, self.title, self.lower))
        if total > 1 and not math.isclose(total, 1):
            raise ValueError(
                f"upper, title and lower add up to {total:.6g}; they must add up to 1 or less, "
                "because a pair has one case at most"
            )
        return self


NO_NOISE = AugmentConfig(**dict.fromkeys(AugmentConfig.model_fields, 0.0))
"""Leaves the training text as it is."""
