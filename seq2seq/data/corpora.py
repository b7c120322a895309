"""From a config to a corpus in memory: find it in the data folders, or fetch it and keep it there.

A corpus kept in a folder is `NAME/SPLIT.LANGUAGE[.gz]`, line-aligned, with `corpus.json` (licence, origin, counts) when
this program has written it.
"""

import errno
import gzip
import json
import os
import re
import shutil
import tempfile
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ConfigDict

from seq2seq.data.catalogue import Entry, find_entry, unknown_corpus
from seq2seq.data.cleaning import CleaningConfig
from seq2seq.data.corpus import Corpus, Say, SourceUnavailable, to_stderr
from seq2seq.data.pairs import Pairs
from seq2seq.data.places import data_dirs, download_dir
from seq2seq.data.sources import NameOrSource, Source
from seq2seq.data.sources.files import read_aligned
from seq2seq.data.splitting import stable_hash
from seq2seq.errors import UserError

__all__ = ["AddedText", "Corpus", "DataConfig", "fetch_corpus", "languages_of", "load_corpus", "local_corpora"]

_ABOUT = "corpus.json"
_SPLIT_NAMES = {"train": "train", "valid": "valid", "validation": "valid", "dev": "valid", "test": "test"}


@dataclass(frozen=True, kw_only=True)
class AddedText:
    """Two line-aligned files whose pairs are trained on besides the corpus's own: translations that a model has made
    (`seq2seq backtranslate`, `seq2seq distill`), say. They are cleaned like the corpus; the tokenizer does not see them."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    source: Path
    """Text in the language translated from, plain or .gz."""
    target: Path
    """Text in the language translated into, line by line its translation."""
    tagged: bool = False
    """Put a mark before every source text, so that the model can tell made sources from real ones (Caswell et al.
    2019): for back-translations."""


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Which text is learnt from, in which direction."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    corpus: NameOrSource
    """A name of the catalogue (`seq2seq data list`), the name of a folder in the data folders, or a source given in
    place: `{kind: files, train: {de: my.de, en: my.en}}`."""
    fallback: str | None = None
    """A corpus of the catalogue taken, with a message, where `corpus` cannot be had: on a machine without apt, say."""
    source: str
    """Code of the language translated from, as in the corpus: `de`."""
    target: str
    """Code of the language translated into. A corpus de-en serves both directions."""
    cleaning: CleaningConfig = field(default_factory=CleaningConfig)
    """What is done to the text before it is used."""
    added: tuple[AddedText, ...] = ()
    """Further pairs to train on."""

    def __post_init__(self) -> None:
        for name in ("source", "target"):
            code = getattr(self, name)
            if not re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*", code):
                raise ValueError(f"{name} is {code!r}; it must be a language code such as de, en or pt-br")
        if self.source == self.target:
            raise ValueError(f"source and target are both {self.source!r}; they must be two languages")


def load_corpus(config: DataConfig, *, data_dir: Path | None = None, say: Say = to_stderr) -> Corpus:
    """The raw pairs of the corpus in the direction asked, fetched first where no data folder has them.

    `say` is told what is being done when it takes time. Raises UserError if the corpus cannot be had.
    """
    if config.fallback is not None and find_entry(config.fallback) is None:
        _find_folder(config.fallback, data_dir)  # raises if there is no such folder either
    try:
        return _load(config, data_dir, say)
    except SourceUnavailable as error:
        if config.fallback is None:
            raise
        say(f"{error}\nTaking the fallback {config.fallback} instead.")
        try:
            corpus = load_corpus(replace(config, corpus=config.fallback, fallback=None), data_dir=data_dir, say=say)
        except UserError as second:
            raise UserError(f"{error}\nThe fallback {config.fallback} cannot be had either. {second}") from second
        wanted = config.corpus if isinstance(config.corpus, str) else f"the {config.corpus.kind} source"
        note = f"{config.fallback} was taken in place of {wanted}, which could not be had on this machine."
        return replace(corpus, notes=[note, *corpus.notes])


def fetch_corpus(name: str, *, into: Path | None = None, say: Say = to_stderr) -> Path:
    """Fetch a corpus of the catalogue into `into` (by default `download_dir()`) and return its folder.

    Does nothing, and says so, if the folder is there. Nothing half is left by an interrupt or a full disk.
    """
    folder = (download_dir() if into is None else into) / name
    entry = find_entry(name)
    if _has_train(folder):
        say(f"{name} is already in {folder}: nothing to fetch. (Delete the folder to fetch it again.)")
        for line in _licence_lines(_about(folder), entry):
            say(f"{name}: {line}")
        return folder
    if entry is None:
        raise unknown_corpus(name)
    corpus = entry.source.collect(name=name, source=entry.languages[0], target=entry.languages[1], say=say)
    corpus = replace(corpus, licence=entry.licence, attribution=entry.attribution)
    _write(corpus, folder, say)
    return folder


def local_corpora(data_dir: Path | None = None) -> dict[str, Path]:
    """The corpora that are in the data folders, by name; of two with one name the first, which is what is loaded."""
    found: dict[str, Path] = {}
    for parent in data_dirs(data_dir):
        for folder in sorted(parent.iterdir()) if parent.is_dir() else []:
            if not folder.name.startswith(".") and _has_train(folder):
                found.setdefault(folder.name, folder)
    return found


def languages_of(name: str, data_dir: Path | None = None) -> tuple[str, str]:
    """The two languages of a corpus, the usual source first. Raises UserError for an unknown corpus."""
    entry = find_entry(name)
    if entry is not None:
        return entry.languages
    folder = _find_folder(name, data_dir)
    languages = sorted(_files(folder)["train"])
    if len(languages) != 2:
        raise UserError(f"{folder} has train in {', '.join(languages)}; two languages are expected.")
    # A name such as my-fr-de tells the direction; else the alphabet has to.
    parts = name.split("-")
    first, second = sorted(languages, key=lambda code: parts.index(code) if code in parts else len(parts))
    return first, second


def _load(config: DataConfig, data_dir: Path | None, say: Say) -> Corpus:
    if not isinstance(config.corpus, str):
        return _load_in_place(config.corpus, config, say)
    name = config.corpus
    entry = find_entry(name)
    if entry is not None and {config.source, config.target} != set(entry.languages):
        raise UserError(
            f"{name} holds {' and '.join(entry.languages)}; the config asks for {config.source} to {config.target}. "
            "Correct source and target, or choose another corpus (`seq2seq data list`)."
        )
    if any(_has_train(folder / name) for folder in data_dirs(data_dir)) or entry is None:
        folder = _find_folder(name, data_dir)
    else:
        folder = fetch_corpus(name, say=say)
    return _read(folder, name, entry, config.source, config.target)


def _load_in_place(source: Source, config: DataConfig, say: Say) -> Corpus:
    if not source.kept:
        return source.collect(name=source.kind, source=config.source, target=config.target, say=say)
    first, second = sorted((config.source, config.target))
    content = json.dumps([asdict(source), first, second], sort_keys=True)
    name = f"{source.kind}-{first}-{second}-{stable_hash(content):016x}"
    folder = download_dir() / name
    if not _has_train(folder):
        corpus = source.collect(name=name, source=first, target=second, say=say)
        _write(corpus, folder, say)
    return _read(folder, name, None, config.source, config.target)


def _find_folder(name: str, data_dir: Path | None) -> Path:
    """The first folder of that name with training files. A name with a path in it is none."""
    if not name or name != Path(name).name or name in (".", ".."):
        raise UserError(
            f"The corpus {name!r} is no name of a corpus. For files of your own use a source given in place: "
            "corpus: {kind: files, train: …}."
        )
    for folder in data_dirs(data_dir):
        if _has_train(folder / name):
            return folder / name
    raise unknown_corpus(name)


def _has_train(folder: Path) -> bool:
    return folder.is_dir() and any(folder.glob("train.*"))


def _read(folder: Path, name: str, entry: Entry | None, source: str, target: str) -> Corpus:
    """The corpus kept in `folder`."""
    files = _files(folder)
    stems = {} if entry is None else {stem: split for split, stem in entry.files.items()}
    splits: dict[str, Pairs] = {}
    for stem, by_language in files.items():
        split = stems.get(stem) or _SPLIT_NAMES.get(stem) or (stem if stem.startswith("test") else None)
        if split is None or (split in splits and split != stem):
            continue
        for language in (source, target):
            if language not in by_language:
                raise UserError(
                    f"{folder} has {stem} in {' and '.join(sorted(by_language))}, but not in {language!r}: "
                    f"{stem}.{language} or {stem}.{language}.gz is missing. Add it, or correct source and target."
                )
        splits[split] = read_aligned(by_language[source], by_language[target])
    missing = [split for split in ("train", "valid") if split not in splits]
    if missing:
        raise UserError(
            f"{folder} has no {missing[0]} files: {missing[0]}.{source} and {missing[0]}.{target} (or .gz of them) are "
            "expected."
        )
    about = _about(folder)
    order = ["train", "valid", "test", *sorted(splits.keys() - {"train", "valid", "test"})]
    return Corpus(
        name=name,
        source_language=source,
        target_language=target,
        splits={split: splits[split] for split in order if split in splits},
        licence=about.get("licence") or (entry.licence if entry else "not stated"),
        attribution=about.get("attribution") or (entry.attribution if entry else "not stated"),
        notes=list(about.get("notes", [])),
        origin={**about.get("origin", {}), "folder": str(folder)},
    )


def _files(folder: Path) -> dict[str, dict[str, Path]]:
    """Beginning of a file's name -> language -> file, for all `SPLIT.LANGUAGE[.gz]` in the folder."""
    files: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        stem, dot, language = path.name.removesuffix(".gz").rpartition(".")
        if dot and not stem.startswith(".") and path.name != _ABOUT:
            files.setdefault(stem, {}).setdefault(language, path)
    return files


