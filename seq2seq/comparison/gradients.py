"""Experiment 1: how far back a gradient reaches (Hochreiter 1991; Bengio et al. 1994; Pascanu et al. 2013)."""

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from seq2seq.comparison import pictures, probes
from seq2seq.comparison.experiment import Claim, Experiment, Found, Part, Table, share

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Gradients(Experiment):
    """Norm of the gradient at a distance from the loss."""

    key: ClassVar = "gradients"
    title: ClassVar = "Vanishing gradients"
    about: ClassVar = (
        "The norm of the gradient of the last place's loss with respect to the input, and to the state, so many steps "
        "before, divided by that one step before; small models, at their first weights and after learning to recall "
        "a symbol over a delay. A straight line downwards on the logarithmic axis is a gradient that vanishes "
        "exponentially."
    )

    def parts(self) -> list[Part]:
        settings = self.config.gradients
        return [
            Part(
                f"{name} {when}",
                {
                    "model": self.config.probes[name],
                    "seed": self.config.seed,
                    **asdict(settings),
                    "learning_rate": self.config.memory.learning_rate,
                    "batch": self.config.memory.sequences,
                },
                partial(self._measure, name, when == "trained"),
            )
            for when in ("at the beginning", "trained")
            for name in self.config.probes
        ]

    def _measure(self, name: str, trained: bool) -> dict[str, Any]:
        settings, seed = self.config.gradients, self.config.seed
        model, learnt = probes.probe_model(self.config.probe(name), seed), None
        if trained:
            learnt = probes.learn(
                model,
                "recall",
                settings.trained_delay,
                updates=settings.trained_updates,
                sequences=self.config.memory.sequences,
                learning_rate=self.config.memory.learning_rate,
                seed=seed,
            )
        measured = {
            "input": probes.input_gradients(model, settings.distances, settings.sequences, seed),
            "state": probes.state_gradients(model, settings.distances, settings.sequences, seed),
        }
        return {**measured, "accuracy": learnt.accuracy if learnt else None}

    def claims(self, found: Found) -> list[Claim]:
        far = max((d for d in self.config.gradients.distances if d <= 100), default=1)
        kept = {name: _relative(part["input"]).get(far, 0.0) for name, part in found.items()}
        claims = []
        if "rnn at the beginning" in kept:
            rnn = kept["rnn at the beginning"]
            claims.append(
                Claim(
                    f"In a vanilla RNN the gradient all but vanishes over {far} steps (below 1/1000).",
                    rnn < 1e-3,
                    f"{rnn:.1e} of the gradient one step back is left",
                )
            )
            for name in ("lstm", "gru"):
                if f"{name} at the beginning" in kept:
                    other = kept[f"{name} at the beginning"]
                    claims.append(
                        Claim(
                            f"The gates of the {name.upper()} carry it at least 100 times farther than the vanilla "
                            "RNN does.",
                            other > 100 * rnn,
                            f"{other:.1e} against {rnn:.1e} at {far} steps, at the first weights",
                        )
                    )
        pair = ("lstm at the beginning", "lstm forget bias 0 at the beginning")
        if all(name in kept for name in pair):
            one, zero = (kept[name] for name in pair)
            claims.append(
                Claim(
                    "A forget bias of 1 lets the LSTM feel farther back before it has learnt anything (10 times at least).",
                    one > 10 * zero,
                    f"{one:.1e} with bias 1, {zero:.1e} with bias 0, at {far} steps",
                )
            )
        if "transformer at the beginning" in kept:
            reach = kept["transformer at the beginning"]
            claims.append(
                Claim(
                    "In a Transformer distance costs next to nothing: more than a hundredth is left.",
                    reach > 1e-2,
                    f"{reach:.1e} at {far} steps",
                )
            )
        return claims

    def table(self, found: Found) -> Table:
        distances = self.config.gradients.distances
        rows = []
        for name, part in found.items():
            for kind in ("input", "state"):
                relative = _relative(part[kind])
                if relative:
                    rows.append([name, kind, *(f"{relative[d]:.1e}" for d in distances)])
        return Table(["model", "gradient of the", *(f"{d} back" for d in distances)], rows)

    def draw(self, found: Found, figure: "Figure") -> None:
        grid = figure.subplots(2, 2, sharex=True, sharey=True)
        for column, when in enumerate(("at the beginning", "trained")):
            for row, kind in enumerate(("input", "state")):
                axes = grid[row][column]
                for name in self.config.probes:
                    relative = _relative(found[f"{name} {when}"][kind])
                    # Below this a float32 training feels nothing any more, and a logarithm needs a number.
                    pictures.line(axes, name, list(relative), [max(value, 1e-30) for value in relative.values()])
                axes.set(xscale="log", yscale="log", ylim=(1e-20, 1e3))
                axes.set_title(f"{kind}, {when}")
            grid[1][column].set_xlabel("steps back from the loss")
        figure.supylabel("gradient, relative to one step back", fontsize="medium")
        grid[0][0].legend(fontsize="x-small")


def _relative(norms: dict[str, float]) -> dict[int, float]:
    """Distance -> norm, divided by the one at the smallest distance. (JSON has made texts of the distances.)"""
    by_distance = {int(distance): value for distance, value in norms.items()}
    first = by_distance[min(by_distance)] if by_distance else 0.0
    return {distance: share(value, first) for distance, value in sorted(by_distance.items())}
