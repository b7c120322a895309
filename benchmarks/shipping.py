"""Measures a run with torch, and its exported ONNX folders, in turn.

    python benchmarks/shipping.py RUN
    python benchmarks/shipping.py one FOLDER     # one measurement, in a process without torch

`make bench` calls it. The folders are exported in int8, without and with a shortlist. For each of
them and for the run: sentences per second on test2016 and milliseconds for one sentence, with a
beam of 5 and greedy; seconds and memory of a whole `echo Hallo | seq2seq translate FOLDER`; and the
size of the folder.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from shared_setup import WORK, read_test_sources, summarize

Results = dict[str, Any]
CLI = [sys.executable, "-m", "seq2seq.cli"]
LATENCY_SENTENCES = 100
SEARCHES = {5: "", 1: "_greedy"}
"""Beams, and what the keys of their results end with."""


def bench_shipping(rounds: int, run: Path) -> Results:
    """Measures a run and its exported folders.

    Args:
        rounds: repeats. All folders take turns in each of them.
        run: a trained run folder.
    """
    folders = {"torch": run}
    for name, options in (("onnx", ["--int8"]), ("onnx_shortlist", ["--int8", "--shortlist"])):
        folders[name] = export_onnx(run, name, options)
    repeats: dict[str, list[float]] = {}
    for number in range(1, rounds + 1):
        for name, folder in folders.items():
            measured = measure_folder(folder) | in_process(__file__, "start", str(folder))
            for key, value in measured.items():
                repeats.setdefault(f"shipping_{key}_{name}", []).append(value)
            speed = measured["sentences_per_s"]
            print(f"round {number}: {name} {speed:.0f} sentences/s", flush=True)
    results = {key: summarize(values) for key, values in repeats.items()}
    for name, folder in folders.items():
        if name != "torch":
            num_bytes = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
            results[f"shipping_folder_mb_{name}"] = summarize([num_bytes / 1e6])
    return results


def export_onnx(run: Path, name: str, options: list[str]) -> Path:
    """Exports a run with some options of `seq2seq export`, and returns the folder.

    Args:
        run: a trained run folder.
        name: what the name of the folder ends with.
        options: such as `--int8`.
    """
    folder = WORK / "exported" / f"{run.name}-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(exist_ok=True)
    command = [*CLI, "export", str(run), str(folder), "--format", "onnx", *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder


def measure_folder(folder: Path) -> dict[str, float]:
    """Returns what `measure_speed` finds in a process of its own."""
    return in_process(__file__, "one", str(folder))


def in_process(script: str, *arguments: str) -> dict[str, float]:
    """Runs a script in a process of its own, and returns the JSON of its last line."""
    command = [sys.executable, script, *arguments]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{process.stderr[-3000:]}")
    result: dict[str, float] = json.loads(process.stdout.splitlines()[-1])
    return result


def measure_speed(folder: Path) -> dict[str, float]:
    """Measures a translator that is loaded already."""
    import seq2seq

    translator = seq2seq.load(folder)
    texts = read_test_sources()
    results = {}
    for beam, suffix in SEARCHES.items():
        translator.translate(texts[:50], beam=beam)
        started_at = time.perf_counter()
        translator.translate(texts, beam=beam)
        results[f"sentences_per_s{suffix}"] = len(texts) / (time.perf_counter() - started_at)
        started_at = time.perf_counter()
        for text in texts[:LATENCY_SENTENCES]:
            translator.translate([text], beam=beam)
        seconds = time.perf_counter() - started_at
        results[f"latency_ms{suffix}"] = 1000 * seconds / LATENCY_SENTENCES
    return results


def measure_start(folder: Path) -> dict[str, float]:
    """Measures a whole process that translates one word."""
    started_at = time.perf_counter()
    command = [*CLI, "translate", str(folder)]
    subprocess.run(command, input=b"Hallo\n", capture_output=True, check=True)
    seconds = time.perf_counter() - started_at
    # This process has had no other child. Linux counts in kilobytes.
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return {"process_s": seconds, "process_mb": memory * 1024 / 1e6}


def main() -> None:
    arguments = sys.argv[1:]
    if len(arguments) == 2 and arguments[0] in ("one", "start"):
        measure = measure_speed if arguments[0] == "one" else measure_start
        print(json.dumps(measure(Path(arguments[1]))))
    elif len(arguments) == 1 and os.path.isdir(arguments[0]):
        print(json.dumps(bench_shipping(3, Path(arguments[0])), indent=1))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
