"""Chooses the number format of training, float32 or bfloat16, by measuring both."""

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from seq2seq.config.training import Precision
from seq2seq.data.batching import Batch, TrainingBatches
from seq2seq.errors import UserError
from seq2seq.models import Seq2Seq
from seq2seq.models.device import autocast, has_bfloat16_units
from seq2seq.reporter import Reporter
from seq2seq.text.tokenizer import PAD
from seq2seq.training.journal import Journal
from seq2seq.training.loss import smoothed_cross_entropy
from seq2seq.training.state import TrainingState


class PrecisionChooser:
    """Chooses the precision of one run, and notes the choice in its journal."""

    def __init__(
        self,
        model: Seq2Seq,
        batches: TrainingBatches,
        setting: Precision,
        journal: Journal,
        reporter: Reporter,
    ) -> None:
        self.model = model
        self.batches = batches
        self.setting = setting
        self.journal = journal
        self.reporter = reporter
        self.device = next(model.parameters()).device

    def choose(self, state: TrainingState) -> str:
        """Returns the precision to train in from here on. A resumed run keeps its own if it can.

        Raises:
            UserError: the config demands bfloat16, which this processor cannot train in.
        """
        if state.precision:
            return self._for_resumed_run(state)
        return self._for_new_run()

    def _for_new_run(self) -> str:
        if self.setting != "auto":
            return self._checked_setting()
        seconds = self._measure()
        fastest = min(seconds, key=lambda precision: seconds[precision])
        self.journal.write("precision", step=0, chosen=fastest, seconds=seconds)
        times = ", ".join(f"{name} {value * 1000:.0f} ms" for name, value in seconds.items())
        self.reporter.info(f"precision: {fastest} (forward and backward of one batch: {times})")
        return fastest

    def _for_resumed_run(self, state: TrainingState) -> str:
        if self.setting not in ("auto", state.precision):
            chosen = self._checked_setting()
            reason = "training.precision"
        elif self._cannot_continue_in(state.precision):
            chosen = "float32"
            reason = "this processor cannot train in bfloat16"
        else:
            return state.precision
        self.journal.write("precision", step=state.step, chosen=chosen)
        self.reporter.info(f"precision: {chosen} from here on ({reason})")
        return chosen

    def _checked_setting(self) -> str:
        """Returns the precision that the config demands, after a check that it works here."""
        if self.setting == "bfloat16" and "bfloat16" not in self._measure():
            raise UserError(
                "training.precision is bfloat16, but this processor cannot train in bfloat16. "
                "Use auto or float32."
            )
        return self.setting

    def _cannot_continue_in(self, precision: str) -> bool:
        if precision != "bfloat16" or self.device.type != "cpu" or has_bfloat16_units(self.device):
            return False
        # A CPU without bfloat16 units may still support it, slowly.
        return "bfloat16" not in self._measure()

    def _measure(self) -> dict[str, float]:
        self.model.train()
        # Any batch will do: all have about the same number of tokens.
        batch = next(self.batches.batches(0)).to(self.device)
        return measure_precisions(self.model, batch, self._loss, self.device)

    def _loss(self, batch: Batch) -> Tensor:
        logits = self.model(batch.source, batch.source_mask, batch.target_in).logits
        loss, _ = smoothed_cross_entropy(logits, batch.target_out, smoothing=0, ignore=PAD)
        return loss


def measure_precisions(
    model: nn.Module,
    batch: Batch,
    loss: Callable[[Batch], Tensor],
    device: torch.device,
    repeats: int = 3,
) -> dict[str, float]:
    """Returns the median seconds of forward and backward in each precision that works here.

    CPUs with AMX or avx512_bf16 gain severalfold from bfloat16, others lose, and processor flags do
    not tell how much. Weights and random state stay as they were.

    Args:
        model: the model whose gradients `loss` computes.
        batch: the batch to compute on.
        loss: computes the loss of a batch with the model.
        device: where the model and the batch are.
        repeats: measurements per precision.
    """
    seconds = {}
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        for precision in ("float32", "bfloat16"):
            try:
                # The first step compiles the library's kernels and does not count.
                _timed_step(model, batch, loss, device, precision)
                times = [_timed_step(model, batch, loss, device, precision) for _ in range(repeats)]
            except RuntimeError:
                # On processors without bfloat16 units, torch may have no LSTM in bfloat16.
                model.zero_grad(set_to_none=True)
                if precision == "float32":
                    raise
                continue
            seconds[precision] = statistics.median(times)
    return seconds


def _timed_step(
    model: nn.Module,
    batch: Batch,
    loss: Callable[[Batch], Tensor],
    device: torch.device,
    precision: str,
) -> float:
    started_at = time.perf_counter()
    with autocast(device, precision):
        value = loss(batch)
    value.backward()
    model.zero_grad(set_to_none=True)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started_at
