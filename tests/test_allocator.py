"""Freed memory is kept, where the C library can."""

import subprocess
import sys

import pytest

from seq2seq.allocator import keep_freed_memory

_FAULTS = """
import resource, torch
from seq2seq.allocator import keep_freed_memory
torch.set_num_threads(1)
if {keep}: keep_freed_memory()
def use():
    torch.empty(40 << 20, dtype=torch.uint8).fill_(1)
for _ in range(12): use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10): use()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_a_large_block_is_mapped_once() -> None:
    if not keep_freed_memory():
        pytest.skip("not glibc")
    faults = {
        keep: int(
            subprocess.run([sys.executable, "-c", _FAULTS.format(keep=keep)], capture_output=True, check=True).stdout
        )
        for keep in (False, True)
    }
    # A block of 40 MB has 10,000 pages of 4 KB: 100,000 when it is mapped anew ten times. (The first few times it may be:
    # an aligned block does not always fit where the one before it was.)
    assert faults[True] < 50_000 < faults[False]


def test_elsewhere_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert keep_freed_memory.__wrapped__() is False
