"""A hash of texts. What is computed from them is cached under it."""

import hashlib
from collections.abc import Sequence


def fingerprint_texts(*columns: Sequence[str]) -> str:
    """Returns a hash that changes when any text changes, moves, or is split differently."""
    digest = hashlib.sha256()
    for texts in columns:
        digest.update(len(texts).to_bytes(8, "little"))
        for text in texts:
            raw = text.encode("utf-8", "surrogatepass")
            # With its length, because a text may contain any separator.
            digest.update(len(raw).to_bytes(8, "little") + raw)
    return digest.hexdigest()
