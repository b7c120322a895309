"""Compares this project's exported folder with CTranslate2, on a processor, in int8.

    python benchmarks/ctranslate2_peer.py install        # into benchmarks/work/toolkits
    python benchmarks/ctranslate2_peer.py train          # a model that both systems can compute
    python benchmarks/ctranslate2_peer.py convert        # and a check in float32
    python benchmarks/ctranslate2_peer.py measure FOLDER # into benchmarks/ctranslate2.json
    python benchmarks/publish.py render

FOLDER is a folder of `seq2seq export --format onnx --int8`. It translates Multi30k de-en. The model
of CTranslate2 is a Transformer of this project's trainer, trained on the same text. Its sizes are
those of configs/transformer-multi30k.yaml.

Both systems read plain lines of test2016 and write plain lines, with SentencePiece and everything
else that they need. They take turns in each round. CTranslate2 runs with its defaults, except for
threads and batch sizes: the fastest of those that are tried before the first round.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from shared_setup import THREADS, WORK, describe_machine, read_test_sources, summarize, write_text

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "ctranslate2.json"
PROJECT = HERE.parent
TOOLKIT = WORK / "toolkits" / "ctranslate2"
OURS = WORK / "toolkits" / "this-project"
RUN = TOOLKIT / "run"
PACKAGES = ("ctranslate2", "sentencepiece", "numpy")
FORMATS = ("float32", "int8")
CHECKED_SENTENCES = 50

# Imports and loads, in a process of its own.
_LOAD_OURS = """
import sys, time
started_at = time.perf_counter()
import seq2seq
seq2seq.load(sys.argv[1])
print(time.perf_counter() - started_at)
"""

Results = dict[str, Any]


def python_of(folder: Path) -> Path:
    """Returns the Python of an environment that `install` made."""
    return folder / "venv" / "bin" / "python"


def is_installed() -> bool:
    """Whether `install` has finished."""
    return (TOOLKIT / "done").exists()


def install() -> None:
    """Makes an environment for CTranslate2, and one for this project, whose size is compared.

    The environments have no pip, so that they contain what translating needs and nothing else.
    """
    for folder, packages in ((TOOLKIT, PACKAGES), (OURS, (str(PROJECT),))):
        print(f"installing {', '.join(packages)} into {folder}", flush=True)
        venv = [sys.executable, "-m", "venv", "--clear", "--without-pip", str(folder / "venv")]
        subprocess.run(venv, check=True)
        pip = [sys.executable, "-m", "pip", "--python", str(python_of(folder))]
        subprocess.run([*pip, "install", "--quiet", *packages], check=True)
        (folder / "done").touch()


def run_worker(command: str, folder: Path, *arguments: str, given: Results | None = None) -> Any:
    """Runs ctranslate2_worker.py in the environment of CTranslate2, and returns what it prints.

    Args:
        command: its first argument.
        folder: its second argument.
        *arguments: more arguments.
        given: its standard input.
    """
    worker = [str(python_of(TOOLKIT)), str(HERE / "ctranslate2_worker.py"), command, str(folder)]
    environment = os.environ | {"OMP_NUM_THREADS": str(THREADS), "CUDA_VISIBLE_DEVICES": ""}
    output = _output([*worker, *arguments], json.dumps(given or {}), environment)
    return json.loads(output) if output else None


def _output(command: list[str], text: str = "", environment: dict[str, str] | None = None) -> str:
    """Returns the last line of what a command prints."""
    process = subprocess.run(command, input=text, capture_output=True, text=True, env=environment)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{process.stderr[-3000:]}")
    lines = process.stdout.splitlines()
    return lines[-1] if lines else ""


# -- conversion ------------------------------------------------------------------------------------


def model_folder(number_format: str) -> Path:
    """Returns the folder of the converted model."""
    return TOOLKIT / "models" / number_format


def convert(run_path: Path) -> None:
    """Converts a run into float32 and int8, and checks the former.

    Args:
        run_path: a run folder of `train`.

    Raises:
        SystemExit: CTranslate2 computes something else than this project.
    """
    from ctranslate2_conversion import check, write_weights

    from seq2seq.run import RunFolder

    run = RunFolder.open(run_path)
    source = TOOLKIT / "weights"
    write_weights(run, source)
    for number_format in FORMATS:
        folder = model_folder(number_format)
        shutil.rmtree(folder, ignore_errors=True)
        run_worker("convert", source, str(folder), number_format)
    agreement = check(
        run,
        read_test_sources()[:CHECKED_SENTENCES],
        lambda given: run_worker("score", model_folder("float32"), given=given),
    )
    print(
        f"{agreement.same_greedy} of {agreement.sentences} greedy translations are the same; "
        f"log-probabilities differ by {agreement.largest_difference:.1e} at most"
    )
    if agreement.largest_difference > 1e-3:
        sys.exit("CTranslate2 does not compute what this project computes.")
    about = {
        "parameters": _count_parameters(source),
        "updates": _updates_of(run.journal_file),
        "agreement": asdict(agreement),
    }
    (TOOLKIT / "converted.json").write_text(json.dumps(about) + "\n", encoding="utf-8")


def _updates_of(journal: Path) -> int:
    """Returns the updates of a training, from its journal."""
    events = map(json.loads, journal.read_text(encoding="utf-8").splitlines())
    return max(int(event.get("step", 0)) for event in events)


def _count_parameters(source: Path) -> int:
    """Returns the number of different weights, without the table of sinusoids."""
    import numpy as np

    arrays = dict(np.load(source / "weights.npz"))
    del arrays["sinusoids"]
    # A tied matrix has several names.
    return sum(
        array.size for array in {array.tobytes(): array for array in arrays.values()}.values()
    )


# -- measurement -----------------------------------------------------------------------------------


def measure(folder: Path, rounds: int, limit: int | None = None) -> Results:
    """Returns what ctranslate2.json contains.

    Args:
        folder: an exported folder of this project.
        rounds: repeats. The systems take turns in each of them.
        limit: CTranslate2 translates only so many sentences, for a trial.
    """
    texts = read_test_sources()[:limit]
    theirs = model_folder("int8")
    settings = run_worker("tune", theirs, given={"texts": texts})
    print(f"fastest settings of CTranslate2: {json.dumps(settings)}", flush=True)
    repeats: dict[str, dict[str, list[float]]] = {"ctranslate2": {}, "ours": {}}
    for number in range(1, rounds + 1):
        measured = {
            "ctranslate2": _measure_theirs(theirs, texts, settings),
            "ours": _measure_ours(folder),
        }
        for system, figures in measured.items():
            for key, value in figures.items():
                repeats[system].setdefault(key, []).append(value)
            print(f"round {number}: {system} {json.dumps(figures)}", flush=True)
    fixed = {"ctranslate2": _fixed_theirs(texts), "ours": _fixed_ours(folder, texts)}
    for system, figures in fixed.items():
        repeats[system] |= {key: [value] for key, value in figures.items()}
    return {
        "test_set": "Multi30k test2016",
        "num_sentences": len(texts),
        "ours": _about_ours(folder),
        "theirs": json.loads((TOOLKIT / "converted.json").read_text(encoding="utf-8")),
        "settings": settings,
        "versions": _versions(),
        "systems": {
            system: {key: summarize(values) for key, values in figures.items()}
            for system, figures in repeats.items()
        },
        "machine": describe_machine(),
    }


def _measure_theirs(folder: Path, texts: list[str], settings: Results) -> dict[str, float]:
    figures: dict[str, float] = {}
    figures |= run_worker("speed", folder, given={"texts": texts, "settings": settings})
    figures |= run_worker("load", folder)
    figures |= run_worker("start", folder)
    return figures


def _measure_ours(folder: Path) -> dict[str, float]:
    """Measures what shipping.py measures, and the load time."""
    shipping = [sys.executable, str(HERE / "shipping.py")]
    figures: dict[str, float] = {}
    figures |= json.loads(_output([*shipping, "one", str(folder)]))
    figures["load_s"] = float(_output([sys.executable, "-c", _LOAD_OURS, str(folder)]))
    figures |= json.loads(_output([*shipping, "start", str(folder)]))
    return figures


def _fixed_theirs(texts: list[str]) -> dict[str, float]:
    """Returns BLEU and sizes, which are the same in every round."""
    figures = {
        "folder_mb": _size_mb(model_folder("int8")),
        "environment_mb": _size_mb(TOOLKIT / "venv" / "lib"),
    }
    for number_format in FORMATS:
        for suffix, beam in (("", 5), ("_greedy", 1)):
            given = {"texts": texts, "beam": beam}
            translations = run_worker("translate", model_folder(number_format), given=given)
            figures[f"bleu_{number_format}{suffix}"] = _bleu(translations)
    return figures


def _fixed_ours(folder: Path, texts: list[str]) -> dict[str, float]:
    """Returns BLEU and sizes, which are the same in every round."""
    import seq2seq

    translator = seq2seq.load(folder)
    figures = {"folder_mb": _size_mb(folder, without=("evaluation*", "hypotheses*"))}
    if (OURS / "done").exists():
        figures["environment_mb"] = _size_mb(OURS / "venv" / "lib")
    for suffix, beam in (("", 5), ("_greedy", 1)):
        translations = translator.translate(texts, beam=beam)
        figures[f"bleu_int8{suffix}"] = _bleu([translation.text for translation in translations])
    return figures


def _about_ours(folder: Path) -> Results:
    """Returns the name of an exported folder and the family of its model."""
    import yaml

    config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    return {"folder": folder.name, "family": config["model"]["family"]}


def _bleu(translations: list[str]) -> float:
    """Returns BLEU on the first N sentences of test2016, cased, with the tokenization 13a."""
    import sacrebleu

    references = (write_text() / "test.en").read_text(encoding="utf-8").splitlines()
    references = references[: len(translations)]
    return float(sacrebleu.corpus_bleu(translations, [references], tokenize="13a").score)


def _size_mb(folder: Path, without: tuple[str, ...] = ()) -> float:
    """Returns the size of all files, except those that match a pattern."""
    files = [file for file in folder.rglob("*") if file.is_file() and not file.is_symlink()]
    kept = [file for file in files if not any(file.match(pattern) for pattern in without)]
    return sum(file.stat().st_size for file in kept) / 1e6


def _versions() -> dict[str, str]:
    """Returns the versions of the packages of CTranslate2's environment."""
    code = (
        "import json, sys, importlib.metadata as m; "
        "print(json.dumps({name: m.version(name) for name in sys.argv[1:]}))"
    )
    versions: dict[str, str] = json.loads(_output([str(python_of(TOOLKIT)), "-c", code, *PACKAGES]))
    return versions


