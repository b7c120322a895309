"""The table of benchmarks/speed_quality.json, for docs/results.md."""

from typing import Any

from shipping_table import range_rows

Results = dict[str, Any]

# Key of a figure, what it is, digits after the point.
_ROWS = (
    ("bleu", "BLEU, beam 5", 1),
    ("bleu_greedy", "BLEU, greedy", 1),
    ("sentences_per_s", "test2016, beam 5, sentences/s", 0),
    ("sentences_per_s_greedy", "test2016, greedy, sentences/s", 0),
    ("words_per_s_and_core", "source words a second and core, beam 5", 0),
    ("words_per_s_and_core_greedy", "source words a second and core, greedy", 0),
    ("latency_ms", "one sentence, beam 5, milliseconds", 1),
    ("latency_ms_greedy", "one sentence, greedy, milliseconds", 1),
    ("long_per_s", "long sentences a second, one thread, beam 5", 0),
    ("long_per_s_greedy", "long sentences a second, one thread, greedy", 0),
    ("folder_mb", "size of the folder, MB", 1),
)


def speed_section(results: Results) -> list[str]:
    """Returns the lines of the section.

    Args:
        results: what `speed_quality.measure` returned.
    """
    machine = results["about"]
    systems = results["systems"]
    words = next(iter(systems.values()))["long_words"]["median"]
    lines = [
        "### Speed against quality",
        "",
        "![Sentences per second and BLEU of each model](pictures/speed.png)",
        "",
        f"`python benchmarks/speed_quality.py measure NAME=FOLDER...`, {machine['date'][:10]}, "
        f"{machine['processor']}, {machine['threads']} threads.",
        "Exported folders in int8, in turns; medians, with the range of all repeats.",
        "The models: `configs/lstm-multi30k.yaml`; `configs/lstm-multi30k-fast.yaml`, a student of "
        "two such models;",
        "`configs/transformer-multi30k.yaml` with `text.case: cased`, trained on a GPU.",
        f"Long sentences are pairs of the test set, {words:.0f} words on average.",
        "",
        "| what | " + " | ".join(systems) + " |",
        "| --- |" + " --- |" * len(systems),
    ]
    lines += range_rows(_ROWS, list(systems.values()))
    lines += [
        "",
        "For comparison, a published figure: the student tiny11 of the Bergamot project translates "
        "63 sentences of news a second",
        "with one thread of an EPYC 7282, an older processor, in int8.",
        "Its vocabulary is larger, and its texts are harder than captions.",
    ]
    return [*lines, ""]
