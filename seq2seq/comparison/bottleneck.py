"""Experiment 4: recurrent families with attention, and with one vector that carries the sentence."""

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from seq2seq.comparison import pictures
from seq2seq.comparison.experiment import Claim, Found, Part, Table
from seq2seq.comparison.trainings import Training, Translators

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Bottleneck(Translators):
    """Recurrent families with and without attention."""

    key: ClassVar = "bottleneck"
    title: ClassVar = "The bottleneck that attention removed"
    about: ClassVar = (
        "BLEU by the length of the source, with attention (solid) and with one vector of fixed size that carries the "
        "sentence (dashed; Sutskever et al. 2014, Cho et al. 2014), trained for the same time."
    )
    _without: ClassVar = "model.attention=none"

    def trainings(self) -> list[Training]:
        settings = self.config.translation
        return [
            training
            for name in settings.without_attention
            for training in (
                self.training(name, settings.runs[name], settings.minutes),
                self.training(f"{name} without attention", settings.runs[name], settings.minutes, self._without),
            )
        ]

    def parts(self) -> list[Part]:
        return [Part(t.name, self.settings(t), partial(self._part, t)) for t in self.trainings()]

    def _part(self, training: Training) -> dict[str, Any]:
        return self.measured(self.trained(training), "test")

    def claims(self, found: Found) -> list[Claim]:
        claims = []
        for name in self.config.translation.without_attention:
            with_it, without = found[name], found[f"{name} without attention"]
            claims.append(
                Claim(
                    f"Without attention {name} translates clearly worse: the intervals do not touch.",
                    without["bleu"]["high"] < with_it["bleu"]["low"],
                    f"{without['bleu']['score']:.2f} against {with_it['bleu']['score']:.2f} BLEU",
                )
            )
            short, long = (self._gap(with_it, without, end) for end in (0, -1))
            claims.append(
                Claim(
                    f"What {name} lacks without attention, it lacks most in long sentences.",
                    long > short,
                    f"{short:.1f} BLEU fewer in short sentences, {long:.1f} in long ones",
                )
            )
        return claims

    def _gap(self, with_it: Found, without: Found, end: int) -> float:
        """BLEU that attention gains in the first or last bucket of at least 30 sentences."""
        buckets = [
            (a["bleu"] - b["bleu"])
            for a, b in zip(with_it["by_length"], without["by_length"], strict=True)
            if a["n"] >= min(30, self.config.translation.sentences or 30) or len(with_it["by_length"]) == 1
        ]
        return float(buckets[end]) if buckets else 0.0

    def table(self, found: Found) -> Table:
        words = [bucket["words"] for bucket in next(iter(found.values()))["by_length"]]
        rows = [
            [name, f"{part['bleu']['score']:.2f}", *(f"{bucket['bleu']:.1f}" for bucket in part["by_length"])]
            for name, part in found.items()
        ]
        return Table(["model", "BLEU", *(f"{word} words" for word in words)], rows)

    def draw(self, found: Found, figure: "Figure") -> None:
        axes = figure.subplots()
        for name, part in found.items():
            shown = [bucket for bucket in part["by_length"] if bucket["n"] >= 10]
            pictures.line(axes, name, [bucket["words"] for bucket in shown], [bucket["bleu"] for bucket in shown])
        axes.set(xlabel="words of the source", ylabel="BLEU")
        axes.legend()
