"""The structure of the package: imports go down only, there is no circle, and light parts stay
light."""

import ast
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

# From the bottom up. A module may import from its own layer and from the layers before it.
LAYERS = (
    ("errors", "files", "reporter", "interrupt", "runtime", "settings"),
    ("paths",),
    ("config",),
    ("text",),
    ("run", "onnx_folder"),
    ("data",),
    ("models",),
    ("decoding",),
    ("evaluation",),
    ("training",),
    ("api",),
    ("export", "synthetic", "demo"),
    ("studies",),
    ("cli",),
)
LEVEL = {part: level for level, layer in enumerate(LAYERS) for part in layer}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """All imports, also those inside functions and those for the type checker alone."""
    return grimp.build_graph("seq2seq", cache_dir=None)


def part_of(module: str) -> str:
    """The layer's part that a module belongs to: `seq2seq.data.store` -> `data`."""
    return module.split(".")[1]


def test_every_part_has_a_layer(graph: grimp.ImportGraph) -> None:
    parts = {part_of(module) for module in graph.modules if module != "seq2seq"}
    assert parts == set(LEVEL)


def test_imports_go_down_only(graph: grimp.ImportGraph) -> None:
    upward = [
        f"{importer} imports {imported}"
        for importer in graph.modules - {"seq2seq"}
        for imported in graph.find_modules_directly_imported_by(importer) - {"seq2seq"}
        if LEVEL[part_of(imported)] > LEVEL[part_of(importer)]
    ]
    assert upward == []


def test_there_is_no_circle(graph: grimp.ImportGraph) -> None:
    circles = [
        f"{module} -> {' -> '.join(chain)}"
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
        if (chain := graph.find_shortest_chain(imported, module))
    ]
    assert circles == []


def test_only_the_command_line_prints(graph: grimp.ImportGraph) -> None:
    external = grimp.build_graph("seq2seq", include_external_packages=True, cache_dir=None)
    for library in ("rich", "typer"):
        importers = {part_of(name) for name in external.find_modules_that_directly_import(library)}
        assert importers <= {"cli"}, library


# Names in a run folder that stand for nothing else.
RUN_FILES = {
    *["model.safetensors", "shortlist.safetensors", "environment.json", "journal.jsonl"],
    *["training.lock", "checkpoints", "last.new", "last.old", "state.json", "state.safetensors"],
}


def test_only_the_run_folder_knows_its_file_names() -> None:
    package = Path(__file__).parent.parent / "seq2seq"
    users = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and node.value in RUN_FILES:
                users.add(path.relative_to(package).as_posix())
    assert users == {"run.py"}


@pytest.mark.parametrize(
    "module",
    [
        *["seq2seq", "seq2seq.config", "seq2seq.text.tokenizer", "seq2seq.text.sentences"],
        *["seq2seq.run", "seq2seq.onnx_folder", "seq2seq.cli"],
    ],
)
def test_light_modules_import_no_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_public_names() -> None:
    import seq2seq

    assert sorted(seq2seq.__all__) == [
        "Translation",
        "Translator",
        "UserError",
        "__version__",
        "load",
    ]
    assert all(hasattr(seq2seq, name) for name in seq2seq.__all__)
