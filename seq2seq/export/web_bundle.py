"""The sources of the page that translates, and its modules as one script.

A browser imports modules from a server only. In a page of one file, each module becomes a function
that is called at once. It returns what the module exports, and has names of its own, as a module
has.

This reads the modules of export/web and no others: each import and export stands at the start of a
line, and has one of the forms below.
"""

import posixpath
import re
from collections.abc import Mapping
from importlib.resources import files as resources
from importlib.resources.abc import Traversable

# import { one, other as another } from "./module.js";
_IMPORT = re.compile(r'^import \{([^}]*)\} from "([^"]+)";$', re.MULTILINE)
# export function name, export class Name, export const NAME
_EXPORT = re.compile(r"^export ((?:async )?function\*?|class|const|let) (\w+)", re.MULTILINE)
# export { NAME };
_EXPORT_LIST = re.compile(r"^export \{ (\w+(?:, \w+)*) \};$", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def page_sources() -> dict[str, str]:
    """Returns the files of export/web, by their paths there."""
    return dict(_sources(resources("seq2seq.export") / "web", ""))


def _sources(folder: Traversable, prefix: str) -> list[tuple[str, str]]:
    found = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            found += _sources(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith((".html", ".css", ".js")):
            found.append((prefix + entry.name, entry.read_text(encoding="utf-8")))
    return found


def bundle(modules: Mapping[str, str], entry: str) -> str:
    """Returns a module and all that it imports as one script.

    Args:
        modules: path -> code, such as "text/layer.js".
        entry: the path of the module to run.

    Raises:
        ValueError: an import or export has another form, or modules import each other in a circle.
    """
    order: list[str] = []
    _add(modules, entry, order, open_modules=[])
    parts = [_as_function(path, modules[path], order) for path in order]
    return "\n".join(['"use strict";', *parts])


def _add(modules: Mapping[str, str], path: str, order: list[str], open_modules: list[str]) -> None:
    """Appends the modules that a module imports to `order`, and then the module."""
    if path in order:
        return
    if path in open_modules:
        raise ValueError(f"Modules import each other: {' -> '.join([*open_modules, path])}")
    for match in _IMPORT.finditer(modules[path]):
        _add(modules, _resolved(match[2], path), order, [*open_modules, path])
    order.append(path)


def _as_function(path: str, code: str, order: list[str]) -> str:
    exports = [match[2] for match in _EXPORT.finditer(code)]
    exports += [match[1] for match in _EXPORT_LIST.finditer(code)]

    def imported(match: re.Match[str]) -> str:
        names = re.sub(r"\s+as\s+", ": ", match[1])
        return f"const {{{names}}} = {_name(_resolved(match[2], path), order)};"

    code = _IMPORT.sub(imported, code)
    code = _EXPORT.sub(r"\1 \2", code)
    code = _EXPORT_LIST.sub("", code)
    other = _OTHER.search(code)
    if other:
        raise ValueError(f"{path}: the bundler does not know this form: {other[0]}")
    return (
        f"const {_name(path, order)} = (() => {{\n{code}\n"
        f"return {{ {', '.join(exports)} }};\n}})();"
    )


def _resolved(name: str, importer: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(importer), name))


def _name(path: str, order: list[str]) -> str:
    return f"module{order.index(path)}"
