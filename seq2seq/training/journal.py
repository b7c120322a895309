"""What happened in a training run, one JSON object a line, appended as it happens."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Journal:
    """`journal.jsonl` of a run folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, event: str, **fields: Any) -> None:
        """Appends one event with the time in seconds since 1970."""
        line = json.dumps({"event": event, "time": round(time.time(), 3), **fields}, ensure_ascii=False)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def rewind(self, step: int) -> None:
        """Drops events after update `step`: a run resumed from there does them again."""
        kept = [line for event, line in self._lines() if event.get("step", 0) <= step and event.get("event") != "end"]
        rewound = self.path.with_suffix(".tmp")
        rewound.write_text("".join(kept), encoding="utf-8")
        rewound.replace(self.path)  # in one step: a kill leaves the old journal

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter([event for event, _ in self._lines()])

    def _lines(self) -> Iterator[tuple[dict[str, Any], str]]:
        if not self.path.exists():
            return
        # The last line of a run that was killed while writing may end anywhere, inside a character too.
        with self.path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                try:
                    event = json.loads(line)
                except json.JSONDecodeError:
                    continue
                if isinstance(event, dict):
                    yield event, line.rstrip("\n") + "\n"
