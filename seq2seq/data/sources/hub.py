"""Corpora from the Hugging Face hub, or from a folder on disk that is laid out like one of its datasets."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import ConfigDict

from seq2seq.data.corpus import Corpus, Say, SourceUnavailable
from seq2seq.data.places import download_dir
from seq2seq.data.sources.files import hold_out_missing, load_quietly, pairs_of
from seq2seq.data.splitting import HoldOut
from seq2seq.errors import UserError

_ANSWER_S = 8.0
"""How long the hub may take to answer before it counts as out of reach, in seconds."""


@dataclass(frozen=True, kw_only=True)
class HubSpec:
    """A dataset of the Hugging Face hub."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    kept: ClassVar[bool] = True
    """Whether a copy is kept in the data folder, so that the network is needed once."""

    kind: Literal["hub"]
    """What tells this kind of source from the others."""
    id: str
    """The dataset's id, `owner/name`; or the path of a folder with Parquet, JSON lines or CSV files."""
    config: str | None = None
    """The dataset's configuration (also called subset), where it has several: `de-en`."""
    revision: str | None = None
    """Branch, tag or commit of the dataset; the newest by default."""
    splits: dict[Literal["train", "valid", "test"], str] = field(
        default_factory=lambda: {"train": "train", "valid": "validation", "test": "test"}
    )
    """Our splits -> the dataset's. Leave valid or test out to have it held out of train."""
    columns: dict[str, str] | None = None
    """Language -> column. By default columns named like the languages, or a column `translation` that holds both."""
    streaming: bool = False
    """Read the rows one by one instead of downloading the whole dataset: with `max_pairs` for very large ones."""
    max_pairs: int | None = None
    """At most so many pairs of each split, the first ones."""
    hold_out: HoldOut = field(default_factory=HoldOut)
    """How many pairs are held out of train for the splits that the dataset does not have."""
    licence: str = "see the dataset's page"
    """Noted in the run."""
    attribution: str = "see the dataset's page"
    """Noted in the run."""

    def __post_init__(self) -> None:
        if "train" not in self.splits:
            raise ValueError(f"splits names {', '.join(self.splits) or 'none'}; it must name the one for `train`")
        if self.max_pairs is not None and self.max_pairs < 1:
            raise ValueError(f"max_pairs is {self.max_pairs}; it must be at least 1, or null for all")

    def collect(self, *, name: str, source: str, target: str, say: Say) -> Corpus:
        """Download (or stream) the dataset. Raises SourceUnavailable without network, UserError for a wrong id."""
        local = Path(self.id).expanduser()
        if local.is_dir():
            revision = "local folder"
            loader = str(local)
        else:
            say(f"{name}: asking the Hugging Face hub for {self.id}")
            revision = self._revision_at_hub(name, source, target)
            loader = self.id
        splits = {}
        for split, theirs in self.splits.items():
            say(f"{name}: reading {split} ({theirs})")
            table = load_quietly(
                loader,
                what=f"{self.id}, split {theirs!r}",
                name=self.config,
                revision=None if local.is_dir() else self.revision,
                split=theirs,
                streaming=self.streaming,
            )
            splits[str(split)] = pairs_of(
                table,
                what=f"{self.id}, split {theirs!r}",
                source=source,
                target=target,
                columns=self.columns,
                max_pairs=self.max_pairs,
            )
        notes = hold_out_missing(splits, self.hold_out, name)
        return Corpus(
            name=name,
            source_language=source,
            target_language=target,
            splits=splits,
            licence=self.licence,
            attribution=self.attribution,
            notes=notes,
            origin={self.id: revision},
        )

    def _revision_at_hub(self, name: str, source: str, target: str) -> str:
        """The commit of the dataset at the hub: one quick question, because `datasets` itself retries for minutes."""
        import huggingface_hub
        from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

        try:
            info = huggingface_hub.HfApi().dataset_info(self.id, revision=self.revision, timeout=_ANSWER_S)
        except GatedRepoError:
            raise UserError(
                f"The dataset {self.id} asks for an agreement: accept it on its page at the hub, then `hf auth login`."
            ) from None
        except (RepositoryNotFoundError, ValueError):
            raise UserError(
                f"The Hugging Face hub has no dataset {self.id!r} that can be read without an account. "
                "Check the id on the dataset's page."
            ) from None
        except (HfHubHTTPError, OSError, RuntimeError) as error:
            raise SourceUnavailable(self._no_network(name, source, target, error)) from error
        except Exception as error:
            # The hub's client has changed its HTTP library before: any failure of a transport counts as no network.
            if not type(error).__module__.startswith(("httpx", "httpcore", "requests", "urllib3")):
                raise
            raise SourceUnavailable(self._no_network(name, source, target, error)) from error
        return str(info.sha)

    def _no_network(self, name: str, source: str, target: str, error: Exception) -> str:
        from huggingface_hub.constants import ENDPOINT

        reason = (str(error).strip().splitlines() or [""])[0][:200]
        files = ", ".join(
            f"{split}.{language}" for split in ("train", "valid", "test") for language in (source, target)
        )
        return (
            f"{name}: the Hugging Face hub could not be reached (tried {ENDPOINT} for the dataset {self.id}: "
            f"{type(error).__name__} {reason}). Without network, bring the corpus by hand: put {files} (line-aligned "
            f"UTF-8 text, one sentence a line, or .gz of it) into {download_dir() / name}, or into a folder {name} in "
            "one that --data-dir or SEQ2SEQ_DATA names."
        )
