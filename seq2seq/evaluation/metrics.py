"""BLEU, chrF and TER, computed by sacreBLEU with its default settings, with bootstrap intervals.

Dimensions: N sentences, R reference sets, B bootstrap resamples, K counts that a metric keeps of one sentence.

Every number comes from sacreBLEU's own code and equals what the `sacrebleu` command prints for the same lines. What is
ours is the resampling: each metric is a function of the sum over sentences of K counts, so the sentences are counted
once (for TER, which searches for word shifts, that is nearly all of the time), and a resample is a weighted sum of rows
that are already there. The draws are those of sacreBLEU (same generator, same seed, same order), so the interval
is the one that `sacrebleu --confidence` prints as "μ ± half its width". sacreBLEU has no public door to these counts;
the three private methods used for it are called in this file alone.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seq2seq.errors import UserError

METRICS = ("bleu", "chrf", "ter")
"""The names used as keys everywhere, in the order in which they are shown."""

LOWER_IS_BETTER = frozenset({"ter"})

# Numbers drawn at a time: bounds the memory of a bootstrap (8 bytes each) for any number of sentences.
_DRAWS_AT_A_TIME = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One metric of one system."""

    score: float
    """0 to 100 for BLEU and chrF (higher is better); percent of edits for TER (lower is better, may pass 100)."""
    signature: str
    """sacreBLEU's signature: with it anyone can repeat the number."""
    low: float | None = None
    """Lower end of the 95 % bootstrap interval, None without bootstrap."""
    high: float | None = None
    """Upper end of the 95 % bootstrap interval, None without bootstrap."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """All metrics of one system, and the lengths that BLEU saw."""

    bleu: Figure
    chrf: Figure
    ter: Figure
    num_sentences: int
    brevity_penalty: float
    """BLEU's factor for output that is too short, 0 to 1; 1 is no penalty."""
    length_ratio: float
    """Tokens of the system for each token of the closest reference; 0 if the references are empty."""
    system_length: int
    """Tokens of the system, as BLEU counts them."""
    reference_length: int
    """Tokens of the closest reference of each sentence, as BLEU counts them."""

    def to_dict(self) -> dict[str, Any]:
        """The same as plain dicts and numbers, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class SufficientStatistics:
    """What a metric counted in each sentence: all that is needed to score any selection of the sentences."""

    metric: Any
    """sacreBLEU's metric object, which knows the formula and the signature."""
    rows: NDArray[np.float64]
    """(N, K) counts; a selection is scored by the sum of its rows."""

    def score(self) -> Any:
        """sacreBLEU's score object of all N sentences (`.score`, for BLEU also `.bp`, `.sys_len`, `.ref_len`)."""
        return self.metric._compute_score_from_stats(self.rows.sum(axis=0).tolist())

    def resampled_scores(self, *, bootstrap: int, seed: int) -> NDArray[np.float64]:
        """(B,) scores of B resamples of N sentences, drawn with replacement.

        The draws depend on `seed` and N only: two systems on the same sentences are resampled alike, which makes a
        comparison of their scores a paired one.
        """
        sums = np.concatenate([weights @ self.rows for weights in _resample_weights(len(self.rows), bootstrap, seed)])
        return np.array([self.metric._compute_score_from_stats(total.tolist()).score for total in sums])

    def signature(self, *, bootstrap: int = 0, seed: int = 0) -> str:
        """The signature as sacreBLEU prints it; with `bootstrap` > 1 as it prints it for an interval or paired test."""
        signature = self.metric.get_signature()
        if bootstrap > 1:
            signature.update("bs", bootstrap)
            signature.update("seed", str(seed))
        return str(signature)


def score(
    hypotheses: list[str],
    references: list[list[str]],
    *,
    lowercase: bool = False,
    bootstrap: int = 1000,
    seed: int = 12345,
) -> Scores:
    """Score N hypotheses against R reference sets of N lines each.

    `lowercase` concerns BLEU and chrF; TER ignores case in either way, as it does by default in sacreBLEU.
    `bootstrap` is the number of resamples behind the 95 % intervals, 0 leaves them out.
    Raises UserError if there is nothing to score or the numbers of lines differ.
    """
    return scores_of(count(hypotheses, references, lowercase=lowercase), bootstrap=bootstrap, seed=seed)


def quick_scores(hypotheses: list[str], references: list[list[str]]) -> tuple[float, float]:
    """BLEU and chrF of N hypotheses against R reference sets of N lines each, without intervals: for validation.

    Raises UserError like `score`.
    """
    counted = count(hypotheses, references, metrics=("bleu", "chrf"))
    return float(counted["bleu"].score().score), float(counted["chrf"].score().score)


