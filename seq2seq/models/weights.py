"""Reading and writing weights: safetensors files, never a pickle."""

import re
from collections.abc import Sequence
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from seq2seq.errors import UserError
from seq2seq.files import atomic_paths


def save_weights(path: Path, weights: dict[str, Tensor]) -> None:
    """Writes tensors by name. Tensors that share memory are written once, under the first name.

    Raises:
        UserError: the file cannot be written. An old file is still there.
    """
    stored: dict[str, Tensor] = {}
    name_of_memory: dict[int, str] = {}
    for name, tensor in weights.items():
        first_name = name_of_memory.setdefault(tensor.data_ptr(), name)
        if first_name == name or tensor.numel() == 0:
            stored[name] = tensor.detach().contiguous()
    try:
        with atomic_paths(path) as (temporary,):
            mode = temporary.stat().st_mode
            # Straight into the file: as bytes, the weights would be in memory a second time.
            save_file(stored, temporary)
            # safetensors makes files that only their owner can read.
            temporary.chmod(mode)
    except (OSError, SafetensorError) as error:
        raise UserError(
            f"{path} cannot be written ({error}). Free some disk space or choose another folder."
        ) from error


def load_weights(path: Path) -> dict[str, Tensor]:
    """Reads tensors by name.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        return load_file(path)
    except FileNotFoundError:
        raise UserError(
            f"{path} is missing: the run is not finished, or was not copied completely."
        ) from None
    except Exception as error:  # safetensors raises its own error and others
        raise UserError(
            f"{path} is damaged ({error}). Copy the run folder again, or train again."
        ) from None


def current_names(weights: dict[str, Tensor], family: type[nn.Module]) -> dict[str, Tensor]:
    """Returns the weights under today's parameter names.

    Args:
        weights: tensors by name, perhaps written by an earlier version.
        family: the model's class, whose `RENAMED_PARAMETERS` maps old names to new ones.
    """
    renamed: dict[str, str] = getattr(family, "RENAMED_PARAMETERS", {})
    current = {}
    for name, tensor in weights.items():
        for pattern, replacement in renamed.items():
            name = re.sub(pattern, replacement, name)
        current[name] = tensor
    return current


def load_into(model: nn.Module, weights: dict[str, Tensor], path: Path) -> None:
    """Loads weights into a model, and checks that every parameter got its value.

    Names that earlier versions used are accepted.

    Args:
        model: any model. A parameter that shares memory with another needs only one of their names.
        weights: tensors by name.
        path: where they come from, for messages.

    Raises:
        UserError: the weights do not fit the model, or contain NaN or infinity.
    """
    weights = current_names(weights, type(model))
    try:
        missing, unexpected = model.load_state_dict(weights, strict=False)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise UserError(f"{path} does not fit the run's config.yaml: {reason}") from None
    for name, tensor in weights.items():
        if not bool(tensor.isfinite().all()):
            raise UserError(
                f"{path} is damaged: {name} contains NaN or inf. "
                "Copy the run folder again, or train again."
            )
    loaded = {model.get_parameter(name).data_ptr() for name in weights if name not in unexpected}
    missing = [name for name in missing if model.get_parameter(name).data_ptr() not in loaded]
    problems = [*missing, *unexpected]
    if problems:
        raise UserError(f"{path} does not fit the run's config.yaml: no match for {problems[0]}.")


def mean_weights(paths: Sequence[Path], family: type[nn.Module]) -> dict[str, Tensor]:
    """Returns the mean of several weight files of one model family.

    It is computed in float64 and rounded to float32.
    """
    total: dict[str, Tensor] = {}
    for path in paths:
        for name, tensor in current_names(load_weights(path), family).items():
            total[name] = total[name] + tensor.double() if name in total else tensor.double()
    return {name: (tensor / len(paths)).float() for name, tensor in total.items()}
