"""`seq2seq translate`: pipes, files, a terminal, and broken streams."""

import json
import os
import select
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from fixture_types import RunCli, RunCliExpectingError, RunCliHere, TranslateHere

from seq2seq.cli.output import OutputFormat
from seq2seq.decoding.translation import Alternative, Translation
from seq2seq.models.layers.prepack import can_prepack
from seq2seq.run import RunFolder

# -- pipes


def test_a_copied_run_folder_translates_the_same(
    toy_run: Path, run_cli: RunCli, toy_data: Path, tmp_path: Path
) -> None:
    source = (toy_data / "toy" / "test.de").read_bytes()
    copy = tmp_path / "copied"
    ignored = shutil.ignore_patterns(RunFolder(toy_run).checkpoints_dir.name)
    shutil.copytree(toy_run, copy, ignore=ignored)
    original_result = run_cli("translate", "runs/toy", stdin=source)
    copy_result = run_cli("translate", str(copy), stdin=source)
    assert copy_result.returncode == 0, copy_result.stderr.decode()
    reference = (toy_data / "toy" / "test.en").read_bytes()
    assert original_result.stdout == copy_result.stdout == reference


@pytest.mark.parametrize(
    ("source", "num_lines"),
    [
        (b"", 0),
        (b"\n", 1),
        (b"ein hund\n\nein baum\n", 3),
        (b"ein hund", 1),
        (b"ein hund\r\nein baum\r\n", 2),
        (b"\xff\xfd\x00 ein hund\n\x00\n\xf0\x9f\x98\x80\n", 3),
        ("日本\u2028語\x85\n".encode(), 1),
        (b"a" * 5000 + b"\n" + b"ein hund rot ruft Otto. " * 200 + b"\n", 2),
    ],
    ids=[
        "empty",
        "empty line",
        "three lines",
        "no line feed",
        "carriage returns",
        "bytes that are not UTF-8",
        "other line separators",
        "long lines",
    ],
)
def test_as_many_lines_out_as_in(
    toy_run: Path, translate_here: TranslateHere, source: bytes, num_lines: int
) -> None:
    assert translate_here("runs/toy", "--beam", "2", stdin=source).count("\n") == num_lines


def test_characters_outside_the_vocabulary_are_copied(
    toy_run: Path, translate_here: TranslateHere
) -> None:
    assert translate_here("runs/toy", stdin="日本\n".encode()) == "日本\n"


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16", "int8"])
def test_all_precisions_translate_alike(
    toy_run: Path, translate_here: TranslateHere, toy_data: Path, precision: str
) -> None:
    needs_prepacking = precision in ("float16", "int8")
    if needs_prepacking and not can_prepack(torch.device("cpu"), precision):  # type: ignore[arg-type]
        pytest.skip("this CPU cannot prepack this format")
    source = (toy_data / "toy" / "test.de").read_bytes()
    translations = translate_here("runs/toy", "--precision", precision, stdin=source)
    assert translations == (toy_data / "toy" / "test.en").read_text(encoding="utf-8")


def test_attention_is_drawn_on_standard_error(toy_run: Path, run_cli: RunCli) -> None:
    result = run_cli("translate", "runs/toy", "--attention", stdin=b"ein hund sieht Anna.\n")
    assert result.stdout == b"a dog sees Anna.\n"
    assert "</s>" in result.stderr.decode()


def test_an_ensemble_translates(
    toy_run: Path, weak_run: Path, translate_here: TranslateHere
) -> None:
    source = b"ein hund\n\nein baum\n"
    shown = translate_here("runs/toy", "--ensemble", "runs/weak", stdin=source)
    assert shown.count("\n") == 3


# -- files


def test_json_of_a_file(toy_run: Path, run_cli_here: RunCliHere, tmp_path: Path) -> None:
    source = tmp_path / "in.txt"
    source.write_text("ein hund rot ruft Otto.\n\nIda sieht Anna.\n", encoding="utf-8")
    target = tmp_path / "out.jsonl"
    files = ("--input", str(source), "--output", str(target))
    run_cli_here("translate", "runs/toy", *files, "--json", "--nbest", "3")
    lines = target.read_text(encoding="utf-8").splitlines()
    first, empty, last = [json.loads(line) for line in lines]
    assert first["translations"][0]["text"] == "a red dog calls Otto."
    scores = [translation["score"] for translation in first["translations"]]
    assert len(scores) == 3
    assert scores == sorted(scores, reverse=True)
    assert empty == {"source": "", "translations": [{"text": "", "score": 0.0}]}
    best = last["translations"][0]
    assert best.keys() == {"text", "score", "source_tokens", "target_tokens", "alignment"}
    assert len(best["alignment"]) == len(best["target_tokens"])
    aligned_to_a = [
        best["source_tokens"][source_index]
        for target_index, source_index in best["alignment"]
        if "A" in best["target_tokens"][target_index]
    ]
    assert any("A" in token for token in aligned_to_a)
    # No temporary file is left.
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.txt", "out.jsonl"]


def test_alternatives_are_separated_by_tabs(
    toy_run: Path, run_cli_here: RunCliHere, tmp_path: Path
) -> None:
    source = tmp_path / "in.txt"
    source.write_text("ein hund rot ruft Otto.", encoding="utf-8")
    shown = run_cli_here("translate", "runs/toy", "--input", str(source), "--nbest", "3")
    assert shown.startswith("a red dog calls Otto.\t")
    assert shown.count("\t") == 2


