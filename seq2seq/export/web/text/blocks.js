// HTML's elements that are blocks: what stands in two of them is not one sentence. See
// seq2seq/text/blocks.py.

import { stripEnd } from "./characters.js";

/**
 * Divides a sentence before and after blocks such as `<li>`, and after `<br>`. Each part has a
 * letter outside of tags. Joining the parts and their spaces gives the sentence.
 * @param {import("./sentences.js").Sentence} sentence
 * @param {any} rules those of seq2seq/text/blocks.py
 * @returns {import("./sentences.js").Sentence[]}
 */
export function divideAtBlocks(sentence, rules) {
  const { text } = sentence;
  if (!text.includes("<")) {
    return [sentence];
  }
  const hasLetter = (start, end) => rules.LETTER_OUTSIDE_TAGS.search(text, start, end) !== null;
  const starts = [0];
  for (const match of rules.BREAK.findAll(text)) {
    const edge = match.group("opening") === undefined ? match.end : match.start;
    const boundary = rules.SPACES.match(text, edge).end;
    if (hasLetter(starts.at(-1), boundary) && hasLetter(boundary, text.length)) {
      starts.push(boundary);
    }
  }
  const parts = starts.map((start, number) => {
    const part = text.slice(start, starts[number + 1]);
    const kept = stripEnd(part);
    return { text: kept, space: part.slice(kept.length) };
  });
  parts.at(-1).space = sentence.space;
  return parts;
}
