"""An engine that needs no torch: ONNX Runtime computes the graphs of an exported folder.

`encoder.onnx` reads a batch of sentences. `decoder.onnx` computes one step: it first takes the rows
of the state that go on, then predicts the next token of each, and finds the best ones. Memory and
state stay in ONNX Runtime between the steps. export/onnx.py writes both, and documents their inputs
and outputs.

Legend
    B  sentences
    S  source tokens
    N  rows (open hypotheses)
    V  target vocabulary
    C  candidates: the tokens that a shortlist allows in one sentence
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime import InferenceSession, OrtValue

from seq2seq.decoding.beam_layout import BeamLayout
from seq2seq.decoding.engine import Booleans, Floats, Integers
from seq2seq.decoding.engines.top_tokens import TopTokens
from seq2seq.errors import UserError

Tensors = dict[str, OrtValue]

MEMORY = "memory."
"""Begins the names of what decoding needs of the source."""
STATE = "state."
"""Begins the names of the state that a step reads."""
NEXT_STATE = "next_state."
"""Begins the names of the state that a step returns."""

_LOG_PROBS = "log_probs"
_BEST_VALUES = "top_values"
_BEST_COLUMNS = "top_columns"
_ATTENTION = "attention"

FORMAT = "1"
"""The version of the graphs' inputs and outputs that this engine knows."""

_MINUS_INFINITY = np.float32("-inf")
_ERRORS_ONLY = 3


class OnnxEngine:
    """An exported model; see `engine.Engine`. Several threads may use it at the same time."""

    def __init__(
        self, encoder: InferenceSession, decoder: InferenceSession, workers: int = 1
    ) -> None:
        self.encoder = encoder
        self.decoder = decoder
        self.workers = workers
        self.weight_format = decoder.get_modelmeta().custom_metadata_map.get("weights", "float32")

    def start(
        self,
        source: Integers,
        source_mask: Booleans,
        *,
        never: Sequence[int],
        candidates: Integers | None,
        keep_attention: bool,
        best: int,
    ) -> "OnnxDecoding":
        inputs = {"source": _value(source), "source_mask": _value(source_mask)}
        names = [output.name for output in self.encoder.get_outputs()]
        values = self.encoder.run_with_ort_values(names, inputs)
        return OnnxDecoding(
            self.decoder,
            dict(zip(names, values, strict=True)),
            never=np.array(never, dtype=np.int64),
            candidates=candidates,
            keep_attention=keep_attention,
            best=best,
        )

    def translating(self) -> AbstractContextManager[None]:
        return nullcontext()

    def use_one_thread(self) -> None:
        """Does nothing: the sessions have their threads."""


class OnnxDecoding:
    """A batch that is being translated, with one hypothesis for each sentence at first."""

    def __init__(
        self,
        decoder: InferenceSession,
        encoded: Tensors,
        *,
        never: Integers,
        candidates: Integers | None,
        keep_attention: bool,
        best: int,
    ) -> None:
        """
        Args:
            decoder: computes a step.
            encoded: memory and first state.
            never: columns that no row may take, or the token that pads the candidates.
            candidates: (B,C) the only tokens that may come next, or None.
            keep_attention: whether steps return attention weights.
            best: how many next tokens of each row the graph finds.
        """
        self._decoder = decoder
        self._input_names = {given.name for given in decoder.get_inputs()}
        shapes = {output.name: output.shape for output in decoder.get_outputs()}
        output_names = list(shapes)
        vocabulary: int = shapes[_LOG_PROBS][1]
        self._state_names = [name for name in output_names if name.startswith(NEXT_STATE)]
        self._output_names = [_LOG_PROBS, *self._state_names]
        if candidates is None:
            self._output_names += [_BEST_VALUES, _BEST_COLUMNS]
        if keep_attention and _ATTENTION in output_names:
            self._output_names.append(_ATTENTION)
        self._binding = decoder.io_binding()
        self._tensors: Tensors = {}
        for name, value in encoded.items():
            self._bind(name, value)
        self._is_never: Booleans | None = None
        if len(never):
            self._is_never = np.zeros(vocabulary, dtype=np.bool_)
            self._is_never[never] = True
        self._padding = never[0] if len(never) else None
        self._candidates = candidates
        rows = next(iter(encoded.values())).shape()[0]
        numbers = np.arange(rows)
        self._is_selected = False
        self._set_layout(BeamLayout(np.ones_like(numbers)))
        # Among candidates, the best tokens are found here, because the graph does not know them.
        count = 1 if candidates is not None else min(best, vocabulary)
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
        self._decoder.run_with_iobinding(self._binding)
        values = self._binding.get_outputs()
        outputs = dict(zip(self._output_names, values, strict=True))
        for name in self._state_names:
            self._bind(STATE + name.removeprefix(NEXT_STATE), outputs[name])
        self._is_selected = False
        attention = outputs[_ATTENTION].numpy() if _ATTENTION in outputs else None
        return self._next_tokens(outputs), attention

    def _next_tokens(self, outputs: Tensors) -> TopTokens:
        log_probs: Floats = outputs[_LOG_PROBS].numpy()  # (N,V)
        if self._candidates is not None:
            return TopTokens(self._of_candidates(log_probs), self._layout)
        values = outputs[_BEST_VALUES].numpy()
        columns = outputs[_BEST_COLUMNS].numpy()
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

    def _set(self, name: str, array: NDArray[np.generic]) -> None:
        self._bind(name, _value(array))

    def _bind(self, name: str, value: OrtValue) -> None:
        """Makes a tensor an input of the next steps, if they read it."""
        if name in self._input_names:
            self._tensors[name] = value
            self._binding.bind_ortvalue_input(name, value)


def load_engine(encoder: Path, decoder: Path, *, threads: int, workers: int = 1) -> OnnxEngine:
    """Loads the graphs of an exported folder.

    Args:
        encoder: encoder.onnx.
        decoder: decoder.onnx.
        threads: how many threads compute one step.
        workers: how many batches are searched at the same time.

    Raises:
        UserError: a file is missing, damaged, or of another version.
    """
    return OnnxEngine(_session(encoder, threads), _session(decoder, threads), workers)


def _session(path: Path, threads: int) -> InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    # On a shared machine, threads that spin while they wait slow everything down.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if not path.is_file():
        raise UserError(f"{path} is missing. Export the run again.")
    try:
        session = InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no nearer base class in common
        raise UserError(f"{path} is damaged ({error}). Export the run again.") from None
    written = session.get_modelmeta().custom_metadata_map.get("format", FORMAT)
    if written != FORMAT:
        raise UserError(f"{path} has format {written}, but {FORMAT} is needed. Export it again.")
    return session


def _value(array: NDArray[np.generic]) -> OrtValue:
    """Hands an array to ONNX Runtime, without a copy if it is contiguous."""
    return OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array))
