// Target tokens that would invent something: digits and bytes that the source gives no reason for.
// See seq2seq/text/forbidden_tokens.py.

import { withoutRegion } from "./characters.js";

/** Finds the target tokens that the translation of a sentence must not contain. */
export class ForbiddenTokens {
  /**
   * @param {import("../tokenizer.js").Tokenizer} tokenizer
   * @param {string} targetLanguage code such as "en" or "zh-tw"
   * @param {any} rules those of seq2seq/text/forbidden_tokens.py
   */
  constructor(tokenizer, targetLanguage, rules) {
    this._rules = rules;
    const pieces = tokenizer.pieces("target");
    const byteOf = tokenizer.bytesOf("target");
    this._withDigit = foreignBytes(pieces, byteOf);
    this._withoutDigit = this._withDigit;
    if (!rules.CHINESE_CHARACTERS.includes(withoutRegion(targetLanguage))) {
      this._withoutDigit = [...this._withDigit, ...digits(pieces, byteOf, rules)];
    }
  }

  /**
   * Returns the tokens that the translation of a sentence must not contain.
   * @param {string} text what the model reads, with slots
   * @returns {number[]}
   */
  of(text) {
    return this._rules.DIGIT.search(text) === null ? this._withoutDigit : this._withDigit;
  }
}

/** Returns the tokens with a digit. */
function digits(pieces, byteOf, rules) {
  const tokens = [];
  pieces.forEach((piece, token) => {
    const text = byteOf.has(token) ? String.fromCharCode(byteOf.get(token)) : piece;
    if (rules.DIGIT.search(text) !== null) {
      tokens.push(token);
    }
  });
  return tokens;
}

/** Returns the tokens of bytes that are neither ASCII nor part of a letter of the language. */
function foreignBytes(pieces, byteOf) {
  const letters = new Set(pieces.join("").match(/\p{L}/gv) ?? []);
  const encoder = new TextEncoder();
  const firstBytes = new Set();
  for (const letter of letters) {
    const first = encoder.encode(letter)[0];
    if (first >= 0x80) {
      firstBytes.add(first);
    }
  }
  const tokens = [];
  for (const [token, byte] of byteOf) {
    const isAscii = byte >= 0x20 && byte < 0x7f;
    const continuesLetter = firstBytes.size > 0 && byte >= 0x80 && byte < 0xc0;
    if (!isAscii && !continuesLetter && !firstBytes.has(byte)) {
      tokens.push(token);
    }
  }
  return tokens;
}
