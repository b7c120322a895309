"""How the C library hands out memory: the one setting of it that tensors need."""

import ctypes
import functools
import sys

# mallopt(3): numbers of the parameters.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_BLOCK, _BLOCK_OF_OLD, _KEPT = 64 << 20, 32 << 20, 1 << 30


@functools.cache
def keep_freed_memory() -> bool:
    """Makes glibc keep what tensors give back instead of returning it to the system; False where there is no glibc.

    By default blocks of many megabytes (logits, the workspace of an LSTM layer) are mapped anew in every update, and the
    system clears each page before it is written: a tenth to a fifth of an update's time. The price is memory, since holes
    between blocks stay: a third more at the peak of large batches (docs/performance.md).
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    # Some versions refuse blocks of more than half a heap, and say so by 0.
    changed = mallopt(_MMAP_THRESHOLD, _BLOCK) or mallopt(_MMAP_THRESHOLD, _BLOCK_OF_OLD)
    return bool(changed and mallopt(_TRIM_THRESHOLD, _KEPT))
