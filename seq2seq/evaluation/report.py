"""The report of an evaluation: put together, written into the run folder, shown in the terminal."""

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seq2seq.errors import UserError
from seq2seq.evaluation.metrics import METRICS, SufficientStatistics, count, figure_of, one_line, scores_of
from seq2seq.evaluation.significance import check_same_number, compare

if TYPE_CHECKING:
    from rich.console import RenderableType

Report = dict[str, Any]
"""Plain dicts, lists, strings and numbers, as they stand in evaluation.json."""

BUCKETS = ((0, 0), (1, 5), (6, 10), (11, 15), (16, 20), (21, 30), (31, 50), (51, None))
"""Source lengths in words, both ends included; empty lines have a bucket so that the `n` add up to all sentences."""

_BOOTSTRAP, _SEED = 1000, 12345  # sacreBLEU's defaults: its command repeats our intervals without options
_LABELS = {"bleu": "BLEU", "bleu_lowercase": "BLEU lowercased", "chrf": "chrF", "ter": "TER"}
_SIGNIFICANT = 0.05


@dataclass(frozen=True, kw_only=True)
class Hypotheses:
    """The translations of another system, to compare with."""

    name: str
    """What the report calls the system: a run folder or a file name."""
    lines: list[str]
    """One translation for each source line of the evaluation, in its order."""


def build_report(
    sources: list[str],
    hypotheses: list[str],
    references: list[list[str]],
    *,
    seconds: float,
    lowercase: bool = False,
    against: Hypotheses | None = None,
    extra: dict[str, Any] | None = None,
    bootstrap: int = _BOOTSTRAP,
    seed: int = _SEED,
) -> Report:
    """Everything that is known about N translations, ready for JSON.

    references: R sets of N lines. seconds: what translating took, 0 if the lines were not translated now (then
    `sentences_per_second` is None). lowercase: add `bleu_lowercase`. against: add a paired bootstrap test.
    extra: more keys of the caller's, put at the end. bootstrap: resamples, 0 for no intervals (not with `against`).
    Raises UserError if there is nothing to score or the numbers of lines differ.
    """
    if len(sources) != len(hypotheses):
        raise ValueError(f"{len(hypotheses)} hypotheses for {len(sources)} source lines: there must be one for each")
    if against is not None:
        check_same_number(against.name, against.lines, hypotheses)
    counted = count(hypotheses, references)
    scores = scores_of(counted, bootstrap=bootstrap, seed=seed).to_dict()
    report: Report = {"bleu": scores.pop("bleu")}
    if lowercase:
        lowered = count(hypotheses, references, lowercase=True, metrics=("bleu",))["bleu"]
        report["bleu_lowercase"] = asdict(figure_of(lowered, bootstrap=bootstrap, seed=seed))
    report |= scores
    report["num_references"] = len(references)
    report["seconds"] = seconds
    report["sentences_per_second"] = len(hypotheses) / seconds if seconds > 0 else None
    report["bleu_by_source_length"] = _bleu_by_length(sources, counted["bleu"])
    if against is not None:
        other = count(against.lines, references)
        tests = {name: compare(name, counted[name], other[name], bootstrap=bootstrap, seed=seed) for name in METRICS}
        report["against"] = {
            "name": against.name,
            "resamples": bootstrap,
            **{name: test.to_dict() for name, test in tests.items()},
        }
    if clash := report.keys() & (extra or {}).keys():
        raise ValueError(f"extra keys {sorted(clash)} are keys of the report itself")
    return report | (extra or {})


