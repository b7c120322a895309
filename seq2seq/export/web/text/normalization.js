// One form for text that looks the same. See seq2seq/text/normalization.py.

import { splitWords, strip } from "./characters.js";

/**
 * Returns a text in a Unicode form, without control characters. White space within it stays.
 * @param {string} text
 * @param {"nfc" | "nfkc" | "none"} form
 * @param {any} rules those of seq2seq/text/normalization.py
 */
export function normalizeCharacters(text, form, rules) {
  text = rules.INVISIBLE.replace(text, () => "");
  if (form !== "none") {
    text = text.normalize(form === "nfc" ? "NFC" : "NFKC");
  }
  return strip(rules.SEPARATING.replace(text, () => " "));
}

/** Makes each run of white space one space, and strips the ends. @param {string} text */
export function foldSpaces(text) {
  return splitWords(text).join(" ");
}

/**
 * Folds white space as `foldSpaces` does, but not within the parts to keep.
 * @param {string} text
 * @param {{start: number, end: number}[]} kept in order and without overlap
 * @param {any} rules those of seq2seq/text/normalization.py
 */
export function foldSpacesBetween(text, kept, rules) {
  const fold = (part) => rules.WHITE_SPACE.replace(part, () => " ");
  let folded = "";
  let position = 0;
  for (const { start, end } of kept) {
    folded += fold(text.slice(position, start)) + text.slice(start, end);
    position = end;
  }
  return strip(folded + fold(text.slice(position)));
}
