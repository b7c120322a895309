"""Turns finished runs into the published tables: docs/results.md and the table of README.md.

    python benchmarks/publish.py record runs/demo --command "make demo"
    python benchmarks/publish.py render

`record` copies the key figures of an evaluated run into benchmarks/runs/NAME.json: command,
scores, updates, minutes, machine, commit. `render` writes the tables from these files and from
the other JSON files in benchmarks/, so that no figure is typed by hand.
"""

import argparse
import json
import re
import subprocess
import textwrap
from datetime import date
from pathlib import Path
from typing import Any

from ctranslate2_table import ctranslate2_section
from gpu_table import gpu_section
from peer_table import peer_section
from shipping_table import page_section, shipping_section
from speed_table import speed_section
from translation_table import translation_section

from seq2seq.cli.robustness_table import model_card_line

TOP = Path(__file__).resolve().parent.parent
RECORDS = TOP / "benchmarks" / "runs"
RESULTS = TOP / "docs" / "results.md"
README = TOP / "README.md"
BENCH = TOP / "benchmarks" / "results.json"
GPU = TOP / "benchmarks" / "gpu.json"
PEERS = TOP / "benchmarks" / "peers.json"
CTRANSLATE2 = TOP / "benchmarks" / "ctranslate2.json"
SPEED = TOP / "benchmarks" / "speed_quality.json"
PAGE = TOP / "benchmarks" / "page.json"
# Keys of results.json, what they are, and digits after the point.
SPEED_ROWS = (
    ("train_tokens_per_s_ours", "training, target tokens per second", 0),
    ("train_tokens_ratio_baseline", "training, times the speed of a plain PyTorch loop", 2),
    ("train_tokens_ratio_opennmt", "training, times the speed of OpenNMT-py 3.5.1", 2),
    ("train_tokens_ratio_joeynmt", "training, times the speed of JoeyNMT 2.3.0", 2),
    ("train_peak_mb", "peak memory of that training, MB", 0),
    ("translate_sentences_per_s_ours", "translation of test2016, beam 5, sentences per second", 0),
    ("latency_ms", "one sentence, beam 5, milliseconds", 1),
    ("startup_s", "`echo Hallo \\| seq2seq translate RUN`, seconds", 2),
    ("help_s", "`seq2seq --help`, seconds", 2),
)
# In the order of the table.
PUBLISHED = ("demo", "lstm-multi30k-quick", "lstm-multi30k", "lstm-tanaka-en-ja")
TEST_SETS = {
    "demo": "LibreOffice help, de→en",
    "lstm-multi30k-quick": "Multi30k test2016, de→en",
    "lstm-multi30k": "Multi30k test2016, de→en",
    "lstm-tanaka-en-ja": "Tanaka, en→ja",
}

Record = dict[str, Any]


def main() -> None:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description="Publish the results of runs.")
    commands = parser.add_subparsers(dest="command", required=True)
    recording = commands.add_parser("record", help="store the key figures of an evaluated run")
    recording.add_argument("run", type=Path)
    recording.add_argument(
        "--command", dest="how", required=True, help="command that repeats the run"
    )
    recording.add_argument("--name", help="name of the record; by default that of the folder")
    commands.add_parser("render", help="write docs/results.md and the table of README.md")
    arguments = parser.parse_args()
    if arguments.command == "record":
        record(arguments.run, arguments.how, arguments.name or arguments.run.name)
    else:
        render()


