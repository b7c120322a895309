"""The device of a model and the number format of its matrix products."""

from contextlib import AbstractContextManager
from typing import Literal, get_args

import torch

from seq2seq.errors import UserError
from seq2seq.models.layers.prepack import WeightFormat, can_prepack

TranslationPrecision = Literal["auto", "float32", "bfloat16", "float16", "int8"]
"""The settings of translation; see `translation_format`."""


def pick_device(name: str) -> torch.device:
    """Returns the device with this name. `auto` is CUDA if there is a GPU, else the CPU.

    Raises:
        UserError: this machine or this program cannot use the device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise UserError(
            f"device is '{name}', but CUDA is not available on this machine or in this build of "
            "torch. Use auto or cpu."
        )
    device: torch.device | None
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise UserError(f"device '{name}' is not supported. Use auto, cpu or cuda.")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        last = torch.cuda.device_count() - 1
        raise UserError(f"device is '{name}', but the last GPU of this machine is cuda:{last}.")
    return device


def has_bfloat16_units(device: torch.device) -> bool:
    """Returns whether this is a CPU with bfloat16 matrix units (AMX or avx512_bf16).

    The CPU's flags decide. A measurement could choose differently the next time, and translations
    would then change.
    """
    if device.type != "cpu":
        return False
    for flag in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):
        is_supported = getattr(torch.cpu, flag, None)
        if is_supported is not None and is_supported():
            return True
    return False


def translation_format(precision: str, device: torch.device) -> WeightFormat:
    """Returns the number format of the weights during translation.

    `auto` is bfloat16 on CPUs with bfloat16 units, float16 on other CPUs that can multiply by
    float16 weights, and float32 everywhere else.

    Raises:
        UserError: the precision is unknown or not supported on this device.
    """
    choices = get_args(TranslationPrecision)
    if precision not in choices:
        raise UserError(f"precision is '{precision}'. It must be one of {', '.join(choices)}.")
    if precision == "float32":
        return "float32"
    if precision == "bfloat16" or (precision == "auto" and has_bfloat16_units(device)):
        return "bfloat16"
    small_format: WeightFormat = "int8" if precision == "int8" else "float16"
    if can_prepack(device, small_format):
        return small_format
    if precision != "auto":
        raise UserError(
            f"precision {precision} needs an x86 CPU and a build of torch with quantized products. "
            "Use auto."
        )
    return "float32"


def autocast(device: torch.device, precision: str) -> AbstractContextManager[None]:
    """Computes matrix products in bfloat16 if that is the `precision`, and otherwise in float32.

    Weights, gradients and the loss stay float32.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")
