"""What an experiment is: parts that are measured once, claims that follow from the numbers by a rule, a picture."""

import json
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from seq2seq.comparison.settings import CompareConfig

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Say = Callable[[str], None]
Found = dict[str, Any]
"""What the parts of an experiment measured, by the parts' names."""


@dataclass(frozen=True)
class Claim:
    """What is said, whether these numbers bear it out (None: they cannot tell), and the numbers."""

    text: str
    holds: bool | None
    numbers: str


@dataclass(frozen=True)
class Table:
    """Rows of text under a head."""

    head: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Part:
    """One measurement: it is not made again while its settings stay the same."""

    name: str
    settings: dict[str, Any]
    measure: Callable[[], Any]


class Experiment(ABC):
    """One question."""

    key: ClassVar[str]
    title: ClassVar[str]
    about: ClassVar[str]
    """What is measured, and what is to be seen in the picture."""

    def __init__(self, config: CompareConfig, folder: Path, say: Say, data_dir: Path | None) -> None:
        self.config, self.folder, self.say, self.data_dir = config, folder, say, data_dir

    @abstractmethod
    def parts(self) -> list[Part]:
        """In the order in which they are measured."""

    @abstractmethod
    def claims(self, found: Found) -> list[Claim]:
        """What follows from the numbers, by rules written before they were known."""

    @abstractmethod
    def table(self, found: Found) -> Table:
        """The numbers."""

    @abstractmethod
    def draw(self, found: Found, figure: "Figure") -> None:
        """The picture."""

    def run(self, *, measure: bool = True) -> Found | None:
        """Measures the parts that are missing; without `measure`, None if there are any."""
        found, parts = {}, self.parts()
        for number, part in enumerate(parts, start=1):
            known = self._known(part)
            if known is None:
                if not measure:
                    return None
                self.say(f"{self.key} {number}/{len(parts)}: {part.name}")
                started_at = time.monotonic()
                known = {"settings": part.settings, "found": part.measure()}
                known["seconds"] = round(time.monotonic() - started_at, 1)
                _write(self._file(part), known)
            found[part.name] = known["found"]
        read: Found = json.loads(json.dumps(found))
        return read

    def missing(self) -> list[Part]:
        """Those that are not measured yet."""
        return [part for part in self.parts() if self._known(part) is None]

    def _file(self, part: Part) -> Path:
        return self.folder / "parts" / self.key / f"{part.name.replace(' ', '-').replace('/', '-')}.json"

    def _known(self, part: Part) -> Found | None:
        """What was measured by these very settings."""
        known = _read(self._file(part))
        # By way of JSON, since that is what was kept: there a tuple is a list.
        return known if known is not None and known["settings"] == json.loads(json.dumps(part.settings)) else None


def _read(file: Path) -> Found | None:
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # missing, or cut short
        return None
    return known if isinstance(known, dict) and {"settings", "found"} <= known.keys() else None


def _write(file: Path, value: Found) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    os.replace(partial, file)


def share(value: float, of: float) -> float:
    """value / of; 0 where there is nothing to divide by."""
    return value / of if of else 0.0
