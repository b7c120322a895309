"""ONNX graphs compute what the model computes, for each family and each of its settings.

Each model is exported once. Tracing sees 3 sentences of 5 tokens; the tests run other sizes.

Legend: B sentences, S source tokens, N rows, V vocabulary, W largest number of rows of a sentence.
"""

import copy
import functools
import importlib.util
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest
import torch
from models.test_contract import ALL_VARIANTS, Variant, build_variant, example_batch, tensors_of
from numpy.typing import NDArray
from tiny_models import TINY
from torch import Tensor

from seq2seq.config.model import FAMILY_CONFIGS
from seq2seq.decoding.ensemble import Ensemble
from seq2seq.errors import UserError
from seq2seq.export import onnx as onnx_export
from seq2seq.export.onnx import export_onnx
from seq2seq.export.onnx_tracing import named_tensors
from seq2seq.models import Rows, Seq2Seq, VocabularySizes, build
from seq2seq.models.lstm import LSTMLayer, LSTMState

Array = NDArray[Any]

# To export takes seconds. Together, these variants have each setting that changes a graph. With
# this variable set, all variants are exported.
VARIANTS_TO_EXPORT = [
    Variant("lstm", 7),  # general attention, input feeding, 3 layers
    Variant("lstm", 16),  # no residual
    Variant("rnn", 3),  # dot attention, input feeding
    Variant("gru", 11),  # additive attention, input feeding, separate matrices
    Variant("mingru", 13),  # no attention
    Variant("xlstm", 17),  # no layer normalization
    Variant("xlstm", 9),  # mLSTM layers in the decoder
    Variant("transformer", 1),
    Variant("mamba", 1),
]
if os.environ.get("SEQ2SEQ_EXPORT_ALL"):
    VARIANTS_TO_EXPORT = ALL_VARIANTS


def ensemble() -> Seq2Seq:
    """Different families, with attention and without."""
    members = [Variant("transformer", 0), Variant("lstm", 6), Variant("gru", 12)]
    return Ensemble([build_variant(member) for member in members])


def cased() -> Seq2Seq:
    """Source tokens have cases."""
    torch.manual_seed(3)
    config = FAMILY_CONFIGS["lstm"](**TINY["lstm"])
    model = build(config, VocabularySizes(source=11, target=11, source_cases=3)).eval()
    with torch.no_grad():
        model.get_parameter("source_embedding.cases").normal_()
    return model


MODELS: dict[str, Callable[[], Seq2Seq]] = {
    **{
        f"{variant.family}-{variant.number}": functools.partial(build_variant, variant)
        for variant in VARIANTS_TO_EXPORT
    },
    "ensemble": ensemble,
    "cased": cased,
}


@dataclass(frozen=True)
class Turn:
    """One step of search."""

    parents: list[int]
    sentences: list[int]
    """The sentence of each row."""
    row_numbers: list[list[int]]
    slots: list[int]


TURNS = [
    Turn([0, 1, 2, 3], [0, 1, 2, 3], [[0], [1], [2], [3]], [0, 1, 2, 3]),
    # Sentence 2 has no row.
    Turn(
        [0, 0, 0, 1, 3, 3],
        [0, 0, 0, 1, 3, 3],
        [[0, 1, 2], [3, 0, 0], [0, 0, 0], [4, 5, 0]],
        [0, 1, 2, 3, 9, 10],
    ),
    Turn([5, 2, 1], [3, 0, 0], [[1, 2], [0, 0], [0, 0], [0, 0]], [6, 0, 1]),
    Turn([1, 2], [0, 0], [[0, 1], [0, 0], [0, 0], [0, 0]], [0, 1]),
]


class Runner:
    """Runs the graphs of a folder as a search does."""

    def __init__(self, folder: Path) -> None:
        self.encoder = session(folder / "encoder.onnx")
        self.decoder = session(folder / "decoder.onnx")
        self.decoder_inputs = {value.name for value in self.decoder.get_inputs()}

    def encode(self, source: Tensor, mask: Tensor) -> dict[str, Array]:
        return run(self.encoder, {"source": source.numpy(), "source_mask": mask.numpy()})

    def step(
        self, encoded: dict[str, Array], turn: Turn, tokens: Tensor, k: int = 3
    ) -> dict[str, Array]:
        inputs = {
            "token": tokens.numpy(),
            "parents": np.array(turn.parents),
            "row_numbers": np.array(turn.row_numbers),
            "slots": np.array(turn.slots),
            "k": np.array([k]),
            **encoded,
        }
        return run(self.decoder, {name: inputs[name] for name in self.decoder_inputs})


