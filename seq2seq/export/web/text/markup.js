// Paired inline tags: taken out before translation, put back around the translated words. See
// seq2seq/text/markup.py.

import {
  characterBefore,
  firstCharacter,
  isSpace,
  strip,
  stripEnd,
  stripStart,
} from "./characters.js";
import { Alignment } from "./tag_alignment.js";
import { placeTags } from "./tag_placement.js";
import { copiedElements, findTags, pairTags } from "./tags.js";

/**
 * A pair of tags, and where its content starts and ends in the text without tags. `parent` is the
 * number of the element around it, or -1.
 * @typedef {{opening: string, closing: string, start: number, end: number, parent: number}} Element
 */

/** A text without paired tags, and its elements in the order of their opening tags. */
export class Markup {
  /**
   * @param {string} text
   * @param {Element[]} elements
   */
  constructor(text, elements) {
    this.text = text;
    this.elements = elements;
  }

  /**
   * Replaces each tag by a character of the private use areas that the text lacks.
   * @param {number} first code of the first character
   * @returns {{markup: Markup, tags: Map<string, string>}} symbol -> tag
   */
  withSymbols(first) {
    const tags = new Map();
    const used = new Set(this.elements.flatMap((e) => [...e.opening, ...e.closing]));
    for (const character of this.text) {
      used.add(character);
    }
    let code = first;
    const symbolOf = (tag) => {
      while (used.has(String.fromCodePoint(code))) {
        code += 1;
      }
      const symbol = String.fromCodePoint(code);
      code = code + 1 === 0xf900 ? 0xf0000 : code + 1;
      tags.set(symbol, tag);
      return symbol;
    };
    const elements = this.elements.map((element) => {
      const opening = symbolOf(element.opening);
      return { ...element, opening, closing: symbolOf(element.closing) };
    });
    return { markup: new Markup(this.text, elements), tags };
  }

  /**
   * Puts the tags into the translation. Each comes out once, nested as in the source.
   * @param {string} translation the translation of `text`
   * @param {[number, number][]} sourceOffsets where the S source tokens start and end in `text`
   * @param {[number, number][]} targetOffsets where the T target tokens are in the translation
   * @param {number[][] | null} attention (T, S) weights
   * @param {any} rules those of seq2seq/text/tag_placement.py
   */
  restore(translation, sourceOffsets, targetOffsets, attention, rules) {
    if (this.elements.length === 0) {
      return translation;
    }
    const isEmpty = attention === null || targetOffsets.length === 0 || sourceOffsets.length === 0;
    const weights = isEmpty ? null : attention.map((row) => row.map(finite));
    const alignment = new Alignment(
      this.text, translation, sourceOffsets, targetOffsets, weights, rules,
    );
    return placeTags(this.elements, this.text, translation, alignment);
  }
}

/**
 * Takes paired tags out of a text, and the pairs of marks that are given.
 * @param {string} text
 * @param {import("./inline_pairs.js").InlinePair[]} inlinePairs those that cross an element stay
 * @param {any} allRules those of text_rules.json
 */
export function stripTags(text, inlinePairs, allRules) {
  const all = [...tagMarks(text, allRules), ...marksOf(inlinePairs)];
  const marks = withoutCrossing(all.sort((a, b) => a.start - b.start));
  if (marks.length === 0) {
    return new Markup(text, []);
  }
  const builder = new TextBuilder();
  // The elements so far. Their ends are known when their closing tags come.
  const elements = [];
  const opened = [];
  let position = 0;
  for (const mark of marks) {
    builder.add(text.slice(position, mark.start));
    position = mark.end;
    builder.needsSpace ||= mark.isBlock;
    if (mark.closes) {
      const element = elements[opened.pop()];
      element.closing = mark.text;
      element.end = builder.length;
    } else {
      const parent = opened.at(-1) ?? -1;
      opened.push(elements.length);
      elements.push({ opening: mark.text, closing: "", start: builder.length, end: 0, parent });
    }
  }
  builder.add(text.slice(position));
  const stripped = stripEnd(builder.parts.join(""));
  return new Markup(stripped, trimmedElements(elements, stripped));
}

