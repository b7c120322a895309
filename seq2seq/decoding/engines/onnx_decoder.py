"""The graph of a step: the names of its inputs and outputs.

Legend
    N  rows (open hypotheses)
    V  target vocabulary
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from onnxruntime import InferenceSession, OrtValue

from seq2seq.decoding.engine import Booleans

Tensors = dict[str, OrtValue]
Array = NDArray[np.generic]

MEMORY = "memory."
"""Begins the names of what decoding needs of the source."""
STATE = "state."
"""Begins the names of the state that a step reads."""
NEXT_STATE = "next_state."
"""Begins the names of the state that a step returns."""

LOG_PROBS = "log_probs"
BEST_VALUES = "top_values"
BEST_COLUMNS = "top_columns"
ATTENTION = "attention"

_TYPES: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
}


class Decoder:
    """decoder.onnx, and what its inputs and outputs look like."""

    def __init__(self, session: InferenceSession) -> None:
        self.session = session
        self.input_names = {given.name for given in session.get_inputs()}
        outputs = session.get_outputs()
        self.shapes: dict[str, list[int | str]] = {value.name: value.shape for value in outputs}
        self.types = {value.name: _TYPES.get(value.type) for value in outputs}
        self.vocabulary = int(self.shapes[LOG_PROBS][1])
        self.state_names = [name for name in self.shapes if name.startswith(NEXT_STATE)]

    def is_never(self, never: Sequence[int]) -> Booleans:
        """Returns which columns may not come next, (V)."""
        mask = np.zeros(self.vocabulary, dtype=np.bool_)
        mask[list(never)] = True
        return mask


def as_value(array: Array) -> OrtValue:
    """Hands an array to ONNX Runtime, without a copy if it is contiguous."""
    return OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array))
