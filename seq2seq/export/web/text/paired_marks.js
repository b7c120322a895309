// Quotes and brackets in pairs: which closing mark belongs to which opening mark. See
// seq2seq/text/paired_marks.py.

import { characterAt, characterBefore, isAlphanumeric, isSpace } from "./characters.js";

/**
 * Tells whether the first mark of `body` is closed by the last one, and by none before.
 * @param {string} body a text that starts with an opening mark
 * @param {any} rules those of seq2seq/text/paired_marks.py
 */
export function isOnePair(body, rules) {
  for (const [opening, closing] of findPairs(body, rules)) {
    if (opening === 0) {
      return closing === body.length - 1;
    }
  }
  return false;
}

/**
 * Yields the positions of the opening and the closing mark of each pair, as they close.
 * @param {string} text
 * @param {any} rules those of seq2seq/text/paired_marks.py
 * @returns {Generator<[number, number]>}
 */
export function* findPairs(text, rules) {
  const { CLOSERS, CLOSING, OPENING_WITH_SPACE, PAIR_MARK } = rules;
  const openMarks = [];
  const positions = [];
  for (const { text: mark, start: position } of PAIR_MARK.findAll(text)) {
    if (CLOSERS.has(mark) && position > 0) {
      const followsOpening = positions.at(-1) === position - 1;
      const opens = CLOSING.has(mark) && startsText(text, position, followsOpening, rules);
      const partner = opens ? -1 : partnerOf(openMarks, mark, rules);
      if (partner >= 0) {
        yield [positions[partner], position];
        openMarks.length = partner;
        positions.length = partner;
        continue;
      }
      if (!opens && !OPENING_WITH_SPACE.includes(mark)) {
        continue;
      }
    }
    if (CLOSING.has(mark)) {
      openMarks.push(mark);
      positions.push(position);
    }
  }
}

/** Tells whether a mark that may open or close opens: it stands before a word and after none. */
function startsText(body, position, followsOpening, rules) {
  const mark = characterAt(body, position);
  const before = characterBefore(body, position);
  const after = characterAt(body, position + mark.length);
  if (after === "" || after === mark || isSpace(after) || rules.PUNCTUATION.has(after)) {
    return false;
  }
  const isAfterText =
    isAlphanumeric(before) || rules.PUNCTUATION.has(before) || rules.CLOSERS.has(before);
  return followsOpening || !isAfterText;
}

/** Returns the number of the last open mark that `mark` closes, or -1. */
function partnerOf(openMarks, mark, rules) {
  const lowest = Math.max(openMarks.length - rules.MAX_DEPTH, 0);
  for (let number = openMarks.length - 1; number >= lowest; number -= 1) {
    if (rules.CLOSING.get(openMarks[number]).includes(mark)) {
      return number;
    }
  }
  return -1;
}
