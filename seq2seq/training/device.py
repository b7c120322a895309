"""Where and in which number format training runs, chosen by looking and measuring rather than by guessing."""

import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Literal, get_args

import torch
from torch import nn

from seq2seq.data.batching import Batch
from seq2seq.errors import UserError
from seq2seq.models.packing import WeightFormat, can_pack

Precision = Literal["auto", "float32", "bfloat16"]
"""What training multiplies in."""
TranslationPrecision = Literal["auto", "float32", "bfloat16", "float16", "int8"]


def pick_device(name: str) -> torch.device:
    """`auto` is CUDA where there is one, else the CPU."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise UserError(f"device is '{name}', but this machine (or this build of torch) has no CUDA; use auto or cpu.")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in ("cpu", "cuda"):
        raise UserError(f"device '{name}' is none that this program runs on; use auto, cpu or cuda.")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UserError(f"device is '{name}', but the last one here is cuda:{torch.cuda.device_count() - 1}.")
    return device


def has_bfloat16_units(device: torch.device) -> bool:
    """Whether this is a CPU that multiplies matrices in bfloat16 (AMX, avx512_bf16), told by its flags: a measurement could
    come out otherwise the next time, and so would a translation."""
    flags = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return device.type == "cpu" and any(getattr(torch.cpu, flag, lambda: False)() for flag in flags)


def translation_format(precision: str, device: torch.device) -> WeightFormat:
    """The format of weights in translation. `auto` is bfloat16 on CPUs that multiply in it, float16 on other CPUs that can
    read it in a product, and float32 everywhere else."""
    if precision not in get_args(TranslationPrecision):
        raise UserError(f"precision is '{precision}'; it must be one of {', '.join(get_args(TranslationPrecision))}.")
    if precision == "float32":
        return "float32"
    if precision == "bfloat16" or (precision == "auto" and has_bfloat16_units(device)):
        return "bfloat16"
    wanted: WeightFormat = "int8" if precision == "int8" else "float16"
    if can_pack(device, wanted):
        return wanted
    if precision != "auto":
        raise UserError(f"precision {precision} needs an x86 CPU and a torch that has products for it; use auto.")
    return "float32"


def autocast(device: torch.device, precision: str) -> AbstractContextManager[None]:
    """Matrix products in bfloat16; weights, gradients and the loss stay float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def measure_precisions(
    model: nn.Module, batch: Batch, loss: Callable[[Batch], torch.Tensor], device: torch.device, repeats: int = 3
) -> dict[str, float]:
    """Median seconds of forward and backward over `batch` in each format that works here (float32 always does). Leaves
    weights and random state as they were.

    CPUs with AMX or avx512_bf16 gain severalfold from bfloat16, others lose: a flag does not tell, a try does.
    """
    seconds = {}
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        for precision in ("float32", "bfloat16"):
            try:
                times = [_timed_step(model, batch, loss, device, precision) for _ in range(repeats + 1)]
            except RuntimeError:
                # Processors without bfloat16 units may have no LSTM in it at all; then there is nothing to choose.
                model.zero_grad(set_to_none=True)
                if precision == "float32":
                    raise
                continue
            seconds[precision] = statistics.median(times[1:])  # the first builds the library's programs
    return seconds


def _timed_step(
    model: nn.Module, batch: Batch, loss: Callable[[Batch], torch.Tensor], device: torch.device, precision: str
) -> float:
    started_at = time.perf_counter()
    with autocast(device, precision):
        value = loss(batch)
    value.backward()
    model.zero_grad(set_to_none=True)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started_at
