// Divides sentences that are longer than those of training. See seq2seq/decoding/segmentation.py.

import { characterAt, characterBefore, endsWithAny, isAlphanumeric, strip } from "./characters.js";
import { repetitionStarts } from "./repetition.js";

/** @typedef {import("./sentences.js").Sentence} Sentence */
/** @typedef {import("./layer.js").SourceText} SourceText */

/** Divides texts into parts of fewer than `maxTokens` source tokens. */
export class Segmenter {
  /**
   * @param {import("./layer.js").TextLayer} layer
   * @param {number} maxTokens
   * @param {any} allRules those of text_rules.json
   */
  constructor(layer, maxTokens, allRules) {
    this._layer = layer;
    this._maxTokens = maxTokens;
    this._rules = allRules.segmentation;
    this._repetition = allRules.repetition;
  }

  /**
   * Joins sentences where the boundary between them is within what must not change.
   * @param {Sentence[]} sentences
   */
  wholeSpans(sentences) {
    if (sentences.length < 2) {
      return sentences;
    }
    const text = sentences.map((sentence) => sentence.text + sentence.space).join("");
    const spans = this._layer.spans(text, false).filter((span) => isApart(text, span));
    const inside = positionsInside(spans);
    const joined = [];
    let start = 0;
    for (const sentence of sentences) {
      let whole = sentence;
      if (inside.has(start)) {
        const before = joined.pop();
        whole = { text: before.text + before.space + sentence.text, space: sentence.space };
      }
      joined.push(whole);
      start += sentence.text.length + sentence.space.length;
    }
    return joined;
  }

  /**
   * Divides a text between its repetitions or sentences, else at spaces, else anywhere.
   * @param {string} text
   * @returns {SourceText[]}
   */
  divide(text) {
    return this._repetitions(text).flatMap((part) => this._divide(this._layer.prepare(part)));
  }

  /** Divides a text that is the same words again and again. Others stay whole. */
  _repetitions(text) {
    const starts = repetitionStarts(text, this._repetition);
    if (starts.length < 2) {
      return [text];
    }
    const inside = positionsInside(this._layer.spans(text));
    if (starts.some((start) => inside.has(start))) {
      return [text];
    }
    return starts.map((start, number) => strip(text.slice(start, starts[number + 1])));
  }

  _divide(whole) {
    const text = whole.original;
    if (whole.tokens.length < this._maxTokens || characterAt(text, 0) === text) {
      return [whole];
    }
    const inside = positionsInside(this._layer.spans(text));
    const sentences = this._split(text, inside);
    let parts = sentences.length > 1 ? this._groupSentences(sentences) : [];
    if (parts.length < 2) {
      parts = halves(text, inside).map((half) => this._layer.prepare(half));
    }
    if (parts.length === 1) {
      return parts;
    }
    return parts.flatMap((part) => this._divide(part));
  }

  /** Joins neighboring sentences up to half of the limit. */
  _groupSentences(sentences) {
    const groups = [];
    let size = 0;
    for (const sentence of sentences) {
      const prepared = this._layer.prepare(sentence);
      // Alone, a sentence without letters has no tokens. In a group, it has.
      const length = prepared.tokens.length || prepared.slotted.text.length;
      if (groups.length > 0 && size + length < Math.floor(this._maxTokens / 2)) {
        groups.at(-1).push(prepared);
        size += length;
      } else {
        groups.push([prepared]);
        size = length;
      }
    }
    return groups.map((group) => this._joinGroup(group));
  }

  _joinGroup(group) {
    if (group.length === 1) {
      return group[0];
    }
    // The tokens of the sentences one after the other may differ from those of the whole.
    return this._layer.prepare(joinTexts(group.map((part) => part.original)));
  }

  /** Divides a text after its sentences, but not within a span. */
  _split(text, inside) {
    const sentences = [];
    let start = 0;
    for (const match of this._rules.SENTENCE_END.findAll(text)) {
      if (!inside.has(match.start) && !inside.has(match.end)) {
        sentences.push(text.slice(start, match.start));
        start = match.end;
      }
    }
    sentences.push(text.slice(start));
    return sentences.filter((sentence) => sentence !== "");
  }
}

/** Joins texts with spaces, but without a space after full-width punctuation. */
export function joinTexts(texts) {
  let joined = "";
  for (const text of texts) {
    if (text !== "") {
      const needsSpace = joined !== "" && !endsWithAny(joined, "。！？");
      joined += needsSpace ? " " + text : text;
    }
  }
  return joined;
}

/** Returns the positions at which a text must not be divided. */
function positionsInside(spans) {
  const inside = new Set();
  for (const { start, end } of spans) {
    for (let position = start + 1; position < end; position += 1) {
      inside.add(position);
    }
  }
  return inside;
}

/** Tells whether a span touches no word. "Geht`s? Hab`s." has no code. */
function isApart(text, span) {
  const before = characterBefore(text, span.start);
  return !isAlphanumeric(before) && !isAlphanumeric(characterAt(text, span.end));
}

/** Divides a text in two at the middle space, or in the middle if it has no space. */
function halves(text, inside) {
  const positions = [];
  let position = 0;
  for (const character of text) {
    positions.push(position);
    position += character.length;
  }
  const spaces = positions.filter((i) => text[i] === " " && !inside.has(i));
  let parts;
  if (spaces.length > 0) {
    const middle = spaces[Math.floor(spaces.length / 2)];
    parts = [text.slice(0, middle), text.slice(middle + 1)];
  } else {
    const center = Math.floor(positions.length / 2);
    let best = -1;
    positions.forEach((cut, number) => {
      const isFree = number > 0 && !inside.has(cut);
      if (isFree && (best < 0 || Math.abs(number - center) < Math.abs(best - center))) {
        best = number;
      }
    });
    if (best < 0) {
      return [text];
    }
    parts = [text.slice(0, positions[best]), text.slice(positions[best])];
  }
  return parts.filter((part) => part !== "");
}
