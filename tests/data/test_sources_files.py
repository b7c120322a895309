import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from seq2seq.data.cleaning import sentence_key
from seq2seq.data.sources.files import FilesSpec, read_aligned, read_lines, read_table
from seq2seq.data.splitting import HoldOut
from seq2seq.errors import UserError


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SEQ2SEQ_CACHE", str(tmp_path / "cache"))


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_lines_end_at_newlines_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "a.de", "eins\u2028a\nzwei\x85b\ndrei\x0bc\x0cd\x1ce\nvier\rf\r\n\nsechs")
    assert read_lines(path) == ["eins\u2028a", "zwei\x85b", "drei\x0bc\x0cd\x1ce", "vier\rf", "", "sechs"]


def test_gzip_and_byte_order_mark(tmp_path: Path) -> None:
    path = write(tmp_path / "a.de.gz", gzip.compress("\ufeffä\nß\n".encode()))
    assert read_lines(path) == ["ä", "ß"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.de", b"gut\nsch\xf6n\n", r"a\.de is not UTF-8: line 2 has the byte 0xf6\. Convert it"),
        ("a.de", b"\x7fELF\x00\x00", r"a\.de is a binary file"),
        ("a.de.gz", b"no gzip", r"a\.de\.gz is no whole gzip file"),
        ("a.de.gz", gzip.compress(b"x" * 1000)[:-9], r"a\.de\.gz is no whole gzip file"),
        ("a.de", None, r"a\.de does not exist \(seen from "),
    ],
)
def test_unreadable_files(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        write(tmp_path / name, content)
    with pytest.raises(UserError, match=message):
        read_lines(tmp_path / name)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder, not a file"):
        read_lines(tmp_path)


def test_unequal_counts_are_both_told(tmp_path: Path) -> None:
    source, target = write(tmp_path / "a.de", "eins\nzwei\ndrei\n"), write(tmp_path / "a.en", "one\ntwo\n")
    with pytest.raises(UserError, match=r"a\.de has 3 lines and .*a\.en has 2: line-aligned"):
        read_aligned(source, target)


def test_empty_files(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="are empty: there is nothing to learn from"):
        read_aligned(write(tmp_path / "a.de", ""), write(tmp_path / "a.en", ""))


TABLES: list[tuple[str, str | bytes, dict[str, str | int] | None]] = [
    ("a.tsv", 'de\tid\ten\n"ja\t1\tyes "no"\nnull\t2\tNA\n1\t3\t2.50\nx\u2028y\t4\tz\rw\n', None),
    (
        "a.tsv.gz",
        gzip.compress('de\tid\ten\n"ja\t1\tyes "no"\nnull\t2\tNA\n1\t3\t2.50\nx\u2028y\t4\tz\rw'.encode()),
        None,
    ),
    ("a.tsv", '"ja\tyes "no"\nnull\tNA\n1\t2.50\nx\u2028y\tz\rw\n', {"de": 0, "en": 1}),
    ("a.csv", 'en,German\n"yes ""no""","""ja"\nNA,null\n2.50,1\n"z\rw",x\u2028y\n', {"de": "German"}),
    (
        "a.jsonl",
        "".join(
            json.dumps({"translation": {"de": de, "en": en}}) + "\n"
            for de, en in [('"ja', 'yes "no"'), ("null", "NA"), ("1", "2.50"), ("x\u2028y", "z\rw")]
        ),
        None,
    ),
    (
        "a.json",
        "".join(
            json.dumps({"g": de, "e": en}) + "\n"
            for de, en in [('"ja', 'yes "no"'), ("null", "NA"), ("1", "2.50"), ("x\u2028y", "z\rw")]
        ),
        {"de": "g", "en": "e"},
    ),
]


@pytest.mark.parametrize(("name", "content", "columns"), TABLES)
def test_tables_keep_the_text_as_it_is(
    tmp_path: Path, name: str, content: str | bytes, columns: dict[str, str | int] | None
) -> None:
    pairs = read_table(write(tmp_path / name, content), "de", "en", columns)
    assert list(pairs) == [('"ja', 'yes "no"'), ("null", "NA"), ("1", "2.50"), ("x\u2028y", "z\rw")]


def test_quoted_cells_of_a_csv_file_may_hold_line_ends(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'de,en\n"a\nb",c\n"d\u2028e",f\n')
    assert list(read_table(path, "de", "en", None)) == [("a\nb", "c"), ("d\u2028e", "f")]


def test_parquet(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table({"de": ["ä", "NA"], "en": ["a", "null"], "n": [1, 2]})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    assert list(read_table(tmp_path / "a.parquet", "en", "de", None)) == [("a", "ä"), ("null", "NA")]


def test_a_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", json.dumps({"de": "alt", "en": "old"}) + "\n")
    assert list(read_table(path, "de", "en", None)) == [("alt", "old")]
    write(path, json.dumps({"de": "ganz neu", "en": "brand new"}) + "\n")
    assert list(read_table(path, "de", "en", None)) == [("ganz neu", "brand new")]


@pytest.mark.parametrize(
    ("name", "content", "columns", "message"),
    [
        ("a.tsv", "deutsch\ten\na\tb\n", None, "no column 'de' for 'de'; it has deutsch, en"),
        ("a.tsv", "a\tb\n", {"de": 0, "en": 2}, "no column '2' for 'en'; it has 0, 1"),
        ("a.tsv", "de\ten\na\tb\tc\td\n", None, "row 2 has 4 columns, where the first has 2. Is there a tab too many"),
        ("a.tsv", "de\ten\na\tb\n\n", None, "row 3 has 1 columns, where the first has 2"),
        ("a.csv", "de,en\na\n", None, "row 2 has 1 columns, where the first has 2. Is there a comma or a quote"),
        ("a.csv", "de,en\na,b\nc\rd,e\n", None, "a.csv is no proper CSV file: line 3: "),
        ("a.tsv", "de\tde\na\tb\n", None, "two columns named 'de'"),
        ("a.tsv", "", None, "is empty"),
        ("a.csv", "\n\n", None, "is empty"),
        ("a.tsv", "de\ten\n", None, "has no rows"),
        ("a.tsv", b"de\ten\n\xe4\tb\n", None, "not UTF-8: line 2"),
        ("a.jsonl", "", None, "is empty"),
        ("a.jsonl", "{nonsense\n", None, "cannot be read: JSON parse error"),
        ("a.jsonl", '{"de": "a", "en": null}\n', None, "row 1 has None in column 'en', where text"),
        ("a.jsonl", '{"de": "a", "en": "b"}\n{"de": "a", "en": null}\n', None, "row 2 has None in column 'en'"),
        ("a.jsonl", '{"de": "a", "en": 3}\n', None, "row 1 has 3 in column 'en'"),
        ("a.jsonl", '{"translation": {"de": "a", "fr": "b"}}\n', None, "row 1 has None in column 'translation'"),
        ("a.jsonl", '{"de": "a"}\n', {"de": 0, "en": 1}, "columns are given by number"),
        ("a.parquet", "nonsense", None, "a.parquet cannot be read: Parquet magic bytes"),
        ("a.xlsx", "x", None, r"unknown ending '.xlsx'. A table ends in .tsv, .csv, .jsonl, .json, .parquet"),
        ("a.tsv", None, None, "does not exist"),
    ],
)
def test_tables_that_cannot_be_used(
    tmp_path: Path, name: str, content: str | bytes | None, columns: dict[str, str | int] | None, message: str
) -> None:
    if content is not None:
        write(tmp_path / name, content)
    with pytest.raises(UserError, match=message):
        read_table(tmp_path / name, "de", "en", columns)


def spec(**settings: Any) -> FilesSpec:
    return TypeAdapter(FilesSpec).validate_python({"kind": "files", **settings})


def test_given_splits_are_taken_as_they_are(tmp_path: Path) -> None:
    for split in ("train", "valid", "test"):
        write(tmp_path / f"{split}.de", f"{split} eins\nAlle gleich\n")
        write(tmp_path / f"{split}.en", f"{split} one\nAll the same\n")
    files = {
        split: {code: str(tmp_path / f"{split}.{code}") for code in ("de", "en")}
        for split in ("train", "valid", "test")
    }
    corpus = spec(**files).collect(name="mine", source="en", target="de", say=lambda line: None)
    assert list(corpus.splits) == ["train", "valid", "test"]
    assert list(corpus.splits["test"]) == [("test one", "test eins"), ("All the same", "Alle gleich")]
    assert corpus.notes == []


def test_missing_splits_are_held_out(tmp_path: Path) -> None:
    rows = [f"Satz {n % 450}\tsentence {n}" for n in range(500)]
    path = write(tmp_path / "all.tsv", "\n".join(["de\ten", *rows]) + "\n")
    mine = spec(train=str(path), hold_out={"valid": 20, "test": 0.1, "seed": 3})
    corpus = mine.collect(name="mine", source="de", target="en", say=lambda line: None)
    assert {name: len(pairs) for name, pairs in corpus.splits.items()} == {"train": 430, "valid": 20, "test": 50}
    keys = {name: set(map(sentence_key, pairs.source)) for name, pairs in corpus.splits.items()}
    assert not keys["train"] & keys["test"]
    assert not keys["train"] & keys["valid"]
    assert corpus.notes[1].startswith("test: 50 pairs held out of train")
    assert mine.hold_out == HoldOut(valid=20, test=0.1, seed=3)


def test_only_what_is_missing_is_held_out(tmp_path: Path) -> None:
    train = write(tmp_path / "all.tsv", "".join(f"{n}\t{n}\n" for n in ["de", *range(100)]).replace("de\tde", "de\ten"))
    test = write(tmp_path / "test.tsv", "de\ten\nx\ty\n")
    corpus = spec(train=str(train), test=str(test)).collect(name="m", source="de", target="en", say=lambda line: None)
    assert {name: len(pairs) for name, pairs in corpus.splits.items()} == {"train": 95, "valid": 5, "test": 1}


def test_a_language_without_a_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has files for de and en, but none for 'fr'"):
        spec(train={"de": "a", "en": "b"}).collect(name="m", source="de", target="fr", say=lambda line: None)
