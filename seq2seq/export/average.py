"""Checkpoint averaging: a run folder with the mean of the best checkpoints of another."""

from seq2seq.errors import UserError
from seq2seq.export.package import new_run_like
from seq2seq.models import FAMILIES
from seq2seq.models.weights import mean_weights, save_weights
from seq2seq.run import RunFolder
from seq2seq.training.checkpoint import existing_best


def average(run: RunFolder, into: RunFolder, count: int) -> list[int]:
    """Writes a run folder `into` with the mean of the `count` best checkpoints of `run`.

    Returns:
        The steps of these checkpoints, best first.

    Raises:
        UserError: the run has no checkpoints, or `into` exists.
    """
    checkpoints = existing_best(run)[:count]
    if not checkpoints:
        raise UserError(
            f"{run.path} has no checkpoints to average. "
            "Either training.average was 1, or they were deleted."
        )
    # Average first, so that a damaged checkpoint does not leave an incomplete folder.
    weights = mean_weights([path for _, path in checkpoints], FAMILIES[run.config.model.family])
    with new_run_like(run, into):
        save_weights(into.model_file, weights)
    return [step for step, _ in checkpoints]
