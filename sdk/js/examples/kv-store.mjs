// State in Workers KV. Values reach other places within a minute or so; they are only where an isolate begins.

/** A store in a KV namespace. */
export function kvStore(namespace) {
  return {
    get: async (name) => {
      const state = await namespace.get(name, 'arrayBuffer')
      return state ? new Uint8Array(state) : null
    },
    put: (name, state) => namespace.put(name, state),
  }
}
