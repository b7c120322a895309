"""The target tokens that are likely for a sentence.

With a shortlist, the output layer, its softmax and top-k run over hundreds of tokens instead of the
whole vocabulary (Jean et al. 2015, section 3.3; Devlin 2017 for lexical shortlists).

Legend
    B  sentences
    S  source tokens
    V  target vocabulary
    C  candidates of a sentence
    L  entries of the lexicon
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seq2seq.data.alignment import Lexicon, train_lexicon
from seq2seq.errors import UserError
from seq2seq.text.tokenizer import EOS, PAD

Integers = NDArray[np.int64]

# The number of candidates is rounded up to a multiple of this. The CPU library compiles a program
# for each shape of a matrix, and keeps it.
_PAD_TO_MULTIPLE_OF = 64

# Tensor in shortlist.safetensors -> attribute. The file keeps its names, so that old ones load.
_TENSOR_NAMES = {"begins": "starts", "pieces": "tokens", "always": "always"}


@dataclass(frozen=True)
class Shortlist:
    """The likely target tokens of each source token.

    Attributes:
        starts: source token s may become tokens[starts[s] : starts[s + 1]].
        tokens: target tokens, grouped by source token.
        always: target tokens that every sentence may contain.
        target_size: V.

    Raises:
        UserError: the parts do not fit together, for example in a damaged file.
    """

    starts: Integers
    tokens: Integers
    always: Integers
    target_size: int

    def __post_init__(self) -> None:
        is_sorted = bool((np.diff(self.starts) >= 0).all())
        covers_tokens = int(self.starts[0]) == 0 and int(self.starts[-1]) == len(self.tokens)
        tokens = np.concatenate([self.tokens, self.always])
        in_vocabulary = bool(((tokens >= 0) & (tokens < self.target_size)).all())
        if not (is_sorted and covers_tokens and in_vocabulary):
            raise _does_not_fit()

    def candidates(
        self,
        source: Integers,
        forbidden: Sequence[int] = (),
        required: Sequence[Sequence[int]] = (),
        forbidden_of: Sequence[Sequence[int]] = (),
    ) -> Integers:
        """Returns the candidates of each sentence, (B,C): </s> first, padded with PAD.

        Each sentence has its own, because a translation must not depend on its batch.

        Args:
            source: (B,S) source IDs with padding. Their case is ignored.
            forbidden: tokens to leave out.
            required: tokens of each sentence to include even if they are forbidden, such as its
                slots. () if there are none.
            forbidden_of: more tokens to leave out, for each sentence. () if there are none.
        """
        # 1. Mark the candidates of each sentence in a table.
        is_candidate = np.zeros((len(source), self.target_size), dtype=np.bool_)  # (B,V)
        sentences, tokens = self._lexicon_entries(source)
        is_candidate[sentences, tokens] = True
        is_candidate[:, self.always] = True
        is_candidate[:, [PAD, EOS, *forbidden]] = False
        for sentence, forbidden_tokens in enumerate(forbidden_of):
            is_candidate[sentence, list(forbidden_tokens)] = False
        for sentence, required_tokens in enumerate(required):
            is_candidate[sentence, list(required_tokens)] = True
        # 2. Write the marked tokens of each sentence side by side, from column 1 on.
        sentences, tokens = is_candidate.nonzero()
        counts = is_candidate.sum(axis=1)  # (B,)
        first_entries = counts.cumsum() - counts
        ranks = np.arange(len(tokens)) - first_entries[sentences]
        width = _round_up(int(counts.max()) + 1)
        candidates = np.full((len(source), width), PAD, dtype=np.int64)
        candidates[:, 0] = EOS
        candidates[sentences, ranks + 1] = tokens
        return candidates

    def _lexicon_entries(self, source: Integers) -> tuple[Integers, Integers]:
        """Looks up source (B,S). Returns the sentence and the target token of each entry, (L,)."""
        source_size = len(self.starts) - 1
        positions = source.flatten() % source_size  # (B*S,), the tokens without their case
        starts = self.starts[positions]
        counts = self.starts[positions + 1] - starts
        # Entry i of a position is tokens[start + i].
        first_entries = counts.cumsum() - counts
        ranks = np.arange(counts.sum()) - first_entries.repeat(counts)
        tokens = self.tokens[starts.repeat(counts) + ranks]
        sentences = np.arange(len(positions)) // source.shape[1]
        return sentences.repeat(counts), tokens

    def coverage(
        self, source: Sequence[Sequence[int]], target: Sequence[Sequence[int]]
    ) -> tuple[float, float]:
        """Measures the shortlist on sentence pairs, given as IDs without </s>.

        Returns:
            The mean number of candidates of a sentence, and the share of the target tokens that
            are candidates of their sentence.
        """
        candidate_count = 0
        covered_count = 0
        token_count = 0
        for source_tokens, target_tokens in zip(source, target, strict=True):
            row = self.candidates(np.array([[*source_tokens, EOS]]))[0]
            candidates = set(row.tolist()) - {PAD}
            candidate_count += len(candidates)
            covered_count += sum(token in candidates for token in target_tokens)
            token_count += len(target_tokens)
        return candidate_count / max(len(source), 1), covered_count / max(token_count, 1)

    def arrays(self) -> dict[str, NDArray[np.int32]]:
        """Returns the content of shortlist.safetensors."""
        arrays = {}
        for name, attribute in _TENSOR_NAMES.items():
            arrays[name] = getattr(self, attribute).astype(np.int32)
        return arrays

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, NDArray[np.generic]], *, source_size: int, target_size: int
    ) -> "Shortlist":
        """Builds a shortlist from the content of shortlist.safetensors.

        Raises:
            UserError: the shortlist is damaged or was made for other vocabularies.
        """
        values = {}
        for name, attribute in _TENSOR_NAMES.items():
            values[attribute] = arrays.get(name, np.zeros(0)).astype(np.int64)
        if len(values["starts"]) != source_size + 1:
            raise _does_not_fit()
        return cls(**values, target_size=target_size)


def build_shortlist(
    source: Sequence[Sequence[int]],
    target: Sequence[Sequence[int]],
    *,
    source_size: int,
    target_size: int,
    always: Sequence[int],
    identical: Sequence[tuple[int, int]] = (),
    best: int = 50,
    frequent: int = 100,
) -> Shortlist:
    """Learns a shortlist from a training corpus.

    Args:
        source: source sentences as source IDs. Their case is ignored.
        target: target sentences as tokens. target[n] translates source[n].
        source_size: tokens of the source vocabulary.
        target_size: tokens of the target vocabulary.
        always: target tokens that every sentence may contain.
        identical: source tokens, each with a target token of the same text. A name stays as it is.
        best: how many translations of each source token to keep, the most probable ones. The
            same number of tokens that no source token explains is allowed in every sentence.
        frequent: how many of the most frequent target tokens to allow in every sentence.
    """
    lexicon = train_lexicon(source, target, source_size=source_size, target_size=target_size)
    source_tokens, target_tokens = _most_probable(lexicon, best)
    unexplained = target_tokens[source_tokens == lexicon.null]
    is_source_token = source_tokens < source_size
    source_tokens = source_tokens[is_source_token]
    target_tokens = target_tokens[is_source_token]
    if identical:
        source_tokens = np.concatenate([source_tokens, [token for token, _ in identical]])
        target_tokens = np.concatenate([target_tokens, [token for _, token in identical]])
    # One number for each pair, so that `unique` sorts by source token and then by target token.
    pairs = np.unique(source_tokens * target_size + target_tokens)
    starts = np.searchsorted(pairs // target_size, np.arange(source_size + 1))
    most_frequent = _most_frequent(target, target_size, frequent)
    always_tokens = [most_frequent, unexplained, np.asarray(always, dtype=np.int64)]
    return Shortlist(
        starts=starts,
        tokens=pairs % target_size,
        always=np.unique(np.concatenate(always_tokens)),
        target_size=target_size,
    )


def _most_probable(lexicon: Lexicon, count: int) -> tuple[Integers, Integers]:
    """Returns (source token, target token) of the `count` best entries of each source token."""
    order = np.lexsort((-lexicon.probability, lexicon.source))  # by source, the best first
    source_tokens = lexicon.source[order]
    target_tokens = lexicon.target[order]
    first_entries = np.searchsorted(source_tokens, source_tokens)
    ranks = np.arange(len(order)) - first_entries
    return source_tokens[ranks < count], target_tokens[ranks < count]


def _most_frequent(sentences: Sequence[Sequence[int]], size: int, count: int) -> Integers:
    if not len(sentences):
        return np.zeros(0, dtype=np.int64)
    tokens = np.concatenate([np.asarray(sentence, dtype=np.int64) for sentence in sentences])
    frequencies = np.bincount(tokens, minlength=size)
    return frequencies.argsort(kind="stable")[::-1][:count]


def _round_up(width: int) -> int:
    return -(-width // _PAD_TO_MULTIPLE_OF) * _PAD_TO_MULTIPLE_OF


def _does_not_fit() -> UserError:
    return UserError(
        "shortlist.safetensors of the run does not fit its vocabulary. "
        "Delete it, or export the run again."
    )
