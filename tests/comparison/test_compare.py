"""The whole comparison by the command line, on the made-up language, with budgets of seconds."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
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
    shown = fails("compare", "nothing.yaml", "--into", "nothing")
    assert "There is no config nothing.yaml" in shown
    assert "Those that come along are: compare." in shown
    translation = {**CONFIG["translation"], "runs": {"lstm": {"config": "toy.yaml", "set": ["model.hidden_sice=3"]}}}  # type: ignore[dict-item]
    wrong = {**CONFIG, "translation": translation}
    (toy_data / "wrong.yaml").write_text(yaml.safe_dump(wrong), encoding="utf-8")
    assert "did you mean hidden_size?" in fails("compare", "wrong.yaml", "--into", "nothing")
    assert not (toy_data / "nothing").exists()


def interrupted(environment: dict[str, str], where: Path, arguments: tuple[str, ...], ready: Callable[[], bool]) -> str:
    """Starts a comparison, presses Ctrl-C when it is `ready`, and returns what it said."""
    process = subprocess.Popen(
        [sys.executable, "-m", "seq2seq.cli", "compare", *arguments],
        env=environment,
        cwd=where,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        # Tests that are run in the background of a shell ignore Ctrl-C, and so would this process.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    deadline = time.monotonic() + 60
    while not ready() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    try:
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, err.decode()
    assert b"Traceback" not in err
    return out.decode()


def test_ctrl_c_keeps_what_is_measured(environment: dict[str, str], toy_data: Path, cli: Cli) -> None:
    slow = {**CONFIG, "memory": {"delays": [2, 300], "updates": 100000, "sequences": 16}}
    (toy_data / "slow.yaml").write_text(yaml.safe_dump(slow), encoding="utf-8")
    kept = toy_data / "stopped" / "parts" / "gradients" / "transformer-trained.json"
    only = ("--only", "gradients", "--only", "memory")
    out = interrupted(environment, toy_data, ("slow.yaml", "--into", "stopped", *only), kept.exists)
    assert f"go on: seq2seq compare slow.yaml --into stopped {' '.join(only)}\n" in out
    before = kept.stat().st_mtime_ns
    again = cli("compare", "slow.yaml", "--into", "stopped", "--only", "gradients")
    assert again.returncode == 0, again.stderr.decode()
    assert again.stderr == b""
    assert kept.stat().st_mtime_ns == before


def test_trainings_side_by_side(environment: dict[str, str], toy_data: Path, cli: Cli, fails: Fails) -> None:
    translation = {**CONFIG["translation"], "at_once": 2, "minutes": 10}  # type: ignore[dict-item]
    (toy_data / "two.yaml").write_text(yaml.safe_dump({**CONFIG, "translation": translation}), encoding="utf-8")
    runs, only = toy_data / "beside" / "runs", ("--into", "beside", "--only", "quality")
    journals = [runs / name / "journal.jsonl" for name in ("lstm", "gru")]

    def both_train() -> bool:
        return all(journal.exists() and '"step"' in journal.read_text(encoding="utf-8") for journal in journals)

    out = interrupted(environment, toy_data, ("two.yaml", *only), both_train)
    assert "go on: seq2seq compare two.yaml --into beside" in out
    saved = [json.loads((runs / name / "checkpoints" / "last" / "state.json").read_text()) for name in ("lstm", "gru")]
    assert all(facts["step"] > 0 and not facts["finished"] for facts in saved)
    # A short one now: it is another training, and nothing of it is there yet.
    translation["minutes"] = 0.03
    (toy_data / "two.yaml").write_text(yaml.safe_dump({**CONFIG, "translation": translation}), encoding="utf-8")
    again = cli("compare", "two.yaml", *only)
    assert again.returncode == 0, again.stderr.decode()
    shown = again.stderr.decode()
    assert "was trained with other settings and is trained anew" in shown
    assert "training lstm (1 of 2)" in shown
    threads = {
        yaml.safe_load((runs / name / "config.yaml").read_text())["training"]["threads"] for name in ("lstm", "gru")
    }
    assert threads == {max(1, (os.cpu_count() or 1) // 2)}
    assert (runs / "lstm.log").stat().st_size
    assert cli("compare", "two.yaml", *only).stderr == b""
    # What goes wrong in one of them is said, with its last words.
    (runs.parent / "parts" / "quality" / "gru.json").unlink()
    last = runs / "gru" / "checkpoints" / "last"
    facts = json.loads((last / "state.json").read_text())
    (last / "state.json").write_text(json.dumps({**facts, "finished": False}))
    for file in last.glob("*.safetensors"):
        file.write_bytes(b"broken")
    assert re.search(
        r"The training of gru ended before its time; .*gru.log says: .+", fails("compare", "two.yaml", *only)
    )
