"""The metrics, one entry each: label, how sacreBLEU builds it, and which direction is better.

To add a metric, add an entry to METRICS. It then appears in evaluation.json, in the table in the
terminal and in paired tests.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class SacrebleuScore(Protocol):
    """A score object of sacreBLEU."""

    score: float


class SacrebleuBLEUScore(SacrebleuScore, Protocol):
    """The score object of BLEU, which also has the lengths."""

    bp: float
    ratio: float
    sys_len: int
    ref_len: int


class SacrebleuSignature(Protocol):
    """Says how to reproduce a score. `str` gives the text that sacreBLEU prints."""

    def update(self, key: str, value: object) -> None: ...


class SacrebleuMetric(Protocol):
    """What we use of sacreBLEU's BLEU, CHRF and TER."""

    def _extract_corpus_statistics(
        self, hypotheses: list[str], references: list[list[str]]
    ) -> list[list[float]]: ...

    def _compute_score_from_stats(self, stats: list[float]) -> SacrebleuScore: ...

    def get_signature(self) -> SacrebleuSignature: ...


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric that every report has."""

    label: str
    """Its name in the terminal."""
    build: Callable[[str, bool], SacrebleuMetric]
    """(tokenization, lowercase) -> sacreBLEU's metric, with its default settings for everything
    else."""
    lower_is_better: bool = False


# sacreBLEU is imported when a metric is built, because the import takes a tenth of a second.


def _bleu(tokenization: str, lowercase: bool) -> SacrebleuMetric:
    from sacrebleu.metrics import BLEU

    # `force` turns off the warning about tokenized output. It does not change the score.
    bleu: SacrebleuMetric = BLEU(tokenize=tokenization, lowercase=lowercase, force=True)
    return bleu


def _chrf(tokenization: str, lowercase: bool) -> SacrebleuMetric:
    from sacrebleu.metrics import CHRF

    chrf: SacrebleuMetric = CHRF(lowercase=lowercase)
    return chrf


def _ter(tokenization: str, lowercase: bool) -> SacrebleuMetric:
    from sacrebleu.metrics import TER

    # TER always ignores case, as in sacreBLEU.
    ter: SacrebleuMetric = TER()
    return ter


METRICS: dict[str, Metric] = {
    "bleu": Metric(label="BLEU", build=_bleu),
    "chrf": Metric(label="chrF", build=_chrf),
    "ter": Metric(label="TER", build=_ter, lower_is_better=True),
}
"""The metrics in the order in which they are shown. The names are keys of every report."""
