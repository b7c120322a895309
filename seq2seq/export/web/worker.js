// Translates in a thread of its own, so that the page never waits.
//
// Messages to the worker
//   {kind: "load", files}                  name -> content of each file, as a Uint8Array
//   {kind: "translate", request, lines}    replaces an earlier request that is not finished
//
// Messages from the worker
//   {kind: "ready", source, target, modelBytes}
//   {kind: "line", request, number, text, words}   words: see alignment.js
//   {kind: "finished", request, sentences, milliseconds}   what has been translated since the start
//   {kind: "failed", message}

import { Engine } from "./engine.js";
import { TextLayer } from "./text/layer.js";
import { Tokenizer } from "./tokenizer.js";
import { Translator } from "./translator.js";

const BOS = 2;
const WARM_UP_MS = 1500;
const WARM_UP_TOKENS = 12;

/** @type {Translator | null} */
let translator = null;
/** @type {{request: number, lines: string[]} | null} the newest one, if it is not finished */
let wanted = null;
let isWorking = false;

self.addEventListener("message", (event) => {
  answer(event.data).catch((error) => {
    self.postMessage({ kind: "failed", message: String(error) });
  });
});

async function answer(message) {
  if (message.kind === "load") {
    await load(message.files);
  } else {
    wanted = message;
  }
  await work();
}

async function load(files) {
  const settings = parse(files["translator.json"]);
  // The browser compiles ONNX Runtime while the text layer is made.
  const loading = loadEngine(files);
  const tokenizer = new Tokenizer(parse(files["tokenizer.json"]), settings);
  const layer = new TextLayer(parse(files["text_rules.json"]), settings, tokenizer);
  // The first use compiles the regular expressions, which takes a fifth of a second.
  layer.divide("a1");
  const engine = await loading;
  translator = new Translator(engine, layer, settings);
  const { source, target } = settings;
  const modelBytes = files["encoder.onnx"].length + files["decoder.onnx"].length;
  self.postMessage({ kind: "ready", source, target, modelBytes });
  await work();
  await warmUp(engine);
}

async function loadEngine(files) {
  const ort = await importOrt(files["onnxruntime.js"], files["onnxruntime.wasm.gz"]);
  return Engine.load(ort, files["encoder.onnx"], files["decoder.onnx"]);
}

/**
 * Uses the model until something is to be translated. A browser makes code fast that has run a few
 * times.
 */
async function warmUp(engine) {
  const sources = [new Array(WARM_UP_TOKENS).fill(0).map((_, number) => number + 4)];
  const start = performance.now();
  while (wanted === null && !isWorking && performance.now() - start < WARM_UP_MS) {
    const decoding = await engine.start(sources);
    await decoding.step([BOS]);
    decoding.select([0, 0, 0, 0], null, [4]);
    await decoding.step([4, 5, 6, 7]);
    await receiveMessages();
  }
}

/** Imports ONNX Runtime from its text, as a page in one file has no other place for it. */
async function importOrt(code, binary) {
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  const ort = await import(url);
  URL.revokeObjectURL(url);
  // Threads need response headers that a simple server does not send.
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = binary;
  return ort;
}

function parse(bytes) {
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** Translates the newest request, until none is left. */
async function work() {
  if (translator === null || isWorking) {
    return;
  }
  isWorking = true;
  try {
    while (wanted !== null) {
      await translateLines(wanted);
    }
  } finally {
    wanted = null;
    isWorking = false;
  }
}

async function translateLines(request) {
  for (const [number, line] of request.lines.entries()) {
    const { text, words } = await translator.translate(line);
    await receiveMessages();
    if (wanted !== request) {
      return;
    }
    self.postMessage({ kind: "line", request: request.request, number, text, words });
  }
  wanted = null;
  self.postMessage({ kind: "finished", request: request.request, ...translator.work });
}

/** Lets messages in that have arrived meanwhile, such as a newer request. */
function receiveMessages() {
  // A timer would wait four milliseconds each time.
  return new Promise((resolve) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      channel.port1.close();
      resolve();
    };
    channel.port2.postMessage(null);
  });
}
