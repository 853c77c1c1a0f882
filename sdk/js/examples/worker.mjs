// A Cloudflare Worker that lets in whoever holds a good token. State is kept in a KV namespace bound as `FEED`:
// a new isolate then begins with what others proved, instead of fetching all of it.
import { Verifier } from '@countersign/verifier'
import { kvStore } from './kv-store.mjs'

let verifier

/** One for the isolate: keys, revocations and verified tokens are shared by its requests. */
function verifierOf(env) {
  verifier ??= new Verifier({
    issuer: env.ISSUER,
    audience: env.AUDIENCE,
    type: 'at+jwt',
    algorithms: ['ES256', 'Ed25519'],
    allowHttpOnLoopback: env.DEVELOPMENT === 'true',
    revocation: { pollEvery: Number(env.POLL_EVERY ?? 5), store: kvStore(env.FEED) },
  })
  return verifier
}

export default {
  fetch(request, env, context) {
    const handle = verifierOf(env).protect((_, who) => Response.json({ hello: who.subject }), { scopes: ['read'] })
    return handle(request, env, context)
  },
}
