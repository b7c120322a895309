"""Loading a corpus: from a data folder, or fetched once and stored completely or not at all."""

import errno
import gzip
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import RecordingReporter

from seq2seq.config.data import DataConfig
from seq2seq.config.sources import FilesSource, HubSource, LibreOfficeSource, Source
from seq2seq.data import store
from seq2seq.data.catalog import CatalogEntry
from seq2seq.data.corpus import Corpus, Pairs, SourceUnavailable
from seq2seq.data.store import fetch_corpus, languages_of, load_corpus, local_corpora
from seq2seq.errors import UserError
from seq2seq.reporter import Reporter

SETTINGS = LibreOfficeSource(kind="libreoffice")
"""A source. The tests replace `collect`, so it is never read."""
SPLITS = ("train", "valid", "test", "test-interface")


class FakeCollector:
    """Stands in for `sources.collect`: makes up text, and records the names it is called with."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(
        self,
        source: Source,
        *,
        name: str,
        source_language: str,
        target_language: str,
        reporter: Reporter,
    ) -> Corpus:
        self.names.append(name)
        if name.startswith("unavailable"):
            raise SourceUnavailable(f"{name}: there is no apt here.")
        splits = {}
        for split in SPLITS:
            splits[split] = Pairs(
                source=[f"{source_language} {split} {n}" for n in range(5)],
                target=[f"{target_language} {split}\n{n}" for n in range(5)],
            )
        return Corpus(
            name=name,
            source_language=source_language,
            target_language=target_language,
            splits=splits,
            notes=["made up"],
            origin={"package": "1"},
        )


def make_entry(name: str, **settings: Any) -> CatalogEntry:
    return CatalogEntry(
        name=name,
        languages=("de", "en"),
        description="for tests",
        size="tiny",
        license="CC0",
        attribution="nobody",
        source=SETTINGS,
        **settings,
    )


@pytest.fixture(autouse=True)
def download_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Replaces the catalog by two corpora, and the folder for downloads by an absent one."""
    folder = tmp_path / "downloads"
    entries = {
        "good-de-en": make_entry("good-de-en"),
        "unavailable-de-en": make_entry("unavailable-de-en", files={"test": "test2016"}),
    }
    monkeypatch.setattr(store, "find_entry", entries.get)
    monkeypatch.setattr(store, "download_dir", lambda: folder)
    monkeypatch.setattr("seq2seq.paths.download_dir", lambda: folder)
    monkeypatch.delenv("SEQ2SEQ_DATA", raising=False)
    return folder


@pytest.fixture(autouse=True)
def collector(monkeypatch: pytest.MonkeyPatch) -> FakeCollector:
    collector = FakeCollector()
    monkeypatch.setattr(store, "collect", collector)
    return collector


@pytest.fixture
def reporter() -> RecordingReporter:
    return RecordingReporter()


def make_config(corpus: Any = "good-de-en", **settings: Any) -> DataConfig:
    return DataConfig(**{"corpus": corpus, "source": "de", "target": "en", **settings})


def write_files(folder: Path, **files: str) -> Path:
    """Writes compressed files; the keyword `train_de` becomes train.de.gz."""
    folder.mkdir(parents=True, exist_ok=True)
    for keyword, text in files.items():
        stem, _, language = keyword.rpartition("_")
        (folder / f"{stem}.{language}.gz").write_bytes(gzip.compress(text.encode()))
    return folder


TRAIN_AND_VALID = {
    "train_de": "a\nb\n",
    "train_en": "A\nB\n",
    "valid_de": "c\n",
    "valid_en": "C\n",
}


# -- Fetching --------------------------------------------------------------------------------------


def test_a_corpus_is_fetched_once(collector: FakeCollector) -> None:
    first = load_corpus(make_config())
    assert load_corpus(make_config()) == first
    assert collector.names == ["good-de-en"]


def test_a_fetched_corpus_has_all_splits_in_order() -> None:
    assert tuple(load_corpus(make_config()).splits) == SPLITS


