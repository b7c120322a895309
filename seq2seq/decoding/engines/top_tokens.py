"""The best next tokens of each sentence, from the best few of each row.

A graph returns the log-probabilities of all V tokens, and the best of each row with their columns.
Search almost never needs more than these. So they make a table, and what is excluded is struck
from it. The log-probabilities are edited in the same way. They are read again for a row of
which the table may have too little.

Legend
    N  rows (open hypotheses)
    B  sentences
    W  the largest number of rows that a sentence has
    V  columns: one for each token that may come next
    E  entries of the table for each row
    K  next tokens to find for each sentence
    R  rows of one call
    A  heirs of a row
"""

import numpy as np

from seq2seq.decoding.beam_layout import BeamLayout
from seq2seq.decoding.engine import Booleans, Floats, Indices, Integers

_MINUS_INFINITY = np.float32("-inf")


class TopTokens:
    """The log-probabilities of the next token of every row; see `engine.NextTokens`."""

    def __init__(
        self,
        log_probs: Floats,
        layout: BeamLayout,
        values: Floats | None = None,
        columns: Integers | None = None,
        *,
        is_never: Booleans | None = None,
    ) -> None:
        """
        Args:
            log_probs: (N,V). They are overwritten.
            layout: which rows belong to which sentence.
            values: (N,E) the largest log-probabilities of each row, best first. They are
                overwritten. None if they are not known yet.
            columns: (N,E) their columns.
            is_never: (V,) columns that may not come next, unless they are allowed.
        """
        rows, width = log_probs.shape
        self._log_probs = log_probs
        self._layout = layout
        if values is None or columns is None:
            values = np.empty((rows, 0), dtype=np.float32)
            columns = np.empty((rows, 0), dtype=np.int64)
        self._values = values
        self._columns = columns
        # No column outside of the table has more than this, (N,).
        if 0 < values.shape[1] < width:
            self._bounds = values[:, -1].copy()
        else:
            bound = _MINUS_INFINITY if values.shape[1] else np.float32("inf")
            self._bounds = np.full(rows, bound)
        self._is_never = is_never
        self._allowed: list[tuple[Integers, Integers]] = []
        if is_never is not None:
            values[is_never[columns]] = _MINUS_INFINITY

    def exclude(self, rows: Indices, columns: Indices) -> None:
        row_numbers = np.asarray(rows, dtype=np.int64)
        column_numbers = np.asarray(columns, dtype=np.int64)
        self._log_probs[row_numbers, column_numbers] = _MINUS_INFINITY
        self._strike(row_numbers, column_numbers)

    def exclude_all_but(self, rows: Indices, columns: Indices) -> None:
        row_numbers = np.asarray(rows, dtype=np.int64)
        kept = self._log_probs[row_numbers, columns]
        self._log_probs[row_numbers] = _MINUS_INFINITY
        self._log_probs[row_numbers, columns] = kept
        # These rows are read again.
        self._values[row_numbers] = _MINUS_INFINITY
        self._bounds[row_numbers] = np.inf

    def allow(self, rows: Indices, columns: Indices) -> None:
        row_numbers = np.asarray(rows, dtype=np.int64)
        column_numbers = np.asarray(columns, dtype=np.int64)
        if self._is_never is None:
            return
        is_never = self._is_never[column_numbers]
        row_numbers = row_numbers[is_never]
        column_numbers = column_numbers[is_never]
        self._allowed.append((row_numbers, column_numbers))
        # A column that is not in the table is within the bound of its row.
        pairs, entries = self._entries_of(row_numbers, column_numbers)
        rows = row_numbers[pairs]
        self._values[rows, entries] = self._log_probs[rows, column_numbers[pairs]]

    def pass_on(self, rows: Indices, column: int, heirs: Integers) -> None:
        row_numbers = np.asarray(rows, dtype=np.int64)  # (R,)
        log_probs = self._log_probs[row_numbers[:, None], heirs]  # (R,A)
        ranks = log_probs.argmax(axis=1)[:, None]  # (R,1)
        best = np.take_along_axis(heirs, ranks, axis=1)[:, 0]  # (R,)
        largest = np.take_along_axis(log_probs, ranks, axis=1)[:, 0]
        inherited = np.maximum(largest, self._log_probs[row_numbers, column])
        self._log_probs[row_numbers, best] = inherited
        self._log_probs[row_numbers, column] = _MINUS_INFINITY
        self._strike(row_numbers, best)
        self._strike(row_numbers, np.full_like(best, column))
        values, columns = self._new_entries(1)
        values[row_numbers, 0] = inherited
        columns[row_numbers, 0] = best

    def best(self, scores: Floats, count: int) -> tuple[Floats, Integers, Integers]:
        best = self._best_entries(scores, count)
        found = best[0]
        missing = found.shape[1] < count
        least = np.full(len(found), _MINUS_INFINITY) if missing else found[:, -1]  # (B,)
        # The table misses something only where a column outside of it may be better.
        may_miss = self._bounds + scores > least[self._layout.sentence_of_row]  # (N,)
        rows = may_miss.nonzero()[0]
        if not len(rows):
            return best
        self._read_again(rows, count)
        return self._best_entries(scores, count)

    def _best_entries(self, scores: Floats, count: int) -> tuple[Floats, Integers, Integers]:
        """Returns what `best` does, for the entries of the table alone."""
        layout = self._layout
        entries = self._values.shape[1]
        row_numbers = layout.row_numbers  # (B,W)
        sentences, width = row_numbers.shape
        totals = self._values + scores[:, None]  # (N,E)
        if not layout.is_full:
            grouped = np.full((sentences * width, entries), _MINUS_INFINITY)
            grouped[layout.slots] = totals
            totals = grouped
        totals = totals.reshape(sentences, width * entries)
        # Stable, so that of equal ones the first row and its better column wins.
        positions = (-totals).argsort(axis=1, kind="stable")[:, :count]  # (B,K)
        numbers = np.arange(sentences)[:, None]  # (B,1)
        log_probs = totals[numbers, positions]
        if not entries:
            return log_probs, positions, positions
        rows = row_numbers[numbers, positions // entries]
        return log_probs, rows, self._columns[rows, positions % entries]

    def _strike(self, rows: Integers, columns: Integers) -> None:
        """Removes column `columns[i]` of row `rows[i]` from the table."""
        pairs, entries = self._entries_of(rows, columns)
        self._values[rows[pairs], entries] = _MINUS_INFINITY

    def _entries_of(self, rows: Integers, columns: Integers) -> tuple[Integers, Integers]:
        """Finds columns in the table. Returns the i for which column `columns[i]` of row `rows[i]`
        is there, and its entry."""
        pairs, entries = (self._columns[rows] == columns[:, None]).nonzero()
        return pairs, entries

    def _new_entries(self, count: int) -> tuple[Floats, Integers]:
        """Adds `count` empty entries to every row. Returns their values and columns, (N,count)."""
        rows, entries = self._values.shape
        empty = np.full((rows, count), _MINUS_INFINITY)
        self._values = np.concatenate([self._values, empty], axis=1)
        self._columns = np.concatenate([self._columns, np.zeros((rows, count), np.int64)], axis=1)
        return self._values[:, entries:], self._columns[:, entries:]

    def _read_again(self, rows: Integers, count: int) -> None:
        """Replaces the entries of rows by the `count` best of all of their columns."""
        log_probs = self._log_probs[rows]  # (R,V)
        width = log_probs.shape[1]
        if self._is_never is not None:
            is_out = np.broadcast_to(self._is_never, log_probs.shape).copy()
            for allowed_rows, allowed_columns in self._allowed:
                numbers, positions = (rows[:, None] == allowed_rows).nonzero()
                is_out[numbers, allowed_columns[positions]] = False
            log_probs[is_out] = _MINUS_INFINITY
        count = min(count, width)
        if self._values.shape[1] < count:
            self._new_entries(count - self._values.shape[1])
        if count < width:
            columns = log_probs.argpartition(width - count, axis=1)[:, width - count :]
            columns.sort(axis=1)  # so that the first of equal ones wins
        else:
            columns = np.tile(np.arange(width), (len(rows), 1))
        values = np.take_along_axis(log_probs, columns, axis=1)
        self._values[rows] = _MINUS_INFINITY
        self._values[rows, :count] = values
        self._columns[rows, :count] = columns
        self._bounds[rows] = values.min(axis=1) if count < width else _MINUS_INFINITY
