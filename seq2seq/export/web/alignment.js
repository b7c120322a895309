// Which words of the source each word of a translation attended to.
//
// Attention is between tokens. Between a text and its tokens lies the text layer, which takes tags
// off, puts slots in and changes capitals. So the tokens are found again in the text: their
// characters and those of the text are aligned, as a comparison of two files does it.
//
// Legend
//   T  target tokens
//   S  source tokens

// Words of scripts without spaces are too long to show anything. Each of their tokens is a word.
const UNSPACED = /\p{scx=Han}|\p{scx=Hira}|\p{scx=Kana}|\p{scx=Thai}|\p{scx=Lao}|\p{scx=Khmr}/u;
const WORD = /\S+/gu;
const SPACE = "\u2581";
// Longer texts are not compared: the time grows with the square of what differs.
const MOST_CELLS = 4_000_000;

/**
 * A word of a translation.
 *
 * @typedef {object} AlignedWord
 * @property {number} start
 * @property {number} end
 * @property {{start: number, end: number, weight: number}[]} sources the words of the source that
 *   it attended to, and how much, from 0 to 1
 */

/**
 * @param {string} source
 * @param {string} target
 * @param {import("./translator.js").AlignedPart[]} parts the tokens of all parts, in order
 * @returns {AlignedWord[]} the words of `target`
 */
export function alignWords(source, target, parts) {
  const sourceTokens = parts.flatMap((part) => part.sourceTokens);
  const targetTokens = parts.flatMap((part) => part.targetTokens);
  const sourceWords = wordsOf(source, tokenOfEachCharacter(source, sourceTokens));
  const targetWords = wordsOf(target, tokenOfEachCharacter(target, targetTokens));
  const weights = weightsOf(parts);
  return targetWords.map(({ start, end, tokens }) => ({
    start,
    end,
    sources: attended(tokens, sourceWords, weights),
  }));
}

/** Returns a function that gives the weight of a target token at a source token. */
function weightsOf(parts) {
  const places = []; // of each target token: its part, its number in it, the first source token
  let firstSource = 0;
  for (const part of parts) {
    part.targetTokens.forEach((_, number) => places.push({ part, number, firstSource }));
    firstSource += part.sourceTokens.length;
  }
  return (targetToken, sourceToken) => {
    const { part, number, firstSource: first } = places[targetToken];
    const inPart = sourceToken - first;
    if (part.attention === null || inPart < 0 || inPart >= part.sourceTokens.length) {
      return 0;
    }
    return part.attention[number][inPart];
  };
}

/** Returns what the tokens of a target word attended to, in the mean. */
function attended(targetTokens, sourceWords, weights) {
  const sources = [];
  for (const { start, end, tokens } of sourceWords) {
    let weight = 0;
    for (const targetToken of targetTokens) {
      for (const sourceToken of tokens) {
        weight += weights(targetToken, sourceToken) / targetTokens.length;
      }
    }
    if (weight > 0) {
      sources.push({ start, end, weight });
    }
  }
  return sources;
}

/**
 * Divides a text into words.
 *
 * @param {string} text
 * @param {number[]} tokenOf the token of each character, -1 if it has none
 * @returns {{start: number, end: number, tokens: number[]}[]}
 */
function wordsOf(text, tokenOf) {
  const words = [];
  for (const match of text.matchAll(WORD)) {
    const wordStart = match.index;
    const wordEnd = wordStart + match[0].length;
    const cuts = UNSPACED.test(match[0]) ? tokenStarts(tokenOf, wordStart, wordEnd) : [];
    const edges = [wordStart, ...cuts, wordEnd];
    for (let number = 0; number + 1 < edges.length; number++) {
      const [start, end] = edges.slice(number, number + 2);
      const tokens = new Set(tokenOf.slice(start, end));
      tokens.delete(-1);
      words.push({ start, end, tokens: [...tokens] });
    }
  }
  return words;
}

