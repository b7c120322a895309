// Computes the model with ONNX Runtime: the two graphs that seq2seq/export/onnx.py describes.
//
// Legend
//   B  sentences in memory
//   S  source tokens
//   W  the largest number of rows of a sentence
//   N  rows (open hypotheses); those of a sentence are neighbors
//   V  target vocabulary

const PAD = 0;
const MEMORY = "memory.";
const STATE = "state.";
const NEXT_STATE = "next_state.";

/** A model. It translates one batch at a time. */
export class Engine {
  /**
   * @param {object} ort the module of ONNX Runtime Web
   * @param {object} encoder a session
   * @param {object} decoder a session
   */
  constructor(ort, encoder, decoder) {
    this.ort = ort;
    this.encoder = encoder;
    this.decoder = decoder;
  }

  /**
   * @param {object} ort the module of ONNX Runtime Web
   * @param {Uint8Array} encoder content of encoder.onnx
   * @param {Uint8Array} decoder content of decoder.onnx
   */
  static async load(ort, encoder, decoder) {
    const options = { executionProviders: ["wasm"], graphOptimizationLevel: "all" };
    const encoderSession = await ort.InferenceSession.create(encoder, options);
    const decoderSession = await ort.InferenceSession.create(decoder, options);
    return new Engine(ort, encoderSession, decoderSession);
  }

  /**
   * Reads B sentences.
   *
   * @param {number[][]} sources source tokens with </s>
   */
  async start(sources) {
    const length = Math.max(...sources.map((tokens) => tokens.length));
    const padded = sources.map((tokens) => pad(tokens, length)).flat();
    const dims = [sources.length, length];
    const mask = Uint8Array.from(padded, (token) => Number(token !== PAD));
    const encoded = await this.encoder.run({
      source: integers(this.ort, padded, dims),
      source_mask: new this.ort.Tensor("bool", mask, dims),
    });
    return new Decoding(this, encoded, sources.length);
  }
}

/** A batch that is being translated, with one hypothesis for each sentence at first. */
class Decoding {
  /**
   * @param {Engine} engine
   * @param {Object<string, object>} encoded memory and first state, by name
   * @param {number} sentences B
   */
  constructor(engine, encoded, sentences) {
    this.ort = engine.ort;
    this.decoder = engine.decoder;
    this.tensors = { ...encoded, k: integers(this.ort, [1], [1]) };
    this.select(range(sentences), null, new Array(sentences).fill(1));
  }

  /**
   * Reads the last token of every row.
   *
   * @param {number[]} tokens (N)
   * @returns {Promise<{logProbs: Float32Array[], attention: Float32Array[] | null}>} the
   *   log-probabilities of the next token, N arrays of V, which the caller may change; and the
   *   attention, N arrays of S, null if the model has none
   */
  async step(tokens) {
    this.tensors.token = integers(this.ort, tokens, [tokens.length]);
    const inputs = {};
    for (const name of this.decoder.inputNames) {
      inputs[name] = this.tensors[name];
    }
    const outputs = await this.decoder.run(inputs);
    for (const name of this.decoder.outputNames) {
      if (name.startsWith(NEXT_STATE)) {
        this.tensors[STATE + name.slice(NEXT_STATE.length)] = outputs[name];
      }
    }
    const attention = outputs.attention ? rowsOf(outputs.attention) : null;
    return { logProbs: rowsOf(outputs.log_probs), attention };
  }

  /**
   * Keeps some of the rows of the last step, in any order. They may repeat.
   *
   * @param {number[]} rows which ones
   * @param {number[] | null} sentences which sentences stay in memory. null: all.
   * @param {number[]} rowCounts (B) how many of the new rows each sentence has
   */
  select(rows, sentences, rowCounts) {
    this.tensors.parents = integers(this.ort, rows, [rows.length]);
    this._setLayout(rowCounts);
    if (sentences === null) {
      return;
    }
    for (const [name, tensor] of Object.entries(this.tensors)) {
      if (name.startsWith(MEMORY)) {
        this.tensors[name] = selectFirst(this.ort, tensor, sentences);
      }
    }
  }

  /** Row n is the k-th row of sentence b: its slot is b * W + k. Empty slots hold row 0. */
  _setLayout(rowCounts) {
    const width = Math.max(1, ...rowCounts);
    const rowNumbers = new Array(rowCounts.length * width).fill(0);
    const slots = [];
    rowCounts.forEach((count, sentence) => {
      for (let rank = 0; rank < count; rank++) {
        const slot = sentence * width + rank;
        rowNumbers[slot] = slots.length;
        slots.push(slot);
      }
    });
    this.tensors.slots = integers(this.ort, slots, [slots.length]);
    this.tensors.row_numbers = integers(this.ort, rowNumbers, [rowCounts.length, width]);
  }
}

function integers(ort, values, dims) {
  return new ort.Tensor("int64", BigInt64Array.from(values, BigInt), dims);
}

function range(count) {
  return Array.from({ length: count }, (_, number) => number);
}

function pad(tokens, length) {
  return [...tokens, ...new Array(length - tokens.length).fill(PAD)];
}

/** A tensor (N,M) -> N views of its rows. */
function rowsOf(tensor) {
  const [count, size] = tensor.dims;
  return range(count).map((row) => tensor.data.subarray(row * size, (row + 1) * size));
}

/** Copies some entries along dimension 0 of a tensor. */
function selectFirst(ort, tensor, entries) {
  const size = tensor.data.length / tensor.dims[0];
  const data = new tensor.data.constructor(entries.length * size);
  entries.forEach((entry, number) => {
    data.set(tensor.data.subarray(entry * size, (entry + 1) * size), number * size);
  });
  return new ort.Tensor(tensor.type, data, [entries.length, ...tensor.dims.slice(1)]);
}