def _about(folder: Path) -> dict[str, Any]:
    try:
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # a folder put there by hand has no such file
    return about if isinstance(about, dict) else {}


def _licence_lines(about: dict[str, Any], entry: Entry | None) -> list[str]:
    licence = about.get("licence") or (entry.licence if entry else "not stated")
    attribution = about.get("attribution") or (entry.attribution if entry else "not stated")
    return [f"licence: {licence}", f"attribution: {attribution}"]


def _write(corpus: Corpus, folder: Path, say: Say) -> None:
    """Write the corpus beside its place and move it there in one step, so that the folder is whole or absent."""
    about = {
        "name": corpus.name,
        "languages": [corpus.source_language, corpus.target_language],
        "licence": corpus.licence,
        "attribution": corpus.attribution,
        "notes": corpus.notes,
        "origin": corpus.origin,
        "pairs": {split: len(pairs) for split, pairs in corpus.splits.items()},
    }
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        for stale in folder.parent.glob(f".{folder.name}.partial-*"):
            shutil.rmtree(stale, ignore_errors=True)  # left by a machine that lost its power
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.partial-", dir=folder.parent))
        try:
            for split, pairs in corpus.splits.items():
                _write_lines(partial / f"{split}.{corpus.source_language}.gz", pairs.source)
                _write_lines(partial / f"{split}.{corpus.target_language}.gz", pairs.target)
            text = json.dumps(about, ensure_ascii=False, indent=2) + "\n"
            (partial / _ABOUT).write_text(text, encoding="utf-8")
            partial.chmod(0o755)
            if not _has_train(folder):  # another process may have been faster
                os.replace(partial, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        mend = "Free some space" if error.errno == errno.ENOSPC else "Set SEQ2SEQ_CACHE to a folder that can be written"
        raise UserError(f"{corpus.name} cannot be written to {folder}: {error.strerror}. {mend}.") from error
    counts = ", ".join(f"{split} {len(pairs):,}" for split, pairs in corpus.splits.items())
    say(f"{corpus.name}: {counts} pairs, in {folder}")
    for line in _licence_lines(about, None):
        say(f"{corpus.name}: {line}")


def _write_lines(path: Path, lines: list[str]) -> None:
    # A line end inside a text would shift all that follow; no name and time in the file: same corpus, same bytes.
    raw = "".join(line.replace("\n", " ").rstrip("\r") + "\n" for line in lines).encode("utf-8", "ignore")
    path.write_bytes(gzip.compress(raw, mtime=0))
