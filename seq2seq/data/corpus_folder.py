"""A corpus in a folder: `SPLIT.LANGUAGE[.gz]`, line-aligned, and `corpus.json`.

corpus.json has the license, the origin and the counts. Folders made by hand need none.
"""

import errno
import gzip
import json
import shutil
import time
import uuid
from pathlib import Path
from typing import Any

from seq2seq.data.catalog import CatalogEntry
from seq2seq.data.corpus import Corpus, Pairs
from seq2seq.data.sources.files import read_aligned
from seq2seq.errors import UserError

_METADATA_FILE = "corpus.json"
_NOT_STATED = "not stated"
# Start of a file name -> split. Names that start with "test" are further test splits.
_SPLIT_NAMES = {
    "train": "train",
    "valid": "valid",
    "validation": "valid",
    "dev": "valid",
    "test": "test",
}
# A folder that is still being written is never this old.
_STALE_SECONDS = 24 * 60 * 60


def has_train_files(folder: Path) -> bool:
    """Whether a folder has training files, which makes it a corpus."""
    return folder.is_dir() and any(folder.glob("train.*"))


def train_languages(folder: Path) -> list[str]:
    """Returns the languages of the training files, sorted."""
    return sorted(_corpus_files(folder)["train"])


def read_metadata(folder: Path) -> dict[str, Any]:
    """Returns the content of corpus.json, or {} if it is missing or damaged."""
    try:
        metadata = json.loads((folder / _METADATA_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(metadata, dict):
        return {}
    if "licence" in metadata:  # the spelling of earlier versions
        metadata.setdefault("license", metadata.pop("licence"))
    return metadata


def license_of(metadata: dict[str, Any], entry: CatalogEntry | None) -> str:
    """Returns the license in corpus.json, or else the one in the catalog."""
    return metadata.get("license") or (entry.license if entry else _NOT_STATED)


def attribution_of(metadata: dict[str, Any], entry: CatalogEntry | None) -> str:
    """Returns the attribution in corpus.json, or else the one in the catalog."""
    return metadata.get("attribution") or (entry.attribution if entry else _NOT_STATED)


def read_corpus(
    folder: Path, *, name: str, entry: CatalogEntry | None, source: str, target: str
) -> Corpus:
    """Reads all splits in one direction.

    Args:
        folder: the folder of the corpus.
        name: the name of the corpus.
        entry: its entry in the catalog, if it has one.
        source: code of the source language.
        target: code of the target language.

    Raises:
        UserError: a file is missing, or two files are not line-aligned.
    """
    splits = _read_splits(folder, entry, source, target)
    for split in ("train", "valid"):
        if split not in splits:
            raise UserError(
                f"{folder} has no {split} files. Add {split}.{source} and {split}.{target}, plain "
                "or .gz."
            )
    usual_order = ("train", "valid", "test")
    order = [*usual_order, *sorted(splits.keys() - set(usual_order))]
    metadata = read_metadata(folder)
    return Corpus(
        name=name,
        source_language=source,
        target_language=target,
        splits={split: splits[split] for split in order if split in splits},
        license=license_of(metadata, entry),
        attribution=attribution_of(metadata, entry),
        notes=list(metadata.get("notes", [])),
        origin={**metadata.get("origin", {}), "folder": str(folder)},
    )


def _read_splits(
    folder: Path, entry: CatalogEntry | None, source: str, target: str
) -> dict[str, Pairs]:
    splits: dict[str, Pairs] = {}
    for stem, files in _corpus_files(folder).items():
        split = _split_of(stem, entry)
        # A file with the split's own name (valid.de) replaces one with another name (dev.de).
        if split is None or (split in splits and split != stem):
            continue
        for language in (source, target):
            if language not in files:
                raise UserError(
                    f"{folder} has {stem} in {' and '.join(sorted(files))}, but not in "
                    f"{language!r}. Add {stem}.{language} or {stem}.{language}.gz, or correct "
                    "source and target."
                )
        splits[split] = read_aligned(files[source], files[target])
    return splits


def _split_of(stem: str, entry: CatalogEntry | None) -> str | None:
    """Returns the split of the files that start with `stem`, or None for other files."""
    if entry is not None:
        for split, start in entry.files.items():
            if start == stem:
                return split
    if stem in _SPLIT_NAMES:
        return _SPLIT_NAMES[stem]
    return stem if stem.startswith("test") else None


def _corpus_files(folder: Path) -> dict[str, dict[str, Path]]:
    """Finds all `STEM.LANGUAGE[.gz]`. Returns stem -> language -> file."""
    files: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        stem, dot, language = path.name.removesuffix(".gz").rpartition(".")
        if dot and not stem.startswith(".") and path.name != _METADATA_FILE:
            files.setdefault(stem, {}).setdefault(language, path)
    return files


def write_corpus(corpus: Corpus, folder: Path) -> None:
    """Writes a corpus so that its folder is complete or absent.

    Several processes may write the same corpus at once: the first to finish wins.

    Raises:
        UserError: the folder cannot be written.
    """
    try:
        _write_corpus(corpus, folder)
    except OSError as error:
        advice = "Set SEQ2SEQ_CACHE to a folder that you can write to"
        if error.errno == errno.ENOSPC:
            advice = "Free some disk space"
        raise UserError(
            f"Cannot write {corpus.name} to {folder}: {error.strerror}. {advice}."
        ) from error


def _write_corpus(corpus: Corpus, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    _delete_stale_partials(folder)
    # `tempfile` would create a folder that only its owner can read.
    partial = folder.with_name(f"{_partial_prefix(folder)}{uuid.uuid4().hex[:12]}")
    partial.mkdir()
    try:
        for split, pairs in corpus.splits.items():
            _write_lines(partial / f"{split}.{corpus.source_language}.gz", pairs.source)
            _write_lines(partial / f"{split}.{corpus.target_language}.gz", pairs.target)
        metadata = json.dumps(_metadata(corpus), ensure_ascii=False, indent=2) + "\n"
        (partial / _METADATA_FILE).write_bytes(metadata.encode("utf-8"))
        if not has_train_files(folder):
            partial.replace(folder)
    except OSError:
        if not has_train_files(folder):  # else another process was faster
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _partial_prefix(folder: Path) -> str:
    return f".{folder.name}.partial-"


def _delete_stale_partials(folder: Path) -> None:
    """Deletes what a killed process has left. Folders of running processes are younger."""
    oldest = time.time() - _STALE_SECONDS
    for partial in folder.parent.glob(f"{_partial_prefix(folder)}*"):
        try:
            is_stale = partial.stat().st_mtime < oldest
        except OSError:  # another process has deleted or moved it
            continue
        if is_stale:
            shutil.rmtree(partial, ignore_errors=True)


def _metadata(corpus: Corpus) -> dict[str, Any]:
    return {
        "name": corpus.name,
        "languages": [corpus.source_language, corpus.target_language],
        "license": corpus.license,
        "attribution": corpus.attribution,
        "notes": corpus.notes,
        "origin": corpus.origin,
        "pairs": {split: len(pairs) for split, pairs in corpus.splits.items()},
    }


def _write_lines(path: Path, texts: list[str]) -> None:
    # A line feed inside a text would shift all later lines.
    lines = [text.replace("\n", " ").rstrip("\r") + "\n" for text in texts]
    raw = "".join(lines).encode("utf-8", "ignore")
    # Without a time and a name in the file, the same corpus gives the same bytes.
    path.write_bytes(gzip.compress(raw, mtime=0))