def record(run: Path, command: str, name: str) -> None:
    """Writes benchmarks/runs/NAME.json from an evaluated run folder."""
    evaluation = _read_json(run / "evaluation.json")
    environment = _read_json(run / "environment.json")
    lines = (run / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    end = [event for event in events if event["event"] == "end"][-1]
    precisions = [event["chosen"] for event in events if event["event"] == "precision"]
    values = {
        "name": name,
        "command": command,
        "date": date.today().isoformat(),
        "commit": _commit(),
        "updates": end["step"],
        "minutes": round(end["elapsed_s"] / 60, 1),
        "training_precision": precisions[-1] if precisions else None,
        "sentences": evaluation["num_sentences"],
        "sentences_per_second": evaluation["sentences_per_second"],
        "translation_precision": evaluation["precision"],
        **{metric: evaluation[metric] for metric in ("bleu", "chrf", "ter")},
        "environment": environment,
        "other_test_sets": {
            path.stem.removeprefix("evaluation."): _read_json(path)["bleu"]
            for path in sorted(run.glob("evaluation.test-*.json"))
        },
    }
    for part in ("robustness", "everyday"):
        path = run / f"{part}.json"
        if path.exists():
            values[part] = _read_json(path)
    if "everyday" in values:
        del values["everyday"]["translations"]
    RECORDS.mkdir(exist_ok=True)
    path = RECORDS / f"{name}.json"
    path.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {path.relative_to(TOP)}")


def render() -> None:
    """Writes docs/results.md, and the table between the markers of README.md."""
    records = [_read_json(RECORDS / f"{name}.json") for name in PUBLISHED]
    RESULTS.write_text(_results_page(records), encoding="utf-8")
    readme = README.read_text(encoding="utf-8")
    begin = "<!-- results: made by benchmarks/publish.py -->\n"
    pattern = re.compile(re.escape(begin) + r".*?(?=<!-- end of results -->)", re.DOTALL)
    table = begin + "\n" + _table(records) + "\n"
    README.write_text(pattern.sub(lambda match: table, readme), encoding="utf-8")
    print(f"wrote {RESULTS.relative_to(TOP)} and the table of {README.name}")


def _results_page(records: list[Record]) -> str:
    first = records[0]
    machine = first["environment"]
    versions = machine["versions"]
    sections = [
        "# Results",
        "",
        "<!-- Made by benchmarks/publish.py from the JSON files in benchmarks/. -->",
        "",
        "One training each, with today's defaults, on one machine. The command beside each row "
        "repeats it.",
        "",
        "## Translation quality",
        "",
        f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}, torch "
        f"{versions['torch']}.",
        "Scores are of plain, cased text, with 95 % bootstrap intervals. Beam 5.",
        "",
        _table(records),
        "",
        "| run | test set | updates | trained in | decoded in | sentences/s | chrF | TER | date |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        *(_details(entry) for entry in records),
        "",
        *(
            f"BLEU signature of `{name}`: `{signature}`."
            for name, signature in _different_signatures(records)
        ),
        f"chrF signature: `{first['chrf']['signature']}`.",
        "",
        *_real_text_section(first),
        *_model_cards(records[1:]),
        *(peer_section(_read_json(PEERS)) if PEERS.exists() else []),
        *_speed_section(),
        *translation_section(_read_json(BENCH)),
        *shipping_section(_read_json(BENCH)),
        *(page_section(_read_json(PAGE)) if PAGE.exists() else []),
        *(ctranslate2_section(_read_json(CTRANSLATE2)) if CTRANSLATE2.exists() else []),
        *(speed_section(_read_json(SPEED)) if SPEED.exists() else []),
        *gpu_section(_read_json(GPU)),
        "Figures of older recipes and of other families are in [experiments.md](experiments.md).",
    ]
    return "\n".join(sections) + "\n"


def _table(records: list[Record]) -> str:
    lines = ["| command | test set | training | BLEU |", "| --- | --- | --- | --- |"]
    for entry in records:
        bleu = entry["bleu"]
        lines.append(
            f"| `{entry['command']}` | {_test_set(entry)} | {entry['minutes']:.0f} min | "
            f"**{bleu['score']:.1f}** ({bleu['low']:.1f} to {bleu['high']:.1f}) |"
        )
    return "\n".join(lines)


