"""The script for a GPU runs, here on the CPU: it must not rot where there is no GPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parent.parent / "benchmarks" / "gpu.sh"


def test_its_checks_pass_on_the_cpu(tmp_path: Path) -> None:
    report = tmp_path / "gpu.json"
    arguments = {"PYTHON": sys.executable, "GPU_ARGS": "--device cpu --quick --only agree"}
    environment = os.environ | arguments
    subprocess.run(["bash", str(SCRIPT), str(report)], check=True, env=environment)
    results = json.loads(report.read_text(encoding="utf-8"))
    families = results["families agree with the CPU"]
    assert len(families) == 7
    assert all(family["same translations"] for family in families.values())
    assert results["training agrees with the CPU"]["agrees to 1e-3"]


def test_missing_packages_are_named(tmp_path: Path) -> None:
    # A Python without site-packages has none of them, and an index that does not exist no wheels.
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    environment = os.environ | {"PYTHON": str(python), "PIP_ARGS": "--no-index"}
    environment.pop("PYTHONPATH", None)
    process = subprocess.run(
        ["bash", str(SCRIPT)], env=environment, capture_output=True, text=True, check=False
    )
    assert process.returncode == 1
    assert "gpu.sh needs these packages: numpy pydantic" in process.stderr
