// A unigram model of SentencePiece (Kudo & Richardson 2018, "SentencePiece: A simple and language
// independent subword tokenizer"): text to the most probable tokens and back.

/** The token of what the vocabulary lacks. */
export const UNK = 1;

const SPACE = "\u2581";

// The kinds of tokens in sentencepiece_model.proto.
const NORMAL = "1";
const UNKNOWN = "2";
const CONTROL = "3";
const USER_SYMBOL = "4";
export const BYTE = "6";
// By how much an unknown character is less likely than the least likely token.
const UNKNOWN_PENALTY = 10;

/**
 * A vocabulary: pieces of text, their log-probabilities (32 bits), a digit for the kind of each.
 * @typedef {{pieces: string[], scores: number[], kinds: string}} ModelData
 */

/** A unigram model of one language, or of both. */
export class SubwordModel {
  /** @param {ModelData} data */
  constructor(data) {
    this.pieces = data.pieces;
    this.kinds = data.kinds;
    this.ids = new Map();
    this.bytes = [];
    this._scores = Float32Array.from(data.scores);
    this._longest = 1;
    let lowest = Infinity;
    let highest = -Infinity;
    data.pieces.forEach((piece, token) => {
      const kind = data.kinds[token];
      if (kind === NORMAL) {
        lowest = Math.min(lowest, this._scores[token]);
        highest = Math.max(highest, this._scores[token]);
      }
      if (kind === NORMAL || kind === USER_SYMBOL) {
        this.ids.set(piece, token);
        this._longest = Math.max(this._longest, piece.length);
      } else if (kind === BYTE) {
        this.bytes.push(token); // in the order of their values
      }
    });
    this._highest = highest;
    this._unknownScore = Math.fround(lowest - UNKNOWN_PENALTY);
    this.lengths = data.pieces.map((piece, token) => this._lengthOf(piece, token));
    this._encoder = new TextEncoder();
  }

  /**
   * Returns the most probable tokens of a text (Viterbi).
   * @param {string} text
   */
  encode(text) {
    if (text === "") {
      return [];
    }
    const escaped = SPACE + text.replaceAll(" ", SPACE);
    const best = this._bestPath(escaped);
    const tokens = [];
    for (let end = escaped.length; end > 0; end = best.starts[end]) {
      const token = best.tokens[end];
      if (token !== UNK) {
        tokens.push(token);
      } else if (this.bytes.length > 0) {
        const bytes = this._encoder.encode(escaped.slice(best.starts[end], end));
        tokens.push(...Array.from(bytes, (byte) => this.bytes[byte]).reverse());
      } else if (tokens.at(-1) !== UNK) {
        tokens.push(UNK);
      }
    }
    return tokens.reverse();
  }

  /** Returns the last token of the best path to each position, and where it starts. */
  _bestPath(text) {
    const scores = new Float32Array(text.length + 1);
    const starts = new Int32Array(text.length + 1).fill(-1);
    const tokens = new Int32Array(text.length + 1);
    const offer = (start, end, token, score) => {
      if (starts[end] < 0 || score > scores[end]) {
        scores[end] = score;
        starts[end] = start;
        tokens[end] = token;
      }
    };
    for (let start = 0; start < text.length; ) {
      const step = text.codePointAt(start) > 0xffff ? 2 : 1;
      const last = Math.min(text.length, start + this._longest);
      let isKnown = false;
      for (let end = start + step; end <= last; end += 1) {
        const piece = text.slice(start, end);
        const token = this.ids.get(piece);
        if (token !== undefined) {
          offer(start, end, token, scores[start] + this._scoreOf(piece, token));
          isKnown ||= end === start + step;
        }
      }
      if (!isKnown) {
        offer(start, start + step, UNK, Math.fround(scores[start] + this._unknownScore));
      }
      start += step;
    }
    return { starts, tokens };
  }

  // A symbol of the user comes before any other tokens.
  _scoreOf(piece, token) {
    if (this.kinds[token] !== USER_SYMBOL) {
      return this._scores[token];
    }
    return this._encoder.encode(piece).length * this._highest - 0.1;
  }

  /** Returns the text of tokens. @param {number[]} tokens */
  decode(tokens) {
    let text = "";
    let isStart = true;
    let bytes = [];
    const addBytes = () => {
      text += decodeBytes(bytes);
      bytes = [];
    };
    for (const token of tokens) {
      if (this.kinds[token] === BYTE) {
        bytes.push(this.byteOf(token));
        continue;
      }
      addBytes();
      isStart &&= text === "";
      let piece = this._textOf(token);
      if (isStart && piece.startsWith(SPACE)) {
        piece = piece.slice(1);
        isStart = false;
      }
      text += piece.replaceAll(SPACE, " ");
    }
    addBytes();
    return text;
  }

  _textOf(token) {
    if (this.kinds[token] === CONTROL) {
      return "";
    }
    return this.kinds[token] === UNKNOWN ? " \u2047 " : this.pieces[token];
  }

  /** Returns the byte that a token stands for, such as that of "<0xE2>". */
  byteOf(token) {
    return Number.parseInt(this.pieces[token].slice(3, -1), 16);
  }

  // The bytes of a character count for the first of them.
  _lengthOf(piece, token) {
    const kind = this.kinds[token];
    if (kind === CONTROL) {
      return 0;
    }
    if (kind === UNKNOWN) {
      return 1;
    }
    if (kind !== BYTE) {
      return piece.length;
    }
    const byte = this.byteOf(token);
    if (byte >= 0x80 && byte < 0xc0) {
      return 0;
    }
    return byte < 0xf0 ? 1 : 2;
  }
}

/** Decodes UTF-8. Each byte that is no part of a character becomes U+FFFD. */
function decodeBytes(bytes) {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let text = "";
  for (let start = 0; start < bytes.length; ) {
    const length = lengthOfCharacter(bytes[start]);
    try {
      text += decoder.decode(Uint8Array.from(bytes.slice(start, start + length)));
      start += length;
    } catch {
      text += "\ufffd";
      start += 1;
    }
  }
  return text;
}

/** Returns how many bytes a character has, from its first byte. */
function lengthOfCharacter(byte) {
  if (byte < 0xc0) {
    return 1;
  }
  if (byte < 0xe0) {
    return 2;
  }
  return byte < 0xf0 ? 3 : 4;
}
