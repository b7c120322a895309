"""Corpora in the user's own files: text, tables, held-out splits."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from seq2seq.config.sources import FilesSource
from seq2seq.data.corpus import Corpus
from seq2seq.data.sources import files
from seq2seq.data.sources.files import read_aligned, read_lines, read_table
from seq2seq.errors import UserError
from seq2seq.text.normalization import sentence_key

Columns = dict[str, str | int] | None


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SEQ2SEQ_CACHE", str(tmp_path / "cache"))


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_lines_end_at_line_feeds_only(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.de", "eins\u2028a\nzwei\x85b\ndrei\x0bc\x0cd\x1ce\nvier\rf\r\n\nsechs"
    )
    assert read_lines(path) == [
        "eins\u2028a",
        "zwei\x85b",
        "drei\x0bc\x0cd\x1ce",
        "vier\rf",
        "",
        "sechs",
    ]


def test_reads_gzip_and_removes_a_byte_order_mark(tmp_path: Path) -> None:
    path = write(tmp_path / "a.de.gz", gzip.compress("\ufeffä\nß\n".encode()))
    assert read_lines(path) == ["ä", "ß"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.de", b"gut\nsch\xf6n\n", r"a\.de is not UTF-8: line 2 has the byte 0xf6\. Convert it"),
        ("a.de", b"\x7fELF\x00\x00", r"a\.de is a binary file"),
        ("a.de.gz", b"no gzip", r"a\.de\.gz is not a complete gzip file"),
        ("a.de.gz", gzip.compress(b"x" * 1000)[:-9], r"a\.de\.gz is not a complete gzip file"),
        ("a.de", None, r"a\.de does not exist \(current folder: "),
    ],
)
def test_unreadable_files_are_errors(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        write(tmp_path / name, content)
    with pytest.raises(UserError, match=message):
        read_lines(tmp_path / name)


def test_a_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder, not a file"):
        read_lines(tmp_path)


def test_the_error_gives_both_numbers_of_lines(tmp_path: Path) -> None:
    source = write(tmp_path / "a.de", "eins\nzwei\ndrei\n")
    target = write(tmp_path / "a.en", "one\ntwo\n")
    with pytest.raises(UserError, match=r"a\.de has 3 lines, but .*a\.en has 2"):
        read_aligned(source, target)


def test_empty_files_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"are empty\. A corpus needs at least one pair"):
        read_aligned(write(tmp_path / "a.de", ""), write(tmp_path / "a.en", ""))


TABLE_PAIRS = [('"ja', 'yes "no"'), ("null", "NA"), ("1", "2.50"), ("x\u2028y", "z\rw")]

TSV = 'de\tid\ten\n"ja\t1\tyes "no"\nnull\t2\tNA\n1\t3\t2.50\nx\u2028y\t4\tz\rw\n'
TSV_WITHOUT_HEADER = '"ja\tyes "no"\nnull\tNA\n1\t2.50\nx\u2028y\tz\rw\n'
CSV = 'en,German\n"yes ""no""","""ja"\nNA,null\n2.50,1\n"z\rw",x\u2028y\n'
TRANSLATION_COLUMN = "".join(
    json.dumps({"translation": {"de": german, "en": english}}) + "\n"
    for german, english in TABLE_PAIRS
)
NAMED_COLUMNS = "".join(
    json.dumps({"g": german, "e": english}) + "\n" for german, english in TABLE_PAIRS
)

TABLES: list[tuple[str, str | bytes, Columns]] = [
    ("a.tsv", TSV, None),
    ("a.tsv.gz", gzip.compress(TSV.removesuffix("\n").encode()), None),
    ("a.tsv", TSV_WITHOUT_HEADER, {"de": 0, "en": 1}),
    ("a.csv", CSV, {"de": "German"}),
    ("a.jsonl", TRANSLATION_COLUMN, None),
    ("a.json", NAMED_COLUMNS, {"de": "g", "en": "e"}),
]


@pytest.mark.parametrize(("name", "content", "columns"), TABLES)
def test_tables_keep_the_text_unchanged(
    tmp_path: Path, name: str, content: str | bytes, columns: Columns
) -> None:
    pairs = read_table(write(tmp_path / name, content), "de", "en", columns)
    assert list(pairs) == TABLE_PAIRS


def test_quoted_csv_cells_can_contain_line_ends(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'de,en\n"a\nb",c\n"d\u2028e",f\n')
    assert list(read_table(path, "de", "en", None)) == [("a\nb", "c"), ("d\u2028e", "f")]


def test_parquet(tmp_path: Path) -> None:
    table = pyarrow.table({"de": ["ä", "NA"], "en": ["a", "null"], "n": [1, 2]})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    assert list(read_table(tmp_path / "a.parquet", "en", "de", None)) == [
        ("a", "ä"),
        ("null", "NA"),
    ]


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", json.dumps({"de": "alt", "en": "old"}) + "\n")
    assert list(read_table(path, "de", "en", None)) == [("alt", "old")]
    write(path, json.dumps({"de": "ganz neu", "en": "brand new"}) + "\n")
    assert list(read_table(path, "de", "en", None)) == [("ganz neu", "brand new")]


@pytest.mark.parametrize(
    ("name", "content", "columns", "message"),
    [
        ("a.tsv", "deutsch\ten\na\tb\n", None, "no column 'de' for 'de'. Its columns: deutsch, en"),
        (
            "a.tsv",
            "Guten Tag.\tHello.\n",
            None,
            r"no column 'de' .*If the file has no header, give numbers: columns: {de: 0, en: 1}\.$",
        ),
        ("a.tsv", "a\tb\n", {"de": 0, "en": 2}, "no column '2' for 'en'. Its columns: 0, 1"),
        ("a.tsv", "a\tb\n", {"de": 0, "en": 2}, r"columns: {de: COLUMN, en: COLUMN}\.$"),
        ("a.jsonl", '{"de": "a"}\n', None, r"no column 'en' .* {de: COLUMN, en: COLUMN}\.$"),
        (
            "a.tsv",
            "de\ten\na\tb\tc\td\n",
            None,
            "row 2 has 4 columns, but the first row has 2. .* a missing or extra tab",
        ),
        ("a.tsv", "de\ten\na\tb\n\n", None, "row 3 has 1 columns, but the first row has 2"),
        (
            "a.csv",
            "de,en\na\n",
            None,
            "row 2 has 1 columns, but .* missing or extra comma or quote",
        ),
        ("a.csv", "de,en\na,b\nc\rd,e\n", None, "a.csv is not a valid CSV file: line 3: "),
        ("a.tsv", "de\tde\na\tb\n", None, "two columns named 'de'"),
        ("a.tsv", "", None, "is empty"),
        ("a.csv", "\n\n", None, "is empty"),
        ("a.tsv", "de\ten\n", None, "has no rows"),
        ("a.tsv", b"de\ten\n\xe4\tb\n", None, "not UTF-8: line 2"),
        ("a.jsonl", "", None, "is empty"),
        ("a.jsonl", "{nonsense\n", None, "cannot be read: JSON parse error"),
        ("a.jsonl", '{"de": "a", "en": null}\n', None, "row 1 has None in column 'en', but text"),
        (
            "a.jsonl",
            '{"de": "a", "en": "b"}\n{"de": "a", "en": null}\n',
            None,
            "row 2 has None in column 'en'",
        ),
        ("a.jsonl", '{"de": "a", "en": 3}\n', None, "row 1 has 3 in column 'en'"),
        (
            "a.jsonl",
            '{"translation": {"de": "a", "fr": "b"}}\n',
            None,
            "row 1 has None in column 'translation'",
        ),
        (
            "a.jsonl",
            '{"de": "a"}\n',
            {"de": 0, "en": 1},
            "column numbers work for TSV and CSV files only",
        ),
        ("a.parquet", "nonsense", None, "a.parquet cannot be read: Parquet magic bytes"),
        (
            "a.xlsx",
            "x",
            None,
            r"unknown extension '.xlsx'. A table must end in .tsv, .csv, .jsonl, .json, .parquet",
        ),
        ("a.tsv", None, None, "does not exist"),
    ],
)
def test_bad_tables_are_errors(
    tmp_path: Path, name: str, content: str | bytes | None, columns: Columns, message: str
) -> None:
    if content is not None:
        write(tmp_path / name, content)
    with pytest.raises(UserError, match=message):
        read_table(tmp_path / name, "de", "en", columns)


def collect(target: str = "en", **settings: Any) -> Corpus:
    source = FilesSource(kind="files", **settings)
    return files.collect(source, name="mine", source="de", target=target)


def sizes(corpus: Corpus) -> dict[str, int]:
    return {name: len(pairs) for name, pairs in corpus.splits.items()}


def test_splits_with_files_are_used_unchanged(tmp_path: Path) -> None:
    paths: dict[str, Any] = {}
    for split in ("train", "valid", "test"):
        german = write(tmp_path / f"{split}.de", f"{split} eins\nAlle gleich\n")
        english = write(tmp_path / f"{split}.en", f"{split} one\nAll the same\n")
        paths[split] = {"de": str(german), "en": str(english)}
    corpus = collect(**paths)
    assert list(corpus.splits) == ["train", "valid", "test"]
    assert list(corpus.splits["test"]) == [
        ("test eins", "test one"),
        ("Alle gleich", "All the same"),
    ]
    assert corpus.notes == []


def test_files_serve_both_directions(tmp_path: Path) -> None:
    german = write(tmp_path / "a.de", "eins\n")
    english = write(tmp_path / "a.en", "one\n")
    paths = {"de": str(german), "en": str(english)}
    source = FilesSource(train=paths, valid=paths, test=paths)
    corpus = files.collect(source, name="mine", source="en", target="de")
    assert list(corpus.splits["train"]) == [("one", "eins")]


def test_splits_without_files_are_held_out(tmp_path: Path) -> None:
    rows = [f"Satz {n % 450}\tsentence {n}" for n in range(500)]
    path = write(tmp_path / "all.tsv", "\n".join(["de\ten", *rows]) + "\n")
    corpus = collect(train=str(path), hold_out={"valid": 20, "test": 0.1, "seed": 3})
    assert sizes(corpus) == {"train": 430, "valid": 20, "test": 50}
    keys = {name: set(map(sentence_key, pairs.source)) for name, pairs in corpus.splits.items()}
    assert not keys["train"] & keys["test"]
    assert not keys["train"] & keys["valid"]
    assert corpus.notes[1].startswith("test: 50 pairs held out of train")


def test_the_seed_decides_what_is_held_out(tmp_path: Path) -> None:
    rows = [f"Satz {n}\tsentence {n}" for n in range(100)]
    path = write(tmp_path / "all.tsv", "\n".join(["de\ten", *rows]) + "\n")
    first = collect(train=str(path), hold_out={"seed": 1})
    second = collect(train=str(path), hold_out={"seed": 2})
    assert first.splits["test"] != second.splits["test"]


def test_only_missing_splits_are_held_out(tmp_path: Path) -> None:
    rows = [f"{n}\t{n}" for n in range(100)]
    train = write(tmp_path / "all.tsv", "\n".join(["de\ten", *rows]) + "\n")
    test = write(tmp_path / "test.tsv", "de\ten\nx\ty\n")
    corpus = collect(train=str(train), test=str(test))
    assert sizes(corpus) == {"train": 95, "valid": 5, "test": 1}


def test_a_language_without_a_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has files for de and en, but none for 'fr'"):
        collect(target="fr", train={"de": "a", "en": "b"})
