// Text to tokens and back. See seq2seq/text/tokenizer.py.
//
// Tokens 0 to 3 are <pad>, <unk>, <s> (start) and </s> (end).

import { BYTE, SubwordModel, UNK } from "./subword_model.js";
import { CaseFolder } from "./text/case.js";
import { compileRules } from "./text/rules.js";

export const PAD = 0;
export const BOS = 2;
export const EOS = 3;
export { UNK };

const SPACE = "\u2581";
// SentencePiece writes a space as U+2581, so a U+2581 in the text is escaped.
const ESCAPES = [["\ue001", "\ue001e"], [SPACE, "\ue001b"]];
// Tokens of so few letters say nothing about the meaning of a word.
const SPELLING = 2;

/** One model for both languages, or one for each. */
export class Tokenizer {
  /**
   * @param {{models: Object<string, import("./subword_model.js").ModelData>,
   *   words: string | null, case: any}} data the content of tokenizer.json: the models, the words
   *   of the training text, the rules for case
   * @param {any} settings the content of translator.json
   */
  constructor(data, settings) {
    this._models = {};
    for (const [name, model] of Object.entries(data.models)) {
      this._models[name] = new SubwordModel(model);
    }
    const folds = settings.text.case === "factor";
    this._rules = compileRules(data.case);
    this._caseFolder = folds ? new CaseFolder(settings.source, this._rules) : null;
    /** The words of the source text that it was trained on. @type {Set<string> | null} */
    this.sourceWords = data.words === null ? null : new Set(data.words.split(" "));
    // The characters that were looked up, and whether the vocabulary lacks them.
    this._isUnknown = { source: new Map(), target: new Map() };
  }

  /** How many cases a source token can have. */
  get sourceCases() {
    return this._caseFolder === null ? 1 : this._rules.NUM_CASES;
  }

  /** Returns the number of tokens in the vocabulary. @param {"source" | "target"} side */
  size(side) {
    return this._model(side).pieces.length;
  }

  /** Returns those of the symbols that are tokens. @param {string[]} symbols */
  slots(symbols) {
    return symbols.filter((symbol) => this._model("source").ids.has(symbol));
  }

  /** Returns the token of a symbol. @param {"source" | "target"} side */
  tokenOf(symbol, side) {
    return this._model(side).ids.get(symbol) ?? UNK;
  }

  /** Returns the tokens of the vocabulary as strings. @param {"source" | "target"} side */
  pieces(side) {
    return this._model(side).pieces;
  }

  /** Returns the tokens that stand for bytes, and the byte of each. */
  bytesOf(side) {
    const model = this._model(side);
    return new Map(model.bytes.map((token) => [token, model.byteOf(token)]));
  }

  /**
   * Returns the tokens of a text, without start and end.
   * @param {string} text
   * @param {"source" | "target"} side
   * @returns {number[]}
   */
  encode(text, side) {
    const { text: folded, cases } = this._fold(text, side);
    const tokens = this._model(side).encode(folded);
    return cases === null ? tokens : this._withCases(tokens, cases);
  }

  /** Returns the text of target tokens. Start, end and padding are left out. */
  decode(tokens) {
    const content = Array.from(tokens).filter((token) => ![PAD, BOS, EOS].includes(token));
    return unescape(this._model("target").decode(content));
  }

  /**
   * Returns tokens as strings, for display. A space is shown as U+2581.
   * @param {number[]} tokens
   * @param {"source" | "target"} side
   */
  tokens(tokens, side) {
    const model = this._model(side);
    const { numbers, cases } = this._withoutCases(tokens, side);
    const { CAPITALIZED, NO_CASE } = this._rules;
    return numbers.map((number, position) => {
      const piece = model.pieces[number];
      const before = position > 0 ? cases[position - 1] : NO_CASE;
      // Within a capitalized word, only its first token has the capital.
      const startsWord = piece.startsWith(SPACE) || before === NO_CASE;
      const isInside = cases[position] === CAPITALIZED && !startsWord;
      if (cases[position] === NO_CASE || isInside || model.kinds[number] === BYTE) {
        return piece;
      }
      return this._caseFolder.unfold(piece, Array(piece.length).fill(cases[position]));
    });
  }

  /**
   * Returns where the text of each token starts and ends in the text. The space before a word is no
   * part of it.
   * @param {number[]} tokens
   * @param {"source" | "target"} side
   * @returns {[number, number][]}
   */
  offsets(tokens, side) {
    const model = this._model(side);
    let position = -1; // SentencePiece puts a space before the text
    return this._withoutCases(tokens, side).numbers.map((number) => {
      const start = position + (model.pieces[number].startsWith(SPACE) ? 1 : 0);
      position += model.lengths[number];
      return [Math.max(start, 0), Math.max(position, 0)];
    });
  }

  /**
   * Returns the characters that the vocabulary lacks.
   * @param {string} text
   * @param {"source" | "target"} side
   * @returns {Set<string>}
   */
  unknownCharacters(text, side) {
    const seen = this._isUnknown[side];
    const unknown = new Set();
    for (const character of text) {
      if (!seen.has(character)) {
        seen.set(character, this._isCharacterUnknown(character, side));
      }
      if (seen.get(character)) {
        unknown.add(character);
      }
    }
    return unknown;
  }

  _isCharacterUnknown(character, side) {
    if (character.trim() === "") {
      return false;
    }
    const { kinds } = this._model(side);
    const { numbers } = this._withoutCases(this.encode(character, side), side);
    return numbers.some((number) => number === UNK || kinds[number] === BYTE);
  }

  /** Tells whether a source word is new and would be read letter by letter. */
  isSpelled(word) {
    if (this.sourceWords === null || this.sourceWords.has(this._foldedWord(word))) {
      return false;
    }
    const offsets = this.offsets(this.encode(word, "source"), "source");
    const lengths = offsets.map(([start, end]) => end - start);
    const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
    return sum(lengths.filter((length) => length <= SPELLING)) * 2 >= sum(lengths);
  }

  _foldedWord(word) {
    return this._fold(word, "source").text.toLowerCase();
  }

  /** Returns what SentencePiece reads, and the case of each of its units, or null. */
  _fold(text, side) {
    const escaped = escape(text);
    if (side === "target" || this._caseFolder === null) {
      return { text: escaped, cases: null };
    }
    return this._caseFolder.fold(escaped);
  }

  /** Adds its case to each token: the highest of those of its letters. */
  _withCases(tokens, cases) {
    const size = this.size("source");
    const { lengths } = this._model("source");
    let end = -1; // SentencePiece puts a space before the text
    return tokens.map((token) => {
      const start = Math.max(end, 0);
      end += lengths[token];
      const part = cases.slice(start, Math.max(end, 0));
      return token + size * Math.max(this._rules.NO_CASE, ...part);
    });
  }

  /** Returns the numbers of tokens in the vocabulary, and their cases. */
  _withoutCases(tokens, side) {
    const size = side === "target" || this._caseFolder === null ? Infinity : this.size("source");
    const numbers = Array.from(tokens, (token) => token % size);
    const cases = Array.from(tokens, (token) => Math.floor(token / size));
    return { numbers, cases };
  }

  _model(side) {
    return this._models.joint ?? this._models[side];
  }
}

function escape(text) {
  let escaped = text.toWellFormed?.() ?? text;
  for (const [character, replacement] of ESCAPES) {
    escaped = escaped.replaceAll(character, replacement);
  }
  return escaped;
}

function unescape(text) {
  let unescaped = text;
  for (const [character, replacement] of [...ESCAPES].reverse()) {
    unescaped = unescaped.replaceAll(replacement, character);
  }
  return unescaped;
}
