"""The best continuations of each sentence's hypotheses, without a pass that normalises or sorts rows x vocabulary.

Legend: N rows (open hypotheses), B sentences, W rows that a sentence has at most, V columns (pieces that may come next),
G groups of columns (column c belongs to group c % G), S columns of a group, K how many are wanted.

A search step has more logits than fit into the cache, and three passes over them (normalise, add, choose) take as long
as the products that made them. Here they are read twice: for the largest of each group, and for the sum of exponentials.
The K best continuations of a sentence lie in the K groups with the largest maxima, and only these are looked through.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from seq2seq.models.base import Askers

NEVER = float("-inf")

# Up to so many logits in all, sorting everything takes less time than the calls that avoid it.
_FEW = 64_000

# Numbers that are made float32 and exponentiated at once, so that they stay in the cache (0.5 MB).
_AT_ONCE = 128_000


class Continuations:
    """Of logits (N,V) in any float format: what may come next, and how probable it is. Overwrites the logits."""

    def __init__(self, logits: Tensor, forbidden: Tensor | None = None) -> None:
        """`forbidden` are columns that may not come in any row. Like all that is ruled out, they keep their share of the
        probability."""
        if forbidden is None:
            forbidden = torch.zeros(0, dtype=torch.int64, device=logits.device)
        if logits.numel() <= _FEW:
            self.logits = torch.log_softmax(logits.float(), dim=1).index_fill_(1, forbidden, NEVER)
            self.normaliser = self.logits.new_zeros(len(logits))
            self.groups, self.maxima = logits.shape[1], self.logits
            return
        self.logits = logits
        # As many groups as a group has columns, give or take: each of the two is gone through once.
        self.groups = max(1, round(logits.shape[1] ** 0.5))
        held = logits.index_select(1, forbidden)
        logits.index_fill_(1, forbidden, NEVER)
        self.maxima = self._largest(logits)
        self.normaliser = self._log_sum_exp(held)

    def rule_out(self, rows: Sequence[int], columns: Sequence[int]) -> None:
        """Column columns[i] for row rows[i]."""
        self.logits[list(rows), list(columns)] = NEVER
        self._look_again(list(rows))

    def allow_only(self, column: int, rows: Sequence[int]) -> None:
        """Nothing but this column for these rows."""
        chosen = list(rows)
        kept = self.logits[chosen, column]
        self.logits[chosen] = NEVER
        self.logits[chosen, column] = kept
        self._look_again(chosen)

    def best(self, scores: Tensor, askers: Askers, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """scores (N,) of the hypotheses, whose each is -> their log-probabilities with the next piece (B,K), best first,
        the rows (B,K) and the columns (B,K). K is `count`, or less where there are fewer columns; -inf where nothing is."""
        added = scores - self.normaliser
        # 1. The groups with the largest maxima.
        maxima = askers.spread(self.maxima.float() + added.unsqueeze(1), NEVER).flatten(1)  # (B,W*G)
        largest, places = maxima.topk(min(count, maxima.shape[1]), dim=1)
        rows = askers.rows(places.device).gather(1, places // self.groups)  # (B,K)
        if self.groups == self.logits.shape[1]:
            return largest, rows, places % self.groups
        # 2. Their columns: group, group + G, group + 2G, …
        strips = -(-self.logits.shape[1] // self.groups)
        offsets = torch.arange(strips, device=places.device) * self.groups
        columns = (places % self.groups).unsqueeze(2) + offsets  # (B,K,S)
        there = (columns < self.logits.shape[1]) & (largest > NEVER).unsqueeze(2)
        columns = columns.clamp(max=self.logits.shape[1] - 1)
        flat = rows.unsqueeze(2) * self.logits.shape[1] + columns
        totals = self.logits.flatten().index_select(0, flat.flatten()).float().view(flat.shape)
        totals = (totals + added[rows].unsqueeze(2)).masked_fill_(~there, NEVER).flatten(1)
        # 3. The best of these.
        best, found = totals.topk(min(count, totals.shape[1]), dim=1)
        return best, rows.gather(1, found // strips), columns.flatten(1).gather(1, found)

    def _largest(self, logits: Tensor) -> Tensor:
        """logits (N,V) -> the largest of each group, (N,G)."""
        strips, rest = divmod(logits.shape[1], self.groups)
        whole = strips * self.groups
        maxima = logits[:, :whole].unflatten(1, (strips, self.groups)).amax(1)
        if rest:
            maxima[:, :rest] = torch.maximum(maxima[:, :rest], logits[:, whole:])
        return maxima

    def _look_again(self, rows: list[int]) -> None:
        if self.groups < self.logits.shape[1]:
            self.maxima[rows] = self._largest(self.logits[rows])

    def _log_sum_exp(self, held: Tensor) -> Tensor:
        """Of the logits and those held back (N,F) -> (N,) float32."""
        largest = torch.cat([self.maxima, held], dim=1).amax(1, keepdim=True).float()
        sums = (held - largest).exp_().sum(1)
        rows = len(self.logits) if self.logits.is_cuda else max(1, _AT_ONCE // self.logits.shape[1])
        for start in range(0, len(self.logits), rows):
            part = slice(start, start + rows)
            sums[part] += (self.logits[part] - largest[part]).exp_().sum(1)
        return sums.log_().add_(largest.squeeze(1))
