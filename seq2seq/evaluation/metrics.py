"""BLEU, chrF and TER with bootstrap intervals, computed by sacreBLEU.

The settings are sacreBLEU's defaults, except for case and for the tokenization of BLEU, which
depends on the target language (see tokenization.py).

Dimensions: N sentences, R reference sets, B bootstrap resamples, K statistics of a sentence.

Every score is computed by sacreBLEU's own code and equals what the `sacrebleu` command prints for
the same lines and tokenization. Only the resampling is ours. A metric is a function of the sum of K
statistics over all sentences. So we compute the statistics of each sentence once (for TER, which
searches for shifts, that is nearly all of the time), and a resample is a weighted sum of these
rows.

The draws are those of sacreBLEU: same generator, same seed, same order. So an interval is the one
that `sacrebleu --confidence` prints as mean ± half width.

sacreBLEU has no public function for the statistics. Only this file calls its private methods. Which
metrics there are is in metric_table.py.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from seq2seq.errors import UserError
from seq2seq.evaluation.metric_table import (
    METRICS,
    SacrebleuBLEUScore,
    SacrebleuMetric,
    SacrebleuScore,
)
from seq2seq.evaluation.tokenization import DEFAULT_TOKENIZATION

NUM_RESAMPLES = 1000
"""sacreBLEU's default."""
BOOTSTRAP_SEED = 12345
"""sacreBLEU's default. With both defaults its command prints our intervals without more options."""

# A block of draws takes 8 bytes for each. This limits the memory for any number of sentences.
_DRAWS_PER_BLOCK = 1_000_000


@dataclass(frozen=True, kw_only=True)
class MetricScore:
    """The score of one system in one metric."""

    score: float
    """BLEU and chrF: 0 to 100, higher is better. TER: percent of edits, lower is better, can be
    more than 100."""
    signature: str
    """sacreBLEU's signature, which says how to reproduce the score."""
    low: float | None = None
    """Lower end of the 95 % bootstrap interval. None without bootstrap."""
    high: float | None = None
    """Upper end of the 95 % bootstrap interval. None without bootstrap."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """The scores of one system in all metrics, and the lengths that BLEU counted."""

    metrics: dict[str, MetricScore]
    """Metric name -> score, in the order of METRICS."""
    num_sentences: int
    brevity_penalty: float
    """BLEU's factor for output that is too short, 0 to 1. 1 means no penalty."""
    length_ratio: float
    """`system_length` / `reference_length`. 0 if the references are empty."""
    system_length: int
    """Tokens of the system, as BLEU counts them."""
    reference_length: int
    """Tokens of the closest reference of each sentence, as BLEU counts them."""

    def to_dict(self) -> dict[str, Any]:
        """Returns plain dicts and numbers for JSON. Each metric is a key of its own."""
        fields = asdict(self)
        metrics: dict[str, Any] = fields.pop("metrics")
        return metrics | fields


@dataclass(frozen=True, kw_only=True)
class SufficientStatistics:
    """The statistics of one metric for each sentence. They are enough to score any subset."""

    metric: SacrebleuMetric
    rows: NDArray[np.float64]
    """(N, K). The score of some sentences is a function of the sum of their rows."""

    def score(self) -> SacrebleuScore:
        """Returns sacreBLEU's score object for all N sentences."""
        return self.metric._compute_score_from_stats(self.rows.sum(axis=0).tolist())

    def resampled_scores(self, *, bootstrap: int, seed: int) -> NDArray[np.float64]:
        """Returns (B,) scores of B resamples of N sentences, drawn with replacement.

        The draws depend on `seed` and N only. So two systems on the same sentences get the same
        draws, and the comparison of their scores is a paired one.
        """
        scores = []
        for weights in _resample_weights(len(self.rows), bootstrap, seed):
            # (b, N) @ (N, K) -> (b, K)
            for statistics in weights @ self.rows:
                scores.append(self.metric._compute_score_from_stats(statistics.tolist()).score)
        return np.array(scores)

    def signature(self, *, bootstrap: int = 0, seed: int = 0) -> str:
        """Returns the signature that sacreBLEU prints.

        With `bootstrap` > 1 it is the one that sacreBLEU prints for an interval or a paired test.
        """
        signature = self.metric.get_signature()
        if bootstrap > 1:
            signature.update("bs", bootstrap)
            signature.update("seed", str(seed))
        return str(signature)


def score(
    hypotheses: list[str],
    references: list[list[str]],
    *,
    tokenization: str = DEFAULT_TOKENIZATION,
    lowercase: bool = False,
    bootstrap: int = NUM_RESAMPLES,
    seed: int = BOOTSTRAP_SEED,
) -> Scores:
    """Scores N hypotheses.

    Args:
        hypotheses: N lines.
        references: R reference sets of N lines each.
        tokenization: how BLEU splits text, a name of sacreBLEU.
        lowercase: ignore case in BLEU and chrF. TER always ignores case, as in sacreBLEU.
        bootstrap: number of resamples for the 95 % intervals. 0 means no intervals.
        seed: seed of the resamples.

    Raises:
        UserError: there is nothing to score, or the numbers of lines differ.
    """
    statistics = compute_statistics(
        hypotheses, references, tokenization=tokenization, lowercase=lowercase
    )
    return scores_from(statistics, bootstrap=bootstrap, seed=seed)