def write_report(folder: Path, report: Report, hypotheses: list[str], name: str) -> tuple[Path, Path]:
    """Write the report and the hypotheses, one a line, of the split `name` into `folder`; returns both paths.

    The split "test" goes to evaluation.json and hypotheses.txt, any other to evaluation.NAME.json and
    hypotheses.NAME.txt. Each file appears whole or not at all, the report last: it never speaks of missing lines.
    Raises UserError if `name` cannot be part of a file name or the folder cannot be written.
    """
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise UserError(
            f'"{name}" cannot name an evaluation: it becomes part of a file name. '
            "Use letters, digits, '.', '-' and '_', and begin with a letter or digit."
        )
    if len(hypotheses) != report["num_sentences"]:
        raise ValueError(f"{len(hypotheses)} hypotheses with a report on {report['num_sentences']}")
    part = "" if name == "test" else f".{name}"
    json_path, text_path = folder / f"evaluation{part}.json", folder / f"hypotheses{part}.txt"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_atomically(text_path, "".join(f"{one_line(line)}\n" for line in hypotheses))
        _write_atomically(json_path, json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    except OSError as error:
        raise UserError(
            f"Cannot write the evaluation into {folder}: {error.strerror or error}. "
            "Make the folder writable, or free space on its disk."
        ) from error
    return json_path, text_path


def render_report(report: Report) -> "RenderableType":
    """The report as something that `rich` prints: scores, pace and lengths, BLEU by source length, comparison.

    Takes the dict of `build_report` or the same read back from evaluation.json.
    """
    from rich.console import Group

    parts = [_score_table(report), _summary(report), _length_bars(report["bleu_by_source_length"])]
    if report.get("against"):
        parts.append(_against_table(report["against"]))
    return Group(*parts)


def _bleu_by_length(sources: list[str], bleu: SufficientStatistics) -> list[Report]:
    """BLEU of the sentences of each bucket that has any: `words`, `low`, `high` (None: no end), `n`, `bleu`."""
    from sacrebleu.metrics import BLEU

    # One-word sentences have no 4-grams, for which plain BLEU gives 0 to the best translation. The effective order
    # stops at the longest n-gram there is; where there are 4-grams, it is the same number.
    metric = BLEU(effective_order=True, force=True)
    lengths = np.array([len(source.split()) for source in sources])
    found = []
    for low, high in BUCKETS:
        rows = bleu.rows[(lengths >= low) & (lengths <= (np.inf if high is None else high))]
        if len(rows):
            words = f"{low}+" if high is None else f"{low}" if low == high else f"{low}-{high}"
            part = SufficientStatistics(metric=metric, rows=rows).score()
            found.append({"words": words, "low": low, "high": high, "n": len(rows), "bleu": float(part.score)})
    return found


def _write_atomically(path: Path, text: str) -> None:
    """Write to a file beside `path` and rename it: whoever looks sees the old text or the new, never half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        # Bytes, so that no platform turns line feeds into something else.
        with open(temporary, "wb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _score_table(report: Report) -> "RenderableType":
    from rich.table import Table

    table = Table("Metric", box=None, pad_edge=False, header_style="bold")
    table.add_column("Score", justify="right")
    table.add_column("95 % interval", justify="right", no_wrap=True)
    table.add_column("Signature", overflow="fold", style="dim")
    for key in ("bleu", "bleu_lowercase", "chrf", "ter"):
        if key in report:
            figure = report[key]
            table.add_row(
                _LABELS[key], f"{figure['score']:.2f}", _span(figure["low"], figure["high"]), figure["signature"]
            )
    return table


def _summary(report: Report) -> "RenderableType":
    from rich.text import Text

    pace = report["sentences_per_second"]
    time = "" if pace is None else f" in {report['seconds']:.1f} s ({pace:.1f} a second)"
    return Text(
        f"{report['num_sentences']:,} sentences{time}; higher is better, for TER lower.\n"
        f"Brevity penalty {report['brevity_penalty']:.3f}; length ratio {report['length_ratio']:.3f} "
        f"({report['system_length']:,} tokens, reference {report['reference_length']:,})."
    )


def _length_bars(buckets: list[Report]) -> "RenderableType":
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    table = Table("Source words", title="BLEU by source length", title_justify="left", box=None, pad_edge=False)
    table.add_column("Sentences", justify="right")
    table.add_column("BLEU", justify="right")
    table.add_column("")
    longest = max([bucket["bleu"] for bucket in buckets], default=0.0) or 1.0
    for bucket in buckets:
        bar = ProgressBar(total=longest, completed=bucket["bleu"], width=30)
        table.add_row(bucket["words"], f"{bucket['n']:,}", f"{bucket['bleu']:.1f}", bar)
    return table


def _against_table(against: Report) -> "RenderableType":
    from rich.table import Table
    from rich.text import Text

    title = Text.assemble("Against ", against["name"], f" (paired bootstrap, {against['resamples']:,} resamples)")
    table = Table("Metric", title=title, title_justify="left", box=None, pad_edge=False)
    for heading in ("Score", "Other", "Difference", "95 % interval", "p", "Wins"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    for name in METRICS:
        test = against[name]
        better = (test["delta"] < 0) if name == "ter" else (test["delta"] > 0)
        verdict = "unclear" if test["p_value"] >= _SIGNIFICANT else "better" if better else "worse"
        table.add_row(
            _LABELS[name],
            f"{test['score']:.2f}",
            f"{test['other']:.2f}",
            f"{test['delta']:+.2f}",
            _span(test["low"], test["high"], sign="+"),
            f"{test['p_value']:.3f}",
            f"{test['wins']:.0%}",
            verdict,
        )
    return table


def _span(low: float | None, high: float | None, sign: str = "") -> str:
    """An interval, or nothing where none was computed."""
    return "" if low is None or high is None else f"{low:{sign}.2f} to {high:{sign}.2f}"
