"""Where corpora and configs are found, and where downloads go.

In a checkout (`git clone`), downloads go into its `data/` folder, where the user sees them. An
installed package uses the user's cache folder. `SEQ2SEQ_DATA` adds folders to the search,
separated like PATH. They may be read-only: nothing is written there.
"""

import os
from pathlib import Path

from platformdirs import user_cache_path

from seq2seq.errors import UserError

_CATALOG = "corpora.yaml"
_PACKAGE = Path(__file__).resolve().parent


def cache_dir() -> Path:
    """Returns the folder for files that can be recreated: `SEQ2SEQ_CACHE`, or the platform's user
    cache folder."""
    chosen = os.environ.get("SEQ2SEQ_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    return user_cache_path("seq2seq", appauthor=False, opinion=False)


def checkout_dir() -> Path | None:
    """Returns the top folder of the checkout that this package runs from, or None if it is
    installed."""
    top = _PACKAGE.parent
    return top if (top / "data" / _CATALOG).is_file() else None


def config_dir() -> Path:
    """Returns `configs/` of a checkout, or the copy in an installed package."""
    checkout = checkout_dir()
    return _PACKAGE / "configs" if checkout is None else checkout / "configs"


def catalog_file() -> Path:
    """Returns the catalog of corpora, in the checkout or in the installed package."""
    checkout = checkout_dir()
    return _PACKAGE / "data" / _CATALOG if checkout is None else checkout / "data" / _CATALOG


def download_dir() -> Path:
    """Returns the folder for fetched corpora: `data/` of a checkout, or `corpora` in the cache
    folder."""
    checkout = checkout_dir()
    return cache_dir() / "corpora" if checkout is None else checkout / "data"


def data_dirs(data_dir: Path | None) -> list[Path]:
    """Returns the folders to search for a corpus, in order: `data_dir`, those of `SEQ2SEQ_DATA`,
    `download_dir()`.

    Raises:
        UserError: `data_dir` is not a folder. Without this error, a corpus that the user already
            has would be downloaded.
    """
    folders = []
    if data_dir is not None:
        if not data_dir.is_dir():
            raise UserError(
                f"--data-dir {data_dir} does not exist or is not a folder. Give the folder that "
                "contains NAME/train.de.gz and so on."
            )
        folders.append(data_dir)
    for part in os.environ.get("SEQ2SEQ_DATA", "").split(os.pathsep):
        if part:
            folders.append(Path(part).expanduser())
    folders.append(download_dir())
    return folders


def bundled_corpora_dir() -> Path:
    """Returns the folder of the corpora that come with the program."""
    return catalog_file().parent
