// Where the library sentencex sees quotes: an end mark within them ends no sentence. It is a part
// of sentence_boundaries.js.

import { bisectLeft, characterAt, characterBefore, isAlphanumeric, isSpace } from "./characters.js";

// Opening and closing mark. The longer ones come first.
const PAIRS = [
  ["``", "''"], ["``", "``"], ["''", "''"], ["`", "'"], ["`", "`"], ["'", "'"], ['"', '"'],
  ["«", "»"], ["‘", "’"], ["‚", "‚"], ["“", "”"], ["‛", "‛"], ["„", "“"], ["»", "«"], ["‟", "‟"],
  ["‹", "›"], ["《", "》"], ["「", "」"],
];
// These are apostrophes, too.
const APOSTROPHES = ["`", "'"];
const CLOSERS = [...new Set(PAIRS.map(([, close]) => close))].sort((a, b) => b.length - a.length);
const SYMMETRIC = new Set(PAIRS.filter(([open, close]) => open === close).map(([open]) => open));
const WORD = String.raw`[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]`;
const BOUNDARY = `(?:(?<=${WORD})(?!${WORD})|(?<!${WORD})(?=${WORD}))`;
const NO_BOUNDARY = `(?:(?<=${WORD})(?=${WORD})|(?<!${WORD})(?!${WORD}))`;
const PATTERNS = [...PAIRS.map(pairPattern), ...PAIRS.flatMap(linePattern)];
const QUOTES = new RegExp(PATTERNS.join("|"), "gv");
// A period between two sentences.
const INNER_BREAK = /\. +[A-Z]/v;
const NEW_UTTERANCE = /^ +[A-Z]/v;

function pairPattern([open, close]) {
  if (!APOSTROPHES.includes(open)) {
    return `${open}\\p{Any}*?${close}`;
  }
  const [opening, closing] = [open, close].map(hex);
  const content = `${BOUNDARY}\\p{Any}*?[^\\s${closing}]`;
  return NO_BOUNDARY + opening + content + closing + NO_BOUNDARY;
}

function linePattern([open, close]) {
  return APOSTROPHES.includes(open) ? [`^${hex(open)}.+?${hex(close)}$`] : [];
}

function hex(character) {
  return `\\x${character.codePointAt(0).toString(16)}`;
}

/**
 * A part of the text. Of quotes: `open` is the opening mark, and `mispaired` tells whether the two
 * marks may belong to two quotes.
 * @typedef {{start: number, end: number, kind: string, open?: string, close?: string,
 *   mispaired?: "no" | "maybe" | "yes"}} Range
 */

/** The quotes of a text. */
export class QuoteRanges {
  /**
   * @param {string} text
   * @param {(start: number, end: number) => boolean} isStrongBreak tells whether the mark there
   *   ends a sentence for sure
   */
  constructor(text, isStrongBreak) {
    this._text = text;
    this._isStrongBreak = isStrongBreak;
    this._positions = new Map();
    /** @type {Range[]} */
    this.ranges = [];
    for (const { 0: quote, index } of text.matchAll(QUOTES)) {
      this._add(index, index + quote.length, PAIRS.find(([open]) => quote.startsWith(open)));
    }
    for (const mark of APOSTROPHES) {
      this._pairSpaced(mark);
    }
  }

  /** Marks the quotes among all ranges whose marks may belong to two quotes. */
  tag(ranges) {
    const brackets = ranges.filter((range) => range.kind === "other");
    for (const range of this.ranges) {
      if (range.open !== range.close) {
        range.mispaired = "no";
      } else if (brackets.some((bracket) => overlapPartly(range, bracket))) {
        range.mispaired = "yes";
      } else {
        const count = this._text.split(range.open).length - 1;
        range.mispaired = count % 2 === 1 ? "maybe" : "no";
      }
    }
  }

  /** Tells whether a range seems to be two quotes with an end mark between them. */
  isMispaired(range, start, end) {
    if (range.mispaired === "maybe") {
      return this._isStrongBreak(start, end);
    }
    return range.mispaired === "yes";
  }

