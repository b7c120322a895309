"""How far back a gradient reaches (Hochreiter 1991; Bengio et al. 1994; Pascanu et al. 2013)."""

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from seq2seq.studies import pictures, probes
from seq2seq.studies.claims import Measures
from seq2seq.studies.study import Measurement, Results, Study, Table, ratio

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STAGES = ("initial weights", "trained")
_KINDS = ("input", "state")
_FARTHEST_CLAIMED = 100
"""The claims are about the farthest measured distance of at most this many steps."""


class GradientStudy(Study):
    """Norm of the gradient at a distance from the loss."""

    key: ClassVar = "gradients"
    title: ClassVar = "Vanishing gradients"
    about: ClassVar = (
        "The norm of the gradient of the loss at the last position, with respect to the input and "
        "to the state a number of steps earlier, divided by the norm one step back. Measured on "
        "small models, with initial weights and after they learned to recall a symbol over a "
        "delay. A straight line downwards on the logarithmic axis is a gradient that vanishes "
        "exponentially."
    )

    def measurements(self) -> list[Measurement]:
        measurements = []
        for stage in _STAGES:
            for name, model in self.config.probes.items():
                settings = {
                    "model": model.model_dump(mode="json"),
                    "seed": self.config.seed,
                    **self.config.gradients.model_dump(mode="json"),
                    "learning_rate": self.config.memory.learning_rate,
                    "batch": self.config.memory.sequences,
                }
                measure = partial(self._measure, name, trained=stage == "trained")
                measurements.append(Measurement(f"{name} {stage}", settings, measure))
        return measurements

    def _measure(self, name: str, *, trained: bool) -> dict[str, Any]:
        settings = self.config.gradients
        seed = self.config.seed
        model = probes.probe_model(self.config.probes[name], seed)
        accuracy = None
        if trained:
            accuracy = probes.learn(
                model,
                "recall",
                settings.trained_delay,
                updates=settings.trained_updates,
                sequences=self.config.memory.sequences,
                learning_rate=self.config.memory.learning_rate,
                seed=seed,
            ).accuracy
        distances = settings.distances
        return {
            "input": probes.input_gradients(model, distances, settings.sequences, seed),
            "state": probes.state_gradients(model, distances, settings.sequences, seed),
            "accuracy": accuracy,
        }

    def measures(self, results: Results) -> Measures:
        near = [each for each in self.config.gradients.distances if each <= _FARTHEST_CLAIMED]
        distance = max(near, default=1)
        gradient_left = {}
        for name in self.config.probes:
            result = results.get(f"{name} {_STAGES[0]}")
            if result is not None:
                gradient_left[name] = _relative(result["input"]).get(distance, 0.0)
        return {"distance": distance, "gradient_left": gradient_left}

    def table(self, results: Results) -> Table:
        distances = self.config.gradients.distances
        rows = []
        for name, result in results.items():
            for kind in _KINDS:
                relative = _relative(result[kind])
                if relative:
                    cells = [f"{relative[distance]:.1e}" for distance in distances]
                    rows.append([name, kind, *cells])
        head = [f"{distance} back" for distance in distances]
        return Table(["model", "gradient of the", *head], rows)

    def draw(self, results: Results, figure: "Figure") -> None:
        grid = figure.subplots(2, 2, sharex=True, sharey=True)
        for column, stage in enumerate(_STAGES):
            for row, kind in enumerate(_KINDS):
                axes = grid[row][column]
                for name in self.config.probes:
                    relative = _relative(results[f"{name} {stage}"][kind])
                    # A logarithmic axis cannot show 0.
                    norms = [max(value, 1e-30) for value in relative.values()]
                    pictures.line(axes, name, list(relative), norms)
                axes.set(xscale="log", yscale="log", ylim=(1e-20, 1e3))
                axes.set_title(f"{kind}, {stage}")
            grid[1][column].set_xlabel("steps back from the loss")
        figure.supylabel("gradient, relative to one step back", fontsize="medium")
        grid[0][0].legend(fontsize="x-small")


def _relative(norms: dict[str, float]) -> dict[int, float]:
    """Distance -> norm, divided by the norm at the smallest distance.

    The distances are strings, because they come from JSON.
    """
    by_distance = {int(distance): norm for distance, norm in norms.items()}
    nearest = by_distance[min(by_distance)] if by_distance else 0.0
    return {distance: ratio(norm, nearest) for distance, norm in sorted(by_distance.items())}
