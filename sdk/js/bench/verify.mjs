// Verifications a second beside jose and fast-jwt, on one thread, in turns, in one run. Tells ratios: figures of one
// machine say little about another. `npm run bench [-- SECONDS]`.
import { createPublicKey } from 'node:crypto'
import { createVerifier } from 'fast-jwt'
import * as jose from 'jose'
import { Verifier } from '../dist/index.js'
import { publicOf, TestIssuer } from '../test/issuer.mjs'
import { bytes, vectors } from '../test/vectors.mjs'

const seconds = Number(process.argv[2] ?? 0.4)
const rounds = 5
const { keys } = await vectors('keys')
const issuer = 'https://id.example'
const audience = 'urn:api'
const secret = bytes(keys.k1.k)

async function token(jwk, alg) {
  const now = Math.floor(Date.now() / 1000)
  const claims = { iss: issuer, sub: 'u_1', aud: audience, iat: now, exp: now + 3600, jti: 'j', client_id: 'web', sid: 's1', scope: 'read write', roles: ['editor'] }
  return new jose.SignJWT(claims).setProtectedHeader({ alg, typ: 'at+jwt', kid: jwk.kid }).sign(await jose.importJWK(jwk, alg))
}

/** Runs for a while; answers how many a second. */
async function rate(verify) {
  const end = performance.now() + seconds * 1000
  const began = performance.now()
  let count = 0
  while (performance.now() < end) {
    for (let i = 0; i < 20; i++) await verify()
    count += 20
  }
  return (count / (performance.now() - began)) * 1000
}

/** Everybody in turns, so that a busy moment of the machine hits all. */
async function compare(name, candidates) {
  const rates = Object.fromEntries(Object.keys(candidates).map((who) => [who, []]))
  for (const [who, verify] of Object.entries(candidates)) {
    if (!(await verify())) throw new Error(`${who} did not verify`)
  }
  for (let round = 0; round < rounds; round++) {
    for (const [who, verify] of Object.entries(candidates)) rates[who].push(await rate(verify))
  }
  const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)]
  const ours = median(rates.ours)
  const others = Object.entries(rates).map(([who, list]) => `${who} ${Math.round(median(list)).toLocaleString('en')}/s (ours ${(ours / median(list)).toFixed(2)} x)`)
  console.log(`${name.padEnd(28)} ${others.slice(0, 1).map((text) => text.replace(/ \(.*/, ''))}  ${others.slice(1).join('  ')}`)
}

for (const [alg, jwk] of [['ES256', keys.es], ['Ed25519', keys.ed], ['RS256', keys.rs], ['HS256', keys.k1]]) {
  const one = await token(jwk, alg)
  const shared = alg === 'HS256'
  const ours = (cacheCapacity) => new Verifier({
    issuer, audience, type: 'at+jwt', algorithms: [alg], cacheCapacity,
    ...(shared ? { secret: { algorithm: alg, value: secret, kid: jwk.kid } } : { jwks: { keys: [publicOf(jwk)] } }),
  })
  const set = shared ? secret : jose.createLocalJWKSet({ keys: [publicOf(jwk)] })
  const key = shared ? Buffer.from(secret) : createPublicKey({ key: publicOf(jwk), format: 'jwk' }).export({ type: 'spki', format: 'pem' })
  const fast = (cache) => createVerifier({ key, algorithms: [alg === 'Ed25519' ? 'EdDSA' : alg], allowedIss: issuer, allowedAud: audience, cache })
  const [plain, cached] = [ours(0), ours(1000)]
  const peers = { jose: () => jose.jwtVerify(one, set, { issuer, audience, typ: 'at+jwt', algorithms: [alg] }) }
  if (alg !== 'Ed25519') {
    const verify = fast(false)
    peers['fast-jwt'] = () => verify(one)
  }
  await compare(alg, { ours: () => plain.verify(one), ...peers })
  if (alg !== 'ES256') continue
  const verify = fast(true)
  await compare('ES256, seen before', { ours: () => cached.verify(one), 'fast-jwt with cache': () => verify(one) })
}

// What a feed costs a token that was seen before: its names are looked up among 100,000 rules.
const server = await TestIssuer.start()
// Its heads are hashed anew each time: only when asked for.
clearInterval(server.heartbeat)
try {
  for (let i = 0; i < 100_000; i++) {
    const rule = Buffer.alloc(17, 255)
    rule[0] = 5
    rule.writeUInt32BE(Math.imul(i + 1, 0x9e3779b1) >>> 0, 1)
    server.rules.push(rule)
  }
  server.snapshot()
  const options = { issuer: server.url, audience, type: 'at+jwt', algorithms: ['ES256'], allowHttpOnLoopback: true }
  const [followed, off] = [new Verifier({ ...options, revocation: { required: true, pollEvery: 3600 } }), new Verifier({ ...options, revocation: { mode: 'off' } })]
  server.audience = audience
  const one = await server.token()
  const began = performance.now()
  const status = await followed.refreshFeed()
  if (status.trouble) throw status.trouble
  console.log(`first request, with a snapshot of ${followed.feedStatus().rules.toLocaleString('en')} rules: ${(performance.now() - began).toFixed(0)} ms`)
  await compare('seen before, 100,000 rules', { ours: () => followed.verify(one), 'ours without a feed': () => off.verify(one) })
} finally {
  await server.down()
}
