"""Checkpoints of a run: safetensors for tensors, JSON for the rest, never a pickle.

checkpoints/last/                     everything that the next update depends on
    state.json                        the fields of TrainingState
    state.safetensors                 model.*, optimizer.*, ema.* and random.*
checkpoints/best-0000123.safetensors  weights of the best validations (best_checkpoints.py)
model.safetensors                     the weights that translate (best_checkpoints.py)

RunFolder has the names. A run that is interrupted before its first validation gets its
model.safetensors from the trainer.
"""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from seq2seq.errors import UserError
from seq2seq.files import atomic_write_text
from seq2seq.models.weights import current_names, load_into, load_weights, save_weights
from seq2seq.run import CheckpointFolder, RunFolder
from seq2seq.training.journal import Journal
from seq2seq.training.optimizer import ExponentialMovingAverage
from seq2seq.training.state import TrainingState

# -- files -----------------------------------------------------------------------------------------


def save_last(run: RunFolder, tensors: dict[str, Tensor], state: TrainingState) -> None:
    """Replaces checkpoints/last. A kill at any moment leaves the old checkpoint or the new one.

    Raises:
        UserError: the files cannot be written.
    """
    last = run.last.path
    new = run.last_new.path
    old = run.last_old.path
    try:
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        cpu_tensors = {name: tensor.detach().cpu() for name, tensor in tensors.items()}
        save_weights(run.last_new.tensors_file, cpu_tensors)
        atomic_write_text(run.last_new.state_file, json.dumps(asdict(state), indent=1))
        # A kill between the two renames leaves last_old, which RunFolder.last_checkpoint accepts.
        if last.exists():
            shutil.rmtree(old, ignore_errors=True)
            last.rename(old)
        new.rename(last)
        shutil.rmtree(old, ignore_errors=True)
    except (OSError, UserError) as error:
        raise UserError(
            f"{last} cannot be written ({error.__cause__ or error}). "
            "Free some disk space or check the folder, then continue with --resume."
        ) from error


def load_last(run: RunFolder) -> tuple[dict[str, Tensor], TrainingState]:
    """Returns the tensors and the state that `save_last` wrote.

    Raises:
        UserError: there is no checkpoint, or it is damaged.
    """
    state = load_training_state(run)
    return load_weights(_last_checkpoint(run).tensors_file), state


def load_training_state(run: RunFolder) -> TrainingState:
    """Returns the state in the last checkpoint.

    Raises:
        UserError: there is no checkpoint, or it is damaged.
    """
    path = _last_checkpoint(run).state_file
    try:
        return TrainingState.from_json(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise UserError(f"{path} is damaged: {error}. Train again into another folder.") from None


def has_checkpoint(run: RunFolder) -> bool:
    """Returns whether the run can be resumed."""
    return run.last_checkpoint is not None


def holds_training(run: RunFolder) -> bool:
    """Returns whether a new training in this folder would destroy something.

    A training that was killed before its first checkpoint was complete cannot be resumed and does
    not count, even if it left weights.
    """
    if has_checkpoint(run):
        return True
    if not run.model_file.exists():
        return False
    events = [event.get("event") for event in Journal(run.journal_file)]
    # An exported run has no journal. A run that was copied without its checkpoints has an end event
    # or several validations.
    return not events or "end" in events or events.count("validation") > 1


def existing_best(run: RunFolder) -> list[tuple[int, Path]]:
    """Returns (step, weights file) of the best checkpoints that still exist, best first."""
    if not has_checkpoint(run):
        return []
    checkpoints = []
    for entry in load_training_state(run).best:
        path = run.best_checkpoint(entry.step)
        if path.exists():
            checkpoints.append((entry.step, path))
    return checkpoints


def _last_checkpoint(run: RunFolder) -> CheckpointFolder:
    folder = run.last_checkpoint
    if folder is None:
        raise UserError(
            f"{run.path} has no checkpoint to resume from. Train without --resume, into another "
            "folder (--run)."
        )
    return folder


# -- tensors ---------------------------------------------------------------------------------------


def training_tensors(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    ema: ExponentialMovingAverage | None,
    device: torch.device,
) -> dict[str, Tensor]:
    """Returns all tensors that the next update depends on, by name.

    Save them before that update: tensors of the optimizer and the average are not copied.
    """
    tensors = {}
    for name, parameter in model.named_parameters():
        # Parameters can be views of one block of memory (cuDNN's LSTM), which safetensors refuses.
        tensors[f"model.{name}"] = parameter.detach().clone()
    tensors |= optimizer_tensors(optimizer)
    if ema is not None:
        for name, average in ema.weights.items():
            tensors[f"ema.{name}"] = average
    tensors["random.cpu"] = torch.get_rng_state()
    if device.type == "cuda":
        tensors["random.cuda"] = torch.cuda.get_rng_state(device)
    return tensors


def restore_training(
    tensors: dict[str, Tensor],
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    ema: ExponentialMovingAverage | None,
    path: Path,
) -> None:
    """Restores what `training_tensors` returned, including torch's random state.

    Args:
        path: where the tensors come from, for messages.

    Raises:
        UserError: the tensors do not fit the model.
    """
    device = next(model.parameters()).device
    load_into(model, _with_prefix(tensors, "model."), path)
    restore_optimizer(optimizer, tensors)
    if ema is not None:
        # A run that had no average before starts one at its current weights.
        ema.reset(model)
        averages = current_names(_with_prefix(tensors, "ema."), type(model))
        for name, average in averages.items():
            ema.weights[name].copy_(average)
    torch.set_rng_state(tensors["random.cpu"])
    if device.type == "cuda" and "random.cuda" in tensors:
        torch.cuda.set_rng_state(tensors["random.cuda"], device)


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Returns the optimizer's state as tensors named optimizer.NUMBER.FIELD."""
    tensors = {}
    for number, parameter in enumerate(_parameters(optimizer)):
        for field, value in optimizer.state.get(parameter, {}).items():
            tensors[f"optimizer.{number}.{field}"] = torch.as_tensor(value)
    return tensors


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Restores what `optimizer_tensors` returned. Other tensors are ignored."""
    parameters = _parameters(optimizer)
    for name, tensor in _with_prefix(tensors, "optimizer.").items():
        number, field = name.split(".")
        parameter = parameters[int(number)]
        # A copy: a loaded tensor is mapped from the file that the next checkpoint replaces.
        optimizer.state[parameter][field] = tensor.to(parameter.device, copy=True)


def _parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    parameters = []
    for group in optimizer.param_groups:
        parameters += group["params"]
    return parameters


def _with_prefix(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Returns the tensors whose names start with `prefix`, without it."""
    selected = {}
    for name, tensor in tensors.items():
        if name.startswith(prefix):
            selected[name.removeprefix(prefix)] = tensor
    return selected
