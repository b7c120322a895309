"""Where the time of a translation with an exported folder goes, as a Markdown table.

    python benchmarks/translation_profile.py FOLDER

Each column is one way to translate test2016: a sentence at a time, greedy and with a beam of 5, and
in batches, with one worker. The parts of a column are milliseconds for a sentence. The time of the
graphs is divided among their operators by the shares that the profiler of ONNX Runtime reports,
because the profiler itself slows small operators down.
"""

import collections
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnxruntime
from shared_setup import read_test_sources

import seq2seq
from seq2seq.decoding import translator as translator_module
from seq2seq.decoding.engines.onnx import OnnxEngine

SENTENCES = 200
# The first group that an operator's name contains a part of gets its time.
GROUPS = {
    "recurrent layers of the encoder": ("LSTM", "GRU", "RNN"),
    "matrix products": ("MatMul", "Gemm"),
    "softmax, best tokens": ("Softmax", "TopK"),
    "gates": ("Sigmoid", "Tanh", "Mul", "Add", "Sub"),
}
OTHER = "gathers, shapes, copies"

Times = dict[str, float]


class Clock:
    """Adds up the time of some functions."""

    def __init__(self) -> None:
        self.seconds: Times = collections.defaultdict(float)

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Returns a function that does the same and adds its time to `name`."""

        def run(*arguments: Any, **options: Any) -> Any:
            started_at = time.perf_counter()
            result = function(*arguments, **options)
            self.seconds[name] += time.perf_counter() - started_at
            return result

        return run


class TimedSession:
    """An InferenceSession whose runs are timed."""

    def __init__(self, session: onnxruntime.InferenceSession, name: str, clock: Clock) -> None:
        self._session = session
        self.run_with_iobinding = clock.timed(name, session.run_with_iobinding)
        self.run_with_ort_values = clock.timed(name, session.run_with_ort_values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


def measure(folder: Path, texts: list[str], *, beam: int, at_once: bool) -> Times:
    """Returns the milliseconds of each part for a sentence."""
    clock = Clock()
    translator = seq2seq.load(folder)
    engine = translator.engine
    assert isinstance(engine, OnnxEngine)
    engine.workers = 1
    groups = [texts] if at_once else [[text] for text in texts]
    for group in groups[:50]:
        translator.translate(group, beam=beam)
    engine.encoder = TimedSession(engine.encoder, "encoder", clock)  # type: ignore[assignment]
    engine.decoder = TimedSession(engine.decoder, "decoder", clock)  # type: ignore[assignment]
    search = translator_module.beam_search
    translator_module.beam_search = clock.timed("search", search)
    started_at = time.perf_counter()
    for group in groups:
        translator.translate(group, beam=beam)
    total = time.perf_counter() - started_at
    translator_module.beam_search = search
    parts: Times = {"text: sentences, spans, tokens": total - clock.seconds["search"]}
    graphs = clock.seconds["encoder"] + clock.seconds["decoder"]
    parts["search in NumPy"] = clock.seconds["search"] - graphs
    for graph, shares in operator_shares(folder, groups, beam).items():
        for name, share in shares.items():
            parts[name] = parts.get(name, 0) + share * clock.seconds[graph]
    return {name: 1000 * seconds / len(texts) for name, seconds in parts.items()}


def operator_shares(folder: Path, groups: list[list[str]], beam: int) -> dict[str, Times]:
    """Returns the share of each group of operators in the time of each graph."""
    original = onnxruntime.SessionOptions
    with tempfile.TemporaryDirectory() as work:

        def profiled() -> onnxruntime.SessionOptions:
            options = original()
            options.enable_profiling = True
            options.profile_file_prefix = os.path.join(work, "profile")
            return options

        onnxruntime.SessionOptions = profiled
        try:
            translator = seq2seq.load(folder)
        finally:
            onnxruntime.SessionOptions = original
        engine = translator.engine
        assert isinstance(engine, OnnxEngine)
        engine.workers = 1
        for group in groups:
            translator.translate(group, beam=beam)
        return {
            "encoder": _shares(Path(engine.encoder.end_profiling())),
            "decoder": _shares(Path(engine.decoder.end_profiling())),
        }


def _shares(file: Path) -> Times:
    seconds: Times = collections.defaultdict(float)
    for event in json.loads(file.read_text(encoding="utf-8")):
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            seconds[_group_of(event["args"]["op_name"])] += event["dur"]
    total = sum(seconds.values())
    return {name: value / total for name, value in seconds.items()}


def _group_of(operator: str) -> str:
    for name, parts in GROUPS.items():
        if any(part in operator for part in parts):
            return name
    return OTHER


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    texts = read_test_sources()
    columns = {
        "one sentence, greedy": measure(folder, texts[:SENTENCES], beam=1, at_once=False),
        "one sentence, beam 5": measure(folder, texts[:SENTENCES], beam=5, at_once=False),
        "test2016, beam 5": measure(folder, texts, beam=5, at_once=True),
    }
    names = [*next(iter(columns.values()))]
    print("| milliseconds for a sentence | " + " | ".join(columns) + " |")
    print("| --- |" + " --- |" * len(columns))
    for name in sorted(names, key=lambda name: -columns["one sentence, beam 5"].get(name, 0)):
        cells = (f"{values.get(name, 0):.2f}" for values in columns.values())
        print(f"| {name} | " + " | ".join(cells) + " |")
    totals = (f"{sum(values.values()):.2f}" for values in columns.values())
    print("| together | " + " | ".join(totals) + " |")


if __name__ == "__main__":
    main()
