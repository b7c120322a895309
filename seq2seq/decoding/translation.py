"""The result of translating a text.

Legend
    S  source tokens
    T  target tokens
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seq2seq.decoding.segmentation import join_texts
from seq2seq.text.sentences import Sentence, join_translations


@dataclass(frozen=True)
class Alternative:
    """One translation of a text.

    Attributes:
        text: the translation.
        score: log-probability divided by the length penalty. Higher is better.
        source_tokens: S strings, including </s>. Set only if attention was requested, as are the
            next two.
        target_tokens: T strings, including </s>.
        attention: (T,S) weights.

    A translation that was joined from several parts has neither tokens nor attention, and the sum
    of their scores.
    """

    text: str
    score: float
    source_tokens: list[str] | None = None
    target_tokens: list[str] | None = None
    attention: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Translation:
    """A text and its translations, best first. An empty text has none."""

    source: str
    alternatives: list[Alternative]

    @property
    def text(self) -> str:
        """The best translation. Empty for an empty text."""
        return self.alternatives[0].text if self.alternatives else ""


def join_segments(parts: list[list[Alternative]]) -> list[Alternative]:
    """Joins the alternatives of the segments of a sentence: the first of each, the second of
    each..."""
    return _join(parts, join_texts)


def join_sentences(
    parts: list[list[Alternative]], sentences: Sequence[Sentence]
) -> list[Alternative]:
    """Joins the alternatives of the sentences of a text: the first of each, the second of each...

    Args:
        parts: the alternatives of each sentence.
        sentences: the sentences, with the white space between them.
    """
    return _join(parts, lambda texts: join_translations(texts, sentences))


def _join(
    parts: list[list[Alternative]], join: Callable[[Sequence[str]], str]
) -> list[Alternative]:
    if not parts:
        return []
    if len(parts) == 1:
        return parts[0]
    # Parts that are carried over have one alternative only. It is used for every rank.
    count = min((len(part) for part in parts if len(part) > 1), default=1)
    joined = []
    for rank in range(count):
        chosen = []
        for part in parts:
            chosen.append(part[min(rank, len(part) - 1)] if part else Alternative("", 0.0))
        text = join([alternative.text for alternative in chosen])
        joined.append(Alternative(text, sum(alternative.score for alternative in chosen)))
    return joined
