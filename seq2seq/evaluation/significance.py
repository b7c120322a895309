"""Is system A better than system B, or is the difference chance? Paired bootstrap resampling.

Koehn 2004, "Statistical Significance Tests for Machine Translation Evaluation", EMNLP: draw the N
test sentences again with replacement, with the same draw for both systems, and look at how the
difference of their scores varies.

There are two results. `wins` is Koehn's: the share of resamples in which A scores better. `p_value`
is that of `sacrebleu --paired-bs`: how often the absolute difference exceeds its own mean by more
than the observed difference, (c + 1) / (B + 1).

The formula of the p-value is repeated here for two reasons. sacreBLEU would compute the statistics
of both systems again, which is slow for TER. And for two systems with identical output it returns
p = 1 / (B + 1), "highly significant"; here such a pair gets p = 1. A test checks that all other
values are equal.

p is not the probability that the systems are equal: for two equally good ones it is around 0.4.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seq2seq.errors import UserError
from seq2seq.evaluation.metric_table import METRICS
from seq2seq.evaluation.metrics import (
    BOOTSTRAP_SEED,
    NUM_RESAMPLES,
    SufficientStatistics,
    compute_statistics,
    interval,
)
from seq2seq.evaluation.tokenization import DEFAULT_TOKENIZATION


@dataclass(frozen=True, kw_only=True)
class PairedComparison:
    """System A against system B in one metric."""

    score: float
    """The score of A."""
    other: float
    """The score of B."""
    delta: float
    """A minus B, in points of the metric. For TER, negative is better."""
    low: float
    """Lower end of the 95 % bootstrap interval of the delta."""
    high: float
    """Upper end of the 95 % bootstrap interval of the delta."""
    p_value: float
    """sacreBLEU's paired bootstrap p-value. 1 if the systems are equal in all resamples."""
    wins: float
    """Share of the resamples, 0 to 1, in which A is strictly better (for TER: lower)."""
    signature: str
    """sacreBLEU's signature, with the number of resamples and the seed."""

    def to_dict(self) -> dict[str, Any]:
        """Returns a plain dict for JSON."""
        return asdict(self)


def paired_bootstrap(
    hypotheses: list[str],
    others: list[str],
    references: list[list[str]],
    *,
    tokenization: str = DEFAULT_TOKENIZATION,
    lowercase: bool = False,
    bootstrap: int = NUM_RESAMPLES,
    seed: int = BOOTSTRAP_SEED,
) -> dict[str, PairedComparison]:
    """Compares two systems in all metrics.

    Args:
        hypotheses: N lines of system A.
        others: N lines of system B.
        references: R reference sets of N lines each.
        tokenization: how BLEU splits text, a name of sacreBLEU.
        lowercase: ignore case in BLEU and chrF.
        bootstrap: number of resamples, at least 2.
        seed: seed of the resamples.

    Returns:
        Metric name -> comparison.

    Raises:
        UserError: there is nothing to score, or the numbers of lines differ.
    """
    check_same_number("the other system", others, hypotheses)
    statistics = compute_statistics(
        hypotheses, references, tokenization=tokenization, lowercase=lowercase
    )
    other_statistics = compute_statistics(
        others, references, tokenization=tokenization, lowercase=lowercase
    )
    comparisons = {}
    for name in METRICS:
        comparisons[name] = paired_comparison(
            name, statistics[name], other_statistics[name], bootstrap=bootstrap, seed=seed
        )
    return comparisons


def check_same_number(name: str, others: list[str], hypotheses: list[str]) -> None:
    """Checks that another system has as many lines as ours.

    Args:
        name: how the error names the other system.
        others: lines of the other system.
        hypotheses: our lines.

    Raises:
        UserError: the numbers differ.
    """
    if len(others) != len(hypotheses):
        raise UserError(
            f"Cannot compare with {name}. The numbers of lines differ: it has {len(others):,}, the "
            f"hypotheses have {len(hypotheses):,}. Give its translations of the same source lines, "
            "in the same order."
        )


def paired_comparison(
    metric_name: str,
    statistics: SufficientStatistics,
    other_statistics: SufficientStatistics,
    *,
    bootstrap: int,
    seed: int,
) -> PairedComparison:
    """Compares two systems in one metric.

    Args:
        metric_name: one of METRICS.
        statistics: the statistics of N sentences of system A.
        other_statistics: the statistics of the same sentences of system B.
        bootstrap: number of resamples, at least 2.
        seed: seed of the resamples.
    """
    if len(statistics.rows) != len(other_statistics.rows):
        raise ValueError("a paired bootstrap needs the same sentences from both systems")
    if bootstrap < 2:
        raise ValueError(f"bootstrap is {bootstrap}; a paired bootstrap needs at least 2 resamples")
    score = float(statistics.score().score)
    other_score = float(other_statistics.score().score)
    # The same seed and N give both systems the same draws. This pairs them.
    resampled = statistics.resampled_scores(bootstrap=bootstrap, seed=seed)
    other_resampled = other_statistics.resampled_scores(bootstrap=bootstrap, seed=seed)
    deltas = resampled - other_resampled
    low, high = interval(deltas)
    is_better = deltas < 0 if METRICS[metric_name].lower_is_better else deltas > 0
    return PairedComparison(
        score=score,
        other=other_score,
        delta=score - other_score,
        low=low,
        high=high,
        p_value=_p_value(deltas, score - other_score),
        wins=float(np.mean(is_better)),
        signature=statistics.signature(bootstrap=bootstrap, seed=seed),
    )


def _p_value(deltas: NDArray[np.float64], observed: float) -> float:
    """Returns sacreBLEU's p-value.

    Args:
        deltas: (B,) differences in the resamples.
        observed: the difference in the whole test set.
    """
    if not deltas.any():
        return 1.0
    sizes = np.abs(deltas)
    num_extreme = int(np.sum(sizes - sizes.mean() > abs(observed)))
    return (num_extreme + 1) / (len(deltas) + 1)
