"""Looking inside: what the model attended to, drawn for people."""

from seq2seq.inspection.terminal import AttentionMap, alignment, render_attention

__all__ = ["AttentionMap", "alignment", "render_attention"]
