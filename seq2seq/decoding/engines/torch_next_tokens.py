"""Finds the best next tokens of each sentence's hypotheses without normalizing or sorting the
whole vocabulary.

A search step has more logits than fit into the CPU's cache. The three usual passes over them
(log-softmax, add the score of the hypothesis, top-k) take as long as the matrix product that made
them. Here the logits are read twice: for the maximum of each group of columns, and for the sum of
exponentials. The K best next tokens of a sentence are in the K groups with the largest maxima, so
only these groups are searched.

Legend
    N  rows (open hypotheses)
    B  sentences
    W  the largest number of rows that a sentence has
    C  columns of the logits: one for each token that may come next
    F  forbidden columns
    G  groups of columns; column c is in group c % G
    M  columns of a group, rounded up
    K  next tokens to find for each sentence
    R  rows of one call
    A  heirs of a row
"""

import torch
from torch import Tensor

from seq2seq.decoding.engine import MINUS_INFINITY, Floats, Indices, Integers
from seq2seq.decoding.engines.torch_layout import TensorLayout

# Up to this many logits, sorting all of them is faster than the calls that avoid it.
_SMALL = 64_000

# The number of logits that are converted to float32 and exponentiated at a time. They take 0.5 MB
# and so stay in the cache.
_CHUNK = 128_000


