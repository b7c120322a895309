// What stands around a sentence: quotes, brackets, bullets, decoration and repeated end marks. See
// seq2seq/text/wrapping.py.

import {
  characterAt,
  characterBefore,
  countCharacters,
  endsWithAny,
  firstCharacter,
  isAlphanumeric,
  isSpace,
  lastCharacter,
  startsWithAny,
  strip,
  stripEndOf,
  stripStart,
  stripStartOf,
  translate,
  withoutRegion,
} from "./characters.js";
import { isOnePair } from "./paired_marks.js";

/** A sentence and what stands around it. `prefix + text + suffix` is the whole text. */
export class Wrapped {
  constructor(prefix, text, suffix, targetPrefix, targetSuffix, rules) {
    this.prefix = prefix;
    this.text = text;
    this.suffix = suffix;
    this.targetPrefix = targetPrefix;
    this.targetSuffix = targetSuffix;
    this._rules = rules;
  }

  /**
   * Returns the translation of `text` with the end mark that goes with the suffix.
   * @param {string} translation
   * @param {boolean} endsInSlot whether the last character of `text` is in a slot
   */
  withEndMark(translation, endsInSlot) {
    const marks = this._rules.END_MARKS;
    const hasOwnMark = endsWithAny(this.text, marks) && !endsInSlot;
    if (hasOwnMark && startsWithAny(this.suffix, marks)) {
      const last = lastCharacter(this.text);
      const isSame = firstCharacter(this.suffix) === last; // not so in "Was?!?!"
      return stripEndOf(translation, marks) + (isSame ? firstCharacter(this.targetSuffix) : last);
    }
    if (!hasOwnMark && [...this.suffix].some((character) => marks.includes(character))) {
      return stripEndOf(translation, marks) || translation;
    }
    return translation;
  }
}

/**
 * Takes off what stands around a sentence.
 * @param {string} text
 * @param {any} allRules those of text_rules.json
 */
export function unwrap(text, allRules) {
  const rules = allRules.wrapping;
  const whole = new Wrapped("", text, "", "", "", rules);
  if (isBare(text, rules) || rules.LETTER.search(text) === null) {
    return whole;
  }
  const layers = new Layers(allRules);
  let [start, end] = trimmed(text, 0, text.length);
  let prefix = text.slice(0, start);
  let suffix = text.slice(end);
  for (let count = 0; count < rules.MAX_LAYERS; count += 1) {
    const layer = layers.outermost(text.slice(start, end));
    if (layer === null || !rules.LETTER.search(text, start + layer.start, start + layer.end)) {
      break;
    }
    const layerStart = start + layer.start;
    const layerEnd = start + layer.end;
    [start, end] = trimmed(text, layerStart, layerEnd);
    prefix += layer.prefix + text.slice(layerStart, start);
    suffix = text.slice(end, layerEnd) + layer.suffix + suffix;
  }
  return new Wrapped(
    text.slice(0, start), text.slice(start, end), text.slice(end), prefix, suffix, rules,
  );
}

/** Finds quickly that a text has nothing around it, the usual case. */
function isBare(text, rules) {
  if (!isAlphanumeric(firstCharacter(text)) || [...text].slice(0, 4).includes(")")) {
    return false;
  }
  const last = lastCharacter(text);
  if (isAlphanumeric(last)) {
    return true;
  }
  const before = characterBefore(text, text.length - last.length);
  return isAlphanumeric(before) && (rules.END_MARKS + ",;:").includes(last);
}

/** Returns where `text.slice(start, end)` starts and ends without white space. */
function trimmed(text, start, end) {
  const part = text.slice(start, end);
  start += part.length - stripStart(part).length;
  return [start, start + strip(part).length];
}

/**
 * Finds the parts around a sentence, from the outside to the inside. A part takes off the text
 * before `start` and from `end` on, and puts `prefix` and `suffix` around the translation.
 * @typedef {{start: number, end: number, prefix: string, suffix: string}} Layer
 */
class Layers {
  constructor(allRules) {
    this._rules = allRules.wrapping;
    this._pairs = allRules.paired_marks;
    this._conversion = new MarkConversion(allRules);
  }

  /** Returns the outermost part around a text without white space at its ends, or null. */
  outermost(text) {
    return (
      this._enclosing(text) ??
      this._emphasis(text) ??
      this._leading(text) ??
      this._trailing(text) ??
      this._repeatedMarks(text)
    );
  }

  /** Finds quotes or brackets around the whole text, and the end marks after them. */
  _enclosing(text) {
    const opening = firstCharacter(text);
    const closers = this._pairs.CLOSING.get(opening);
    if (closers === undefined) {
      return null;
    }
    const body = stripEndOf(text, this._rules.END_MARKS + ",;:，；：" + this._rules.SPACE);
    if (body.length < 2 || !endsWithAny(body, closers) || !isOnePair(body, this._pairs)) {
      return null;
    }
    const [start, end] = trimmed(text, 1, body.length - 1);
    const marks = [text.slice(0, start), text.slice(end, body.length)];
    const [before, after] = this._conversion.pair(...marks);
    const tail = this._conversion.marks(text.slice(body.length));
    return { start, end, prefix: before, suffix: after + tail };
  }

