"""Speed against quality: exported folders of several models, with a beam of 5 and greedy.

    python benchmarks/speed_quality.py measure NAME=FOLDER... --rounds 3
    python benchmarks/speed_quality.py draw       # docs/pictures/speed.png
    python benchmarks/publish.py render

Each FOLDER is of `seq2seq export --format onnx --int8` and translates Multi30k de-en; NAME is what
it is called. All of them translate test2016 in turns. `measure` also times long sentences with one
thread: pairs of the test set as one sentence each, about 24 words, which is the length of news.

The picture shows CTranslate2 too, if ctranslate2_peer.py has measured it.
"""

import argparse
import json
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared_setup import THREADS, WORK, describe_machine, read_test_sources, summarize, write_text
from shipping import SEARCHES, in_process, measure_speed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "speed_quality.json"
CTRANSLATE2 = HERE / "ctranslate2.json"
PICTURE = HERE.parent / "docs" / "pictures" / "speed.png"

Results = dict[str, Any]


def measure(folders: dict[str, Path], rounds: int) -> Results:
    """Measures folders in turns.

    Args:
        folders: name -> exported folder.
        rounds: repeats.
    """
    repeats: dict[str, list[dict[str, float]]] = {name: [] for name in folders}
    for number in range(1, rounds + 1):
        for name, folder in folders.items():
            repeats[name].append(in_process(__file__, "one", str(folder)))
            speed = repeats[name][-1]["sentences_per_s_greedy"]
            print(f"round {number}: {name}, greedy {speed:,.0f} sentences/s", flush=True)
    systems = {}
    for name, measured in repeats.items():
        keys = measured[0]
        systems[name] = {key: summarize([values[key] for values in measured]) for key in keys}
        num_bytes = sum(file.stat().st_size for file in folders[name].rglob("*") if file.is_file())
        systems[name]["folder_mb"] = summarize([num_bytes / 1e6])
    return {"about": describe_machine(), "systems": systems}


def measure_folder(folder: Path) -> dict[str, float]:
    """Returns what `measure_speed` finds, BLEU, and the speed of long sentences."""
    import sacrebleu

    import seq2seq

    texts = read_test_sources()
    references = (write_text() / "test.en").read_text(encoding="utf-8").splitlines()
    words_per_sentence = sum(len(text.split()) for text in texts) / len(texts)
    results = measure_speed(folder)
    translator = seq2seq.load(folder)
    for beam, suffix in SEARCHES.items():
        words_per_s = results[f"sentences_per_s{suffix}"] * words_per_sentence
        results[f"words_per_s_and_core{suffix}"] = words_per_s / THREADS
        outputs = [translation.text for translation in translator.translate(texts, beam=beam)]
        results[f"bleu{suffix}"] = sacrebleu.corpus_bleu(outputs, [references]).score
    # Pairs as sentences: the translator must not divide them again.
    translator.sentences = None
    translator.engine.workers = 1
    pairs = [f"{one} {other}" for one, other in zip(texts[::2], texts[1::2], strict=True)]
    results["long_words"] = sum(len(pair.split()) for pair in pairs) / len(pairs)
    for beam, suffix in SEARCHES.items():
        started_at = time.perf_counter()
        translator.translate(pairs, beam=beam)
        results[f"long_per_s{suffix}"] = len(pairs) / (time.perf_counter() - started_at)
    return results


def points(results: Results) -> dict[str, list[tuple[float, float, str]]]:
    """Returns what the picture shows: name -> (sentences/s, BLEU, search)."""
    series = {}
    for name, values in results["systems"].items():
        series[name] = [
            (
                values[f"sentences_per_s{suffix}"]["median"],
                values[f"bleu{suffix}"]["median"],
                "greedy" if beam == 1 else f"beam {beam}",
            )
            for beam, suffix in SEARCHES.items()
        ]
    return series


def points_of_ctranslate2(results: Results) -> dict[str, list[tuple[float, float, str]]]:
    """Returns the same of what ctranslate2_peer.py measured."""
    values = results["systems"]["ctranslate2"]
    name = f"CTranslate2, Transformer of {results['theirs']['updates']:,} updates"
    return {
        name: [
            (
                values[f"sentences_per_s{suffix}"]["median"],
                values[f"bleu_int8{suffix}"]["median"],
                "greedy" if beam == 1 else f"beam {beam}",
            )
            for beam, suffix in SEARCHES.items()
        ]
    }


def draw(series: dict[str, list[tuple[float, float, str]]]) -> None:
    """Draws the picture into docs/pictures."""
    from matplotlib.ticker import ScalarFormatter

    from seq2seq.studies import pictures

    def curves(figure: "Figure") -> None:
        axes = figure.add_subplot()
        for name, values in series.items():
            pictures.line(axes, name, [value[0] for value in values], [v[1] for v in values])
            for speed, bleu, search in values:
                axes.annotate(search, (speed, bleu), xytext=(4, 4), textcoords="offset points")
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.xaxis.set_minor_formatter(ScalarFormatter())
        axes.set_xlabel(f"sentences per second, test2016, {THREADS} cores")
        axes.set_ylabel("BLEU")
        axes.legend()

    pictures.require_matplotlib()
    pictures.save(curves, WORK / "speed")
    shutil.copy(WORK / "speed.png", PICTURE)
    print(f"wrote {PICTURE}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    measuring = commands.add_parser("measure", help="measure folders in turns")
    measuring.add_argument("folders", nargs="+", metavar="NAME=FOLDER")
    measuring.add_argument("--rounds", type=int, default=3)
    commands.add_parser("draw", help="draw the picture")
    one = commands.add_parser("one", help="measure one folder once, and print JSON")
    one.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "one":
        print(json.dumps(measure_folder(arguments.folder)))
    elif arguments.command == "measure":
        pairs = (argument.partition("=") for argument in arguments.folders)
        folders = {name: Path(folder) for name, _, folder in pairs}
        results = measure(folders, arguments.rounds)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    else:
        series = points(json.loads(RESULTS.read_text(encoding="utf-8")))
        if CTRANSLATE2.exists():
            series |= points_of_ctranslate2(json.loads(CTRANSLATE2.read_text(encoding="utf-8")))
        draw(series)


if __name__ == "__main__":
    main()
