// Whatever was seen once can be seen again without a network: ask the network, else the cache.
// What live cells and explorable figures load has its version in its path and never changes: ask the cache first.
const CACHE = "nncourse";
const FIXED = /\/_static\/(live|pyodide|explorables)-[^/]+\//;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", event => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", event => {
  const { method, url } = event.request;
  if (method === "GET" && url.startsWith(self.registration.scope))
    event.respondWith(FIXED.test(url) ? fixed(event) : answer(event));
});

async function answer({ request }) {
  const cache = await caches.open(CACHE);
  try {
    const response = await fetch(request);
    if (response.ok) await cache.put(request, response.clone());
    return response;
  } catch (error) {
    const kept = await cache.match(request);
    if (kept) return kept;
    throw error;
  }
}

async function fixed(event) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(event.request);
  if (kept) return kept;
  const response = await fetch(event.request);
  if (response.ok) event.waitUntil(store(cache, event.request, response.clone()));
  return response;
}

// A new version takes the place of the old one, file by file.
async function store(cache, request, response) {
  await cache.put(request, response);
  const name = url => new URL(url).pathname.replace(FIXED, "/$1/");
  for (const other of await cache.keys())
    if (other.url !== request.url && FIXED.test(other.url) && name(other.url) === name(request.url)) await cache.delete(other);
}