/** Returns where the tokens of a word start, except for the first one. */
function tokenStarts(tokenOf, start, end) {
  const starts = [];
  for (let position = start + 1; position < end; position++) {
    if (tokenOf[position] !== tokenOf[position - 1]) {
      starts.push(position);
    }
  }
  return starts;
}

/**
 * Finds tokens in a text.
 *
 * @returns {number[]} the token of each UTF-16 unit of the text, -1 for white space and where
 *   nothing is known
 */
function tokenOfEachCharacter(text, tokens) {
  const characters = [];
  const tokenOfCharacter = [];
  tokens.forEach((token, number) => {
    // A token may be what a slot stands for, with spaces in it.
    for (const unit of token.replaceAll(SPACE, "").replace(/\s+/gu, "").split("")) {
      characters.push(unit.toLowerCase());
      tokenOfCharacter.push(number);
    }
  });
  const positions = [];
  text.split("").forEach((unit, position) => {
    if (unit.trim()) {
      positions.push(position);
    }
  });
  const units = positions.map((position) => text[position].toLowerCase());
  const partner = matchingUnits(units, characters);
  const found = partner.map((other) => (other < 0 ? -1 : tokenOfCharacter[other]));
  fillGaps(found, tokens.length);
  const tokenOf = new Array(text.length).fill(-1);
  positions.forEach((position, number) => {
    tokenOf[position] = found[number];
  });
  return tokenOf;
}

/**
 * Aligns two sequences: a longest common subsequence.
 *
 * @returns {number[]} for each of `units` the position of its partner in `others`, or -1
 */
function matchingUnits(units, others) {
  const partner = new Array(units.length).fill(-1);
  let start = 0;
  while (start < units.length && start < others.length && units[start] === others[start]) {
    partner[start] = start;
    start += 1;
  }
  let end = units.length;
  let otherEnd = others.length;
  while (end > start && otherEnd > start && units[end - 1] === others[otherEnd - 1]) {
    end -= 1;
    otherEnd -= 1;
    partner[end] = otherEnd;
  }
  if ((end - start) * (otherEnd - start) <= MOST_CELLS) {
    matchMiddle(units.slice(start, end), others.slice(start, otherEnd), start, partner);
  }
  return partner;
}

function matchMiddle(units, others, offset, partner) {
  const width = others.length + 1;
  // lengths[i * width + j]: the longest common subsequence of units from i on and others from j on.
  const lengths = new Uint32Array((units.length + 1) * width);
  for (let i = units.length - 1; i >= 0; i--) {
    for (let j = others.length - 1; j >= 0; j--) {
      const below = lengths[(i + 1) * width + j];
      const right = lengths[i * width + j + 1];
      const both = units[i] === others[j] ? lengths[(i + 1) * width + j + 1] + 1 : 0;
      lengths[i * width + j] = Math.max(below, right, both);
    }
  }
  let i = 0;
  let j = 0;
  while (i < units.length && j < others.length) {
    const length = lengths[i * width + j];
    if (units[i] === others[j] && length === lengths[(i + 1) * width + j + 1] + 1) {
      partner[offset + i] = offset + j;
      i += 1;
      j += 1;
    } else if (length === lengths[(i + 1) * width + j]) {
      i += 1;
    } else {
      j += 1;
    }
  }
}

/**
 * Gives the characters without a token one. Such a stretch may stand for a slot, so it gets the
 * token that no character has: the one between those around it. A stretch without one, as a
 * tag, is left as it is.
 *
 * @param {number[]} found the token of each character, or -1. It is changed.
 * @param {number} count how many tokens there are
 */
function fillGaps(found, count) {
  let start = 0;
  while (start < found.length) {
    let end = start + 1;
    while (end < found.length && (found[end] < 0) === (found[start] < 0)) {
      end += 1;
    }
    if (found[start] < 0) {
      const before = start > 0 ? found[start - 1] : -1;
      const after = end < found.length ? found[end] : count;
      if (before + 1 < after) {
        found.fill(before + 1, start, end);
      }
    }
    start = end;
  }
}
