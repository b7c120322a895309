"""A process that measures how much memory one training update takes.

Run it as `python -m seq2seq.studies.peak_memory`. It reads the task from standard input as JSON
(model, length, sentences, vocab_size, seed) and prints the memory in MB.
"""

import json
import sys
from pathlib import Path

from seq2seq.config import parse_model
from seq2seq.errors import UserError
from seq2seq.studies.updates import random_batch, random_model, run_update


def main() -> None:
    task = json.load(sys.stdin)
    config, problems = parse_model(task["model"])
    if config is None:
        raise UserError("; ".join(problems))
    vocab_size = task["vocab_size"]
    model = random_model(config, vocab_size, task["seed"]).train()
    # Load the libraries and allocate the gradients first: they do not count.
    run_update(model, *random_batch(8, 1, vocab_size, 1))
    before = peak_mb()
    run_update(model, *random_batch(task["length"], task["sentences"], vocab_size, 1))
    sys.stdout.write(f"{peak_mb() - before}\n")


def peak_mb() -> float:
    """Returns the peak memory of this process in MB.

    Raises:
        UserError: the system does not report it.
    """
    status = Path("/proc/self/status")
    if status.exists():
        # On Linux, ru_maxrss of a child process starts with the peak of its parent.
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    try:
        import resource
    except ImportError:
        raise UserError("This system does not report the peak memory of a process.") from None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20) if sys.platform == "darwin" else peak / 1024


if __name__ == "__main__":
    main()
