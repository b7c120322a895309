// Finds where a text is the same words, or the same symbol, again and again. See
// seq2seq/text/repetition.py.

import { stripEndOf } from "./characters.js";

/**
 * Returns where to divide a text before, between and after the repetitions of the same words.
 * @param {string} text
 * @param {any} rules those of seq2seq/text/repetition.py
 * @returns {number[]} the start of each part; the first is 0
 */
export function repetitionStarts(text, rules) {
  const { LONGEST_PERIOD, MARKS, REPEATED_WORDS } = rules;
  const words = text.toLowerCase().split(" ").map((word) => stripEndOf(word, MARKS) || word);
  // The usual case, found quickly.
  if (words.length < new Set(words).size + REPEATED_WORDS) {
    return [0];
  }
  const longest = Math.min(LONGEST_PERIOD, words.length - REPEATED_WORDS);
  for (let period = 1; period <= longest; period += 1) {
    const comesAgain = words.slice(period).map((word, number) => word === words[number]);
    // A part of a text is divided if it stands there three times, the whole if it does twice.
    const isWhole = comesAgain.every(Boolean);
    const needed = isWhole ? REPEATED_WORDS : Math.max(REPEATED_WORDS, 2 * period);
    const first = firstRun(comesAgain, needed);
    if (first >= 0) {
      const end = comesAgain.indexOf(false, first);
      const last = end < 0 ? words.length - 1 : end + period;
      return startsOfWords(text, first, last, period);
    }
  }
  return [0];
}

/** Returns where the first run of so many true values starts, or -1. */
function firstRun(values, length) {
  let run = 0;
  for (let number = 0; number < values.length; number += 1) {
    run = values[number] ? run + 1 : 0;
    if (run === length) {
      return number - length + 1;
    }
  }
  return -1;
}

/** Returns 0 and the positions of every so many words from `first` to `last`. */
function startsOfWords(text, first, last, period) {
  const starts = new Set([0]);
  let position = 0;
  text.split(" ").forEach((word, number) => {
    if (number >= first && number <= last && (number - first) % period === 0) {
      starts.add(position);
    }
    position += word.length + 1;
  });
  return [...starts].sort((a, b) => a - b);
}
