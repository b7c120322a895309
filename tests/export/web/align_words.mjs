// Aligns the words of texts and their translations: test_web_alignment.py checks it.
//
// Usage: node align_words.mjs < CASES > RESULTS

import { readFileSync } from "node:fs";

import { alignWords } from "../../../seq2seq/export/web/alignment.js";

const results = [];
for (const { source, target, parts } of JSON.parse(readFileSync(0, "utf-8"))) {
  const words = alignWords(source, target, parts);
  results.push(
    words.map(({ start, end, sources }) => {
      const best = sources.reduce((one, other) => (other.weight > one.weight ? other : one), {
        start: 0,
        end: 0,
        weight: 0,
      });
      return [target.slice(start, end), source.slice(best.start, best.end)];
    }),
  );
}
console.log(JSON.stringify(results));
