"""The command line as a person uses it: the whole way on a made-up language, and every mistake with its message."""

import gzip
import json
import os
import select
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from fakes import Cli, Fails
from safetensors.torch import load_file, save_file

from seq2seq.errors import stopped
from seq2seq.models.packing import can_pack

# -- the whole way -------------------------------------------------------------------------------------------------


def test_training_on_a_made_up_language_reaches_every_sentence(trained: Path, cli: Cli) -> None:
    result = cli("evaluate", "runs/toy", "--samples", "2")
    assert result.returncode == 0, result.stderr.decode()
    report = json.loads((trained / "evaluation.json").read_text(encoding="utf-8"))
    assert report["bleu"]["score"] == pytest.approx(100.0)
    assert report["num_sentences"] == 60
    assert report["sentences_per_second"] > 0
    assert {"score", "signature", "low", "high"} <= report["bleu"].keys() & report["chrf"].keys() & report["ter"].keys()
    shown = result.stdout.decode()
    assert "BLEU" in shown
    assert shown.count("translation ") == 2


def test_run_folder_translates_the_same_from_another_place(
    trained: Path, cli: Cli, toy_data: Path, tmp_path: Path
) -> None:
    text = (toy_data / "toy" / "test.de").read_bytes()
    here = cli("translate", "runs/toy", stdin=text)
    copy = tmp_path / "copied"
    shutil.copytree(trained, copy, ignore=shutil.ignore_patterns("checkpoints"))
    there = cli("translate", str(copy), stdin=text)
    assert here.returncode == there.returncode == 0, there.stderr.decode()
    assert here.stdout == there.stdout == (toy_data / "toy" / "test.en").read_bytes()


