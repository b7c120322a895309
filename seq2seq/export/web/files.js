// The files that a translation needs; files.json lists them. They lie beside the page, or inside it
// where the page is one file. There each is an element <script type="text/plain" id="NAME"> with
// its content, compressed with gzip, in base64.

const LIST = "files.json";
// The settings may be edited.
const UNCHECKED = "translator.json";

const check = window.startupCheck;

/**
 * @param {(share: number) => void} onProgress called with the share that has arrived
 * @returns {Promise<Object<string, Uint8Array>>} name -> content; rejected if a file is missing or
 *   is not the one that was exported
 */
export async function loadFiles(onProgress) {
  const { data, checks } = await loadList();
  const progress = new Progress(onProgress);
  const load = (name) => {
    const expected = name === UNCHECKED ? undefined : checks[name];
    return loadFile(name, (content) => check.isWhole(content, expected), progress);
  };
  const contents = await Promise.all(data.map(load));
  return Object.fromEntries(data.map((name, number) => [name, contents[number]]));
}

async function loadList() {
  const isList = (content) => parsedList(content) !== null;
  const content = await loadFile(LIST, isList, new Progress(() => {}));
  return parsedList(content);
}

function parsedList(content) {
  try {
    const list = JSON.parse(new TextDecoder().decode(content));
    return list.data && list.checks ? list : null;
  } catch {
    return null;
  }
}

/**
 * Starts a module of this folder as a worker.
 *
 * A worker of a Blob inherits the rule of the page that nothing is loaded from elsewhere. One of a
 * file would not.
 *
 * @param {string} name
 */
export async function startWorker(name) {
  const embedded = isEmbedded(name);
  const code = embedded
    ? await embeddedFile(name)
    : `import "${new URL(name, document.baseURI)}";`;
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  // In one file, all modules are one script. A page of a file may not start a module.
  return new Worker(url, { type: embedded ? "classic" : "module" });
}

/** Adds up what has arrived of several files. */
class Progress {
  constructor(onProgress) {
    this.onProgress = onProgress;
    this.done = 0;
    this.total = 0;
  }

  expect(bytes) {
    this.total += bytes;
  }

  add(bytes) {
    this.done += bytes;
    this.onProgress(this.total ? Math.min(1, this.done / this.total) : 0);
  }
}

function isEmbedded(name) {
  return document.getElementById(name) !== null;
}

async function embeddedFile(name) {
  try {
    return await unzipped(fromBase64(document.getElementById(name).textContent));
  } catch {
    throw check.damaged(name);
  }
}

/**
 * @param {string} name
 * @param {(content: Uint8Array) => boolean | Promise<boolean>} isRight whether it is the expected
 *   one
 * @param {Progress} progress
 */
async function loadFile(name, isRight, progress) {
  if (isEmbedded(name)) {
    const content = await embeddedFile(name);
    if (await isRight(content)) {
      return content;
    }
    throw check.damaged(name);
  }
  // A copy that the browser has kept may be of an earlier export. The list is always a new one.
  let response;
  for (const cache of [name === LIST ? "no-cache" : "default", "reload"]) {
    response = await check.request(name, cache);
    const sent = await read(response, progress).catch(() => Promise.reject(check.broken(name)));
    const content = await unzipped(sent).catch(() => null);
    if (content !== null && (await isRight(content))) {
      return content;
    }
  }
  throw check.wrong(name, response);
}

async function read(response, progress) {
  progress.expect(Number(response.headers.get("Content-Length") ?? 0));
  const parts = [];
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return new Uint8Array(await new Blob(parts).arrayBuffer());
    }
    parts.push(value);
    progress.add(value.length);
  }
}

/** Returns the content of a gzip file. Some servers have unpacked it already. */
async function unzipped(bytes) {
  const isZipped = bytes[0] === 0x1f && bytes[1] === 0x8b;
  if (!isZipped) {
    return bytes;
  }
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function fromBase64(text) {
  if (Uint8Array.fromBase64) {
    return Uint8Array.fromBase64(text);
  }
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let position = 0; position < binary.length; position++) {
    bytes[position] = binary.charCodeAt(position);
  }
  return bytes;
}
