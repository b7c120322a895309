"""Modules as one script."""

import subprocess
from pathlib import Path

import pytest
from node import NEEDS_NODE

from seq2seq.export.web_bundle import bundle, page_sources


def run_script(script: str, tmp_path: Path) -> str:
    file = tmp_path / "script.cjs"
    file.write_text(script, encoding="utf-8")
    result = subprocess.run(["node", str(file)], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    return result.stdout


@NEEDS_NODE
def test_modules_run_once_and_have_their_own_names(tmp_path: Path) -> None:
    modules = {
        "main.js": (
            'import { double as twice } from "./text/double.js";\n'
            'import { COUNT, Box } from "./box.js";\n'
            "const hidden = 1;\n"
            "console.log(twice(COUNT), new Box().size, hidden);\n"
        ),
        "text/double.js": (
            'import {\n  COUNT,\n} from "../box.js";\n'
            "const hidden = 2;\n"
            "export function double(number) {\n  return number * hidden + 0 * COUNT;\n}\n"
        ),
        "box.js": (
            'console.log("box");\nconst COUNT = 3;\nexport { COUNT };\n'
            "export class Box {\n  size = 5;\n}\n"
        ),
    }
    assert run_script(bundle(modules, "main.js"), tmp_path) == "box\n6 5 1\n"


@pytest.mark.parametrize(
    "line",
    [
        "export default 1;",
        'import * as all from "./a.js";',
        "export { a as b };",
        "export async () => 1",
    ],
)
def test_another_form_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="does not know this form"):
        bundle({"main.js": f"const a = 1;\n{line}\n"}, "main.js")


def test_a_circle_is_refused() -> None:
    modules = {"a.js": 'import { b } from "./b.js";', "b.js": 'import { a } from "./a.js";'}
    with pytest.raises(ValueError, match=r"a\.js -> b\.js -> a\.js"):
        bundle(modules, "a.js")


@NEEDS_NODE
@pytest.mark.parametrize("entry", ["page.js", "worker.js"])
def test_the_scripts_of_the_page_have_no_mistake_in_syntax(entry: str, tmp_path: Path) -> None:
    file = tmp_path / "script.cjs"
    file.write_text(bundle(page_sources(), entry), encoding="utf-8")
    result = subprocess.run(["node", "--check", str(file)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
