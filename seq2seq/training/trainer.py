"""The training loop: update, validate, keep the best weights, stop at the end of the budget.

Everything that the next update depends on is in the model, the optimizer, the moving average,
torch's random state and TrainingState. A checkpoint holds all of it, so a resumed run continues
exactly as if it had never been interrupted.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from threading import Event

from torch import Tensor, nn

from seq2seq.config.training import TrainingConfig
from seq2seq.data.batching import Batch, TrainingBatches
from seq2seq.errors import UserError
from seq2seq.interrupt import delay_interrupt
from seq2seq.models import Seq2Seq
from seq2seq.models.device import autocast
from seq2seq.models.weights import save_weights
from seq2seq.reporter import Reporter
from seq2seq.run import RunFolder
from seq2seq.text.tokenizer import PAD
from seq2seq.training.best_checkpoints import current_weights, keep_if_best, try_average
from seq2seq.training.checkpoint import (
    has_checkpoint,
    load_last,
    load_training_state,
    restore_training,
    save_last,
    training_tensors,
)
from seq2seq.training.journal import Journal
from seq2seq.training.loss import alignment_cross_entropy, smoothed_cross_entropy
from seq2seq.training.optimizer import ExponentialMovingAverage, learning_rate, make_optimizer
from seq2seq.training.precision import PrecisionChooser
from seq2seq.training.progress import recent_metrics, status_line, validation_lines
from seq2seq.training.state import TrainingState
from seq2seq.training.validation import Validator

_JOURNAL_STEPS = 50
"""Updates between step events in the journal."""
_MAX_SKIPPED_IN_A_ROW = 20


class Trainer:
    """Trains one model into one run folder."""

    def __init__(
        self,
        model: Seq2Seq,
        batches: TrainingBatches,
        validator: Validator,
        config: TrainingConfig,
        run: RunFolder,
        reporter: Reporter,
    ) -> None:
        self.model = model
        self.batches = batches
        self.validator = validator
        self.config = config
        self.run_folder = run
        self.reporter = reporter
        self.device = next(model.parameters()).device
        self.optimizer = make_optimizer(config.optimizer, model)
        self.ema: ExponentialMovingAverage | None = None
        if config.ema_decay:
            self.ema = ExponentialMovingAverage(model, config.ema_decay)
        self.journal = Journal(run.journal_file)
        self.state = TrainingState(tokenization=validator.tokenization)
        self._started_at = 0.0
        self._skipped_in_a_row = 0

    def run(self) -> TrainingState:
        """Trains until the budget is used, patience runs out, or the user interrupts.

        After an interrupt, `state.finished` is empty.

        Raises:
            KeyboardInterrupt: the user interrupted the end of the training, or did not wait for the
                checkpoint. The message tells which checkpoint there is.
        """
        state = self.state
        if state.finished == "budget" and self._budget_used() >= 1:
            # A finished run was resumed with the same budget.
            self._log_end(state.finished)
            return state
        chooser = PrecisionChooser(
            self.model, self.batches, self.config.precision, self.journal, self.reporter
        )
        state.precision = chooser.choose(state)
        # A run that was killed between its last update and its end only has to finish.
        state.finished = "budget" if self._budget_used() >= 1 else ""
        self.model.train()
        try:
            with delay_interrupt(self._explain_waiting) as interrupted, self.reporter:
                self._train_until(interrupted)
                self._finish()
            if interrupted.is_set() and state.finished:
                # It came too late to stop the training. It has to stop what comes next.
                raise KeyboardInterrupt
        except KeyboardInterrupt as error:
            raise KeyboardInterrupt(self._what_remains()) from error
        return state

    def resume(self) -> None:
        """Loads the last checkpoint. Call `run` afterwards.

        Raises:
            UserError: there is no checkpoint, or it is damaged.
        """
        tensors, self.state = load_last(self.run_folder)
        self.state.tokenization = self.validator.tokenization
        restore_training(
            tensors, self.model, self.optimizer, self.ema, self.run_folder.checkpoints_dir
        )
        self.journal.rewind(self.state.step)

    # -- updates -----------------------------------------------------------------------------------

    def _train_until(self, interrupted: Event) -> None:
        """Makes updates and validations until the end, or until the user interrupts."""
        state = self.state
        self._started_at = time.monotonic() - state.elapsed_s
        batches = self._next_batches()
        while not state.finished and not interrupted.is_set():
            self._update(next(batches))
            if state.step % self.config.validation.every_steps == 0:
                self._validate()
            if self._budget_used() >= 1:
                state.finished = "budget"

    def _next_batches(self) -> Iterator[Batch]:
        """Yields batches without end, from where the state is."""
        state = self.state
        while True:
            yield from self.batches.batches(state.epoch, state.batch)
            state.epoch += 1
            state.batch = 0

    def _update(self, batch: Batch) -> None:
        """Makes one update of the weights."""
        state = self.state
        update_started_at = time.monotonic()
        rate = learning_rate(self.config.optimizer, state.step, self._budget_used())
        for group in self.optimizer.param_groups:
            group["lr"] = rate

        loss, likelihood = self._loss(batch.to(self.device))
        loss.backward()
        max_norm = self.config.optimizer.max_grad_norm or math.inf
        gradient_norm = nn.utils.clip_grad_norm_(self.model.parameters(), max_norm)
        if bool(gradient_norm.isfinite()):
            self.optimizer.step()
            self._skipped_in_a_row = 0
        else:
            self._count_skipped()
        self.optimizer.zero_grad(set_to_none=True)
        if self.ema is not None:
            self.ema.update(self.model, state.step)

        num_tokens = batch.num_target_tokens
        state.step += 1
        state.batch += 1
        state.tokens += num_tokens
        state.elapsed_s = time.monotonic() - self._started_at
        # These reads wait for a GPU. Reading several updates at once was no faster on an H100.
        likelihood_value = float(likelihood)
        seconds = time.monotonic() - update_started_at
        state.recent.append((likelihood_value, num_tokens, seconds))
        self._report(rate, float(gradient_norm))

    def _loss(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Returns the loss to minimize and the negative log-likelihood to report."""
        with autocast(self.device, self.state.precision):
            decoded = self.model(batch.source, batch.source_mask, batch.target_in)
        loss, likelihood = smoothed_cross_entropy(
            decoded.logits, batch.target_out, smoothing=self.config.label_smoothing, ignore=PAD
        )
        guidance = self.config.guided_alignment * (1 - self._budget_used())
        if guidance > 0 and batch.alignment is not None and decoded.attention is not None:
            alignment_loss = alignment_cross_entropy(
                decoded.attention, batch.alignment, batch.target_out, ignore=PAD
            )
            loss = loss + guidance * alignment_loss
        return loss, likelihood

    def _count_skipped(self) -> None:
        """Notes an update that is skipped because its gradient contains NaN or inf.

        Raises:
            UserError: too many in a row: training will not recover by itself.
        """
        self._skipped_in_a_row += 1
        self.journal.write("skipped", step=self.state.step + 1, why="gradient not finite")
        if self._skipped_in_a_row >= _MAX_SKIPPED_IN_A_ROW:
            raise UserError(
                f"The gradient contained NaN or inf in {_MAX_SKIPPED_IN_A_ROW} updates in a row. "
                "Lower training.optimizer.learning_rate, or set training.precision: float32, and "
                "train again."
            )

    def _budget_used(self) -> float:
        """Returns the share of the budget that is used: 0 at the start, 1 or more at the end."""
        budget = self.config.budget
        state = self.state
        if budget.steps is not None:
            return state.step / budget.steps
        if budget.minutes is not None:
            return state.elapsed_s / (60 * budget.minutes)
        if budget.epochs is not None:
            epoch_done = state.batch / self.batches.num_batches(state.epoch)
            return (state.epoch + epoch_done) / budget.epochs
        raise ValueError("the budget is empty")

    def _report(self, rate: float, gradient_norm: float) -> None:
        """Shows where training is; now and then writes it to the journal."""
        state = self.state
        metrics = recent_metrics(state, rate)
        used = self._budget_used()
        seconds_left = state.elapsed_s / max(used, 1e-9) * (1 - used)
        metric = self.config.validation.metric
        best = state.best_by(metric)
        self.reporter.status(used, status_line(metrics, best, metric, seconds_left))
        if state.step % _JOURNAL_STEPS == 0:
            self.journal.write(
                "step",
                **asdict(metrics),
                gradient_norm=gradient_norm,
                elapsed_s=round(state.elapsed_s, 2),
            )
            state.recent = []

    # -- validations and the end -------------------------------------------------------------------

    def _validate(self) -> None:
        """Validates the weights, keeps them if they are good, and saves a checkpoint."""
        state = self.state
        with self._averaged_weights():
            validation = self.validator(state.precision)
            better = keep_if_best(
                self.run_folder,
                state,
                validation,
                self.model,
                limit=self.config.average,
                metric=self.config.validation.metric,
            )
        state.without_gain = 0 if better else state.without_gain + 1
        state.elapsed_s = time.monotonic() - self._started_at
        self.journal.write(
            "validation",
            step=state.step,
            elapsed_s=round(state.elapsed_s, 2),
            best=better,
            tokenization=state.tokenization,
            **validation.to_dict(),
        )
        for line in validation_lines(state.step, validation, state.elapsed_s, better):
            self.reporter.info(line)
        self.save()
        if self.config.patience and state.without_gain >= self.config.patience:
            state.finished = "patience"

    @contextmanager
    def _averaged_weights(self) -> Iterator[None]:
        """Replaces the weights with the moving average, if there is one, inside the block."""
        if self.ema is None:
            yield
            return
        self.ema.swap(self.model)
        try:
            yield
        finally:
            self.ema.swap(self.model)

    def _finish(self) -> None:
        """Validates once more, averages the best checkpoints, and saves the last checkpoint."""
        state = self.state
        reason = state.finished
        # A kill before all of this is done must lead to a repetition, so checkpoints do not
        # record yet that the run is finished.
        state.finished = ""
        if reason == "budget" and state.step % self.config.validation.every_steps != 0:
            self._validate()
        if not self.run_folder.model_file.exists():
            with self._averaged_weights():
                save_weights(self.run_folder.model_file, current_weights(self.model))
        if reason:
            try_average(
                self.run_folder,
                state,
                self.model,
                self.validator,
                self.journal,
                self.reporter,
                metric=self.config.validation.metric,
            )
        state.finished = reason
        self.save()
        self._log_end(reason or "interrupted")

    def _log_end(self, reason: str) -> None:
        state = self.state
        self.journal.write(
            "end",
            step=state.step,
            why=reason,
            elapsed_s=round(state.elapsed_s, 2),
            tokens=state.tokens,
        )

    def save(self) -> None:
        """Writes the last checkpoint."""
        tensors = training_tensors(self.model, self.optimizer, self.ema, self.device)
        save_last(self.run_folder, tensors, self.state)

    # -- interrupts --------------------------------------------------------------------------------

    def _explain_waiting(self) -> None:
        self.reporter.info(
            "The current update or validation is finished first, and then the training is saved. "
            "Press Ctrl-C again to end at once, without the updates since the last checkpoint."
        )

    def _what_remains(self) -> str:
        """Returns what is saved of a training that ends now."""
        step = self.state.step
        if not has_checkpoint(self.run_folder):
            return f"Interrupted at step {step:,}, not saved. There is no checkpoint yet."
        saved = load_training_state(self.run_folder).step
        if saved == step:
            return f"Interrupted; saved at step {step:,}."
        return f"Interrupted at step {step:,}, not saved. The checkpoint of step {saved:,} remains."