def test_a_line_feed_inside_a_text_becomes_a_space() -> None:
    assert load_corpus(make_config()).splits["train"].target[1] == "en train 1"


def test_a_fetched_corpus_has_the_license_of_the_catalog() -> None:
    corpus = load_corpus(make_config())
    assert corpus.license == "CC0"
    assert corpus.attribution == "nobody"
    assert corpus.notes == ["made up"]


def test_fetching_reports_license_and_attribution(reporter: RecordingReporter) -> None:
    fetch_corpus("good-de-en", reporter=reporter)
    assert "good-de-en: license: CC0" in reporter.messages
    assert "good-de-en: attribution: nobody" in reporter.messages


def test_corpus_json_has_counts_license_and_origin() -> None:
    folder = fetch_corpus("good-de-en")
    metadata = json.loads((folder / "corpus.json").read_text())
    assert metadata["pairs"] == dict.fromkeys(SPLITS, 5)
    assert metadata["license"] == "CC0"
    assert metadata["origin"] == {"package": "1"}


def test_corpus_json_of_earlier_versions_spells_the_license_in_another_way() -> None:
    folder = fetch_corpus("good-de-en")
    metadata = json.loads((folder / "corpus.json").read_text())
    del metadata["license"]
    (folder / "corpus.json").write_text(json.dumps({**metadata, "licence": "MIT"}))
    assert load_corpus(make_config()).license == "MIT"


def test_a_second_fetch_changes_nothing_and_reports_it(
    collector: FakeCollector, reporter: RecordingReporter, download_folder: Path
) -> None:
    folder = fetch_corpus("good-de-en")
    times = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert fetch_corpus("good-de-en", reporter=reporter) == folder == download_folder / folder.name
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == times
    assert collector.names == ["good-de-en"]
    assert reporter.messages[0].startswith("good-de-en is already in ")
    assert reporter.messages[1:] == [
        "good-de-en: license: CC0",
        "good-de-en: attribution: nobody",
    ]


def test_one_corpus_serves_both_directions(collector: FakeCollector) -> None:
    forward = load_corpus(make_config())
    backward = load_corpus(make_config(source="en", target="de"))
    assert backward.source_language == "en"
    assert backward.target_language == "de"
    assert backward.reversed() == forward
    assert len(collector.names) == 1


def test_a_wrong_language_is_an_error_before_anything_is_fetched(collector: FakeCollector) -> None:
    message = "good-de-en has de and en, but the config asks for de to fr"
    with pytest.raises(UserError, match=message):
        load_corpus(make_config(target="fr"))
    assert collector.names == []


def test_the_same_corpus_gives_the_same_bytes(tmp_path: Path) -> None:
    first = fetch_corpus("good-de-en", into=tmp_path / "first")
    second = fetch_corpus("good-de-en", into=tmp_path / "second")
    contents = [
        {path.name: path.read_bytes() for path in folder.iterdir()} for folder in (first, second)
    ]
    assert contents[0] == contents[1]
    # Bytes 4 to 7 of a gzip file are its time.
    assert contents[0]["train.de.gz"][4:8] == bytes(4)


def test_other_users_can_read_a_fetched_corpus() -> None:
    umask = os.umask(0o022)
    try:
        folder = fetch_corpus("good-de-en")
    finally:
        os.umask(umask)
    assert folder.stat().st_mode & 0o777 == 0o755
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o644}


# -- Interrupted and concurrent fetching -----------------------------------------------------------


def fail_at_third_file(monkeypatch: pytest.MonkeyPatch, failure: BaseException) -> None:
    write_bytes = Path.write_bytes
    written = []

    def failing(path: Path, raw: bytes) -> int:
        written.append(path)
        if len(written) == 3:
            raise failure
        return write_bytes(path, raw)

    monkeypatch.setattr(Path, "write_bytes", failing)


