"""A model as two ONNX graphs, which any program with an ONNX runtime can run.

`encoder.onnx` reads the source once:

    inputs     source (B,S) int64, source_mask (B,S) bool, true at tokens
    outputs    memory.*  what decoding needs of the source; dimension 0 is the sentence
               state.*   the state before the first target token, B rows

`decoder.onnx` is one step of search:

    inputs     token (N,) int64         the last token of each hypothesis
               parents (N,) int64       the row of `state.*` that each hypothesis continues
               row_numbers (B,W) int64  the rows of each sentence, any row in empty places
               slots (N,) int64         where each row is in the flat `row_numbers`
               k (1,) int64             how many of the best tokens to return, at most V
               memory.*                 as from the encoder
               state.*                  as from the encoder, or `next_state.*` of the step before
    outputs    log_probs (N,V) float32
               top_values (N,k) float32, best first, and top_columns (N,k) int64
               attention (N,S) float32  if the model has attention
               next_state.*             N rows

The outputs that stand for a state are named and ordered like the inputs. Each file contains each of
its weights once. Both use the operators of opset 18 and no others.

Legend: B sentences, S source tokens, W largest number of rows of a sentence, N rows, V vocabulary.
"""

import importlib.util
from pathlib import Path

from seq2seq.errors import UserError
from seq2seq.models import Seq2Seq
from seq2seq.onnx_folder import OnnxFolder

_NEEDED = ("onnx", "onnxscript")


def export_onnx(model: Seq2Seq, folder: Path, *, int8: bool) -> None:
    """Writes the two graphs of a model or an ensemble into an existing folder.

    Args:
        model: not prepacked. It stays as it is.
        folder: gets `encoder.onnx` and `decoder.onnx`.
        int8: whether matrices are stored and multiplied as 8-bit integers.

    Raises:
        UserError: the packages for it are not installed.
    """
    require_onnx()
    from seq2seq.export.onnx_bounds import bounds_of_graphs
    from seq2seq.export.onnx_int8 import quantize_weights
    from seq2seq.export.onnx_saving import save, simplify
    from seq2seq.export.onnx_tracing import Graphs

    graphs = Graphs(model)
    decoder, memory_names = graphs.decoder()
    encoder = graphs.encoder(memory_names)
    for graph in (encoder, decoder):
        simplify(graph)
    if int8:
        bounds = bounds_of_graphs(encoder, decoder)
        for graph in (encoder, decoder):
            quantize_weights(graph, bounds)
    files = OnnxFolder(folder)
    weights = "int8" if int8 else "float32"
    save(encoder, files.encoder_file, weights=weights)
    save(decoder, files.decoder_file, weights=weights)


def require_onnx() -> None:
    """
    Raises:
        UserError: a package that the export needs is not installed.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            f"Export to ONNX needs the packages {' and '.join(missing)}, which are not installed. "
            "Install them: pip install 'seq2seq[onnx]'"
        )
