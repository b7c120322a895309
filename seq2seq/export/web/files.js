// The files that a translation needs; files.json lists them. They lie beside the page, or inside it
// where the page is one file. There each is an element <script type="text/plain" id="NAME"> with
// its content, compressed with gzip, in base64.

/**
 * @param {(share: number) => void} onProgress called with the share that has arrived
 * @returns {Promise<Object<string, Uint8Array>>} name -> content
 */
export async function loadFiles(onProgress) {
  const list = await loadFile("files.json", new Progress(() => {}));
  const names = JSON.parse(new TextDecoder().decode(list)).data;
  const progress = new Progress(onProgress);
  const contents = await Promise.all(names.map((name) => loadFile(name, progress)));
  return Object.fromEntries(names.map((name, number) => [name, contents[number]]));
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
  const embedded = document.getElementById(name);
  const code = embedded
    ? await unzipped(fromBase64(embedded.textContent))
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

async function loadFile(name, progress) {
  const embedded = document.getElementById(name);
  if (embedded) {
    return unzipped(fromBase64(embedded.textContent));
  }
  const response = await fetch(name);
  if (!response.ok) {
    throw new Error(`${name} could not be loaded (status ${response.status}).`);
  }
  return unzipped(await read(response, progress));
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
