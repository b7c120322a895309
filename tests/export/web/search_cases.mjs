// Runs the page's search on a model without weights: test_web_search.py compares it with Python.
//
// Usage: node search_cases.mjs < CASES > RESULTS
//
// Legend
//   V  vocabulary
//   S  source tokens

import { readFileSync } from "node:fs";

import { beamSearch } from "../../../seq2seq/export/web/search.js";

const MODULUS = 1_000_003;
const BOS = 2;
const EOS = 3;

/** A state is a number that stands for the source and all tokens so far. */
class Decoding {
  constructor(sources, vocabulary) {
    this.sentences = sources.length;
    this.sourceTokens = Math.max(...sources.map((source) => source.length));
    this.vocabulary = vocabulary;
    this.states = sources.map((source) => source.reduce(next, 1));
  }

  async step(tokens) {
    this.states = this.states.map((state, row) => next(state, tokens[row]));
    const logProbs = this.states.map((state) => {
      const row = new Float32Array(this.vocabulary);
      return row.map((_, token) => -(((state * (token + 7)) % MODULUS) % 65536) / 8192);
    });
    const attention = this.states.map((state) => {
      const weights = new Float32Array(this.sourceTokens);
      return weights.map((_, place) => ((state + place) % 128) / 128);
    });
    return { logProbs, attention };
  }

  select(rows, sentences, rowCounts) {
    this.states = rows.map((row) => this.states[row]);
    if (sentences !== null) {
      this.sentences = sentences.length;
    }
    if (rowCounts.length !== this.sentences) {
      throw new Error("rowCounts does not fit");
    }
  }
}

function next(state, token) {
  return (state * 733 + token * 17 + 11) % MODULUS;
}

const results = [];
for (const { sources, vocabulary, settings, never } of JSON.parse(readFileSync(0, "utf-8"))) {
  const engine = { start: async (rows) => new Decoding(rows, vocabulary) };
  const tokens = { bos: BOS, eos: EOS, never };
  const hypotheses = await beamSearch(engine, sources, settings, tokens);
  results.push(
    hypotheses.map(
      (best) =>
        best && {
          tokens: best.tokens,
          score: best.score,
          attention: best.attention.map((weights) => [...weights]),
        },
    ),
  );
}
console.log(JSON.stringify(results));
