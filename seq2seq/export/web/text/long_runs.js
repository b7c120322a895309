// Long runs of characters without a space, which are neither words nor spans. See
// seq2seq/text/long_runs.py.

import { countCharacters, stripEndOf } from "./characters.js";

/**
 * Returns where a text has too many characters without a space.
 * @param {string} text
 * @param {{start: number, end: number}[]} spans those of the text, in order and without overlap
 * @param {Set<string>} knownWords long words that a model knows, in lower case
 * @param {any} rules those of seq2seq/text/long_runs.py
 * @returns {{start: number, end: number}[]}
 */
export function longRuns(text, spans, knownWords, rules) {
  const { FINAL_MARKS, LONG_RUN, LONGEST_RUN, LONGEST_WORD, UNSPACED, WORD } = rules;
  const count = (start, end) => countCharacters(text.slice(start, Math.max(start, end)));
  const ranges = [];
  for (const { text: run, start } of LONG_RUN.findAll(text)) {
    if (UNSPACED.search(run) !== null) {
      continue;
    }
    const end = start + stripEndOf(run, FINAL_MARKS).length;
    let length = count(start, end);
    for (const span of spans) {
      length -= count(Math.max(span.start, start), Math.min(span.end, end));
    }
    if (length > LONGEST_RUN) {
      ranges.push({ start, end });
      continue;
    }
    const isLong = (word) => countCharacters(word) > LONGEST_WORD;
    const words = WORD.findAll(text, start, end);
    ranges.push(...words.filter(({ text: w }) => isLong(w) && !knownWords.has(w.toLowerCase())));
  }
  return ranges;
}