  /** Tells whether a position is just before the closing mark of a quote. */
  endsInside(range, position) {
    if (range.kind !== "quote") {
      return false;
    }
    const head = this._text.slice(0, range.end);
    return CLOSERS.some((mark) => head.endsWith(mark) && position + mark.length === range.end);
  }

  /** Returns a closing mark at a position that has no opening one, or null. */
  orphanCloser(position, ranges) {
    if (ranges.some((range) => range.start === position)) {
      return null;
    }
    const closer = CLOSERS.find((mark) => {
      return this._text.startsWith(mark, position) && this._isOrphan(mark, position, ranges);
    });
    if (closer === undefined || this._opensNext(closer, position, ranges)) {
      return null;
    }
    return closer;
  }

  _add(start, end, [open, close]) {
    this.ranges.push({ start, end, kind: "quote", open, close });
  }

  _isOrphan(mark, position, ranges) {
    if (!SYMMETRIC.has(mark)) {
      return true;
    }
    if (!this._positions.has(mark)) {
      this._positions.set(mark, this._candidates(mark, ranges));
    }
    const positions = this._positions.get(mark);
    const before = bisectLeft(positions, position);
    return before % 2 === 1 || (before === 0 && positions.length === 1);
  }

  /** Tells whether a mark at a position opens the next sentence. */
  _opensNext(mark, position, ranges) {
    const before = characterBefore(this._text, position);
    const isOpening =
      SYMMETRIC.has(mark) &&
      (before === "" || isSpace(before)) &&
      NEW_UTTERANCE.test(this._text.slice(position + mark.length));
    return isOpening && ranges.some((range) => {
      const isSymmetric = range.kind === "quote" && range.open === range.close;
      return isSymmetric && range.end <= position && this._text.startsWith(mark, range.start);
    });
  }

  /** Returns where a mark may be a quote: in no other quotes, and no apostrophe. */
  _candidates(mark, ranges) {
    const positions = [];
    let at = this._text.indexOf(mark);
    while (at >= 0) {
      if (this._isCandidate(mark, at, ranges)) {
        positions.push(at);
      }
      at = this._text.indexOf(mark, at + mark.length);
    }
    return positions;
  }

  _isCandidate(mark, position, ranges) {
    const isInside = ({ start, end }) => start <= position && position < end;
    const isQuoted = (range) => range.kind === "quote" && isInside(range);
    const before = characterBefore(this._text, position);
    const after = characterAt(this._text, position + mark.length);
    return !ranges.some(isQuoted) && !(isAlphanumeric(before) && isAlphanumeric(after));
  }

  /** Finds quotes with spaces inside, as in "' Nein. '". */
  _pairSpaced(mark) {
    let pending = -1;
    for (const at of this._candidates(mark, this.ranges)) {
      if (pending >= 0 && this._belongTogether(pending, at, mark)) {
        this._add(pending, at + 1, [mark, mark]);
        pending = -1;
      } else {
        pending = at;
      }
    }
  }

  _belongTogether(opening, closing, mark) {
    if (!this._isOpening(opening, mark)) {
      return false;
    }
    const isNew = NEW_UTTERANCE.test(this._text.slice(closing + 1));
    const areTwo = isNew && INNER_BREAK.test(this._text.slice(opening + 1, closing));
    return !areTwo || !this._opensCleanly(closing, mark);
  }

  _isOpening(position, mark) {
    const before = characterBefore(this._text, position);
    const after = characterAt(this._text, position + mark.length);
    return (before === "" || isSpace(before)) && isSpace(after);
  }

  _opensCleanly(position, mark) {
    if (!this._isOpening(position, mark)) {
      return false;
    }
    const next = this._candidates(mark, this.ranges).find((at) => at > position);
    return next !== undefined && !INNER_BREAK.test(this._text.slice(position + 1, next));
  }
}

function overlapPartly(quote, bracket) {
  const startsInside = bracket.start < quote.start && quote.start < bracket.end;
  const endsInside = bracket.start < quote.end && quote.end < bracket.end;
  return (
    (startsInside && bracket.end < quote.end) || (endsInside && bracket.start > quote.start)
  );
}
