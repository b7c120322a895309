"""From a config to corpora in memory: found in a data folder, or fetched and stored there."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from seq2seq.config.data import DataConfig
from seq2seq.config.sources import HubSource, NameOrSource, Source
from seq2seq.data.catalog import CatalogEntry, find_entry, unknown_corpus
from seq2seq.data.combining import combine_corpora, unused_name
from seq2seq.data.corpus import Corpus, SourceUnavailable
from seq2seq.data.corpus_folder import (
    attribution_of,
    has_train_files,
    license_of,
    read_corpus,
    read_metadata,
    train_languages,
    write_corpus,
)
from seq2seq.data.sources import collect
from seq2seq.data.splitting import stable_hash
from seq2seq.errors import UserError
from seq2seq.paths import bundled_corpora_dir, data_dirs, download_dir
from seq2seq.reporter import SILENT, Reporter


def load_corpus(
    config: DataConfig, *, data_dir: Path | None = None, reporter: Reporter = SILENT
) -> Corpus:
    """Returns the raw pairs of the config's corpus, or of all its corpora as one.

    For arguments and errors see `load_corpora`.
    """
    loaded = load_corpora(config, data_dir=data_dir, reporter=reporter)
    return combine_corpora([corpus for corpus, _ in loaded])


def load_corpora(
    config: DataConfig, *, data_dir: Path | None = None, reporter: Reporter = SILENT
) -> list[tuple[Corpus, float]]:
    """Returns the raw pairs of each corpus, with its weight. Fetches what no data folder has.

    Args:
        config: names the corpora, their direction and their fallback.
        data_dir: the first folder to look in.
        reporter: receives a line for each step that takes long.

    Returns:
        The corpora in the order of the config. Their names differ: a source among several corpora
        is named after its kind. If one is not available, it is the fallback alone, with weight 1.

    Raises:
        SourceUnavailable: a corpus is not available on this machine.
        UserError: there is no such corpus, or it has mistakes.
    """
    if config.fallback is None:
        return _load_all(config, data_dir, reporter)
    if find_entry(config.fallback) is None:
        _find_folder(config.fallback, data_dir)  # raises if there is no such corpus
    try:
        return _load_all(config, data_dir, reporter)
    except SourceUnavailable as error:
        corpus = _load_fallback(config, config.fallback, error, data_dir, reporter)
        return [(corpus, 1.0)]


def with_chosen_corpora(config: DataConfig, corpus: Corpus) -> DataConfig:
    """Returns the config with what was used, without a fallback, so that another machine uses the
    same.

    Args:
        config: the config.
        corpus: what `load_corpus` returned for it.
    """
    names = [share.name for share in config.shares]
    if config.fallback is None or corpus.name != config.fallback or names == [config.fallback]:
        return config.replace(fallback=None)
    return config.replace(corpus=config.fallback, corpora=(), fallback=None)


def _load_all(
    config: DataConfig, data_dir: Path | None, reporter: Reporter
) -> list[tuple[Corpus, float]]:
    names: list[str] = []
    loaded = []
    for share in config.shares:
        corpus = _load(share.name, config, data_dir, reporter)
        if len(config.shares) > 1:
            names.append(unused_name(_short_name(share.name), names))
            corpus = replace(corpus, name=names[-1])
        loaded.append((corpus, share.weight))
    return loaded


def _short_name(corpus: NameOrSource) -> str:
    return corpus if isinstance(corpus, str) else corpus.kind


def _load_fallback(
    config: DataConfig,
    fallback: str,
    error: SourceUnavailable,
    data_dir: Path | None,
    reporter: Reporter,
) -> Corpus:
    reporter.info(f"{error}\nUsing the fallback {fallback} instead.")
    try:
        corpus = _load(fallback, config, data_dir, reporter)
    except UserError as second:
        raise UserError(
            f"{error}\nThe fallback {fallback} is not available either. {second}"
        ) from second
    names = [_short_name(share.name) for share in config.shares]
    missing = " + ".join(names)
    if len(names) == 1 and not isinstance(config.shares[0].name, str):
        missing = f"the {missing} source"
    note = f"{fallback} was used instead of {missing}, which is not available on this machine."
    return replace(corpus, notes=[note, *corpus.notes])


def fetch_corpus(name: str, *, into: Path | None = None, reporter: Reporter = SILENT) -> Path:
    """Fetches a corpus of the catalog, unless it is already there.

    An interrupt or a full disk leaves no incomplete corpus.

    Args:
        name: its name in the catalog.
        into: the folder for corpora; `download_dir()` by default.
        reporter: receives a line for each step, the license and the attribution.

    Returns:
        The folder of the corpus.

    Raises:
        SourceUnavailable: the corpus is not available on this machine.
        UserError: there is no such corpus, or it cannot be written.
    """
    folder = (into or download_dir()) / name
    entry = find_entry(name)
    if has_train_files(folder):
        reporter.info(f"{name} is already in {folder}. To fetch it again, delete the folder.")
        metadata = read_metadata(folder)
        _report_license(
            name, license_of(metadata, entry), attribution_of(metadata, entry), reporter
        )
        return folder
    if entry is None:
        raise unknown_corpus(name)
    first, second = entry.languages
    corpus = collect(
        entry.source,
        name=name,
        source_language=first,
        target_language=second,
        reporter=reporter,
    )
    corpus = replace(corpus, license=entry.license, attribution=entry.attribution)
    _write(corpus, folder, reporter)
    return folder


def local_corpora(data_dir: Path | None = None) -> dict[str, Path]:
    """Returns the corpora in the data folders, by name.

    If two have the same name, it is the first, which `load_corpus` loads.
    """
    corpora: dict[str, Path] = {}
    for parent in data_dirs(data_dir):
        if not parent.is_dir():
            continue
        for folder in sorted(parent.iterdir()):
            if not folder.name.startswith(".") and has_train_files(folder):
                corpora.setdefault(folder.name, folder)
    return corpora


def corpus_check(data_dir: Path | None = None) -> Callable[[str], str | None]:
    """Returns a function that says what is wrong with the name of a corpus, or None if it is in the
    catalog or in a data folder. It fetches nothing.

    Raises:
        UserError: `data_dir` is not a folder.
    """
    data_dirs(data_dir)

    def mistake(name: str) -> str | None:
        if find_entry(name) is not None:
            return None
        try:
            _find_folder(name, data_dir)
        except UserError as error:
            return str(error)
        return None

    return mistake


def languages_of(name: str, data_dir: Path | None = None) -> tuple[str, str]:
    """Returns the two languages of a corpus, the usual source first.

    Raises:
        UserError: there is no such corpus, or it has more or fewer languages.
    """
    entry = find_entry(name)
    if entry is not None:
        return entry.languages
    folder = _find_folder(name, data_dir)
    languages = train_languages(folder)
    if len(languages) != 2:
        raise UserError(
            f"{folder} has train in {', '.join(languages)}. A corpus has exactly two languages."
        )
    # A name such as my-fr-de tells the direction. Otherwise it is alphabetical.
    parts = name.split("-")
    languages.sort(key=lambda code: parts.index(code) if code in parts else len(parts))
    return languages[0], languages[1]


def _load(
    name: NameOrSource, config: DataConfig, data_dir: Path | None, reporter: Reporter
) -> Corpus:
    if not isinstance(name, str):
        return _load_source(name, config.source, config.target, reporter)
    entry = find_entry(name)
    if entry is not None:
        _check_languages(name, entry, config)
    is_local = any(has_train_files(folder / name) for folder in _searched_dirs(data_dir))
    if is_local or entry is None:
        folder = _find_folder(name, data_dir)
    else:
        folder = fetch_corpus(name, reporter=reporter)
    return read_corpus(folder, name=name, entry=entry, source=config.source, target=config.target)


def _check_languages(name: str, entry: CatalogEntry, config: DataConfig) -> None:
    if {config.source, config.target} != set(entry.languages):
        raise UserError(
            f"{name} has {' and '.join(entry.languages)}, but the config asks for {config.source} "
            f"to {config.target}. Correct source and target, or choose another corpus "
            "(`seq2seq data list`)."
        )


def _load_source(settings: Source, source: str, target: str, reporter: Reporter) -> Corpus:
    """Loads a corpus from the source that a config describes."""
    if not settings.keep_copy:
        return collect(
            settings,
            name=settings.kind,
            source_language=source,
            target_language=target,
            reporter=reporter,
        )
    # One copy serves both directions.
    first, second = sorted((source, target))
    name = f"{settings.kind}-{first}-{second}-{_hash_of_source(settings, first, second):016x}"
    folder = download_dir() / name
    if not has_train_files(folder):
        corpus = collect(
            settings,
            name=name,
            source_language=first,
            target_language=second,
            reporter=reporter,
        )
        _write(corpus, folder, reporter)
    return read_corpus(folder, name=name, entry=None, source=source, target=target)


def _hash_of_source(settings: Source, first: str, second: str) -> int:
    """Hashes what determines the content of a source."""
    values = settings.model_dump(mode="json")
    if "license" in values:
        # The spelling of earlier versions. Another key would make a new name, and everything would
        # be downloaded again.
        values["licence"] = values.pop("license")
    content: list[Any] = [values, first, second]
    if isinstance(settings, HubSource):
        # The files of a local folder may change.
        content += _files_in(Path(settings.id).expanduser())
    return stable_hash(json.dumps(content, sort_keys=True))


def _files_in(folder: Path) -> list[tuple[str, int, int]]:
    """Returns the relative path, size in bytes and time (ns) of every file, [] if not a folder."""
    files = []
    for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
        if path.is_file():
            status = path.stat()
            name = path.relative_to(folder).as_posix()
            files.append((name, status.st_size, status.st_mtime_ns))
    return files


def _searched_dirs(data_dir: Path | None) -> list[Path]:
    """Returns the folders in which a corpus may be, in order."""
    return [*data_dirs(data_dir), bundled_corpora_dir()]


def _find_folder(name: str, data_dir: Path | None) -> Path:
    """Returns the first folder of that name with training files.

    Raises:
        UserError: there is none, or the name is a path.
    """
    if not name or name != Path(name).name or name in (".", ".."):
        raise UserError(
            f"{name!r} is not the name of a corpus. To use your own files, write a source: "
            "corpus: {kind: files, train: …}."
        )
    for folder in _searched_dirs(data_dir):
        if has_train_files(folder / name):
            return folder / name
    raise unknown_corpus(name)


def _write(corpus: Corpus, folder: Path, reporter: Reporter) -> None:
    write_corpus(corpus, folder)
    counts = ", ".join(f"{split} {len(pairs):,}" for split, pairs in corpus.splits.items())
    reporter.info(f"{corpus.name}: {counts} pairs, in {folder}")
    _report_license(corpus.name, corpus.license, corpus.attribution, reporter)


def _report_license(name: str, license_name: str, attribution: str, reporter: Reporter) -> None:
    reporter.info(f"{name}: license: {license_name}")
    reporter.info(f"{name}: attribution: {attribution}")
