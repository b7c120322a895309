// Finds what patterns match: test_web_patterns.py compares it with Python.
//
// Usage: node match_patterns.mjs < CASES > RESULTS
// CASES is a list of [pattern, texts]. RESULTS has, for each text, the [start, end, groups] of all
// matches, where positions count characters.

import { readFileSync } from "node:fs";

import { Pattern } from "../../../seq2seq/export/web/text/rules.js";

function matchesOf(compiled, text) {
  const names = Object.keys(compiled.groups);
  const positions = new Map([[0, 0]]);
  let units = 0;
  for (const character of text) {
    units += character.length;
    positions.set(units, positions.size);
  }
  return new Pattern(compiled).findAll(text).map((match) => {
    const groups = names.map((name) => [name, match.group(name) ?? null]);
    return [positions.get(match.start), positions.get(match.end), Object.fromEntries(groups)];
  });
}

const cases = JSON.parse(readFileSync(0, "utf8"));
const results = cases.map(([compiled, texts]) => texts.map((text) => matchesOf(compiled, text)));
process.stdout.write(JSON.stringify(results));
