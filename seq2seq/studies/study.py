"""A study: measurements that are stored, claims about them, a table and a picture."""

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from seq2seq.files import atomic_write_text
from seq2seq.reporter import SILENT, Reporter
from seq2seq.studies.claims import Claim, Measures, check_claims
from seq2seq.studies.config import ComparisonConfig

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Results = dict[str, Any]
"""What each measurement of a study returned, by the measurement's name."""


@dataclass(frozen=True)
class Table:
    """A table of text."""

    head: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Measurement:
    """One measurement. Its result is kept and used as long as its settings stay the same."""

    name: str
    settings: dict[str, Any]
    measure: Callable[[], Any]


class Study(ABC):
    """One question about the families."""

    key: ClassVar[str]
    """Its name in `--only`, in claims.yaml and in results.json."""
    title: ClassVar[str]
    about: ClassVar[str]
    """What it measures, and what the picture shows."""

    def __init__(
        self,
        config: ComparisonConfig,
        folder: Path,
        *,
        data_dir: Path | None = None,
        reporter: Reporter = SILENT,
    ) -> None:
        self.config = config
        self.folder = folder
        self.data_dir = data_dir
        self.reporter = reporter

    @abstractmethod
    def measurements(self) -> list[Measurement]:
        """All measurements, in order."""

    @abstractmethod
    def measures(self, results: Results) -> Measures:
        """The numbers that the study's claims in claims.yaml are about."""

    @abstractmethod
    def table(self, results: Results) -> Table:
        """The results as a table."""

    @abstractmethod
    def draw(self, results: Results, figure: "Figure") -> None:
        """Draws the picture."""

    def claims(self, results: Results) -> list[Claim]:
        """The claims of this study, each with its verdict."""
        return check_claims(self.key, self.measures(results))

    def run(self) -> Results:
        """Makes the measurements that are missing. Returns the results of all."""
        results = {}
        measurements = self.measurements()
        for number, measurement in enumerate(measurements, start=1):
            stored = self._stored(measurement)
            if stored is None:
                self.reporter.info(f"{self.key} {number}/{len(measurements)}: {measurement.name}")
                started_at = time.monotonic()
                stored = {"settings": measurement.settings, "result": measurement.measure()}
                stored["seconds"] = round(time.monotonic() - started_at, 1)
                text = json.dumps(stored, indent=1) + "\n"
                atomic_write_text(self._file(measurement), text, mkdir=True)
            results[measurement.name] = stored["result"]
        return _through_json(results)

    def stored_results(self) -> Results | None:
        """The results of all measurements, or None if one is missing."""
        results = {}
        for measurement in self.measurements():
            stored = self._stored(measurement)
            if stored is None:
                return None
            results[measurement.name] = stored["result"]
        return results

    def missing(self) -> list[Measurement]:
        """The measurements that have no stored result."""
        return [each for each in self.measurements() if self._stored(each) is None]

    def _file(self, measurement: Measurement) -> Path:
        name = measurement.name.replace(" ", "-").replace("/", "-")
        return self.folder / "measurements" / self.key / f"{name}.json"

    def _stored(self, measurement: Measurement) -> dict[str, Any] | None:
        """The stored measurement, if it was made with the same settings."""
        stored = _read(self._file(measurement))
        if stored is None or stored["settings"] != _through_json(measurement.settings):
            return None
        return stored


def _read(file: Path) -> dict[str, Any] | None:
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # missing or damaged
        return None
    if not isinstance(stored, dict) or not {"settings", "result"} <= stored.keys():
        return None
    return stored


def _through_json(values: dict[str, Any]) -> dict[str, Any]:
    """Returns the values as they would be read from a file: tuples are lists, keys are strings."""
    read: dict[str, Any] = json.loads(json.dumps(values))
    return read


def ratio(value: float, base: float) -> float:
    """value / base, or 0 if the base is 0."""
    return value / base if base else 0.0
