"""The report of --robustness in the terminal."""

import io

from rich.console import Console

from seq2seq.cli.robustness_table import model_card_line, render_robustness
from seq2seq.evaluation.report import Report


def row(name: str, label: str, bleu: float, **changes: object) -> Report:
    return {
        "name": name,
        "label": label,
        "num_lines": 1500,
        "bleu": bleu,
        "clean_bleu": 40.0,
        "share_of_clean": bleu / 40,
        "chrf": 61.234,
        "num_spans": 8,
        "spans_kept": 7,
        "num_numbers": 0,
        "numbers_kept": 0,
        "loops": 2,
        "empty": 1234,
        **changes,
    }


REPORT: Report = {
    "test_set": "test",
    "num_sentences": 1500,
    "tokenization": "13a",
    "rows": [
        row("clean", "clean", 40.0),
        row("upper", "CAPITALS", 39.0, spans_kept=8),
        row("lower", "lower case", 30.0, share_of_clean=None),
    ],
}


def rendered_lines(width: int, report: Report = REPORT) -> list[str]:
    file = io.StringIO()
    Console(file=file, width=width, color_system=None).print(render_robustness(report))
    return file.getvalue().splitlines()


def test_a_row_for_each_form() -> None:
    lines = rendered_lines(100)
    assert [" ".join(line.split()) for line in lines[:4]] == [
        "Text BLEU Of clean chrF Spans kept Numbers kept Loops Empty",
        "clean 40.00 100.0 % 61.23 87.5 % - 2 1,234",
        "CAPITALS 39.00 97.5 % 61.23 100.0 % - 2 1,234",
        "lower case 30.00 - 61.23 87.5 % - 2 1,234",
    ]
    assert "1,500 sentences. BLEU and chrF ignore case." in lines[4]
    assert lines[-1].endswith("Tokenization of BLEU: 13a.")


def test_fits_a_terminal() -> None:
    assert max(map(len, rendered_lines(80))) <= 80


def test_the_line_for_a_model_card() -> None:
    assert model_card_line(REPORT) == (
        "Robustness on test (1,500 sentences, BLEU 40.0 ignoring case), BLEU kept: "
        "CAPITALS 98 %, lower case -. Spans kept: 91.7 %, numbers: -. "
        "4,500 translations, 6 with a loop, 3,702 empty."
    )


def test_one_sentence() -> None:
    one = {**REPORT, "num_sentences": 1, "rows": [row("clean", "clean", 40.0, num_lines=1)]}
    assert any(line.startswith("1 sentence. BLEU") for line in rendered_lines(100, one))
    line = model_card_line(one)
    assert "Robustness on test (1 sentence, BLEU 40.0" in line
    assert ". 1 translation, 2 with a loop" in line
