"""Settings of the tokenizer."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from seq2seq.config.section import Section

_SPECIAL_TOKENS = {"<pad>", "<unk>", "<s>", "</s>"}


class TokenizerConfig(Section):
    """How text is split into tokens."""

    kind: Literal["unigram", "bpe"] = "unigram"
    """Algorithm: `unigram` (Kudo 2018) or `bpe` (Sennrich et al. 2016)."""
    vocab_size: int = 4000
    """Tokens in the vocabulary. An upper limit for `unigram` on a small corpus."""
    joint: bool = True
    """One vocabulary for both languages, which `model.tie_embeddings: all` needs, or one for
    each."""
    byte_fallback: bool = True
    """Spell characters outside the vocabulary in UTF-8 bytes. Without it the round trip is not
    exact."""
    character_coverage: Annotated[float, Field(ge=0.98, le=1)] = 0.9999
    """Share of the characters of the training text that get a token of their own. Use 0.9995 for
    large alphabets."""
    split_digits: bool = True
    """Make every digit a token of its own."""
    user_symbols: tuple[str, ...] = ()
    """Strings that are always one token, such as tags."""
    sampling: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Subword regularization of the training text; 0 turns it off. `unigram`: smoothing alpha,
    smaller is more varied (Kudo 2018, section 3.2; 0.2 to 0.5 is usual). `bpe`: share of merges
    dropped (Provilkov et al. 2020; 0.1 is usual). The segmentations depend only on
    `training.seed` and the epoch."""
    sampling_sides: Literal["source", "both"] = "both"
    """Which side is sampled."""

    def broken_rules(self) -> Iterator[str]:
        symbols = self.user_symbols
        if "" in symbols or len(set(symbols)) < len(symbols) or _SPECIAL_TOKENS & set(symbols):
            yield (
                f"user_symbols is {list(symbols)}; each must be a different text, and none of "
                f"{', '.join(sorted(_SPECIAL_TOKENS))}"
            )
        smallest = 300 if self.byte_fallback else 40
        if self.vocab_size < smallest:
            yield f"vocab_size must be at least {smallest} (byte_fallback takes 256 tokens)"
