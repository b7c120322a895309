"""Keeps the weights of the best validations, and averages them at the end of training.

Averaging the weights of several checkpoints of one run often translates better than each of them
(Junczys-Dowmunt et al. 2016; Vaswani et al. 2017, section 6.1).
"""

from collections.abc import Callable
from dataclasses import asdict

from torch import Tensor, nn

from seq2seq.config.training import ValidationMetric
from seq2seq.models.weights import load_into, mean_weights, save_weights
from seq2seq.reporter import Reporter
from seq2seq.run import RunFolder
from seq2seq.training.journal import Journal
from seq2seq.training.ranking import METRIC_NAMES, ValidationScores
from seq2seq.training.state import BestCheckpoint, TrainingState
from seq2seq.training.validation import Validation


def keep_if_best(
    run: RunFolder,
    state: TrainingState,
    scores: ValidationScores,
    model: nn.Module,
    *,
    limit: int,
    metric: ValidationMetric,
) -> bool:
    """Saves the model's weights if they are among the `limit` best.

    Weights that are no longer among them are deleted. The best weights of all also become
    model.safetensors, unless that holds a better average.

    Returns:
        Whether `scores` are better than those of every validation before.
    """
    rank = scores.rank(metric)
    best = state.best_by(metric)
    better = best is None or rank > best.rank(metric)
    candidate = BestCheckpoint(scores.loss, scores.bleu, scores.chrf, step=state.step)
    # After a kill, the same step may be validated again.
    ordered = [entry for entry in state.best if entry.step != state.step]
    ordered.append(candidate)
    # The earlier of two equals comes first. Sorting keeps the order of equals.
    ordered.sort(key=lambda entry: entry.step)
    ordered.sort(key=lambda entry: entry.rank(metric), reverse=True)
    state.best = ordered[:limit]
    if candidate in state.best:
        weights = current_weights(model)
        path = run.best_checkpoint(state.step)
        path.parent.mkdir(exist_ok=True)
        save_weights(path, weights)
        if better and (state.mean is None or rank > state.mean.rank(metric)):
            save_weights(run.model_file, weights)
    for entry in ordered[limit:]:
        run.best_checkpoint(entry.step).unlink(missing_ok=True)
    return better


def try_average(
    run: RunFolder,
    state: TrainingState,
    model: nn.Module,
    validate: Callable[[str], Validation],
    journal: Journal,
    reporter: Reporter,
    *,
    metric: ValidationMetric,
) -> None:
    """Averages the best checkpoints, and keeps the average if it is as good as each of them.

    It must also be as good as the average that an earlier end of this training kept, if any.
    In the end, the model has its own weights again.
    """
    # The user may have deleted some files to free disk space.
    steps = [entry.step for entry in state.best if run.best_checkpoint(entry.step).exists()]
    if len(steps) < 2:
        return
    own_weights = {name: tensor.clone() for name, tensor in current_weights(model).items()}
    average = mean_weights([run.best_checkpoint(step) for step in steps], type(model))
    load_into(model, average, run.checkpoints_dir)
    validation = validate(state.precision)
    load_into(model, own_weights, run.checkpoints_dir)

    scores = ValidationScores(validation.loss, validation.bleu, validation.chrf)
    best = max(state.best, key=lambda entry: entry.rank(metric))
    earlier = state.mean
    rivals = [best] if earlier is None else [best, earlier]
    kept = all(scores.rank(metric) >= rival.rank(metric) for rival in rivals)
    if kept:
        save_weights(run.model_file, average)
        state.mean = scores
    journal.write("mean", step=state.step, of=steps, **asdict(scores), kept=kept)
    line = f"average of the {len(steps)} best checkpoints: {METRIC_NAMES[metric]} "
    reporter.info(line + _comparison(scores, best, earlier, kept, metric))


def current_weights(model: nn.Module) -> dict[str, Tensor]:
    """Returns the parameters by name, on the CPU. On a CPU they share the model's memory."""
    return {name: parameter.detach().cpu() for name, parameter in model.named_parameters()}


def _comparison(
    average: ValidationScores,
    best: ValidationScores,
    earlier: ValidationScores | None,
    kept: bool,
    metric: ValidationMetric,
) -> str:
    """Describes the scores of the average, and of what it is compared with."""
    line = f"{average.describe(metric)}; best checkpoint: {best.describe(metric)}"
    if earlier is not None:
        line += f"; earlier average: {earlier.describe(metric)}"
    if kept:
        winner = "average"
    elif earlier is not None and earlier.rank(metric) >= best.rank(metric):
        winner = "earlier average"
    else:
        winner = "best checkpoint"
    return f"{line}. Keeping the {winner}."
