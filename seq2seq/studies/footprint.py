"""What length costs in memory: of a training update, and of the state that decoding carries."""

import itertools
import json
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import torch

from seq2seq.config import Config
from seq2seq.errors import UserError
from seq2seq.studies import pictures
from seq2seq.studies.claims import Measures
from seq2seq.studies.probes import state_bytes, state_tensors
from seq2seq.studies.study import Measurement, Results, Study, Table, ratio
from seq2seq.studies.updates import random_model
from seq2seq.text.tokenizer import EOS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ANY_TOKEN = EOS + 1


class FootprintStudy(Study):
    """Memory against length, of models as large as the translators."""

    key: ClassVar = "footprint"
    title: ClassVar = "Memory against length"
    about: ClassVar = (
        "Left: how much the peak memory of a process grows in a training update of a few sentences "
        "of that length. Right: the size of the state that decoding carries from token to token, "
        "after a number of tokens. It does not include what the decoder keeps of the source."
    )

    def measurements(self) -> list[Measurement]:
        speed = self.config.speed
        measurements = []
        for name, run in self.config.translation.runs.items():
            config = run.load()
            model = config.model.model_dump(mode="json")
            for length in speed.memory_lengths:
                settings = {"model": model, "sentences": speed.memory_sentences}
                measure = partial(self._measure_peak, name, config, length)
                measurements.append(Measurement(f"{name} training {length}", settings, measure))
            settings = {"model": model, "lengths": speed.state_lengths}
            measure_state = partial(self._measure_state, config)
            measurements.append(Measurement(f"{name} state", settings, measure_state))
        return measurements

    def _measure_peak(self, name: str, config: Config, length: int) -> float:
        """Returns MB. It needs a new process, because a process has only one peak."""
        task = {
            "model": config.model.model_dump(mode="json"),
            "length": length,
            "sentences": self.config.speed.memory_sentences,
            "vocab_size": config.tokenizer.vocab_size,
            "seed": self.config.seed,
        }
        process = subprocess.run(
            [sys.executable, "-m", "seq2seq.studies.peak_memory"],
            input=json.dumps(task),
            capture_output=True,
            text=True,
            check=False,
        )
        if process.returncode:
            last_lines = process.stderr.strip().splitlines()[-1:]
            raise UserError(
                f"{name}: the memory of an update with sentences of {length} tokens could not be "
                "measured. If memory ran out, use smaller speed.memory_lengths. "
                f"{''.join(last_lines)}"
            )
        return float(process.stdout)

    @torch.inference_mode()
    def _measure_state(self, config: Config) -> dict[int, int]:
        """Returns the size of the decoder state in bytes, by the number of written tokens."""
        lengths = self.config.speed.state_lengths
        model = random_model(config.model, config.tokenizer.vocab_size, self.config.seed).eval()
        source = torch.full((1, 8), _ANY_TOKEN)
        memory = model.encode(source, torch.ones_like(source, dtype=torch.bool))
        state = model.start(memory)
        sizes = {}
        for position in range(1, max(lengths) + 1):
            _, state = model.step(memory, state, torch.tensor([_ANY_TOKEN]))
            if position in lengths:
                sizes[position] = state_bytes(state_tensors(state))
        return sizes

    def measures(self, results: Results) -> Measures:
        names = list(self.config.translation.runs)
        states = {name: list(results[f"{name} state"].values()) for name in names}
        smallest_growth = {}
        for name, sizes in states.items():
            if len(sizes) > 1:
                pairs = itertools.pairwise(sizes)
                smallest_growth[name] = min(after - before for before, after in pairs)
        state_lengths = sorted(self.config.speed.state_lengths)
        return {
            "first_state_length": state_lengths[0],
            "last_state_length": state_lengths[-1],
            "state_kb_first": {name: sizes[0] / 1024 for name, sizes in states.items()},
            "state_kb": {name: sizes[-1] / 1024 for name, sizes in states.items()},
            "state_range": {name: max(sizes) - min(sizes) for name, sizes in states.items()},
            "state_smallest_growth": smallest_growth,
            **self._memory_measures(results),
        }

    def _memory_measures(self, results: Results) -> dict[str, float | dict[str, float]]:
        """Compares the memory of updates at the two greatest lengths, if there are two."""
        lengths = sorted(self.config.speed.memory_lengths)
        shorter_length, longer_length = lengths[-2:] if len(lengths) > 1 else lengths * 2
        shorter = {}
        longer = {}
        growth = {}
        for name in self.config.translation.runs:
            if shorter_length < longer_length:
                shorter[name] = results[f"{name} training {shorter_length}"]
                longer[name] = results[f"{name} training {longer_length}"]
                growth[name] = ratio(longer[name], shorter[name])
        return {
            "length_growth": longer_length / shorter_length,
            "memory_shorter": shorter,
            "memory_longer": longer,
            "memory_growth": growth,
        }

    def table(self, results: Results) -> Table:
        memory_lengths = self.config.speed.memory_lengths
        state_lengths = self.config.speed.state_lengths
        head = ["model"]
        head += [f"training, {length} tokens" for length in memory_lengths]
        head += [f"state after {length}" for length in state_lengths]
        rows = []
        for name in self.config.translation.runs:
            peaks = [results[f"{name} training {length}"] for length in memory_lengths]
            sizes = [results[f"{name} state"][str(length)] for length in state_lengths]
            row = [name]
            row += [f"{peak:,.0f} MB" for peak in peaks]
            row += [f"{size / 1024:,.0f} kB" for size in sizes]
            rows.append(row)
        return Table(head, rows)

    def draw(self, results: Results, figure: "Figure") -> None:
        left, right = figure.subplots(1, 2)
        memory_lengths = self.config.speed.memory_lengths
        state_lengths = self.config.speed.state_lengths
        for name in self.config.translation.runs:
            # A peak below the earlier one reads 0, which a logarithmic axis cannot show.
            peaks = [max(results[f"{name} training {length}"], 1) for length in memory_lengths]
            pictures.line(left, name, memory_lengths, peaks)
            sizes = [results[f"{name} state"][str(length)] / 1024 for length in state_lengths]
            pictures.line(right, name, state_lengths, sizes)
        left.set(xscale="log", yscale="log", title="training")
        left.set(xlabel="tokens in a sentence", ylabel="additional MB at the peak")
        left.legend()
        right.set(xscale="log", yscale="log", title="decoder state")
        right.set(xlabel="written tokens", ylabel="kB")