def test_a_tab_in_one_of_several_alternatives_becomes_a_space() -> None:
    output = OutputFormat(as_json=False, draw_attention=False)
    alternatives = [Alternative("`a\tb`", 0.0), Alternative("c", -1.0)]
    assert output.line(Translation("", alternatives)) == "`a b`\tc"
    assert output.line(Translation("", alternatives[:1])) == "`a\tb`"
    assert output.line(Translation("", alternatives), separator="\n") == "`a\tb`\nc"


def test_output_behind_a_link(
    toy_run: Path, run_cli_here: RunCliHere, toy_data: Path, tmp_path: Path
) -> None:
    real = tmp_path / "real.txt"
    real.write_text("", encoding="utf-8")
    link = tmp_path / "link.txt"
    link.symlink_to(real)
    files = ("--input", str(toy_data / "toy" / "test.de"), "--output", str(link))
    run_cli_here("translate", "runs/toy", *files)
    assert link.is_symlink()
    assert real.read_text(encoding="utf-8").count("\n") == 60


@pytest.mark.skipif(not os.path.exists("/dev/null"), reason="needs a device")
def test_output_to_a_device_does_not_replace_it(
    toy_run: Path, run_cli_here: RunCliHere, toy_data: Path
) -> None:
    files = ("--input", str(toy_data / "toy" / "test.de"), "--output", os.devnull)
    run_cli_here("translate", "runs/toy", *files)
    assert not Path(os.devnull).is_file()


def test_an_interrupt_leaves_the_earlier_output(
    toy_run: Path,
    run_cli_expecting_error: RunCliExpectingError,
    monkeypatch: pytest.MonkeyPatch,
    toy_data: Path,
    tmp_path: Path,
) -> None:
    def interrupt(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("seq2seq.cli.output.translate_stream", interrupt)
    target = tmp_path / "out.txt"
    target.write_text("earlier\n")
    files = ("--input", str(toy_data / "toy" / "test.de"), "--output", str(target))
    error = run_cli_expecting_error("translate", "runs/toy", *files, status=130)
    assert error == "Interrupted. Run the same command to start again."
    assert target.read_text() == "earlier\n"
    assert list(tmp_path.iterdir()) == [target]


# -- a terminal


class Conversation:
    """The program at a pseudo-terminal."""

    def __init__(self, command: list[str], environment: dict[str, str], folder: Path) -> None:
        import pty

        self.terminal, program_side = pty.openpty()
        self.process = subprocess.Popen(
            command,
            stdin=program_side,
            stdout=program_side,
            stderr=program_side,
            env=environment,
            cwd=folder,
        )
        os.close(program_side)
        self._unread = b""

    def read_until(self, mark: bytes) -> bytes:
        """Returns the output up to the mark. What follows it is kept for the next call."""
        deadline = time.monotonic() + 60
        while mark not in self._unread:
            seconds_left = max(0, deadline - time.monotonic())
            assert select.select([self.terminal], [], [], seconds_left)[0], self._unread
            self._unread += os.read(self.terminal, 1000)
        before, _, self._unread = self._unread.partition(mark)
        return before + mark

    def type(self, keys: bytes) -> None:
        os.write(self.terminal, keys)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_typed_lines_are_translated(
    toy_run: Path, cli_environment: dict[str, str], toy_data: Path
) -> None:
    command = [sys.executable, "-m", "seq2seq.cli", "translate", "runs/toy"]
    conversation = Conversation(command, cli_environment, toy_data)
    conversation.read_until(b"de-en> ")
    conversation.type(b"ein hund rot ruft Otto.\n")
    assert b"a red dog calls Otto." in conversation.read_until(b"calls Otto.")
    conversation.read_until(b"de-en> ")
    conversation.type(b"\x04")  # Ctrl-D
    assert conversation.process.wait(timeout=30) == 0
    os.close(conversation.terminal)


# -- broken streams


@pytest.mark.parametrize("redirection", ["<&-", ">&-"])
def test_closed_standard_streams_are_one_message(
    redirection: str, toy_run: Path, cli_environment: dict[str, str], toy_data: Path
) -> None:
    python = shlex.quote(sys.executable)
    command = f"{python} -m seq2seq.cli translate runs/toy {redirection}"
    result = subprocess.run(
        ["sh", "-c", command],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=cli_environment,
        cwd=toy_data,
    )
    assert result.returncode == 1
    assert b"There is no standard input or output to use" in result.stderr
    assert b"Traceback" not in result.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk_is_one_message(
    toy_run: Path, cli_environment: dict[str, str], toy_data: Path
) -> None:
    with open("/dev/full", "wb") as full:
        result = subprocess.run(
            [sys.executable, "-m", "seq2seq.cli", "translate", "runs/toy"],
            input=b"ein hund\n" * 3,
            stdout=full,
            stderr=subprocess.PIPE,
            env=cli_environment,
            cwd=toy_data,
        )
    assert result.returncode != 0
    assert b"No space left" in result.stderr
    assert b"Traceback" not in result.stderr