def session(file: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def run(graph: onnxruntime.InferenceSession, inputs: dict[str, Array]) -> dict[str, Array]:
    names = [value.name for value in graph.get_outputs()]
    return dict(zip(names, graph.run(names, inputs), strict=True))


def next_states(outputs: dict[str, Array]) -> dict[str, Array]:
    """Returns the state of a step under the names of the inputs of the next one."""
    prefix = "next_"
    return {
        name.removeprefix(prefix): array
        for name, array in outputs.items()
        if name.startswith(prefix)
    }


def batch() -> tuple[Tensor, Tensor, list[Tensor]]:
    """Returns a source (4,7), its mask, and the tokens of each turn."""
    source, mask, _ = example_batch()
    random = torch.Generator().manual_seed(5)
    tokens = [torch.randint(4, 11, (len(turn.slots),), generator=random) for turn in TURNS]
    return source, mask, tokens


@torch.inference_mode()
def steps_of_torch(model: Seq2Seq) -> list[dict[str, Any]]:
    """The same turns by the model itself. Each row has a copy of the memory of its sentence."""
    source, mask, all_tokens = batch()
    encoded = model.encode(source, mask)
    state: Rows = model.start(encoded)
    results = []
    for turn, tokens in zip(TURNS, all_tokens, strict=True):
        memory = encoded.select(torch.tensor(turn.sentences))
        step, state = model.step(memory, state.select(torch.tensor(turn.parents)), tokens)
        results.append(
            {
                "log_probs": step.logits.log_softmax(-1),
                "attention": step.attention,
                "state": list(tensors_of(state)),
            }
        )
    return results


def steps_of_onnx(folder: Path) -> list[dict[str, Array]]:
    source, mask, all_tokens = batch()
    runner = Runner(folder)
    encoded = runner.encode(source, mask)
    results = []
    for turn, tokens in zip(TURNS, all_tokens, strict=True):
        outputs = runner.step(encoded, turn, tokens)
        encoded.update(next_states(outputs))
        results.append(outputs)
    return results


@dataclass(frozen=True)
class Exported:
    model: Seq2Seq
    folder: Path
    torch_steps: list[dict[str, Any]]
    onnx_steps: list[dict[str, Array]]


# One process tests a model, so that it is exported once.
ONE_EXPORT = [pytest.param(name, marks=pytest.mark.xdist_group(f"onnx-{name}")) for name in MODELS]


@pytest.fixture(scope="module", params=ONE_EXPORT)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    model = MODELS[request.param]().float()
    folder = tmp_path_factory.mktemp("onnx")
    export_onnx(model, folder, int8=False)
    return Exported(model, folder, steps_of_torch(model), steps_of_onnx(folder))


def test_steps_of_reordered_and_ragged_rows_are_those_of_the_model(exported: Exported) -> None:
    for expected, actual in zip(exported.torch_steps, exported.onnx_steps, strict=True):
        np.testing.assert_allclose(actual["log_probs"], expected["log_probs"], atol=1e-4)
        states = list(next_states(actual).values())
        for expected_state, state in zip(expected["state"], states, strict=True):
            np.testing.assert_allclose(state, expected_state, atol=1e-4)


def test_attention_is_that_of_the_model(exported: Exported) -> None:
    for expected, actual in zip(exported.torch_steps, exported.onnx_steps, strict=True):
        assert ("attention" in actual) == (expected["attention"] is not None)
        if "attention" in actual:
            np.testing.assert_allclose(actual["attention"], expected["attention"], atol=1e-5)


def test_top_tokens_are_the_best_ones(exported: Exported) -> None:
    for step in exported.onnx_steps:
        order = np.argsort(-step["log_probs"], axis=1, kind="stable")[:, :3]
        np.testing.assert_array_equal(step["top_columns"], order)
        best = np.take_along_axis(step["log_probs"], order, axis=1)
        np.testing.assert_array_equal(step["top_values"], best)


def test_graphs_have_no_dimension_of_the_example(exported: Exported) -> None:
    """One that tracing took for a constant would fail with other sizes, or be computed wrong."""
    for name in ("encoder.onnx", "decoder.onnx"):
        for value in session(exported.folder / name).get_inputs():
            assert value.name == "k" or isinstance(value.shape[0], str), value.name


def test_graphs_tell_nothing_about_this_machine(exported: Exported) -> None:
    here = str(Path(onnx_export.__file__).parent.parent.parent).encode()
    for file in exported.folder.iterdir():
        assert here not in file.read_bytes()


@torch.inference_mode()
def test_encoder_reads_longer_sentences_than_the_example(exported: Exported) -> None:
    source = torch.randint(4, 11, (2, 150), generator=torch.Generator().manual_seed(2))
    mask = torch.ones_like(source, dtype=torch.bool)
    exact = encode_by_torch(copy.deepcopy(exported.model).double(), source, mask)
    rounded = encode_by_torch(exported.model, source, mask)
    encoded = Runner(exported.folder).encode(source, mask)
    assert {name for name in exact if name.startswith("state.")} <= set(encoded)
    for name, array in encoded.items():
        # Some random models amplify rounding errors, those of torch too.
        errors = np.abs(rounded[name].double().numpy() - exact[name].double().numpy())
        allowed = 1e-4 + 2 * np.nan_to_num(errors).max(initial=0)
        np.testing.assert_allclose(array, exact[name], rtol=0, atol=allowed, err_msg=name)


def encode_by_torch(model: Seq2Seq, source: Tensor, mask: Tensor) -> dict[str, Tensor]:
    memory = model.encode(source, mask)
    tensors = dict(named_tensors(memory, "memory"))
    tensors.update(named_tensors(model.start(memory), "state"))
    return tensors


def test_graphs_have_standard_operators_in_one_file(exported: Exported) -> None:
    assert {file.name for file in exported.folder.iterdir()} == {"encoder.onnx", "decoder.onnx"}
    for file in exported.folder.iterdir():
        model = ir.load(file)
        assert model.opset_imports == {"": 18}
        assert not model.functions
        assert {node.domain for node in model.graph} == {""}
        assert model.metadata_props == {"format": "1", "weights": "float32"}


# -- Weights ---------------------------------------------------------------------------------------

TOKENS = 512
SIZE = 64


def large_enough(tying: str, family: str = "lstm") -> Seq2Seq:
    """A model whose matrices are large enough for int8."""
    torch.manual_seed(4)
    sizes = {"embedding_size": SIZE, "hidden_size": SIZE, "tie_embeddings": tying}
    config = FAMILY_CONFIGS[family](family=family, **sizes)
    return build(config, VocabularySizes(source=TOKENS, target=TOKENS)).eval()


@functools.cache
def sizes_of(tying: str, int8: bool) -> dict[str, int]:
    with tempfile.TemporaryDirectory() as folder:
        export_onnx(large_enough(tying), Path(folder), int8=int8)
        return {file.name: file.stat().st_size for file in Path(folder).iterdir()}


@pytest.mark.xdist_group("onnx-sizes")
@pytest.mark.parametrize("int8", [False, True])
def test_a_matrix_that_embeds_and_predicts_is_stored_once(int8: bool) -> None:
    matrix = TOKENS * SIZE * (1 if int8 else 4)
    separate = sizes_of("none", int8)["decoder.onnx"] - sizes_of("all", int8)["decoder.onnx"]
    assert separate == pytest.approx(matrix, rel=0.1)


def test_equal_members_of_an_ensemble_share_their_weights(tmp_path: Path) -> None:
    model = large_enough("all")
    one, two = tmp_path / "one", tmp_path / "two"
    for folder, exported in ((one, model), (two, Ensemble([model, copy.deepcopy(model)]))):
        folder.mkdir()
        export_onnx(exported, folder, int8=True)
        for name in ("encoder.onnx", "decoder.onnx"):
            onnxruntime.InferenceSession(str(folder / name))
    sizes = [(folder / "encoder.onnx").stat().st_size for folder in (one, two)]
    assert sizes[1] < 1.3 * sizes[0]


@pytest.mark.xdist_group("onnx-sizes")
def test_int8_takes_a_quarter_of_the_bytes() -> None:
    assert sum(sizes_of("all", True).values()) < 0.35 * sum(sizes_of("all", False).values())


@pytest.mark.parametrize("family", ["lstm", "gru", "mingru"])
def test_int8_predicts_nearly_the_same(family: str, tmp_path: Path) -> None:
    model = large_enough("all", family)
    export_onnx(model, tmp_path, int8=True)
    for expected, actual in zip(steps_of_torch(model), steps_of_onnx(tmp_path), strict=True):
        difference = np.abs(actual["log_probs"] - expected["log_probs"].numpy())
        assert 0 < difference.mean() < 0.02


def test_int8_rounds_a_sentence_alike_in_every_batch(tmp_path: Path) -> None:
    """A value is rounded by what it cannot exceed, not by what happens to be beside it."""
    export_onnx(large_enough("all"), tmp_path, int8=True)
    runner = Runner(tmp_path)
    source = torch.randint(4, TOKENS, (5, 9), generator=torch.Generator().manual_seed(6))
    mask = torch.ones_like(source, dtype=torch.bool)
    tokens = source[:, 0]
    rows = list(range(5))
    together = runner.step(
        runner.encode(source, mask), Turn(rows, rows, [[row] for row in rows], rows), tokens
    )
    for row in rows:
        encoded = runner.encode(source[row : row + 1], mask[row : row + 1])
        alone = runner.step(encoded, Turn([0], [0], [[0]], [0]), tokens[row : row + 1])
        np.testing.assert_allclose(
            alone["log_probs"][0], together["log_probs"][row], rtol=0, atol=1e-5
        )


def test_export_leaves_the_model_as_it_is(tmp_path: Path) -> None:
    model = large_enough("all")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    layers = str(model)
    export_onnx(model, tmp_path, int8=True)
    assert str(model) == layers
    after = model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_missing_packages_are_named_before_any_work(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"onnx and onnxscript.*pip install 'seq2seq\[onnx\]'"):
        export_onnx(large_enough("all"), tmp_path, int8=False)
    assert not list(tmp_path.iterdir())


def test_a_size_that_the_trace_takes_for_a_constant_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def initial_state(layer: LSTMLayer, hidden: Tensor) -> LSTMState:
        return LSTMState(hidden, hidden.new_zeros(len(hidden), hidden.shape[1]))

    monkeypatch.setattr(LSTMLayer, "initial_state", initial_state)
    with pytest.raises(RuntimeError, match=r"Dimensions \[0\] of source are constants"):
        export_onnx(large_enough("all"), tmp_path, int8=False)
