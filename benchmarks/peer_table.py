"""The table of benchmarks/peers.json, for docs/results.md."""

from typing import Any

COLUMNS = ("BLEU", "of clean", "spans kept", "numbers kept", "loops", "empty")


def peer_section(results: dict[str, Any]) -> list[str]:
    """Returns the lines of the section.

    Args:
        results: what `peer_robustness.compare` returned, and the machine.
    """
    systems = results["systems"]
    machine = results["machine"]
    lines = [
        "### Against another toolkit",
        "",
        f"The same forms of {results['test_set']}, {results['num_sentences']:,} sentences: "
        "`python benchmarks/peer_robustness.py RUN`, "
        f"{machine['date'][:10]}, {machine['processor']}.",
        "Both systems were trained on the same corpus. This project's recipe has noise and slots.",
        "The toolkit has the sizes of `benchmarks/shared_setup.py` and no noise.",
        "`of clean` compares each system with itself.",
        "The toolkit reads normalized text as SentencePiece tokens. It translates each line as a "
        "whole. Both use beam 5.",
        "",
        *(
            f"- {system['label']}: {system['minutes']:.0f} minutes, {system['updates']:,} updates "
            f"(`{system['command']}`)."
            for system in systems
        ),
        "",
        "| text | system | " + " | ".join(COLUMNS) + " |",
        "| --- | --- |" + " --- |" * len(COLUMNS),
    ]
    for rows in zip(*(system["rows"] for system in systems), strict=True):
        for system, row in zip(systems, rows, strict=True):
            # The label of a form is written once.
            label = row["label"] if system is systems[0] else ""
            lines.append("| " + " | ".join([label, system["label"], *cells(row)]) + " |")
    return [*lines, ""]


def cells(row: dict[str, Any]) -> list[str]:
    """Returns the cells of a row of `measure_robustness`, one for each of COLUMNS."""
    share = row["share_of_clean"]
    return [
        f"{row['bleu']:.1f}",
        "" if share is None else f"{share:.1%}",
        _of(row["spans_kept"], row["num_spans"]),
        _of(row["numbers_kept"], row["num_numbers"]),
        str(row["loops"]),
        str(row["empty"]),
    ]


def _of(part: int, whole: int) -> str:
    return f"{part} of {whole}" if whole else ""
