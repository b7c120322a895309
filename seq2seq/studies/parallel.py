"""What length costs in training time: steps one after the other, or all positions at once."""

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import torch

from seq2seq.config import Config
from seq2seq.studies import pictures
from seq2seq.studies.claims import Measures
from seq2seq.studies.study import Measurement, Results, Study, Table, ratio
from seq2seq.studies.updates import compute_loss, random_batch, random_model, run_update

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CLAIMED_LENGTH = 512
"""Sequential and parallel training are compared at the measured length nearest to this one."""


class ParallelStudy(Study):
    """Training speed against length, of models as large as the translators."""

    key: ClassVar = "parallel"
    title: ClassVar = "Sequential and parallel training"
    about: ClassVar = (
        "Target tokens per second in training (forward and backward), and in the forward pass "
        "alone. Every update has the same number of tokens: the longer the sentences, the fewer "
        "there are. A recurrent layer takes as many steps as a sentence is long, one after the "
        "other. A family that computes all positions at once is not slowed down by length, until "
        "the number of position pairs that attention compares becomes the main cost."
    )

    def measurements(self) -> list[Measurement]:
        speed = self.config.speed
        measurements = []
        for name, run in self.config.translation.runs.items():
            config = run.load()
            settings = {
                "model": config.model.model_dump(mode="json"),
                "tokens": speed.tokens,
                "repeats": speed.repeats,
            }
            for length in speed.lengths:
                measure = partial(self._measure, config, length)
                measurements.append(Measurement(f"{name} {length}", settings, measure))
        return measurements

    def _measure(self, config: Config, length: int) -> dict[str, float]:
        speed = self.config.speed
        seed = self.config.seed
        vocab_size = config.tokenizer.vocab_size
        model = random_model(config.model, vocab_size, seed).train()
        sentences = max(1, speed.tokens // length)
        source, target = random_batch(length, sentences, vocab_size, seed)
        tokens = target.numel()
        update_s = _median_seconds(partial(run_update, model, source, target), speed.repeats)
        with torch.no_grad():
            forward_s = _median_seconds(partial(compute_loss, model, source, target), speed.repeats)
        return {"tokens_per_s": tokens / update_s, "forward_tokens_per_s": tokens / forward_s}

    def measures(self, results: Results) -> Measures:
        lengths = self.config.speed.lengths
        middle = min(range(len(lengths)), key=lambda i: abs(lengths[i] - _CLAIMED_LENGTH))
        speeds = {}
        speed_left = {}
        speed_left_longest = {}
        for name in self.config.translation.runs:
            speeds[name] = [results[f"{name} {length}"]["tokens_per_s"] for length in lengths]
            # Every family is fastest with many short sentences.
            best = max(speeds[name][:2])
            speed_left[name] = ratio(speeds[name][middle], best)
            speed_left_longest[name] = ratio(speeds[name][-1], best)
        return {
            "middle_length": lengths[middle],
            "longest_length": lengths[-1],
            "speed_left": speed_left,
            "speed_left_longest": speed_left_longest,
            "times_slower": _times_slower(speeds),
        }

    def table(self, results: Results) -> Table:
        lengths = self.config.speed.lengths
        rows = []
        for name in self.config.translation.runs:
            for label, key in (("training", "tokens_per_s"), ("forward", "forward_tokens_per_s")):
                cells = [f"{results[f'{name} {length}'][key]:,.0f}" for length in lengths]
                rows.append([name, label, *cells])
        return Table(["model", "tokens/s", *(f"length {length}" for length in lengths)], rows)

    def draw(self, results: Results, figure: "Figure") -> None:
        lengths = self.config.speed.lengths
        left, right = figure.subplots(1, 2, sharey=True)
        panels = ((left, "training", "tokens_per_s"), (right, "forward", "forward_tokens_per_s"))
        for axes, title, key in panels:
            for name in self.config.translation.runs:
                speeds = [results[f"{name} {length}"][key] for length in lengths]
                pictures.line(axes, name, lengths, speeds)
            axes.set(xscale="log", yscale="log", title=title, xlabel="tokens in a sentence")
        left.set_ylabel("target tokens per second")
        left.legend()


def _times_slower(speeds: dict[str, list[float]]) -> dict[str, float]:
    """ "A than B" -> how many times slower A is than B, at the length where A does worst."""
    times_slower = {}
    for slow, slow_speeds in speeds.items():
        for fast, fast_speeds in speeds.items():
            pairs = zip(fast_speeds, slow_speeds, strict=True)
            times_slower[f"{slow} than {fast}"] = max(ratio(b, a) for b, a in pairs)
    return times_slower


def _median_seconds(work: Callable[[], object], repeats: int) -> float:
    work()  # The CPU library compiles its programs for these shapes.
    seconds = []
    for _ in range(repeats):
        started_at = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started_at)
    return statistics.median(seconds)
