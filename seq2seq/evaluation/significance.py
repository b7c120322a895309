"""Is system A better than system B, or was it luck? Paired bootstrap resampling (Koehn 2004).

"Statistical Significance Tests for Machine Translation Evaluation", EMNLP 2004: draw the N test sentences again with
replacement, the same draw for both systems, and look at how the difference of their scores varies.

Two figures come out. `wins` is Koehn's own: in what share of the resamples A scores better. `p_value` is the one
that `sacrebleu --paired-bs` prints (Moses' variant): how often the absolute difference strays from its own mean
by more than the difference observed, (c + 1) / (B + 1). The formula is repeated here, and not called, for two reasons:
sacreBLEU would count the sentences of both systems again, where TER takes its time; and to two systems that differ in
nothing it gives p = 1 / (B + 1), "highly significant". Here such a pair gets p = 1; a test holds all else equal.
Even so p is no probability that the systems are equal: for two that are equally good it lies around 0.4, not 1.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seq2seq.errors import UserError
from seq2seq.evaluation.metrics import LOWER_IS_BETTER, METRICS, SufficientStatistics, count, interval


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """System A against system B in one metric."""

    score: float
    """The score of A."""
    other: float
    """The score of B."""
    delta: float
    """A minus B, in points of the metric (for TER a negative one is the better)."""
    low: float
    """Lower end of the 95 % bootstrap interval of the delta."""
    high: float
    """Upper end of the 95 % bootstrap interval of the delta."""
    p_value: float
    """sacreBLEU's paired bootstrap p-value, 1 if no resample tells the systems apart."""
    wins: float
    """Share of the resamples, 0 to 1, in which A is strictly better (for TER: lower)."""
    signature: str
    """sacreBLEU's signature, with the number of resamples and the seed."""

    def to_dict(self) -> dict[str, Any]:
        """The same as a plain dict, ready for JSON."""
        return asdict(self)


def paired_bootstrap(
    hypotheses: list[str],
    others: list[str],
    references: list[list[str]],
    *,
    lowercase: bool = False,
    bootstrap: int = 1000,
    seed: int = 12345,
) -> dict[str, Comparison]:
    """Compare N `hypotheses` (A) with N `others` (B) on the same R reference sets, by metric name.

    Raises UserError if there is nothing to score or the numbers of lines differ.
    """
    check_same_number("the other system", others, hypotheses)
    ours = count(hypotheses, references, lowercase=lowercase)
    theirs = count(others, references, lowercase=lowercase)
    return {name: compare(name, ours[name], theirs[name], bootstrap=bootstrap, seed=seed) for name in METRICS}


def check_same_number(name: str, others: list[str], hypotheses: list[str]) -> None:
    """Raise UserError if the system called `name` does not give one line for each of ours."""
    if len(others) != len(hypotheses):
        raise UserError(
            f"Cannot compare with {name}: it has {len(others):,} lines, but there are {len(hypotheses):,} hypotheses. "
            "Give its translations of the same source lines, in the same order."
        )


def compare(
    name: str, ours: SufficientStatistics, theirs: SufficientStatistics, *, bootstrap: int, seed: int
) -> Comparison:
    """Compare two systems in metric `name` by what was counted in the same N sentences of each; B >= 2 resamples."""
    if len(ours.rows) != len(theirs.rows) or bootstrap < 2:
        raise ValueError("a paired bootstrap needs the same sentences of both systems and at least two resamples")
    score, other = float(ours.score().score), float(theirs.score().score)
    # The same seed and N give both systems the same draws: this is what pairs them.
    deltas = ours.resampled_scores(bootstrap=bootstrap, seed=seed) - theirs.resampled_scores(
        bootstrap=bootstrap, seed=seed
    )
    low, high = interval(deltas)
    return Comparison(
        score=score,
        other=other,
        delta=score - other,
        low=low,
        high=high,
        p_value=_p_value(deltas, score - other),
        wins=float(np.mean(deltas < 0 if name in LOWER_IS_BETTER else deltas > 0)),
        signature=ours.signature(bootstrap=bootstrap, seed=seed),
    )


def _p_value(deltas: NDArray[np.float64], observed: float) -> float:
    """sacreBLEU's p-value of (B,) resampled differences, given the difference observed on the whole set."""
    if not deltas.any():
        return 1.0
    sizes = np.abs(deltas)
    stray = int(np.sum(sizes - sizes.mean() > abs(observed)))
    return (stray + 1) / (len(deltas) + 1)
