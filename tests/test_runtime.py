"""Settings of the process: freed memory is kept where the C library can do that; threads are
restored."""

import os
import subprocess
import sys

import pytest
import torch

from seq2seq.runtime import cpu_threads, keep_freed_memory

_COUNT_PAGE_FAULTS = """
import resource, torch
from seq2seq.runtime import keep_freed_memory
torch.set_num_threads(1)
if {keep}: keep_freed_memory()
def use_and_free():
    torch.empty(40 << 20, dtype=torch.uint8).fill_(1)
for _ in range(12): use_and_free()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10): use_and_free()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def count_page_faults(*, keep: bool) -> int:
    code = _COUNT_PAGE_FAULTS.format(keep=keep)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    return int(result.stdout)


def test_a_large_block_is_mapped_once() -> None:
    if not keep_freed_memory():
        pytest.skip("not glibc")
    # A block of 40 MB has 10,000 pages of 4 KB: 100,000 faults if it is mapped again ten times.
    # Some faults are normal, since an aligned block does not always fit where the last one was.
    assert count_page_faults(keep=True) < 50_000 < count_page_faults(keep=False)


def test_another_system_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert keep_freed_memory.__wrapped__() is False


def test_redirected_output_is_utf_8_whatever_the_locale_is() -> None:
    code = "from seq2seq.runtime import set_output_encoding as s; s(); print('Привет')"
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment)
    assert result.stdout.decode("utf-8") == f"Привет{os.linesep}"


def test_threads_are_restored_after_the_block() -> None:
    before = torch.get_num_threads()
    with cpu_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
