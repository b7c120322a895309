"""Search steps of a batch with ONNX Runtime. The number of rows may change in every step.

Legend
    B  sentences
    S  source tokens
    N  rows (open hypotheses)
    V  target vocabulary
    C  candidates: the tokens that a shortlist allows in one sentence
"""

from collections.abc import Sequence

import numpy as np
from onnxruntime import OrtValue

from seq2seq.decoding.beam_layout import BeamLayout
from seq2seq.decoding.engine import Floats, Integers
from seq2seq.decoding.engines.onnx_decoder import (
    ATTENTION,
    BEST_COLUMNS,
    BEST_VALUES,
    LOG_PROBS,
    MEMORY,
    NEXT_STATE,
    STATE,
    Array,
    Decoder,
    Tensors,
    as_value,
)
from seq2seq.decoding.engines.top_tokens import TopTokens

_MINUS_INFINITY = np.float32("-inf")


class BatchDecoding:
    """A batch that is being translated, with one hypothesis for each sentence at first."""

    def __init__(
        self,
        decoder: Decoder,
        encoded: Tensors,
        *,
        never: Sequence[int],
        candidates: Integers | None,
        keep_attention: bool,
        beam: int,
    ) -> None:
        """
        Args:
            decoder: computes a step.
            encoded: memory and first state.
            never: columns that no row may take, or the token that pads the candidates.
            candidates: (B,C) the only tokens that may come next, or None.
            keep_attention: whether steps return attention weights.
            beam: the largest number of rows of a sentence.
        """
        self._decoder = decoder
        self._output_names = [LOG_PROBS, *decoder.state_names]
        if candidates is None:
            self._output_names += [BEST_VALUES, BEST_COLUMNS]
        if keep_attention and ATTENTION in decoder.shapes:
            self._output_names.append(ATTENTION)
        self._binding = decoder.session.io_binding()
        self._tensors: Tensors = {}
        for name, value in encoded.items():
            self._bind(name, value)
        self._is_never = decoder.is_never(never) if len(never) else None
        self._padding = never[0] if len(never) else None
        self._candidates = candidates
        rows = next(iter(encoded.values())).shape()[0]
        self._is_selected = False
        self._set_layout(BeamLayout(np.ones(rows, dtype=np.int64)))
        # Among candidates, the best tokens are found here, because the graph does not know them.
        count = 1 if candidates is not None else min(2 * beam, decoder.vocabulary)
        self._set("k", np.array([count]))

    def step(self, tokens: Integers) -> tuple[TopTokens, Floats | None]:
        """Reads the last token (N,) of every row. Returns what may come next, and the attention
        (N,S) if it was requested and the model has any."""
        self._set("token", tokens)
        if not self._is_selected:
            self._set("parents", np.arange(len(tokens)))
        # Outputs that are bound once would be written over while the next step reads them.
        self._binding.clear_binding_outputs()
        for name in self._output_names:
            self._binding.bind_output(name)
        self._decoder.session.run_with_iobinding(self._binding)
        values = self._binding.get_outputs()
        outputs = dict(zip(self._output_names, values, strict=True))
        for name in self._decoder.state_names:
            self._bind(STATE + name.removeprefix(NEXT_STATE), outputs[name])
        self._is_selected = False
        attention = outputs[ATTENTION].numpy() if ATTENTION in outputs else None
        return self._next_tokens(outputs), attention

    def _next_tokens(self, outputs: Tensors) -> TopTokens:
        log_probs: Floats = outputs[LOG_PROBS].numpy()  # (N,V)
        if self._candidates is not None:
            return TopTokens(self._of_candidates(log_probs), self._layout)
        values = outputs[BEST_VALUES].numpy()
        columns = outputs[BEST_COLUMNS].numpy()
        return TopTokens(log_probs, self._layout, values, columns, is_never=self._is_never)

    def _of_candidates(self, log_probs: Floats) -> Floats:
        """Returns the log-probabilities among the candidates: (N,V) -> (N,C)."""
        assert self._candidates is not None
        candidates = self._candidates[self._layout.sentence_of_row]  # (N,C)
        chosen = np.take_along_axis(log_probs, candidates, axis=1)
        # Padding takes no share of the probability.
        chosen[candidates == self._padding] = _MINUS_INFINITY
        chosen -= chosen.max(axis=1, keepdims=True)
        chosen -= np.log(np.exp(chosen).sum(axis=1, keepdims=True))
        return chosen

    def select(self, rows: Integers, sentences: Integers | None, layout: BeamLayout) -> None:
        """Keeps some of the rows of the last step, in any order. They may repeat.

        Args:
            rows: which ones.
            sentences: which rows of memory stay. None: all.
            layout: which of the new rows belong to which sentence.
        """
        self._set("parents", rows)
        self._is_selected = True
        # In the middle of a search, most layouts are as before.
        if layout is not self._layout:
            self._set_layout(layout)
        if sentences is None:
            return
        if self._candidates is not None:
            self._candidates = self._candidates[sentences]
        for name, value in list(self._tensors.items()):
            if name.startswith(MEMORY):
                self._set(name, value.numpy()[sentences])

    def _set_layout(self, layout: BeamLayout) -> None:
        self._layout = layout
        self._set("slots", layout.slots)
        self._set("row_numbers", layout.row_numbers)

    def _set(self, name: str, array: Array) -> None:
        self._bind(name, as_value(array))

    def _bind(self, name: str, value: OrtValue) -> None:
        """Makes a tensor an input of the next steps, if they read it."""
        if name in self._decoder.input_names:
            self._tensors[name] = value
            self._binding.bind_ortvalue_input(name, value)
