"""Settings of beam search."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from seq2seq.config.section import Section


class SearchConfig(Section):
    """How translations are searched for."""

    beam: Annotated[int, Field(ge=1)] = 5
    """Open hypotheses of each sentence; 1 is greedy search."""
    nbest: Annotated[int, Field(ge=1)] = 1
    """Translations given for each sentence; at most `beam`."""
    length_penalty: Annotated[float, Field(ge=0, le=10)] = 1.0
    """Exponent alpha of Wu et al. 2016, equation 14. 0 compares sums of log-probabilities; more
    favors length."""
    max_length_ratio: Annotated[float, Field(gt=0, le=1000)] = 2.0
    """A translation has at most this many times the tokens of its source, plus 10."""
    no_repeat_ngram_size: Annotated[int, Field(ge=0)] = 6
    """No n-gram of this size occurs twice in a translation, which ends loops. 0 allows all."""
    prune: Annotated[float, Field(ge=0)] = 1.5
    """Drop a hypothesis whose log-probability is this much below that of the sentence's best open
    one, or of its `nbest`-th best (relative threshold pruning, Freitag & Al-Onaizan 2017, section
    3). 0 drops none."""
    batch_tokens: Annotated[int, Field(ge=1)] = 12000
    """Padded source tokens times beam that are searched at once."""

    def broken_rules(self) -> Iterator[str]:
        if self.nbest > self.beam:
            yield f"nbest must be at most beam ({self.beam})"
        if self.no_repeat_ngram_size == 1:
            yield "no_repeat_ngram_size must be 0 (off) or at least 2"
