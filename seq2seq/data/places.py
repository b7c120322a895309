"""Where corpora are looked for and where they are put.

In a checkout (`git clone`) everything fetched lies in its `data/` folder, where a person sees it; an installed package
keeps it in the user's cache folder. `SEQ2SEQ_DATA` adds folders to the search (several are divided like PATH); they may
be read-only, so nothing is ever written there.
"""

import os
import sys
from pathlib import Path

from seq2seq.errors import UserError

CATALOGUE = "corpora.yaml"


def cache_dir() -> Path:
    """The folder for what can be made again: `SEQ2SEQ_CACHE`, else "seq2seq" in the platform's user cache folder."""
    chosen = os.environ.get("SEQ2SEQ_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "seq2seq"


def checkout_dir() -> Path | None:
    """The top folder of the checkout that this package runs from, or None if it is installed elsewhere."""
    top = Path(__file__).resolve().parents[2]
    return top if (top / "data" / CATALOGUE).is_file() else None


def download_dir() -> Path:
    """Where fetched corpora are written: `data/` of a checkout, else `cache_dir()/corpora`."""
    checkout = checkout_dir()
    return cache_dir() / "corpora" if checkout is None else checkout / "data"


def data_dirs(data_dir: Path | None) -> list[Path]:
    """The folders searched for a corpus, in order: the argument, those of `SEQ2SEQ_DATA`, `download_dir()`. Raises UserError
    where the argument is no folder: what was meant to be read there would be fetched instead."""
    if data_dir is not None and not data_dir.is_dir():
        raise UserError(
            f"There is no folder {data_dir} (--data-dir); it is the one that holds NAME/train.de.gz and so on."
        )
    named = [Path(part).expanduser() for part in os.environ.get("SEQ2SEQ_DATA", "").split(os.pathsep) if part]
    return [*([] if data_dir is None else [data_dir]), *named, download_dir()]


def catalogue_file() -> Path:
    """The catalogue: at the top of a checkout, or beside this module in an installed package."""
    checkout = checkout_dir()
    return Path(__file__).with_name(CATALOGUE) if checkout is None else checkout / "data" / CATALOGUE