  /** Finds "**text**" and the end marks after it. */
  _emphasis(text) {
    const match = this._rules.EMPHASIS.match(text);
    if (match === null) {
      return null;
    }
    const marks = match.text;
    const body = stripEndOf(text, this._rules.END_MARKS + ",;:" + this._rules.SPACE);
    const start = match.end;
    const end = body.length - marks.length;
    if (start >= end || body.slice(end) !== marks || isSpace(characterBefore(body, end))) {
      return null;
    }
    // "__init__" is a name.
    const isName = marks[0] === "_" && !body.includes(" ");
    if (isName || body.split(marks[0]).length - 1 !== 2 * marks.length) {
      return null;
    }
    const suffix = marks + this._conversion.marks(text.slice(body.length));
    return { start, end, prefix: marks, suffix };
  }

  /** Finds a bullet, a dash, signs or repeated marks before the text. */
  _leading(text) {
    let start = 0;
    while (this._isSign(characterAt(text, start))) {
      start += characterAt(text, start).length;
    }
    if (start === 0) {
      const match = this._rules.LEADING.match(text);
      if (match !== null && !this._hasSimilarItem(text, match)) {
        start = match.end;
      }
    }
    let prefix = text.slice(0, start);
    if (start === 0) {
      // "¡¡¡Hola!!!": one mark stays.
      const rest = stripStartOf(text, this._rules.SPANISH_MARKS);
      start = Math.max(0, text.length - rest.length - 1);
      prefix = this._conversion.keepsSpanishMarks ? text.slice(0, start) : "";
    }
    return start > 0 ? { start, end: text.length, prefix, suffix: "" } : null;
  }

  /** Tells whether the number of an item is one of several: "(a) und (b)". */
  _hasSimilarItem(text, match) {
    const item = match.group("item");
    if (item === undefined) {
      return false;
    }
    const number = match.group("digits") === undefined ? "[A-Za-z]" : "\\p{Nd}{1,3}";
    const opening = item.startsWith("(") ? "\\(" : "";
    const similar = new RegExp(`(?<!\\S)${opening}${number}\\)`, "gv");
    similar.lastIndex = match.end;
    return similar.test(text);
  }

  /** Finds signs, a dash or a line of marks after the text. */
  _trailing(text) {
    let end = text.length;
    while (this._isSign(characterBefore(text, end))) {
      end -= characterBefore(text, end).length;
    }
    // What modifies the character before, as in a keycap, stays with it.
    while (end < text.length && this._rules.MODIFIERS.has(characterAt(text, end))) {
      end += characterAt(text, end).length;
    }
    if (end === text.length) {
      const runStart = stripEndOf(text, this._rules.TRAILING_RUN).length;
      const run = text.slice(runStart);
      const isAlone = ["#", "=", "~", "_"].includes(run);
      const isApart = isSpace(characterBefore(text, runStart)) && !isAlone;
      const isDash = run !== "" && stripEndOf(run, "–—―") === "";
      if (run !== "" && (isApart || isDash)) {
        end = runStart;
      }
    }
    return end < text.length ? { start: 0, end, prefix: "", suffix: text.slice(end) } : null;
  }

  /** Finds end marks after the first one: "!!!". */
  _repeatedMarks(text) {
    const first = stripEndOf(text, this._rules.END_MARKS).length;
    const run = text.slice(first);
    if (countCharacters(run) < 2 || this._rules.SHORT_RUNS.includes(run)) {
      return null;
    }
    const suffix = this._conversion.repeated(run.slice(1));
    return { start: 0, end: first + 1, prefix: "", suffix };
  }

  _isSign(character) {
    return this._rules.SIGNS.has(character) || this._rules.MODIFIERS.has(character);
  }
}

/** Changes quotes and marks from the style of one language to that of another. */
export class MarkConversion {
  /** @param {any} allRules those of text_rules.json */
  constructor(allRules) {
    this._rules = allRules.wrapping;
    const { source, target, sourceQuotes, targetQuotes } = allRules.languages;
    this._source = withoutRegion(source);
    this._target = withoutRegion(target);
    this._isKnown = targetQuotes !== null;
    const isSame = sourceQuotes?.join() === targetQuotes?.join();
    this._quotes = sourceQuotes === null || isSame ? null : targetQuotes;
    this.keepsSpanishMarks = this._rules.SPANISH.includes(this._target) || !this._isKnown;
  }

  /** Converts an opening and a closing mark, with the white space inside. */
  pair(before, after) {
    const opening = firstCharacter(before);
    if (this._rules.STRAIGHT_QUOTES.includes(opening)) {
      return [before, after];
    }
    if (this._rules.BRACKETS.includes(opening)) {
      return [this.marks(before), this.marks(after)];
    }
    if (this._quotes === null) {
      return [before, after];
    }
    const isSingle = this._rules.SINGLE_QUOTES.includes(opening);
    return isSingle ? this._quotes.slice(2) : this._quotes.slice(0, 2);
  }

  /** Converts end marks and brackets between their narrow and their wide form. */
  marks(marks) {
    if (!this._isKnown) {
      return marks;
    }
    if (this._source === "fr" && this._target !== "fr") {
      marks = stripStartOf(marks, this._rules.SPACE); // "« Quoi » ?"
    }
    const isWide = this._rules.WIDE_LANGUAGES.includes(this._target);
    return translate(marks, isWide ? this._rules.TO_WIDE : this._rules.TO_NARROW);
  }

  /** Converts repeated end marks. "..." stays an ellipsis. */
  repeated(marks) {
    return stripEndOf(marks, ".") === "" ? marks : this.marks(marks);
  }
}
