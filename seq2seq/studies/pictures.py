"""Pictures by matplotlib, in one style. A name has the same color in all of them."""

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seq2seq.errors import UserError
from seq2seq.files import atomic_write, atomic_write_text
from seq2seq.interrupt import hold_interrupts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The colors of Okabe & Ito, which color-blind people can tell apart. A new family can take the
# eighth of them, the yellow #F0E442.
_FAMILY_COLORS = {
    "lstm": "#0072B2",
    "rnn": "#D55E00",
    "gru": "#009E73",
    "transformer": "#CC79A7",
    "mamba": "#E69F00",
    "xlstm": "#000000",
    "mingru": "#56B4E9",
}
_OTHER_COLOR = "#777777"
_LINE_STYLES = ("-", "--", ":", "-.")

_STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    # A fixed salt and real text: the same numbers give the same file.
    "svg.fonttype": "none",
    "svg.hashsalt": "seq2seq",
}


def require_matplotlib() -> None:
    """Imports all parts of matplotlib that pictures need.

    Call it first. Pictures are drawn after hours of measuring: the user should learn at once that
    matplotlib is missing, and Ctrl-C must not interrupt a later import.

    Raises:
        UserError: matplotlib is not installed.
    """
    try:
        with hold_interrupts():
            import matplotlib.backends.backend_agg
            import matplotlib.backends.backend_svg
            import matplotlib.figure  # noqa: F401
    except ImportError:
        raise UserError(
            "Pictures need matplotlib, which is not installed. Run: pip install matplotlib"
        ) from None


def line(axes: "Axes", name: str, xs: Sequence[float], ys: Sequence[float]) -> None:
    """Draws a line with markers, in the color of its name.

    The first line of a color is solid, the next ones are dashed, dotted and dash-dotted.
    """
    same_color = sum(drawn.get_color() == color(name) for drawn in axes.get_lines())
    style = _LINE_STYLES[same_color % len(_LINE_STYLES)]
    axes.plot(xs, ys, marker="o", markersize=3.5, label=name, color=color(name), linestyle=style)


def bars(
    axes: "Axes",
    values: Mapping[str, float],
    low: Sequence[float] = (),
    high: Sequence[float] = (),
) -> None:
    """Draws horizontal bars from top to bottom with their values, and with intervals if given."""
    names = list(values)
    widths = list(values.values())
    errors = None
    if low:
        below = [width - end for width, end in zip(widths, low, strict=True)]
        above = [end - width for width, end in zip(widths, high, strict=True)]
        errors = [below, above]
    axes.barh(names, widths, color=[color(name) for name in names], xerr=errors, capsize=3)
    # Axes that share this one have already turned it.
    if not axes.yaxis_inverted():
        axes.invert_yaxis()
    for row, width in enumerate(widths):
        axes.annotate(f" {width:,.1f}", (0, row), va="center", color="white", fontsize=8)


def color(name: str) -> str:
    """Returns the color of the family that `name` starts with, or gray."""
    for family, family_color in _FAMILY_COLORS.items():
        if name == family or name.startswith(f"{family} "):
            return family_color
    return _OTHER_COLOR


def save(draw: Callable[["Figure"], None], stem: Path) -> str:
    """Draws into STEM.png and STEM.svg. Returns the text of the SVG."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure = Figure(figsize=(8.5, 4.2), layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure)
        with atomic_write(stem.with_suffix(".png"), mkdir=True) as file:
            figure.savefig(file, format="png", dpi=150, metadata={"Software": None})
        svg = io.StringIO()
        # No date: the same numbers give the same file.
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    atomic_write_text(stem.with_suffix(".svg"), svg.getvalue())
    return svg.getvalue()
