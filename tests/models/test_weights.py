"""Files of weights: read as they were written, refused when they are damaged or do not fit."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from seq2seq.config.model import LSTMConfig
from seq2seq.errors import UserError
from seq2seq.models import VocabularySizes
from seq2seq.models.lstm import LSTM
from seq2seq.models.weights import load_into, load_weights, mean_weights, save_weights


def make_model(seed: int = 0, **settings: Any) -> LSTM:
    torch.manual_seed(seed)
    config = LSTMConfig(**({"embedding_size": 6, "hidden_size": 8} | settings))
    return LSTM(config, VocabularySizes(source=11, target=11))


def copy_weights(model: nn.Module) -> dict[str, Tensor]:
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def same_weights(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    if first.keys() != second.keys():
        return False
    return all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize("tie", ["all", "target", "none"])
def test_weights_are_read_as_they_were_saved(tie: str, path: Path) -> None:
    saved = make_model(1, tie_embeddings=tie).eval()
    loaded = make_model(2, tie_embeddings=tie).eval()
    assert not same_weights(copy_weights(saved), copy_weights(loaded))
    save_weights(path, dict(saved.state_dict()))
    load_into(loaded, load_weights(path), path)
    assert same_weights(copy_weights(saved), copy_weights(loaded))
    source = torch.tensor([[4, 5, 3]])
    logits = saved(source, source > 0, source).logits
    assert torch.equal(loaded(source, source > 0, source).logits, logits)


@pytest.mark.parametrize(("tie", "matrices"), [("all", 1), ("target", 2), ("none", 3)])
def test_shared_weights_are_saved_once(tie: str, matrices: int, path: Path) -> None:
    # state_dict names shared tensors several times.
    save_weights(path, dict(make_model(tie_embeddings=tie).state_dict()))
    shapes = [tensor.shape for tensor in load_file(path).values()]
    assert shapes.count((11, 6)) == matrices


def test_shared_weights_stay_shared(path: Path) -> None:
    save_weights(path, dict(make_model(1).state_dict()))
    model = make_model(2)
    load_into(model, load_weights(path), path)
    assert model.output.data_ptr() == model.target_embedding.weight.data_ptr()


def test_saving_leaves_no_other_file(path: Path) -> None:
    save_weights(path, copy_weights(make_model()))
    assert list(path.parent.iterdir()) == [path]


def test_a_missing_weight_is_reported(path: Path) -> None:
    weights = copy_weights(make_model())
    del weights["output_bias"]
    with pytest.raises(UserError, match=r"does not fit .*: no match for output_bias"):
        load_into(make_model(), weights, path)


def test_an_unknown_weight_is_reported(path: Path) -> None:
    weights = copy_weights(make_model()) | {"extra": torch.zeros(1)}
    with pytest.raises(UserError, match=r"does not fit .*: no match for extra"):
        load_into(make_model(), weights, path)


def test_a_weight_of_another_size_is_reported(path: Path) -> None:
    weights = copy_weights(make_model()) | {"output_bias": torch.zeros(12)}
    with pytest.raises(UserError, match=r"does not fit .*size mismatch for output_bias"):
        load_into(make_model(), weights, path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_reported(value: float, path: Path) -> None:
    weights = copy_weights(make_model()) | {"output_bias": torch.full((11,), value)}
    with pytest.raises(UserError, match="output_bias contains NaN or inf"):
        load_into(make_model(), weights, path)


def test_separate_embeddings_are_not_filled_from_a_shared_one(path: Path) -> None:
    shared = make_model(tie_embeddings="all")
    separate = make_model(tie_embeddings="none")
    with pytest.raises(UserError, match="no match for"):
        load_into(separate, copy_weights(shared), path)


def test_a_missing_file_is_reported(path: Path) -> None:
    with pytest.raises(UserError, match=r"model\.safetensors is missing"):
        load_weights(path)


@pytest.mark.parametrize("part", [0.0, 0.5, 0.99])
def test_a_truncated_file_is_reported(part: float, path: Path) -> None:
    save_weights(path, copy_weights(make_model()))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(UserError, match=r"model\.safetensors is damaged"):
        load_weights(path)


def test_a_file_of_another_kind_is_reported(path: Path) -> None:
    path.write_bytes(b"nonsense")
    with pytest.raises(UserError, match=r"model\.safetensors is damaged"):
        load_weights(path)


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (OSError(errno.ENOSPC, "No space left"), UserError),
        (OSError(errno.EFBIG, "File too large"), UserError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_a_write_that_fails_leaves_the_old_file(
    error: BaseException,
    raised: type[BaseException],
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weights = copy_weights(make_model(1))
    save_weights(path, weights)

    def fail(descriptor: int) -> None:
        raise error

    monkeypatch.setattr("seq2seq.files.os.fsync", fail)
    with pytest.raises(raised):
        save_weights(path, copy_weights(make_model(2)))
    assert same_weights(load_weights(path), weights)
    assert list(path.parent.iterdir()) == [path]


def test_mean_of_weights(tmp_path: Path) -> None:
    paths = []
    for value in (1.0, 2.0, 6.0):
        path = tmp_path / f"{value}.safetensors"
        save_file({"a": torch.tensor([value, -value]), "b": torch.tensor([1e8 + value])}, path)
        paths.append(path)
    mean = mean_weights(paths, LSTM)
    assert mean["a"].tolist() == [3.0, -3.0]
    assert mean["a"].dtype == torch.float32
    assert mean_weights(paths[:1], LSTM)["a"].tolist() == [1.0, -1.0]


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_the_file_has_the_usual_permissions(path: Path) -> None:
    previous_umask = os.umask(0o022)
    try:
        save_weights(path, {"a": torch.ones(2)})
    finally:
        os.umask(previous_umask)
    assert path.stat().st_mode & 0o777 == 0o644
