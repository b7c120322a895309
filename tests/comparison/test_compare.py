"""The whole comparison by the command line, on the made-up language, with budgets of seconds."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from fakes import Cli, Fails

pytest.importorskip("matplotlib")

PROBE = {"encoder_layers": 1, "decoder_layers": 1, "dropout": 0.0}
RECURRENT = {**PROBE, "embedding_size": 16, "hidden_size": 16, "word_dropout": 0.0}
SMALL = ["model.embedding_size=16", "model.hidden_size=16", "model.encoder_layers=1"]
CONFIG = {
    "probes": {"lstm": {"family": "lstm", **RECURRENT}, "transformer": {"family": "transformer", **PROBE, "size": 16}},
    "gradients": {"distances": [1, 4], "sequences": 2, "trained_delay": 2, "trained_updates": 5},
    "memory": {"delays": [2], "updates": 5, "sequences": 4},
    "speed": {"lengths": [4, 8], "tokens": 16, "repeats": 1, "memory_lengths": [512], "state_lengths": [1, 3]},
    "translation": {
        "runs": {
            "lstm": {"config": "toy.yaml", "set": SMALL},
            "gru": {"config": "toy.yaml", "set": ["model.family=gru", *SMALL]},
        },
        "minutes": 0.03,
        "short_minutes": 0.02,
        "sentences": 12,
        "without_attention": ["lstm"],
        "clamps": {"forget gate at 0": {"forget": 0}},
    },
    "quick": {"memory": {"updates": 2}},
}
KEYS = ["gradients", "memory", "gates", "bottleneck", "parallel", "footprint", "quality"]


def test_all_of_it_and_then_nothing_again(trained: Path, cli: Cli, toy_data: Path) -> None:
    (toy_data / "small.yaml").write_text(yaml.safe_dump(CONFIG), encoding="utf-8")
    first = cli("compare", "small.yaml", "--into", "compared")
    assert first.returncode == 0, first.stderr.decode()
    folder = toy_data / "compared"
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert [key for key in results if key in KEYS] == KEYS
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert page.count("<svg") == len(KEYS)
    assert page.count("borne out") + page.count("cannot tell") >= len(KEYS)
    for key in KEYS:
        assert (folder / "pictures" / f"{key}.png").stat().st_size > 5000
    # The others speak of families that are not in this comparison.
    assert all(results[key]["claims"] for key in ("gates", "bottleneck", "footprint", "quality"))
    assert results["footprint"]["found"]["lstm training 512"] > 1  # MB; whatever the parent process has taken before
    assert results["quality"]["found"]["gru"]["against"]["bleu"]["p_value"] <= 1
    held = (folder / "runs" / "held-forget-gate-at-0" / "config.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(held)["model"]["clamp"] == {"forget": 0.0}
    # Nothing is measured twice, and the page comes out the same.
    again = cli("compare", "small.yaml", "--into", "compared")
    assert again.returncode == 0, again.stderr.decode()
    assert again.stderr == b""
    assert (folder / "index.html").read_text(encoding="utf-8") == page
    # One of them alone leaves the others on the page.
    assert cli("compare", "small.yaml", "--into", "compared", "--only", "memory").returncode == 0
    assert (folder / "index.html").read_text(encoding="utf-8") == page
    quick = cli("compare", "small.yaml", "--into", "compared", "--quick", "--only", "memory")
    assert quick.stderr.decode().splitlines() == [
        "memory 1/4: lstm recall 2",
        "memory 2/4: lstm copy 2",
        "memory 3/4: transformer recall 2",
        "memory 4/4: transformer copy 2",
    ]


def test_what_is_wrong_is_said_before_anything_is_measured(fails: Fails, toy_data: Path) -> None:
    assert "there is no such experiment" in fails("compare", "--only", "speeed", "--into", "nothing")
    assert "There is no config nothing.yaml" in fails("compare", "nothing.yaml", "--into", "nothing")
    translation = {**CONFIG["translation"], "runs": {"lstm": {"config": "toy.yaml", "set": ["model.hidden_sice=3"]}}}  # type: ignore[dict-item]
    wrong = {**CONFIG, "translation": translation}
    (toy_data / "wrong.yaml").write_text(yaml.safe_dump(wrong), encoding="utf-8")
    assert "did you mean hidden_size?" in fails("compare", "wrong.yaml", "--into", "nothing")
    assert not (toy_data / "nothing").exists()


def test_ctrl_c_keeps_what_is_measured(environment: dict[str, str], toy_data: Path, cli: Cli) -> None:
    slow = {**CONFIG, "memory": {"delays": [2, 300], "updates": 100000, "sequences": 16}}
    (toy_data / "slow.yaml").write_text(yaml.safe_dump(slow), encoding="utf-8")
    command = [sys.executable, "-m", "seq2seq.cli", "compare", "slow.yaml", "--into", "stopped"]
    process = subprocess.Popen(
        [*command, "--only", "gradients", "--only", "memory"],
        env=environment,
        cwd=toy_data,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        # Tests that are run in the background of a shell ignore Ctrl-C, and so would this process.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    kept, deadline = toy_data / "stopped" / "parts" / "gradients" / "transformer-trained.json", time.monotonic() + 60
    while not kept.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    try:
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, err.decode()
    assert b"Traceback" not in err
    assert "go on: seq2seq compare slow.yaml --into stopped" in out.decode()
    before = kept.stat().st_mtime_ns
    again = cli("compare", "slow.yaml", "--into", "stopped", "--only", "gradients")
    assert again.returncode == 0, again.stderr.decode()
    assert again.stderr == b""
    assert kept.stat().st_mtime_ns == before
