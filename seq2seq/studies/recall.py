"""How long a model can learn to remember (Hochreiter & Schmidhuber 1997, section 5)."""

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, get_args

from seq2seq.studies import pictures, probes
from seq2seq.studies.claims import Measures
from seq2seq.studies.study import Measurement, Results, Study, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TASKS: tuple[probes.Task, ...] = get_args(probes.Task)


class RecallStudy(Study):
    """Recall and copy over growing delays."""

    key: ClassVar = "memory"
    title: ClassVar = "Memory over distance"
    about: ClassVar = (
        "Small models learn to repeat one symbol after noise (recall) and "
        f"{probes.COPIED} symbols after silence (copy). Top: the share of correct answers on new "
        f"sequences (chance: {1 / probes.SYMBOLS:.1%}). Bottom: the updates until "
        f"{probes.SOLVED:.0%} are correct, if that happened within the budget."
    )

    def measurements(self) -> list[Measurement]:
        training = self.config.memory.model_dump(mode="json", exclude={"delays"})
        measurements = []
        for name, model in self.config.probes.items():
            settings = {
                "model": model.model_dump(mode="json"),
                "seed": self.config.seed,
                **training,
            }
            for task in _TASKS:
                for delay in self.config.memory.delays:
                    measure = partial(self._measure, name, task, delay)
                    measurements.append(Measurement(f"{name} {task} {delay}", settings, measure))
        return measurements

    def _measure(self, name: str, task: probes.Task, delay: int) -> dict[str, Any]:
        settings = self.config.memory
        outcome = probes.learn(
            probes.probe_model(self.config.probes[name], self.config.seed),
            task,
            delay,
            updates=settings.updates,
            sequences=settings.sequences,
            learning_rate=settings.learning_rate,
            seed=self.config.seed,
        )
        return asdict(outcome)

    def measures(self, results: Results) -> Measures:
        longest_recall = {name: self._longest_recall(results, name) for name in self.config.probes}
        return {
            "longest_delay": max(self.config.memory.delays),
            "longest_recall": longest_recall,
        }

    def _longest_recall(self, results: Results, name: str) -> int:
        """The longest delay such that this one and all shorter ones are solved; 0 if none is."""
        longest = 0
        for delay in sorted(self.config.memory.delays):
            if results[f"{name} recall {delay}"]["accuracy"] < probes.SOLVED:
                break
            longest = delay
        return longest

    def table(self, results: Results) -> Table:
        delays = self.config.memory.delays
        rows = []
        for name in self.config.probes:
            for task in _TASKS:
                outcomes = [results[f"{name} {task} {delay}"] for delay in delays]
                rows.append([name, task, *(_cell(outcome) for outcome in outcomes)])
        return Table(["model", "task", *(f"delay {delay}" for delay in delays)], rows)

    def draw(self, results: Results, figure: "Figure") -> None:
        grid = figure.subplots(2, 2, sharex=True, sharey="row")
        delays = self.config.memory.delays
        for column, task in enumerate(_TASKS):
            top = grid[0][column]
            bottom = grid[1][column]
            for name in self.config.probes:
                outcomes = {delay: results[f"{name} {task} {delay}"] for delay in delays}
                accuracies = [outcome["accuracy"] for outcome in outcomes.values()]
                pictures.line(top, name, delays, accuracies)
                solved_at = {
                    delay: outcome["solved_at"]
                    for delay, outcome in outcomes.items()
                    if outcome["solved_at"]
                }
                pictures.line(bottom, name, list(solved_at), list(solved_at.values()))
            top.set(title=task, xscale="log", ylim=(0, 1.05))
            bottom.set(xlabel="delay", xscale="log")
        grid[0][0].set_ylabel("correct answers")
        grid[1][0].set_ylabel("updates until solved")
        grid[0][0].legend()


def _cell(outcome: dict[str, Any]) -> str:
    """Accuracy, and the updates until the task was solved."""
    text = f"{outcome['accuracy']:.0%}"
    return f"{text} ({outcome['solved_at']})" if outcome["solved_at"] else text
