"""Search steps of one sentence with ONNX Runtime, on tensors that stay where they are.

To hand a tensor to ONNX Runtime takes microseconds, and so does a small product. With few rows, a
step of a batch spends a third of its time so. Here every tensor is handed over once. A step always
computes as many rows as the beam has; those that are not open repeat the first one.

Legend
    S  source tokens
    N  rows (open hypotheses)
    K  beam size
    V  target vocabulary
"""

from collections.abc import Sequence

import numpy as np
from onnxruntime import IOBinding

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
    Decoder,
    Tensors,
    as_value,
)
from seq2seq.decoding.engines.top_tokens import TopTokens

_MOST_ROWS = 8
"""With more rows, those that are not open cost more than is won."""


class SentenceDecoding:
    """One sentence that is being translated; see `engine.Decoding`."""

    @staticmethod
    def fits(decoder: Decoder, sentences: int, beam: int) -> bool:
        """Whether a batch can be decoded so: a sentence, few rows, a state that does not grow."""
        if sentences != 1 or beam > _MOST_ROWS:
            return False
        return all(
            decoder.types[name] is not None
            and all(isinstance(size, int) for size in decoder.shapes[name][1:])
            for name in decoder.state_names
        )

    def __init__(
        self,
        decoder: Decoder,
        encoded: Tensors,
        *,
        never: Sequence[int],
        source_tokens: int | None,
        beam: int,
    ) -> None:
        """
        Args:
            decoder: computes a step.
            encoded: memory and first state.
            never: columns that no row may take.
            source_tokens: S, if steps return attention weights.
            beam: K.
        """
        self._session = decoder.session
        self._is_never = decoder.is_never(never) if len(never) else None
        self._layout = BeamLayout(np.ones(1, dtype=np.int64))
        self._rows = np.arange(beam)
        # ONNX Runtime reads and writes these arrays themselves.
        self._token = np.zeros(beam, dtype=np.int64)
        self._parents = np.zeros(beam, dtype=np.int64)
        count = min(2 * beam, decoder.vocabulary)
        self._log_probs = np.empty((beam, decoder.vocabulary), dtype=np.float32)
        self._values = np.empty((beam, count), dtype=np.float32)
        self._columns = np.empty((beam, count), dtype=np.int64)
        inputs: Tensors = {
            "token": as_value(self._token),
            "parents": as_value(self._parents),
            "row_numbers": as_value(self._rows[None]),
            "slots": as_value(self._rows),
            "k": as_value(np.array([count])),
            **{name: value for name, value in encoded.items() if name.startswith(MEMORY)},
        }
        outputs: Tensors = {
            LOG_PROBS: as_value(self._log_probs),
            BEST_VALUES: as_value(self._values),
            BEST_COLUMNS: as_value(self._columns),
        }
        self._attention: Floats | None = None
        if source_tokens is not None and ATTENTION in decoder.shapes:
            self._attention = np.empty((beam, source_tokens), dtype=np.float32)
            outputs[ATTENTION] = as_value(self._attention)
        # A step reads one of these states and writes the other. Only the first one reads neither.
        states = [_new_state(decoder, beam), _new_state(decoder, beam)]
        first = {name: value for name, value in encoded.items() if name.startswith(STATE)}
        self._bindings = [
            _bind(decoder, inputs | first, outputs | _written(states[0])),
            _bind(decoder, inputs | states[0], outputs | _written(states[1])),
        ]
        self._after_first: Tensors | None = states[1]

    def step(self, tokens: Integers) -> tuple[TopTokens, Floats | None]:
        rows = len(tokens)
        self._token[:rows] = tokens
        self._token[rows:] = tokens[0]
        binding = self._bindings[0]
        self._session.run_with_iobinding(binding)
        if self._after_first is not None:
            for name, value in self._after_first.items():
                binding.bind_ortvalue_input(name, value)
            self._after_first = None
        self._bindings.reverse()
        self._parents[:] = self._rows
        attention = None if self._attention is None else self._attention[:rows].copy()
        next_tokens = TopTokens(
            self._log_probs[:rows],
            self._layout,
            self._values[:rows],
            self._columns[:rows],
            is_never=self._is_never,
        )
        return next_tokens, attention

    def select(self, rows: Integers, sentences: Integers | None, layout: BeamLayout) -> None:
        self._layout = layout
        if len(rows):
            self._parents[: len(rows)] = rows
            self._parents[len(rows) :] = rows[0]


def _new_state(decoder: Decoder, rows: int) -> Tensors:
    """Returns room for a state, under the names of the inputs."""
    state: Tensors = {}
    for name in decoder.state_names:
        shape = (rows, *map(int, decoder.shapes[name][1:]))
        array = np.zeros(shape, dtype=decoder.types[name])
        state[STATE + name.removeprefix(NEXT_STATE)] = as_value(array)
    return state


def _written(state: Tensors) -> Tensors:
    """Returns a state under the names of the outputs."""
    return {NEXT_STATE + name.removeprefix(STATE): value for name, value in state.items()}


def _bind(decoder: Decoder, inputs: Tensors, outputs: Tensors) -> IOBinding:
    binding = decoder.session.io_binding()
    for name, value in inputs.items():
        if name in decoder.input_names:
            binding.bind_ortvalue_input(name, value)
    for name, value in outputs.items():
        binding.bind_ortvalue_output(name, value)
    return binding
