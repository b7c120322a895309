"""Translations as text or JSON: for lines typed at a prompt, for a pipe, for a file."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from seq2seq.cli.text_input import checked_pipe
from seq2seq.decoding.stream import translate_stream
from seq2seq.decoding.translation import Alternative, Translation
from seq2seq.decoding.translator import Translator
from seq2seq.errors import UserError
from seq2seq.files import atomic_write
from seq2seq.interrupt import answered

if TYPE_CHECKING:
    from rich.console import Console

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class OutputFormat:
    """How a translation is written: plain text (tabs separate alternatives) or JSON, with or
    without a drawing of its attention."""

    as_json: bool
    draw_attention: bool

    @property
    def needs_attention(self) -> bool:
        """Whether the translator has to keep attention weights."""
        return self.as_json or self.draw_attention

    def line(self, translation: Translation, separator: str = "\t") -> str:
        """Returns the translation as one line.

        The separator stands between alternatives, and in none of several.
        """
        if not self.as_json:
            texts = [alternative.text for alternative in translation.alternatives]
            if len(texts) > 1:
                texts = [text.replace(separator, " ") for text in texts]
            return separator.join(texts)
        # An object has at least one translation, so that readers need no special case.
        found = translation.alternatives or [Alternative("", 0.0)]
        alternatives = [_to_json(alternative) for alternative in found]
        content = {"source": translation.source, "translations": alternatives}
        return json.dumps(content, ensure_ascii=False)

    def draw(self, translation: Translation, console: "Console") -> None:
        """Draws the attention of the best translation, if it was requested and the model has
        attention."""
        from seq2seq.cli.attention_map import render_attention

        if not self.draw_attention or not translation.alternatives:
            return
        best = translation.alternatives[0]
        if best.attention is None or best.source_tokens is None or best.target_tokens is None:
            return
        console.print(render_attention(best.source_tokens, best.target_tokens, best.attention))


def _to_json(alternative: Alternative) -> dict[str, Any]:
    from seq2seq.cli.attention_map import alignment

    content: dict[str, Any] = {"text": alternative.text, "score": round(alternative.score, 4)}
    if alternative.attention is not None:
        content["source_tokens"] = alternative.source_tokens
        content["target_tokens"] = alternative.target_tokens
        content["alignment"] = alignment(alternative.attention)
    return content


def translate_typed_lines(
    translator: Translator, output_format: OutputFormat, *, prompt: str
) -> None:
    """Asks for a line and translates it, until the input ends."""
    try:
        import readline  # noqa: F401 -- gives input() history and editing where it exists
    except ImportError:
        pass
    from rich.console import Console

    console = Console()
    console.print("Type a sentence and press Enter. Ctrl-D (on Windows Ctrl-Z) ends.", style="dim")
    while True:
        try:
            text = input(f"{prompt}> ")
        except (EOFError, KeyboardInterrupt):
            answered()
            console.print()
            return
        if not text.strip():
            continue
        translations = translator.translate([text], attention=output_format.needs_attention)
        sys.stdout.write(output_format.line(translations[0], separator="\n") + "\n")
        output_format.draw(translations[0], console)


def translate_pipe(
    translator: Translator, reader: BinaryIO, writer: BinaryIO, output_format: OutputFormat
) -> None:
    """Translates one stream into another. Each group of lines is flushed as soon as it is done.

    Raises:
        UserError: the first bytes are no text.
    """
    translate_stream(
        translator,
        checked_pipe(reader),
        _line_writer(writer, output_format),
        attention=output_format.needs_attention,
        progress=lambda lines: writer.flush(),
    )


def translate_file(
    translator: Translator,
    source: Path,
    target: Path | None,
    output_format: OutputFormat,
    progress: Callable[[int, int], None],
) -> None:
    """Translates a file into another, which appears when it is complete, or to standard output."""
    num_lines = _count_lines(source)
    with source.open("rb") as reader, _open_target(target) as writer:
        translate_stream(
            translator,
            reader,
            _line_writer(writer, output_format),
            attention=output_format.needs_attention,
            # The last line may have no line feed, which the count does not see.
            progress=lambda done: progress(done, max(num_lines, done)),
        )


def _line_writer(writer: BinaryIO, output_format: OutputFormat) -> Callable[[Translation], None]:
    """Returns a function that writes a translation as one line.

    Drawings go to standard error, so that the output stays line by line.
    """

    def write_line(translation: Translation) -> None:
        line = output_format.line(translation)
        writer.write(line.encode("utf-8", "replace") + b"\n")

    if not output_format.draw_attention:
        return write_line
    from rich.console import Console

    console = Console(stderr=True)

    def write_and_draw(translation: Translation) -> None:
        write_line(translation)
        output_format.draw(translation, console)

    return write_and_draw


@contextmanager
def _open_target(path: Path | None) -> Iterator[BinaryIO]:
    """Opens the file to write; None is standard output."""
    if path is None:
        if sys.stdout is None:  # The caller closed it, as some daemons do.
            raise UserError("There is no standard output to use. Give --output FILE.")
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    elif path.exists() and not path.is_file():
        # A device or a pipe cannot be replaced by a new file.
        with path.open("wb") as file:
            yield file
    else:
        with atomic_write(path) as file:
            yield file


def _count_lines(path: Path) -> int:
    count = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            count += chunk.count(b"\n")
    return count
