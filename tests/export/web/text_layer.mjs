// Runs the text layer of the page: test_text_layer.py compares it with that of Python.
//
// Usage: node text_layer.mjs FOLDER < LINES > RESULTS
// FOLDER has tokenizer.json, text_rules.json and translator.json. LINES and RESULTS are JSON.

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { TextLayer } from "../../../seq2seq/export/web/text/layer.js";
import { Tokenizer } from "../../../seq2seq/export/web/tokenizer.js";

const folder = process.argv[2];
const read = (name) => JSON.parse(readFileSync(join(folder, name), "utf8"));
const settings = read("translator.json");
const tokenizer = new Tokenizer(read("tokenizer.json"), settings);
const layer = new TextLayer(read("text_rules.json"), settings, tokenizer);

/** Attention to the same place. It is the one of test_text_layer.py. */
function attentionOf(target, source) {
  const weight = (row, column) => 1 / (1 + Math.abs(row - column));
  return target.map((_, row) => source.tokens.map((_, column) => weight(row, column)));
}

function resultOfPart(source) {
  const target = tokenizer.encode(source.slotted.text, "target");
  return {
    text: source.slotted.text,
    tokens: source.tokens,
    strings: layer.shownTokens(source, source.tokens, target),
    slots: layer.slotsOf(source),
    forbidden: layer.forbiddenTokens(source).length,
    finished: layer.finish(source, target, attentionOf(target, source)),
  };
}

function resultOf(line) {
  const sentences = layer.sentences(line);
  const parts = sentences.map((sentence) => layer.divide(sentence.text).map(resultOfPart));
  const texts = parts.map((of) => layer.joinTexts(of.map((part) => part.finished)));
  return { sentences, parts, joined: layer.joinTranslations(texts, sentences) };
}

const lines = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(lines.map(resultOf)));
