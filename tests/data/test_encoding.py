"""Encoded pairs: ragged arrays, and the cache on disk that makes encoding happen once."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import tiny_tokenizer, word_pairs

from seq2seq.data import encoding
from seq2seq.data.corpus import Pairs
from seq2seq.data.encoding import EncodedPairs, RaggedArray, encode_pairs

PAIRS = word_pairs(50, seed=1, longest=10)


def rows_of(ragged: RaggedArray) -> list[list[int]]:
    return [ragged[i].tolist() for i in range(len(ragged))]


def array_files(cache: Path) -> list[Path]:
    return sorted(path for path in cache.rglob("*") if path.is_file())


@pytest.mark.parametrize("rows", [[[1, 2], [], [3]], [], [[]]])
def test_a_ragged_array_returns_its_rows(rows: list[list[int]]) -> None:
    ragged = RaggedArray.of(rows)
    assert rows_of(ragged) == rows
    assert ragged.lengths.tolist() == [len(row) for row in rows]


def test_select_returns_rows_in_the_given_order_without_a_copy() -> None:
    ragged = RaggedArray.of([[1, 2], [], [3], [4, 5, 6]])
    selected = ragged.select(np.array([3, 1, 0]))
    assert rows_of(selected) == [[4, 5, 6], [], [1, 2]]
    assert selected.lengths.tolist() == [3, 0, 2]
    assert selected.flat is ragged.flat


@pytest.mark.parametrize(
    ("rows", "others", "expected"),
    [
        ([1, 3], [[7, 8, 9], []], [[1, 2], [7, 8, 9], [3], []]),
        ([3, 0], [[7], [8, 9]], [[8, 9], [], [3], [7]]),
        ([], [], [[1, 2], [], [3], [4, 5, 6]]),
    ],
)
def test_replace_puts_other_rows_at_some_positions(
    rows: list[int], others: list[list[int]], expected: list[list[int]]
) -> None:
    before = [[1, 2], [], [3], [4, 5, 6]]
    ragged = RaggedArray.of(before)
    replaced = ragged.replace(rows, others)
    assert rows_of(replaced) == expected
    assert replaced.lengths.tolist() == [len(row) for row in expected]
    assert rows_of(ragged) == before


def test_replace_of_a_row_that_is_selected_twice_changes_one_of_them() -> None:
    ragged = RaggedArray.of([[1, 2], [3]]).select(np.array([0, 0, 1]))
    assert rows_of(ragged.replace([1], [[9]])) == [[1, 2], [9], [3]]


def test_selected_pairs_stay_together() -> None:
    encoded = EncodedPairs(RaggedArray.of([[1], [2], [3]]), RaggedArray.of([[4], [5], [6]]))
    selected = encoded.select(np.array([2, 0]))
    assert len(selected) == 2
    assert rows_of(selected.source) == [[3], [1]]
    assert rows_of(selected.target) == [[6], [4]]


def test_encoded_pairs_are_the_tokens_of_the_text(tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    encoded = encode_pairs(PAIRS, tokenizer, tmp_path)
    assert rows_of(encoded.source) == tokenizer.encode(PAIRS.source, "source")
    assert rows_of(encoded.target) == tokenizer.encode(PAIRS.target, "target")


def test_arrays_are_mapped_into_memory(tmp_path: Path) -> None:
    encoded = encode_pairs(PAIRS, tiny_tokenizer(), tmp_path)
    assert isinstance(encoded.source.flat.base, np.memmap)


def test_text_is_encoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = tiny_tokenizer()
    first = encode_pairs(PAIRS, tokenizer, tmp_path)
    files = array_files(tmp_path)
    assert len(files) == 4
    monkeypatch.setattr(type(tokenizer), "encode", lambda *_: pytest.fail("encoded again"))
    second = encode_pairs(PAIRS, tokenizer, tmp_path)
    assert rows_of(second.source) == rows_of(first.source)
    assert rows_of(second.target) == rows_of(first.target)
    assert array_files(tmp_path) == files


def test_other_users_can_read_the_cache(tmp_path: Path) -> None:
    umask = os.umask(0o022)
    try:
        encode_pairs(PAIRS, tiny_tokenizer(), tmp_path)
    finally:
        os.umask(umask)
    assert {path.stat().st_mode & 0o777 for path in array_files(tmp_path)} == {0o644}


def test_another_text_or_tokenizer_gives_other_arrays(tmp_path: Path) -> None:
    variants: list[tuple[list[str], list[str], bool]] = [
        (["hund", "katze"], ["dog", "cat"], True),
        (["hund", "katze"], ["dog", "cat"], False),
        (["katze", "hund"], ["dog", "cat"], True),
        (["hund", "katze"], ["cat", "dog"], True),
        (["hund"], ["dog"], True),
        # The same characters in a row, divided elsewhere.
        (["hund\n", "katze"], ["dog", "cat"], True),
        (["hund", "\nkatze"], ["dog", "cat"], True),
        (["hundk", "atze"], ["dog", "cat"], True),
        # A lone surrogate, and what it could be replaced by.
        (["a", "\ud800"], ["x", "y"], True),
        (["a", "?"], ["x", "y"], True),
    ]
    for source, target, joint in variants:
        tokenizer = tiny_tokenizer(joint)
        encoded = encode_pairs(Pairs(source=source, target=target), tokenizer, tmp_path)
        assert rows_of(encoded.source) == tokenizer.encode(source, "source")
        assert rows_of(encoded.target) == tokenizer.encode(target, "target")


def test_a_failed_write_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill_the_disk(file: Any, array: Any, **options: Any) -> None:
        file.write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(encoding.np, "save", fill_the_disk)
    with pytest.raises(OSError, match="No space left"):
        encode_pairs(PAIRS, tiny_tokenizer(), tmp_path)
    assert array_files(tmp_path) == []


def test_a_side_without_its_last_file_is_encoded_again(tmp_path: Path) -> None:
    # The offsets are written last: a process may be killed before.
    tokenizer = tiny_tokenizer()
    encode_pairs(PAIRS, tokenizer, tmp_path)
    for path in tmp_path.rglob("source-*"):
        if "offsets" in path.name:
            path.unlink()
        else:
            path.write_bytes(b"of another process")
    encoded = encode_pairs(PAIRS, tokenizer, tmp_path)
    assert rows_of(encoded.source) == tokenizer.encode(PAIRS.source, "source")
