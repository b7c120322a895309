"""Keeps the weights of the best validations, and averages them at the end of training.

Averaging the weights of several checkpoints of one run often translates better than each of them
(Junczys-Dowmunt et al. 2016; Vaswani et al. 2017, section 6.1).
"""

from collections.abc import Callable

from torch import Tensor, nn

from seq2seq.models.weights import load_into, mean_weights, save_weights
from seq2seq.reporter import Reporter
from seq2seq.run import RunFolder
from seq2seq.training.journal import Journal
from seq2seq.training.state import TrainingState
from seq2seq.training.validation import Validation


def keep_if_best(
    run: RunFolder, state: TrainingState, bleu: float, model: nn.Module, limit: int
) -> bool:
    """Saves the model's weights if they are among the `limit` best.

    Weights that are no longer among them are deleted. The best weights of all also become
    model.safetensors, unless that holds a better average.

    Returns:
        Whether `bleu` is higher than that of every validation before.
    """
    better = state.best_bleu is None or bleu > state.best_bleu
    # After a kill, the same step may be validated again.
    best = [entry for entry in state.best if entry[1] != state.step]
    state.best = best
    if len(best) >= limit and bleu <= best[-1][0]:
        return better
    weights = current_weights(model)
    path = run.best_checkpoint(state.step)
    path.parent.mkdir(exist_ok=True)
    save_weights(path, weights)
    best.append((bleu, state.step))
    best.sort(key=lambda entry: (-entry[0], entry[1]))  # the earlier of two equals comes first
    for _, step in best[limit:]:
        run.best_checkpoint(step).unlink(missing_ok=True)
    del best[limit:]
    if better and bleu > state.mean_bleu:
        save_weights(run.model_file, weights)
    return better


def try_average(
    run: RunFolder,
    state: TrainingState,
    model: nn.Module,
    validate: Callable[[str], Validation],
    journal: Journal,
    reporter: Reporter,
) -> None:
    """Averages the best checkpoints, and keeps the average if it is as good as each of them.

    It must also be as good as the average that an earlier end of this training kept, if any.
    In the end, the model has its own weights again.
    """
    # The user may have deleted some files to free disk space.
    steps = [step for _, step in state.best if run.best_checkpoint(step).exists()]
    if len(steps) < 2:
        return
    own_weights = {name: tensor.clone() for name, tensor in current_weights(model).items()}
    average = mean_weights([run.best_checkpoint(step) for step in steps], type(model))
    load_into(model, average, run.checkpoints_dir)
    validation = validate(state.precision)
    load_into(model, own_weights, run.checkpoints_dir)

    best_bleu = state.best[0][0]
    earlier_bleu = state.mean_bleu
    kept = validation.bleu >= max(best_bleu, earlier_bleu)
    if kept:
        save_weights(run.model_file, average)
        state.mean_bleu = validation.bleu
    journal.write(
        "mean", step=state.step, of=steps, bleu=validation.bleu, loss=validation.loss, kept=kept
    )
    reporter.info(_average_line(len(steps), validation.bleu, best_bleu, earlier_bleu, kept))


def current_weights(model: nn.Module) -> dict[str, Tensor]:
    """Returns the parameters by name, on the CPU. On a CPU they share the model's memory."""
    return {name: parameter.detach().cpu() for name, parameter in model.named_parameters()}


def _average_line(
    count: int, bleu: float, best_bleu: float, earlier_bleu: float, kept: bool
) -> str:
    line = f"average of the {count} best checkpoints: BLEU {bleu:.2f}"
    line += f"; best checkpoint: {best_bleu:.2f}"
    if earlier_bleu >= 0:
        line += f"; earlier average: {earlier_bleu:.2f}"
    if kept:
        winner = "average"
    elif earlier_bleu >= best_bleu:
        winner = "earlier average"
    else:
        winner = "best checkpoint"
    return f"{line}. Keeping the {winner}."
