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
   * Returns the spans of a text in their order. They do not overlap, and those that touch are one.
   * @param {string} text
   * @param {Set<number>} boundaries positions where spans that touch stay two
   * @returns {Span[]}
   */
  find(text, boundaries) {
    let spans = [];
    for (const pattern of this._rules.protect) {
      spans = fillGaps(text, spans, (start, end) => userSpans(pattern, text, start, end));
    }
    spans = withElements(copiedElements(text, this._rules.tags), spans);
    spans = fillGaps(text, spans, (start, end) => this._builtInSpans(text, start, end));
    spans = joinTouching(text, spans, boundaries, this._rules.spans);
    return withLists(text, spans, boundaries, this._rules.spans);
  }

  _builtInSpans(text, start, end) {
    const { UNUSUAL, BUILT_IN } = this._rules.span_patterns;
    if (UNUSUAL.search(text, start, end) === null) {
      return [];
    }
    const matches = BUILT_IN.findAll(text, start, end);
    const spans = matches.map((match) => {
      return { start: match.start, end: match.end, kind: this._kindOf(match) };
    });
    return spans.filter((span) => span.kind !== "plain");
  }

  _kindOf(match) {
    return this._rules.span_patterns.KINDS.find((kind) => match.group(kind) !== undefined);
  }
}

/**
 * Joins spans that touch, so that a model cannot put anything between them. What the patterns of
 * the user match stays alone, and so does a number such as 1,5.
 * @param {string} text
 * @param {Span[]} spans in order and without overlap
 * @param {Set<number>} boundaries positions where nothing is joined
 * @param {any} rules those of seq2seq/text/spans.py
 */
export function joinTouching(text, spans, boundaries, rules) {
  const joined = [];
  for (const span of spans) {
    const last = joined.at(-1);
    const touches = last?.end === span.start && !boundaries.has(span.start);
    if (touches && canJoin(text, last, rules) && canJoin(text, span, rules)) {
      const kind = span.kind === last.kind ? span.kind : "code";
      joined[joined.length - 1] = { start: last.start, end: span.end, kind };
    } else {
      joined.push(span);
    }
  }
  return joined;
}

/** Makes one span of a long list of numbers, such as "1, 2, 3, 4, 5, 6". */
function withLists(text, spans, boundaries, rules) {
  if (spans.length < rules.FEWEST_IN_LIST) {
    return spans;
  }
  const joined = [];
  let numbers = [];
  for (const span of [...spans, null]) {
    const last = numbers.at(-1);
    const follows =
      span !== null &&
      last !== undefined &&
      rules.LIST_SEPARATORS.includes(text.slice(last.end, span.start)) &&
      !boundaries.has(last.end) &&
      !boundaries.has(span.start);
    const isNumber = span !== null && span.kind === "number" && canJoin(text, span, rules);
    if (!(follows && isNumber)) {
      if (numbers.length >= rules.FEWEST_IN_LIST) {
        joined.push({ start: numbers[0].start, end: last.end, kind: "number" });
      } else {
        joined.push(...numbers);
      }
      numbers = [];
    }
    if (isNumber) {
      numbers.push(span);
    } else if (span !== null) {
      joined.push(span);
    }
  }
  return joined;
}

function canJoin(text, { start, end, kind }, rules) {
  const isNumber = kind === "number" && rules.SEPARATED_DIGITS.search(text, start, end) !== null;
  return kind !== "pattern" && !isNumber;
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
