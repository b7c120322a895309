// Beam search for one or several sentences. A beam of 1 is greedy search. The twin of
// seq2seq/decoding/search.py, which explains each rule. It finds the best translation only.
//
// Sums are rounded to float32, as there, so that both choose the same of two close ones.
//
// Legend
//   K  beam size
//   N  rows: the open hypotheses of all sentences in memory
//   V  target vocabulary
//   S  source tokens
//   T  tokens of a translation

import { SlotConstraint } from "./slot_constraint.js";

// Finished sentences leave memory when at most this share of it is still open.
const REMOVE_AT = 0.75;

/**
 * A translation that is being written.
 *
 * @typedef {object} OpenHypothesis
 * @property {number[]} tokens (T) without <s>
 * @property {number} logProb the sum of the log-probabilities
 * @property {Float32Array[]} attention T rows of S weights. Empty if the model has none.
 */

/**
 * A finished translation.
 *
 * @typedef {object} Hypothesis
 * @property {number[]} tokens (T) without <s> and </s>
 * @property {number} score log-probability divided by the length penalty. Higher is better.
 * @property {Float32Array[] | null} attention T + 1 rows of S weights, the last one for </s>
 */

/**
 * What a translation must and must not contain.
 *
 * @typedef {object} Source
 * @property {number[]} tokens (S) source tokens with </s>
 * @property {number[]} forbidden tokens that the translation must not contain
 * @property {number[]} slots the slot tokens that it contains, each as often as it is listed
 */

/** Wu et al. 2016, equation 14. `length` includes </s>. */
export function lengthPenalty(length, alpha) {
  return ((5 + length) / 6) ** alpha;
}

/**
 * Translates a batch of sentences.
 *
 * @param {{start: function}} engine computes the model
 * @param {Source[]} sources
 * @param {object} settings `search` of translator.json
 * @param {{bos: number, eos: number, never: number[]}} tokens `never`: no translation has them,
 *   except for a slot that its sentence has
 * @returns {Promise<(Hypothesis | null)[]>} the best translation of each sentence
 */
export async function beamSearch(engine, sources, settings, tokens) {
  const decoding = await engine.start(sources.map((source) => source.tokens));
  return new BeamSearch(decoding, sources, settings, tokens).run();
}

/** One sentence of the batch. */
class Sentence {
  constructor(source, settings, tokens) {
    const limit = Math.trunc(source.tokens.length * settings.max_length_ratio) + 10;
    this.sourceLength = source.tokens.length;
    this.constraint = source.slots.length ? new SlotConstraint(source.slots, tokens.eos) : null;
    this.maxLength = Math.max(limit, source.slots.length + 1);
    this.never = new Set([...tokens.never, ...source.forbidden, tokens.bos]);
    /** @type {OpenHypothesis[]} */
    this.open = [{ tokens: [], logProb: 0, attention: [] }];
    /** @type {Hypothesis | null} the best one */
    this.finished = null;
  }
}

class BeamSearch {
  constructor(decoding, sources, settings, tokens) {
    this.decoding = decoding;
    this.settings = settings;
    this.bos = tokens.bos;
    this.eos = tokens.eos;
    this.all = sources.map((source) => new Sentence(source, settings, tokens));
    this.inMemory = this.all;
    // T, the same for every open hypothesis.
    this.length = 0;
  }

  async run() {
    while (this.inMemory.some((sentence) => sentence.open.length)) {
      await this._advance();
    }
    return this.all.map((sentence) => sentence.finished);
  }

  /** Adds one token to every open hypothesis. */
  async _advance() {
    const rows = this.inMemory.flatMap((sentence) => sentence.open);
    const last = rows.map((hypothesis) => hypothesis.tokens.at(-1) ?? this.bos);
    const { logProbs, attention } = await this.decoding.step(last);
    this.length += 1;
    const parents = [];
    let firstRow = 0;
    for (const sentence of this.inMemory) {
      const count = sentence.open.length;
      const ofSentence = logProbs.slice(firstRow, firstRow + count);
      ofSentence.forEach((row, rank) => this._exclude(sentence, sentence.open[rank], row));
      const attentionRows = attention ? attention.slice(firstRow, firstRow + count) : null;
      for (const rank of this._extend(sentence, ofSentence, attentionRows)) {
        parents.push(firstRow + rank);
      }
      firstRow += count;
    }
    this._removeFinished(parents);
  }

  /** Makes the tokens impossible that may not come next. */
  _exclude(sentence, hypothesis, logProbs) {
    const { tokens } = hypothesis;
    const slots = sentence.constraint ? sentence.constraint.missing(tokens) : [];
    const slotLogProbs = slots.map((token) => logProbs[token]);
    for (const token of sentence.never) {
      logProbs[token] = -Infinity;
    }
    slots.forEach((token, rank) => {
      logProbs[token] = slotLogProbs[rank];
    });
    if (slots.length) {
      sentence.constraint.require(logProbs, tokens, sentence.maxLength);
    }
    for (const token of repeatedNgramEnds(tokens, this.settings.no_repeat_ngram_size)) {
      if (!sentence.constraint?.isSlot(token)) {
        logProbs[token] = -Infinity;
      }
    }
    if (this.length >= sentence.maxLength) {
      excludeAllBut(logProbs, [this.eos]);
    }
  }

