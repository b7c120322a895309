// Which parts of a text the model cannot know. See `_with_unknown` in seq2seq/text/layer.py.

import { countCharacters } from "./characters.js";
import { longRuns } from "./long_runs.js";

/**
 * A part of a text.
 * @typedef {{start: number, end: number}} Range
 */

/**
 * Finds words with characters that the vocabulary lacks, new words that would be spelled letter by
 * letter, and long runs of a symbol or without a space.
 */
export class UnknownWords {
  /**
   * @param {import("../tokenizer.js").Tokenizer} tokenizer
   * @param {any} settings the content of translator.json
   * @param {any} rules those of text_rules.json
   */
  constructor(tokenizer, settings, rules) {
    this._tokenizer = tokenizer;
    this._rules = rules;
    this._copiesSpelledWords = settings.text.unknown_words === "copy";
  }

  /**
   * Returns the parts of a text that the model cannot know, outside of spans and in order.
   * @param {string} text
   * @param {Range[]} spans what must not change anyway
   * @returns {Range[]}
   */
  find(text, spans) {
    const unknown = this._unknownCharacters(text);
    const words = this._tokenizer.sourceWords ?? new Set();
    const ranges = [
      ...this._spelledWords(text),
      ...this._rules.repetition.SYMBOL_RUN.findAll(text),
      ...longRuns(text, spans, words, this._rules.long_runs),
    ];
    if (unknown.size === 0 && ranges.length === 0) {
      return [];
    }
    const isWanted = new Uint8Array(text.length);
    for (const { start, end } of ranges) {
      isWanted.fill(1, start, end);
    }
    if (unknown.size > 0) {
      this._addWordsWith(unknown, text, isWanted);
    }
    for (const { start, end } of spans) {
      isWanted.fill(0, start, end);
    }
    return stretchesOf(isWanted);
  }

  _unknownCharacters(text) {
    const unknown = this._tokenizer.unknownCharacters(text, "source");
    for (const character of text) {
      if (this._rules.layer.RESERVED.has(character)) {
        unknown.add(character);
      }
    }
    return unknown;
  }

  /** Marks unknown characters, and the whole words that they are in. */
  _addWordsWith(unknown, text, isWanted) {
    let position = 0;
    for (const character of text) {
      if (unknown.has(character)) {
        isWanted.fill(1, position, position + character.length);
      }
      position += character.length;
    }
    for (const { start, end } of this._rules.layer.WORD_WITH_SPACES.findAll(text)) {
      if (isWanted.subarray(start, end).includes(1)) {
        isWanted.fill(1, start, end);
      }
    }
  }

  /** Returns where the words are that would be spelled letter by letter. */
  _spelledWords(text) {
    const known = this._tokenizer.sourceWords;
    if (!this._copiesSpelledWords || known === null) {
      return [];
    }
    const { SHORTEST_NAME, UNSPACED, WORD } = this._rules.layer;
    return WORD.findAll(text).filter(({ text: word }) => {
      if (known.has(word.toLowerCase()) || countCharacters(word) < SHORTEST_NAME) {
        return false;
      }
      return UNSPACED.search(word) === null && this._tokenizer.isSpelled(word);
    });
  }
}

/** Returns the stretches of ones. */
function stretchesOf(flags) {
  const stretches = [];
  for (let start = flags.indexOf(1); start >= 0; ) {
    const zero = flags.indexOf(0, start);
    const end = zero < 0 ? flags.length : zero;
    stretches.push({ start, end });
    start = zero < 0 ? -1 : flags.indexOf(1, end);
  }
  return stretches;
}
