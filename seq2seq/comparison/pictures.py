"""Pictures by matplotlib, in one style; a name has the same colour in all of them."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seq2seq.errors import UserError
from seq2seq.training.interrupt import interrupts_wait

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito's colours, which people with any kind of colour vision can tell apart.
_COLOURS = {
    "lstm": "#0072B2",
    "rnn": "#D55E00",
    "gru": "#009E73",
    "transformer": "#CC79A7",
    "mamba": "#E69F00",
    "mingru": "#56B4E9",
    "xlstm": "#000000",
}
_OTHER = "#777777"
_STYLES = ("-", "--", ":", "-.")


def need_matplotlib() -> None:
    """Says early what to install: pictures are made after hours of measuring.

    All of it is imported here that is ever needed, so that a later Ctrl-C cannot meet an import.
    """
    try:
        with interrupts_wait():
            import matplotlib.backends.backend_agg
            import matplotlib.backends.backend_svg
            import matplotlib.figure  # noqa: F401
    except ImportError:
        raise UserError("Pictures need matplotlib, which is not installed: pip install matplotlib") from None


def line(axes: "Axes", name: str, xs: Sequence[float], ys: Sequence[float]) -> None:
    """A line with its points, in the colour of its name: the first of a colour is solid, then dashed, dotted, both."""
    before = sum(drawn.get_color() == colour(name) for drawn in axes.get_lines())
    style = _STYLES[before % len(_STYLES)]
    axes.plot(xs, ys, marker="o", markersize=3.5, label=name, color=colour(name), linestyle=style)


def bars(axes: "Axes", values: dict[str, float], low: Sequence[float] = (), high: Sequence[float] = ()) -> None:
    """Horizontal bars from top to bottom, their values beside them, with intervals where given."""
    names, widths = list(values), list(values.values())
    errors = None
    if low:
        errors = [[v - a for v, a in zip(widths, low, strict=True)], [b - v for v, b in zip(widths, high, strict=True)]]
    axes.barh(names, widths, color=[colour(name) for name in names], xerr=errors, capsize=3)
    if not axes.yaxis_inverted():  # axes that share it are drawn one after the other
        axes.invert_yaxis()
    for place, width in enumerate(widths):
        axes.annotate(f" {width:,.1f}", (0, place), va="center", color="white", fontsize=8)


def colour(name: str) -> str:
    """By the whole name, or by the family it begins with; grey for any other."""
    for known, found in _COLOURS.items():
        if name == known or name.startswith(f"{known} "):
            return found
    return _OTHER


def save(draw: Callable[["Figure"], None], stem: Path) -> str:
    """Draws into STEM.png and STEM.svg; returns the SVG's text."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    style = {
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.alpha": 0.25,
    }
    # Fixed salt and no date: the same numbers give the same file.
    with rc_context({**style, "svg.fonttype": "none", "svg.hashsalt": "seq2seq"}):
        figure = Figure(figsize=(8.5, 4.2), layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure)
        stem.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(stem.with_suffix(".png"), dpi=150, metadata={"Software": None})
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    stem.with_suffix(".svg").write_text(text.getvalue(), encoding="utf-8")
    return text.getvalue()
