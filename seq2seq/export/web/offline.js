// Keeps the page for times without a network. With one, its files are loaded as always.
//
// files.json lists them. It comes with the page.

const CACHE = "translator";

self.addEventListener("install", (event) => {
  event.waitUntil(keepAll().then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(self.clients.claim());
});

self.addEventListener("fetch", (event) => {
  event.respondWith(loadOrRemember(event.request));
});

async function keepAll() {
  const cache = await caches.open(CACHE);
  const { page, data } = await (await fetch("files.json")).json();
  await cache.addAll(["./", "files.json", ...page, ...data]);
}

async function loadOrRemember(request) {
  try {
    const response = await fetch(request);
    if (response.ok && request.method === "GET") {
      const cache = await caches.open(CACHE);
      await cache.put(request, response.clone());
    }
    return response;
  } catch (error) {
    const kept = await caches.match(request, { ignoreSearch: true });
    if (kept === undefined) {
      throw error;
    }
    return kept;
  }
}
