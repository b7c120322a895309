"""Corpora from the Hugging Face hub, or from a folder that is laid out like one of its datasets."""

from pathlib import Path

from seq2seq.config.sources import HubSource
from seq2seq.data.corpus import Corpus, SourceUnavailable
from seq2seq.data.sources.files import hold_out_missing
from seq2seq.data.sources.tables import load_table, pairs_from_table
from seq2seq.errors import UserError
from seq2seq.paths import download_dir
from seq2seq.reporter import SILENT, Reporter

_TIMEOUT_S = 8.0
_HTTP_LIBRARIES = ("httpx", "httpcore", "requests", "urllib3")
_MAX_REASON_CHARACTERS = 200


def collect(
    settings: HubSource,
    *,
    name: str,
    source: str,
    target: str,
    reporter: Reporter = SILENT,
) -> Corpus:
    """Downloads or streams the dataset.

    Raises:
        SourceUnavailable: the hub cannot be reached.
        UserError: the dataset, a split or a column does not exist.
    """
    local_folder = Path(settings.id).expanduser()
    if local_folder.is_dir():
        loader = str(local_folder)
        revision = None
        origin = "local folder"
    else:
        reporter.info(f"{name}: asking the Hugging Face hub for {settings.id}")
        loader = settings.id
        revision = settings.revision
        origin = _commit_at_hub(settings, name, source, target)
    splits = {}
    for split, hub_split in settings.splits.items():
        reporter.info(f"{name}: reading {split} ({hub_split})")
        description = f"{settings.id}, split {hub_split!r}"
        table = load_table(
            loader,
            description=description,
            name=settings.config,
            revision=revision,
            split=hub_split,
            streaming=settings.streaming,
        )
        splits[str(split)] = pairs_from_table(
            table,
            description=description,
            source=source,
            target=target,
            columns=settings.columns,
            max_pairs=settings.max_pairs,
        )
    notes = hold_out_missing(splits, settings.hold_out, name)
    return Corpus(
        name=name,
        source_language=source,
        target_language=target,
        splits=splits,
        license=settings.license,
        attribution=settings.attribution,
        notes=notes,
        origin={settings.id: origin},
    )


def _commit_at_hub(settings: HubSource, name: str, source: str, target: str) -> str:
    """Returns the commit of the dataset.

    It asks once, with a short timeout: without a network, `datasets` would retry for minutes.
    """
    import huggingface_hub
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    try:
        info = huggingface_hub.HfApi().dataset_info(
            settings.id, revision=settings.revision, timeout=_TIMEOUT_S
        )
    except GatedRepoError:
        raise UserError(
            f"The dataset {settings.id} requires an agreement. Accept it on the dataset's page, "
            "then run `hf auth login`."
        ) from None
    except (RepositoryNotFoundError, ValueError):
        raise UserError(
            f"The Hugging Face hub has no public dataset {settings.id!r}. Check the ID on the "
            "dataset's page."
        ) from None
    except (HfHubHTTPError, OSError, RuntimeError) as error:
        message = _unreachable_message(settings.id, name, source, target, error)
        raise SourceUnavailable(message) from error
    except Exception as error:
        # The hub's client has changed its HTTP library before, so the error's type is not known.
        if not type(error).__module__.startswith(_HTTP_LIBRARIES):
            raise
        message = _unreachable_message(settings.id, name, source, target, error)
        raise SourceUnavailable(message) from error
    return str(info.sha)


def _unreachable_message(
    dataset_id: str, name: str, source: str, target: str, error: Exception
) -> str:
    from huggingface_hub.constants import ENDPOINT

    lines = str(error).strip().splitlines() or [""]
    reason = lines[0][:_MAX_REASON_CHARACTERS]
    files = []
    for split in ("train", "valid", "test"):
        files.append(f"{split}.{source}")
        files.append(f"{split}.{target}")
    return (
        f"{name}: cannot reach the Hugging Face hub (tried {ENDPOINT} for the dataset "
        f"{dataset_id}: {type(error).__name__} {reason}). Without a network, copy the corpus to "
        f"this machine: put {', '.join(files)} (line-aligned UTF-8 text, one sentence a line, or "
        f".gz) into {download_dir() / name}, or into a folder {name} below --data-dir or "
        "SEQ2SEQ_DATA."
    )
