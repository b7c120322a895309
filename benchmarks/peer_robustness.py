"""Measures how a run of this project and OpenNMT-py translate text that is not clean.

    python benchmarks/install_toolkits.py                     # once
    python benchmarks/install_toolkits.py train 12 opennmt
    python benchmarks/peer_robustness.py RUN --command "seq2seq train lstm-multi30k"
    python benchmarks/publish.py render

Both translate the forms of Multi30k test2016 that `seq2seq evaluate --robustness` has, and the
results go into benchmarks/peers.json. OpenNMT-py reads what it reads in its training: normalized
text, as tokens of the vocabulary in shared_setup.py.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opennmt import OpenNMT
from peer_table import cells
from shared_setup import OUR_CONFIG, describe_machine, write_text

from seq2seq.evaluation.robustness import measure_robustness
from seq2seq.evaluation.test_set import TestSet
from seq2seq.files import atomic_write_text

RESULTS = Path(__file__).resolve().parent / "peers.json"
SOURCE = "de"
TARGET = "en"


@dataclass(frozen=True, kw_only=True)
class System:
    """A translator that is measured."""

    key: str
    label: str
    command: str
    """The command that trained it."""
    minutes: float
    """How long it was trained."""
    updates: int
    translate: Callable[[list[str]], list[str]]
    """Returns one translation for each text."""


def our_system(run_path: Path, command: str) -> System:
    """Returns a run of this project.

    Args:
        run_path: the run folder, with the journal of its training.
        command: the command that trained it.
    """
    # torch is imported only when something is translated.
    import seq2seq
    from seq2seq.run import RunFolder

    run = RunFolder.open(run_path)
    corpus = OUR_CONFIG["data"]["corpus"]
    if run.config.data.corpus != corpus or run.direction != f"{SOURCE}-{TARGET}":
        raise SystemExit(
            f"{run_path} was trained on {run.config.data.corpus}, {run.direction}. OpenNMT-py is "
            f"trained on {corpus}, {SOURCE}-{TARGET}. Give a run of the same."
        )
    minutes, updates = training_of(run.journal_file)
    return System(
        key="ours",
        label="this project",
        command=command,
        minutes=minutes,
        updates=updates,
        translate=seq2seq.load(run_path),
    )


def training_of(journal: Path) -> tuple[float, int]:
    """Returns the minutes and the updates of a training, from its journal."""
    lines = journal.read_text(encoding="utf-8").splitlines() if journal.exists() else []
    ends = [event for event in map(json.loads, lines) if event["event"] == "end"]
    if not ends:
        raise SystemExit(
            f"{journal} has no end of a training. Give a run whose training has ended."
        )
    return ends[-1]["elapsed_s"] / 60, ends[-1]["step"]


def peer_system(toolkit: OpenNMT) -> System:
    """Returns the toolkit with the model that install_toolkits.py trained."""
    minutes = toolkit.minutes_trained
    updates = toolkit.updates_trained
    if minutes is None or updates is None:
        raise SystemExit(
            f"{toolkit.name} has no trained model. Train it: "
            f"python benchmarks/install_toolkits.py train 12 {toolkit.name}"
        )
    return System(
        key=toolkit.name,
        label="OpenNMT-py 3.5.1",
        command=f"python benchmarks/install_toolkits.py train {minutes:g} {toolkit.name}",
        minutes=minutes,
        updates=updates,
        translate=toolkit.translate,
    )


def load_test_set(limit: int | None) -> TestSet:
    """Returns the first `limit` sentences of Multi30k test2016, or all of them."""
    folder = write_text()
    source, target = (
        (folder / f"test.{language}").read_text(encoding="utf-8").splitlines()
        for language in (SOURCE, TARGET)
    )
    return TestSet("Multi30k test2016", source[:limit], [target[:limit]])


def compare(systems: Sequence[System], test_set: TestSet) -> dict[str, Any]:
    """Returns what peers.json contains.

    Args:
        systems: they translate in this order, each of them all forms in one call.
        test_set: N sentences.

    Returns:
        test_set, num_sentences, tokenization and seed, as `measure_robustness` reports them, and
        systems: key, label, command, minutes and updates of each system, the seconds that it took
        to load and to translate everything, and the rows of `measure_robustness`.
    """
    shared: dict[str, Any] = {}
    entries = []
    for system in systems:
        report = measure_robustness(system.translate, test_set, SOURCE, TARGET)
        entry = {
            "key": system.key,
            "label": system.label,
            "command": system.command,
            "minutes": round(system.minutes, 1),
            "updates": system.updates,
            "seconds": round(report.pop("seconds"), 1),
            "rows": report.pop("rows"),
        }
        shared = report
        entries.append(entry)
        for row in entry["rows"]:
            print(f"{system.label}: {row['label']}: {', '.join(cells(row))}", flush=True)
    return {**shared, "systems": entries}


def main() -> None:
    """Measures both systems, and writes the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="a run of this project, trained on Multi30k de-en")
    parser.add_argument("--command", required=True, help="the command that trained the run")
    parser.add_argument("--limit", type=int, help="only so many sentences, for a trial")
    parser.add_argument("--into", type=Path, default=RESULTS, help="the JSON file")
    arguments = parser.parse_args()
    # A missing model must be reported before anything is translated.
    peer = peer_system(OpenNMT())
    ours = our_system(arguments.run, arguments.command)
    results = compare([ours, peer], load_test_set(arguments.limit))
    results["machine"] = describe_machine()
    text = json.dumps(results, indent=1, ensure_ascii=False, allow_nan=False)
    atomic_write_text(arguments.into, text + "\n")
    print(f"wrote {arguments.into}")


if __name__ == "__main__":
    main()
