// Line to line: divides a line into sentences, translates them and joins the translations. The twin
// of seq2seq/decoding/translator.py.

import { alignWords } from "./alignment.js";
import { beamSearch } from "./search.js";
import { BOS, EOS, PAD, UNK } from "./tokenizer.js";

// Sentences that were translated before are remembered, so that typing at the end of a long text
// does not translate all of it again.
const MOST_REMEMBERED = 2000;

/**
 * Tokens of a part of a line, and what each target token attended to.
 *
 * @typedef {object} AlignedPart
 * @property {string[]} sourceTokens S strings without </s>
 * @property {string[]} targetTokens T strings without </s>
 * @property {Float32Array[] | null} attention at least T rows of at least S weights
 */

/**
 * A translated sentence.
 *
 * @typedef {object} TranslatedSentence
 * @property {string} text
 * @property {AlignedPart[]} parts
 */

export class Translator {
  /**
   * @param {import("./engine.js").Engine} engine
   * @param {import("./text/layer.js").TextLayer} layer
   * @param {object} settings content of translator.json
   */
  constructor(engine, layer, settings) {
    this.engine = engine;
    this.layer = layer;
    this.settings = settings;
    /** @type {Map<string, TranslatedSentence>} oldest first */
    this.remembered = new Map();
    /** How many sentences were translated, and how many milliseconds it took. */
    this.work = { sentences: 0, milliseconds: 0 };
  }

  /**
   * @param {string} line without line feeds
   * @returns {Promise<{text: string, words: import("./alignment.js").AlignedWord[]}>} the
   *   translation, and what each of its words attended to
   */
  async translate(line) {
    const sentences = this.layer.sentences(line);
    const translated = [];
    for (const sentence of sentences) {
      translated.push(await this._sentence(sentence.text));
    }
    const texts = translated.map((sentence) => sentence.text);
    const text = this.layer.joinTranslations(texts, sentences);
    const parts = translated.flatMap((sentence) => sentence.parts);
    return { text, words: alignWords(line, text, parts) };
  }

  /** Translates a sentence, or remembers its translation. */
  async _sentence(text) {
    let translated = this.remembered.get(text);
    if (translated === undefined) {
      const start = performance.now();
      translated = await this._translateSentence(text);
      this.work.milliseconds += performance.now() - start;
      this.work.sentences += 1;
    }
    this._remember(text, translated);
    return translated;
  }

  _remember(text, translated) {
    // Deleted first, so that it becomes the newest one.
    this.remembered.delete(text);
    this.remembered.set(text, translated);
    if (this.remembered.size > MOST_REMEMBERED) {
      const oldest = this.remembered.keys().next().value;
      this.remembered.delete(oldest);
    }
  }

  async _translateSentence(text) {
    const sources = this.layer.divide(text);
    const toSearch = sources.filter((source) => source.tokens.length);
    const hypotheses = toSearch.length ? await this._search(toSearch) : [];
    const texts = [];
    const parts = [];
    for (const source of sources) {
      const hypothesis = source.tokens.length ? hypotheses.shift() : null;
      if (!hypothesis) {
        texts.push(this.layer.carriedOver(source));
        continue;
      }
      const { tokens, attention } = hypothesis;
      texts.push(this.layer.finish(source, tokens, attention));
      const shown = this.layer.shownTokens(source, this._cut(source), tokens);
      parts.push({ sourceTokens: shown[0], targetTokens: shown[1], attention });
    }
    return { text: this.layer.joinTexts(texts), parts };
  }

  _search(sources) {
    const inputs = sources.map((source) => ({
      tokens: [...this._cut(source), EOS],
      forbidden: this.layer.forbiddenTokens(source),
      slots: this.layer.slotsOf(source),
    }));
    const never = [PAD, UNK, ...this.layer.slotTokens];
    const tokens = { bos: BOS, eos: EOS, never };
    return beamSearch(this.engine, inputs, this.settings.search, tokens);
  }

  /** Returns the tokens, cut where a single character of a text is longer than the limit. */
  _cut(source) {
    return source.tokens.slice(0, this.settings.max_source_tokens - 1);
  }
}
