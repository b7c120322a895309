"""Experiments 5 and 6: what length costs in training time, in training memory, and in the state of decoding."""

import itertools
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from seq2seq.comparison import pictures
from seq2seq.comparison.experiment import Claim, Experiment, Found, Part, Table, share
from seq2seq.comparison.probes import state_bytes, state_tensors
from seq2seq.comparison.settings import RunSettings
from seq2seq.config import Config
from seq2seq.errors import UserError
from seq2seq.models import Seq2Seq, Vocabulary, build
from seq2seq.training.device import autocast, has_bfloat16_units
from seq2seq.training.loss import smoothed_cross_entropy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PAD = 0


class _OfTranslators(Experiment):
    """What is measured on models of the size that translates; they need not be trained for it."""

    def _configs(self) -> dict[str, Config]:
        return {name: run.load() for name, run in self.config.translation.runs.items()}


def random_model(section: Any, pieces: int, seed: int) -> Seq2Seq[Any, Any]:
    """A model at its first weights."""
    torch.manual_seed(seed)
    return build(section, Vocabulary(source=pieces, target=pieces))


def random_batch(length: int, sentences: int, pieces: int, seed: int) -> tuple[Tensor, Tensor]:
    """source and target (B,L) without padding."""
    random = torch.Generator().manual_seed(seed)
    source, target = (torch.randint(4, pieces, (sentences, length), generator=random) for _ in range(2))
    return source, target


def forward(model: Seq2Seq[Any, Any], source: Tensor, target: Tensor, precision: str) -> Tensor:
    """The loss of a batch, as training computes it."""
    with autocast(torch.device("cpu"), precision):
        logits = model(source, torch.ones_like(source, dtype=torch.bool), target).logits
    return smoothed_cross_entropy(logits, target, smoothing=0.1, ignore=_PAD)[0]


def update(model: Seq2Seq[Any, Any], source: Tensor, target: Tensor, precision: str) -> None:
    """Forward and backward."""
    forward(model, source, target, precision).backward()
    model.zero_grad(set_to_none=True)


def precision_here() -> str:
    """What training would choose by its flags on this CPU."""
    return "bfloat16" if has_bfloat16_units(torch.device("cpu")) else "float32"


