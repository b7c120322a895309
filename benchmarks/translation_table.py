"""The table of docs/results.md about translation beside other toolkits, from results.json."""

from typing import Any

from shipping_table import range_cell

Results = dict[str, Any]

_SYSTEMS = {
    "ours_equal_onnx": "this project, exported: ONNX, int8",
    "ours_equal": "this project, run folder, torch",
    "opennmt": "OpenNMT-py 3.5.1",
    "joeynmt": "JoeyNMT 2.3.0",
}
# Part of a key of results.json, title of the column, digits after the point.
_COLUMNS = (
    ("sentences_per_s_greedy", "greedy, sentences/s", 0),
    ("sentences_per_s", "beam 5, sentences/s", 0),
    ("exported_ratio_greedy", "exported folder over it, greedy", 2),
    ("exported_ratio", "exported folder over it, beam 5", 2),
)


def translation_section(results: Results) -> list[str]:
    """Returns the lines of the section, or none if no systems of equal size were measured.

    Args:
        results: the content of results.json.
    """
    measured = [name for name in _SYSTEMS if f"translate_sentences_per_s_{name}" in results]
    if not measured:
        return []
    machine = results["about_translate"]
    lines = [
        "### Translation beside other toolkits",
        "",
        f"`make bench`, {machine['date'][:10]}, {machine['processor']}, {machine['threads']} "
        "threads. Multi30k test2016, sentences per second.",
        "All models have the same sizes and the same vocabulary (`benchmarks/shared_setup.py`).",
        "[experiments.md](experiments.md) says how each model was trained.",
        "The other toolkits use their own searches in float32, each at its best batch size.",
        "All take turns, and each ratio is taken within a round. Medians, with the range of all "
        "repeats.",
        "",
        "| system | " + " | ".join(title for _, title, _ in _COLUMNS) + " |",
        "| --- |" + " --- |" * len(_COLUMNS),
    ]
    for name in measured:
        cells = [_SYSTEMS[name]]
        for key, _, digits in _COLUMNS:
            cells.append(range_cell(results.get(f"translate_{key}_{name}"), digits))
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, ""]
