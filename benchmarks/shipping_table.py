"""The table of docs/results.md about exported folders, from results.json."""

from collections.abc import Mapping, Sequence
from typing import Any

Results = dict[str, Any]

_FOLDERS = {
    "torch": "run folder, torch",
    "onnx": "ONNX, int8",
    "onnx_shortlist": "ONNX, int8, shortlist",
}
# Key of results.json, what it is, digits after the point.
_ROWS = (
    ("process_s", "`echo Hallo \\| seq2seq translate FOLDER`, seconds", 2),
    ("process_mb", "memory of that process, MB", 0),
    ("latency_ms", "one sentence, beam 5, milliseconds", 1),
    ("latency_ms_greedy", "one sentence, greedy, milliseconds", 1),
    ("sentences_per_s", "test2016, beam 5, sentences/s", 0),
    ("sentences_per_s_greedy", "test2016, greedy, sentences/s", 0),
    ("folder_mb", "size of the folder, MB", 1),
)


def shipping_section(results: Results) -> list[str]:
    """Returns the lines of the section, or none if nothing was measured.

    Args:
        results: the content of results.json.
    """
    if "about_shipping" not in results:
        return []
    machine = results["about_shipping"]
    lines = [
        "## Without torch",
        "",
        f"`make bench`, {machine['date'][:10]}, {machine['processor']}, {machine['threads']} "
        "threads. A model of `configs/lstm-multi30k.yaml`, and",
        "[exported folders](shipping.md) of it. All take turns; medians, with the range of all "
        "repeats.",
        "",
        "| what | " + " | ".join(_FOLDERS.values()) + " |",
        "| --- | --- | --- | --- |",
    ]
    systems = [
        {key: results.get(f"shipping_{key}_{name}") for key, _, _ in _ROWS} for name in _FOLDERS
    ]
    return [*lines, *range_rows(_ROWS, systems), ""]


def page_section(results: Results) -> list[str]:
    """Returns the lines of the section about the translation page.

    Args:
        results: the content of page.json.
    """
    machine = results["about"]
    seconds = range_cell(results["first_s"], 1)
    milliseconds = range_cell(results["sentence_ms"], 0)
    return [
        "### In a browser",
        "",
        f"`python benchmarks/page.py RUN`, {machine['date'][:10]}, {machine['processor']}, headless"
        " Chromium.",
        "The same model as a page. Medians, with the range of all repeats.",
        "",
        "| what | page |",
        "| --- | --- |",
        f"| from opening it to the first translation, seconds | {seconds} |",
        f"| one sentence, beam 4, milliseconds | {milliseconds} |",
        f"| lines of test2016 translated as `seq2seq translate` does | {results['equal']} of"
        f" {results['lines']} |",
        f"| requests to elsewhere | {results['requests_outside']} |",
        "",
    ]


def range_rows(
    rows: Sequence[tuple[str, str, int]], systems: Sequence[Mapping[str, Results | None]]
) -> list[str]:
    """Returns the rows of a table that compares systems.

    Args:
        rows: key of a figure, what it is, digits after the point.
        systems: the figures of each system, one column for each.
    """
    lines = []
    for key, label, digits in rows:
        cells = [range_cell(figures.get(key), digits) for figures in systems]
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return lines


def range_cell(figure: Results | None, digits: int) -> str:
    """Returns the median and the range of `summarize`, or nothing if there is no figure.

    Args:
        figure: what `summarize` returned.
        digits: digits after the point.
    """
    if figure is None:
        return ""
    median = f"{figure['median']:,.{digits}f}"
    if figure["low"] == figure["high"]:
        return median
    return f"{median} ({figure['low']:,.{digits}f} to {figure['high']:,.{digits}f})"
