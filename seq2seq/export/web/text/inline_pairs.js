// Quotes, short brackets and links within a sentence. They are taken out and put back as paired
// tags are. See seq2seq/text/inline_pairs.py.

import {
  characterAt,
  characterBefore,
  isSpace,
  splitWords,
  strip,
  stripStart,
} from "./characters.js";
import { findPairs } from "./paired_marks.js";

/**
 * Two marks and what stands between them. `opening` and `closing` are the marks in the translation.
 * @typedef {{start: number, textStart: number, textEnd: number, end: number, opening: string,
 *   closing: string}} InlinePair
 */

/**
 * Returns the pairs in a text, in the order of their opening marks. They are nested.
 * @param {string} text
 * @param {{start: number, end: number}[]} spans what must not change in it
 * @param {import("./wrapping.js").MarkConversion} conversion
 * @param {any} allRules those of text_rules.json
 * @returns {InlinePair[]}
 */
export function findInlinePairs(text, spans, conversion, allRules) {
  const rules = allRules.inline_pairs;
  const links = linksOf(text, rules).filter((pair) => !cuts(pair.start, spans));
  const taken = links.map(({ textEnd, end }) => ({ start: textEnd, end }));
  const pairs = [...links];
  for (const [start, end] of findPairs(text, allRules.paired_marks)) {
    const isTaken = [start, end].some((mark) => isInside(mark, spans) || isInside(mark, taken));
    const pair = isTaken ? null : pairOf(text, start, end, conversion, allRules);
    if (pair !== null && links.every((link) => link.start !== pair.start)) {
      pairs.push(pair);
    }
  }
  pairs.sort((a, b) => a.start - b.start || b.end - a.end);
  return nested(pairs.slice(0, rules.MAX_PAIRS));
}

/** Returns the links of Markdown: [text](address), and its pictures: ![text](address). */
function linksOf(text, rules) {
  return rules.LINK.findAll(text).map((match) => {
    const opening = match.group("opening");
    const closing = match.group("closing");
    const textStart = match.start + opening.length;
    const textEnd = match.end - closing.length;
    return { start: match.start, textStart, textEnd, end: match.end, opening, closing };
  });
}

/** Returns the pair of the marks at these positions, or null if it is not to be taken out. */
function pairOf(text, start, end, conversion, allRules) {
  const rules = allRules.inline_pairs;
  const before = characterBefore(text, start);
  const after = characterAt(text, end + 1);
  const content = text.slice(start + 1, end);
  const inner = strip(content);
  const isApart = (neighbor, tag) => neighbor === "" || neighbor === tag || isSpace(neighbor);
  const startsApart = isApart(before, ">") || allRules.paired_marks.CLOSING.has(before);
  const endsApart = isApart(after, "<") || rules.MAY_FOLLOW.has(after);
  // Without the marks, what stands side by side would be one word, or another span.
  if (inner === "" || !startsApart || !endsApart) {
    return null;
  }
  const isBracket = rules.BRACKETS.includes(text[start]);
  if (isBracket && splitWords(inner).length > rules.MOST_WORDS_IN_BRACKETS) {
    return null;
  }
  const textStart = start + 1 + content.length - stripStart(content).length;
  const textEnd = textStart + inner.length;
  const marks = conversion.pair(text.slice(start, textStart), text.slice(textEnd, end + 1));
  return { start, textStart, textEnd, end: end + 1, opening: marks[0], closing: marks[1] };
}

/** Leaves out the pairs that cross one before them. They are sorted by their start. */
function nested(pairs) {
  const kept = [];
  const around = [];
  for (const pair of pairs) {
    while (around.length > 0 && around.at(-1).end <= pair.start) {
      around.pop();
    }
    if (around.length > 0 && pair.end > around.at(-1).textEnd) {
      continue;
    }
    kept.push(pair);
    around.push(pair);
  }
  return kept;
}

function isInside(position, ranges) {
  return ranges.some(({ start, end }) => start <= position && position < end);
}

/** Tells whether a position is within a range and not at its start. */
function cuts(position, ranges) {
  return ranges.some(({ start, end }) => start < position && position < end);
}
