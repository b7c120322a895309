// Numbered slots: symbols that stand for parts of a sentence which must not change. See
// seq2seq/text/slots.py.

import {
  characterAt,
  characterBefore,
  endsWithAny,
  firstCharacter,
  isAlphanumeric,
  isSpace,
  lastCharacter,
  stripStart,
} from "./characters.js";

/**
 * A part of a text that a symbol stands for. `start` is where the symbol is in the text with slots.
 * @typedef {{symbol: string, text: string, start: number}} Slot
 */

/** A text in which symbols stand for the parts that must not change. */
export class SlottedText {
  /**
   * @param {string} text
   * @param {Slot[]} slots
   * @param {any} rules those of seq2seq/text/slots.py
   */
  constructor(text, slots, rules) {
    this.text = text;
    this.slots = slots;
    this._rules = rules;
  }

  /** Tells whether there is anything to translate besides the slots. */
  hasLetters() {
    return this._rules.LETTER.search(this.text) !== null;
  }

  /**
   * Corrects the white space around the slots of a translation, and final marks before them.
   * @param {string} translation a text with slots
   */
  setApart(translation) {
    const { MARKS, SLOTS, SLOTS_AFTER_MARK } = this._rules;
    for (const slot of this.slots) {
      const before = characterBefore(this.text, slot.start);
      const after = characterAt(this.text, slot.start + slot.symbol.length);
      const parts = translation.split(slot.symbol);
      if (parts.length !== 2) {
        continue; // it stands for several parts
      }
      let [left, right] = parts;
      const followsMark = endsWithAny(left, MARKS) && !MARKS.includes(before);
      if (this._standsApart(before) && (this._isWord(lastCharacter(left)) || followsMark)) {
        left += " ";
      }
      if (this._standsApart(after) && this._isWord(firstCharacter(right))) {
        right = " " + right;
      }
      translation = left + slot.symbol + right;
    }
    const match = SLOTS_AFTER_MARK.search(translation);
    if (match === null || SLOTS.includes(lastCharacter(this.text))) {
      return translation;
    }
    const moved = `${match.group("slots")}${match.group("mark")}`;
    return stripStart(`${translation.slice(0, match.start)} ${moved}`);
  }

  /**
   * Replaces the slots of a translation by what they stand for. A symbol that the source lacks is
   * deleted.
   * @param {string} translation a text with slots
   * @param {(text: string) => string} change applied to each part
   */
  fill(translation, change) {
    return this.fillParts([translation], change)[0];
  }

  /**
   * Does what `fill` does with a translation, or with the source itself, in parts.
   * @param {string[]} parts
   * @param {(text: string) => string} change
   */
  fillParts(parts, change) {
    const unused = new Map();
    for (const slot of this.slots) {
      unused.set(slot.symbol, [...(unused.get(slot.symbol) ?? []), slot.text]);
    }
    const filling = (match) => {
      const text = unused.get(match.text)?.shift();
      return text === undefined ? "" : change(text);
    };
    return parts.map((part) => this._rules.SLOT.replace(part, filling));
  }

  /** Tells whether a character beside a slot of the source separates it from words. */
  _standsApart(neighbor) {
    const { MARKS } = this._rules;
    return neighbor === "" || isSpace(neighbor) || neighbor === "…" || MARKS.includes(neighbor);
  }

  /** Tells whether a character of the translation should not touch a slot. */
  _isWord(neighbor) {
    if (this._rules.SLOTS.includes(neighbor)) {
      return true;
    }
    return isAlphanumeric(neighbor) && this._rules.UNSPACED.match(neighbor) === null;
  }
}

/**
 * Replaces spans by symbols, numbered from the start of the text.
 * @param {string} text
 * @param {import("./spans.js").Span[]} spans
 * @param {string[]} symbols used again from the first one on if there are more spans
 * @param {any} rules those of seq2seq/text/slots.py
 */
export function makeSlots(text, spans, symbols, rules) {
  const slots = [];
  let slotted = "";
  let end = 0;
  spans.forEach((span, number) => {
    const symbol = symbols[number % symbols.length];
    slotted += text.slice(end, span.start);
    slots.push({ symbol, text: text.slice(span.start, span.end), start: slotted.length });
    slotted += symbol;
    end = span.end;
  });
  return new SlottedText(slotted + text.slice(end), slots, rules);
}
