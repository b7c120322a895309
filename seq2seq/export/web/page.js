// The page: hands what is typed to the worker, and shows what comes back.

import { loadFiles, startWorker } from "./files.js";
import { SourceShades, TranslationView } from "./view.js";

const check = window.startupCheck;
const sourceField = document.getElementById("source");
const statusLine = document.getElementById("status");
const progressBar = document.getElementById("bar");
const clearButton = document.getElementById("clear");
const copyButton = document.getElementById("copy");

const shades = new SourceShades(document.getElementById("shades"));
const view = new TranslationView(document.getElementById("target"), {
  onWord: (sources, word) => {
    shades.show(sources);
    const cameFrom = sources
      .filter(({ weight }) => weight > 0.1)
      .map(({ start, end }) => sourceField.value.slice(start, end));
    document.getElementById("spoken").textContent = word ? `${word}: ${cameFrom.join(" ")}` : "";
  },
});

let worker = null;
let request = 0;
/** "German → English · 7.4 MB model" */
let description = "";

/** Asks for the translation of what stands in the field. */
function translate() {
  const text = sourceField.value;
  const lines = text.split("\n");
  request += 1;
  clearButton.hidden = text === "";
  shades.setText(text);
  view.expect(lines);
  worker?.postMessage({ kind: "translate", request, lines });
}

const answers = {
  ready({ source, target, modelBytes }) {
    check.reached("translator");
    const [sourceName, targetName] = [languageName(source), languageName(target)];
    const direction = `${sourceName} → ${targetName}`;
    document.title = `${direction} translator`;
    document.getElementById("title").textContent = direction;
    document.getElementById("source-language").textContent = sourceName;
    document.getElementById("target-language").textContent = targetName;
    sourceField.lang = source;
    document.getElementById("target").lang = target;
    sourceField.placeholder = `Type ${sourceName} text`;
    description = `${direction} · ${megabytes(modelBytes)} model`;
    progressBar.classList.add("done");
    showStatus(`${description} · works offline`);
  },
  line({ request: answered, number, text, words }) {
    if (answered === request) {
      view.showLine(number, text, words);
    }
  },
  finished({ request: answered, sentences, milliseconds }) {
    if (answered !== request) {
      return;
    }
    view.finish();
    copyButton.hidden = !navigator.clipboard || view.text.trim() === "";
    if (sentences > 0) {
      const each = Math.max(1, Math.round(milliseconds / sentences));
      showStatus(`${description} · ${each} ms a sentence · works offline`);
    }
  },
  failed({ message }) {
    check.explain({ message });
  },
};

/** Returns the English name of a language. */
function languageName(code) {
  try {
    return new Intl.DisplayNames("en", { type: "language" }).of(code) ?? code;
  } catch {
    return code;
  }
}

function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function showStatus(text) {
  // A failure stays, whatever arrives after it.
  if (!check.hasFailed()) {
    statusLine.textContent = text;
  }
}

async function start() {
  worker = await startWorker("worker.js");
  worker.addEventListener("message", (event) => answers[event.data.kind](event.data));
  worker.addEventListener("error", (event) => check.explain({ message: event.message }));
  const files = await loadFiles((share) => {
    check.reached("page");
    progressBar.style.setProperty("--share", share);
    showStatus(`Loading the model: ${Math.round(100 * share)} %`);
  });
  check.reached("files");
  showStatus("Starting");
  const buffers = Object.values(files).map((content) => content.buffer);
  worker.postMessage({ kind: "load", files }, buffers);
  translate();
}

sourceField.addEventListener("input", translate);
clearButton.addEventListener("click", () => {
  sourceField.value = "";
  sourceField.focus();
  translate();
});
copyButton.addEventListener("click", async () => {
  await navigator.clipboard.writeText(view.text);
  copyButton.textContent = "Copied";
  setTimeout(() => {
    copyButton.textContent = "Copy";
  }, 1500);
});

if ("serviceWorker" in navigator && location.protocol !== "file:") {
  // Without it, the page works until it is loaded again without a network.
  navigator.serviceWorker.register("offline.js").catch(() => {});
}
if (check === undefined) {
  statusLine.textContent =
    "This page is incomplete: startup_check.js did not load. Copy the whole folder again.";
  statusLine.classList.add("failed");
} else {
  check.reached("page");
  if (!check.hasFailed()) {
    start().catch(check.explain);
  }
}
