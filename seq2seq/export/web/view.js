// What the page shows: the translation word by word, and the shades behind the source.

// Less attention than this is not shown.
const LEAST_WEIGHT = 0.03;
const LATE_AFTER_MS = 400;

/**
 * A word of the source and how much a word of the translation attended to it.
 *
 * @typedef {{start: number, end: number, weight: number}} Shade
 */

/** A copy of the source text behind the text field. Its words can be shaded. */
export class SourceShades {
  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
    this.text = "";
  }

  setText(text) {
    this.text = text;
    this.show([]);
  }

  /** @param {Shade[]} shades in order */
  show(shades) {
    const parts = [];
    let end = 0;
    for (const shade of shades) {
      if (shade.weight < LEAST_WEIGHT) {
        continue;
      }
      const mark = document.createElement("mark");
      mark.textContent = this.text.slice(shade.start, shade.end);
      mark.style.setProperty("--weight", Math.min(1, shade.weight));
      parts.push(this.text.slice(end, shade.start), mark);
      end = shade.end;
    }
    // An empty last line has no height without a character in it.
    parts.push(`${this.text.slice(end)}\u200b`);
    this.element.replaceChildren(...parts);
  }
}

/** The translation. Its words can be pointed at, tapped, or reached with the arrow keys. */
export class TranslationView {
  /**
   * @param {HTMLElement} element
   * @param {{onWord: (sources: Shade[], word: string) => void}} events `onWord`: another word is
   *   the current one. There are no sources and no word if none is.
   */
  constructor(element, { onWord }) {
    this.element = element;
    this.onWord = onWord;
    /** @type {{text: string, paragraph: HTMLElement}[]} */
    this.lines = [];
    this.lineStarts = [];
    /** @type {Map<Element, Shade[]>} */
    this.sourcesOf = new Map();
    this.current = null;
    this.lateTimer = 0;
    element.addEventListener("pointerover", (event) => this._choose(wordAt(event.target)));
    element.addEventListener("pointerdown", (event) => this._choose(wordAt(event.target)));
    element.addEventListener("pointerleave", (event) => {
      // A finger leaves when it is lifted. What it tapped stays shown.
      if (event.pointerType === "mouse") {
        this._choose(null);
      }
    });
    element.addEventListener("keydown", (event) => this._move(event));
    element.addEventListener("blur", () => this._choose(null));
  }

  /** The whole translation. */
  get text() {
    return this.lines.map((line) => line.text).join("\n");
  }

  /** Prepares for the translations of other lines. What is shown stays until they come. */
  expect(sourceLines) {
    this._choose(null);
    this.lineStarts = [];
    let start = 0;
    for (const line of sourceLines) {
      this.lineStarts.push(start);
      start += line.length + 1;
    }
    while (this.lines.length > sourceLines.length) {
      this._forget(this.lines.pop().paragraph);
    }
    while (this.lines.length < sourceLines.length) {
      const paragraph = document.createElement("p");
      this.element.append(paragraph);
      this.lines.push({ text: "", paragraph });
    }
    this.element.setAttribute("aria-busy", "true");
    clearTimeout(this.lateTimer);
    this.lateTimer = setTimeout(() => this.element.classList.add("late"), LATE_AFTER_MS);
  }

  /**
   * @param {number} number of the line
   * @param {string} text its translation
   * @param {import("./alignment.js").AlignedWord[]} words
   */
  showLine(number, text, words) {
    const line = this.lines[number];
    line.text = text;
    for (const word of line.paragraph.children) {
      this.sourcesOf.delete(word);
    }
    const parts = [];
    let end = 0;
    for (const word of words) {
      const span = document.createElement("span");
      span.className = "word";
      span.textContent = text.slice(word.start, word.end);
      this.sourcesOf.set(span, moved(word.sources, this.lineStarts[number]));
      parts.push(text.slice(end, word.start), span);
      end = word.end;
    }
    line.paragraph.replaceChildren(...parts, text.slice(end));
  }

  /** All lines have been shown. */
  finish() {
    clearTimeout(this.lateTimer);
    this.element.classList.remove("late");
    this.element.setAttribute("aria-busy", "false");
  }

  _forget(paragraph) {
    for (const word of paragraph.children) {
      this.sourcesOf.delete(word);
    }
    paragraph.remove();
  }

  _choose(word) {
    if (word === this.current) {
      return;
    }
    this.current?.classList.remove("current");
    this.current = word;
    word?.classList.add("current");
    this.onWord(this.sourcesOf.get(word) ?? [], word?.textContent ?? "");
  }

  _move(event) {
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    const step = steps[event.key];
    const words = [...this.element.querySelectorAll(".word")];
    if (step === undefined || words.length === 0) {
      return;
    }
    event.preventDefault();
    const place = words.indexOf(this.current);
    const first = step > 0 ? 0 : words.length - 1;
    const next = place < 0 ? first : Math.min(words.length - 1, Math.max(0, place + step));
    this._choose(words[next]);
  }
}

function wordAt(element) {
  return element.closest(".word");
}

/** @param {Shade[]} shades */
function moved(shades, distance) {
  return shades.map(({ start, end, weight }) => ({
    start: start + distance,
    end: end + distance,
    weight,
  }));
}
