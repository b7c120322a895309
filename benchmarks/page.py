"""Measures the translation page of a run, in a headless Chromium.

    python benchmarks/page.py RUN

Writes benchmarks/page.json: seconds from opening the page to the first translation, each time in a
new browser; milliseconds for one sentence that is typed; how many of 500 lines of test2016 the page
translates as `seq2seq translate` does, which searches them in batches; requests to elsewhere.
"""

import json
import shutil
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from shared_setup import WORK, describe_machine, read_test_sources, summarize

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "page.json"
LINES = 500
TYPED = 100
AT_ONCE = 50
ROUNDS = 5

# The browser is that of the tests.
sys.path.insert(0, str(HERE.parent / "tests" / "export" / "web"))


def measure(folder: Path, texts: list[str]) -> dict[str, Any]:
    """Returns the figures of a page.

    Args:
        folder: what `seq2seq export --format web` wrote.
        texts: lines to translate.
    """
    from chromium import open_page
    from test_web_browser import is_inside, serve, translate

    import seq2seq

    first: list[float] = []
    with serve(folder) as address:
        for _ in range(ROUNDS):
            with open_page() as page:
                started_at = time.perf_counter()
                page.open(address)
                translate(page, texts[:1])
                first.append(time.perf_counter() - started_at)
        with open_page() as page:
            page.open(address)
            translate(page, texts[-AT_ONCE:])
            # The page remembers what it has translated, so these lines are new to it.
            typed: list[float] = []
            for text in texts[:TYPED]:
                started_at = time.perf_counter()
                translate(page, [text])
                typed.append(time.perf_counter() - started_at)
            shown: list[str] = []
            for start in range(0, len(texts), AT_ONCE):
                shown += translate(page, texts[start : start + AT_ONCE])
            outside = sum(not is_inside(request, address) for request in page.requests)
    expected = seq2seq.load(folder)(texts)
    equal = sum(one == other for one, other in zip(shown, expected, strict=True))
    return {
        "first_s": summarize(first),
        "sentence_ms": {
            "median": 1000 * statistics.median(typed),
            "low": 1000 * min(typed),
            "high": 1000 * max(typed),
        },
        "lines": len(texts),
        "equal": equal,
        "requests_outside": outside,
    }


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    from seq2seq.export import export_web_run
    from seq2seq.run import RunFolder

    run = RunFolder.open(Path(sys.argv[1]))
    folder = WORK / "exported" / "page"
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    export_web_run(run, folder)
    results = measure(folder, read_test_sources()[:LINES])
    results["about"] = describe_machine()
    results["run"] = run.path.name
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
