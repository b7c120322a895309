"""A small evaluation for tests of the report."""

from typing import Any

from seq2seq.evaluation.report import Report, build_report

SOURCES = [
    "eins",
    "a b c d e f",
    "",
    "a b c d e f g h i j k",
    "zwei",
    "w " * 50 + "w",
]
REFERENCES = [
    "one",
    "A b c d e x",
    "nothing",
    "a b c d e f g h i j k",
    "two",
    "the long one is here",
]
HYPOTHESES = [
    "one",
    "a b c d e x",
    "",
    "a b c d z f g h i j k",
    "two",
    "the long one was here",
]


def example_report(**options: Any) -> Report:
    """Builds a report on 6 sentences. `options` are those of `build_report`."""
    settings = {"seconds": 2.0, "bootstrap": 50} | options
    return build_report(SOURCES, HYPOTHESES, [REFERENCES], **settings)
