// Which words of a translation translate which words of the source. See `Alignment` in
// seq2seq/text/tag_placement.py.
//
// Legend
//   S  source tokens
//   T  target tokens
// A range is [start, end].

import { bisectLeft, bisectRight, strip, stripStart } from "./characters.js";

/** @typedef {import("./markup.js").Element} Element */
/** @typedef {[number, number]} Range */

/** The units of a translation (words, marks) and what they translate. */
export class Alignment {
  /**
   * @param {string} source
   * @param {string} translation
   * @param {Range[]} sourceOffsets where the S source tokens start and end
   * @param {Range[]} targetOffsets where the T target tokens start and end
   * @param {number[][] | null} attention (T, S) weights
   * @param {any} rules those of seq2seq/text/tag_placement.py
   */
  constructor(source, translation, sourceOffsets, targetOffsets, attention, rules) {
    this._source = source;
    this._rules = rules;
    this.units = unitsOf(translation, rules);
    this._starts = this.units.map(([start]) => start);
    this.isWord = this.units.map((unit) => isWord(translation, unit, rules));
    this.sourceUnits = unitsOf(source, rules);
    this._sourceStarts = this.sourceUnits.map(([start]) => start);
    this._sourceOffsets = sourceOffsets.map((range) => stripped(source, range));
    this._unitsOfTokens = targetOffsets.map((range) => this._unitsOf(stripped(translation, range)));
    this._attention = attention;
    this.sources = this.units.map(() => []);
    if (attention !== null) {
      this._alignByAttention();
    }
    const places = placesOfNames(source, this.sourceUnits, rules);
    for (const [name, unit] of placesOfNames(translation, this.units, rules)) {
      if (places.has(name)) {
        this.sources[unit] = [this.sourceUnits[places.get(name)]];
      }
    }
  }

  /** Whether more than names is aligned. */
  get hasAttention() {
    return this._attention !== null;
  }

  /** Returns how many words an element has. @param {Element} element */
  numSourceWords(element) {
    const first = bisectLeft(this._sourceStarts, element.start);
    const last = bisectLeft(this._sourceStarts, element.end);
    const units = this.sourceUnits.slice(first, last);
    return units.filter((unit) => isWord(this._source, unit, this._rules)).length;
  }

  /**
   * Returns the unit in `target` that attends most to an element, or null. Of several, it is the
   * one next to the unit `nearby`.
   * @param {Element} element
   * @param {Range} target
   * @param {number} nearby
   */
  strongest(element, target, nearby) {
    if (this._attention === null) {
      return null;
    }
    const isInside = ([start, end]) => start < element.end && end > element.start;
    let best = null;
    this._unitsOfTokens.forEach((units, token) => {
      let weight = 0;
      this._sourceOffsets.forEach((range, column) => {
        weight += isInside(range) ? this._attention[token][column] : 0;
      });
      const unit = units[0];
      if (weight <= 0 || unit === undefined || unit < target[0] || unit >= target[1]) {
        return;
      }
      const candidate = [weight, -Math.abs(unit - nearby), unit];
      if (best === null || compare(candidate, best) > 0) {
        best = candidate;
      }
    });
    return best === null ? null : best[2];
  }

  _alignByAttention() {
    this._unitsOfTokens.forEach((units, token) => {
      const row = this._attention[token];
      const part = this._sourceOffsets[row.indexOf(Math.max(...row))];
      if (part[0] >= part[1]) {
        return;
      }
      // What a mark attends to tells nothing if it is a word, and the reverse.
      for (const unit of units) {
        if (this.isWord[unit] === isWord(this._source, part, this._rules)) {
          this.sources[unit].push(part);
        }
      }
    });
  }

  /** Returns the numbers of the units that have characters in a part of the translation. */
  _unitsOf([start, end]) {
    if (start >= end) {
      return [];
    }
    const first = Math.max(0, bisectRight(this._starts, start) - 1);
    return range(first, bisectLeft(this._starts, end));
  }
}

function unitsOf(text, rules) {
  return rules.UNIT.findAll(text).map((match) => [match.start, match.end]);
}

function isWord(text, [start, end], rules) {
  return rules.WORD_CHARACTER.search(text, start, end) !== null;
}

/** Returns a range without white space at its ends. */
function stripped(text, [start, end]) {
  const content = text.slice(start, end);
  const first = start + content.length - stripStart(content).length;
  return [first, first + strip(content).length];
}

/** Returns the numbers of the units with a capital or a digit that occur once. */
function placesOfNames(text, units, rules) {
  const words = units.map(([start, end]) => text.slice(start, end));
  const counts = new Map();
  for (const word of words) {
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const places = new Map();
  words.forEach((word, number) => {
    if (counts.get(word) === 1 && rules.NAME.search(word) !== null) {
      places.set(word, number);
    }
  });
  return places;
}

/** Returns the numbers from `start` to before `end`. */
export function range(start, end) {
  return Array.from({ length: Math.max(0, end - start) }, (_, number) => start + number);
}

/** Compares two lists of numbers by their first difference. */
export function compare(a, b) {
  const number = a.findIndex((value, index) => value !== b[index]);
  return number < 0 ? 0 : a[number] - b[number];
}
