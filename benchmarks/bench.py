"""Measures this project, the tutorial baseline, and the toolkits of `make bench-toolkits`.

    python benchmarks/bench.py
    python benchmarks/bench.py --only train,latency --rounds 3
    python benchmarks/bench.py --run RUN --into FILE

Two more parts are measured only if `--only` names them. `general` trains with general attention,
for all other toolkits. `minutes` trains configs/lstm-multi30k-quick.yaml into
benchmarks/work/quick, which is the run that translates if --run is not given.

The results go into benchmarks/results.json. They replace those of the same parts; the others stay
if they are of the same kind of processor. All systems take turns, and every ratio is taken within a
round: a machine that gets busier between rounds favors nobody.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from install_toolkits import OUR_RUN, installed_toolkits
from shared_setup import WORK, describe_machine, summarize, write_text
from shipping import SEARCHES, bench_shipping, export_onnx, measure_folder
from toolkit import Attention, Toolkit

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
QUICK_RUN = WORK / "quick"
OPENNMT_BLEU = 35.6
"""BLEU of OpenNMT-py on test2016 after 20 minutes of training, on a machine of this kind."""
EXPORTED = "ours_equal_onnx"
"""Key of our model of equal size, exported to ONNX in int8."""
CLI = [sys.executable, "-m", "seq2seq.cli"]

Results = dict[str, Any]


def measure(*arguments: str) -> Results:
    """Runs measure.py in a process of its own, and returns what it printed."""
    process = subprocess.run(
        [sys.executable, str(HERE / "measure.py"), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        sys.exit(f"measure.py {' '.join(arguments)} failed:\n{process.stderr[-3000:]}")
    result: Results = json.loads(process.stdout.splitlines()[-1])
    return result


# -- training --------------------------------------------------------------------------------------


def bench_training(rounds: int, steps: int, attention: Attention = "additive") -> Results:
    """Measures the speed and memory of training, of all systems in every round.

    Args:
        rounds: repeats.
        steps: updates of this project in a round.
        attention: the attention of the other toolkits. The baseline is measured only with
            "additive".
    """
    repeats: dict[str, list[Results]] = {}
    for number in range(1, rounds + 1):
        for name, result in _train_all_systems(steps, attention).items():
            repeats.setdefault(name, []).append(result)
            speed = result.get("tokens_per_s")
            if speed:
                print(f"round {number}: {name} {speed:,.0f} target tokens/s", flush=True)
    return _summarize_training(repeats)


def _train_all_systems(steps: int, attention: Attention) -> dict[str, Results]:
    """Measures each system once."""
    ours = measure("train", "--steps", str(steps))
    results = {
        "ours": ours,
        "ours_float32": measure("train", "--precision", "float32", "--steps", str(steps)),
        "matmul": measure("matmul", "--precision", ours["precision"]),
    }
    suffix = "_general"
    if attention == "additive":
        suffix = ""
        # The baseline is slow, so it makes fewer updates.
        baseline_steps = str(max(10, steps // 3))
        results["baseline"] = measure("train", "--system", "baseline", "--steps", baseline_steps)
    for toolkit in installed_toolkits():
        results[toolkit.name + suffix] = toolkit.train_speed(attention)
    return results


def bench_general_attention(rounds: int, steps: int) -> Results:
    """Measures training against other toolkits with general attention, which is our default."""
    results = bench_training(rounds, steps, "general")
    return {key: value for key, value in results.items() if "_general" in key}


def _summarize_training(repeats: dict[str, list[Results]]) -> Results:
    ours = repeats["ours"]
    rates = _ratios(ours, repeats["matmul"], "multiply_adds_per_s")
    results: Results = {
        "train_precision": ours[0]["precision"],
        "train_parameters": ours[0]["parameters"],
        "train_peak_mb": _summarize_key(ours, "peak_mb"),
        "train_ms_per_update": _summarize_key(ours, "ms_per_update"),
        "train_share_of_matmul_rate": rates,
    }
    for name, theirs in repeats.items():
        if name == "matmul":
            continue
        results[f"train_tokens_per_s_{name}"] = _summarize_key(theirs, "tokens_per_s")
        if not name.startswith("ours"):
            ratio = f"train_tokens_ratio_{name}"
            results[ratio] = _ratios(ours, theirs, "tokens_per_s")
            float32 = repeats["ours_float32"]
            results[f"{ratio}_float32"] = _ratios(float32, theirs, "tokens_per_s")
            results[f"train_peak_mb_{name}"] = _summarize_key(theirs, "peak_mb")
    return results


def _summarize_key(repeats: Sequence[Results], key: str) -> Results:
    return summarize([result[key] for result in repeats])


def _ratios(ours: Sequence[Results], theirs: Sequence[Results], key: str) -> Results:
    """Summarizes ours / theirs of each round."""
    pairs = zip(ours, theirs, strict=True)
    return summarize([our_result[key] / their_result[key] for our_result, their_result in pairs])


def bench_minutes() -> Results:
    """Trains with the quick config: does it reach the BLEU of OpenNMT-py after 20 minutes?"""
    shutil.rmtree(QUICK_RUN, ignore_errors=True)
    train = [*CLI, "train", "lstm-multi30k-quick", "--run", str(QUICK_RUN)]
    evaluate = [*CLI, "evaluate", str(QUICK_RUN)]
    for command in (train, evaluate):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    report = json.loads((QUICK_RUN / "evaluation.json").read_text(encoding="utf-8"))
    config = yaml.safe_load((QUICK_RUN / "config.yaml").read_text(encoding="utf-8"))
    minutes = config["training"]["budget"]["minutes"]
    bleu = report["bleu"]["score"]
    print(f"{minutes:g} minutes of training: {bleu:.2f} BLEU", flush=True)
    # If the minutes were not enough, it is unknown how many are.
    enough = bleu >= OPENNMT_BLEU
    return {
        "minutes_to_bleu_score": summarize([bleu]),
        "minutes_to_bleu": summarize([minutes]) if enough else None,
    }


# -- translation -----------------------------------------------------------------------------------


def bench_translation(rounds: int, run: Path) -> Results:
    """Measures sentences per second on test2016.

    `run` translates with torch and beam 5. The systems of equal size translate with beam 5 and
    greedy, and the ratios say how much faster our exported folder is than each of the others.
    """
    systems = _equal_systems()
    ours: list[float] = []
    repeats: dict[str, list[dict[str, float]]] = {name: [] for name in systems}
    for number in range(1, rounds + 1):
        ours.append(measure("translate", "--run", str(run))["sentences_per_s"])
        print(f"round {number}: ours {ours[-1]:.0f} sentences/s", flush=True)
        for name, measure_speeds in systems.items():
            speeds = measure_speeds()
            repeats[name].append(speeds)
            beam, greedy = speeds["sentences_per_s"], speeds["sentences_per_s_greedy"]
            print(f"round {number}: {name} {beam:.0f}, greedy {greedy:.0f} sentences/s", flush=True)
    results = {"translate_sentences_per_s_ours": summarize(ours)}
    for name, speeds_of_rounds in repeats.items():
        for suffix in SEARCHES.values():
            key = f"sentences_per_s{suffix}"
            results[f"translate_{key}_{name}"] = _summarize_key(speeds_of_rounds, key)
            if name != EXPORTED and EXPORTED in repeats:
                ratios = _ratios(repeats[EXPORTED], speeds_of_rounds, key)
                results[f"translate_exported_ratio{suffix}_{name}"] = ratios
    return results


def _equal_systems() -> dict[str, Callable[[], dict[str, float]]]:
    """Returns the trained systems of equal size, each with what measures its searches once."""
    systems: dict[str, Callable[[], dict[str, float]]] = {}
    untrained = []
    if OUR_RUN.exists():
        systems[EXPORTED] = partial(measure_folder, export_onnx(OUR_RUN, "onnx", ["--int8"]))
        systems["ours_equal"] = partial(measure_folder, OUR_RUN)
    else:
        untrained.append("ours")
    for toolkit in installed_toolkits():
        if toolkit.model:
            systems[toolkit.name] = partial(_toolkit_speeds, toolkit)
        else:
            untrained.append(toolkit.name)
    for name in untrained:
        command = f"python benchmarks/install_toolkits.py train 20 {name}"
        print(f"{name} has no model of equal size and is left out. Train it: {command}")
    return systems


def _toolkit_speeds(toolkit: Toolkit) -> dict[str, float]:
    speeds = {}
    for beam, suffix in SEARCHES.items():
        speeds[f"sentences_per_s{suffix}"] = toolkit.translate_speed(beam)
    return speeds


def bench_latency(rounds: int, run: Path) -> Results:
    """Measures milliseconds for one sentence with beam 5."""
    repeats = [measure("latency", "--run", str(run)) for _ in range(rounds)]
    return {"latency_ms": _summarize_key(repeats, "latency_ms")}


def bench_startup(rounds: int, run: Path) -> Results:
    """Measures seconds of a whole command, with the start of Python and torch."""
    return {
        "startup_s": summarize([_command_seconds("translate", str(run)) for _ in range(rounds)]),
        "help_s": summarize([_command_seconds("--help") for _ in range(rounds)]),
    }


def _command_seconds(*arguments: str) -> float:
    started_at = time.perf_counter()
    subprocess.run([*CLI, *arguments], input=b"Hallo\n", capture_output=True, check=True)
    return time.perf_counter() - started_at


# -- results ---------------------------------------------------------------------------------------


def render_table(results: Results) -> str:
    """Returns a Markdown table: key, median, lowest to highest."""
    lines = ["| key | median | lowest to highest |", "|---|---|---|"]
    for key, value in sorted(results.items()):
        if isinstance(value, dict) and "median" in value:
            interval = f"{value['low']:,.3g} to {value['high']:,.3g}"
            lines.append(f"| `{key}` | {value['median']:,.3g} | {interval} |")
    return "\n".join(lines)


def read_results_of_this_processor(path: Path) -> Results:
    """Returns what the file contains, or nothing if it is of another kind of processor."""
    if not path.exists():
        return {}
    results: Results = json.loads(path.read_text(encoding="utf-8"))
    this_processor = describe_machine()["processor"]
    processors = {value["processor"] for key, value in results.items() if key.startswith("about_")}
    others = processors - {this_processor}
    if others:
        names = ", ".join(sorted(others))
        print(f"{path} is of {names}. This is {this_processor}, so it starts over.", flush=True)
        return {}
    return results


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=2, help="repeats of every measurement")
    parser.add_argument("--steps", type=int, default=30, help="updates of a training")
    parser.add_argument("--run", type=Path, default=QUICK_RUN, help="the run that translates")
    parser.add_argument("--only", default="train,translate,latency,startup,shipping", help="parts")
    parser.add_argument("--into", type=Path, default=RESULTS, help="file of the results")
    options = parser.parse_args()
    parts: dict[str, Callable[[], Results]] = {
        "train": lambda: bench_training(options.rounds, options.steps),
        "general": lambda: bench_general_attention(options.rounds, options.steps),
        "minutes": bench_minutes,
        "translate": lambda: bench_translation(options.rounds, options.run),
        "latency": lambda: bench_latency(options.rounds, options.run),
        "startup": lambda: bench_startup(options.rounds, options.run),
        "shipping": lambda: bench_shipping(options.rounds, options.run),
    }
    selected = options.only.split(",")
    unknown = sorted(set(selected) - set(parts))
    if unknown:
        parser.error(f"--only: unknown part {', '.join(unknown)}; parts: {', '.join(parts)}")
    write_text()
    quick_run_missing = not (QUICK_RUN / "config.yaml").exists()
    if options.run == QUICK_RUN and quick_run_missing and "minutes" not in selected:
        selected.insert(0, "minutes")
    results = read_results_of_this_processor(options.into)
    for name in selected:
        results |= parts[name]()
        results[f"about_{name}"] = describe_machine()
        # The next part may take long.
        options.into.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(render_table(results))
    print(f"\nwritten to {options.into}")


if __name__ == "__main__":
    main()
