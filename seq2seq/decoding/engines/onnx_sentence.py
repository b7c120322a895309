"""Search steps of one sentence with ONNX Runtime, on tensors that stay where they are.

To hand a tensor to ONNX Runtime takes microseconds, and so does a small product. With few rows, a
step of a batch spends a third of its time so. Here every tensor is handed over once for each number
of rows. What a step reads and writes are the first rows of arrays that have room for the whole
beam.

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
    Array,
    Decoder,
    Tensors,
    as_value,
)
from seq2seq.decoding.engines.top_tokens import TopTokens

_MOST_ROWS = 8
"""A larger beam has a new number of rows in most steps, so nothing would be won."""


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
        self._decoder = decoder
        self._is_never = decoder.is_never(never) if len(never) else None
        self._layout = BeamLayout(np.ones(1, dtype=np.int64))
        count = min(2 * beam, decoder.vocabulary)
        # ONNX Runtime reads and writes these arrays themselves.
        self._numbers = np.arange(beam)
        self._token = np.zeros(beam, dtype=np.int64)
        self._parents = np.zeros(beam, dtype=np.int64)
        self._log_probs = np.empty((beam, decoder.vocabulary), dtype=np.float32)
        self._values = np.empty((beam, count), dtype=np.float32)
        self._columns = np.empty((beam, count), dtype=np.int64)
        self._attention: Floats | None = None
        self._outputs: dict[str, Array] = {
            LOG_PROBS: self._log_probs,
            BEST_VALUES: self._values,
            BEST_COLUMNS: self._columns,
        }
        if source_tokens is not None and ATTENTION in decoder.shapes:
            self._attention = np.empty((beam, source_tokens), dtype=np.float32)
            self._outputs[ATTENTION] = self._attention
        self._inputs: Tensors = {
            "k": as_value(np.array([count])),
            **{name: value for name, value in encoded.items() if name.startswith(MEMORY)},
        }
        # A step reads one of these states and writes the other. Only the first one reads neither.
        self._first = {name: value for name, value in encoded.items() if name.startswith(STATE)}
        self._states = [_new_state(decoder, beam), _new_state(decoder, beam)]
        self._turn = 0
        self._bindings: dict[tuple[int, int], IOBinding] = {}
        """Number of rows, and which of the states is read -> everything that a step needs."""

    def step(self, tokens: Integers) -> tuple[TopTokens, Floats | None]:
        rows = len(tokens)
        self._token[:rows] = tokens
        self._decoder.session.run_with_iobinding(self._binding(rows))
        self._turn = 1 - self._turn
        self._parents[:] = self._numbers
        next_tokens = TopTokens(
            self._log_probs[:rows],
            self._layout,
            self._values[:rows],
            self._columns[:rows],
            is_never=self._is_never,
        )
        # The next step writes over the attention, but search keeps it.
        attention = None if self._attention is None else self._attention[:rows].copy()
        return next_tokens, attention

    def select(self, rows: Integers, sentences: Integers | None, layout: BeamLayout) -> None:
        self._layout = layout
        self._parents[: len(rows)] = rows

    def _binding(self, rows: int) -> IOBinding:
        if self._first:
            first, self._first = self._first, {}
            return self._bind(rows, first)
        key = (rows, self._turn)
        if key not in self._bindings:
            state = {name: as_value(array) for name, array in self._states[self._turn].items()}
            self._bindings[key] = self._bind(rows, state)
        return self._bindings[key]

    def _bind(self, rows: int, state: Tensors) -> IOBinding:
        """Binds a state with any number of rows, and the first `rows` of everything else."""
        inputs: Tensors = {
            "token": as_value(self._token[:rows]),
            "parents": as_value(self._parents[:rows]),
            "row_numbers": as_value(self._numbers[None, :rows]),
            "slots": as_value(self._numbers[:rows]),
            **self._inputs,
            **state,
        }
        binding = self._decoder.session.io_binding()
        for name, value in inputs.items():
            if name in self._decoder.input_names:
                binding.bind_ortvalue_input(name, value)
        for name, array in self._outputs.items():
            binding.bind_ortvalue_output(name, as_value(array[:rows]))
        for name, array in self._states[1 - self._turn].items():
            output = NEXT_STATE + name.removeprefix(STATE)
            binding.bind_ortvalue_output(output, as_value(array[:rows]))
        return binding


def _new_state(decoder: Decoder, rows: int) -> dict[str, Array]:
    """Returns room for a state, under the names of the inputs."""
    state: dict[str, Array] = {}
    for name in decoder.state_names:
        shape = (rows, *map(int, decoder.shapes[name][1:]))
        state[STATE + name.removeprefix(NEXT_STATE)] = np.zeros(shape, dtype=decoder.types[name])
    return state
