"""seq2seq: train, measure and use sequence-to-sequence translators on a CPU.

from seq2seq import load

translate = load("runs/demo")
translate(["Guten Morgen!"])
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seq2seq.decoding.loading import load
    from seq2seq.decoding.translator import Translation, Translator
    from seq2seq.errors import UserError

__version__ = "0.1.0"
__all__ = ["Translation", "Translator", "UserError", "__version__", "load"]


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used, so that `seq2seq --help` does not wait for
    torch."""
    if name == "load":
        from seq2seq.decoding.loading import load

        return load
    if name in ("Translator", "Translation"):
        from seq2seq.decoding import translator

        return getattr(translator, name)
    if name == "UserError":
        from seq2seq.errors import UserError

        return UserError
    raise AttributeError(f"module 'seq2seq' has no attribute {name!r}")
