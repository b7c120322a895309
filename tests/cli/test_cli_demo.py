"""`seq2seq demo` on the made-up language."""

from pathlib import Path

from fixture_types import RunCliHere


def test_demo_repeats_nothing(run_cli_here: RunCliHere, toy_data: Path) -> None:
    command = ("demo", "--config", "toy-demo.yaml", "--run", "runs/demo")
    config = (toy_data / "toy.yaml").read_text(encoding="utf-8")
    short = config.replace("steps: 500", "steps: 50").replace("every_steps: 125", "every_steps: 25")
    (toy_data / "toy-demo.yaml").write_text(short, encoding="utf-8")
    first = run_cli_here(*command)
    assert first.count("reference ") >= 8
    assert "BLEU" in first
    assert "seq2seq translate runs/demo" in first
    run = toy_data / "runs" / "demo"
    files = (run / "model.safetensors", run / "evaluation.json")
    written_at = [file.stat().st_mtime_ns for file in files]
    second = run_cli_here(*command)
    assert "is already trained" in second
    assert second.count("translation ") >= 8
    assert [file.stat().st_mtime_ns for file in files] == written_at
