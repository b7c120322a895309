"""The report of `seq2seq evaluate --robustness` in the terminal."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from seq2seq.cli.console import counted
from seq2seq.evaluation.report import Report

_COUNTS = ("num_lines", "num_spans", "spans_kept", "num_numbers", "numbers_kept", "loops", "empty")


def render_robustness(report: Report) -> RenderableType:
    """Returns something that rich can print: a row for each form of the test set.

    Args:
        report: what `measure_robustness` returned, or the same read back from robustness.json.
    """
    table = Table("Text", box=None, pad_edge=False, header_style="bold")
    for heading in ("BLEU", "Of clean", "chrF", "Spans kept", "Numbers kept", "Loops", "Empty"):
        table.add_column(heading, justify="right")
    for row in report["rows"]:
        table.add_row(
            row["label"],
            f"{row['bleu']:.2f}",
            _percent(row["share_of_clean"]),
            f"{row['chrf']:.2f}",
            _percent(_share(row, "spans")),
            _percent(_share(row, "numbers")),
            f"{row['loops']:,}",
            f"{row['empty']:,}",
        )
    note = Text(
        f"{counted(report['num_sentences'], 'sentence')}. BLEU and chrF ignore case. "
        "Spans are addresses, placeholders, emoji and the like.\n"
        "Only sentences with an end mark are joined. They are compared with the same ones\n"
        "translated one by one.\n"
        f"Tokenization of BLEU: {report['tokenization']}."
    )
    return Group(table, note)


def model_card_line(report: Report) -> str:
    """Returns the report as one line for a model card.

    Args:
        report: what `measure_robustness` returned.
    """
    rows = report["rows"]
    shares = [
        f"{row['label']} {_percent(row['share_of_clean'], digits=0)}"
        for row in rows
        if row["name"] != "clean"
    ]
    total = {key: sum(row[key] for row in rows) for key in _COUNTS}
    return (
        f"Robustness on {report['test_set']} ({counted(report['num_sentences'], 'sentence')}, BLEU "
        f"{rows[0]['bleu']:.1f} ignoring case), BLEU kept: {', '.join(shares)}. "
        f"Spans kept: {_percent(_share(total, 'spans'))}, "
        f"numbers: {_percent(_share(total, 'numbers'))}. "
        f"{counted(total['num_lines'], 'translation')}, {total['loops']:,} with a loop, "
        f"{total['empty']:,} empty."
    )


def _share(row: Report, what: str) -> float | None:
    """Returns the share that was kept, or None if there was nothing to keep."""
    count = row[f"num_{what}"]
    return row[f"{what}_kept"] / count if count else None


def _percent(share: float | None, digits: int = 1) -> str:
    return "-" if share is None else f"{100 * share:.{digits}f} %"
