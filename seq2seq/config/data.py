"""Settings of the data: corpus, direction, cleaning."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError, ValidationInfo, field_validator

from seq2seq.config.augment import AugmentConfig
from seq2seq.config.section import Section, broken_rule, refuse
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
    corpora: tuple[CorpusShare, ...] = Field(default=(), validate_default=True)
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

    # Rules of fields, so that a mistake in one field does not hide those in another.

    @field_validator("corpora")
    @classmethod
    def _check_corpora(
        cls, corpora: tuple[CorpusShare, ...], info: ValidationInfo
    ) -> tuple[CorpusShare, ...]:
        refuse(cls, _mistakes_in_corpora(corpora, info.data))
        return corpora

    @field_validator("source", "target")
    @classmethod
    def _check_language(cls, code: str, info: ValidationInfo) -> str:
        if not re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*", code):
            raise ValueError("must be a language code such as de, en or pt-br")
        if info.field_name == "target" and code == info.data.get("source"):
            raise broken_rule(f"source and target are both {code!r}; they must be two languages")
        return code


def _mistakes_in_corpora(
    corpora: Sequence[CorpusShare], others: Mapping[str, Any]
) -> Iterator[str]:
    """Yields the mistakes. `others` has those of the fields before it that have none."""
    has_corpus = others.get("corpus") is not None
    if not corpora and not has_corpus and "corpus" in others:
        yield "corpus or corpora is required: they name the text to learn from"
    if corpora and has_corpus:
        yield (
            "corpus and corpora are both given; give one of them (corpus: null or corpora: [] "
            "turns the other one off)"
        )
    names = [share.name for share in corpora]
    for number, name in enumerate(names):
        if names[:number].count(name) == 1:
            shown = name if isinstance(name, str) else f"a {name.kind} source"
            yield f"corpora has {shown} twice; give it a greater weight instead"


def usable_data(raw: Mapping[str, Any]) -> DataConfig:
    """Returns a section that may have mistakes, without the fields that have one.

    A language that is missing or has a mistake is empty.
    """
    values: dict[str, Any] = {"source": "", "target": ""}
    for name, field in DataConfig.model_fields.items():
        if name not in raw:
            continue
        kind: Any = field.annotation
        if field.metadata:
            kind = Annotated[kind, *field.metadata]
        try:
            values[name] = TypeAdapter(kind).validate_python(raw[name])
        except ValidationError:
            continue
    return DataConfig.model_construct(**values)


def unknown_corpora(data: DataConfig, mistake: Callable[[str], str | None]) -> list[str]:
    """Returns a line for each name that is no corpus.

    Args:
        data: the section.
        mistake: says what is wrong with a name, or None.
    """
    names: list[tuple[str, NameOrSource | None]] = [("data.corpus", data.corpus)]
    for number, share in enumerate(data.corpora):
        names.append((f"data.corpora.{number}.name", share.name))
    names.append(("data.fallback", data.fallback))
    lines = []
    for key, name in names:
        message = mistake(name) if isinstance(name, str) else None
        if message is not None:
            lines.append(f"{key}: {message[:1].lower()}{message[1:]}")
    return lines


def missing_files(data: DataConfig) -> list[str]:
    """Returns a line for each of the user's files that training needs and that is not there.

    The files are those of `kind: files`, in the two languages of `data`, and those of
    `extra_pairs`. Corpora of other kinds are not looked at.
    """
    lines: list[str] = []
    if isinstance(data.corpus, FilesSource):
        lines += _missing_in(data.corpus, "data.corpus", data)
    for number, share in enumerate(data.corpora):
        if isinstance(share.name, FilesSource):
            lines += _missing_in(share.name, f"data.corpora.{number}.name", data)
    for number, pairs in enumerate(data.extra_pairs):
        lines += _missing(f"data.extra_pairs.{number}.source", pairs.source)
        lines += _missing(f"data.extra_pairs.{number}.target", pairs.target)
    return lines


def _missing_in(source: FilesSource, key: str, data: DataConfig) -> Iterator[str]:
    """Yields a line for each file that is read and is not there."""
    for split in ("train", "valid", "test"):
        paths = getattr(source, split)
        if paths is None:
            continue
        if isinstance(paths, str):
            yield from _missing(f"{key}.{split}", Path(paths).expanduser())
            continue
        for language in dict.fromkeys((data.source, data.target)):
            if language in paths:
                file = Path(paths[language]).expanduser()
                yield from _missing(f"{key}.{split}.{language}", file)
            elif language:
                yield (
                    f"{key}.{split}: has files for {' and '.join(paths) or 'no language'}, but "
                    f"none for {language!r}; add its path under `{language}:`, or correct "
                    "data.source and data.target"
                )


def _missing(key: str, path: Path) -> Iterator[str]:
    if path.is_dir():
        yield f"{key}: {path} is a folder, not a file"
    elif not path.is_file():
        yield f"{key}: {path} does not exist (current folder: {Path.cwd()})"
