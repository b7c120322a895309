"""OpenNMT-py and JoeyNMT on the text, vocabulary and sizes of setting.py, each in a venv of its own.

    python benchmarks/peers.py install      # venvs under benchmarks/work/peers (`make bench-peers`)
    python benchmarks/peers.py train 20     # minutes each, for the measurement of translation, this project too
                                            # (or: train 20 joeynmt, train 20 ours)

Both are old for today's packages; `install` mends, in the installed copies alone, what stops them from starting, and says
what. Nothing that costs or gains them speed is touched.
"""

import shutil
import subprocess
import sys

import yaml
from joeynmt import JoeyNMT
from opennmt import OpenNMT
from peer import Peer
from setting import OURS, THREADS, WORK

OURS_TRAINED = WORK / "equal"
"""A run of this project at the sizes of all, for the measurement of translation."""

ALL: list[Peer] = [OpenNMT(), JoeyNMT()]


def installed() -> list[Peer]:
    """Those that `install` has made ready."""
    return [peer for peer in ALL if peer.installed]


def train_ours(minutes: float) -> None:
    """This project at the same sizes, into OURS_TRAINED."""
    config, training = WORK / "equal.yaml", {"budget": {"minutes": minutes}, "threads": THREADS}
    config.write_text(yaml.safe_dump({**OURS, "training": training}, sort_keys=False), encoding="utf-8")
    shutil.rmtree(OURS_TRAINED, ignore_errors=True)
    command = [sys.executable, "-m", "seq2seq.cli", "train", str(config), "--run", str(OURS_TRAINED)]
    subprocess.run(command, check=True, stdout=(WORK / "equal.log").open("w", encoding="utf-8"))


def main() -> None:
    what = sys.argv[1] if len(sys.argv) > 1 else ""
    if what == "install":
        for peer in ALL:
            peer.install()
    elif what == "train":
        training = {"ours": train_ours} | {peer.name: peer.train for peer in installed()}
        for name in sys.argv[3:] or training:
            print(f"training {name} for {sys.argv[2]} minutes", flush=True)
            training[name](float(sys.argv[2]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
