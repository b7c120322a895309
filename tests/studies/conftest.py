"""Fixtures of the studies' tests."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from fakes import RecordingReporter
from tiny_comparison import COMPARISON, WriteComparison


@pytest.fixture
def reporter() -> RecordingReporter:
    return RecordingReporter()


@pytest.fixture(scope="session")
def write_comparison(toy_data: Path) -> WriteComparison:
    """Writes the config of a comparison, with sections changed, into the toy folder."""

    def write(name: str, **sections: Any) -> Path:
        config = dict(COMPARISON)
        for section, changes in sections.items():
            config[section] = config[section] | changes
        (toy_data / name).write_text(yaml.safe_dump(config), encoding="utf-8")
        return Path(name)

    return write


@pytest.fixture(scope="session")
def compared(
    cli_environment: dict[str, str], toy_data: Path, write_comparison: WriteComparison
) -> Path:
    """The folder of a complete comparison, made once."""
    from seq2seq.studies.runner import run_comparison

    config = write_comparison("comparison.yaml")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SEQ2SEQ_DATA", "SEQ2SEQ_CACHE"):
            patch.setenv(name, cli_environment[name])
        patch.chdir(toy_data)
        run_comparison(config, Path("compared"))
    return toy_data / "compared"
