"""Where a corpus comes from: the kinds of source, distinguished by `kind`."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from seq2seq.config.section import Section

TableFile = str
"""One file that holds both languages: .tsv, .csv, .jsonl, .json (each also with .gz) or
.parquet."""


class HoldOutConfig(Section):
    """How much of a corpus without a valid or test split is held out for it."""

    valid: int | float | None = None
    """Pairs (a whole number) or share of all pairs (below 1). null: 1,000 pairs, or a twentieth
    if that is fewer."""
    test: int | float | None = None
    """The same for the test split."""
    seed: int = 1
    """Another seed holds out other pairs; the same seed always holds out the same ones."""

    def broken_rules(self) -> Iterator[str]:
        for name in ("valid", "test"):
            size = getattr(self, name)
            if size is None:
                continue
            if size < 0 or (isinstance(size, float) and size >= 1):
                yield (
                    f"{name} is {size}; "
                    "it must be a whole number of pairs, or a share from 0 to below 1"
                )

    def pairs(self, total: int, split: str) -> int:
        """Returns the number of pairs to hold out of `total` for `split`."""
        size = self.valid if split == "valid" else self.test
        if size is None:
            return min(1000, total // 20)
        return round(size * total) if isinstance(size, float) else size


class FilesSource(Section):
    """A corpus in your own files. Paths are relative to the folder in which the program is
    started."""

    keep_copy: ClassVar[bool] = False
    """Whether a copy is kept in the data folder: not needed for files that are already here."""

    kind: Literal["files"] = "files"
    """The kind of source."""
    train: dict[str, str] | TableFile
    """Two line-aligned text files, `{de: a.de.gz, en: a.en.gz}`, or one table, `pairs.tsv`."""
    valid: dict[str, str] | TableFile | None = None
    """The same for the validation split. Without it, pairs of `train` are held out."""
    test: dict[str, str] | TableFile | None = None
    """The same for the test split. Without it, pairs of `train` are held out."""
    columns: dict[str, str | int] | None = None
    """The column of each language in a table: `{de: german, en: english}`, or numbers from 0 for
    TSV and CSV files without a header. By default, columns named like the languages, or a column
    `translation` that holds both."""
    hold_out: HoldOutConfig = HoldOutConfig()
    """How many pairs are held out for the splits that have no file of their own."""
    license: str = "not stated"
    """Recorded in the run."""
    attribution: str = "not stated"
    """Recorded in the run."""


class HubSource(Section):
    """A dataset of the Hugging Face hub."""

    keep_copy: ClassVar[bool] = True
    """Whether a copy is kept in the data folder, so that the network is needed once."""

    kind: Literal["hub"]
    """The kind of source."""
    id: str
    """The ID of the dataset, `owner/name`, or the path of a folder with Parquet, JSON lines or
    CSV files."""
    config: str | None = None
    """The configuration (also called subset) of the dataset, if it has several: `de-en`."""
    revision: str | None = None
    """Branch, tag or commit of the dataset; the newest by default."""
    splits: dict[Literal["train", "valid", "test"], str] = {
        "train": "train",
        "valid": "validation",
        "test": "test",
    }
    """Our splits -> the splits of the dataset. Leave valid or test out to hold it out of train."""
    columns: dict[str, str] | None = None
    """Language -> column. By default, columns named like the languages, or a column `translation`
    that holds both."""
    streaming: bool = False
    """Read the rows one by one instead of downloading the whole dataset. Use it with `max_pairs`
    for large ones."""
    max_pairs: Annotated[int, Field(ge=1)] | None = None
    """Most pairs of each split, the first ones; null takes all."""
    hold_out: HoldOutConfig = HoldOutConfig()
    """How many pairs are held out of train for the splits that the dataset does not have."""
    license: str = "see the dataset's page"
    """Recorded in the run."""
    attribution: str = "see the dataset's page"
    """Recorded in the run."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if "train" not in self.splits:
            raise ValueError(
                f"splits has {', '.join(self.splits) or 'nothing'}; "
                "it must name a split for `train`"
            )
        return self


class LibreOfficeSource(Section):
    """Text of LibreOffice from packages of the Debian archive (MPL-2.0)."""

    keep_copy: ClassVar[bool] = True
    """Whether a copy is kept in the data folder."""

    kind: Literal["libreoffice"]
    """The kind of source."""
    parts: tuple[Literal["help", "interface"], ...] = ("help", "interface")
    """`help`: sentences of the help pages. `interface`: menus, buttons, messages. With both,
    valid and test are the same help pages as with `help` alone, and "test-interface" is held out
    of the interface."""
    held_out_min_words: int = 4
    """Held-out pairs with a shorter side are left out: the test is about sentences, not
    headings."""
    checksums: dict[str, str] = {}
    """File name of a package -> its SHA-256. Versions not listed here are checked by apt's
    signature alone."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_parts(self.parts, "help, interface or both")
        return self


class DingSource(Section):
    """Sentences, phrases and words of the dictionary Ding, German and English (GPL-2+)."""

    keep_copy: ClassVar[bool] = True
    """Whether a copy is kept in the data folder."""

    kind: Literal["ding"]
    """The kind of source."""
    parts: tuple[Literal["sentences", "phrases", "words"], ...] = ("sentences", "phrases")
    """`sentences`: examples that end with a period, question mark or exclamation mark. `phrases`:
    other entries of at least two words. `words`: single German words that the sentences and
    phrases use, each with its usual translation. Phrases are for training only if there are
    sentences to test on. Words always are."""
    checksums: dict[str, str] = {}
    """File name of a package -> its SHA-256. Versions not listed here are checked by apt's
    signature alone."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_parts(self.parts, "sentences, phrases, words or several of them")
        if self.parts == ("words",):
            raise ValueError(
                "parts is ['words'], which are for training only; "
                "add sentences or phrases to test on"
            )
        return self


def _check_parts(parts: tuple[str, ...], choices: str) -> None:
    if not parts or len(set(parts)) < len(parts):
        raise ValueError(f"parts is {list(parts)}; it must list {choices}, each once")


Source = FilesSource | HubSource | LibreOfficeSource | DingSource
KINDS = ("files", "hub", "libreoffice", "ding")


def _tag(value: Any) -> str | None:
    if isinstance(value, str):
        return "name"
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return kind if kind in KINDS else None


_TAGGED = (
    Annotated[FilesSource, Tag("files")]
    | Annotated[HubSource, Tag("hub")]
    | Annotated[LibreOfficeSource, Tag("libreoffice")]
    | Annotated[DingSource, Tag("ding")]
)
_RULE = (
    "must be a corpus of the catalog (`seq2seq data list`), "
    f"or a source with `kind:` one of {', '.join(KINDS)}"
)

AnySource = Annotated[
    _TAGGED, Discriminator(_tag, custom_error_type="source_kind", custom_error_message=_RULE)
]
"""A source as it is written in YAML."""

NameOrSource = Annotated[
    Annotated[str, Tag("name")] | _TAGGED,
    Discriminator(_tag, custom_error_type="source_kind", custom_error_message=_RULE),
]
"""The name of a corpus in the catalog, or a source."""
