"""Messages, status lines and progress, at a terminal and elsewhere."""

import pytest
from rich.console import Console

from seq2seq.cli.console import ConsoleReporter, counted, make_console, print_samples


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """One number: what `time.monotonic()` returns."""
    now = [1000.0]
    monkeypatch.setattr("seq2seq.cli.console.time.monotonic", lambda: now[0])
    return now


@pytest.fixture
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes rich believe in a terminal of 80 columns without colors."""
    for name, value in (("FORCE_COLOR", "1"), ("NO_COLOR", "1"), ("TERM", "xterm")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 sentences"), (1, "1 sentence"), (2, "2 sentences"), (1000, "1,000 sentences")],
)
def test_one_is_singular(count: int, shown: str) -> None:
    assert counted(count, "sentence") == shown


def test_a_message_is_printed_as_it_is(
    no_terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    ConsoleReporter().info("a [red] line of 1,234 words")
    assert capsys.readouterr().out == "a [red] line of 1,234 words\n"


def test_messages_can_go_to_standard_error(
    no_terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    ConsoleReporter(stderr=True).info("a line")
    output = capsys.readouterr()
    assert (output.out, output.err) == ("", "a line\n")


def test_a_long_line_is_not_wrapped_in_a_file(no_terminal: None) -> None:
    assert make_console().width == 200


def test_a_message_of_a_thousand_columns_stays_one_line(
    no_terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    line = "a :smile: " * 100
    with ConsoleReporter() as reporter:
        reporter.info(line)
    assert capsys.readouterr().out == line + "\n"


def test_plain_status_comes_at_once_and_then_every_30_seconds(
    no_terminal: None, clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with ConsoleReporter() as reporter:
        for now, line in ((0.0, "first"), (29.9, "too soon"), (30.0, "second"), (59.9, "too soon")):
            clock[0] = now
            reporter.status(0.07, line)
    assert capsys.readouterr().out == "  7%  first\n  7%  second\n"


def test_progress_is_silent_without_a_terminal(
    no_terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with ConsoleReporter() as reporter:
        reporter.progress(1, 2)
    output = capsys.readouterr()
    assert (output.out, output.err) == ("", "")


def test_the_bar_shows_activity_and_count_on_standard_error(
    terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with ConsoleReporter("counting") as reporter:
        reporter.progress(1, 4)
        reporter.progress(3, 4)
    output = capsys.readouterr()
    assert output.out == ""
    assert "counting" in output.err
    assert "3/4" in output.err


def test_the_live_line_shows_share_and_text(
    terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with ConsoleReporter() as reporter:
        reporter.status(0.25, "step 10")
    shown = capsys.readouterr().out
    assert " 25% step 10" in shown


def test_a_message_stays_above_the_live_line(
    terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with ConsoleReporter() as reporter:
        reporter.status(0.25, "step 10")
        reporter.info("validation")
        reporter.status(0.5, "step 20")
    shown = capsys.readouterr().out
    assert shown.index("validation") < shown.index("step 20")


def test_live_output_starts_again_after_an_inner_block(
    terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """The trainer enters the reporter that the command has entered."""
    with ConsoleReporter() as reporter:
        with reporter:
            reporter.status(0.5, "training")
        reporter.progress(1, 2)
        reporter.status(0.6, "training again")
    output = capsys.readouterr()
    assert "1/2" in output.err
    assert "training again" in output.out


def test_the_terminal_gets_its_cursor_back_after_an_error(
    terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        with ConsoleReporter() as reporter:
            reporter.status(0.5, "training")
            raise ValueError

    with pytest.raises(ValueError):
        fail()
    shown = capsys.readouterr().out
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1  # hide and show the cursor


def test_samples_are_blocks_with_labels(capsys: pytest.CaptureFixture[str]) -> None:
    print_samples([{"source": "ja", "translation": "yes"}])
    assert capsys.readouterr().out == "\nsource       ja\ntranslation  yes\n"


def test_a_console_at_a_terminal_has_its_width(terminal: None) -> None:
    assert isinstance(make_console(), Console)
    assert make_console().width == 80
