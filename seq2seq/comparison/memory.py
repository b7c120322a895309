"""Experiment 2: how long a model can learn to remember (Hochreiter & Schmidhuber 1997, section 5)."""

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, get_args

from seq2seq.comparison import pictures, probes
from seq2seq.comparison.experiment import Claim, Experiment, Found, Part, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SOLVED = 0.98


class Memory(Experiment):
    """Recall and copy over growing delays."""

    key: ClassVar = "memory"
    title: ClassVar = "Memory over distance"
    about: ClassVar = (
        f"Small models learn to repeat one symbol after noise (recall) and {probes.COPIED} symbols after silence (copy). "
        f"Above, the share of right answers on new sequences (chance: {1 / probes.SYMBOLS:.1%}); below, the updates until "
        f"{_SOLVED:.0%} are right, where that came within the budget."
    )

    def parts(self) -> list[Part]:
        return [
            Part(
                f"{name} {task} {delay}",
                {
                    "model": self.config.probes[name],
                    "seed": self.config.seed,
                    **{key: value for key, value in asdict(self.config.memory).items() if key != "delays"},
                },
                partial(self._measure, name, task, delay),
            )
            for name in self.config.probes
            for task in get_args(probes.Task)
            for delay in self.config.memory.delays
        ]

    def _measure(self, name: str, task: probes.Task, delay: int) -> dict[str, Any]:
        settings = self.config.memory
        learnt = probes.learn(
            probes.probe_model(self.config.probe(name), self.config.seed),
            task,
            delay,
            updates=settings.updates,
            sequences=settings.sequences,
            learning_rate=settings.learning_rate,
            seed=self.config.seed,
        )
        return asdict(learnt)

    def claims(self, found: Found) -> list[Claim]:
        reach = {name: self._longest(found, name, "recall") for name in self.config.probes}
        claims = []
        longest = max(self.config.memory.delays)
        if "rnn" in reach and "lstm" in reach:
            claims.append(
                Claim(
                    "The LSTM learns to remember over longer delays than the vanilla RNN.",
                    None if reach["rnn"] == longest else reach["lstm"] > reach["rnn"],
                    f"recall is solved up to {reach['lstm']} pieces by the LSTM, up to {reach['rnn']} by the RNN",
                )
            )
        if "transformer" in reach:
            claims.append(
                Claim(
                    "For a Transformer the delay does not matter: it solves every recall.",
                    reach["transformer"] == longest,
                    f"solved up to {reach['transformer']} of {longest} pieces",
                )
            )
        if "mamba" in reach and "lstm" in reach:
            claims.append(
                Claim(
                    "A selective state space remembers at least as far as the LSTM, with a state of constant size too.",
                    reach["mamba"] >= reach["lstm"],
                    f"recall is solved up to {reach['mamba']} pieces by Mamba, up to {reach['lstm']} by the LSTM",
                )
            )
        return claims

    def _longest(self, found: Found, name: str, task: str) -> int:
        """The longest delay that is solved, all shorter ones being solved too; 0 if there is none."""
        solved = 0
        for delay in sorted(self.config.memory.delays):
            if found[f"{name} {task} {delay}"]["accuracy"] < _SOLVED:
                break
            solved = delay
        return solved

    def table(self, found: Found) -> Table:
        delays = self.config.memory.delays
        rows = []
        for name in self.config.probes:
            for task in get_args(probes.Task):
                cells = [found[f"{name} {task} {delay}"] for delay in delays]
                rows.append(
                    [
                        name,
                        task,
                        *(
                            f"{cell['accuracy']:.0%}" + (f" ({cell['solved_at']})" if cell["solved_at"] else "")
                            for cell in cells
                        ),
                    ]
                )
        return Table(["model", "task", *(f"delay {delay}" for delay in delays)], rows)

    def draw(self, found: Found, figure: "Figure") -> None:
        grid, delays = figure.subplots(2, 2, sharex=True, sharey="row"), self.config.memory.delays
        for column, task in enumerate(get_args(probes.Task)):
            above, below = grid[0][column], grid[1][column]
            for name in self.config.probes:
                cells = [found[f"{name} {task} {delay}"] for delay in delays]
                pictures.line(above, name, delays, [cell["accuracy"] for cell in cells])
                solved = [(d, cell["solved_at"]) for d, cell in zip(delays, cells, strict=True) if cell["solved_at"]]
                pictures.line(below, name, [d for d, _ in solved], [at for _, at in solved])
            above.set(title=task, xscale="log", ylim=(0, 1.05))
            below.set(xlabel="delay", xscale="log")
        grid[0][0].set_ylabel("right answers")
        grid[1][0].set_ylabel("updates until solved")
        grid[0][0].legend()
