// Keeps the page and its modules, to open without a signal; never an answer of the API.

self.addEventListener("install", (event) => {
  const fill = async () => {
    const cache = await caches.open(kept.build);
    await cache.addAll([kept.page, ...kept.files]);
    await self.skipWaiting();
  };
  event.waitUntil(fill());
});

self.addEventListener("activate", (event) => {
  const tidy = async () => {
    for (const name of await caches.keys()) if (name !== kept.build) await caches.delete(name);
    await self.clients.claim();
  };
  event.waitUntil(tidy());
});

// The page from the network if that answers soon, else the copy; a module from the copy, whose address never changes.
self.addEventListener("fetch", (event) => {
  const { pathname } = new URL(event.request.url);
  if (event.request.method !== "GET") return;
  if (kept.files.includes(pathname)) {
    event.respondWith(caches.match(pathname).then((found) => found || fetch(event.request)));
  } else if (event.request.mode === "navigate" && pathname === kept.page) {
    const late = new Promise((resolve) => setTimeout(resolve, 4000)).then(() => caches.match(kept.page));
    const fresh = fetch(event.request).catch(() => caches.match(kept.page));
    event.respondWith(Promise.race([fresh, late]).then((found) => found || fresh));
  }
});