  /**
   * Replaces the open hypotheses of a sentence by the best of their continuations.
   *
   * @param {Sentence} sentence
   * @param {Float32Array[]} logProbs a row for each open hypothesis
   * @param {Float32Array[] | null} attention the same
   * @returns {number[]} which of the open hypotheses each new one continues
   */
  _extend(sentence, logProbs, attention) {
    const { beam } = this.settings;
    // At most K of the best 2K end, so K of the others can stay open.
    const best = bestContinuations(sentence.open, logProbs, 2 * beam);
    best.forEach((continuation, rank) => {
      if (rank < beam && continuation.token === this.eos) {
        this._finish(sentence, continuation, attention);
      }
    });
    const others = best.filter((continuation) => continuation.token !== this.eos).slice(0, beam);
    const kept = others.filter(({ logProb }) => this._mayWin(sentence, logProb, others));
    const before = sentence.open;
    sentence.open = kept.map(({ row, token, logProb }) => ({
      tokens: [...before[row].tokens, token],
      logProb,
      attention: attention ? [...before[row].attention, attention[row]] : [],
    }));
    return kept.map((continuation) => continuation.row);
  }

  /** Keeps a hypothesis that ends, if it is the best one. */
  _finish(sentence, { row, logProb }, attention) {
    const score = logProb / lengthPenalty(this.length, this.settings.length_penalty);
    if (sentence.finished !== null && sentence.finished.score >= score) {
      return;
    }
    const { tokens, attention: earlier } = sentence.open[row];
    const weights = attention ? [...earlier, attention[row]] : null;
    sentence.finished = { tokens, score, attention: weights };
  }

  /**
   * Tells whether an open hypothesis is worth continuing.
   *
   * After one has finished, it must beat the best one under the most favorable assumption: that its
   * remaining tokens have probability 1, and that it ends with the next token or at the length of
   * the source, whichever is later.
   */
  _mayWin(sentence, logProb, others) {
    const { beam, prune, length_penalty: alpha } = this.settings;
    if (prune && logProb < Math.fround(others[0].logProb - prune)) {
      return false;
    }
    if (sentence.finished === null) {
      return true;
    }
    const length = Math.max(this.length + 1, sentence.sourceLength);
    const bestScore = Math.fround(logProb / Math.fround(lengthPenalty(length, alpha)));
    return beam > 1 && bestScore > Math.fround(sentence.finished.score);
  }

  /** Tells the engine which rows go on, and removes finished sentences when there are many. */
  _removeFinished(parents) {
    const open = [];
    this.inMemory.forEach((sentence, number) => {
      if (sentence.open.length) {
        open.push(number);
      }
    });
    const stay = open.length > REMOVE_AT * this.inMemory.length ? null : open;
    if (stay !== null) {
      this.inMemory = stay.map((number) => this.inMemory[number]);
    }
    if (open.length) {
      const rowCounts = this.inMemory.map((sentence) => sentence.open.length);
      this.decoding.select(parents, stay, rowCounts);
    }
  }
}

/**
 * Returns the best continuations of some hypotheses, best first. Of equal ones, the one of the
 * first hypothesis and the smallest token comes first.
 *
 * @param {OpenHypothesis[]} open
 * @param {Float32Array[]} logProbs V for each of them
 * @param {number} count
 * @returns {{row: number, token: number, logProb: number}[]} at most `count` possible ones
 */
function bestContinuations(open, logProbs, count) {
  const best = [];
  let least = -Infinity;
  open.forEach((hypothesis, row) => {
    const ofRow = logProbs[row];
    for (let token = 0; token < ofRow.length; token++) {
      const logProb = Math.fround(hypothesis.logProb + ofRow[token]);
      if (!(logProb > least)) {
        continue;
      }
      let place = best.length;
      while (place > 0 && best[place - 1].logProb < logProb) {
        place -= 1;
      }
      best.splice(place, 0, { row, token, logProb });
      if (best.length > count) {
        best.pop();
      }
      least = best.length === count ? best[count - 1].logProb : -Infinity;
    }
  });
  return best;
}

/** Returns the tokens that would complete an n-gram of a translation for the second time. */
function repeatedNgramEnds(tokens, size) {
  const ends = [];
  if (size < 1) {
    return ends;
  }
  const prefix = tokens.slice(tokens.length - size + 1);
  for (let start = 0; start + size <= tokens.length; start++) {
    if (prefix.every((token, offset) => tokens[start + offset] === token)) {
      ends.push(tokens[start + size - 1]);
    }
  }
  return ends;
}

function excludeAllBut(logProbs, tokens) {
  const kept = tokens.map((token) => logProbs[token]);
  logProbs.fill(-Infinity);
  tokens.forEach((token, rank) => {
    logProbs[token] = kept[rank];
  });
}
