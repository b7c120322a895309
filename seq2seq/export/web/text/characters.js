// Characters and strings as Python sees them. The rules of the text layer are written for Python,
// whose strings consist of characters. Those of JavaScript consist of UTF-16 units, two for an
// emoji. Positions count units here, and no function divides a character.

const SPACES = [
  String.raw`\x09-\x0d\x1c-\x20\x85\xa0`,
  String.raw`\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000`,
].join("");
const IS_SPACE = new RegExp(`^[${SPACES}]+$`, "v");
const SPACE_RUN = new RegExp(`[${SPACES}]+`, "v");
const LEADING_SPACES = new RegExp(`^[${SPACES}]+`, "v");
const NOT_SPACE = new RegExp(`[^${SPACES}]`, "v");

/** @param {string} text */
export function isSpace(text) {
  return IS_SPACE.test(text);
}

/** Tells whether a character is a letter or a digit. @param {string} character */
export function isAlphanumeric(character) {
  return /^[\p{L}\p{N}]$/v.test(character);
}

/** @param {string} character */
export function isLower(character) {
  return /^\p{Lowercase}$/v.test(character);
}

/** Tells whether a text has a capital and no small letter. @param {string} text */
export function isUpper(text) {
  return /\p{Uppercase}/v.test(text) && !/[\p{Lowercase}\p{Lt}]/v.test(text);
}

/** Returns the parts of a text between white space. @param {string} text */
export function splitWords(text) {
  return text.split(SPACE_RUN).filter((word) => word !== "");
}

/** @param {string} text */
export function stripStart(text) {
  return text.replace(LEADING_SPACES, "");
}

/** @param {string} text */
export function stripEnd(text) {
  let end = text.length;
  while (end > 0 && !NOT_SPACE.test(text[end - 1])) {
    end -= 1;
  }
  return text.slice(0, end);
}

/** @param {string} text */
export function strip(text) {
  return stripStart(stripEnd(text));
}

/**
 * Takes characters off the end of a text.
 * @param {string} text
 * @param {string} characters those to take off, in any order
 */
export function stripEndOf(text, characters) {
  let end = text.length;
  for (;;) {
    const last = characterBefore(text, end);
    if (last === "" || !characters.includes(last)) {
      return text.slice(0, end);
    }
    end -= last.length;
  }
}

/**
 * Takes characters off the start of a text.
 * @param {string} text
 * @param {string} characters those to take off, in any order
 */
export function stripStartOf(text, characters) {
  let start = 0;
  for (;;) {
    const first = characterAt(text, start);
    if (first === "" || !characters.includes(first)) {
      return text.slice(start);
    }
    start += first.length;
  }
}

/** Returns the character that starts at a position, or "". */
export function characterAt(text, position) {
  const code = text.codePointAt(position);
  return code === undefined ? "" : String.fromCodePoint(code);
}

/** Returns the character that ends at a position, or "". */
export function characterBefore(text, position) {
  if (position <= 0) {
    return "";
  }
  const start = position - 2;
  if (start >= 0 && text.codePointAt(start) > 0xffff) {
    return text.slice(start, position);
  }
  return text[position - 1];
}

/** @param {string} text */
export function firstCharacter(text) {
  return characterAt(text, 0);
}

/** @param {string} text */
export function lastCharacter(text) {
  return characterBefore(text, text.length);
}

/** Tells whether a text ends with one of several characters. */
export function endsWithAny(text, characters) {
  const last = lastCharacter(text);
  return last !== "" && characters.includes(last);
}

/** Tells whether a text starts with one of several characters. */
export function startsWithAny(text, characters) {
  const first = firstCharacter(text);
  return first !== "" && characters.includes(first);
}

/** Returns the number of characters of a text. @param {string} text */
export function countCharacters(text) {
  let count = 0;
  for (const _ of text) {
    count += 1;
  }
  return count;
}

/**
 * Replaces single characters.
 * @param {string} text
 * @param {Map<string, string>} table character -> what replaces it
 */
export function translate(text, table) {
  return Array.from(text, (character) => table.get(character) ?? character).join("");
}

/** Returns the base of a language code: "de" of "de-AT". @param {string} language */
export function withoutRegion(language) {
  return language.toLowerCase().split(/[\-_]/)[0];
}

/** Finds the first place in a sorted array where a number could be inserted. */
export function bisectLeft(sorted, number) {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < number) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** Finds the last place in a sorted array where a number could be inserted. */
export function bisectRight(sorted, number) {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= number) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
