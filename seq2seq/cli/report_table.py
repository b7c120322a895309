"""The report of an evaluation in the terminal."""

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from seq2seq.cli.console import counted
from seq2seq.evaluation.metric_table import METRICS, Metric
from seq2seq.evaluation.report import Report

_SIGNIFICANCE_LEVEL = 0.05
_BAR_WIDTH = 30


def render_report(report: Report) -> RenderableType:
    """Returns something that rich can print: scores, speed, BLEU by source length, comparison.

    Args:
        report: what `build_report` returned, or the same read back from evaluation.json.
    """
    parts: list[RenderableType] = [
        _score_table(report),
        _summary(report),
        _length_table(report["bleu_by_source_length"]),
    ]
    if report.get("against"):
        parts.append(_comparison_table(report["against"]))
    return Group(*parts)


def _score_table(report: Report) -> Table:
    table = Table("Metric", box=None, pad_edge=False, header_style="bold")
    table.add_column("Score", justify="right")
    table.add_column("95 % interval", justify="right", no_wrap=True)
    table.add_column("Signature", overflow="fold", style="dim")
    for name, metric in METRICS.items():
        _add_score(table, metric.label, report.get(name))
        _add_score(table, f"{metric.label} lowercased", report.get(f"{name}_lowercase"))
    return table


def _add_score(table: Table, label: str, score: Report | None) -> None:
    """Adds the row of a metric, if the report has it."""
    if score is None:
        return
    table.add_row(
        label,
        f"{score['score']:.2f}",
        _interval_text(score["low"], score["high"]),
        score["signature"],
    )


def _summary(report: Report) -> Text:
    speed = report["sentences_per_second"]
    # evaluation.json of an earlier version has no tokenization. It was always this one.
    tokenization = report.get("tokenization", "13a")
    time = "" if speed is None else f" in {report['seconds']:.1f} s ({speed:.1f} per second)"
    return Text(
        f"{counted(report['num_sentences'], 'sentence')}{time}. "
        "Higher is better; for TER, lower is better.\n"
        f"Brevity penalty {report['brevity_penalty']:.3f}; length ratio "
        f"{report['length_ratio']:.3f} ({counted(report['system_length'], 'token')}, reference "
        f"{report['reference_length']:,}).\n"
        f"Tokenization of BLEU: {tokenization}."
    )


def _length_table(entries: list[Report]) -> Table:
    table = Table(
        "Source words",
        title="BLEU by source length",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    table.add_column("Sentences", justify="right")
    table.add_column("BLEU", justify="right")
    table.add_column("")
    highest = max((entry["bleu"] for entry in entries), default=0.0)
    for entry in entries:
        # The total must not be 0.
        bar = ProgressBar(total=highest or 1.0, completed=entry["bleu"], width=_BAR_WIDTH)
        table.add_row(entry["words"], f"{entry['n']:,}", f"{entry['bleu']:.1f}", bar)
    return table


def _comparison_table(against: Report) -> Table:
    # A Text, because rich would read "[...]" in the name as markup.
    title = Text(
        f"Against {against['name']} (paired bootstrap, {counted(against['resamples'], 'resample')})"
    )
    table = Table("Metric", title=title, title_justify="left", box=None, pad_edge=False)
    for heading in ("Score", "Other", "Difference", "95 % interval", "p", "Wins"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    for name, metric in METRICS.items():
        comparison = against[name]
        table.add_row(
            metric.label,
            f"{comparison['score']:.2f}",
            f"{comparison['other']:.2f}",
            f"{comparison['delta']:+.2f}",
            _interval_text(comparison["low"], comparison["high"], sign="+"),
            f"{comparison['p_value']:.3f}",
            f"{comparison['wins']:.0%}",
            _verdict(comparison["delta"], comparison["p_value"], metric),
        )
    return table


def _verdict(delta: float, p_value: float, metric: Metric) -> str:
    if p_value >= _SIGNIFICANCE_LEVEL:
        return "unclear"
    is_better = delta < 0 if metric.lower_is_better else delta > 0
    return "better" if is_better else "worse"


def _interval_text(low: float | None, high: float | None, sign: str = "") -> str:
    """Formats an interval. It is empty if there is none."""
    if low is None or high is None:
        return ""
    return f"{low:{sign}.2f} to {high:{sign}.2f}"
