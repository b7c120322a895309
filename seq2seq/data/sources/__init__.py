"""The kinds of source that a corpus can come from, told apart by `kind`. Each file here holds one kind."""

from typing import Annotated, Any

from pydantic import Discriminator, Tag

from seq2seq.data.sources.ding import DingSpec
from seq2seq.data.sources.files import FilesSpec
from seq2seq.data.sources.hub import HubSpec
from seq2seq.data.sources.libreoffice import LibreOfficeSpec

Source = FilesSpec | HubSpec | LibreOfficeSpec | DingSpec
"""Any of them: has `kept`, and `collect(name=, source=, target=, say=) -> Corpus`."""

KINDS = ("files", "hub", "libreoffice", "ding")


def _tag(value: Any) -> str | None:
    if isinstance(value, str):
        return "name"
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return kind if kind in KINDS else None


_SPEC = (
    Annotated[FilesSpec, Tag("files")]
    | Annotated[HubSpec, Tag("hub")]
    | Annotated[LibreOfficeSpec, Tag("libreoffice")]
    | Annotated[DingSpec, Tag("ding")]
)
_RULE = f"must be a corpus of the catalogue (`seq2seq data list`), or a source with `kind:` one of {', '.join(KINDS)}"

AnySource = Annotated[_SPEC, Discriminator(_tag, custom_error_type="source_kind", custom_error_message=_RULE)]
"""A source as it is written in YAML, for pydantic."""

NameOrSource = Annotated[
    Annotated[str, Tag("name")] | _SPEC,
    Discriminator(_tag, custom_error_type="source_kind", custom_error_message=_RULE),
]
"""A corpus's name in the catalogue, or a source given in place."""
