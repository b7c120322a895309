"""Files of weights: the same again, shared memory once, the old file safe while the new one is written."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from seq2seq.errors import UserError
from seq2seq.models import LSTM, LSTMConfig, Vocabulary, build
from seq2seq.training import checkpoint


def model(seed: int = 0, **changes: Any) -> LSTM:
    torch.manual_seed(seed)
    config = LSTMConfig(**{"embedding_size": 6, "hidden_size": 8, **changes})
    built = build(config, Vocabulary(source=11, target=11))
    assert isinstance(built, LSTM)
    return built


def weights_of(module: nn.Module) -> dict[str, Tensor]:
    return {name: parameter.detach().clone() for name, parameter in module.named_parameters()}


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("tie", ["all", "target", "none"])
def test_weights_come_back(tie: str, tmp_path: Path) -> None:
    first, second = model(1, tie_embeddings=tie), model(2, tie_embeddings=tie)
    assert not equal(weights_of(first), weights_of(second))
    path = tmp_path / "model.safetensors"
    # state_dict names shared tensors several times; the file holds each once.
    checkpoint.save_weights(path, dict(first.state_dict()))
    stored = sum(tensor.shape == (11, 6) for tensor in load_file(path).values())
    assert stored == {"all": 1, "target": 2, "none": 3}[tie]
    checkpoint.load_into(second, checkpoint.load_weights(path), path)
    assert equal(weights_of(first), weights_of(second))
    assert (second.output.data_ptr() == second.target_embedding.weight.data_ptr()) == (tie != "none")
    source = torch.tensor([[4, 5, 3]])
    one, other = (m.eval()(source, source > 0, source).logits for m in (first, second))
    assert torch.equal(one, other)
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.safetensors"]


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    weights = weights_of(model())
    for wrong, message in (
        ({name: tensor for name, tensor in weights.items() if name != "output_bias"}, "output_bias has no counterpart"),
        ({**weights, "extra": torch.zeros(1)}, "extra has no counterpart"),
        ({**weights, "output_bias": torch.zeros(12)}, "size mismatch for output_bias"),
    ):
        with pytest.raises(UserError, match=r"model\.safetensors does not fit the run's config\.yaml: .*" + message):
            checkpoint.load_into(model(), wrong, path)
    # With separate embeddings no other tensor stands in for one that is missing.
    tied, apart = model(tie_embeddings="all"), model(tie_embeddings="none")
    with pytest.raises(UserError, match="has no counterpart"):
        checkpoint.load_into(apart, weights_of(tied), path)


def test_damaged_and_missing_files_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with pytest.raises(UserError, match=r"model\.safetensors is missing"):
        checkpoint.load_weights(path)
    checkpoint.save_weights(path, weights_of(model()))
    whole = path.read_bytes()
    for damaged in (b"", b"nonsense", whole[: len(whole) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"model\.safetensors is damaged"):
            checkpoint.load_weights(path)


def half(error: BaseException) -> Callable[..., None]:
    """A save_file that fails midway."""

    def save(tensors: dict[str, Tensor], path: Path) -> None:
        Path(path).write_bytes(b"half of it")
        raise error

    return save


@pytest.mark.parametrize(
    ("error", "seen"), [(OSError(28, "No space left on device"), UserError), (KeyboardInterrupt(), KeyboardInterrupt)]
)
def test_a_write_that_fails_leaves_the_old_file(
    error: BaseException, seen: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, old = tmp_path / "model.safetensors", weights_of(model(1))
    checkpoint.save_weights(path, old)
    checkpoint.save_last(tmp_path, old, {"step": 1})
    monkeypatch.setattr(checkpoint, "save_file", half(error))
    with pytest.raises(seen, match="free some space" if seen is UserError else None):
        checkpoint.save_weights(path, weights_of(model(2)))
    with pytest.raises(seen):
        checkpoint.save_last(tmp_path, weights_of(model(2)), {"step": 2})
    assert equal(checkpoint.load_weights(path), old)
    tensors, facts = checkpoint.load_last(tmp_path)
    assert equal(tensors, old)
    assert facts == {"step": 1}
    assert {entry.name for entry in tmp_path.iterdir()} == {"model.safetensors", "checkpoints"}


def test_last_checkpoint_round_trip(tmp_path: Path) -> None:
    assert not checkpoint.has_last(tmp_path)
    with pytest.raises(UserError, match="has no checkpoint to resume from"):
        checkpoint.load_last(tmp_path)
    with pytest.raises(UserError, match="has no checkpoint"):
        checkpoint.load_facts(tmp_path)
    for step in range(3):
        tensors = {
            "model.a": torch.full((2,), float(step)),
            "random.cpu": torch.get_rng_state(),
            "o.step": torch.tensor(2.0),
        }
        checkpoint.save_last(tmp_path, tensors, {"step": step, "best": [(1.5, 2)]})
        assert checkpoint.has_last(tmp_path)
        found, facts = checkpoint.load_last(tmp_path)
        assert equal(found, tensors)
        assert facts == checkpoint.load_facts(tmp_path) == {"step": step, "best": [[1.5, 2]]}
    assert [entry.name for entry in (tmp_path / "checkpoints").iterdir()] == ["last"]
    (tmp_path / "checkpoints" / "last" / "state.json").write_text('{"step": 1')
    with pytest.raises(UserError, match=r"state\.json is damaged"):
        checkpoint.load_last(tmp_path)


class Killed(BaseException):
    """Stands for a power cut: nothing after it runs."""


@pytest.mark.parametrize("first_kill", range(1, 8))
@pytest.mark.parametrize("second_kill", range(8))
def test_a_kill_at_any_moment_leaves_a_whole_checkpoint(
    first_kill: int, second_kill: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps of `save_last` that change the disk are counted, and the process dies before one of them; twice."""
    checkpoint.save_last(tmp_path, {"a": torch.tensor([1.0])}, {"step": 1})
    for step, kill in ((2, first_kill), (3, second_kill)):
        with monkeypatch.context() as patch:
            count = 0

            def counted(function: Callable[..., Any], kill: int = kill) -> Callable[..., Any]:
                def call(*given: Any, **named: Any) -> Any:
                    nonlocal count
                    count += 1
                    if count == kill:
                        raise Killed
                    return function(*given, **named)

                return call

            patch.setattr(checkpoint.shutil, "rmtree", counted(checkpoint.shutil.rmtree))
            patch.setattr(checkpoint, "save_file", counted(save_file))
            patch.setattr(Path, "rename", counted(Path.rename))
            patch.setattr(Path, "write_text", counted(Path.write_text))
            try:
                checkpoint.save_last(tmp_path, {"a": torch.tensor([float(step)])}, {"step": step})
            except Killed:
                pass
        tensors, facts = checkpoint.load_last(tmp_path)
        assert float(tensors["a"]) == facts["step"]
    checkpoint.save_last(tmp_path, {"a": torch.tensor([4.0])}, {"step": 4})
    assert checkpoint.load_last(tmp_path)[1] == {"step": 4}
    assert [entry.name for entry in (tmp_path / "checkpoints").iterdir()] == ["last"]