def test_an_interrupt_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, download_folder: Path
) -> None:
    fail_at_third_file(monkeypatch, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        fetch_corpus("good-de-en")
    assert list(download_folder.iterdir()) == []


def test_a_full_disk_leaves_nothing(monkeypatch: pytest.MonkeyPatch, download_folder: Path) -> None:
    fail_at_third_file(monkeypatch, OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(UserError, match=r"No space left on device\. Free some disk space"):
        fetch_corpus("good-de-en")
    assert list(download_folder.iterdir()) == []


def test_the_folder_appears_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    replace_path = Path.replace
    moved = []

    def recording(partial: Path, folder: Path) -> Path:
        assert not folder.exists()
        moved.append(sorted(path.name for path in partial.iterdir()))
        return replace_path(partial, folder)

    monkeypatch.setattr(Path, "replace", recording)
    folder = fetch_corpus("good-de-en")
    assert moved == [sorted(path.name for path in folder.iterdir())]


def make_partial_folder(download_folder: Path, *, hours: float) -> Path:
    """Makes what a process that fetches good-de-en had written some hours ago."""
    partial = download_folder / ".good-de-en.partial-abc"
    partial.mkdir(parents=True)
    (partial / "train.de.gz").write_bytes(b"half")
    written = time.time() - hours * 3600
    os.utime(partial, (written, written))
    return partial


def test_a_partial_folder_is_not_a_corpus(download_folder: Path) -> None:
    make_partial_folder(download_folder, hours=0)
    assert local_corpora() == {}


def test_partial_folders_of_killed_processes_are_deleted(download_folder: Path) -> None:
    make_partial_folder(download_folder, hours=25)
    fetch_corpus("good-de-en")
    assert [path.name for path in download_folder.iterdir()] == ["good-de-en"]


def test_the_partial_folder_of_another_running_process_stays(download_folder: Path) -> None:
    partial = make_partial_folder(download_folder, hours=1)
    fetch_corpus("good-de-en")
    assert (partial / "train.de.gz").read_bytes() == b"half"


def test_another_process_may_finish_first(
    monkeypatch: pytest.MonkeyPatch, download_folder: Path
) -> None:
    replace_path = Path.replace

    def beaten(partial: Path, folder: Path) -> Path:
        write_files(folder, **TRAIN_AND_VALID)
        return replace_path(partial, folder)

    monkeypatch.setattr(Path, "replace", beaten)
    assert load_corpus(make_config()).splits["train"].source == ["a", "b"]
    assert [path.name for path in download_folder.iterdir()] == ["good-de-en"]


def test_a_folder_that_cannot_be_written(download_folder: Path) -> None:
    download_folder.write_text("a file in the way")
    message = "Cannot write good-de-en to .* Set SEQ2SEQ_CACHE to a folder that you can write to"
    with pytest.raises(UserError, match=message):
        fetch_corpus("good-de-en")


# -- The fallback ----------------------------------------------------------------------------------


def test_the_fallback_is_used_and_reported(reporter: RecordingReporter) -> None:
    config = make_config("unavailable-de-en", fallback="good-de-en")
    corpus = load_corpus(config, reporter=reporter)
    assert corpus.name == "good-de-en"
    assert reporter.messages[0] == (
        "unavailable-de-en: there is no apt here.\nUsing the fallback good-de-en instead."
    )


def test_the_corpus_notes_that_it_is_a_fallback() -> None:
    corpus = load_corpus(make_config("unavailable-de-en", fallback="good-de-en"))
    assert corpus.notes[0] == (
        "good-de-en was used instead of unavailable-de-en, which is not available on this machine."
    )


def test_without_a_fallback_the_error_gives_the_reason() -> None:
    with pytest.raises(SourceUnavailable, match=r"^unavailable-de-en: there is no apt here\.$"):
        load_corpus(make_config("unavailable-de-en"))


def test_an_unavailable_fallback_gives_both_reasons() -> None:
    message = (
        r"there is no apt here\.\n"
        r"The fallback unavailable-de-en is not available either\. unavailable-de-en: there"
    )
    with pytest.raises(UserError, match=message):
        load_corpus(make_config("unavailable-de-en", fallback="unavailable-de-en"))


def test_an_unknown_fallback_is_an_error_even_if_it_is_not_needed() -> None:
    with pytest.raises(UserError, match="no corpus 'unknown-de-en'"):
        load_corpus(make_config("good-de-en", fallback="unknown-de-en"))


# -- Data folders ----------------------------------------------------------------------------------


@pytest.fixture
def data_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Path, Path]:
    """Two folders that hold different corpora of the same name; the second is in SEQ2SEQ_DATA."""
    name = "unavailable-de-en"
    write_files(tmp_path / "first" / name, test2016_de="d\n", test2016_en="D\n", **TRAIN_AND_VALID)
    write_files(tmp_path / "second" / name, **{**TRAIN_AND_VALID, "train_de": "x\ny\n"})
    folders = [tmp_path / "absent", tmp_path / "second"]
    monkeypatch.setenv("SEQ2SEQ_DATA", os.pathsep.join(map(str, folders)))
    return tmp_path / "first", tmp_path / "second"


def test_data_dir_is_searched_before_the_environment(data_folders: tuple[Path, Path]) -> None:
    first, _ = data_folders
    from_argument = load_corpus(make_config("unavailable-de-en"), data_dir=first)
    from_environment = load_corpus(make_config("unavailable-de-en"))
    assert from_argument.splits["train"].source == ["a", "b"]
    assert from_environment.splits["train"].source == ["x", "y"]


def test_of_two_local_corpora_the_first_counts(data_folders: tuple[Path, Path]) -> None:
    first, _ = data_folders
    assert local_corpora(first) == {"unavailable-de-en": first / "unavailable-de-en"}


def test_a_local_corpus_has_the_license_of_the_catalog(data_folders: tuple[Path, Path]) -> None:
    _, second = data_folders
    corpus = load_corpus(make_config("unavailable-de-en"))
    assert corpus.license == "CC0"
    assert corpus.origin == {"folder": str(second / "unavailable-de-en")}


def test_data_folders_are_never_written(tmp_path: Path, data_folders: tuple[Path, Path]) -> None:
    before = sorted(tmp_path.rglob("*"))
    load_corpus(make_config("unavailable-de-en"), data_dir=data_folders[0])
    load_corpus(make_config("unavailable-de-en"))
    assert sorted(tmp_path.rglob("*")) == before


def test_the_catalog_names_the_file_of_the_test_split(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "unavailable-de-en", **TRAIN_AND_VALID)
    write_files(folder, test2016_de="d\n", test2016_en="D\n", test2017_de="e\n", test2017_en="E\n")
    corpus = load_corpus(make_config("unavailable-de-en"), data_dir=tmp_path)
    assert {name: pairs.source for name, pairs in corpus.splits.items()} == {
        "train": ["a", "b"],
        "valid": ["c"],
        "test": ["d"],
        "test2017": ["e"],
    }


@pytest.fixture
def own_folder(tmp_path: Path) -> Path:
    """A corpus made by hand: plain files, "dev" for valid, and files that are no text."""
    folder = tmp_path / "my-fr-de"
    folder.mkdir()
    files = {
        "train.fr": "un\n",
        "train.de": "eins\n",
        "dev.fr": "deux\n",
        "dev.de": "zwei\n",
        "README.md": "notes",
        "LICENSE": "mine",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def test_a_folder_made_by_hand_needs_no_catalog(own_folder: Path) -> None:
    config = make_config("my-fr-de", source="fr", target="de")
    corpus = load_corpus(config, data_dir=own_folder.parent)
    assert {name: list(pairs) for name, pairs in corpus.splits.items()} == {
        "train": [("un", "eins")],
        "valid": [("deux", "zwei")],
    }
    assert corpus.license == "not stated"


def test_the_name_of_a_folder_tells_its_direction(own_folder: Path) -> None:
    assert languages_of("my-fr-de", own_folder.parent) == ("fr", "de")


def test_a_folder_with_three_languages_has_no_direction(own_folder: Path) -> None:
    (own_folder / "train.en").write_text("one\n")
    with pytest.raises(UserError, match="has train in de, en, fr"):
        languages_of("my-fr-de", own_folder.parent)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {**TRAIN_AND_VALID, "test_de": "x\n"},
            r"has test in de, but not in 'en'\. Add test.en or test.en.gz",
        ),
        (
            {"train_de": "a\n", "train_en": "A\n"},
            r"has no valid files\. Add valid.de and valid.en",
        ),
        ({**TRAIN_AND_VALID, "train_en": "A\n"}, "has 2 lines"),
    ],
)
def test_an_incomplete_folder_is_an_error(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    write_files(tmp_path / "mine", **files)
    with pytest.raises(UserError, match=message):
        load_corpus(make_config("mine"), data_dir=tmp_path)


@pytest.mark.parametrize("name", ["../secrets", "/etc", "a/b", "", ".."])
def test_a_path_is_not_a_name(tmp_path: Path, name: str) -> None:
    message = r"is not the name of a corpus\. To use your own files, write a source"
    with pytest.raises(UserError, match=message):
        load_corpus(make_config(name), data_dir=tmp_path)


# -- Sources in a config ---------------------------------------------------------------------------


def test_files_are_read_where_they_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, download_folder: Path
) -> None:
    monkeypatch.undo()  # the real `collect`
    monkeypatch.setattr(store, "download_dir", lambda: download_folder)
    rows = [f"Satz {n}\tsentence {n}\n" for n in range(100)]
    (tmp_path / "all.tsv").write_text("de\ten\n" + "".join(rows))
    corpus = load_corpus(make_config(FilesSource(train=str(tmp_path / "all.tsv"))))
    sizes = {name: len(pairs) for name, pairs in corpus.splits.items()}
    assert sizes == {"train": 90, "valid": 5, "test": 5}
    assert not download_folder.exists()


