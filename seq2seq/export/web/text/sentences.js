// Dividing a line to translate into sentences, and joining their translations again. See
// seq2seq/text/sentences.py.

import {
  characterAt,
  characterBefore,
  endsWithAny,
  firstCharacter,
  isLower,
  isSpace,
  lastCharacter,
  strip,
  stripEndOf,
  withoutRegion,
} from "./characters.js";
import { BoundaryFinder } from "./sentence_boundaries.js";

/**
 * A sentence of a line, and the white space after it.
 * @typedef {{text: string, space: string}} Sentence
 */

/** Divides lines of one language into sentences. */
export class SentenceSplitter {
  /**
   * @param {string} language code such as "de" or "pt-br"
   * @param {any} allRules those of text_rules.json
   */
  constructor(language, allRules) {
    this._rules = allRules.sentences;
    this._boundaries = new BoundaryFinder(allRules.sentence_boundaries);
    this._isGerman = withoutRegion(language) === "de";
  }

  /**
   * Divides a text. Joining each sentence and its space gives the text back.
   * @param {string} text without white space at its ends
   * @returns {Sentence[]}
   */
  split(text) {
    const sentences = [];
    let start = 0;
    for (const next of this._starts(text)) {
      const end = endOfText(text, next);
      sentences.push({ text: text.slice(start, end), space: text.slice(end, next) });
      start = next;
    }
    return [...sentences, { text: text.slice(start), space: "" }];
  }

  /** Returns where the sentences after the first one start. */
  _starts(text) {
    const spaced = this._rules.WHITE_SPACE.replace(text, () => " ");
    const plain = this._rules.OK_PERIOD.replace(spaced, () => "!");
    const boundaries = this._boundaries.find(plain);
    const starts = boundaries.map((position) => startOfText(text, position));
    const within = starts.filter((start) => start < text.length);
    if (within.length === 0) {
      return [];
    }
    const isCapitalized = startsWithCapital(text);
    const { itemStarts, itemTexts } = this._listItems(text);
    const kept = new Set(itemStarts);
    for (const start of within) {
      if (!itemTexts.has(start) && this._endsSentence(text, start, isCapitalized)) {
        kept.add(start);
      }
    }
    return this._withoutFragments(text, [...kept].sort((a, b) => a - b));
  }

  /** Decides whether the text before `start` ends a sentence. */
  _endsSentence(text, start, isCapitalized) {
    const end = endOfText(text, start);
    const before = text.slice(Math.max(0, end - this._rules.LOOK_BACK), end);
    const following = characterAt(text, start);
    if (end === start && !this._canDivideWithoutSpace(before, following)) {
      return false;
    }
    if (isCapitalized && isLower(following)) {
      return false;
    }
    if (!before.endsWith(".")) {
      return true;
    }
    const word = this._rules.WORD_START.split(before).at(-1).toLowerCase();
    if (this._rules.ABBREVIATIONS.has(word)) {
      return false;
    }
    return !(this._isGerman && this._rules.GERMAN_ORDINAL.search(before) !== null);
  }

  /** Decides about a boundary without white space. "a?b" may be an address. */
  _canDivideWithoutSpace(before, following) {
    const { CLOSING_MARKS, FULL_WIDTH_MARKS, UNSPACED, WIDE_OPENING_MARKS } = this._rules;
    if (endsWithAny(before, CLOSING_MARKS)) {
      return endsFullWidth(before, this._rules) && WIDE_OPENING_MARKS.includes(following);
    }
    return endsWithAny(before, FULL_WIDTH_MARKS) || UNSPACED.match(following) !== null;
  }

  /** Finds lists such as "1. Open it. 2. Close it." */
  _listItems(text) {
    const itemStarts = [];
    const itemTexts = new Set();
    let item = null;
    let expected = 0;
    for (const match of this._rules.LIST_NUMBER.findAll(text)) {
      const end = endOfText(text, match.start);
      const last = characterBefore(text, end);
      const startsSentence = end === 0 || this._rules.END_MARKS.includes(last);
      const number = Number(match.group(1));
      if (item !== null && number === expected) {
        itemTexts.add(item.end);
        itemTexts.add(match.end);
        if (startsSentence) {
          itemStarts.push(match.start);
        }
      } else if (!startsSentence) {
        continue;
      }
      item = match;
      expected = number + 1;
    }
    return { itemStarts, itemTexts };
  }

  /** Drops boundaries next to parts that are no sentences. */
  _withoutFragments(text, starts) {
    const kept = [];
    starts.forEach((start, number) => {
      const end = starts[number + 1] ?? text.length;
      const previous = kept.at(-1) ?? 0;
      const isShort = start - previous < this._rules.LOOK_BACK;
      if (isShort && this._rules.LIST_MARKER.fullMatch(strip(text.slice(previous, start)))) {
        return;
      }
      if (!/^[\p{P}\p{Z}]*$/v.test(text.slice(start, end))) {
        kept.push(start);
      }
    });
    return kept;
  }
}

/**
 * Joins the translations of the sentences of a line. The white space between two sentences is kept,
 * except where one side has full-width marks and the other has not.
 * @param {string[]} translations one for each sentence; empty ones are left out
 * @param {Sentence[]} sentences the sentences of the line
 * @param {any} allRules those of text_rules.json
 */
export function joinTranslations(translations, sentences, allRules) {
  let joined = "";
  let previous = { text: "", space: "" };
  translations.forEach((translation, number) => {
    if (translation === "") {
      return;
    }
    if (joined !== "") {
      joined += spaceBetween(joined, previous, translation, allRules.sentences);
    }
    joined += translation;
    previous = sentences[number];
  });
  return joined;
}

/** Returns the white space after the translation of a sentence. */
function spaceBetween(joined, sentence, following, rules) {
  const isFullWidth = endsFullWidth(joined, rules);
  if (sentence.space === "") {
    const isBetweenTags = joined.endsWith(">") || following.startsWith("<");
    const isUnspaced = rules.UNSPACED.match(firstCharacter(following)) !== null;
    return isBetweenTags || isFullWidth || isUnspaced ? "" : " ";
  }
  if (sentence.space === " " && isFullWidth && !endsFullWidth(sentence.text, rules)) {
    return "";
  }
  return sentence.space;
}

/** Tells whether a text ends with a full-width end mark, closing quotes aside. */
function endsFullWidth(text, rules) {
  const last = lastCharacter(stripEndOf(text, rules.CLOSING_MARKS));
  return last !== "" && rules.FULL_WIDTH_MARKS.includes(last);
}

function startOfText(text, position) {
  while (position < text.length && isSpace(text[position])) {
    position += 1;
  }
  return position;
}

function endOfText(text, position) {
  while (position > 0 && isSpace(text[position - 1])) {
    position -= 1;
  }
  return position;
}

/** Tells whether the first letter that has a case is a capital. */
function startsWithCapital(text) {
  const first = /[\p{Lowercase}\p{Uppercase}]/v.exec(text);
  return first === null || !isLower(first[0]);
}
