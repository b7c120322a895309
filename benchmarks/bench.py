"""Measures this project, the tutorial baseline and (where `make bench-peers` has installed them) the peers, in turn.

    python benchmarks/bench.py [--rounds 2] [--steps 30] [--only train,translate,latency,startup] [--run RUN] [--into FILE]

Two further parts are measured when `--only` names them: `general`, training against peers with general attention, and
`minutes`, which trains configs/lstm-multi30k-quick.yaml into benchmarks/work/quick. That is what translates if no RUN is
given, so without it it is trained first.

Writes benchmarks/results.json (what is measured replaces what was there, the rest stays if it is of the same kind of
processor) and prints the table. Every ratio is taken within a round, so that a machine that gets busier between rounds
does not favour anybody.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peers
import yaml
from peer import Attention
from setting import WORK, about, spread, write_text

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
QUICK = WORK / "quick"
BLEU_OF_OPENNMT = 35.6
"""Of OpenNMT-py on test2016 after 20 minutes of training on a machine of this kind."""

Measure = Callable[[], float]


def one(*arguments: str) -> dict[str, Any]:
    """A measurement of one.py in a process of its own."""
    done = subprocess.run(
        [sys.executable, str(HERE / "one.py"), *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"one.py {' '.join(arguments)} failed:\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def train(rounds: int, steps: int, attention: Attention = "additive") -> dict[str, Any]:
    """Throughput of training, all systems in every round."""
    found: dict[str, list[dict[str, Any]]] = {}
    for number in range(1, rounds + 1):
        ours = one("train", "--steps", str(steps))
        measured = {
            "ours": ours,
            "ours_float32": one("train", "--precision", "float32", "--steps", str(steps)),
            "matmul": one("matmul", "--precision", ours["precision"]),
        }
        if attention == "additive":
            measured["baseline"] = one("train", "--system", "baseline", "--steps", str(max(10, steps // 3)))
        for peer in peers.installed():
            measured[peer.name + ("_general" if attention == "general" else "")] = peer.train_speed(attention)
        for name, result in measured.items():
            found.setdefault(name, []).append(result)
            speed = result.get("tokens_per_s")
            if speed:
                print(f"round {number}: {name} {speed:,.0f} target tokens/s", flush=True)
    return _of_training(found)


def general(rounds: int, steps: int) -> dict[str, Any]:
    """Training against the peers with general attention, which is ours; what `train` measures as well is left out."""
    return {name: value for name, value in train(rounds, steps, "general").items() if "_general" in name}


def _of_training(found: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    ours = found["ours"]
    results: dict[str, Any] = {
        "train_precision": ours[0]["precision"],
        "train_parameters": ours[0]["parameters"],
        "train_peak_mb": spread([result["peak_mb"] for result in ours]),
        "train_ms_per_update": spread([result["ms_per_update"] for result in ours]),
        "train_share_of_matmul_rate": _ratios(ours, found["matmul"], "multiply_adds_per_s"),
    }
    for name, measured_of in found.items():
        if name == "matmul":
            continue
        results[f"train_tokens_per_s_{name}"] = spread([result["tokens_per_s"] for result in measured_of])
        if not name.startswith("ours"):
            results[f"train_tokens_ratio_{name}"] = _ratios(ours, measured_of, "tokens_per_s")
            results[f"train_tokens_ratio_{name}_float32"] = _ratios(found["ours_float32"], measured_of, "tokens_per_s")
            results[f"train_peak_mb_{name}"] = spread([result["peak_mb"] for result in measured_of])
    return results


def _ratios(ours: list[dict[str, Any]], theirs: list[dict[str, Any]], key: str) -> dict[str, Any]:
    return spread([a[key] / b[key] for a, b in zip(ours, theirs, strict=True)])


def minutes() -> dict[str, Any]:
    """Trains by the quick config and reads the test: are its minutes enough for the BLEU of OpenNMT-py's 20?"""
    shutil.rmtree(QUICK, ignore_errors=True)
    for arguments in (["train", "lstm-multi30k-quick", "--run", str(QUICK)], ["evaluate", str(QUICK)]):
        subprocess.run([sys.executable, "-m", "seq2seq.cli", *arguments], check=True, stdout=subprocess.DEVNULL)
    report = json.loads((QUICK / "evaluation.json").read_text(encoding="utf-8"))
    trained = yaml.safe_load((QUICK / "config.yaml").read_text(encoding="utf-8"))["training"]["budget"]["minutes"]
    bleu = report["bleu"]["score"]
    print(f"{trained:g} minutes of training: {bleu:.2f} BLEU", flush=True)
    found = {"minutes_to_bleu_score": spread([bleu])}
    # Minutes that were not enough are no measurement of how many are.
    return {**found, "minutes_to_bleu": spread([trained]) if bleu >= BLEU_OF_OPENNMT else None}


