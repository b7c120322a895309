"""The few target pieces that can matter for a sentence, so that the output layer, its softmax and the choice of the best
run over hundreds of pieces instead of the whole vocabulary (Jean et al. 2015, section 3.3; lexical shortlists as in
Devlin 2017).

Legend: B sentences, S source pieces, V vocabulary, C candidates.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from seq2seq.data.alignment import learn_lexicon
from seq2seq.data.tokenizer import EOS, PAD
from seq2seq.errors import UserError

_FILE = "shortlist.safetensors"

_MULTIPLE = 64
"""Candidates are padded to a multiple of this: the CPU library builds (and caches) one program per shape."""


@dataclass(frozen=True)
class Shortlist:
    """Source piece p may become pieces[begins[p] : begins[p + 1]]; every sentence may say `always`; V is `size`."""

    begins: Tensor
    pieces: Tensor
    always: Tensor
    size: int

    def __post_init__(self) -> None:
        # The file may come from a stranger.
        found = torch.cat([self.pieces, self.always])
        rising = bool((self.begins.diff() >= 0).all()) and int(self.begins[0]) == 0
        if (
            not rising
            or int(self.begins[-1]) != len(self.pieces)
            or not bool(((found >= 0) & (found < self.size)).all())
        ):
            raise UserError(f"{_FILE} of the run does not fit its vocabulary; delete it, or export the run again.")

    def candidates(self, source: Tensor, forbidden: Sequence[int] = ()) -> Tensor:
        """source (B,S) piece numbers, padding included -> (B,C) int64: what may be said of each sentence, </s> first,
        padded with PAD. A list for each: what a neighbour may say must not change a translation."""
        width = source.shape[1]
        begins, flat = self.begins, source.cpu().flatten()
        counts = begins[flat + 1] - begins[flat]
        # Entry e of the list of a source place stands at the list's begin + e.
        within = torch.arange(int(counts.sum())) - (counts.cumsum(0) - counts).repeat_interleave(counts)
        found = self.pieces[begins[flat].repeat_interleave(counts) + within]
        sentence = (torch.arange(len(flat)) // width).repeat_interleave(counts)
        own = torch.zeros(len(source), self.size, dtype=torch.bool)
        own[sentence, found] = True
        own[:, self.always] = True
        own[:, [PAD, EOS, *forbidden]] = False
        # A row of `own` -> its numbers, one after the other, from column 1 on.
        sentence, piece = own.nonzero().unbind(1)
        counts = own.sum(1)
        column = torch.arange(len(piece)) - (counts.cumsum(0) - counts)[sentence]
        padded = torch.full((len(source), -(-(int(counts.max()) + 1) // _MULTIPLE) * _MULTIPLE), PAD)
        padded[:, 0] = EOS
        padded[sentence, column + 1] = piece
        return padded

    def coverage(self, source: Sequence[Sequence[int]], target: Sequence[Sequence[int]]) -> tuple[float, float]:
        """Of these sentences: how many candidates each has on average, and the share of target pieces that are among
        those of their sentence."""
        sizes = found = total = 0
        for pieces, said in zip(source, target, strict=True):
            candidates = set(self.candidates(torch.tensor([[*pieces, EOS]]))[0].tolist()) - {PAD}
            sizes += len(candidates)
            found += sum(piece in candidates for piece in said)
            total += len(said)
        return sizes / max(len(source), 1), found / max(total, 1)

    def tensors(self) -> dict[str, Tensor]:
        """What a file holds."""
        return {name: getattr(self, name).to(torch.int32) for name in ("begins", "pieces", "always")}

    @classmethod
    def of_tensors(cls, tensors: dict[str, Tensor], *, source_size: int, target_size: int) -> "Shortlist":
        """What `tensors` gave. Raises UserError where it cannot be used with these vocabularies."""
        found = {name: tensors.get(name, torch.zeros(0)).long() for name in ("begins", "pieces", "always")}
        if len(found["begins"]) != source_size + 1:
            raise UserError(f"{_FILE} of the run does not fit its vocabulary; delete it, or export the run again.")
        return cls(**found, size=target_size)


def build_shortlist(
    source: Sequence[Sequence[int]],
    target: Sequence[Sequence[int]],
    *,
    source_size: int,
    target_size: int,
    always: Sequence[int],
    identical: bool,
    best: int = 50,
    frequent: int = 100,
) -> Shortlist:
    """From the pieces of a training corpus: for each source piece its `best` likeliest target pieces, and for every
    sentence `always`, the `frequent` most frequent ones, and the `best` that no source piece says. With `identical`
    (one vocabulary for both sides) a source piece may also become itself, as names do."""
    lexicon = learn_lexicon(source, target, source_size=source_size, target_size=target_size)
    order = np.lexsort((-lexicon.probability, lexicon.source))
    by_source, by_target = lexicon.source[order], lexicon.target[order]
    rank = np.arange(len(order)) - np.searchsorted(by_source, by_source)  # among those of the same source piece
    by_source, by_target = by_source[rank < best], by_target[rank < best]
    unsaid = by_target[by_source == lexicon.nothing]
    by_source, by_target = (column[by_source < source_size] for column in (by_source, by_target))
    if identical:
        by_source, by_target = (np.concatenate([column, np.arange(source_size)]) for column in (by_source, by_target))
    pairs = np.unique(by_source * target_size + by_target)
    flat = np.concatenate([np.asarray(row, dtype=np.int64) for row in target]) if len(target) else np.zeros(0, np.int64)
    often = np.bincount(flat, minlength=target_size).argsort(kind="stable")[::-1][:frequent]
    return Shortlist(
        begins=torch.from_numpy(np.searchsorted(pairs // target_size, np.arange(source_size + 1))),
        pieces=torch.from_numpy(pairs % target_size),
        always=torch.from_numpy(np.unique(np.concatenate([often, unsaid, np.asarray(always, dtype=np.int64)]))),
        size=target_size,
    )
