"""Translations at the terminal: a conversation, a pipe, a file."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from seq2seq.decoding.lines import translate_stream
from seq2seq.decoding.translator import Alternative, Translation, Translator
from seq2seq.inspection.terminal import alignment, render_attention

Advance = Callable[[int, int], None]


@dataclass(frozen=True)
class Output:
    """How translations are written: plain text (alternatives divided by tabs) or JSON; with or without a drawing."""

    as_json: bool
    attention: bool

    @property
    def needs_attention(self) -> bool:
        return self.as_json or self.attention

    def line(self, translation: Translation) -> str:
        """One line, without its end."""
        if not self.as_json:
            return "\t".join(alternative.text for alternative in translation.alternatives)
        found = [_facts(alternative) for alternative in translation.alternatives]
        return json.dumps({"source": translation.source, "translations": found}, ensure_ascii=False)

    def draw(self, translation: Translation, console: Console) -> None:
        """The attention of the best translation, where the model has one."""
        best = translation.alternatives[0] if translation.alternatives else None
        if self.attention and best is not None and best.attention is not None:
            assert best.source_pieces is not None
            assert best.target_pieces is not None
            console.print(render_attention(best.source_pieces, best.target_pieces, best.attention.numpy()))


def _facts(alternative: Alternative) -> dict[str, Any]:
    facts: dict[str, Any] = {"text": alternative.text, "score": round(alternative.score, 4)}
    if alternative.attention is not None:
        facts["source_pieces"] = alternative.source_pieces
        facts["target_pieces"] = alternative.target_pieces
        facts["alignment"] = alignment(alternative.attention.numpy())
    return facts


def converse(translator: Translator, show: Output, prompt: str) -> None:
    """Asks for a line and answers it until end of input."""
    try:
        import readline  # noqa: F401 -- gives input() history and editing where there is one
    except ImportError:
        pass
    console = Console()
    console.print("Type a sentence and press Enter; Ctrl-D (on Windows Ctrl-Z) ends.", style="dim")
    while True:
        try:
            text = input(f"{prompt}> ")
        except (EOFError, KeyboardInterrupt):
            console.print()
            return
        if not text.strip():
            continue
        translation = translator.translate([text], attention=show.needs_attention)[0]
        sys.stdout.write(show.line(translation).replace("\t", "\n") + "\n")
        show.draw(translation, console)


def translate_pipe(translator: Translator, reader: BinaryIO, writer: BinaryIO, show: Output) -> None:
    """Standard input to standard output; drawings go to standard error, so that the lines stay line by line."""
    console = Console(stderr=True)

    def write(translation: Translation) -> None:
        writer.write(show.line(translation).encode("utf-8", "replace") + b"\n")
        show.draw(translation, console)

    translate_stream(translator, reader, write, attention=show.needs_attention, progress=lambda lines: writer.flush())


def translate_file(translator: Translator, source: Path, target: Path | None, show: Output, advance: Advance) -> None:
    """A file to a file (or to standard output). The target appears when it is whole."""
    with source.open("rb") as file:
        total = sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))
    console = Console(stderr=True)
    # A pipe or a device is written as it is; a file (behind links, if so) is replaced when the new one is whole.
    target = None if target is None else target.resolve()
    whole = target is not None and (not target.exists() or target.is_file())
    partial = target.with_name(target.name + ".partial") if target is not None and whole else None
    try:
        with source.open("rb") as reader, _writer(partial or target) as writer:

            def write(translation: Translation) -> None:
                writer.write(show.line(translation).encode("utf-8", "replace") + b"\n")
                show.draw(translation, console)

            translate_stream(
                translator,
                reader,
                write,
                attention=show.needs_attention,
                progress=lambda done: advance(done, max(total, done)),
            )
        if partial is not None and target is not None:
            os.replace(partial, target)
    except BaseException:
        if partial is not None:
            partial.unlink(missing_ok=True)
        raise


@contextmanager
def _writer(path: Path | None) -> Iterator[BinaryIO]:
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with path.open("wb") as file:
        yield file


def make_console(stderr: bool = False) -> Console:
    """Not at a terminal (a log file, CI) nothing is cut or wrapped at 80 columns."""
    console = Console(stderr=stderr)
    return console if console.is_terminal else Console(stderr=stderr, width=200)


@contextmanager
def progress_bar(what: str) -> Iterator[Advance]:
    """A bar with count and time left; it appears with the first advance, and not at all where there is no terminal."""
    console = make_console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    task: Any = None

    def advance(done: int, total: int) -> None:
        nonlocal task
        if task is None:
            bar.start()
            task = bar.add_task(what, total=total)
        bar.update(task, completed=done, total=total)

    try:
        yield advance
    finally:
        if task is not None:
            bar.stop()
