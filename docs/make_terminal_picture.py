"""Draws docs/pictures/terminal.svg: two translations of a run and the attention of one.

python docs/make_terminal_picture.py runs/demo
"""

import io
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from seq2seq import load
from seq2seq.cli.attention_map import render_attention
from seq2seq.run import RunFolder

PICTURE = Path(__file__).with_name("pictures") / "terminal.svg"
SENTENCES = (
    "Klicken Sie auf die Zelle und geben Sie eine Zahl ein.",
    "Sie können die Farbe der Linie ändern.",
)


def main() -> None:
    """Translates with the run that the command line names, and writes the picture."""
    run = RunFolder.open(sys.argv[1])
    console = Console(record=True, width=74, file=io.StringIO(), force_terminal=True)
    console.print(Text("$ seq2seq translate runs/demo --attention", style="bold"))
    translator = load(run.path)
    for sentence in SENTENCES:
        (translation,) = translator.translate([sentence], attention=True)
        console.print(Text(f"{run.direction}> {sentence}"))
        console.print(Text(translation.text, style="bold green"))
    best = translation.alternatives[0]
    console.print(render_attention(best.source_tokens, best.target_tokens, best.attention.numpy()))
    # By default, some viewers drop spaces at the beginning of a line.
    svg = console.export_svg(title="seq2seq").replace("<text ", '<text xml:space="preserve" ')
    PICTURE.write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