def count(
    hypotheses: list[str],
    references: list[list[str]],
    *,
    lowercase: bool = False,
    metrics: tuple[str, ...] = METRICS,
) -> dict[str, SufficientStatistics]:
    """What each of `metrics` counts in N hypotheses and R reference sets of N lines: the slow step, done once.

    Raises UserError if there is nothing to score or the numbers of lines differ.
    """
    _check_lengths(hypotheses, references)
    hypotheses = [one_line(line) for line in hypotheses]
    references = [[one_line(line) for line in reference] for reference in references]
    counted = {}
    for name in metrics:
        metric = _build_metric(name, lowercase=lowercase)
        rows = np.array(metric._extract_corpus_statistics(hypotheses, references), dtype=np.float64)
        counted[name] = SufficientStatistics(metric=metric, rows=rows)
    return counted


def scores_of(counted: dict[str, SufficientStatistics], *, bootstrap: int, seed: int) -> Scores:
    """The scores of what `count` counted (all of METRICS), with 95 % intervals from `bootstrap` resamples."""
    bleu = counted["bleu"].score()
    return Scores(
        **{name: figure_of(counted[name], bootstrap=bootstrap, seed=seed) for name in METRICS},
        num_sentences=len(counted["bleu"].rows),
        brevity_penalty=float(bleu.bp),
        length_ratio=float(bleu.ratio),
        system_length=int(bleu.sys_len),
        reference_length=int(bleu.ref_len),
    )


def figure_of(statistics: SufficientStatistics, *, bootstrap: int, seed: int) -> Figure:
    """Score, signature and 95 % interval of one metric."""
    low = high = None
    if bootstrap > 1:
        low, high = interval(statistics.resampled_scores(bootstrap=bootstrap, seed=seed))
    signature = statistics.signature(bootstrap=bootstrap, seed=seed)
    return Figure(score=float(statistics.score().score), signature=signature, low=low, high=high)


def interval(resampled: NDArray[np.float64]) -> tuple[float, float]:
    """The 95 % interval of (B,) resampled values: a fortieth cut off at each end, at the places sacreBLEU cuts."""
    ordered = np.sort(resampled)
    cut = len(ordered) // 40
    return float(ordered[cut]), float(ordered[-1 - cut])


def one_line(text: str) -> str:
    """`text` as it can stand on one line of a UTF-8 file: line ends become spaces, lone surrogates question marks.

    Scoring and writing both pass through here, so that the `sacrebleu` command, which divides a file at line feeds
    only, sees what we scored. U+2028, U+0085 and their like end no line there and are kept.
    """
    text = text.replace("\r\n", " ").replace("\n", " ").replace("\r", " ")
    return text.encode("utf-8", errors="replace").decode("utf-8")


def _build_metric(name: str, *, lowercase: bool) -> Any:
    """sacreBLEU's metric with its default settings, but for case."""
    from sacrebleu.metrics import BLEU, CHRF, TER  # a tenth of a second that `--help` should not pay

    if name == "bleu":
        # force: no warning about output that looks tokenized, which would tear the live display. It changes no number.
        return BLEU(lowercase=lowercase, force=True)
    return CHRF(lowercase=lowercase) if name == "chrf" else TER()


def _check_lengths(hypotheses: list[str], references: list[list[str]]) -> None:
    if not hypotheses:
        raise UserError("There are no sentences to score (0 hypotheses). Give a test set of at least one line.")
    if not references:
        raise UserError("There is no reference to score against. Give at least one file of reference translations.")
    for number, reference in enumerate(references, start=1):
        if len(reference) != len(hypotheses):
            raise UserError(
                f"Reference {number} has {len(reference):,} lines, but there are {len(hypotheses):,} hypotheses. "
                "Give a reference with one line for each source line, in the same order."
            )


def _resample_weights(num_sentences: int, bootstrap: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Blocks of (b, N): how often each sentence stands in each resample. The b of all blocks add up to B."""
    rng = np.random.default_rng(seed)
    rows_at_a_time = max(1, _DRAWS_AT_A_TIME // num_sentences)
    for first in range(0, bootstrap, rows_at_a_time):
        rows = min(rows_at_a_time, bootstrap - first)
        drawn = rng.choice(num_sentences, size=(rows, num_sentences), replace=True)
        # One bincount for the block: sentence s of row r is counted at r * N + s.
        places = drawn + np.arange(rows)[:, None] * num_sentences
        weights = np.bincount(places.ravel(), minlength=rows * num_sentences)
        yield weights.reshape(rows, num_sentences).astype(np.float64)
