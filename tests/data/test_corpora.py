import errno
import gzip
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import TypeAdapter, ValidationError

from seq2seq.data import corpora
from seq2seq.data.catalogue import Entry
from seq2seq.data.corpora import DataConfig, fetch_corpus, languages_of, load_corpus, local_corpora
from seq2seq.data.corpus import Corpus, Say, SourceUnavailable
from seq2seq.data.pairs import Pairs
from seq2seq.data.sources import FilesSpec, HubSpec, LibreOfficeSpec
from seq2seq.errors import UserError


def quiet(line: str) -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class MadeUpSource:
    """A source that counts how often it was asked, and fails as it is told."""

    kept: ClassVar[bool] = True
    kind: str = "made-up"
    failure: str | None = None
    asked: ClassVar[list[str]] = []

    def collect(self, *, name: str, source: str, target: str, say: Say) -> Corpus:
        self.asked.append(name)
        if self.failure is not None:
            raise SourceUnavailable(self.failure)
        splits = {
            split: Pairs(
                source=[f"{source} {split} {n}" for n in range(5)], target=[f"{target} {split}\n{n}" for n in range(5)]
            )
            for split in ("train", "valid", "test", "test-interface")
        }
        return Corpus(
            name=name,
            source_language=source,
            target_language=target,
            splits=splits,
            notes=["made up"],
            origin={"a": "1"},
        )


@pytest.fixture
def source() -> MadeUpSource:
    MadeUpSource.asked.clear()
    return MadeUpSource()


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: MadeUpSource) -> None:
    """Nothing is fetched yet, and the catalogue has the made-up corpora alone."""
    about = {"description": "d", "size": "s", "licence": "CC0", "attribution": "nobody"}
    entries = {
        "good-de-en": Entry(name="good-de-en", languages=("de", "en"), source=source, **about),  # type: ignore[arg-type]
        "poor-de-en": Entry(
            name="poor-de-en",
            languages=("de", "en"),
            source=MadeUpSource(failure="poor-de-en: there is no apt here."),  # type: ignore[arg-type]
            files={"test": "test2016"},
            **about,  # type: ignore[arg-type]
        ),
    }
    monkeypatch.setattr(corpora, "find_entry", entries.get)
    monkeypatch.setattr("seq2seq.data.places.download_dir", lambda: tmp_path / "fetched")
    monkeypatch.setattr(corpora, "download_dir", lambda: tmp_path / "fetched")
    monkeypatch.delenv("SEQ2SEQ_DATA", raising=False)


def config(corpus: Any = "good-de-en", **settings: Any) -> DataConfig:
    return DataConfig(**{"corpus": corpus, "source": "de", "target": "en", **settings})


