"""The text layer of the page does what that of Python does."""

import ast
import functools
import itertools
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from node import NEEDS_NODE, run_node

from seq2seq.config.tokenizer import TokenizerConfig
from seq2seq.decoding.segmentation import Segmenter, join_texts
from seq2seq.errors import UserError
from seq2seq.export.web_sentences import sentence_knowledge
from seq2seq.export.web_text import text_rules, tokenizer_data
from seq2seq.settings import TextSettings, TranslatorSettings
from seq2seq.text.blocks import divide_at_blocks
from seq2seq.text.case import CaseFolder
from seq2seq.text.layer import SourceText, TextLayer
from seq2seq.text.normalization import normalize_characters
from seq2seq.text.sentences import SentenceSplitter, join_translations
from seq2seq.text.tokenizer import Tokenizer
from seq2seq.text.tokenizer_training import train_tokenizer

GERMAN = [
    "Der Hund sieht die Katze.",
    "Die Katze sucht das Haus!",
    "Wo ist der Garten, und wo die Übung?",
    "Öffnen Sie im Menü die Datei, klicken Sie auf Fuß, Quiz, Jacke, Xylofon, Vase und Ärger.",
    "USB-Stick, HUND UND HAUS, bzw. „ein Wort“ - “zwei” (in der Datei), usw.",
]
ENGLISH = [
    "The dog sees the cat.",
    "The cat seeks the house!",
    "Where is the garden, and where the exercise?",
    "Open the file, click on foot, quiz, jacket, xylophone, vase, back, map and trouble.",
    "USB stick, DOG AND HOUSE, approx. 'one' \"word\".",
]
FRAMES = [
    *["{}", "„{}“", "({})", "**{}**", "- {}", "{} 😀", "{}!!!", "{}", "Der Hund {} und die Katze."],
    *["<b>{}</b>", "<i>Der {}</i> Hund. <b>Und</b> {}", "{} sagte: „{}“ Und {}", "1. {} 2. {}"],
    *["a) {} b) {} c) x", "Er sagte: „{} {}“, und ging.", "[{}](https://example.org) {}"],
    *["Der <b>Hund „{}“</b> und {}", "Prof. Dr. {} kommt am 3. Mai. {}", "{} {} {}"],
]
SETTINGS: dict[str, dict[str, Any]] = {
    "german": {"source": "de", "target": "en"},
    "english": {"source": "en", "target": "de", "text": TextSettings(numbers="localize")},
    "French": {
        "source": "fr",
        "target": "ja",
        "text": TextSettings(case="cased", unknown_words="translate", protect=("ACME \\w++", "x.")),
    },
    "without spans": {
        "source": "de-AT",
        "target": "pt-br",
        "text": TextSettings(spans=False, sentences=False),
        "max_source_tokens": 24,
    },
}


