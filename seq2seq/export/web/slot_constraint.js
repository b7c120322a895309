// Makes a translation contain the slots of its sentence, each exactly as often. The twin of
// seq2seq/decoding/slot_constraint.py, which explains why.
//
// Legend
//   V  target vocabulary
//   T  tokens of a translation so far

/** Which slots the translations of a sentence must contain. */
export class SlotConstraint {
  /**
   * @param {number[]} slots slot tokens, with repetitions
   * @param {number} eos the token </s>
   */
  constructor(slots, eos) {
    this.eos = eos;
    /** @type {Map<number, number>} slot token -> how often it must occur, in ascending order */
    this.required = new Map();
    for (const token of [...slots].sort((one, other) => one - other)) {
      this.required.set(token, (this.required.get(token) ?? 0) + 1);
    }
  }

  isSlot(token) {
    return this.required.has(token);
  }

  /** Returns the different slots that a translation lacks, in ascending order. */
  missing(tokens) {
    return [...this._missingCounts(tokens).keys()];
  }

  /**
   * Makes the tokens impossible that break the constraint. The slots that are missing are possible
   * before, and no others.
   *
   * - </s> is excluded while a slot is missing. The most probable missing slot gets its
   *   probability, so a hypothesis that wants to end does not ramble.
   * - All but the missing slots are excluded when only they and </s> still fit.
   *
   * @param {Float32Array} logProbs (V) of the next token. They are changed.
   * @param {number[]} tokens (T) so far. At least one slot is missing in them.
   * @param {number} maxLength the most tokens of the translation, with </s>
   */
  require(logProbs, tokens, maxLength) {
    const counts = this._missingCounts(tokens);
    const missing = [...counts.keys()];
    let heir = missing[0];
    for (const token of missing) {
      if (logProbs[token] > logProbs[heir]) {
        heir = token;
      }
    }
    logProbs[heir] = Math.max(logProbs[heir], logProbs[this.eos]);
    logProbs[this.eos] = -Infinity;

    const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
    const stepsLeft = maxLength - tokens.length; // with this one
    if (stepsLeft <= total + 1) {
      this._excludeOthers(logProbs, missing);
    }
  }

  _excludeOthers(logProbs, missing) {
    const kept = missing.map((token) => logProbs[token]);
    logProbs.fill(-Infinity);
    missing.forEach((token, rank) => {
      logProbs[token] = kept[rank];
    });
  }

  /** Returns missing slot token -> how often it is missing. */
  _missingCounts(tokens) {
    const counts = new Map(this.required);
    for (const token of tokens) {
      if (counts.has(token)) {
        counts.set(token, counts.get(token) - 1);
      }
    }
    for (const [token, count] of counts) {
      if (count <= 0) {
        counts.delete(token);
      }
    }
    return counts;
  }
}