def test_a_source_is_fetched_once_for_both_directions(collector: FakeCollector) -> None:
    forward = load_corpus(make_config(SETTINGS))
    backward = load_corpus(make_config(SETTINGS, source="en", target="de"))
    assert len(collector.names) == 1
    assert replace(backward.reversed(), name=forward.name) == forward


def test_a_source_with_other_settings_is_fetched_again(
    collector: FakeCollector, download_folder: Path
) -> None:
    load_corpus(make_config(SETTINGS))
    load_corpus(make_config(SETTINGS.replace(parts=("help",))))
    assert len(collector.names) == 2
    assert len(list(download_folder.iterdir())) == 2


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (LibreOfficeSource(kind="libreoffice"), "libreoffice-de-en-e416174180a66406"),
        (HubSource(kind="hub", id="owner/name"), "hub-de-en-010d3b5263e7c25a"),
    ],
)
def test_the_name_of_a_copy_is_that_of_earlier_versions(
    collector: FakeCollector, settings: Source, name: str
) -> None:
    # Another name would download every corpus again.
    load_corpus(make_config(settings))
    assert collector.names == [name]


def test_a_changed_local_folder_is_read_again(collector: FakeCollector, tmp_path: Path) -> None:
    folder = tmp_path / "dataset"
    folder.mkdir()
    (folder / "train.jsonl").write_text("1")
    config = make_config(HubSource(kind="hub", id=str(folder)))
    load_corpus(config)
    load_corpus(config)
    assert len(collector.names) == 1
    (folder / "train.jsonl").write_text("22")  # another size
    load_corpus(config)
    assert len(collector.names) == 2
    os.utime(folder / "train.jsonl", (0, 0))  # another time
    load_corpus(config)
    assert len(collector.names) == 3
    (folder / "train.jsonl").rename(folder / "valid.jsonl")  # another name
    load_corpus(config)
    assert len(set(collector.names)) == 4
