"""The page of a comparison: one HTML file with everything in it, readable without a network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from seq2seq.studies.claims import Claim
from seq2seq.studies.study import Study, Table

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;
color:#1b1b1b;background:#fff}
h1{font-size:1.7rem}h2{margin-top:3rem;border-top:1px solid #ddd;padding-top:1rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.85rem}
th,td{padding:.25rem .6rem;text-align:right;border-bottom:1px solid #e4e4e4;white-space:nowrap}
th:first-child,td:first-child{text-align:left}
ul.claims{list-style:none;padding:0}
ul.claims li{margin:.5rem 0;padding:.5rem .8rem;border-left:.35rem solid #999}
ul.claims li.yes{border-color:#009E73}ul.claims li.no{border-color:#D55E00}
.numbers{color:#555;font-size:.9rem}svg{max-width:100%;height:auto}small{color:#555}
"""
_VERDICTS = {
    True: ("yes", "confirmed"),
    False: ("no", "not confirmed"),
    None: ("", "undecided by these numbers"),
}


@dataclass(frozen=True)
class Chapter:
    """What the page shows of one study."""

    study: Study
    claims: list[Claim]
    table: Table
    svg: str


def render_page(chapters: Sequence[Chapter], environment: Mapping[str, Any], *, quick: bool) -> str:
    """Returns the HTML."""
    torch_version = environment["versions"]["torch"]
    machine = f"{environment['processor']}, {environment['cores']} cores, torch {torch_version}"
    warning = ""
    if quick:
        warning = (
            "<p><strong>A quick run</strong> with small budgets. It shows that everything works, "
            "and proves nothing.</p>"
        )
    links = [
        f'<li><a href="#{chapter.study.key}">{escape(chapter.study.title)}</a></li>'
        for chapter in chapters
    ]
    bodies = [_render_chapter(chapter) for chapter in chapters]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Model families compared</title><style>{_STYLE}</style></head><body>"
        "<h1>Model families compared: common claims, measured</h1>"
        f"<p><small>{escape(machine)}. A rule decides from the numbers whether a claim is "
        "confirmed. The rules were written before the numbers were known.</small></p>"
        f"{warning}<ol>{''.join(links)}</ol>{''.join(bodies)}</body></html>\n"
    )


def _render_chapter(chapter: Chapter) -> str:
    study = chapter.study
    # The XML declaration before <svg> is not allowed inside a page.
    svg = chapter.svg[chapter.svg.index("<svg") :]
    claims = "".join(_render_claim(claim) for claim in chapter.claims)
    return (
        f'<h2 id="{study.key}">{escape(study.title)}</h2><p>{escape(study.about)}</p>'
        f'<ul class="claims">{claims}</ul><figure>{svg}</figure>'
        f'<div class="scroll">{_render_table(chapter.table)}</div>'
    )


def _render_claim(claim: Claim) -> str:
    css_class, verdict = _VERDICTS[claim.holds]
    return (
        f'<li class="{css_class}">{escape(claim.text)} <strong>{verdict}</strong><br>'
        f'<span class="numbers">{escape(claim.numbers)}</span></li>'
    )


def _render_table(table: Table) -> str:
    head = _render_row(table.head, "th")
    rows = "".join(_render_row(row, "td") for row in table.rows)
    return f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"


def _render_row(cells: Sequence[str], tag: str) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"