def translate(rounds: int, run: Path) -> dict[str, Any]:
    """Sentences a second on test2016, beam 5: of `run`, of a model with the peers' sizes (`peers.py train 20 ours`), of
    both with a shortlist, and of the peers."""
    found: dict[str, list[float]] = {}
    with_model = [peer for peer in peers.installed() if peer.model]
    for peer in peers.installed():
        if peer not in with_model:
            print(f"{peer.name} is left out: it has no model (python benchmarks/peers.py train 20 {peer.name})")
    runs = {"ours": run, "ours_shortlist": shipped(run)}
    if peers.OURS_TRAINED.exists():
        runs |= {"ours_equal": peers.OURS_TRAINED, "ours_equal_shortlist": shipped(peers.OURS_TRAINED)}
    for number in range(1, rounds + 1):
        for name, folder in runs.items():
            found.setdefault(name, []).append(one("translate", "--run", str(folder))["sentences_per_s"])
        for peer in with_model:
            found.setdefault(peer.name, []).append(peer.translate_speed())
        print(f"round {number}: " + ", ".join(f"{k} {v[-1]:.0f} sentences/s" for k, v in found.items()), flush=True)
    results = {f"translate_sentences_per_s_{name}": spread(speeds) for name, speeds in found.items()}
    for name, speeds in found.items():
        if name not in runs:
            for of in runs:
                ratio = f"translate_ratio_{name}" + of.removeprefix("ours")
                results[ratio] = spread([a / b for a, b in zip(found[of], speeds, strict=True)])
    return results


def latency(rounds: int, run: Path) -> dict[str, Any]:
    """Milliseconds for one sentence, beam 5, with the whole vocabulary and with a shortlist."""
    runs = {"latency_ms": run, "latency_ms_shortlist": shipped(run)}
    found: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, folder in runs.items():
            found[name].append(one("latency", "--run", str(folder))["latency_ms"])
    return {name: spread(times) for name, times in found.items()}


def shipped(run: Path) -> Path:
    """The run as `seq2seq export --shortlist` makes it."""
    folder = WORK / "shipped" / run.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "seq2seq.cli", "export", str(run), str(folder), "--shortlist"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder


def startup(rounds: int, run: Path) -> dict[str, Any]:
    """Seconds of the whole command, Python and torch included."""

    def seconds(*arguments: str) -> float:
        started_at = time.perf_counter()
        command = [sys.executable, "-m", "seq2seq.cli", *arguments]
        subprocess.run(command, input=b"Hallo\n", capture_output=True, check=True, cwd=os.getcwd())
        return time.perf_counter() - started_at

    return {
        "startup_s": spread([seconds("translate", str(run)) for _ in range(rounds)]),
        "help_s": spread([seconds("--help") for _ in range(rounds)]),
    }


def table(results: dict[str, Any]) -> str:
    """Markdown: key, median, lowest to highest."""
    lines = ["| key | median | of repeats |", "|---|---|---|"]
    for key, value in sorted(results.items()):
        if isinstance(value, dict) and "median" in value:
            lines.append(f"| `{key}` | {value['median']:,.3g} | {value['low']:,.3g} to {value['high']:,.3g} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--run", type=Path, default=QUICK, help="A trained run for what translates.")
    parser.add_argument("--only", default="train,translate,latency,startup")
    parser.add_argument("--into", type=Path, default=RESULTS, help="Where the results are written.")
    options = parser.parse_args()
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "train": lambda: train(options.rounds, options.steps),
        "general": lambda: general(options.rounds, options.steps),
        "minutes": minutes,
        "translate": lambda: translate(options.rounds, options.run),
        "latency": lambda: latency(options.rounds, options.run),
        "startup": lambda: startup(options.rounds, options.run),
    }
    wanted = options.only.split(",")
    if unknown := set(wanted) - set(parts):
        parser.error(f"--only: there is no {', '.join(sorted(unknown))}; there are {', '.join(parts)}")
    write_text()
    if options.run == QUICK and not (QUICK / "config.yaml").exists() and "minutes" not in wanted:
        wanted.insert(0, "minutes")
    results = measured_here(options.into)
    for name in wanted:
        results |= parts[name]() | {f"about_{name}": about()}
        options.into.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(table(results))
    print(f"\nwritten to {options.into}")


def measured_here(path: Path) -> dict[str, Any]:
    """What the file holds, unless it was measured on another kind of processor: one table is of one machine."""
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    here = about()["processor"]
    others = {value["processor"] for name, value in results.items() if name.startswith("about_")} - {here}
    if others:
        print(f"{path} is of {', '.join(sorted(others))}; this is {here}: begun anew", flush=True)
    return {} if others else results


if __name__ == "__main__":
    main()