class TorchNextTokens:
    """The log-probabilities of the next token of every row; see `engine.NextTokens`."""

    def __init__(
        self, logits: Tensor, layout: TensorLayout, forbidden: Tensor | None = None
    ) -> None:
        """Reads the logits and overwrites them.

        Args:
            logits: (N,C) in any floating-point format.
            layout: which rows belong to which sentence.
            forbidden: (F,) columns that may not come next, unless they are allowed.
        """
        if forbidden is None:
            forbidden = torch.zeros(0, dtype=torch.int64, device=logits.device)
        columns = logits.shape[1]
        self._layout = layout
        self._forbidden = forbidden
        # Rows and columns of logits that have changed since the maxima were found.
        self._changed: list[tuple[Tensor, Tensor]] = []
        if logits.numel() <= _SMALL:
            # Normalize at once. Every column is its own group.
            log_probs = torch.log_softmax(logits.float(), dim=1)
            self._forbidden_logits = log_probs.index_select(1, forbidden)  # (N,F)
            self._logits = log_probs.index_fill_(1, forbidden, MINUS_INFINITY)
            self._log_sum_exp = self._logits.new_zeros(len(logits))
            self._groups = columns
            self._maxima = self._logits
            return
        self._logits = logits
        # With sqrt(C) groups there are about as many groups as columns in a group. Both are
        # searched once.
        self._groups = max(1, round(columns**0.5))
        self._forbidden_logits = logits.index_select(1, forbidden)  # (N,F)
        logits.index_fill_(1, forbidden, MINUS_INFINITY)
        self._maxima = self._group_maxima(logits)
        self._log_sum_exp = self._normalizer()

    @torch.inference_mode()
    def exclude(self, rows: Indices, columns: Indices) -> None:
        index = (self._tensor(rows), self._tensor(columns))
        self._logits[index] = MINUS_INFINITY
        self._changed.append(index)

    @torch.inference_mode()
    def exclude_all_but(self, rows: Indices, columns: Indices) -> None:
        index = (self._tensor(rows), self._tensor(columns))
        logits = self._logits[index]
        self._maxima[index[0]] = MINUS_INFINITY
        self._logits[index[0]] = MINUS_INFINITY
        self._logits[index] = logits
        self._changed.append(index)

    @torch.inference_mode()
    def allow(self, rows: Indices, columns: Indices) -> None:
        row_numbers = self._tensor(rows)  # (R,)
        column_numbers = self._tensor(columns)  # (R,)
        is_forbidden = column_numbers.unsqueeze(1) == self._forbidden  # (R,F)
        found, ranks = is_forbidden.nonzero(as_tuple=True)
        index = (row_numbers[found], column_numbers[found])
        self._logits[index] = self._forbidden_logits[index[0], ranks]
        self._changed.append(index)

    @torch.inference_mode()
    def pass_on(self, rows: Integers, column: int, heirs: Integers) -> None:
        row_numbers = self._tensor(rows)  # (R,)
        columns = self._tensor(heirs)  # (R,A)
        logits, ranks = self._logits[row_numbers.unsqueeze(1), columns].max(1)  # (R,)
        best = columns.gather(1, ranks.unsqueeze(1)).squeeze(1)  # (R,)
        passed_on = self._logits[row_numbers, column]
        self._logits[row_numbers, best] = torch.maximum(logits, passed_on)
        self._logits[row_numbers, column] = MINUS_INFINITY
        self._changed.append((row_numbers, best))
        self._changed.append((row_numbers, torch.full_like(best, column)))

    @torch.inference_mode()
    def best(self, scores: Floats, count: int) -> tuple[Floats, Integers, Integers]:
        log_probs = torch.from_numpy(scores).to(self._logits.device)
        best, rows, columns = self._best(log_probs, count)
        return best.cpu().numpy(), rows.cpu().numpy(), columns.cpu().numpy()

    def _best(self, scores: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """`best`, of tensors."""
        layout = self._layout
        self._update_maxima()
        columns = self._logits.shape[1]
        row_scores = scores - self._log_sum_exp

        # 1. Find the groups with the largest maxima.
        row_maxima = self._maxima.float() + row_scores.unsqueeze(1)  # (N,G)
        maxima = layout.group(row_maxima, MINUS_INFINITY).flatten(1)  # (B,W*G)
        group_maxima, positions = maxima.topk(min(count, maxima.shape[1]), dim=1)  # (B,K)
        slots = positions // self._groups
        rows = layout.row_numbers(positions.device).gather(1, slots)  # (B,K)
        groups = positions % self._groups
        if self._groups == columns:
            return group_maxima, rows, groups

        # 2. Read the columns of these groups. A maximum of -inf means that its row does not exist
        #    or that nothing is left in it.
        group_columns, exists = self._columns_of(groups)  # (B,K,M)
        exists &= (group_maxima > MINUS_INFINITY).unsqueeze(2)
        positions = rows.unsqueeze(2) * columns + group_columns  # in the flat logits
        logits = self._logits.flatten().index_select(0, positions.flatten())
        totals = logits.float().view(positions.shape) + row_scores[rows].unsqueeze(2)
        totals = totals.masked_fill_(~exists, MINUS_INFINITY).flatten(1)  # (B,K*M)

        # 3. Take the best of them.
        best, positions = totals.topk(min(count, totals.shape[1]), dim=1)  # (B,K)
        best_rows = rows.gather(1, positions // group_columns.shape[2])
        best_columns = group_columns.flatten(1).gather(1, positions)
        return best, best_rows, best_columns

    def _group_maxima(self, logits: Tensor) -> Tensor:
        """Returns the maximum of each group: logits (N,C) -> (N,G)."""
        full, rest = divmod(logits.shape[1], self._groups)
        end = full * self._groups
        maxima = logits[:, :end].unflatten(1, (full, self._groups)).amax(1)  # (N,full,G) -> (N,G)
        if rest:
            maxima[:, :rest] = torch.maximum(maxima[:, :rest], logits[:, end:])
        return maxima

    def _update_maxima(self) -> None:
        """Finds the maxima again of the groups in which a logit has changed."""
        if self._maxima is self._logits or not self._changed:
            return
        rows = torch.cat([rows for rows, _ in self._changed])  # (R,)
        columns = torch.cat([columns for _, columns in self._changed])
        groups = columns % self._groups  # (R,)
        group_columns, exists = self._columns_of(groups)  # (R,M)
        logits = self._logits[rows.unsqueeze(1), group_columns]
        self._maxima[rows, groups] = logits.masked_fill_(~exists, MINUS_INFINITY).amax(1)

    def _columns_of(self, groups: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the columns of groups (...), and which of them exist: (...,M) each.

        They are group, group + G, group + 2G, ... The last groups have a column less.
        """
        columns = self._logits.shape[1]
        group_size = -(-columns // self._groups)
        offsets = torch.arange(group_size, device=groups.device) * self._groups  # (M,)
        group_columns = groups.unsqueeze(-1) + offsets  # (...,M)
        return group_columns.clamp(max=columns - 1), group_columns < columns

    def _tensor(self, indices: Indices) -> Tensor:
        return torch.as_tensor(indices, dtype=torch.int64, device=self._logits.device)

    def _normalizer(self) -> Tensor:
        """Returns the log of the sum of exponentials of each row, (N,) float32.

        The forbidden logits, which have been overwritten with -inf, count.
        """
        forbidden_logits = self._forbidden_logits
        maxima = torch.cat([self._maxima, forbidden_logits], dim=1)
        largest = maxima.amax(1, keepdim=True).float()  # (N,1)
        sums = (forbidden_logits - largest).exp_().sum(1)
        rows, columns = self._logits.shape
        chunk_rows = rows if self._logits.is_cuda else max(1, _CHUNK // columns)
        for start in range(0, rows, chunk_rows):
            chunk = slice(start, start + chunk_rows)
            sums[chunk] += (self._logits[chunk] - largest[chunk]).exp_().sum(1)
        return sums.log_().add_(largest.squeeze(1))
