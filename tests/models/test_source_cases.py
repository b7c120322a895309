"""Source tokens with case, in each family and with each kind of tied embeddings.

Legend: B sentences, S source tokens, T target tokens, V source vocabulary, K cases.
"""

from pathlib import Path

import pytest
import torch
from tiny_models import TINY
from torch import Tensor
from torch.nn import functional

from seq2seq.config.model import FAMILY_CONFIGS, Tying
from seq2seq.models import FAMILIES, Decoded, Seq2Seq, VocabularySizes, build
from seq2seq.models.layers.prepack import can_prepack, prepack
from seq2seq.models.quantization import dequantize, quantize
from seq2seq.models.weights import load_into, load_weights, save_weights

PAD = 0
VOCABULARY = 11
CASES = 3
LENGTHS = torch.tensor([7, 3, 1, 5])
SOURCE_MASK = torch.arange(7) < LENGTHS.unsqueeze(1)  # (B,S)

each_family = pytest.mark.parametrize("family", FAMILIES)
each_tying = pytest.mark.parametrize("tying", ["all", "target", "none"])


def source_size(tying: Tying) -> int:
    """Without a shared matrix, the vocabularies may have different sizes."""
    return VOCABULARY if tying == "all" else VOCABULARY - 2


def make_model(family: str, tying: Tying = "all", *, cases: int = CASES, seed: int = 3) -> Seq2Seq:
    """Builds a model in eval mode. The embeddings of its cases are 0."""
    torch.manual_seed(seed)
    config = FAMILY_CONFIGS[family](**{**TINY[family], "tie_embeddings": tying})
    sizes = VocabularySizes(source=source_size(tying), target=VOCABULARY, source_cases=cases)
    return build(config, sizes).eval()


def tokens_of(model: Seq2Seq) -> Tensor:
    return model.get_parameter("source_embedding.tokens.weight")


def set_random_cases(model: Seq2Seq) -> None:
    with torch.no_grad():
        model.get_parameter("source_embedding.cases").normal_()


def example_source() -> Tensor:
    """Returns source IDs (B,S) of case 0, which every vocabulary here has."""
    random = torch.Generator().manual_seed(1)
    source = torch.randint(4, VOCABULARY - 2, (4, 7), generator=random)
    return source.masked_fill(~SOURCE_MASK, PAD)


def run(model: Seq2Seq, source: Tensor) -> Decoded:
    random = torch.Generator().manual_seed(2)
    target_in = torch.randint(4, VOCABULARY, (4, 5), generator=random)
    decoded: Decoded = model(source, SOURCE_MASK, target_in)
    return decoded


def loss(model: Seq2Seq, source: Tensor) -> Tensor:
    logits = run(model, source).logits  # (B,T,V)
    target_out = torch.arange(20) % VOCABULARY
    return functional.cross_entropy(logits.flatten(0, 1), target_out)


# -- What a case does ------------------------------------------------------------------------------


@torch.no_grad()
@each_family
@each_tying
@pytest.mark.parametrize("case", [1, 2])
def test_a_case_changes_its_own_sentence_only(family: str, tying: Tying, case: int) -> None:
    model = make_model(family, tying).double()
    set_random_cases(model)
    source = example_source()
    before = run(model, source).logits
    cased = source.clone()
    cased[0, 2] += case * source_size(tying)
    after = run(model, cased).logits
    assert not torch.allclose(after[0], before[0], atol=1e-4)
    assert torch.allclose(after[1:], before[1:], atol=1e-9)


@torch.no_grad()
@each_family
def test_the_cases_differ(family: str) -> None:
    model = make_model(family)
    set_random_cases(model)
    source = example_source()
    logits = [run(model, source + case * VOCABULARY * SOURCE_MASK).logits for case in range(CASES)]
    assert not torch.allclose(logits[1], logits[2], atol=1e-4)
    assert not torch.allclose(logits[0], logits[2], atol=1e-4)


@torch.no_grad()
@each_family
def test_before_training_a_case_has_no_effect(family: str) -> None:
    model = make_model(family)
    source = example_source()
    assert torch.equal(
        run(model, source + 2 * VOCABULARY * SOURCE_MASK).logits, run(model, source).logits
    )


@torch.no_grad()
@each_family
def test_an_id_of_a_case_that_the_model_lacks_is_an_error(family: str) -> None:
    source = example_source()
    source[0, 0] = CASES * VOCABULARY
    with pytest.raises(IndexError):
        run(make_model(family), source)


# -- Compared with a model without cases -----------------------------------------------------------