def test_run_folder_holds_what_the_readme_says(trained: Path) -> None:
    for name in ("config.yaml", "model.safetensors", "journal.jsonl", "environment.json", "tokenizer/joint.model"):
        assert (trained / name).is_file(), name
    events = [json.loads(line) for line in (trained / "journal.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {"precision", "step", "validation", "end"} <= {event["event"] for event in events}
    assert [e["why"] for e in events if e["event"] == "end"] == ["budget"]


@pytest.mark.parametrize(
    ("given", "lines"),
    [
        (b"", 0),
        (b"\n", 1),
        (b"ein hund\n\nein baum\n", 3),
        (b"ein hund", 1),
        (b"ein hund\r\nein baum\r\n", 2),
        (b"\xff\xfe\x00 ein hund\n\x00\n\xf0\x9f\x98\x80\n" + "日本\u2028語\x85\n".encode(), 4),
        (b"a" * 5000 + b"\n" + b"ein hund rot ruft Otto. " * 200 + b"\n", 2),
    ],
)
def test_as_many_lines_out_as_in(trained: Path, cli: Cli, given: bytes, lines: int) -> None:
    result = cli("translate", "runs/toy", "--beam", "2", stdin=given)
    assert result.returncode == 0, result.stderr.decode()
    assert result.stdout.count(b"\n") == lines
    result.stdout.decode("utf-8")


@pytest.mark.parametrize(
    "precision",
    [
        "float32",
        "bfloat16",
        *[
            pytest.param(
                weight_format,
                marks=pytest.mark.skipif(
                    not can_pack(torch.device("cpu"), weight_format), reason="not packed on this CPU"
                ),
            )
            for weight_format in ("float16", "int8")
        ],
    ],
)
def test_all_number_formats_translate(trained: Path, cli: Cli, toy_data: Path, precision: str) -> None:
    text = (toy_data / "toy" / "test.de").read_bytes()
    result = cli("translate", "runs/toy", "--precision", precision, stdin=text)
    assert result.returncode == 0, result.stderr.decode()
    assert result.stdout == (toy_data / "toy" / "test.en").read_bytes()


def test_translate_file_json_and_nbest(trained: Path, cli: Cli, tmp_path: Path) -> None:
    source, target = tmp_path / "in.txt", tmp_path / "out.jsonl"
    source.write_text("ein hund rot ruft Otto.\n\nIda sieht Anna.\n", encoding="utf-8")
    result = cli("translate", "runs/toy", "--input", str(source), "--output", str(target), "--json", "--nbest", "3")
    assert result.returncode == 0, result.stderr.decode()
    first, empty, last = (json.loads(line) for line in target.read_text(encoding="utf-8").splitlines())
    assert first["translations"][0]["text"] == "a red dog calls Otto."
    assert len(first["translations"]) == 3
    scores = [found["score"] for found in first["translations"]]
    assert scores == sorted(scores, reverse=True)
    assert empty == {"source": "", "translations": []}
    pieces = last["translations"][0]
    aligned = {pieces["target_pieces"][t]: pieces["source_pieces"][s] for t, s in pieces["alignment"]}
    assert len(pieces["alignment"]) == len(pieces["target_pieces"])
    assert any("A" in source for target, source in aligned.items() if "A" in target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.txt", "out.jsonl"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_conversation_at_a_terminal(trained: Path, environment: dict[str, str], toy_data: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "seq2seq.cli", "translate", "runs/toy"]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=toy_data)
    os.close(theirs)

    shown = b""

    def read_until(mark: bytes) -> bytes:
        """What comes up to the mark. What comes with it in one go is kept for the next call: an answer and the prompt
        behind it may."""
        nonlocal shown
        deadline = time.monotonic() + 60
        while mark not in shown:
            assert select.select([ours], [], [], max(0, deadline - time.monotonic()))[0], shown
            shown += os.read(ours, 1000)
        before, _, shown = shown.partition(mark)
        return before + mark

    read_until(b"de-en> ")
    os.write(ours, b"ein hund rot ruft Otto.\n")
    assert b"a red dog calls Otto." in read_until(b"calls Otto.")
    read_until(b"de-en> ")
    os.write(ours, b"\x04")  # Ctrl-D
    assert process.wait(timeout=30) == 0
    os.close(ours)


def test_attention_is_drawn_beside_the_lines(trained: Path, cli: Cli) -> None:
    result = cli("translate", "runs/toy", "--attention", stdin=b"ein hund sieht Anna.\n")
    assert result.stdout == b"a dog sees Anna.\n"
    assert "</s>" in result.stderr.decode()


def test_the_sacrebleu_command_gives_the_same_number(trained: Path, cli: Cli, toy_data: Path, tmp_path: Path) -> None:
    # Cut the sources short, so that the score is not a trivial 100.
    lines = (toy_data / "toy" / "test.de").read_text(encoding="utf-8").splitlines()
    source, reference = tmp_path / "cut.de", toy_data / "toy" / "test.en"
    source.write_text("".join(line[: len(line) // 2] + "\n" for line in lines), encoding="utf-8")
    result = cli("evaluate", "runs/toy", "--source", str(source), "--reference", str(reference), "--lowercase")
    assert result.returncode == 0, result.stderr.decode()
    report = json.loads((trained / "evaluation.file-cut.json").read_text(encoding="utf-8"))
    assert 0 < report["bleu"]["score"] < 90
    assert "bleu_lowercase" in report
    command = [
        sys.executable,
        "-m",
        "sacrebleu",
        str(reference),
        "-i",
        str(trained / "hypotheses.file-cut.txt"),
        "-b",
        "-w",
        "6",
    ]
    printed = subprocess.run(command, capture_output=True, check=True, env={**os.environ, "PYTHONUTF8": "1"}).stdout
    assert float(printed) == pytest.approx(report["bleu"]["score"], abs=1e-5)


def test_evaluate_against_a_file(trained: Path, cli: Cli, toy_data: Path) -> None:
    result = cli("evaluate", "runs/toy", "--against", str(toy_data / "toy" / "test.de"))
    assert result.returncode == 0, result.stderr.decode()
    against = json.loads((trained / "evaluation.json").read_text(encoding="utf-8"))["against"]
    assert against["bleu"]["delta"] > 50
    assert against["bleu"]["p_value"] < 0.01


def test_interrupted_training_saves_and_goes_on(
    cli: Cli, fails: Fails, environment: dict[str, str], toy_data: Path
) -> None:
    command = [sys.executable, "-m", "seq2seq.cli", "train", "toy.yaml", "--run", "runs/stopped"]
    command += ["--set", "training.budget.steps=100000", "--set", "training.validation.every_steps=10"]
    process = subprocess.Popen(
        command, env=environment, cwd=toy_data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    checkpoint = toy_data / "runs" / "stopped" / "checkpoints" / "last" / "state.json"
    deadline = time.monotonic() + 60
    while not checkpoint.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    # A second one into the same folder is kept out, and changes nothing there.
    second = fails("train", "--resume", "--run", "runs/stopped", "--set", "training.budget.steps=7")
    assert "runs/stopped is being trained by another process" in second
    assert "steps: 100000" in (toy_data / "runs" / "stopped" / "config.yaml").read_text(encoding="utf-8")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err.decode()
    assert not (toy_data / "runs" / "stopped" / "training.lock").exists()
    assert "seq2seq train --resume --run runs/stopped" in out.decode()
    assert b"Traceback" not in err
    step = json.loads(checkpoint.read_text(encoding="utf-8"))["step"]
    more = cli("train", "--resume", "--run", "runs/stopped", "--set", f"training.budget.steps={step + 20}")
    assert more.returncode == 0, more.stderr.decode()
    assert f"going on from step {step}" in more.stdout.decode()
    assert json.loads(checkpoint.read_text(encoding="utf-8"))["step"] == step + 20
    assert cli("translate", "runs/stopped", stdin=b"ein hund\n").stdout.count(b"\n") == 1


def test_demo_does_nothing_twice(cli: Cli, toy_data: Path) -> None:
    first = cli("demo", "--config", "toy.yaml", "--run", "runs/demo")
    assert first.returncode == 0, first.stderr.decode()
    assert first.stdout.decode().count("reference ") >= 8
    assert "seq2seq translate runs/demo" in first.stdout.decode()
    weights = toy_data / "runs" / "demo" / "model.safetensors"
    written_at = weights.stat().st_mtime_ns, (toy_data / "runs" / "demo" / "evaluation.json").stat().st_mtime_ns
    second = cli("demo", "--config", "toy.yaml", "--run", "runs/demo")
    assert second.returncode == 0
    assert "trained already" in second.stdout.decode()
    assert second.stdout.decode().count("translation ") >= 8
    assert written_at == (
        weights.stat().st_mtime_ns,
        (toy_data / "runs" / "demo" / "evaluation.json").stat().st_mtime_ns,
    )


def test_python_interface(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from seq2seq import Translator

    translate = Translator.load(trained)
    assert translate(["ein hund sieht Anna.", "", "Otto ruft Ida."]) == ["a dog sees Anna.", "", "Otto calls Ida."]
    # Characters that the vocabulary has never seen are carried over.
    assert translate(["日本"]) == ["日本"]


def test_help_is_quick_and_teaches(cli: Cli) -> None:
    seconds = []
    for _ in range(3):
        started_at = time.perf_counter()
        result = cli("--help")
        seconds.append(time.perf_counter() - started_at)
    assert result.returncode == 0
    for command in ("train", "evaluate", "translate", "data", "demo"):
        assert command in result.stdout.decode()
    # The target is 0.5 s; a loaded machine gets some leave, an import of torch (over 1 s) does not.
    assert min(seconds) < 1.5
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, seq2seq.cli; print('torch' in sys.modules)"],
        capture_output=True,
        check=True,
    )
    assert loaded.stdout.strip() == b"False"


# -- mistakes ------------------------------------------------------------------------------------------------------


def test_all_mistakes_of_a_config_at_once(fails: Fails) -> None:
    shown = fails(
        "train", "toy.yaml", "--set", "model.hiden_size=64", "--set", "training.optimizer.learning_rate=fast",
        "--set", "tokenizer.vocab_size=3", "--set", "serch.beam=5",
    )  # fmt: skip
    assert "4 mistakes" in shown
    assert "model.hiden_size: unknown key; did you mean hidden_size?" in shown
    assert "training.optimizer.learning_rate: input should be a valid number" in shown
    assert "'fast'" in shown
    assert "vocab_size must be at least" in shown
    assert "serch: unknown section; did you mean search?" in shown


def test_unknown_family_and_missing_section(fails: Fails, toy_data: Path) -> None:
    (toy_data / "bad.yaml").write_text("data: {corpus: toy, source: de, target: en}\nmodel: {family: lsmt}\n")
    shown = fails("train", "bad.yaml")
    assert "'lsmt' is no family" in shown
    assert "did you mean lstm?" in shown
    assert "training: this section is missing" in shown


def test_no_config_of_that_name(fails: Fails) -> None:
    assert "There is no config nowhere.yaml" in fails("train", "nowhere.yaml")


def test_yaml_that_is_broken_or_would_run_code(fails: Fails, toy_data: Path) -> None:
    (toy_data / "broken.yaml").write_text("data: [unclosed\n")
    assert "is not valid YAML" in fails("train", "broken.yaml")
    (toy_data / "evil.yaml").write_text("data: !!python/object/apply:os.system ['touch evil']\n")
    assert "is not valid YAML" in fails("train", "evil.yaml")
    assert not (toy_data / "evil").exists()


def test_unknown_corpus(fails: Fails) -> None:
    assert "nonesuch" in fails("train", "toy.yaml", "--set", "data.corpus=nonesuch", "--run", "runs/x")


def test_unequal_line_counts_empty_and_binary_corpora(fails: Fails, toy_data: Path) -> None:
    for name in ("unequal", "hollow", "binary"):
        shutil.copytree(toy_data / "toy", toy_data / name)
    with (toy_data / "unequal" / "train.en").open("a", encoding="utf-8") as file:
        file.write("one too many\n")
    shown = fails("train", "toy.yaml", "--set", "data.corpus=unequal", "--run", "runs/x")
    assert "2,815" in shown or "2815" in shown
    assert "2,816" in shown or "2816" in shown
    for language in ("de", "en"):
        (toy_data / "hollow" / f"train.{language}").write_text("")
    assert "empty" in fails("train", "toy.yaml", "--set", "data.corpus=hollow", "--run", "runs/x")
    (toy_data / "binary" / "train.de").write_bytes(os.urandom(4000))
    shown = fails("train", "toy.yaml", "--set", "data.corpus=binary", "--run", "runs/x")
    assert "train.de" in shown
    assert not (toy_data / "runs" / "x").exists()


def test_what_cannot_be_begun(fails: Fails, toy_data: Path, tmp_path: Path) -> None:
    for size in (10**12, 9 * 10**18):
        shown = fails("train", "toy.yaml", "--run", "runs/x", "--set", f"model.embedding_size={size}")
        assert "There is not enough memory. For training, lower the sizes of the model or batching.tokens" in shown
    shutil.rmtree(toy_data / "runs" / "x")
    file = tmp_path / "file"
    file.touch()
    assert f"{file} is a file, so {file} cannot be a run folder" in fails("train", "toy.yaml", "--run", str(file))
    below = file / "a" / "b"
    assert f"{file} is a file, so {below} cannot be a run folder" in fails("train", "toy.yaml", "--run", str(below))


def test_a_run_is_not_overwritten(fails: Fails, trained: Path) -> None:
    assert "holds a training already" in fails("train", "toy.yaml")


def test_resume_without_a_checkpoint_or_with_another_model(fails: Fails, trained: Path) -> None:
    assert "no checkpoint" in fails("train", "--resume", "--run", "runs/none")
    shown = fails("train", "--resume", "--run", "runs/toy", "--set", "model.hidden_size=32")
    assert "training.* and search.* only" in shown


def test_resume_of_a_run_that_has_lost_its_config(fails: Fails, trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "lost")
    (tmp_path / "lost" / "config.yaml").unlink()
    shown = fails("train", "--resume", "--run", str(tmp_path / "lost"))
    assert f"{tmp_path / 'lost'} is not a whole run folder: it has no config.yaml." in shown


def test_a_folder_that_is_no_run(fails: Fails, toy_data: Path, tmp_path: Path) -> None:
    assert "There is no run folder" in fails("translate", "runs/nothing")
    assert "is no run folder" in fails("translate", str(tmp_path))
    assert "is no run folder" in fails("evaluate", str(tmp_path))


def test_damaged_or_foreign_weights(fails: Fails, trained: Path, tmp_path: Path) -> None:
    copy = tmp_path / "damaged"
    shutil.copytree(trained, copy)
    (copy / "model.safetensors").write_bytes((trained / "model.safetensors").read_bytes()[:1000])
    assert "is damaged" in fails("translate", str(copy))
    (copy / "model.safetensors").unlink()
    assert "no weights yet" in fails("translate", str(copy))
    weights = load_file(trained / "model.safetensors")
    weights["readout.weight"][0, 0] = float("nan")
    save_file(weights, copy / "model.safetensors")
    assert "readout.weight holds what is no number" in fails("translate", str(copy))
    shutil.copy(trained / "model.safetensors", copy)
    config = (copy / "config.yaml").read_text(encoding="utf-8").replace("hidden_size: 64", "hidden_size: 32")
    (copy / "config.yaml").write_text(config, encoding="utf-8")
    assert "does not fit the run's config.yaml" in fails("translate", str(copy))


def test_files_named_test_do_not_replace_the_result_on_the_test_split(trained: Path, cli: Cli, tmp_path: Path) -> None:
    before = (trained / "evaluation.json").read_bytes() if (trained / "evaluation.json").exists() else None
    for name, text in (("test.de", "ein hund sieht Anna.\n"), ("test.en", "a dog sees Anna.\n")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    files = ("--source", str(tmp_path / "test.de"), "--reference", str(tmp_path / "test.en"))
    assert cli("evaluate", "runs/toy", *files).returncode == 0
    after = (trained / "evaluation.json").read_bytes() if (trained / "evaluation.json").exists() else None
    assert before == after
    assert (trained / "evaluation.file-test.json").exists()


def test_a_run_that_died_before_its_first_checkpoint_is_started_afresh(cli: Cli, toy_data: Path, trained: Path) -> None:
    dead = toy_data / "runs" / "dead"
    (dead / "tokenizer").mkdir(parents=True)
    shutil.copy(trained / "config.yaml", dead)
    result = cli("train", "toy.yaml", "--run", "runs/dead", "--set", "training.budget.steps=5")
    assert result.returncode == 0, result.stderr.decode()


def test_resume_takes_the_budget_of_a_config_that_is_given(cli: Cli, toy_data: Path) -> None:
    small = ("train", "toy.yaml", "--run", "runs/longer")
    assert cli(*small, "--set", "training.budget.steps=5").returncode == 0
    more = cli(*small, "--resume", "--set", "training.budget.steps=8")
    assert more.returncode == 0, more.stderr.decode()
    assert "Done at step 8" in more.stdout.decode()


def test_output_to_what_is_no_regular_file(
    trained: Path, cli: Cli, fails: Fails, toy_data: Path, tmp_path: Path
) -> None:
    source = toy_data / "toy" / "test.de"
    assert "give a file in a folder that exists" in fails(
        "translate", "runs/toy", "--input", str(source), "--output", str(tmp_path)
    )
    assert "give a file in a folder that exists" in fails(
        "translate", "runs/toy", "--input", str(source), "--output", str(tmp_path / "no" / "out.txt")
    )
    real, link = tmp_path / "real.txt", tmp_path / "link.txt"
    real.write_text("", encoding="utf-8")
    link.symlink_to(real)
    assert cli("translate", "runs/toy", "--input", str(source), "--output", str(link)).returncode == 0
    assert link.is_symlink()
    assert real.read_text(encoding="utf-8").count("\n") == 60
    if os.path.exists("/dev/null"):
        assert cli("translate", "runs/toy", "--input", str(source), "--output", os.devnull).returncode == 0
        assert not Path(os.devnull).is_file()


def test_evaluate_mistakes(fails: Fails, trained: Path, toy_data: Path, tmp_path: Path) -> None:
    assert "exclude each other" in fails("evaluate", "runs/toy", "--split", "valid", "--source", "toy/test.de")
    assert "belong together" in fails("evaluate", "runs/toy", "--source", "toy/test.de")
    assert "no split 'tset'" in fails("evaluate", "runs/toy", "--split", "tset")
    short = tmp_path / "short.en"
    short.write_text("one line\n", encoding="utf-8")
    shown = fails("evaluate", "runs/toy", "--source", "toy/test.de", "--reference", str(short))
    assert "has 1 lines, the source 60" in shown
    assert "has 1 lines, the test set 60" in fails("evaluate", "runs/toy", "--against", str(short))
    empty = tmp_path / "empty.de"
    empty.write_text("", encoding="utf-8")
    assert "is empty" in fails("evaluate", "runs/toy", "--source", str(empty), "--reference", str(empty))
    binary = tmp_path / "binary.de"
    binary.write_bytes(gzip.compress(b"x" * 100))
    assert "is a binary file" in fails("evaluate", "runs/toy", "--source", str(binary), "--reference", str(binary))


def test_translate_mistakes(fails: Fails, trained: Path, tmp_path: Path) -> None:
    assert "precision is 'int3'; it must be one of auto, float32, bfloat16, float16, int8" in fails(
        "translate", "runs/toy", "--precision", "int3"
    )
    assert "is no file" in fails("translate", "runs/toy", "--input", "missing.txt")
    assert "--output needs --input" in fails("translate", "runs/toy", "--output", "out.txt")
    assert "nbest must be at least 1 and at most beam" in fails("translate", "runs/toy", "--beam", "2", "--nbest", "3")
    for option in ("--prune", "--length-penalty", "--max-length"):
        for value in ("nan", "inf"):
            assert "must be finite numbers" in fails("translate", "runs/toy", option, value)


@pytest.mark.parametrize("closed", ["<&-", ">&-"])
def test_closed_standard_streams_are_one_sentence(
    closed: str, trained: Path, environment: dict[str, str], toy_data: Path
) -> None:
    command = f"{shlex.quote(sys.executable)} -m seq2seq.cli translate runs/toy {closed}"
    result = subprocess.run(
        ["sh", "-c", command], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment, cwd=toy_data
    )
    assert result.returncode == 1
    assert b"There is no standard input or output" in result.stderr
    assert b"Traceback" not in result.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk_is_one_sentence(trained: Path, environment: dict[str, str], toy_data: Path) -> None:
    command = [sys.executable, "-m", "seq2seq.cli", "translate", "runs/toy"]
    with open("/dev/full", "wb") as full:
        result = subprocess.run(
            command, input=b"ein hund\n" * 3, stdout=full, stderr=subprocess.PIPE, env=environment, cwd=toy_data
        )
    assert result.returncode != 0
    assert b"No space left" in result.stderr
    assert b"Traceback" not in result.stderr


def as_if_a_module_was_being_imported(*arguments: Any, **options: Any) -> None:
    """Ctrl-C, as what is left of it where compiled code was just being initialised."""
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt as error:
        raise ImportError("initialization failed") from error


def as_it_is(*arguments: Any, **options: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("ctrl_c", [as_it_is, as_if_a_module_was_being_imported])
def test_ctrl_c_where_a_command_has_no_words_for_it(
    ctrl_c: Callable[..., None], fails: Fails, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seq2seq.pipeline.train", ctrl_c)
    assert fails("train", "toy.yaml", status=130).endswith(
        "seq2seq: stopped, and nothing is broken by it; the same command begins again."
    )


@pytest.mark.parametrize("ctrl_c", [as_it_is, as_if_a_module_was_being_imported])
def test_ctrl_c_in_a_comparison_says_how_to_go_on(
    ctrl_c: Callable[..., None], fails: Fails, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr("seq2seq.comparison.runner.compare", ctrl_c)
    monkeypatch.setattr("typer.echo", said.append)
    assert fails("compare", "toy.yaml", "--into", "here", status=130) == ""
    assert said == ["\nStopped. What is measured stays; go on: seq2seq compare toy.yaml --into here"]


def test_what_is_raised_for_itself_after_ctrl_c_is_no_ctrl_c() -> None:
    error = ValueError("another")
    error.__context__ = KeyboardInterrupt()
    assert stopped(error)
    error.__suppress_context__ = True  # as `from None` does
    assert not stopped(error)
    error.__cause__ = error
    assert not stopped(error)
