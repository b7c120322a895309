"""An engine that needs no torch: ONNX Runtime computes the graphs of an exported folder.

`encoder.onnx` reads a batch of sentences. `decoder.onnx` computes one step: it first takes the rows
of the state that go on, then predicts the next token of each, and finds the best ones. Memory and
state stay in ONNX Runtime between the steps. export/onnx.py writes both, and documents their inputs
and outputs.

Legend
    B  sentences
    S  source tokens
    V  target vocabulary
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import onnxruntime
from onnxruntime import InferenceSession

from seq2seq.decoding.engine import Booleans, Integers
from seq2seq.decoding.engines.onnx_batch import BatchDecoding
from seq2seq.decoding.engines.onnx_decoder import Decoder, as_value
from seq2seq.decoding.engines.onnx_sentence import SentenceDecoding
from seq2seq.errors import UserError

FORMAT = "1"
"""The version of the graphs' inputs and outputs that this engine knows."""

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
        beam: int,
    ) -> BatchDecoding | SentenceDecoding:
        inputs = {"source": as_value(source), "source_mask": as_value(source_mask)}
        names = [output.name for output in self.encoder.get_outputs()]
        values = self.encoder.run_with_ort_values(names, inputs)
        encoded = dict(zip(names, values, strict=True))
        decoder = Decoder(self.decoder)
        if SentenceDecoding.fits(decoder, len(source), beam) and candidates is None:
            return SentenceDecoding(
                decoder,
                encoded,
                never=never,
                source_tokens=source.shape[1] if keep_attention else None,
                beam=beam,
            )
        return BatchDecoding(
            decoder,
            encoded,
            never=never,
            candidates=candidates,
            keep_attention=keep_attention,
            beam=beam,
        )

    def translating(self) -> AbstractContextManager[None]:
        return nullcontext()

    def use_one_thread(self) -> None:
        """Does nothing: the sessions have their threads."""


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