@each_family
@each_tying
def test_case_0_trains_like_a_model_without_cases(family: str, tying: Tying) -> None:
    model = make_model(family, tying).train()
    plain = make_model(family, tying, cases=1).train()
    set_random_cases(model)
    source = example_source()
    for each in (model, plain):
        torch.manual_seed(0)
        loss(each, source).backward()
    gradients = gradients_without_cases(model)
    expected = gradients_without_cases(plain)
    assert gradients.keys() == expected.keys()
    for name, gradient in expected.items():
        assert torch.equal(gradients[name], gradient), name


def gradients_without_cases(model: Seq2Seq) -> dict[str, Tensor]:
    gradients = {}
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        if name != "source_embedding.cases":
            gradients[name.replace("embedding.tokens.", "embedding.")] = parameter.grad
    return gradients


@each_family
@each_tying
def test_cases_add_one_parameter(family: str, tying: Tying) -> None:
    model = make_model(family, tying)
    size = tokens_of(model).shape[1]
    assert model.get_parameter("source_embedding.cases").shape == (CASES - 1, size)
    count = len(list(make_model(family, tying, cases=1).parameters()))
    assert len(list(model.parameters())) == count + 1


@each_family
@each_tying
def test_without_cases_the_names_stay(family: str, tying: Tying) -> None:
    model = make_model(family, tying, cases=1)
    embeddings = [name for name in model.state_dict() if "embedding" in name]
    assert embeddings == ["target_embedding.weight", "source_embedding.weight"]


def test_tied_embeddings_stay_tied() -> None:
    model = make_model("lstm", "all")
    target = model.get_parameter("target_embedding.weight")
    assert tokens_of(model) is target
    assert model.get_parameter("output") is target


# -- Training --------------------------------------------------------------------------------------


@each_family
@each_tying
def test_each_case_that_occurs_gets_a_gradient(family: str, tying: Tying) -> None:
    model = make_model(family, tying).train()
    source = example_source()
    source[1, 1] += 2 * source_size(tying)
    loss(model, source).backward()
    gradient = model.get_parameter("source_embedding.cases").grad
    assert gradient is not None
    assert gradient.any(1).tolist() == [False, True]
    assert tokens_of(model).grad is not None


def test_the_gradient_of_a_case_tells_how_the_loss_changes() -> None:
    model = make_model("gru", "none").double()
    source = example_source()
    source[0] += source_size("none")
    loss(model, source).backward()
    gradient = model.get_parameter("source_embedding.cases").grad
    assert gradient is not None
    step = 1e-3  # attention weights are float32 even in a double precision model
    with torch.no_grad():
        before = loss(model, source)
        model.get_parameter("source_embedding.cases").add_(step * gradient)
        rise = loss(model, source) - before
    assert float(rise / step) == pytest.approx(float(gradient.square().sum()), rel=1e-2)


# -- Files and products ----------------------------------------------------------------------------


@torch.no_grad()
@each_family
@each_tying
def test_weights_are_read_as_they_were_saved(family: str, tying: Tying, tmp_path: Path) -> None:
    saved = make_model(family, tying)
    set_random_cases(saved)
    path = tmp_path / "model.safetensors"
    save_weights(path, dict(saved.named_parameters()))
    loaded = make_model(family, tying, seed=4)
    load_into(loaded, load_weights(path), path)
    cased = example_source() + source_size(tying) * SOURCE_MASK
    assert torch.equal(run(loaded, cased).logits, run(saved, cased).logits)


def test_cases_survive_quantization() -> None:
    cases = torch.tensor([[0.5, -1.27, 0.0], [0.0, 0.0, 0.0]])
    restored = dequantize(quantize({"source_embedding.cases": cases}, "int8"))
    assert torch.allclose(restored["source_embedding.cases"], cases, atol=1e-6)


@pytest.mark.skipif(
    not can_prepack(torch.device("cpu"), "float32"), reason="this CPU cannot prepack"
)
@torch.no_grad()
@each_family
def test_a_prepacked_model_reads_cases(family: str) -> None:
    plain = make_model(family)
    set_random_cases(plain)
    prepacked = make_model(family)
    prepacked.load_state_dict(plain.state_dict())
    prepack(prepacked, "float32")
    cased = example_source() + VOCABULARY * SOURCE_MASK
    memory = plain.encode(cased, SOURCE_MASK)
    prepacked_memory = prepacked.encode(cased, SOURCE_MASK)
    token = torch.tensor([4, 5, 6, 7])
    expected, _ = plain.step(memory, plain.start(memory), token)
    step, _ = prepacked.step(prepacked_memory, prepacked.start(prepacked_memory), token)
    assert torch.allclose(step.logits, expected.logits, atol=1e-4, rtol=1e-4)
