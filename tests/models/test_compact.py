"""Weights in fewer bytes: what is lost, and that nothing else is."""

import pytest
import torch

from seq2seq.models.compact import Format, compact, restored


def weights() -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(5)
    return {
        "matrix": torch.randn(6, 40, generator=random) * torch.tensor([1e-6, 0.1, 1, 10, 1e4, 0]).unsqueeze(1),
        "vector": torch.randn(40, generator=random),
    }


def test_int8_is_off_by_half_a_step_of_its_row_at_most() -> None:
    given = weights()
    small = compact(given, "int8")
    assert small["matrix"].dtype == torch.int8
    back = restored(small)
    assert list(back) == list(given)
    steps = given["matrix"].abs().amax(dim=1, keepdim=True) / 127
    assert ((back["matrix"] - given["matrix"]).abs() <= steps * 0.501).all()
    assert torch.equal(back["vector"], given["vector"])
    # The largest weight of a row keeps its value, and a row of zeros stays one.
    largest = given["matrix"].abs().argmax(dim=1, keepdim=True)
    assert torch.allclose(back["matrix"].gather(1, largest), given["matrix"].gather(1, largest))
    assert not back["matrix"][5].any()


@pytest.mark.parametrize(("number_format", "share"), [("float32", 1.0), ("bfloat16", 0.5), ("int8", 0.27)])
def test_bytes(number_format: Format, share: float) -> None:
    given = {"matrix": torch.randn(100, 300)}
    stored = compact(given, number_format)
    size = sum(tensor.numel() * tensor.element_size() for tensor in stored.values())
    assert size <= share * 4 * 100 * 300
    assert torch.allclose(restored(stored)["matrix"].float(), given["matrix"], atol=0.03)


def test_other_weights_come_back_as_they_are() -> None:
    given = weights()
    back = restored(given)
    assert all(back[name] is given[name] for name in given)
    again = restored(compact(restored(compact(given, "int8")), "int8"))
    assert torch.allclose(again["matrix"], restored(compact(given, "int8"))["matrix"])
