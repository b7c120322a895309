"""A training in a process of its own, which the studies start to train several models at once.

    python -m seq2seq.studies.train_process CONFIG --run RUN [--resume] [--data-dir FOLDER]
        [--hold-gates '{"forget": 1}']

Messages go to standard output, one per line. SIGTERM saves the training and ends it.
"""

import argparse
import json
import math
import sys
import time
from functools import partial
from pathlib import Path

from seq2seq import runtime
from seq2seq.errors import user_message
from seq2seq.reporter import Reporter

_STATUS_INTERVAL_S = 30.0


class LineReporter(Reporter):
    """Prints plain lines, for a log file."""

    def __init__(self) -> None:
        self._status_at = -math.inf

    def status(self, fraction: float, line: str) -> None:
        now = time.monotonic()
        if now - self._status_at >= _STATUS_INTERVAL_S:
            self._status_at = now
            self.info(f"{fraction:4.0%}  {line}")

    def info(self, line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def main() -> int:
    """Returns the exit status: 0 if the training is finished, 130 if it was interrupted."""
    parser = argparse.ArgumentParser(description="Trains one model of `seq2seq compare`.")
    parser.add_argument("config", type=Path, help="config file")
    parser.add_argument("--run", type=Path, required=True, help="run folder")
    parser.add_argument("--resume", action="store_true", help="continue from the last checkpoint")
    parser.add_argument("--data-dir", type=Path, help="folder with corpora")
    parser.add_argument("--hold-gates", default="{}", help='gates to hold: {"forget": 1}')
    arguments = parser.parse_args()
    runtime.set_environment()
    runtime.set_output_encoding()
    runtime.keep_freed_memory()
    try:
        finished = _train(arguments)
    except KeyboardInterrupt as interrupt:
        sys.stderr.write(f"{interrupt}\n")
        return 130
    except Exception as error:
        message = user_message(error)
        if message is None:
            raise
        sys.stderr.write(f"{message}\n")
        return 1
    return 0 if finished else 130


def _train(arguments: argparse.Namespace) -> bool:
    """Trains until the budget is used or a signal interrupts it. Returns whether it is finished."""
    # torch reads the environment when it is imported.
    from seq2seq import api
    from seq2seq.config import load_config
    from seq2seq.run import RunFolder
    from seq2seq.studies.instruments import hold_gates

    config = load_config(arguments.config)
    run = RunFolder(arguments.run)
    instrument = partial(hold_gates, gates=json.loads(arguments.hold_gates))
    reporter = LineReporter()
    data_dir = arguments.data_dir
    if arguments.resume:
        state = api.resume(run, config, data_dir=data_dir, reporter=reporter, instrument=instrument)
    else:
        state = api.train(config, run, data_dir=data_dir, reporter=reporter, instrument=instrument)
    return bool(state.finished)


if __name__ == "__main__":
    sys.exit(main())
