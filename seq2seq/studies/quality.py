"""Translators of equal size after equal training time."""

from typing import TYPE_CHECKING, Any, ClassVar

from seq2seq.studies import pictures
from seq2seq.studies.claims import Measures
from seq2seq.studies.study import Results, Table
from seq2seq.studies.training import Training
from seq2seq.studies.translators import TranslatorStudy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_METRICS = ("bleu", "chrf")


class QualityStudy(TranslatorStudy):
    """All families, with equal size and equal time."""

    key: ClassVar = "quality"
    title: ClassVar = "Translation with equal size and equal time"
    about: ClassVar = (
        "Translators with about the same number of parameters, trained for the same time on this "
        "machine with the same corpus, tokens and search. BLEU on the valid split during training "
        "(greedy search), BLEU on the test set with its 95 % interval, the speed of training and "
        "search, and the size of the model."
    )

    def trainings(self) -> list[Training]:
        translation = self.config.translation
        # The reference comes first: the others are compared with its translations.
        runs = {translation.reference: translation.runs[translation.reference], **translation.runs}
        return [self.training(name, run, translation.minutes) for name, run in runs.items()]

    def measure(self, training: Training) -> dict[str, Any]:
        reference = self.reference()
        against = None
        if training != reference:
            against = reference.run.hypotheses_file("test")
        return self.evaluate(self.trained(training), "test", against)

    def measures(self, results: Results) -> Measures:
        reference = self.config.translation.reference
        gain = {}
        p_value = {}
        for name, result in results.items():
            if name != reference:
                gain[name] = result["against"]["bleu"]["delta"]
                p_value[name] = result["against"]["bleu"]["p_value"]
        parameters = {name: result["parameters"] for name, result in results.items()}
        return {
            "reference": reference,
            "bleu": {name: result["bleu"]["score"] for name, result in results.items()},
            "bleu_reference": results[reference]["bleu"]["score"],
            "bleu_gain": gain,
            "p_value": p_value,
            "parameters": parameters,
            "parameters_in_millions": {name: n / 1e6 for name, n in parameters.items()},
        }

    def table(self, results: Results) -> Table:
        head = [
            "model",
            "BLEU (95 %)",
            "chrF (95 %)",
            f"p against {self.config.translation.reference} (BLEU / chrF)",
            "updates",
            "training tokens/s",
            "sentences/s",
            "parameters",
            "file",
        ]
        return Table(head, [_row(name, result) for name, result in results.items()])

    def draw(self, results: Results, figure: "Figure") -> None:
        grid = figure.add_gridspec(2, 2, width_ratios=(1.2, 1))
        curves = figure.add_subplot(grid[:, 0])
        scores = figure.add_subplot(grid[0, 1])
        speeds = figure.add_subplot(grid[1, 1])
        for name, result in results.items():
            minutes = [point[0] for point in result["curve"]]
            pictures.line(curves, name, minutes, [point[1] for point in result["curve"]])
        curves.set(title="during training", xlabel="minutes", ylabel="BLEU (valid, greedy)")
        curves.legend()
        bleu = {name: result["bleu"] for name, result in results.items()}
        pictures.bars(
            scores,
            {name: score["score"] for name, score in bleu.items()},
            [score["low"] for score in bleu.values()],
            [score["high"] for score in bleu.values()],
        )
        scores.set(title="BLEU (test)")
        tokens_per_s = {name: result["tokens_per_s"] or 0 for name, result in results.items()}
        pictures.bars(speeds, tokens_per_s)
        speeds.set(title="training, tokens per second")


def _row(name: str, result: dict[str, Any]) -> list[str]:
    row = [name]
    for metric in _METRICS:
        score = result[metric]
        row.append(f"{score['score']:.2f} ({score['low']:.2f} to {score['high']:.2f})")
    against = result["against"]
    p_values = [f"{against[metric]['p_value']:.3f}" for metric in _METRICS] if against else []
    row.append(" / ".join(p_values))
    row.append(f"{result['updates']:,}")
    row.append(f"{result['tokens_per_s']:,.0f}" if result["tokens_per_s"] else "")
    row.append(f"{result['sentences_per_s']:,.0f}")
    row.append(f"{result['parameters'] / 1e6:.1f} M")
    row.append(f"{result['bytes'] / 1e6:.1f} MB")
    return row