def quick_scores(
    hypotheses: list[str],
    references: list[list[str]],
    *,
    tokenization: str = DEFAULT_TOKENIZATION,
) -> tuple[float, float]:
    """Returns BLEU and chrF of N hypotheses, without intervals. Validation in training uses it.

    Args:
        hypotheses: N lines.
        references: R reference sets of N lines each.
        tokenization: how BLEU splits text, a name of sacreBLEU.

    Raises:
        UserError: there is nothing to score, or the numbers of lines differ.
    """
    statistics = compute_statistics(
        hypotheses, references, tokenization=tokenization, metrics=("bleu", "chrf")
    )
    bleu = float(statistics["bleu"].score().score)
    chrf = float(statistics["chrf"].score().score)
    return bleu, chrf


def compute_statistics(
    hypotheses: list[str],
    references: list[list[str]],
    *,
    tokenization: str = DEFAULT_TOKENIZATION,
    lowercase: bool = False,
    metrics: Iterable[str] = METRICS,
) -> dict[str, SufficientStatistics]:
    """Computes the statistics of each sentence. This is the slow step, so it is done only once.

    Args:
        hypotheses: N lines.
        references: R reference sets of N lines each.
        tokenization: how BLEU splits text, a name of sacreBLEU.
        lowercase: ignore case in BLEU and chrF.
        metrics: some of METRICS.

    Raises:
        UserError: there is nothing to score, or the numbers of lines differ.
    """
    _check_numbers_of_lines(hypotheses, references)
    hypotheses = [one_line(line) for line in hypotheses]
    references = [[one_line(line) for line in reference] for reference in references]
    statistics = {}
    for name in metrics:
        metric = METRICS[name].build(tokenization, lowercase)
        rows = np.array(metric._extract_corpus_statistics(hypotheses, references), dtype=np.float64)
        statistics[name] = SufficientStatistics(metric=metric, rows=rows)
    return statistics


def scores_from(
    statistics: dict[str, SufficientStatistics], *, bootstrap: int, seed: int
) -> Scores:
    """Returns the scores with 95 % intervals. `statistics` must have all METRICS."""
    bleu = cast(SacrebleuBLEUScore, statistics["bleu"].score())
    metrics = {}
    for name in METRICS:
        metrics[name] = metric_score(statistics[name], bootstrap=bootstrap, seed=seed)
    return Scores(
        metrics=metrics,
        num_sentences=len(statistics["bleu"].rows),
        brevity_penalty=float(bleu.bp),
        length_ratio=float(bleu.ratio),
        system_length=int(bleu.sys_len),
        reference_length=int(bleu.ref_len),
    )


def metric_score(statistics: SufficientStatistics, *, bootstrap: int, seed: int) -> MetricScore:
    """Returns score, signature and 95 % interval of one metric."""
    low = None
    high = None
    if bootstrap > 1:
        low, high = interval(statistics.resampled_scores(bootstrap=bootstrap, seed=seed))
    return MetricScore(
        score=float(statistics.score().score),
        signature=statistics.signature(bootstrap=bootstrap, seed=seed),
        low=low,
        high=high,
    )


def interval(resampled: NDArray[np.float64]) -> tuple[float, float]:
    """Returns the 95 % interval of (B,) values. Like sacreBLEU, it cuts 1/40 off at each end."""
    ordered = np.sort(resampled)
    cut = len(ordered) // 40
    return float(ordered[cut]), float(ordered[-1 - cut])


def one_line(text: str) -> str:
    """Makes a text fit on one line of a UTF-8 file.

    Line ends become spaces and lone surrogates become question marks. We do this before scoring
    and before writing, so the `sacrebleu` command reads exactly what we scored. It ends lines at
    line feeds only, so U+2028, U+0085 and the like can stay.
    """
    text = text.replace("\r\n", " ").replace("\n", " ").replace("\r", " ")
    return text.encode("utf-8", errors="replace").decode("utf-8")


def _check_numbers_of_lines(hypotheses: list[str], references: list[list[str]]) -> None:
    if not hypotheses:
        raise UserError(
            "There are no sentences to score (0 hypotheses). Give a test set of at least one line."
        )
    if not references:
        raise UserError("There is no reference to score against. Give at least one reference file.")
    for number, reference in enumerate(references, start=1):
        if len(reference) != len(hypotheses):
            raise UserError(
                f"The numbers of lines differ: reference {number} has {len(reference):,}, the "
                f"hypotheses have {len(hypotheses):,}. Give a reference with one line for each "
                "source line, in the same order."
            )


def _resample_weights(
    num_sentences: int, bootstrap: int, seed: int
) -> Iterator[NDArray[np.float64]]:
    """Yields blocks of (b, N): how often each resample contains each sentence.

    The b of all blocks add up to B.
    """
    rng = np.random.default_rng(seed)
    resamples_per_block = max(1, _DRAWS_PER_BLOCK // num_sentences)
    for first in range(0, bootstrap, resamples_per_block):
        num_resamples = min(resamples_per_block, bootstrap - first)
        # (b, N) indices of sentences
        drawn = rng.choice(num_sentences, size=(num_resamples, num_sentences), replace=True)
        # One bincount for the whole block: sentence n of resample r has the bin r * N + n.
        bins = drawn + np.arange(num_resamples)[:, None] * num_sentences
        counts = np.bincount(bins.ravel(), minlength=num_resamples * num_sentences)
        # (b * N,) -> (b, N)
        yield counts.reshape(num_resamples, num_sentences).astype(np.float64)