class Parallel(_OfTranslators):
    """Training speed against length."""

    key: ClassVar = "parallel"
    title: ClassVar = "Sequential against parallel training"
    about: ClassVar = (
        "Target pieces a second in training (forward and backward), and in the forward pass alone, with the same number of "
        "pieces in every update: the longer the sentences, the fewer there are. A recurrent layer takes as many steps as "
        "a sentence is long, one after the other; what computes all places at once does not mind, until the "
        "number of pairs of places that attention compares counts."
    )

    def parts(self) -> list[Part]:
        settings = self.config.speed
        return [
            Part(
                f"{name} {length}",
                {"model": vars(config.model), "tokens": settings.tokens, "repeats": settings.repeats},
                partial(self._measure, config, length),
            )
            for name, config in self._configs().items()
            for length in settings.lengths
        ]

    def _measure(self, config: Config, length: int) -> dict[str, float]:
        settings, pieces = self.config.speed, config.tokenizer.vocab_size
        model = random_model(config.model, pieces, self.config.seed).train()
        batch = random_batch(length, max(1, settings.tokens // length), pieces, self.config.seed)
        precision, tokens = precision_here(), batch[1].numel()
        measured = {
            "tokens_per_s": tokens / _median_seconds(lambda: update(model, *batch, precision), settings.repeats)
        }
        with torch.no_grad():
            seconds = _median_seconds(lambda: forward(model, *batch, precision), settings.repeats)
        return {**measured, "forward_tokens_per_s": tokens / seconds}

    def claims(self, found: Found) -> list[Claim]:
        lengths = self.config.speed.lengths
        speeds = {
            name: [found[f"{name} {length}"]["tokens_per_s"] for length in lengths]
            for name in self.config.translation.runs
        }
        # Short sentences in many rows are the best that any family does; what is left of it at length L?
        left = {name: [share(value, max(values[:2])) for value in values] for name, values in speeds.items()}
        claims = []
        if {"lstm", "transformer"} <= left.keys():
            middle = min(range(len(lengths)), key=lambda i: abs(lengths[i] - 512))
            claims.append(
                Claim(
                    "At the same number of pieces an update, longer sentences slow the LSTM down more than the "
                    "Transformer: steps one after the other against all at once.",
                    left["lstm"][middle] < left["transformer"][middle],
                    f"at {lengths[middle]} pieces the LSTM keeps {left['lstm'][middle]:.0%} of its best speed, the "
                    f"Transformer {left['transformer'][middle]:.0%}",
                )
            )
            claims.append(
                Claim(
                    "Attention to every place costs ever more: at the greatest length the Transformer is slower than at "
                    "its best by half at least.",
                    left["transformer"][-1] < 0.5,
                    f"{left['transformer'][-1]:.0%} of its best speed at {lengths[-1]} pieces",
                )
            )
        if {"mamba", "transformer"} <= speeds.keys():
            ratio = max(share(t, m) for t, m in zip(speeds["transformer"], speeds["mamba"], strict=True))
            claims.append(
                Claim(
                    "A state space trains in parallel too: it is never more than 4 times slower than the Transformer.",
                    ratio <= 4,
                    f"at most {ratio:.1f} times slower",
                )
            )
        return claims

    def table(self, found: Found) -> Table:
        lengths = self.config.speed.lengths
        rows = [
            [name, what, *(f"{found[f'{name} {length}'][key]:,.0f}" for length in lengths)]
            for name in self.config.translation.runs
            for what, key in (("training", "tokens_per_s"), ("forward", "forward_tokens_per_s"))
        ]
        return Table(["model", "pieces a second", *(f"length {length}" for length in lengths)], rows)

    def draw(self, found: Found, figure: "Figure") -> None:
        lengths = self.config.speed.lengths
        keys = (("training", "tokens_per_s"), ("forward alone", "forward_tokens_per_s"))
        for axes, (title, key) in zip(figure.subplots(1, 2, sharey=True), keys, strict=True):
            for name in self.config.translation.runs:
                pictures.line(axes, name, lengths, [found[f"{name} {length}"][key] for length in lengths])
            axes.set(xscale="log", yscale="log", title=title, xlabel="pieces of a sentence")
        figure.axes[0].set_ylabel("target pieces a second")
        figure.axes[0].legend()


def _median_seconds(work: Callable[[], object], repeats: int) -> float:
    work()  # the library builds its programs for these shapes
    seconds = []
    for _ in range(repeats):
        started_at = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started_at)
    return statistics.median(seconds)


class Footprint(_OfTranslators):
    """Memory against length."""

    key: ClassVar = "footprint"
    title: ClassVar = "Memory against length"
    about: ClassVar = (
        "Left, by how much the peak memory of a process grows in a training update of a few sentences of that length. Right, "
        "the bytes of the state that decoding carries from piece to piece, after so many pieces (what is kept of the source "
        "left out)."
    )

    def parts(self) -> list[Part]:
        settings, found = self.config.speed, []
        for name, config in self._configs().items():
            found += [
                Part(
                    f"{name} training {length}",
                    {"model": vars(config.model), "sentences": settings.memory_sentences},
                    partial(self._peak, name, config, length),
                )
                for length in settings.memory_lengths
            ]
            found.append(
                Part(
                    f"{name} state",
                    {"model": vars(config.model), "lengths": settings.state_lengths},
                    partial(self._state, config),
                )
            )
        return found

    def _peak(self, name: str, config: Config, length: int) -> float:
        """MB; in a process of its own, since a peak is one of a process."""
        run = self.config.translation.runs[name]
        question = {
            "config": run.config,
            "set": run.set,
            "length": length,
            "sentences": self.config.speed.memory_sentences,
            "pieces": config.tokenizer.vocab_size,
            "seed": self.config.seed,
        }
        done = subprocess.run(
            [sys.executable, "-m", "seq2seq.comparison.speed"],
            input=json.dumps(question),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise UserError(
                f"{name}: an update with sentences of {length} pieces could not be measured (out of memory?); give "
                f"smaller speed.memory_lengths. {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else ''}"
            )
        return float(done.stdout)

    @torch.inference_mode()
    def _state(self, config: Config) -> dict[int, int]:
        lengths, pieces = self.config.speed.state_lengths, config.tokenizer.vocab_size
        model = random_model(config.model, pieces, self.config.seed).eval()
        source = torch.full((1, 8), 4)
        memory = model.encode(source, torch.ones_like(source, dtype=torch.bool))
        state, sizes = model.start(memory), {}
        for place in range(1, max(lengths) + 1):
            _, state = model.step(memory, state, torch.tensor([4]))
            if place in lengths:
                sizes[place] = state_bytes(state_tensors(state))
        return sizes

    def claims(self, found: Found) -> list[Claim]:
        lengths = sorted(self.config.speed.memory_lengths)
        claims = []
        states = {name: list(found[f"{name} state"].values()) for name in self.config.translation.runs}
        constant = [name for name, sizes in states.items() if len(set(sizes)) == 1]
        recurrent = [name for name in states if name != "transformer"]
        claims.append(
            Claim(
                "The recurrent families and the state space carry a state of constant size.",
                set(recurrent) <= set(constant),
                "; ".join(f"{name}: {states[name][-1] / 1024:,.0f} kB" for name in recurrent),
            )
        )
        if "transformer" in states:
            sizes = states["transformer"]
            claims.append(
                Claim(
                    "A Transformer's grows with everything that it has written.",
                    all(b > a for a, b in itertools.pairwise(sizes)),
                    f"{sizes[0] / 1024:,.0f} kB after {min(self.config.speed.state_lengths)} pieces, "
                    f"{sizes[-1] / 1024:,.0f} kB after {max(self.config.speed.state_lengths)}",
                )
            )
        if "transformer" in states and len(lengths) > 1:
            a, b = (found[f"transformer training {length}"] for length in lengths[-2:])
            ratio, growth = lengths[-1] / lengths[-2], share(b, a)
            claims.append(
                Claim(
                    "Training a Transformer takes memory that grows faster than length.",
                    growth > ratio,
                    f"{ratio:.0f} times the length takes {growth:.1f} times the memory ({a:,.0f} MB, {b:,.0f} MB)",
                )
            )
        return claims

    def table(self, found: Found) -> Table:
        settings = self.config.speed
        head = [
            "model",
            *(f"training, {length} pieces" for length in settings.memory_lengths),
            *(f"state after {length}" for length in settings.state_lengths),
        ]
        rows = [
            [
                name,
                *(f"{found[f'{name} training {length}']:,.0f} MB" for length in settings.memory_lengths),
                *(f"{found[f'{name} state'][str(length)] / 1024:,.0f} kB" for length in settings.state_lengths),
            ]
            for name in self.config.translation.runs
        ]
        return Table(head, rows)

    def draw(self, found: Found, figure: "Figure") -> None:
        left, right = figure.subplots(1, 2)
        settings = self.config.speed
        for name in self.config.translation.runs:
            # What is less than the process took before does not show; a logarithm needs a number.
            peaks = [max(found[f"{name} training {length}"], 1) for length in settings.memory_lengths]
            pictures.line(left, name, settings.memory_lengths, peaks)
            sizes = [found[f"{name} state"][str(length)] / 1024 for length in settings.state_lengths]
            pictures.line(right, name, settings.state_lengths, sizes)
        left.set(
            xscale="log", yscale="log", title="training", xlabel="pieces of the sentence", ylabel="MB more at the peak"
        )
        right.set(xscale="log", yscale="log", title="state of decoding", xlabel="pieces written", ylabel="kB")
        left.legend()


def _main() -> None:
    """The process that `Footprint` measures: reads the question as JSON, prints MB."""
    question = json.load(sys.stdin)
    section = RunSettings(config=question["config"], set=question["set"]).load().model
    model = random_model(section, question["pieces"], question["seed"]).train()
    precision = precision_here()
    # What the library, the weights and their gradients take is there before it counts.
    update(model, *random_batch(8, 1, question["pieces"], 1), precision)
    before = _peak_mb()
    update(model, *random_batch(question["length"], question["sentences"], question["pieces"], 1), precision)
    sys.stdout.write(f"{_peak_mb() - before}\n")


def _peak_mb() -> float:
    status = Path("/proc/self/status")
    if status.exists():
        # Not ru_maxrss: on Linux a child process begins with its parent's peak.
        return (
            next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM:")) / 1024
        )
    try:
        import resource
    except ImportError:
        raise UserError("this system does not tell a process's peak memory") from None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20) if sys.platform == "darwin" else peak / 1024


if __name__ == "__main__":
    _main()
