"""Settings of the data: corpus, direction, cleaning."""

import re
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from seq2seq.config.augment import AugmentConfig
from seq2seq.config.section import Section
from seq2seq.config.sources import FilesSource, NameOrSource
from seq2seq.settings import NormalForm


class CleaningConfig(Section):
    """Rules for the text. Rules that drop pairs apply to the training split alone. `null` or
    `false` turns one off."""

    normalize: NormalForm = "nfc"
    """Unicode form of all text, including text to translate. "nfc" joins letters and accents.
    "nfkc" also folds ligatures, full-width letters, superscripts and non-breaking spaces. "none"
    leaves the letters as they are."""
    max_words: Annotated[int, Field(ge=1)] | None = 100
    """Drop pairs with more words, separated by spaces, on either side."""
    max_chars: Annotated[int, Field(ge=1)] | None = 600
    """Drop pairs with more characters on either side. This is the limit for languages written
    without spaces."""
    max_length_ratio: Annotated[float, Field(gt=1)] | None = 3.0
    """Drop pairs whose lengths in characters differ by more than this factor, relative to the
    median ratio of the corpus (so Chinese may be shorter than English). 10 is added to each
    length: short pairs differ by chance."""
    drop_identical: bool = True
    """Drop pairs with the same text on both sides: they teach copying instead of translating."""
    drop_duplicates: bool = True
    """Drop pairs that have occurred before with the same two sides."""
    drop_overlap: bool = True
    """Drop pairs of which either side, ignoring case and punctuation, also occurs in valid or
    test."""
    max_foreign_letters: Annotated[float, Field(ge=0, le=1)] | None = 0.5
    """Drop pairs where more than this share of a side's letters is in a script that its language
    is not written in, for example Cyrillic in a German text. Languages unknown to the program are
    not checked."""


class ExtraPairsConfig(Section):
    """Two line-aligned files whose pairs are trained on besides the corpus, for example
    translations by a model (`seq2seq backtranslate`, `seq2seq distill`). They are cleaned like the
    corpus. The tokenizer does not see them."""

    source: Path
    """Text in the source language, plain or .gz."""
    target: Path
    """Its translation in the target language, line by line."""
    tagged: bool = False
    """Put a tag before every source text, so that the model can tell synthetic sources from real
    ones (Caswell et al. 2019). Use it for back-translations."""


class CorpusShare(Section):
    """One of several corpora, and how much of it an epoch has."""

    name: NameOrSource
    """A name or a source, as in `data.corpus`."""
    weight: Annotated[float, Field(gt=0, le=100)] = 1.0
    """How often an epoch has each training pair of this corpus, at most 100 times. 2: twice. 0.5:
    every epoch has another random half of the pairs."""


class DataConfig(Section):
    """The text to learn from, and the direction of translation. Either `corpus` or `corpora` is
    required."""

    corpus: NameOrSource | None = None
    """The name of a corpus in the catalog (`seq2seq data list`) or of a folder in the data
    folders, or a source: `{kind: files, train: {de: my.de, en: my.en}}`."""
    corpora: tuple[CorpusShare, ...] = ()
    """Several corpora instead of one: `[{name: a}, {name: b, weight: 0.5}]`. Their valid splits
    are joined. The test split of the first one is `test`, that of another one is `test-NAME`."""
    fallback: str | None = None
    """A corpus of the catalog to use, with a message, if `corpus` or one of `corpora` is not
    available, for example on a machine without apt. It replaces all of them."""
    source: str
    """Code of the source language, as in the corpus: `de`."""
    target: str
    """Code of the target language. A corpus de-en serves both directions."""
    cleaning: CleaningConfig = CleaningConfig()
    """What is done to the text before it is used."""
    extra_pairs: tuple[ExtraPairsConfig, ...] = ()
    """More pairs to train on."""
    augment: AugmentConfig = AugmentConfig()
    """Noise in the training text."""

    @property
    def shares(self) -> tuple[CorpusShare, ...]:
        """The corpora to train on, whether `corpus` or `corpora` names them."""
        if self.corpus is not None:
            return (CorpusShare(name=self.corpus),)
        return self.corpora

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.corpus is None and not self.corpora:
            raise ValueError("corpus or corpora is required: they name the text to learn from")
        if self.corpus is not None and self.corpora:
            raise ValueError(
                "corpus and corpora are both given; give one of them (corpus: null or corpora: [] "
                "turns the other one off)"
            )
        names = [share.name for share in self.corpora]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(
                    f"corpora has {name if isinstance(name, str) else f'a {name.kind} source'} "
                    "twice; give it a greater weight instead"
                )
        for name in ("source", "target"):
            code = getattr(self, name)
            if not re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*", code):
                raise ValueError(
                    f"{name} is {code!r}; it must be a language code such as de, en or pt-br"
                )
        if self.source == self.target:
            raise ValueError(
                f"source and target are both {self.source!r}; they must be two languages"
            )
        return self


def missing_files(data: DataConfig) -> list[str]:
    """Returns a line for each of the user's files that training needs and that is not there.

    The files are those of `kind: files`, in the two languages of `data`, and those of
    `extra_pairs`. Corpora of other kinds are not looked at.
    """
    files: list[tuple[str, Path]] = []
    if isinstance(data.corpus, FilesSource):
        files += _files_of(data.corpus, "data.corpus", data)
    for number, share in enumerate(data.corpora):
        if isinstance(share.name, FilesSource):
            files += _files_of(share.name, f"data.corpora.{number}.name", data)
    for number, pairs in enumerate(data.extra_pairs):
        files.append((f"data.extra_pairs.{number}.source", pairs.source))
        files.append((f"data.extra_pairs.{number}.target", pairs.target))
    lines = []
    for key, path in files:
        if path.is_dir():
            lines.append(f"{key}: {path} is a folder, not a file")
        elif not path.is_file():
            lines.append(f"{key}: {path} does not exist (current folder: {Path.cwd()})")
    return lines


def _files_of(source: FilesSource, key: str, data: DataConfig) -> list[tuple[str, Path]]:
    """Returns the key and the path of each file that is read."""
    files = []
    for split in ("train", "valid", "test"):
        paths = getattr(source, split)
        if isinstance(paths, str):
            files.append((f"{key}.{split}", Path(paths).expanduser()))
            continue
        for language in (data.source, data.target):
            if paths is not None and language in paths:
                files.append((f"{key}.{split}.{language}", Path(paths[language]).expanduser()))
    return files
