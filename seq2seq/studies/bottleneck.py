"""Recurrent families with attention, and with one vector that carries the whole sentence."""

from typing import TYPE_CHECKING, Any, ClassVar

from seq2seq.studies import pictures
from seq2seq.studies.claims import Measures
from seq2seq.studies.study import Results, Table
from seq2seq.studies.training import Training
from seq2seq.studies.translators import TranslatorStudy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Buckets of source lengths with fewer sentences do not count in the claims, or are not drawn.
_MIN_CLAIMED = 30
_MIN_DRAWN = 10


class BottleneckStudy(TranslatorStudy):
    """Recurrent families with and without attention."""

    key: ClassVar = "bottleneck"
    title: ClassVar = "The bottleneck that attention removed"
    about: ClassVar = (
        "BLEU by the length of the source, with attention (solid) and with one vector of fixed "
        "size that carries the sentence (dashed; Sutskever et al. 2014, Cho et al. 2014), after "
        "the same training time."
    )

    def trainings(self) -> list[Training]:
        translation = self.config.translation
        trainings = []
        for name in translation.without_attention:
            run = translation.runs[name]
            trainings.append(self.training(name, run, translation.minutes))
            trainings.append(
                self.training(_without(name), run, translation.minutes, "model.attention=none")
            )
        return trainings

    def measure(self, training: Training) -> dict[str, Any]:
        return self.evaluate(self.trained(training), "test")

    def measures(self, results: Results) -> Measures:
        measures: dict[str, dict[str, float]] = {
            "bleu": {},
            "low": {},
            "bleu_without": {},
            "high_without": {},
            "loss_short": {},
            "loss_long": {},
        }
        for name in self.config.translation.without_attention:
            attention = results[name]
            without = results[_without(name)]
            measures["bleu"][name] = attention["bleu"]["score"]
            measures["low"][name] = attention["bleu"]["low"]
            measures["bleu_without"][name] = without["bleu"]["score"]
            measures["high_without"][name] = without["bleu"]["high"]
            losses = self._losses_by_length(attention["by_length"], without["by_length"])
            measures["loss_short"][name] = losses[0]
            measures["loss_long"][name] = losses[-1]
        return measures

    def _losses_by_length(
        self, attention: list[dict[str, Any]], without: list[dict[str, Any]]
    ) -> list[float]:
        """BLEU lost without attention in each bucket with enough sentences, short to long."""
        enough = min(_MIN_CLAIMED, self.config.translation.sentences or _MIN_CLAIMED)
        losses = []
        for bucket, bucket_without in zip(attention, without, strict=True):
            if bucket["n"] >= enough or len(attention) == 1:
                losses.append(float(bucket["bleu"] - bucket_without["bleu"]))
        return losses or [0.0]

    def table(self, results: Results) -> Table:
        if not results:
            return Table(["model", "BLEU"], [])
        first = next(iter(results.values()))
        head = ["model", "BLEU", *(f"{bucket['words']} words" for bucket in first["by_length"])]
        rows = []
        for name, result in results.items():
            cells = [f"{bucket['bleu']:.1f}" for bucket in result["by_length"]]
            rows.append([name, f"{result['bleu']['score']:.2f}", *cells])
        return Table(head, rows)

    def draw(self, results: Results, figure: "Figure") -> None:
        axes = figure.subplots()
        for name, result in results.items():
            buckets = [bucket for bucket in result["by_length"] if bucket["n"] >= _MIN_DRAWN]
            words = [bucket["words"] for bucket in buckets]
            pictures.line(axes, name, words, [bucket["bleu"] for bucket in buckets])
        axes.set(xlabel="words in the source", ylabel="BLEU")
        axes.legend()


def _without(name: str) -> str:
    return f"{name} without attention"
