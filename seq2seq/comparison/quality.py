"""Experiment 7: translators of equal size and equal time."""

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from seq2seq.comparison import pictures
from seq2seq.comparison.experiment import Claim, Found, Part, Table
from seq2seq.comparison.trainings import Training, Translators

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SIGNIFICANT = 0.05
_EXPECTED = {"rnn": "worse", "transformer": "better"}
"""What is said of families against the LSTM; of the others nothing is said that one could bear out."""


class Quality(Translators):
    """All families, equal size, equal time."""

    key: ClassVar = "quality"
    title: ClassVar = "Translation at equal size and equal time"
    about: ClassVar = (
        "Translators of about the same number of parameters, trained for the same minutes on this machine with the same "
        "corpus, pieces and search: BLEU on the valid split (greedy) while they learn, BLEU on the test set with its 95 % "
        "interval, what training and search achieve a second, and what the model weighs."
    )

    def trainings(self) -> list[Training]:
        settings = self.config.translation
        # The reference first: the others are compared with its translations.
        runs = {settings.reference: settings.runs[settings.reference], **settings.runs}
        return [self.training(name, run, settings.minutes) for name, run in runs.items()]

    def parts(self) -> list[Part]:
        return [Part(t.name, self.settings(t), partial(self._part, t)) for t in self.trainings()]

    def _part(self, training: Training) -> dict[str, Any]:
        reference = self.reference()
        against = None if training == reference else reference.folder
        return self.measured(self.trained(training), "test", against)

    def claims(self, found: Found) -> list[Claim]:
        reference, claims = self.config.translation.reference, []
        sizes = {name: part["parameters"] for name, part in found.items()}
        low, high = min(sizes.values()), max(sizes.values())
        claims.append(
            Claim(
                "The models are of one size (within 10 % of 10 million parameters).",
                low >= 9e6 and high <= 11e6,
                ", ".join(f"{name} {size / 1e6:.1f} M" for name, size in sizes.items()),
            )
        )
        for name, part in found.items():
            if name == reference:
                continue
            test = part["against"]["bleu"]
            told = test["p_value"] < _SIGNIFICANT
            numbers = f"{test['score']:.2f} against {test['other']:.2f} BLEU, p = {test['p_value']:.3f}"
            if name in _EXPECTED:
                better = _EXPECTED[name] == "better"
                text = f"{name} translates {_EXPECTED[name]} than {reference} after the same time."
                claims.append(Claim(text, (test["delta"] > 0) == better if told else None, numbers))
            else:
                text = f"{name} cannot be told from {reference} by BLEU after the same time (p of {_SIGNIFICANT} and more)."
                claims.append(Claim(text, not told, numbers))
        return claims

    def table(self, found: Found) -> Table:
        rows = [
            [
                name,
                *(
                    f"{part[key]['score']:.2f} ({part[key]['low']:.2f} to {part[key]['high']:.2f})"
                    for key in ("bleu", "chrf")
                ),
                " / ".join(f"{part['against'][key]['p_value']:.3f}" for key in ("bleu", "chrf"))
                if part["against"]
                else "",
                f"{part['updates']:,}",
                f"{part['tokens_per_s']:,.0f}" if part["tokens_per_s"] else "",
                f"{part['sentences_per_s']:,.0f}",
                f"{part['parameters'] / 1e6:.1f} M",
                f"{part['bytes'] / 1e6:.1f} MB",
            ]
            for name, part in found.items()
        ]
        head = [
            "model",
            "BLEU (95 %)",
            "chrF (95 %)",
            f"p against {self.config.translation.reference} (BLEU / chrF)",
            "updates",
        ]
        return Table([*head, "training pieces/s", "sentences/s", "parameters", "file"], rows)

    def draw(self, found: Found, figure: "Figure") -> None:
        grid = figure.add_gridspec(2, 2, width_ratios=(1.2, 1))
        curves, scores = figure.add_subplot(grid[:, 0]), figure.add_subplot(grid[0, 1])
        speeds = figure.add_subplot(grid[1, 1])
        for name, part in found.items():
            pictures.line(curves, name, [at for at, _ in part["curve"]], [bleu for _, bleu in part["curve"]])
        curves.set(title="while they learn", xlabel="minutes of training", ylabel="BLEU (valid, greedy)")
        curves.legend()
        bleu = {name: part["bleu"] for name, part in found.items()}
        pictures.bars(
            scores,
            {name: score["score"] for name, score in bleu.items()},
            [score["low"] for score in bleu.values()],
            [score["high"] for score in bleu.values()],
        )
        scores.set(title="BLEU (test)")
        pictures.bars(speeds, {name: part["tokens_per_s"] or 0 for name, part in found.items()})
        speeds.set(title="training, pieces a second")