def _different_signatures(records: list[Record]) -> list[tuple[str, str]]:
    """Returns each BLEU signature, with the first run that has it."""
    first_runs: dict[str, str] = {}
    for entry in records:
        first_runs.setdefault(entry["bleu"]["signature"], entry["name"])
    return [(name, signature) for signature, name in first_runs.items()]


def _details(entry: Record) -> str:
    cells = (
        f"`{entry['name']}`",
        _test_set(entry),
        f"{entry['updates']:,}",
        entry["training_precision"] or "",
        entry["translation_precision"],
        f"{entry['sentences_per_second']:.0f}",
        f"{entry['chrf']['score']:.1f}",
        f"{entry['ter']['score']:.1f}",
        entry["date"],
    )
    return "| " + " | ".join(cells) + " |"


def _test_set(entry: Record) -> str:
    return f"{TEST_SETS[entry['name']]}, {entry['sentences']:,}"


def _real_text_section(entry: Record) -> list[str]:
    """Returns what becomes of text that is not clean, single sentences of the corpus."""
    if "robustness" not in entry:
        return []
    report = entry["robustness"]
    lines = [
        "## Real text",
        "",
        f"The test set of `{entry['command']}`, {report['num_sentences']:,} sentences, as it is "
        "and changed: `seq2seq evaluate runs/demo --robustness`.",
        "BLEU and chrF ignore case. A number counts if the reference has it too.",
        "Only sentences with a final mark are joined, to lines of 2 to 8.",
        "Their BLEU is compared with that of the same sentences translated one by one.",
        "",
        "| text | BLEU | of clean | chrF | spans kept | numbers kept | loops | empty |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in report["rows"]:
        cells = (
            row["label"],
            f"{row['bleu']:.1f}",
            f"{row['share_of_clean']:.1%}",
            f"{row['chrf']:.1f}",
            _share(row["spans_kept"], row["num_spans"]),
            _share(row["numbers_kept"], row["num_numbers"]),
            str(row["loops"]),
            str(row["empty"]),
        )
        lines.append("| " + " | ".join(cells) + " |")
    for name, bleu in entry["other_test_sets"].items():
        lines += ["", f"`{name}`, the sentences of the dictionary Ding: BLEU {bleu['score']:.1f} "]
        lines[-1] += f"({bleu['low']:.1f} to {bleu['high']:.1f})."
    if "everyday" in entry:
        shares = entry["everyday"]["shares"]
        parts = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
        lines += [
            "",
            "A hundred everyday words, greetings and sentences that a visitor types: "
            "`python benchmarks/everyday.py runs/demo`.",
            "Most of them are in the training text.",
            f"Of their translations: {parts}.",
        ]
    return [*lines, ""]


def _model_cards(records: list[Record]) -> list[str]:
    """Returns a line about changed text for each of the other runs that was measured."""
    lines = []
    for entry in records:
        if "robustness" in entry:
            card = model_card_line(entry["robustness"])
            lines += [*textwrap.wrap(f"`{entry['command']}`: {card}", 116), ""]
    return lines


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole}" if whole else ""


def _speed_section() -> list[str]:
    """Returns the speed table of the last `make bench`."""
    values = _read_json(BENCH)
    machine = values["about_train"]
    lines = [
        "## Speed",
        "",
        f"`make bench`, {machine['date'][:10]}, {machine['processor']}, "
        f"{machine['threads']} threads, torch {machine['versions']['torch']}.",
        "Medians, with the range of all repeats.",
        "[performance.md](performance.md) explains what is measured and where the time goes.",
        "",
        "| what | median (range) |",
        "| --- | --- |",
    ]
    for key, label, digits in SPEED_ROWS:
        if key in values:
            figure = values[key]
            low = f"{figure['low']:,.{digits}f}"
            high = f"{figure['high']:,.{digits}f}"
            lines.append(f"| {label} | {figure['median']:,.{digits}f} ({low} to {high}) |")
    return [*lines, ""]


def _commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, cwd=TOP, capture_output=True, text=True).stdout.strip()


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
