"""Files of a run folder that hold weights: safetensors for tensors, JSON for the rest, never a pickle.

model.safetensors            what translating uses: the best so far, or the mean of the best at the end
checkpoints/last/            all that going on needs: weights, optimiser, mean, random state, position
checkpoints/best-000123.safetensors   the best validations, for the mean
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from seq2seq.errors import UserError

MODEL_FILE = "model.safetensors"


def save_weights(path: Path, weights: dict[str, Tensor]) -> None:
    """Writes atomically: a full disk or a kill leaves the old file. Tensors that share memory are written once."""
    temporary = path.with_suffix(".tmp")
    unique: dict[int, str] = {}
    kept = {}
    for name, tensor in weights.items():
        if unique.setdefault(tensor.data_ptr(), name) == name or tensor.numel() == 0:
            kept[name] = tensor.detach().contiguous()
    try:
        save_file(kept, temporary)
        temporary.chmod(0o666 & ~_umask())  # the library writes for the owner alone; a run is there to be shared
        os.replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        raise _disk_error(error, path) from error


def _umask() -> int:
    umask = os.umask(0)  # the only way to ask is to set it
    os.umask(umask)
    return umask


def load_weights(path: Path) -> dict[str, Tensor]:
    """Tensors by name."""
    try:
        return load_file(path)
    except FileNotFoundError:
        raise UserError(f"{path} is missing: the folder is no finished run, or was not copied whole.") from None
    except Exception as error:
        raise UserError(f"{path} is damaged ({error}); copy the run folder again or train anew.") from None


def load_into(model: nn.Module, weights: dict[str, Tensor], where: Path) -> None:
    """Loads and checks that every parameter got its value; names left out share memory with one that is there."""
    try:
        missing, unexpected = model.load_state_dict(weights, strict=False)
    except RuntimeError as error:
        raise UserError(f"{where} does not fit the run's config.yaml: {str(error).splitlines()[-1].strip()}") from None
    for name, tensor in weights.items():
        if not bool(tensor.isfinite().all()):
            raise UserError(
                f"{where} is of no use: {name} holds what is no number; copy the run folder again or train anew."
            )
    given = {model.get_parameter(name).data_ptr() for name in weights if name not in unexpected}
    missing = [name for name in missing if model.get_parameter(name).data_ptr() not in given]
    if missing or unexpected:
        raise UserError(f"{where} does not fit the run's config.yaml: {(missing + unexpected)[0]} has no counterpart.")


def mean_weights(paths: list[Path]) -> dict[str, Tensor]:
    """The mean of several files of weights, taken in float64."""
    total: dict[str, Tensor] = {}
    for path in paths:
        for name, tensor in load_weights(path).items():
            total[name] = total[name] + tensor.double() if name in total else tensor.double()
    return {name: (tensor / len(paths)).float() for name, tensor in total.items()}


def best_file(folder: Path, step: int) -> Path:
    """Where the weights of a good validation are kept."""
    return folder / "checkpoints" / f"best-{step:07}.safetensors"


def best_files(folder: Path) -> list[tuple[int, Path]]:
    """(step, weights) of the best validations that are kept, best first; none where checkpoints are not."""
    if not has_last(folder):
        return []
    kept = [(step, best_file(folder, step)) for _, step in load_facts(folder)["best"]]
    return [(step, path) for step, path in kept if path.exists()]


def save_last(folder: Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Replaces checkpoints/last as a whole."""
    last, new, old = (folder / "checkpoints" / name for name in ("last", "last.new", "last.old"))
    try:
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        save_file(
            {name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()}, new / "state.safetensors"
        )
        (new / "state.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
        # A kill between these renames leaves last.old, which `load_last` takes.
        if last.exists():
            shutil.rmtree(old, ignore_errors=True)
            last.rename(old)
        new.rename(last)
        shutil.rmtree(old, ignore_errors=True)
    except BaseException as error:
        raise _disk_error(error, last) from error


def load_last(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `save_last` wrote."""
    place = _last(folder)
    if place is None:
        raise UserError(f"{folder} has no checkpoint to resume from; train without --resume into another --run folder.")
    return load_weights(place / "state.safetensors"), load_facts(folder)


def load_facts(folder: Path) -> dict[str, Any]:
    """The part of the last checkpoint that is no tensors: where training stands."""
    place = _last(folder)
    if place is None:
        raise UserError(f"{folder} has no checkpoint.")
    try:
        facts: dict[str, Any] = json.loads((place / "state.json").read_text(encoding="utf-8"))
        if not isinstance(facts, dict):
            raise ValueError("not a mapping")
    except ValueError as error:
        raise UserError(f"{place / 'state.json'} is damaged ({error}); train anew.") from None
    return facts


def has_last(folder: Path) -> bool:
    """Whether there is something to resume."""
    return _last(folder) is not None


def _last(folder: Path) -> Path | None:
    places = [folder / "checkpoints" / name for name in ("last", "last.old")]
    return next((place for place in places if (place / "state.json").exists()), None)


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's state as named tensors, by the order of its parameters."""
    tensors = {}
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for number, parameter in enumerate(parameters):
        for name, value in optimizer.state.get(parameter, {}).items():
            tensors[f"optimizer.{number}.{name}"] = torch.as_tensor(value)
    return tensors


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Gives the optimiser back what `optimizer_tensors` took."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for name, tensor in tensors.items():
        kind, _, rest = name.partition(".")
        if kind == "optimizer":
            number, field = rest.split(".")
            parameter = parameters[int(number)]
            optimizer.state[parameter][field] = tensor.to(parameter.device, copy=True)


def _disk_error(error: BaseException, path: Path) -> BaseException:
    text = str(error)
    if isinstance(error, OSError) or "No space left" in text or type(error).__name__ == "SafetensorError":
        return UserError(
            f"{path} could not be written ({text}): free some space or give another --run folder, then go on "
            "with --resume."
        )
    return error
