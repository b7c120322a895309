// Where the library sentencex divides a text. The Python side calls it, and a page cannot. What it
// knows about words (abbreviations, months, …) was asked of it when the run was exported: see
// seq2seq/export/web_sentences.py. A difference costs little, because both sides drop doubtful
// boundaries (sentences.js).

import {
  characterAt,
  characterBefore,
  isSpace,
  stripEnd,
  stripEndOf,
  stripStart,
} from "./characters.js";
import { listStarts } from "./list_starts.js";
import { QuoteRanges } from "./quote_ranges.js";

// How many bytes after a mark are looked at.
const LOOK_AHEAD = 30;
const BRACKETS = /[\(（<\{\[][^\)\]\}>）]*[\)\]\}>）]/gv;
const EMAIL = /[A-Za-z0-9._%+\-]+@[A-Za-z0-9.\-]+\.[A-Z\|a-z]{2,7}/gv;
const REFERENCE = /^(?:\s*\[\p{Nd}+\])+/v;
const WORD_SEPARATOR = /[\s.\/]/v;
const BEFORE_SMALL = /^[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]*[0-9a-z]/v;
const BEFORE_COMMA = /^\s*(?:''|``|['"‚‛‟`])?\s*,/v;

/**
 * What the library knows about the words of a language. See seq2seq/export/web_sentences.py.
 *
 * @typedef {{terminators: Set<string>, abbreviations: Set<string>, dotted: Set<string>,
 *   starters: Set<string>, continuing: Set<string>, exclamations: Set<string>,
 *   markers: Set<string>, digit_markers: Set<string>, breaking_markers: Set<string>,
 *   fronting: Set<string>, continues_lower: boolean, continues_comma: boolean,
 *   continues_i: boolean}} Knowledge
 */

/** Finds where sentences start. */
export class BoundaryFinder {
  /** @param {Knowledge} knowledge */
  constructor(knowledge) {
    this._knowledge = knowledge;
    const others = [...knowledge.terminators].map(escaped);
    this._run = `\\.(?: +\\.){2,}|[!?…](?: +[!?…])+|[${others.join("")}]+`;
  }

  /**
   * Returns the positions after the first one at which a sentence starts.
   * @param {string} text without other white space than spaces
   */
  find(text) {
    const quotes = new QuoteRanges(text, (at, end) => this._isStrongBreak(text, at, end));
    const starts = listStarts(text);
    const ranges = [...quotes.ranges, ...rangesOf(BRACKETS, text), ...rangesOf(EMAIL, text)];
    ranges.sort((a, b) => a.start - b.start);
    quotes.tag(ranges);
    starts.forEach((start, number) => {
      ranges.push({ start, end: starts[number + 1] ?? text.length, kind: "item" });
    });
    const found = new Set(starts);
    let last = 0;
    for (const run of this._runs(text)) {
      const boundary = this._boundaryAfter(text, run);
      if (boundary === null) {
        continue;
      }
      const position = this._moved(text, boundary, run, ranges, quotes);
      if (position !== null && position > last) {
        found.add(position);
        last = position;
      }
    }
    const inside = [...found].filter((position) => position > 0 && position < text.length);
    return inside.sort((a, b) => a - b);
  }

  /** Returns the end marks. Dots apart from "!", "?" and "…" before them belong to these. */
  _runs(text) {
    const runs = [];
    for (const { 0: marks, index } of text.matchAll(new RegExp(this._run, "gv"))) {
      const last = runs.at(-1);
      const end = index + marks.length;
      const isDots = /^\.[. ]*$/v.test(marks);
      const isBehind = last !== undefined && /^ +$/v.test(text.slice(last.end, index));
      if (isDots && isBehind && /[!?…]$/v.test(last.marks)) {
        last.end = end;
        last.marks = text.slice(last.start, end);
      } else {
        runs.push({ start: index, end, marks });
      }
    }
    return runs;
  }

  /** Returns where the sentence after a run of marks starts, or null if none does. */
  _boundaryAfter(text, { start, end, marks }) {
    const head = text.slice(0, start);
    const next = lookAhead(text, end);
    const reference = REFERENCE.exec(next);
    if (reference !== null) {
      return end + reference[0].length;
    }
    if (this._continuesAfter(marks, head, next)) {
      return null;
    }
    const word = lastWord(head);
    if (marks === "." && (isNumberedToken(head, next) || this._isSuppressed(head, word, next))) {
      return null;
    }
    if (this._knowledge.exclamations.has(word)) {
      return null;
    }
    return end + next.length - stripStart(next).length;
  }

  _continuesAfter(marks, head, next) {
    const startsSmall = /^[0-9a-z]/v.test(next);
    if ([...marks].length > 1) {
      const isI = this._knowledge.continues_i && /^\s+I(?:[\s'’]|$)/v.test(next);
      const touches = head !== "" && !isSpace(characterBefore(head, head.length));
      return /^\s+[0-9a-z]/v.test(next) || isI || (touches && startsSmall);
    }
    if (this._continuesInWord(next)) {
      return true;
    }
    const isApart = /[!?]/v.test(marks) && head.endsWith(" ");
    return isApart && BEFORE_SMALL.test(next);
  }

  _continuesInWord(next) {
    const { continues_comma, continues_lower } = this._knowledge;
    if (/^[0-9a-z]/v.test(next) || (continues_comma && BEFORE_COMMA.test(next))) {
      return true;
    }
    if (continues_lower && BEFORE_SMALL.test(next)) {
      return true;
    }
    const word = stripEndOf(stripStart(next).split(/\s/v)[0], ".!?");
    return this._knowledge.continuing.has(word);
  }

  /** Tells whether a period belongs to the word before it. */
  _isSuppressed(head, word, next) {
    const marker = this._markerOf(head);
    const isAbbreviation = this._knowledge.abbreviations.has(word.toLowerCase());
    if (!isAbbreviation && !isInitial(head, word, next) && marker === null) {
      return false;
    }
    const isStarter = this._isStarter(next);
    if (marker !== null && this._marksEnd(marker, next, isStarter)) {
      return false;
    }
    return !(isStarter && this._canEndBeforeStarter(head, word));
  }

  /** Tells whether a sentence may end with an abbreviation, if a typical first word follows. */
  _canEndBeforeStarter(head, word) {
    if (/^[A-Z]/v.test(word)) {
      return true;
    }
    const whole = wholeLastWord(head);
    if (whole.length > word.length && this._knowledge.dotted.has(whole.toLowerCase())) {
      return true;
    }
    return [...word].length > 1 && this._knowledge.abbreviations.has(word);
  }

  _isStarter(next) {
    const word = stripStart(next).split(/[\s,\p{Sentence_Terminal}…]/v)[0];
    return this._knowledge.starters.has(word);
  }

  /** Returns a unit or title at the end of a text, such as "7 p.m", and what is before it. */
  _markerOf(head) {
    const text = stripEnd(head);
    const name = text.slice(text.search(/[^\s\d]*$/v));
    if (name === "") {
      return null;
    }
    const before = text.slice(0, text.length - name.length);
    if (this._knowledge.markers.has(name)) {
      return { name, before };
    }
    const isAfterDigit = /\d\s*$/v.test(before);
    return isAfterDigit && this._knowledge.digit_markers.has(name) ? { name, before } : null;
  }

  /** Tells whether a sentence ends with a marker. */
  _marksEnd({ name, before }, next, isStarter) {
    const following = stripStart(next);
    if (/^[A-Z]\./v.test(following)) {
      return false;
    }
    if (/^\d/v.test(following)) {
      return this._knowledge.breaking_markers.has(name);
    }
    if (!/^\p{Lu}/v.test(following)) {
      return false;
    }
    const words = before.replace(/[\d:\s]+$/v, "").split(/\s/v);
    return isStarter || !(/^[A-Z]/v.test(words.at(-1)) || this._isFronting(before));
  }

  /** Tells whether a text is an adverbial at the start of a sentence, as "On Jan. 5, at 6". */
  _isFronting(text) {
    const { abbreviations, fronting } = this._knowledge;
    if (fronting.size === 0) {
      return false;
    }
    return text.split(/[\s,;—–]/v).every((token) => {
      const word = stripEndOf(token, ".");
      const isKnown = fronting.has(word.toLowerCase()) || abbreviations.has(word.toLowerCase());
      return /^(?:[\d:]*|\p{Lu}.*)$/v.test(word) || isKnown;
    });
  }

  /** Tells whether a period ends a sentence for sure, whatever quotes are around it. */
  _isStrongBreak(text, start, end) {
    const next = lookAhead(text, start + 1);
    if (end - start !== 1 || text[start] !== "." || !/^\s*[A-Z]/v.test(next)) {
      return false;
    }
    const head = text.slice(0, start);
    const word = lastWord(head);
    const whole = wholeLastWord(head).toLowerCase();
    if (word === "" || /^[A-Z]$/v.test(word)) {
      return false;
    }
    const { abbreviations, dotted } = this._knowledge;
    if (abbreviations.has(word.toLowerCase()) || dotted.has(whole)) {
      return false;
    }
    return /^(?:''|``|['"‚‛‟`])$/v.test(word) || this._isStarter(next);
  }

  /** Returns where a boundary belongs if there are quotes or brackets around, or null. */
  _moved(text, boundary, run, ranges, quotes) {
    const around = ranges.find((range) => {
      const isInside = range.start < boundary && boundary < range.end;
      return isInside && !quotes.isMispaired(range, run.start, run.end);
    });
    if (around === undefined) {
      return this._behindCloser(text, boundary, ranges, quotes);
    }
    if (!quotes.endsInside(around, boundary)) {
      return null;
    }
    const next = lookAhead(text, around.end);
    if (this._continuesInWord(next.trim()) || BEFORE_SMALL.test(next)) {
      return null;
    }
    return around.end + /^[\s\p{Sentence_Terminal}…。｡]*/v.exec(next)[0].length;
  }

  /** Moves a boundary behind a closing quote without an opening one. */
  _behindCloser(text, boundary, ranges, quotes) {
    const closer = quotes.orphanCloser(boundary, ranges);
    if (closer === null) {
      return boundary;
    }
    let position = skipSpaces(text, boundary + closer.length);
    const next = new RegExp(this._run, "yv");
    next.lastIndex = position;
    for (let run = next.exec(text); run !== null; run = next.exec(text)) {
      position = skipSpaces(text, next.lastIndex);
      next.lastIndex = position;
    }
    return position;
  }
}

function rangesOf(expression, text) {
  return Array.from(text.matchAll(expression), ({ 0: found, index }) => {
    return { start: index, end: index + found.length, kind: "other" };
  });
}

/** Returns a character as a class may have it. */
function escaped(character) {
  return `\\u{${character.codePointAt(0).toString(16)}}`;
}

function skipSpaces(text, position) {
  return text.length - stripStart(text.slice(position)).length;
}

/** Returns about so many bytes of a text, but whole characters. */
function lookAhead(text, start) {
  let bytes = 0;
  let end = start;
  while (end < text.length && bytes < LOOK_AHEAD) {
    const character = characterAt(text, end);
    const code = character.codePointAt(0);
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    end += character.length;
  }
  return text.slice(start, end);
}

function lastWord(text) {
  return stripEnd(text).split(WORD_SEPARATOR).at(-1);
}

function wholeLastWord(text) {
  return stripEnd(text).split(/[\s\/]/v).at(-1);
}

/** Tells whether a period is within a token such as "7.Bg5". */
function isNumberedToken(head, next) {
  return /\d$/.test(head) && /^\p{Alphabetic}/v.test(next) && /\d/.test(next);
}

/** Tells whether a word is the initial of a name: "J. R. Tolkien". */
function isInitial(head, word, next) {
  if (!/^[A-Z]$/v.test(word)) {
    return false;
  }
  const before = head.slice(0, head.length - word.length).replace(/[\s.\/]+$/v, "");
  return /^[A-Z]/v.test(lastWord(before)) || /^\s*[A-Z]\.(?:\s|$)/v.test(next);
}