@functools.cache
def literals() -> list[str]:
    """Returns the texts in the tests of the text layer."""
    folder = Path(__file__).parents[2] / "text"
    found: set[str] = set()
    for path in sorted(folder.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return sorted(text for text in found if 0 < len(text) < 300)


def hostile_lines(number: int, seed: int) -> list[str]:
    generator = random.Random(seed)
    lines = []
    for _ in range(number):
        line = generator.choice(FRAMES)
        while "{}" in line:
            line = line.replace("{}", generator.choice(literals()), 1)
        lines.append(line.upper() if generator.random() < 0.1 else line)
    return lines


def blocks_with_text(number: int, seed: int) -> list[str]:
    generator = random.Random(seed)
    pieces = ["<td>", "</td>", "<br>", "<LI>", "</li>", "<b>", "</b>", "<p/>", " ", "  ", "<", "1"]
    pieces += ["Hund", "die Katze", "Ja.", "Der", "。", "猫", "ISO 9001", "„", "“"]
    return ["".join(generator.choices(pieces, k=generator.randint(2, 12))) for _ in range(number)]


class PythonSide:
    """What text_layer.mjs does, in Python."""

    def __init__(self, settings: TranslatorSettings) -> None:
        folds = settings.text.case == "factor"
        config = TokenizerConfig(
            vocab_size=380, joint=folds, byte_fallback=folds, character_coverage=1.0
        )
        folder = CaseFolder(settings.source) if folds else None
        self.settings = settings
        self.tokenizer = train_tokenizer(config, GERMAN, ENGLISH, folder)
        self.layer = TextLayer(
            self.tokenizer,
            settings.text,
            source_language=settings.source,
            target_language=settings.target,
        )
        self.segmenter = Segmenter(self.layer, settings.max_source_tokens)
        self.splitter = SentenceSplitter(settings.source)

    def save(self, folder: Path) -> None:
        words = self.tokenizer.source_words or ()
        (folder / "translator.json").write_text(self.settings.to_json())
        (folder / "text_rules.json").write_text(text_rules(self.settings, words))
        (folder / "tokenizer.json").write_text(tokenizer_data(self.tokenizer))

    def result_of(self, line: str) -> dict[str, Any]:
        text = normalize_characters(line, self.settings.normalize)
        sentences = [] if not text else self.splitter.split(text)
        if text and not self.settings.text.sentences:
            sentences = [type(sentences[0])(text)]
        elif text:
            parts_of_blocks = itertools.chain(*map(divide_at_blocks, sentences))
            sentences = self.segmenter.whole_spans(list(parts_of_blocks))
        parts = [
            [self._part(source) for source in self.segmenter.divide(self.layer.fold_spaces(s.text))]
            for s in sentences
        ]
        texts = [join_texts([part["finished"] for part in of]) for of in parts]
        return {
            "sentences": [{"text": s.text, "space": s.space} for s in sentences],
            "parts": parts,
            "joined": join_translations(texts, sentences),
        }

    def _part(self, source: SourceText) -> dict[str, Any]:
        target = self.tokenizer.encode([source.slotted.text], "target")[0]
        rows, columns = np.indices((len(target), len(source.tokens)))
        attention = (1 / (1 + np.abs(rows - columns))).astype(np.float64)
        finished = self.layer.carried_over(source)
        if source.tokens:
            finished = self.layer.finish(source, target, attention)
        return {
            "text": source.slotted.text,
            "tokens": list(source.tokens),
            "strings": list(self.layer.shown_tokens(source, source.tokens, target)),
            "slots": self.layer.slots_of(source),
            "forbidden": len(self.layer.forbidden_tokens(source)),
            "finished": finished,
        }


@NEEDS_NODE
@pytest.mark.parametrize("name", SETTINGS)
def test_500_hostile_lines_are_the_same(name: str, tmp_path: Path) -> None:
    side = PythonSide(TranslatorSettings(**SETTINGS[name]))
    side.save(tmp_path)
    lines = hostile_lines(500, seed=len(name))
    results = run_node("text_layer.mjs", str(tmp_path), content=lines)
    differing = [
        (line, expected, result)
        for line, expected, result in zip(lines, map(side.result_of, lines), results, strict=True)
        if result != expected
    ]
    # Of each difference, the line is enough to find it.
    assert len(differing) <= 5, [line for line, _, _ in differing]


@NEEDS_NODE
def test_lines_of_a_tokenizer_that_spells_are_the_same(tmp_path: Path) -> None:
    side = PythonSide(TranslatorSettings(source="de", target="en"))
    side.save(tmp_path)
    # Accents, ligatures, scripts, emoji, unknown letters, escaped characters.
    lines = [
        *["Dvořák ﬁ ﬃ ǅ İ ẞ ΌΣΟΣ", "Москва 東京 한국어 ไทย", "▁ \ue001 \ue000 \uf8ff"],
        *["👍🏽 🇩🇪 👨\u200d👩\u200d👧 1\ufe0f\u20e3", "\u0301a", "Hund\ud800 \udc00"],
    ]
    results = run_node("text_layer.mjs", str(tmp_path), content=lines)
    assert results == list(map(side.result_of, lines))


@NEEDS_NODE
@pytest.mark.parametrize("name", SETTINGS)
def test_blocks_of_html_are_divided_in_the_same_way(name: str, tmp_path: Path) -> None:
    side = PythonSide(TranslatorSettings(**SETTINGS[name]))
    side.save(tmp_path)
    lines = [
        *["<td>Datei</td><td>Ordner</td>", "eins<br>zwei", "eins<BR/>zwei<hr class='a'> drei"],
        *["<ul><li>A</li> <li>B</li></ul>", "Titel. <p class='x'>Text</p>  Und <B>Hund</B>."],
        *["<td>12</td><td>13</td>", "<para/>a<pre>", "a < b und c > d", "<b>a</b> <i>b</i>"],
        *["„<li>Der Hund</li><li>Die Katze</li>“ geht. Ja!", "<td>犬。</td><td>猫</td>犬<br>猫"],
        *["<li>10 000 km</li><li>Der Hund</li\u2003>\u3000<li>https://a.org/<br>b</li>"],
    ]
    lines += blocks_with_text(200, seed=len(name))
    results = run_node("text_layer.mjs", str(tmp_path), content=lines)
    assert results == list(map(side.result_of, lines))


# -- sentences -------------------------------------------------------------------------------------


def test_the_library_tells_which_words_are_abbreviations() -> None:
    knowledge: dict[str, Any] = sentence_knowledge("de-AT", ["hund", "evtl", "bzw"])
    assert {"evtl", "bzw", "z"} <= set(knowledge["abbreviations"])
    assert "hund" not in knowledge["abbreviations"]
    assert "März" in knowledge["continuing"]
    assert knowledge["continues_lower"]
    assert {".", "!", "。"} <= set(knowledge["terminators"])


def test_the_library_tells_what_is_special_in_english() -> None:
    knowledge: dict[str, Any] = sentence_knowledge("en", ["at", "the", "dog"])
    assert "The" in knowledge["starters"]
    assert "Dog" not in knowledge["starters"]
    assert {"p.m", "ft"} <= set(knowledge["markers"])
    assert "p.m" in knowledge["breaking_markers"]
    assert {"at", "the"} <= set(knowledge["fronting"])


# -- what a page cannot have -----------------------------------------------------------------------


def test_a_pattern_of_the_user_that_javascript_lacks_is_told() -> None:
    text = TextSettings(protect=(r"(a)(?(1)b|c)",))
    with pytest.raises(UserError, match=r"text\.protect: The regular expression"):
        text_rules(TranslatorSettings(source="de", target="en", text=text))


def test_a_tokenizer_of_another_kind_is_told() -> None:
    config = TokenizerConfig(kind="bpe", vocab_size=360, character_coverage=1.0)
    tokenizer: Tokenizer = train_tokenizer(config, GERMAN, ENGLISH)
    with pytest.raises(UserError, match="unigram"):
        tokenizer_data(tokenizer)
