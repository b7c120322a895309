"""The page of a comparison: one HTML file with everything in it, pictures too, readable without a network."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from seq2seq.comparison.experiment import Claim, Experiment, Table

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}
h1{font-size:1.7rem}h2{margin-top:3rem;border-top:1px solid #ddd;padding-top:1rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.85rem}
th,td{padding:.25rem .6rem;text-align:right;border-bottom:1px solid #e4e4e4;white-space:nowrap}
th:first-child,td:first-child{text-align:left}
ul.claims{list-style:none;padding:0}ul.claims li{margin:.5rem 0;padding:.5rem .8rem;border-left:.35rem solid #999}
ul.claims li.yes{border-color:#009E73}ul.claims li.no{border-color:#D55E00}
.numbers{color:#555;font-size:.9rem}svg{max-width:100%;height:auto}small{color:#555}
"""
_VERDICTS = {True: ("yes", "borne out"), False: ("no", "not borne out"), None: ("", "these numbers cannot tell")}


@dataclass(frozen=True)
class Chapter:
    """What is known of one experiment."""

    experiment: Experiment
    claims: list[Claim]
    table: Table
    svg: str


def render(chapters: Sequence[Chapter], environment: dict[str, Any], *, quick: bool) -> str:
    """The HTML."""
    machine = f"{environment['processor']}, {environment['cores']} cores, torch {environment['versions']['torch']}"
    warning = (
        "<p><strong>A quick run:</strong> small budgets, to see that everything works; it proves nothing.</p>"
        if quick
        else ""
    )
    contents = "".join(
        f'<li><a href="#{chapter.experiment.key}">{escape(chapter.experiment.title)}</a></li>' for chapter in chapters
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Families compared</title><style>{_STYLE}</style></head><body>"
        "<h1>RNN, LSTM, GRU, Transformer, Mamba: what is said of them, measured</h1>"
        f"<p><small>{escape(machine)}. Whether a claim is borne out follows from the numbers by a rule that was written "
        f"before them.</small></p>{warning}<ol>{contents}</ol>"
        + "".join(_chapter(chapter) for chapter in chapters)
        + "</body></html>\n"
    )


def _chapter(chapter: Chapter) -> str:
    experiment = chapter.experiment
    # An XML head has no place inside a page.
    svg = chapter.svg[chapter.svg.index("<svg") :]
    claims = "".join(_claim(claim) for claim in chapter.claims)
    return (
        f'<h2 id="{experiment.key}">{escape(experiment.title)}</h2><p>{escape(experiment.about)}</p>'
        f'<ul class="claims">{claims}</ul><figure>{svg}</figure>'
        f'<div class="scroll">{_table(chapter.table)}</div>'
    )


def _claim(claim: Claim) -> str:
    kind, verdict = _VERDICTS[claim.holds]
    return (
        f'<li class="{kind}">{escape(claim.text)} <strong>{verdict}</strong><br>'
        f'<span class="numbers">{escape(claim.numbers)}</span></li>'
    )


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.head)
    rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