# -- command line ----------------------------------------------------------------------------------


def main() -> None:
    """Parses the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("install", help="make the environments")
    training = commands.add_parser("train", help="train the model, or go on with its training")
    training.add_argument("--steps", type=int, default=5000, help="updates")
    conversion = commands.add_parser("convert", help="convert the model, and check it")
    for command in (training, conversion):
        command.add_argument("--run", type=Path, default=RUN, help="the run folder")
    measuring = commands.add_parser("measure", help="measure both systems, and write the results")
    measuring.add_argument("folder", type=Path, help="an exported folder of this project")
    measuring.add_argument("--rounds", type=int, default=3, help="repeats")
    measuring.add_argument("--limit", type=int, help="only so many sentences, for a trial")
    measuring.add_argument("--into", type=Path, default=RESULTS, help="the JSON file")
    arguments = parser.parse_args()
    if arguments.command == "install":
        install()
    elif arguments.command == "train":
        from ctranslate2_training import train

        train(arguments.run, arguments.steps)
    elif arguments.command == "convert":
        _need("install", is_installed())
        convert(arguments.run)
    else:
        _need("install", is_installed())
        _need("convert", (TOOLKIT / "converted.json").exists())
        results = measure(arguments.folder, arguments.rounds, arguments.limit)
        text = json.dumps(results, indent=1, ensure_ascii=False, allow_nan=False)
        arguments.into.write_text(text + "\n", encoding="utf-8")
        print(f"wrote {arguments.into}")


def _need(command: str, is_done: bool) -> None:
    if not is_done:
        sys.exit(f"First: python benchmarks/ctranslate2_peer.py {command}")


if __name__ == "__main__":
    main()