/**
 * A tag, or one mark of a pair. `pair` is the same object for both of a pair, `text` is put back.
 * @typedef {{start: number, end: number, text: string, pair: {isInline: boolean}, closes: boolean,
 *   isBlock: boolean}} Mark
 */

/** Returns the paired tags of a text. They are nested. @returns {Mark[]} */
function tagMarks(text, allRules) {
  if (!text.includes("<")) {
    return [];
  }
  const matches = tagsOutside(findTags(text, allRules.tags), copiedElements(text, allRules.tags));
  const partners = partnersOf(matches, allRules.markup);
  const opened = [];
  return matches.filter((_, number) => partners.has(number)).map((match) => {
    const { start, end, text: tag } = match;
    const closes = Boolean(match.group("slash"));
    if (!closes) {
      opened.push({ isInline: false });
    }
    const pair = closes ? opened.pop() : opened.at(-1);
    const isBlock = allRules.markup.BLOCK_NAMES.has(match.group("name").toLowerCase());
    return { start, end, text: tag, pair, closes, isBlock };
  });
}

/** Returns the marks of inline pairs. @returns {Mark[]} */
function marksOf(inlinePairs) {
  return inlinePairs.flatMap(({ start, textStart, textEnd, end, opening, closing }) => {
    const pair = { isInline: true };
    return [
      { start, end: textStart, text: opening, pair, closes: false, isBlock: false },
      { start: textEnd, end, text: closing, pair, closes: true, isBlock: false },
    ];
  });
}

/** Leaves out the inline pairs that cross an element. The others are nested. */
function withoutCrossing(marks) {
  const crossing = new Set();
  const opened = [];
  for (const { pair, closes } of marks) {
    if (!closes) {
      opened.push(pair);
    } else if (!crossing.has(pair)) {
      // Elements are nested in each other, so one of the two that cross is an inline pair.
      while (opened.at(-1) !== pair && opened.at(-1).isInline) {
        crossing.add(opened.pop());
      }
      if (opened.at(-1) === pair) {
        opened.pop();
      } else {
        crossing.add(pair);
      }
    }
  }
  return marks.filter((mark) => !crossing.has(mark.pair));
}

/** Returns the tags that do not lie in any of the ranges. Both are in text order. */
function tagsOutside(tags, ranges) {
  return tags.filter((tag) => {
    const range = ranges.find(({ end }) => end > tag.start);
    return range === undefined || tag.start < range.start;
  });
}

/** Returns the numbers of the tags that are parts of pairs. */
function partnersOf(tags, rules) {
  const kept = new Set();
  const ends = [];
  for (const [opening, closing] of pairTags(tags)) {
    while (ends.length > 0 && ends.at(-1) < opening) {
      ends.pop();
    }
    if (ends.length < rules.MAX_DEPTH && kept.size < 2 * rules.MAX_ELEMENTS) {
      ends.push(closing);
      kept.add(opening);
      kept.add(closing);
    }
  }
  return kept;
}

/** Joins the parts of a text between tags, with white space once. */
class TextBuilder {
  constructor() {
    this.parts = [];
    this.length = 0;
    this.needsSpace = false;
  }

  add(part) {
    const before = this.parts.at(-1) ?? "";
    if (before === "" || isSpace(characterBefore(before, before.length))) {
      part = stripStart(part);
    } else if (part !== "" && this.needsSpace && !isSpace(firstCharacter(part))) {
      part = " " + part;
    }
    if (part !== "") {
      this.parts.push(part);
      this.length += part.length;
      this.needsSpace = false;
    }
  }
}

/** Takes white space at their ends out of the elements, and keeps them in their parents. */
function trimmedElements(elements, text) {
  const trimmed = [];
  for (const element of elements) {
    const outer = element.parent >= 0 ? trimmed[element.parent] : { start: 0, end: text.length };
    let start = Math.min(Math.max(element.start, outer.start), outer.end);
    const end = Math.min(Math.max(element.end, start), outer.end);
    const content = text.slice(start, end);
    if (strip(content) !== "") {
      start += content.length - stripStart(content).length;
    }
    trimmed.push({ ...element, start, end: start + strip(content).length });
  }
  return trimmed;
}

function finite(weight) {
  return Number.isFinite(weight) ? weight : 0;
}
