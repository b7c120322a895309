// Numbers as the languages write them. See seq2seq/text/numbers.py.

import { stripStartOf } from "./characters.js";

/**
 * Returns a number in the form of the target language, or unchanged where that is doubtful.
 * @param {string} text the number alone
 * @param {any} rules those of seq2seq/text/numbers.py, with the conventions of both languages
 */
export function localizeNumber(text, rules) {
  const { source, target } = rules;
  if (source === null || target === null) {
    return text;
  }
  if (source.decimal === target.decimal && source.group === target.group) {
    return text;
  }
  const digits = stripStartOf(text, rules.SIGNS);
  const sign = text.slice(0, text.length - digits.length);
  if (sign === "" && source.decimal === "." && rules.POINT_BETWEEN_DIGITS.fullMatch(digits)) {
    return text;
  }
  if (sign === "+" && [...rules.SPACES].some((space) => digits.includes(space))) {
    return text;
  }
  // A part between separators is a number or a separator.
  const parts = digits.split(/([\-–])/v);
  return sign + parts.map((part) => localizePart(part, source, target)).join("");
}

function localizePart(text, source, target) {
  const match = source.number.fullMatch(text);
  if (match === null || isIpAddress(text)) {
    return text;
  }
  const whole = match.group(1).split(/\P{Nd}/v).join(target.group);
  const decimals = match.group(3);
  return decimals === undefined ? whole : whole + target.decimal + decimals;
}

function isIpAddress(text) {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^\d+$/.test(part) && Number(part) <= 255);
}
