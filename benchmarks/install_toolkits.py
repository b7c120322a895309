"""Installs and trains OpenNMT-py and JoeyNMT, with the text, vocabulary and sizes of
shared_setup.py.

    python benchmarks/install_toolkits.py                     # into benchmarks/work/toolkits
    python benchmarks/install_toolkits.py train 20            # all systems, 20 minutes each
    python benchmarks/install_toolkits.py train 20 joeynmt    # one of opennmt, joeynmt, ours

bench.py needs the trained models to measure translation, and peer_robustness.py needs that of
OpenNMT-py. Both toolkits are old for today's packages. After the installation, the installed copies
are patched so that they start; every patch is printed, and none of them changes speed.
"""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Callable

import yaml
from joeynmt import JoeyNMT
from opennmt import OpenNMT
from shared_setup import OUR_CONFIG, THREADS, WORK
from toolkit import Toolkit

OUR_RUN = WORK / "equal"
"""A run of this project at the sizes of all systems."""

TOOLKITS: list[Toolkit] = [OpenNMT(), JoeyNMT()]


def installed_toolkits() -> list[Toolkit]:
    """Returns the toolkits that are ready to be measured."""
    return [toolkit for toolkit in TOOLKITS if toolkit.installed]


def train_ours(minutes: float) -> None:
    """Trains this project's model at the sizes of all systems."""
    training = {"budget": {"minutes": minutes}, "threads": THREADS}
    config_file = WORK / "equal.yaml"
    config = yaml.safe_dump({**OUR_CONFIG, "training": training}, sort_keys=False)
    config_file.write_text(config, encoding="utf-8")
    shutil.rmtree(OUR_RUN, ignore_errors=True)
    command = [sys.executable, "-m", "seq2seq.cli", "train", str(config_file)]
    with (WORK / "equal.log").open("w", encoding="utf-8") as log:
        subprocess.run([*command, "--run", str(OUR_RUN)], check=True, stdout=log)


def train(minutes: float, names: list[str]) -> None:
    """Trains the named systems one after the other, or all of them."""
    trainings: dict[str, Callable[[float], None]] = {"ours": train_ours}
    for toolkit in installed_toolkits():
        trainings[toolkit.name] = toolkit.train_anew
    for name in names or list(trainings):
        if name not in trainings:
            sys.exit(f"{name} is not installed. Systems: {', '.join(trainings)}")
        print(f"training {name} for {minutes:g} minutes", flush=True)
        trainings[name](minutes)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("install", help="install both toolkits (default)")
    train_parser = commands.add_parser("train", help="train models for the speed of translation")
    train_parser.add_argument("minutes", type=float, help="training time of each system")
    train_parser.add_argument("names", nargs="*", help="opennmt, joeynmt, ours; default: all")
    arguments = parser.parse_args()
    if arguments.command == "train":
        train(arguments.minutes, arguments.names)
    else:
        for toolkit in TOOLKITS:
            toolkit.install()


if __name__ == "__main__":
    main()
