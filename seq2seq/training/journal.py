"""The journal of a training run: one JSON object per line, appended as things happen."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seq2seq.files import atomic_write_text


class Journal:
    """The events in `journal.jsonl` of a run folder. Iterating reads them from the file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, event: str, **fields: Any) -> None:
        """Appends one event with the current time, in seconds since 1970."""
        values = {"event": event, "time": round(time.time(), 3), **fields}
        line = json.dumps(values, ensure_ascii=False)
        with self.path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(line + "\n")

    def rewind(self, step: int) -> None:
        """Drops events after update `step`, because a run that resumes there repeats them."""
        lines = []
        for event, line in self._events():
            if event.get("event") != "end" and event.get("step", 0) <= step:
                lines.append(line)
        atomic_write_text(self.path, "".join(lines))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for event, _ in self._events():
            yield event

    def _events(self) -> Iterator[tuple[dict[str, Any], str]]:
        """Yields each event and its line. Lines that are not events are skipped."""
        if not self.path.exists():
            return
        # A run that was killed while it wrote can leave half a line, cut even inside a character.
        with self.path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                try:
                    event = json.loads(line)
                except json.JSONDecodeError:
                    continue
                if isinstance(event, dict):
                    yield event, line.rstrip("\n") + "\n"
