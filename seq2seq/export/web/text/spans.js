// Finding the parts of a text that a translation keeps as they are. See seq2seq/text/spans.py.

import { copiedElements } from "./tags.js";

/**
 * A part of a text.
 * @typedef {{start: number, end: number, kind: string}} Span
 */

/** Finds the parts of a text that must not change in translation. */
export class SpanFinder {
  /** @param {any} rules those of text_rules.json */
  constructor(rules) {
    this._rules = rules;
  }

  /**
   * Returns the spans of a text in their order. They do not overlap.
   * @param {string} text
   * @returns {Span[]}
   */
  find(text) {
    let spans = [];
    for (const pattern of this._rules.protect) {
      spans = fillGaps(text, spans, (start, end) => userSpans(pattern, text, start, end));
    }
    spans = withElements(copiedElements(text, this._rules.tags), spans);
    return fillGaps(text, spans, (start, end) => this._builtInSpans(text, start, end));
  }

  _builtInSpans(text, start, end) {
    const { UNUSUAL, BUILT_IN } = this._rules.span_patterns;
    if (UNUSUAL.search(text, start, end) === null) {
      return [];
    }
    const spans = [];
    let repeated = ""; // the symbol that the last span consists of
    for (const match of BUILT_IN.findAll(text, start, end)) {
      const kind = this._kindOf(match);
      if (kind === "plain") {
        continue;
      }
      const span = { start: match.start, end: match.end, kind };
      if (kind === "emoji" || kind === "symbol") {
        const last = spans.at(-1);
        if (last?.end === span.start && last.kind === kind && repeated === match.text) {
          span.start = spans.pop().start;
        }
        repeated = match.text;
      }
      spans.push(span);
    }
    return spans;
  }

  _kindOf(match) {
    return this._rules.span_patterns.KINDS.find((kind) => match.group(kind) !== undefined);
  }
}

/** Adds the spans that `find` finds between those that there are. */
function fillGaps(text, spans, find) {
  const filled = [];
  let start = 0;
  for (const span of spans) {
    filled.push(...find(start, span.start), span);
    start = span.end;
  }
  filled.push(...find(start, text.length));
  return filled;
}

/**
 * Adds the elements whose content is copied, in place of the spans in them. Where a span and an
 * element overlap otherwise, the span wins.
 */
function withElements(elements, spans) {
  const merged = [];
  const rest = [...spans];
  for (const { start, end } of elements) {
    while (rest.length > 0 && rest[0].end <= start) {
      merged.push(rest.shift());
    }
    const inside = [];
    while (rest.length > 0 && start <= rest[0].start && rest[0].end <= end) {
      inside.push(rest.shift());
    }
    if (rest.length > 0 && rest[0].start < end) {
      merged.push(...inside);
    } else {
      merged.push({ start, end, kind: "code" });
    }
  }
  return [...merged, ...rest];
}

function userSpans(pattern, text, start, end) {
  const matches = pattern.findAll(text, start, end).filter((match) => match.text !== "");
  return matches.map((match) => ({ start: match.start, end: match.end, kind: "pattern" }));
}