def test_mean_of_weights(tmp_path: Path) -> None:
    paths = []
    for number, value in enumerate((1.0, 2.0, 6.0)):
        paths.append(tmp_path / f"{number}.safetensors")
        save_file({"a": torch.tensor([value, -value]), "b": torch.tensor([[1e8 + value]])}, paths[-1])
    mean = checkpoint.mean_weights(paths)
    assert mean["a"].tolist() == [3.0, -3.0]
    assert mean["a"].dtype == torch.float32
    assert checkpoint.mean_weights(paths[:1])["a"].tolist() == [1.0, -1.0]


def test_optimiser_state_comes_back() -> None:
    def train(module: nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> None:
        for step in range(steps):
            for number, parameter in enumerate(module.parameters()):
                parameter.grad = torch.full_like(parameter, 0.1 * (number + step + 1))
            optimizer.step()

    def fresh() -> tuple[nn.Module, torch.optim.AdamW]:
        module = model(3)
        return module, torch.optim.AdamW(module.parameters(), lr=0.1, fused=True)

    (one, first), (other, second) = fresh(), fresh()
    train(one, first, 3)
    tensors = checkpoint.optimizer_tensors(first)
    assert checkpoint.optimizer_tensors(second) == {}
    checkpoint.load_into(other, weights_of(one), Path("x"))
    checkpoint.restore_optimizer(second, {**tensors, "model.a": torch.zeros(1)})
    train(one, first, 2)
    train(other, second, 2)
    assert equal(weights_of(one), weights_of(other))


@pytest.mark.skipif(os.name != "posix", reason="permissions of this kind")
def test_weights_can_be_read_by_those_who_may_read_the_folder(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        checkpoint.save_weights(tmp_path / "model.safetensors", {"a": torch.ones(2)})
    finally:
        os.umask(before)
    assert (tmp_path / "model.safetensors").stat().st_mode & 0o777 == 0o644
