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
  const amount = rules.AMOUNT.fullMatch(text);
  const before = amount?.group("before") ?? "";
  const number = amount?.group("number") ?? text;
  const after = amount?.group("after") ?? "";
  const digits = stripStartOf(number, rules.SIGNS);
  const sign = number.slice(0, number.length - digits.length);
  const isAlone = before === "" && sign === "" && after === "";
  if (isAlone && source.decimal === "." && rules.POINT_BETWEEN_DIGITS.fullMatch(digits)) {
    return text;
  }
  if (sign === "+" && [...rules.SPACES].some((space) => digits.includes(space))) {
    return text;
  }
  const separators = rules.RANGE.findAll(digits).map((match) => match.text);
  const parts = rules.RANGE.split(digits).map((part) => localizePart(part, source, target));
  const localized = parts.map((part, index) => part + (separators[index] ?? "")).join("");
  return before + sign + localized + after;
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
