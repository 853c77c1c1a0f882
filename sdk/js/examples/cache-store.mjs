// State in the Cache API of Workers: per place, free of charge, gone at any time.

/** A store in a cache: `cacheStore(caches.default)`. */
export function cacheStore(cache) {
  const key = (name) => `https://feed-state.invalid/${encodeURIComponent(name)}`
  return {
    get: async (name) => {
      const kept = await cache.match(key(name))
      return kept ? new Uint8Array(await kept.arrayBuffer()) : null
    },
    put: (name, state) => cache.put(key(name), new Response(state, { headers: { 'cache-control': 'max-age=86400' } })),
  }
}
