"""The report in the terminal."""

import io
import json

import pytest
from evaluation_examples import REFERENCES, example_report
from rich.console import Console

from seq2seq.cli.report_table import render_report
from seq2seq.evaluation.metric_table import METRICS
from seq2seq.evaluation.report import Hypotheses, Report


def rendered_text(report: Report, width: int = 100, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, newline="")
    Console(file=file, width=width, color_system=None).print(render_report(report))
    file.flush()
    return raw.getvalue().decode(encoding)


def test_shows_scores_with_intervals_and_signatures() -> None:
    report = example_report(lowercase=True)
    text = rendered_text(report, width=160)
    for key in ("bleu", "bleu_lowercase", "chrf", "ter"):
        score = report[key]
        assert f"{score['score']:.2f}" in text
        assert score["signature"] in text
        assert f"{score['low']:.2f} to {score['high']:.2f}" in text


def test_shows_speed_and_lengths() -> None:
    report = example_report()
    text = rendered_text(report)
    assert "6 sentences in 2.0 s (3.0 per second)" in text
    assert f"Brevity penalty {report['brevity_penalty']:.3f}" in text


def test_one_sentence() -> None:
    text = rendered_text({**example_report(), "num_sentences": 1, "system_length": 1})
    assert "1 sentence in 2.0 s" in text
    assert "(1 token, reference" in text


def test_shows_the_tokenization() -> None:
    assert "Tokenization of BLEU: 13a." in rendered_text(example_report())
    assert "Tokenization of BLEU: char." in rendered_text(example_report(tokenization="char"))


def test_shows_a_report_of_an_earlier_version() -> None:
    report = example_report()
    del report["tokenization"]
    assert "Tokenization of BLEU: 13a." in rendered_text(report)


def test_without_time_it_shows_no_speed() -> None:
    text = rendered_text(example_report(seconds=0.0))
    assert "6 sentences. " in text
    assert "second" not in text


def test_bars_are_proportional_to_bleu() -> None:
    text = rendered_text(example_report(), width=160)
    rows = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert rows["51+"].count("━") > 0
    assert rows["1-5"].count("━") > 2 * rows["51+"].count("━")


def test_shows_the_comparison_with_its_name_as_it_is() -> None:
    against = Hypotheses(name="runs/[red]old[/red]", lines=REFERENCES)
    report = example_report(against=against)
    text = rendered_text(report, width=160)
    assert "Against runs/[red]old[/red] (paired bootstrap, 50 resamples)" in text
    assert f"{report['against']['bleu']['delta']:+.2f}" in text


@pytest.mark.parametrize(
    ("delta", "p_value", "verdict"),
    [(1.0, 0.01, "better"), (-1.0, 0.01, "worse"), (1.0, 0.2, "unclear")],
)
def test_verdicts(delta: float, p_value: float, verdict: str) -> None:
    comparison = {
        "score": 1.0,
        "other": 0.0,
        "delta": delta,
        "low": 0.0,
        "high": 1.0,
        "p_value": p_value,
        "wins": 0.5,
    }
    against: Report = {"name": "b", "resamples": 10}
    for name, metric in METRICS.items():
        against[name] = comparison | {"delta": -delta if metric.lower_is_better else delta}
    text = rendered_text(example_report() | {"against": against})
    _, _, rows = text.partition("Against b (paired bootstrap, 10 resamples)")
    verdicts = {}
    for line in rows.splitlines()[2:]:
        verdicts[line.split()[0]] = line.split()[-1]
    assert verdicts == {metric.label: verdict for metric in METRICS.values()}


def test_lower_is_better_in_ter_only() -> None:
    assert [name for name, metric in METRICS.items() if metric.lower_is_better] == ["ter"]


def test_a_report_read_from_json_looks_the_same() -> None:
    report = example_report(against=Hypotheses(name="ä", lines=REFERENCES))
    assert rendered_text(json.loads(json.dumps(report))) == rendered_text(report)


def test_without_intervals() -> None:
    assert "None" not in rendered_text(example_report(bootstrap=0))


def test_fits_a_narrow_terminal_without_unicode() -> None:
    text = rendered_text(example_report(bootstrap=0), width=80, encoding="ascii")
    assert max(len(line) for line in text.splitlines()) <= 80
