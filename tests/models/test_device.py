"""The device and the number format of translation."""

import pytest
import torch
from torch import nn

from seq2seq.errors import UserError
from seq2seq.models import device as device_module
from seq2seq.models.device import autocast, pick_device, translation_format

CPU = torch.device("cpu")


def test_auto_is_the_cpu_without_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto") == pick_device("cpu") == CPU


def test_cuda_that_is_not_available_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="device is 'cuda:1', but CUDA is not available"):
        pick_device("cuda:1")


@pytest.mark.parametrize("name", ["gpu", "meta", "mps", "cpu:x"])
def test_other_devices_are_an_error(name: str) -> None:
    message = f"device '{name}' is not supported. Use auto, cpu or cuda"
    with pytest.raises(UserError, match=message):
        pick_device(name)


def test_with_two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert pick_device("auto") == torch.device("cuda")
    assert pick_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(UserError, match="'cuda:2', but the last GPU of this machine is cuda:1"):
        pick_device("cuda:2")


@pytest.mark.parametrize(
    ("precision", "dtype"), [("bfloat16", torch.bfloat16), ("float32", torch.float32)]
)
def test_autocast_is_on_for_bfloat16_only(precision: str, dtype: torch.dtype) -> None:
    layer = nn.Linear(4, 4)
    with autocast(CPU, precision):
        assert layer(torch.ones(1, 4)).dtype == dtype


@pytest.mark.parametrize(
    ("amx", "avx512", "can_use_float16", "expected"),
    [
        (True, False, True, "bfloat16"),
        (False, True, False, "bfloat16"),
        (False, False, True, "float16"),
        (False, False, False, "float32"),
    ],
)
def test_auto_format_follows_the_cpu(
    amx: bool,
    avx512: bool,
    can_use_float16: bool,
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_cpu(monkeypatch, amx=amx, avx512=avx512, can_use_float16=can_use_float16)
    assert translation_format("auto", CPU) == expected
    assert translation_format("auto", torch.device("cuda")) == "float32"


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_explicit_format_wins_over_the_cpu(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    set_cpu(monkeypatch, amx=False, avx512=False, can_use_float16=True)
    assert translation_format(precision, CPU) == precision


@pytest.mark.parametrize(("can_use_float16", "expected"), [(True, "float16"), (False, "float32")])
def test_a_torch_without_the_flags_counts_as_a_cpu_without_units(
    can_use_float16: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_cpu(monkeypatch, amx=True, avx512=True, can_use_float16=can_use_float16)
    monkeypatch.delattr(torch.cpu, "_is_amx_tile_supported")
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported")
    assert translation_format("auto", CPU) == expected


def set_cpu(
    monkeypatch: pytest.MonkeyPatch, *, amx: bool, avx512: bool, can_use_float16: bool
) -> None:
    """Makes torch report these features of the CPU."""

    def can_prepack(device: torch.device, weight_format: str) -> bool:
        return device.type == "cpu" and can_use_float16

    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512, raising=False)
    monkeypatch.setattr(device_module, "can_prepack", can_prepack)


@pytest.mark.parametrize("precision", ["float16", "int8"])
def test_quantized_formats_need_an_x86_cpu(precision: str) -> None:
    with pytest.raises(UserError, match=f"precision {precision} needs an x86 CPU"):
        translation_format(precision, torch.device("cuda"))


def test_unknown_precision_is_an_error() -> None:
    message = "precision is 'half'. It must be one of auto, float32, bfloat16, float16, int8"
    with pytest.raises(UserError, match=message):
        translation_format("half", CPU)
