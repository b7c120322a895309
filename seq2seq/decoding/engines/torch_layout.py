"""The layout of a beam (beam_layout.py) as models read it: with tensors.

Legend
    B  sentences
    W  width: the largest number of rows that a sentence has
    N  rows of all sentences, at most B * W
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from seq2seq.decoding.beam_layout import BeamLayout


@dataclass(frozen=True)
class TensorLayout:
    """Assigns N rows to B sentences.

    Attributes:
        sentences: B.
        width: W.
        slots: (N,) int64. If row n is the k-th row of sentence b, then `slots[n]` is b * W + k.
            None if every sentence has exactly W rows, so that row n has slot n.
    """

    sentences: int
    width: int
    slots: Tensor | None = None

    @classmethod
    def of(cls, layout: BeamLayout, device: torch.device) -> "TensorLayout":
        """Copies a layout to a device."""
        slots = None if layout.is_full else torch.from_numpy(layout.slots).to(device)
        return cls(layout.sentences, layout.width, slots)

    def group(self, rows: Tensor, fill: float = 0.0) -> Tensor:
        """Groups rows (N,...) by sentence: (B,W,...). Empty slots hold `fill`."""
        if self.slots is None:
            return rows.unflatten(0, (self.sentences, self.width))
        grouped = rows.new_full((self.sentences * self.width, *rows.shape[1:]), fill)
        grouped.index_copy_(0, self.slots, rows)
        return grouped.unflatten(0, (self.sentences, self.width))

    def ungroup(self, grouped: Tensor) -> Tensor:
        """Undoes `group`: (B,W,...) -> (N,...)."""
        flat = grouped.flatten(0, 1)  # (B*W,...)
        if self.slots is None:
            return flat
        return flat.index_select(0, self.slots)

    def expand(self, sentences: Tensor) -> Tensor:
        """Gives every row the entry of its sentence: (B,...) -> (N,...)."""
        if self.slots is not None:
            return sentences.index_select(0, self.slots // self.width)
        if self.width == 1:
            return sentences
        return sentences.repeat_interleave(self.width, dim=0)

    def row_numbers(self, device: torch.device | None = None) -> Tensor:
        """Returns the number of the row in each slot, (B,W) int64. Empty slots hold 0."""
        if self.slots is None:
            numbers = torch.arange(self.sentences * self.width, device=device)
            return numbers.view(self.sentences, self.width)
        return self.group(torch.arange(len(self.slots), device=self.slots.device))
