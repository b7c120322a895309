// Case as a property of its own: words in lower case, and the case of each character. See
// seq2seq/text/case.py.

import { countCharacters, firstCharacter, isUpper, withoutRegion } from "./characters.js";

/** Separates the case of words from their letters. */
export class CaseFolder {
  /**
   * @param {string} language code such as "de" or "pt-br"
   * @param {any} rules those of seq2seq/text/case.py
   */
  constructor(language, rules) {
    this._rules = rules;
    this._hasDotlessI = rules.DOTLESS_I.includes(withoutRegion(language));
  }

  /**
   * Returns the folded text, and the case of each of its UTF-16 units.
   * @param {string} text
   * @returns {{text: string, cases: number[]}}
   */
  fold(text) {
    let folded = "";
    const cases = [];
    let end = 0;
    for (const match of this._rules.CASED_WORD.findAll(text)) {
      const word = this._foldWord(match.text);
      folded += text.slice(end, match.start);
      cases.push(...Array(folded.length - cases.length).fill(this._rules.NO_CASE));
      folded += word.text;
      cases.push(...Array(word.text.length).fill(word.case));
      end = match.end;
    }
    folded += text.slice(end);
    cases.push(...Array(folded.length - cases.length).fill(this._rules.NO_CASE));
    return { text: folded, cases };
  }

  /**
   * Returns the text whose folding is `text` and `cases`.
   * @param {string} text
   * @param {number[]} cases
   */
  unfold(text, cases) {
    return this._rules.WORD.replace(text, (match) => {
      const wordCase = cases[match.start];
      return wordCase ? this._apply(match.text, wordCase) : match.text;
    });
  }

  /** Returns the text in capitals. @param {string} text */
  upper(text) {
    return (this._hasDotlessI ? text.replaceAll("i", "İ") : text).toUpperCase();
  }

  _foldWord(word) {
    const { CAPITALIZED, NO_CASE, UPPER, WORD } = this._rules;
    const folded = this._lower(word);
    const wordCase = isUpper(word) && countCharacters(word) > 1 ? UPPER : CAPITALIZED;
    // A word whose capitals cannot be restored, such as LibreOffice or ẞ, stays as it is.
    const isRestored = folded !== word && this._apply(folded, wordCase) === word;
    if (!isRestored || WORD.fullMatch(folded) === null) {
      return { text: word, case: NO_CASE };
    }
    return { text: folded, case: wordCase };
  }

  _lower(text) {
    if (this._hasDotlessI) {
      text = text.replaceAll("İ", "i").replaceAll("I", "ı");
    }
    return text.toLowerCase();
  }

  _apply(word, wordCase) {
    if (wordCase === this._rules.UPPER) {
      return this.upper(word);
    }
    const first = firstCharacter(word);
    return this.upper(first) + word.slice(first.length);
  }
}

/**
 * Tells whether a text is written in capitals: it has a word of two letters or more with a case,
 * and no lower-case letter.
 * @param {string} text
 * @param {any} rules those of seq2seq/text/case.py
 */
export function isInCapitals(text, rules) {
  if (!isUpper(text)) {
    return false;
  }
  const words = rules.WORD.findAll(text).map((match) => match.text);
  return words.some((word) => countCharacters(word) > 1 && isUpper(word));
}
