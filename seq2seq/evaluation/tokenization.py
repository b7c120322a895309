"""The tokenization that BLEU uses for a target language.

BLEU counts n-grams of tokens. sacreBLEU's default, `13a`, splits text at spaces and punctuation.
In a script without spaces between words, it takes a whole sentence for one token. There are then no
n-grams to count, and BLEU is 0 however good the translation is. For such languages, sacreBLEU has
tokenizations that split text into words or into characters.
"""

import difflib
import re

from seq2seq.errors import UserError
from seq2seq.reporter import Reporter

AUTO = "auto"
"""Stands for the tokenization of the target language."""
DEFAULT_TOKENIZATION = "13a"
"""sacreBLEU's default. It is right where words have spaces between them."""

_CHINESE = "zh zho chi cmn yue wuu lzh"
_UNSPACED = "th tha km khm lo lao my mya bur bo bod tib dz dzo"

# Language -> its tokenizations, the preferred one first. The last one needs no more packages.
_TOKENIZATIONS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_CHINESE.split(), ("zh",)),
    **dict.fromkeys(("ja", "jpn"), ("ja-mecab", "char")),
    **dict.fromkeys(("ko", "kor"), ("ko-mecab", "char")),
    **dict.fromkeys(_UNSPACED.split(), ("char",)),
}
# Tokenization -> the extra of sacreBLEU that has its packages.
_EXTRAS = {"ja-mecab": "ja", "ko-mecab": "ko"}


def choose_tokenization(language: str, name: str = AUTO) -> str:
    """Returns the name of the tokenization to use.

    Args:
        language: code of the target language, such as `ja` or `zh-cn`.
        name: a tokenization of sacreBLEU, or `auto` for the one of the language.

    Raises:
        UserError: sacreBLEU has no tokenization of this name, or it cannot be used here.
    """
    if name != AUTO:
        _check(name)
        return name
    candidates = _candidates(language)
    for candidate in candidates[:-1]:
        if _problem(candidate) is None:
            return candidate
    return candidates[-1]


def missing_packages(language: str, tokenization: str) -> str:
    """Returns a line that says how to get a better tokenization; empty if this is the best.

    Args:
        language: code of the target language.
        tokenization: what `choose_tokenization` returned for `auto`.
    """
    preferred = _candidates(language)[0]
    if tokenization == preferred:
        return ""
    return (
        f"BLEU uses the tokenization {tokenization}, because the packages of {preferred} are not "
        f'installed. To get them: pip install "sacrebleu[{_EXTRAS[preferred]}]"'
    )


def resolve_tokenization(language: str, name: str, reporter: Reporter) -> str:
    """Returns how BLEU splits text of a language, and reports a package that would do it better.

    Args:
        language: code of the target language.
        name: a tokenization of sacreBLEU, or `auto`.
        reporter: receives the message.

    Raises:
        UserError: sacreBLEU cannot use this tokenization.
    """
    tokenization = choose_tokenization(language, name)
    message = missing_packages(language, tokenization) if name == AUTO else ""
    if message:
        reporter.info(message)
    return tokenization


def _candidates(language: str) -> tuple[str, ...]:
    base = re.split("[-_]", language.lower())[0]
    return _TOKENIZATIONS.get(base, (DEFAULT_TOKENIZATION,))


def _check(name: str) -> None:
    """Raises UserError if `name` is not a tokenization, or cannot be used."""
    from sacrebleu.metrics import BLEU

    names = list(BLEU.TOKENIZERS)
    if name not in names:
        nearest = difflib.get_close_matches(name, names, n=1)
        hint = f" Did you mean {nearest[0]}?" if nearest else ""
        raise UserError(
            f"sacreBLEU has no tokenization {name!r}.{hint} "
            f"Give {AUTO} or one of {', '.join(names)}."
        )
    problem = _problem(name)
    if problem is None:
        return
    if name in _EXTRAS:
        raise UserError(
            f"The tokenization {name} needs packages that are not installed. "
            f'Install them: pip install "sacrebleu[{_EXTRAS[name]}]"'
        )
    raise UserError(
        f"sacreBLEU cannot load the tokenization {name}: {problem}. It downloads a model for it "
        "once. Check the network, or give another tokenization."
    )


def _problem(name: str) -> str | None:
    """Returns why sacreBLEU cannot use a tokenization, or None if it can."""
    # The import takes a tenth of a second.
    from sacrebleu.metrics import BLEU

    try:
        BLEU(tokenize=name)
    except (ImportError, RuntimeError, AssertionError, OSError) as error:
        return " ".join(str(error).split())
    return None