def put(folder: Path, **files: str) -> Path:
    """`put(folder, train_de="a\\n")` writes train.de."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        stem, _, language = name.rpartition("_")
        (folder / f"{stem}.{language}.gz").write_bytes(gzip.compress(text.encode()))
    return folder


TRAIN_AND_VALID = {"train_de": "a\nb\n", "train_en": "A\nB\n", "valid_de": "c\n", "valid_en": "C\n"}


def test_the_first_load_fetches_and_the_second_reads(tmp_path: Path, source: MadeUpSource) -> None:
    said: list[str] = []
    first = load_corpus(config(), say=said.append)
    again = load_corpus(config(), say=said.append)
    assert source.asked == ["good-de-en"]
    assert first == again
    assert list(first.splits) == ["train", "valid", "test", "test-interface"]
    # A line end within a text must not shift the lines after it.
    assert first.splits["train"].target[1] == "en train 1"
    assert (first.licence, first.attribution, first.notes) == ("CC0", "nobody", ["made up"])
    assert "good-de-en: licence: CC0" in said
    assert "good-de-en: attribution: nobody" in said
    about = json.loads((tmp_path / "fetched" / "good-de-en" / "corpus.json").read_text())
    assert about["pairs"] == {"train": 5, "valid": 5, "test": 5, "test-interface": 5}
    assert (about["licence"], about["origin"]) == ("CC0", {"a": "1"})


def test_both_directions(source: MadeUpSource) -> None:
    there, back = load_corpus(config(), say=quiet), load_corpus(config(source="en", target="de"), say=quiet)
    assert back.splits["test"].source == there.splits["test"].target
    assert (back.source_language, back.target_language) == ("en", "de")
    assert replace(back.reversed(), name="x") == replace(there, name="x")
    assert len(source.asked) == 1


def test_a_wrong_language_is_told_before_anything_is_fetched(source: MadeUpSource) -> None:
    with pytest.raises(UserError, match="good-de-en holds de and en; the config asks for de to fr"):
        load_corpus(config(target="fr"), say=quiet)
    assert source.asked == []


def test_a_second_fetch_does_nothing_and_says_so(tmp_path: Path, source: MadeUpSource) -> None:
    folder = fetch_corpus("good-de-en", say=quiet)
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    said: list[str] = []
    assert fetch_corpus("good-de-en", say=said.append) == folder == tmp_path / "fetched" / "good-de-en"
    assert said[0].startswith("good-de-en is already in ")
    assert said[1:] == ["good-de-en: licence: CC0", "good-de-en: attribution: nobody"]
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    assert len(source.asked) == 1


def test_the_same_corpus_gives_the_same_bytes(tmp_path: Path) -> None:
    one = fetch_corpus("good-de-en", into=tmp_path / "one", say=quiet)
    two = fetch_corpus("good-de-en", into=tmp_path / "two", say=quiet)
    assert (one / "train.de.gz").read_bytes()[4:8] == bytes(4)  # no time in the file
    assert {path.name: path.read_bytes() for path in one.iterdir()} == {
        path.name: path.read_bytes() for path in two.iterdir()
    }


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
def test_an_interrupt_or_a_full_disk_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, failure: BaseException
) -> None:
    write, written = Path.write_bytes, []

    def failing(path: Path, raw: bytes) -> int:
        written.append(path)
        if len(written) == 3:
            raise failure
        return write(path, raw)

    monkeypatch.setattr(Path, "write_bytes", failing)
    expected = UserError if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(expected) as caught:
        fetch_corpus("good-de-en", say=quiet)
    if expected is UserError:
        assert "No space left on device. Free some space" in str(caught.value)
    assert len(written) == 3
    assert list((tmp_path / "fetched").iterdir()) == []
    monkeypatch.undo()


def test_the_folder_appears_whole_in_one_step(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    replace_file, moved = os.replace, []

    def watched(partial: Path, folder: Path) -> None:
        moved.append(sorted(path.name for path in partial.iterdir()))
        assert not folder.exists()
        replace_file(partial, folder)

    monkeypatch.setattr(corpora.os, "replace", watched)
    folder = fetch_corpus("good-de-en", say=quiet)
    assert moved == [sorted(path.name for path in folder.iterdir())]


def test_what_a_lost_machine_has_left_is_cleared_away(tmp_path: Path) -> None:
    stale = tmp_path / "fetched" / ".good-de-en.partial-abc"
    stale.mkdir(parents=True)
    (stale / "train.de.gz").write_bytes(b"half")
    assert local_corpora() == {}
    fetch_corpus("good-de-en", say=quiet)
    assert [path.name for path in (tmp_path / "fetched").iterdir()] == ["good-de-en"]


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "fetched").write_text("a file in the way")
    with pytest.raises(UserError, match=r"cannot be written to .* Set SEQ2SEQ_CACHE to a folder that can be written"):
        fetch_corpus("good-de-en", say=quiet)


def test_the_fallback_is_taken_and_told(source: MadeUpSource) -> None:
    said: list[str] = []
    corpus = load_corpus(config("poor-de-en", fallback="good-de-en"), say=said.append)
    assert corpus.name == "good-de-en"
    assert corpus.notes[0] == "good-de-en was taken in place of poor-de-en, which could not be had on this machine."
    assert said[0] == "poor-de-en: there is no apt here.\nTaking the fallback good-de-en instead."


def test_without_a_fallback_or_with_one_that_fails_too() -> None:
    with pytest.raises(SourceUnavailable, match=r"^poor-de-en: there is no apt here\.$"):
        load_corpus(config("poor-de-en"), say=quiet)
    with pytest.raises(
        UserError, match=r"there is no apt here\.\nThe fallback poor-de-en cannot be had either\. poor-de-en: there"
    ):
        load_corpus(config("poor-de-en", fallback="poor-de-en"), say=quiet)
    with pytest.raises(UserError, match="no corpus 'unknown-de-en'"):
        load_corpus(config("good-de-en", fallback="unknown-de-en"), say=quiet)


def test_folders_are_searched_in_order_and_never_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: MadeUpSource
) -> None:
    mine = put(tmp_path / "mine" / "poor-de-en", test2016_de="d\n", test2016_en="D\n", **TRAIN_AND_VALID).parent
    shared = put(tmp_path / "shared" / "poor-de-en", **{**TRAIN_AND_VALID, "train_de": "x\ny\n"}).parent
    monkeypatch.setenv("SEQ2SEQ_DATA", os.pathsep.join([str(tmp_path / "absent"), str(shared)]))
    listing = sorted(path for path in tmp_path.rglob("*"))
    assert load_corpus(config("poor-de-en"), data_dir=mine, say=quiet).splits["train"].source == ["a", "b"]
    corpus = load_corpus(config("poor-de-en"), say=quiet)
    assert corpus.splits["train"].source == ["x", "y"]
    assert (corpus.licence, corpus.origin) == ("CC0", {"folder": str(shared / "poor-de-en")})
    assert sorted(path for path in tmp_path.rglob("*")) == listing
    assert local_corpora(mine) == {"poor-de-en": mine / "poor-de-en"}


def test_the_catalogue_says_which_file_is_which_split(tmp_path: Path) -> None:
    put(
        tmp_path / "poor-de-en",
        test2016_de="d\n",
        test2016_en="D\n",
        test2017_de="e\n",
        test2017_en="E\n",
        **TRAIN_AND_VALID,
    )
    corpus = load_corpus(config("poor-de-en"), data_dir=tmp_path, say=quiet)
    assert {name: pairs.source for name, pairs in corpus.splits.items()} == {
        "train": ["a", "b"],
        "valid": ["c"],
        "test": ["d"],
        "test2017": ["e"],
    }


def test_a_folder_of_ones_own_needs_no_catalogue(tmp_path: Path) -> None:
    folder = tmp_path / "my-fr-de"
    folder.mkdir()
    for name, text in {
        "train.fr": "un\n",
        "train.de": "eins\n",
        "dev.fr": "deux\n",
        "dev.de": "zwei\n",
        "README.md": "notes",
        "LICENSE": "mine",
    }.items():
        (folder / name).write_text(text)
    corpus = load_corpus(config("my-fr-de", source="fr", target="de"), data_dir=tmp_path, say=quiet)
    assert {name: list(pairs) for name, pairs in corpus.splits.items()} == {
        "train": [("un", "eins")],
        "valid": [("deux", "zwei")],
    }
    assert languages_of("my-fr-de", tmp_path) == ("fr", "de")
    assert corpus.licence == "not stated"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({**TRAIN_AND_VALID, "test_de": "x\n"}, "has test in de, but not in 'en': test.en or test.en.gz is missing"),
        ({"train_de": "a\n", "train_en": "A\n"}, "has no valid files: valid.de and valid.en"),
        ({**TRAIN_AND_VALID, "train_en": "A\n"}, "has 2 lines and .* has 1: line-aligned"),
    ],
)
def test_folders_with_something_missing(tmp_path: Path, files: dict[str, str], message: str) -> None:
    put(tmp_path / "mine", **files)
    with pytest.raises(UserError, match=message):
        load_corpus(config("mine"), data_dir=tmp_path, say=quiet)


@pytest.mark.parametrize("name", ["../secrets", "/etc", "a/b", "", ".."])
def test_a_name_is_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"is no name of a corpus\. For files of your own use"):
        load_corpus(config(name), data_dir=tmp_path, say=quiet)


def test_files_in_place_are_read_where_they_are(tmp_path: Path) -> None:
    (tmp_path / "all.tsv").write_text("de\ten\n" + "".join(f"Satz {n}\tsentence {n}\n" for n in range(100)))
    corpus = load_corpus(config(FilesSpec(train=str(tmp_path / "all.tsv"))), say=quiet)
    assert {name: len(pairs) for name, pairs in corpus.splits.items()} == {"train": 90, "valid": 5, "test": 5}
    assert not (tmp_path / "fetched").exists()


def test_what_is_fetched_in_place_is_kept_by_its_settings(tmp_path: Path, source: MadeUpSource) -> None:
    load_corpus(config(source), say=quiet)
    load_corpus(config(source, source="en", target="de"), say=quiet)
    assert len(source.asked) == 1
    load_corpus(config(replace(source, kind="other")), say=quiet)
    assert len(source.asked) == 2
    assert len(list((tmp_path / "fetched").iterdir())) == 2


def test_a_config_is_read_from_plain_values() -> None:
    adapter = TypeAdapter(DataConfig)
    read = adapter.validate_python({"corpus": "multi30k-de-en", "source": "de", "target": "en"})
    assert (read.corpus, read.fallback, read.cleaning.normalize) == ("multi30k-de-en", None, "nfc")
    for given, kind in (
        ({"kind": "files", "train": {"de": "a", "en": "b"}}, FilesSpec),
        ({"kind": "hub", "id": "a/b", "splits": {"train": "train"}}, HubSpec),
        ({"kind": "libreoffice", "parts": ["help"]}, LibreOfficeSpec),
    ):
        read = adapter.validate_python({"corpus": given, "source": "de", "target": "en"})
        assert isinstance(read.corpus, kind)
        assert adapter.validate_python(adapter.dump_python(read)) == read


@pytest.mark.parametrize(
    ("settings", "location", "message"),
    [
        ({"corpus": {"kind": "web"}}, "corpus", "`kind:` one of files, hub, libreoffice, ding"),
        ({"corpus": 3}, "corpus", "must be a corpus of the catalogue"),
        ({"corpus": {"kind": "files"}}, "corpus.files.train", "Field required"),
        ({"corpus": {"kind": "hub", "id": "a", "colums": {}}}, "corpus.hub.colums", "Unexpected keyword argument"),
        ({"corpus": {"kind": "libreoffice", "parts": ["halp"]}}, "corpus.libreoffice.parts.0", "'help' or 'interface'"),
        ({"source": "deutsch sprache"}, "", "source is 'deutsch sprache'; it must be a language code"),
        ({"target": "de"}, "", "source and target are both 'de'; they must be two languages"),
        ({"cleaning": {"max_words": 0}}, "cleaning", "max_words is 0"),
        ({"fallbak": "x"}, "fallbak", "Unexpected keyword argument"),
    ],
)
def test_mistakes_in_a_config(settings: dict[str, Any], location: str, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(DataConfig).validate_python({"corpus": "x", "source": "de", "target": "en", **settings})
    (error,) = caught.value.errors()
    assert ".".join(map(str, error["loc"])) == location
    assert message in error["msg"]
