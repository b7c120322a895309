"""Devices by name, and the measurement of number formats, which must leave no trace."""

import pytest
import torch
from torch import Tensor, nn

from seq2seq.data.batching import Batch
from seq2seq.errors import UserError
from seq2seq.training import device as device_module
from seq2seq.training.device import autocast, measure_precisions, pick_device, translation_format


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto") == pick_device("cpu") == torch.device("cpu")
    with pytest.raises(UserError, match=r"device is 'cuda:1', but this machine .* has no CUDA"):
        pick_device("cuda:1")
    for name in ("gpu", "meta", "mps", "cpu:x"):
        with pytest.raises(
            UserError, match=f"device '{name}' is none that this program runs on; use auto, cpu or cuda"
        ):
            pick_device(name)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert pick_device("auto") == torch.device("cuda")
    assert pick_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(UserError, match="device is 'cuda:2', but the last one here is cuda:1"):
        pick_device("cuda:2")


def test_autocast_is_on_for_bfloat16_alone() -> None:
    product = nn.Linear(4, 4)
    for precision, dtype in (("bfloat16", torch.bfloat16), ("float32", torch.float32)):
        with autocast(torch.device("cpu"), precision):
            assert product(torch.ones(1, 4)).dtype == dtype


@pytest.mark.parametrize(
    ("amx", "avx512", "reads_float16", "wanted"),
    [
        (True, False, True, "bfloat16"),
        (False, True, False, "bfloat16"),
        (False, False, True, "float16"),
        (False, False, False, "float32"),
    ],
)
def test_translation_is_in_what_the_cpu_multiplies_by(
    amx: bool, avx512: bool, reads_float16: bool, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512, raising=False)
    monkeypatch.setattr(device_module, "can_pack", lambda device, _: device.type == "cpu" and reads_float16)
    cpu = torch.device("cpu")
    assert translation_format("auto", cpu) == wanted
    assert translation_format("auto", torch.device("cuda")) == "float32"
    assert translation_format("float32", cpu) == "float32"
    assert translation_format("bfloat16", cpu) == "bfloat16"
    # A later torch without these flags is taken for a CPU without the units.
    monkeypatch.delattr(torch.cpu, "_is_amx_tile_supported")
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported")
    assert translation_format("auto", cpu) == ("float16" if reads_float16 else "float32")


@pytest.mark.parametrize("precision", ["float16", "int8"])
def test_what_only_some_cpus_read(precision: str) -> None:
    with pytest.raises(UserError, match=f"precision {precision} needs an x86 CPU and a torch that has products for it"):
        translation_format(precision, torch.device("cuda"))


def test_measuring_leaves_weights_gradients_and_random_state() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))
    before, state = [p.detach().clone() for p in model.parameters()], torch.get_rng_state()
    batch = Batch(*(torch.ones(1, 1, dtype=torch.int64) for _ in range(4)))
    seen = []

    def loss(given: Batch) -> Tensor:
        assert given is batch
        value = model(torch.randn(2, 4)).sum()
        seen.append(value.dtype)
        return value

    seconds = measure_precisions(model, batch, loss, torch.device("cpu"), repeats=2)
    assert list(seconds) == ["float32", "bfloat16"]
    assert min(seconds.values()) > 0
    assert seen == [torch.float32] * 3 + [torch.bfloat16] * 3
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(p, old) and p.grad is None for p, old in zip(model.parameters(), before, strict=True))
