// Paired inline tags: taken out before translation, put back around the translated words. See
// seq2seq/text/markup.py.

import { characterBefore, firstCharacter, isSpace, strip, stripEnd, stripStart } from "./characters.js";
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
 * Takes paired tags out of a text.
 * @param {string} text
 * @param {any} allRules those of text_rules.json
 */
export function stripTags(text, allRules) {
  const tagRules = allRules.tags;
  const matches = tagsOutside(findTags(text, tagRules), copiedElements(text, tagRules));
  const partners = partnersOf(matches, allRules.markup);
  if (partners.size === 0) {
    return new Markup(text, []);
  }
  const builder = new TextBuilder();
  // The elements so far. Their ends are known when their closing tags come.
  const elements = [];
  const opened = [];
  let position = 0;
  matches.forEach((match, number) => {
    if (!partners.has(number)) {
      return;
    }
    builder.add(text.slice(position, match.start));
    position = match.end;
    builder.needsSpace ||= allRules.markup.BLOCK_NAMES.has(match.group("name").toLowerCase());
    if (match.group("slash")) {
      const element = elements[opened.pop()];
      element.closing = match.text;
      element.end = builder.length;
    } else {
      const parent = opened.at(-1) ?? -1;
      opened.push(elements.length);
      elements.push({ opening: match.text, closing: "", start: builder.length, end: 0, parent });
    }
  });
  builder.add(text.slice(position));
  const stripped = stripEnd(builder.parts.join(""));
  return new Markup(stripped, trimmedElements(elements, stripped));
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
