"""The training loop: update, validate, keep the best, stop when the budget is used or nothing gets better.

Everything that the next update depends on is in `Progress`, the weights, the optimiser and torch's random state; all
of it is in a checkpoint, so that a resumed run goes on exactly as if it had not stopped.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from seq2seq.allocator import keep_freed_memory
from seq2seq.data.batching import Batch, TrainingBatches
from seq2seq.data.tokenizer import PAD
from seq2seq.errors import UserError
from seq2seq.models import Seq2Seq
from seq2seq.training import checkpoint
from seq2seq.training.device import autocast, has_bfloat16_units, measure_precisions
from seq2seq.training.display import Display
from seq2seq.training.interrupt import stop_on_interrupt
from seq2seq.training.journal import Journal
from seq2seq.training.loss import alignment_cross_entropy, smoothed_cross_entropy
from seq2seq.training.optim import Ema, learning_rate, make_optimizer
from seq2seq.training.settings import Progress, TrainingConfig
from seq2seq.training.validation import Validation, Validator


class Trainer:
    """Trains one model into one run folder."""

    def __init__(
        self,
        model: Seq2Seq[Any, Any],
        batches: TrainingBatches,
        validator: Validator,
        config: TrainingConfig,
        folder: Path,
        display: Display,
    ) -> None:
        self.model, self.batches, self.validator = model, batches, validator
        self.config, self.folder, self.display = config, folder, display
        self.device = next(model.parameters()).device
        self.optimizer = make_optimizer(config.optimizer, model)
        self.ema = Ema(model, config.ema) if config.ema else None
        self.journal = Journal(folder / "journal.jsonl")
        self.progress = Progress()
        self._broken = 0
        self._epoch_size = (-1, 0)  # (epoch, its batches); they differ a little when pieces are sampled

    # -- the loop ------------------------------------------------------------------------------------------------

    def run(self) -> Progress:
        """Trains until the budget is used, patience is lost or a person stops it (`progress.finished` stays empty)."""
        keep_freed_memory()
        if self.progress.finished == "budget" and self._share_used() >= 1:
            self._write_end(interrupted=False)  # resumed with nothing left to do
            return self.progress
        self.progress.precision = self._resumed_precision() or self._choose_precision()
        # Killed after its last update, but before all was done: only the end is left.
        self.progress.finished = "budget" if self._share_used() >= 1 else ""
        self.model.train()
        with stop_on_interrupt() as stop, self.display:
            self._clock = time.monotonic() - self.progress.elapsed_s
            while not self.progress.finished and not stop.is_set():
                for batch in self.batches.batches(self.progress.epoch, self.progress.batch):
                    self._update(batch)
                    if self.progress.step % self.config.validation.every_steps == 0:
                        self._validate()
                    if self._share_used() >= 1:
                        self.progress.finished = "budget"
                    if self.progress.finished or stop.is_set():
                        break
                else:
                    self.progress.epoch, self.progress.batch = self.progress.epoch + 1, 0
            self._end(interrupted=stop.is_set() and not self.progress.finished)
        return self.progress

    def _update(self, batch: Batch) -> None:
        started_at = time.monotonic()
        config, progress = self.config.optimizer, self.progress
        rate = learning_rate(config, progress.step, self._share_used())
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss, likelihood = self._loss(batch.to(self.device))
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), config.clip_norm or math.inf)
        if bool(torch.isfinite(norm)):
            self.optimizer.step()
            self._broken = 0
        else:
            self._count_broken()
        self.optimizer.zero_grad(set_to_none=True)
        if self.ema:
            self.ema.update(self.model, progress.step)
        tokens = batch.target_tokens
        progress.step, progress.batch, progress.tokens = progress.step + 1, progress.batch + 1, progress.tokens + tokens
        progress.elapsed_s = time.monotonic() - self._clock
        progress.recent.append((float(likelihood), tokens, time.monotonic() - started_at))
        self._report(rate, float(norm))

    def _loss(self, batch: Batch) -> tuple[Tensor, Tensor]:
        with autocast(self.device, self.progress.precision):
            decoded = self.model(batch.source, batch.source_mask, batch.target_in)
        smoothing, target = self.config.label_smoothing, batch.target_out
        loss, likelihood = smoothed_cross_entropy(decoded.logits, target, smoothing=smoothing, ignore=PAD)
        strength = self.config.guided_alignment * (1 - self._share_used())
        if strength > 0 and batch.alignment is not None and decoded.attention is not None:
            guidance = alignment_cross_entropy(decoded.attention, batch.alignment, target, ignore=PAD)
            loss = loss + strength * guidance
        return loss, likelihood

    def _count_broken(self) -> None:
        """An update whose gradient is not finite is left out; many in a row cannot be mended by going on."""
        self._broken += 1
        self.journal.write("skipped", step=self.progress.step + 1, why="gradient not finite")
        if self._broken >= 20:
            raise UserError(
                "The loss is not a number any more. Lower training.optimizer.learning_rate, or set "
                "training.precision: float32, and train anew."
            )

    def _report(self, rate: float, norm: float) -> None:
        progress = self.progress
        tokens = sum(count for _, count, _ in progress.recent)
        facts = {
            "step": progress.step,
            "epoch": progress.epoch + 1,
            "loss": sum(loss * count for loss, count, _ in progress.recent) / max(tokens, 1),
            "tokens_per_s": tokens / max(sum(seconds for _, _, seconds in progress.recent), 1e-9),
            "learning_rate": rate,
        }
        share = self._share_used()
        left_s = progress.elapsed_s / max(share, 1e-9) * (1 - share)
        self.display.step(facts, share, left_s, progress.best[0][0] if progress.best else None)
        if progress.step % 50 == 0:
            self.journal.write("step", **facts, gradient_norm=norm, elapsed_s=round(progress.elapsed_s, 2))
            progress.recent = []

    def _share_used(self) -> float:
        """How much of the budget is used, 0 to 1 and above."""
        budget, progress = self.config.budget, self.progress
        if budget.steps is not None:
            return progress.step / budget.steps
        if budget.minutes is not None:
            return progress.elapsed_s / (60 * budget.minutes)
        assert budget.epochs is not None
        if self._epoch_size[0] != progress.epoch:
            self._epoch_size = (progress.epoch, len(self.batches.epoch(progress.epoch)))
        return (progress.epoch + progress.batch / self._epoch_size[1]) / budget.epochs

    # -- validation and checkpoints --------------------------------------------------------------------------------

    def _validate(self) -> None:
        progress = self.progress
        with self._kept_weights():
            found = self.validator(progress.precision)
            better = not progress.best or found.bleu > progress.best[0][0]
            self._keep_best(found, better)
        progress.without_gain = 0 if better else progress.without_gain + 1
        progress.elapsed_s = time.monotonic() - self._clock
        self._record(found, better)
        self.save()
        if self.config.patience and progress.without_gain >= self.config.patience:
            progress.finished = "patience"

    def _record(self, found: Validation, better: bool) -> None:
        step, elapsed_s = self.progress.step, round(self.progress.elapsed_s, 2)
        self.journal.write("validation", step=step, elapsed_s=elapsed_s, best=better, **found.to_dict())
        self.display.validation(step, found, elapsed_s, better)

    def _keep_best(self, found: Validation, better: bool) -> None:
        """Writes these weights if they are among the best, and drops the one that falls out."""
        best = self.progress.best
        best[:] = [entry for entry in best if entry[1] != self.progress.step]  # validated again after a kill
        if len(best) >= self.config.average and found.bleu <= best[-1][0]:
            return
        weights = self._weights()
        checkpoint.save_weights(self._best_file(self.progress.step), weights)
        best.append((found.bleu, self.progress.step))
        best.sort(key=lambda entry: (-entry[0], entry[1]))
        for _, step in best[self.config.average :]:
            self._best_file(step).unlink(missing_ok=True)
        del best[self.config.average :]
        if better and found.bleu > self.progress.mean_bleu:
            checkpoint.save_weights(self.folder / checkpoint.MODEL_FILE, weights)

    def _best_file(self, step: int) -> Path:
        (self.folder / "checkpoints").mkdir(exist_ok=True)
        return checkpoint.best_file(self.folder, step)

    def _weights(self) -> dict[str, Tensor]:
        return {name: parameter.detach().cpu() for name, parameter in self.model.named_parameters()}

    @contextmanager
    def _kept_weights(self) -> Iterator[None]:
        """The weights that are validated and kept: the running mean, where there is one."""
        if self.ema:
            self.ema.swap(self.model)
        try:
            yield
        finally:
            if self.ema:
                self.ema.swap(self.model)

    def _end(self, interrupted: bool) -> None:
        """The last validation, the mean of the best checkpoints, the last checkpoint."""
        progress = self.progress
        why, progress.finished = progress.finished, ""  # until all is done, so that a kill from here on is taken up
        if why == "budget" and progress.step % self.config.validation.every_steps:
            self._validate()
        if not (self.folder / checkpoint.MODEL_FILE).exists():
            with self._kept_weights():
                checkpoint.save_weights(self.folder / checkpoint.MODEL_FILE, self._weights())
        if not interrupted and len(progress.best) > 1:
            self._try_mean()
        progress.finished = why
        self.save()
        self._write_end(interrupted)

    def _write_end(self, interrupted: bool) -> None:
        progress = self.progress
        self.journal.write(
            "end",
            step=progress.step,
            why="interrupted" if interrupted else progress.finished,
            elapsed_s=round(progress.elapsed_s, 2),
            tokens=progress.tokens,
        )

    def _try_mean(self) -> None:
        """Keeps the mean of the best checkpoints if it validates at least as well as the best of them, and as the mean
        that the end of a smaller budget has kept."""
        # Somebody may have deleted some, to make room.
        steps = [step for _, step in self.progress.best if self._best_file(step).exists()]
        if len(steps) < 2:
            return
        own = {name: tensor.clone() for name, tensor in self._weights().items()}
        mean = checkpoint.mean_weights([self._best_file(step) for step in steps])
        checkpoint.load_into(self.model, mean, self.folder)
        found = self.validator(self.progress.precision)
        best, before = self.progress.best[0][0], self.progress.mean_bleu
        kept = found.bleu >= max(best, before)
        if kept:
            checkpoint.save_weights(self.folder / checkpoint.MODEL_FILE, mean)
            self.progress.mean_bleu = found.bleu
        checkpoint.load_into(self.model, own, self.folder)
        self.journal.write("mean", step=self.progress.step, of=steps, bleu=found.bleu, loss=found.loss, kept=kept)
        old = f", the mean of before {before:.2f}" if before >= 0 else ""
        winner = "mean" if kept else "mean of before" if before >= best else "best one"
        self.display.say(
            f"mean of the {len(steps)} best checkpoints: BLEU {found.bleu:.2f}, the best one {best:.2f}{old}; "
            f"the {winner} is kept"
        )

    def save(self) -> None:
        """Writes checkpoints/last."""
        tensors = {f"model.{name}": tensor.clone() for name, tensor in self._weights().items()}
        tensors |= checkpoint.optimizer_tensors(self.optimizer)
        if self.ema:
            tensors |= {f"ema.{name}": tensor for name, tensor in self.ema.weights.items()}
        tensors["random.cpu"] = torch.get_rng_state()
        if self.device.type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state(self.device)
        checkpoint.save_last(self.folder, tensors, asdict(self.progress))

    def resume(self) -> None:
        """Takes up checkpoints/last."""
        tensors, facts = checkpoint.load_last(self.folder)
        try:
            facts["best"] = [(bleu, step) for bleu, step in facts["best"]]
            self.progress = Progress(**facts)
        except (KeyError, TypeError, ValueError):
            raise UserError(f"The last checkpoint of {self.folder} is damaged: its state.json is of no run.") from None
        groups: dict[str, dict[str, Tensor]] = {"model": {}, "ema": {}}
        for name, tensor in tensors.items():
            kind, _, rest = name.partition(".")
            groups.setdefault(kind, {})[rest] = tensor
        checkpoint.load_into(self.model, groups["model"], self.folder)
        checkpoint.restore_optimizer(self.optimizer, tensors)
        if self.ema:
            # A mean that the run did not have so far begins at the weights it has now. Copies: what was loaded is
            # mapped from the file that the next checkpoint replaces.
            self.ema = Ema(self.model, self.config.ema)
            self.ema.weights |= {name: tensor.to(self.device, copy=True) for name, tensor in groups["ema"].items()}
        torch.set_rng_state(groups["random"]["cpu"])
        if self.device.type == "cuda" and "cuda" in groups["random"]:
            torch.cuda.set_rng_state(groups["random"]["cuda"], self.device)
        self.journal.rewind(self.progress.step)

    def _resumed_precision(self) -> str:
        """What the run was begun in, unless the config names another one now; float32 on a processor that cannot go on
        so. Empty for a new run."""
        begun, wanted = self.progress.precision, self.config.precision
        chosen, why = begun, ""
        if begun and wanted not in ("auto", begun):
            chosen, why = self._choose_precision(), "training.precision"
        elif begun == "bfloat16" and self.device.type == "cpu" and not has_bfloat16_units(self.device):
            if begun not in self._measure_precisions():
                chosen, why = "float32", "this processor cannot train in bfloat16"
        if why:
            self.journal.write("precision", step=self.progress.step, chosen=chosen)
            self.display.say(f"precision: {chosen} from here on ({why})")
        return chosen

    def _choose_precision(self) -> str:
        if self.config.precision == "float32":
            return self.config.precision
        seconds = self._measure_precisions()
        if self.config.precision == "bfloat16":
            if "bfloat16" not in seconds:
                raise UserError(
                    "training.precision is bfloat16, which this processor cannot train in; use auto or float32."
                )
            return self.config.precision
        chosen = min(seconds, key=lambda name: seconds[name])
        self.journal.write("precision", step=0, chosen=chosen, seconds=seconds)
        times = ", ".join(f"{name} {value * 1000:.0f} ms" for name, value in seconds.items())
        self.display.say(f"precision: {chosen} ({times} for forward and backward of a batch)")
        return chosen

    def _measure_precisions(self) -> dict[str, float]:
        self.model.train()
        # Any batch will do: all have about the same number of tokens.
        batch = next(self.batches.batches(0)).to(self.device)

        def loss(batch: Batch) -> Tensor:
            logits = self.model(batch.source, batch.source_mask, batch.target_in).logits
            return smoothed_cross_entropy(logits, batch.target_out, smoothing=0, ignore=PAD)[0]

        return measure_precisions(self.model, batch, loss, self.device)
