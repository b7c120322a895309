"""Settings of the whole process that make a CPU fast: how memory is kept, and how many threads
compute.

Nothing else in this package changes global state. The command line calls these functions once; a
program that uses the library decides for itself:

    from seq2seq import load
    from seq2seq.runtime import cpu_threads, keep_freed_memory

    keep_freed_memory()
    with cpu_threads(2):
        load("runs/demo")(["Guten Morgen!"])
"""

import ctypes
import functools
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Numbers of mallopt(3)'s parameters.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3

_MMAP_THRESHOLD = 64 << 20
# Older versions refuse blocks of more than half a heap.
_MMAP_THRESHOLD_OLD = 32 << 20
_TRIM_THRESHOLD = 1 << 30


def set_environment() -> None:
    """Sets environment variables for libraries that read them when they are imported. Call it
    before importing torch."""
    # On a shared machine, OpenMP threads that spin while they wait can slow everything down
    # tenfold. After this many iterations they sleep.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    # Send no statistics about the user's corpora to the hub.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")


def set_output_encoding() -> None:
    """Makes redirected output UTF-8, and writes "?" where a terminal cannot show a character."""
    for stream in (sys.stdout, sys.stderr):
        # On Windows, the default encoding of redirected output lacks most of the world's scripts.
        # A stream that was closed by the caller is None.
        if isinstance(stream, io.TextIOWrapper):
            encoding = None if stream.isatty() else "utf-8"
            stream.reconfigure(encoding=encoding, errors="replace")


@functools.cache
def keep_freed_memory() -> bool:
    """Makes glibc keep the memory that tensors free, instead of returning it to the system.

    By default, blocks of many megabytes (logits, the workspace of an LSTM layer) are mapped again
    in every update, and the system clears each page before it is written. That takes a tenth to a
    fifth of an update. The price is memory, since holes between blocks stay: up to a third more
    at the peak of large batches (docs/performance.md).

    Returns:
        False where the C library is not glibc, and nothing was changed.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    # mallopt returns 0 for a value that it refuses.
    changed = mallopt(_M_MMAP_THRESHOLD, _MMAP_THRESHOLD) or mallopt(
        _M_MMAP_THRESHOLD, _MMAP_THRESHOLD_OLD
    )
    return bool(changed and mallopt(_M_TRIM_THRESHOLD, _TRIM_THRESHOLD))


@contextmanager
def cpu_threads(count: int) -> Iterator[None]:
    """Lets torch compute with `count` threads inside the block; 0 changes nothing."""
    if not count:
        yield
        return
    import torch

    previous = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(previous)
