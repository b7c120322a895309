// Tags in a text: which belong together, and which elements have no text to translate in them. See
// seq2seq/text/tags.py.

import { characterAt, characterBefore } from "./characters.js";

/** @typedef {import("./rules.js").Match} Match */

/**
 * Returns the tags of a text that can have a partner, as matches with the groups slash, name and
 * rest.
 * @param {string} text
 * @param {any} rules those of seq2seq/text/tags.py
 * @returns {Match[]}
 */
export function findTags(text, rules) {
  return rules.TAG.findAll(text).filter((match) => canHavePartner(text, match, rules));
}

/**
 * Returns the numbers of the opening and the closing tag of each element, in text order.
 * @param {Match[]} tags
 * @returns {[number, number][]}
 */
export function pairTags(tags) {
  const openTags = [];
  const numOpen = new Map();
  const pairs = [];
  const nameOf = (number) => tags[number].group("name").toLowerCase();
  for (let number = 0; number < tags.length; number += 1) {
    const name = nameOf(number);
    if (!tags[number].group("slash")) {
      openTags.push(number);
      numOpen.set(name, (numOpen.get(name) ?? 0) + 1);
    } else if ((numOpen.get(name) ?? 0) > 0) {
      let opening = -1;
      while (opening < 0 || nameOf(opening) !== name) {
        opening = openTags.pop();
        numOpen.set(nameOf(opening), numOpen.get(nameOf(opening)) - 1);
      }
      pairs.push([opening, number]);
    }
  }
  return pairs.sort((a, b) => a[0] - b[0]);
}

/**
 * Returns where the elements are that a translation keeps with their content, in text order.
 * @param {string} text
 * @param {any} rules those of seq2seq/text/tags.py
 * @returns {{start: number, end: number}[]}
 */
export function copiedElements(text, rules) {
  if (!text.includes("<") || rules.HINT.search(text) === null) {
    return [];
  }
  const tags = findTags(text, rules);
  const ranges = [];
  let end = 0;
  for (const [opening, closing] of pairTags(tags)) {
    const start = tags[opening].start;
    if (start >= end && isCopied(tags[opening], rules)) {
      end = tags[closing].end;
      ranges.push({ start, end });
    }
  }
  return ranges;
}

function canHavePartner(text, match, rules) {
  const name = match.group("name");
  if (name === undefined || rules.VOID_NAMES.has(name.toLowerCase())) {
    return false;
  }
  if (match.group("rest").endsWith("/")) {
    return false;
  }
  // „<b>“: the text is about the tag.
  const before = characterBefore(text, match.start);
  const after = characterAt(text, match.end);
  const isQuote = (mark) => mark !== "" && rules.QUOTES.includes(mark);
  return !(isQuote(before) && isQuote(after));
}

function isCopied(tag, rules) {
  const name = tag.group("name").toLowerCase();
  return rules.CODE_NAMES.has(name) || rules.NOT_TRANSLATED.search(tag.group("rest")) !== null;
}
