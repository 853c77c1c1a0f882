// Revocations end to end, against a feed over HTTP that is written from the format's description alone.
import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { Refusal, Verifier } from '../dist/index.js'
import { manualClock, publicOf, TestIssuer, until } from './issuer.mjs'
import { failure, text, vectors } from './vectors.mjs'

const { keys } = await vectors('keys')
const open = []
afterEach(async () => {
  for (const one of open.splice(0)) await (one instanceof Verifier ? one.close() : one.down())
})

async function issuerAnd(revocation = {}, { options = {}, settings = {} } = {}) {
  const clock = manualClock()
  const issuer = await TestIssuer.start({ now: clock.now, ...settings })
  const verifier = another(issuer, clock, revocation, options)
  open.push(issuer)
  return { issuer, verifier, clock }
}

function another(issuer, clock, revocation, options = {}) {
  const verifier = new Verifier({
    issuer: issuer.url, audience: issuer.audience, type: 'at+jwt', algorithms: ['ES256'], allowHttpOnLoopback: true, clock, revocation, ...options,
  })
  open.push(verifier)
  return verifier
}

/** `good`, or the code of the refusal. */
async function verdict(verifier, token, due) {
  const error = await failure(verifier.verify(token, due))
  if (error === undefined) return 'good'
  assert.ok(error instanceof Refusal, error)
  assert.equal(error.status, { revoked: 401, stale: 503, keys_unavailable: 503 }[error.code] ?? 401)
  return error.code
}

describe('polling', () => {
  it('refuses a revoked token at the next poll, also from the cache', async () => {
    const { issuer, verifier, clock } = await issuerAnd()
    const token = await issuer.token()
    assert.equal(await verdict(verifier, token), 'good')
    await issuer.revoke('sid', 's1')
    clock.pass(4_999)
    assert.equal(await verdict(verifier, token), 'good', 'not asked again yet')
    clock.pass(1)
    assert.equal(await verdict(verifier, token), 'revoked')
    const error = await failure(verifier.verify(token))
    assert.match(error.challenge, /^Bearer realm="urn:api", error="invalid_token", error_description="the token was revoked"$/)
    assert.deepEqual(JSON.parse(error.body), { error: 'invalid_token', error_description: 'the token was revoked', reason: 'revoked' })
    assert.deepEqual(error.reason, { kind: 'revoked', by: 'sid' })
    assert.equal(await verdict(verifier, await issuer.token({ sid: 's2' })), 'good')
  })

  it('knows every kind of rule', async () => {
    const { issuer, verifier, clock } = await issuerAnd()
    const now = Math.floor(clock.now() / 1000)
    const tokens = {
      cid: await issuer.token({ client_id: 'c9' }), sub: await issuer.token({ sub: 'u_9', iat: now - 10 }),
      jti: await issuer.token({ jti: 'j9' }), kid: await issuer.token({}, keys['es-old']), subpfx: await issuer.token({ sub: 'u_bucket' }),
    }
    issuer.signingKeys = [keys.es, keys['es-old']]
    for (const token of Object.values(tokens)) assert.equal(await verdict(verifier, token), 'good')
    await issuer.revoke('cid', 'c9')
    await issuer.revoke('sub', 'u_9', { cutoff: now - 5 })
    await issuer.revoke('jti', 'j9')
    await issuer.revoke('kid', 'es-old')
    await issuer.revoke('subpfx', 'x')
    const bucket = issuer.name('sub', 'u_bucket').subarray(0, 2)
    issuer.rules.at(-1).set(Buffer.concat([Buffer.alloc(6), bucket]), 1)
    clock.pass(5_000)
    for (const [kind, token] of Object.entries(tokens)) {
      assert.deepEqual((await failure(verifier.verify(token))).reason, { kind: 'revoked', by: kind })
    }
    assert.equal(await verdict(verifier, await issuer.token({ sub: 'u_9' })), 'good', 'issued after the cutoff')
    await issuer.revoke('iss', '', { cutoff: now })
    clock.pass(5_000)
    assert.equal(await verdict(verifier, await issuer.token({ iat: now })), 'revoked')
  })

  it('shares one poll, and asks no more often than allowed', async () => {
    const { issuer, verifier, clock } = await issuerAnd({ pollEvery: 2 })
    const token = await issuer.token()
    await Promise.all(Array.from({ length: 50 }, () => verifier.verify(token)))
    assert.equal(issuer.asked['/rev/head'], 1)
    clock.pass(2_000)
    await Promise.all(Array.from({ length: 50 }, () => verifier.verify(token)))
    assert.deepEqual([issuer.asked['/rev/head'], issuer.asked['/rev/log']], [1, 1])
    const work = []
    clock.pass(2_000)
    await verifier.verify(token, {}, { waitUntil: (promise) => work.push(promise) })
    assert.equal(work.length, 1, 'the runtime is told not to stop it')
  })

  it('asks sooner where a route allows less', async () => {
    const { issuer, verifier, clock } = await issuerAnd({ pollEvery: 30 })
    const token = await issuer.token()
    assert.equal(await verdict(verifier, token), 'good')
    clock.pass(5_001)
    assert.equal(await verdict(verifier, token), 'good')
    assert.equal(issuer.asked['/rev/log'], undefined)
    assert.equal(await verdict(verifier, token, { critical: true }), 'good')
    assert.equal(issuer.asked['/rev/log'], 1)
  })

  it('does not let a feed that hangs slow every request', async () => {
    const { issuer, verifier, clock } = await issuerAnd({}, { options: { timeout: 60 } })
    const token = await issuer.token()
    assert.equal(await verdict(verifier, token), 'good')
    issuer.trouble = (_, response, url) => url.pathname === '/rev/log' && response.writeHead(500).end()
    clock.pass(5_000)
    assert.equal(await verdict(verifier, token), 'good')
    assert.match(verifier.feedStatus().trouble.message, /500/)
    issuer.trouble = (_, response, url) => url.pathname === '/rev/log' && response.writeHead(200).write('C')
    clock.pass(5_000)
    const began = performance.now()
    assert.equal(await verdict(verifier, token), 'good')
    assert.ok(performance.now() - began < 30_000, 'not as long as a document may take')
  })

  it('catches up by blocks, the tail, or a snapshot', async () => {
    const { issuer, verifier, clock } = await issuerAnd()
    const token = await issuer.token()
    const rule = Buffer.concat([Buffer.of(5), Buffer.alloc(8, 1), Buffer.alloc(4, 255), Buffer.alloc(4, 255)])
    const fill = (count) => { for (let i = 0; i < count; i++) { const one = Buffer.from(rule); one.writeUInt32BE(issuer.rules.length + 1, 1); issuer.rules.push(one) } }
    fill(4_100)
    assert.equal(await verdict(verifier, token), 'good')
    assert.deepEqual([issuer.asked['/rev/log/1/0'], issuer.asked['/rev/log'], verifier.feedStatus().rules], [1, 1, 4_100])
    await issuer.revoke('sid', 's1')
    issuer.snapshot()
    issuer.oldest = issuer.rules.length
    fill(5)
    clock.pass(5_000)
    assert.equal(await verdict(verifier, token), 'revoked')
    assert.equal(issuer.asked[`/rev/snap/1/4101`], 1)
    assert.equal(verifier.feedStatus().seq, 4_106)
  })

  it('proves nothing more beyond its room for rules, and goes stale', async () => {
    const { issuer, verifier, clock } = await issuerAnd({ maxRules: 2 })
    const token = await issuer.token()
    await issuer.revoke('sid', 'x1')
    await issuer.revoke('sid', 'x2')
    assert.equal(await verdict(verifier, token), 'good')
    await issuer.revoke('sid', 'x3')
    clock.pass(61_000)
    assert.equal(await verdict(verifier, token), 'stale')
    assert.match(verifier.feedStatus().trouble.message, /more rules than this verifier keeps/)
  })
})

describe('a feed that is lost', () => {
  it('closes routes at the hard bound, and opens them when it is back', async () => {
    const { issuer, verifier, clock } = await issuerAnd()
    const token = await issuer.token()
    assert.equal(await verdict(verifier, token), 'good')
    await issuer.down()
    clock.pass(60_000)
    assert.equal(await verdict(verifier, token), 'good', 'knowledge of 60 s is what the issuer allows')
    assert.equal(await verdict(verifier, token, { critical: true }), 'stale')
    assert.equal(await verdict(verifier, token, { maxStaleness: 59 }), 'stale')
    clock.pass(1)
    const answer = (await failure(verifier.verify(token))).response()
    assert.deepEqual([answer.status, answer.headers.get('retry-after'), answer.headers.get('www-authenticate')], [503, '2', null])
    assert.equal((await answer.json()).reason, 'stale')
    assert.equal(await verdict(verifier, token, { maxStaleness: 120 }), 'good')
    await issuer.listen(issuer.port)
    clock.pass(5_000)
    assert.equal(await verdict(verifier, token), 'good')
  })

  it('may stay open for young tokens', async () => {
    const { issuer, verifier, clock } = await issuerAnd({ onStale: { openForTokensYoungerThan: 100 } })
    await verifier.verify(await issuer.token())
    await issuer.down()
    clock.pass(120_000)
    const now = Math.floor(clock.now() / 1000)
    assert.equal(await verdict(verifier, await issuer.token({ iat: now - 99 })), 'good')
    assert.equal(await verdict(verifier, await issuer.token({ iat: now - 100 })), 'stale')
    assert.equal(await verdict(verifier, await issuer.token(), { critical: true }), 'stale')
  })

  it('may have the issuer asked about each token', async () => {
    const introspection = { clientId: 'api:1', clientSecret: 's&cret' }
    const { issuer, verifier, clock } = await issuerAnd({ onStale: 'introspect', introspection })
    const token = await issuer.token()
    await verifier.verify(token)
    let answer = { active: true }
    let asked
    issuer.trouble = async (request, response, url) => {
      if (url.pathname.startsWith('/rev')) return response.writeHead(500).end()
      if (url.pathname !== '/introspect') return false
      const chunks = []
      for await (const chunk of request) chunks.push(chunk)
      asked = [request.headers.authorization, Buffer.concat(chunks).toString()]
      return response.writeHead(200).end(JSON.stringify(answer))
    }
    clock.pass(61_000)
    assert.equal(await verdict(verifier, token), 'good')
    assert.deepEqual(asked, [`Basic ${btoa('api%3A1:s%26cret')}`, new URLSearchParams({ token, token_type_hint: 'access_token' }).toString()])
    answer = { active: false }
    assert.equal(await verdict(verifier, token), 'revoked')
    for (answer of [{}, { active: 'true' }, []]) assert.equal(await verdict(verifier, token), 'stale')
    assert.equal(await verdict(verifier, token, { critical: true }), 'stale')
  })

  it('is no feed where the issuer never had one, unless it is required', async () => {
    const without = await issuerAnd({}, { settings: { hasFeed: false } })
    const token = await without.issuer.token()
    assert.equal(await verdict(without.verifier, token), 'good')
    const due = another(without.issuer, without.clock, { required: true })
    assert.equal(await verdict(due, token), 'stale')
    const off = await issuerAnd({ mode: 'off' })
    await off.issuer.revoke('sid', 's1')
    assert.equal(await verdict(off.verifier, await off.issuer.token()), 'good')
    assert.equal(off.issuer.asked['/rev/head'], undefined)
  })

  it('that was changed counts no more', async () => {
    const { issuer, verifier, clock } = await issuerAnd()
    const token = await issuer.token()
    await issuer.revoke('sid', 'x1')
    assert.equal(await verdict(verifier, token), 'good')
    issuer.rules = [Buffer.from(issuer.rules[0]).fill(3, 1, 9)]
    clock.pass(5_000)
    assert.equal(await verdict(verifier, token), 'good')
    assert.equal(verifier.feedStatus().forked, true)
    clock.pass(60_000)
    assert.equal(await verdict(verifier, token), 'stale')
    issuer.epoch = 2
    clock.pass(5_000)
    assert.equal(await verdict(verifier, token), 'good')
    assert.equal(verifier.feedStatus().forked, false)
  })

  it('is not made fresh by a wall clock that is set back', async () => {
    const { issuer, verifier, clock } = await issuerAnd()
    const token = await issuer.token({ iat: 1, exp: Math.floor(clock.now() / 1000) + 600 })
    assert.equal(await verdict(verifier, token), 'good')
    await issuer.down()
    const wall = clock.now()
    clock.pass(61_000)
    clock.set(wall)
    assert.equal(await verdict(verifier, token), 'stale')
  })
})

describe('feed keys', () => {
  it('change as announced, and in no other way', async () => {
    const { issuer, verifier, clock } = await issuerAnd()
    const token = await issuer.token()
    await verifier.verify(token)
    issuer.feedKey = keys['feed-other']
    issuer.feedKeys = [keys['feed-other']]
    clock.pass(61_000)
    assert.equal(await verdict(verifier, token), 'stale', 'nobody announced that key')
    issuer.feedKey = keys.feed
    issuer.feedKeys = [keys.feed, keys['feed-next']]
    issuer.nextKey = keys['feed-next'].kid
    clock.pass(5_000)
    assert.equal(await verdict(verifier, token), 'good')
    issuer.feedKey = keys['feed-next']
    issuer.feedKeys = [keys['feed-next']]
    clock.pass(61_000)
    assert.equal(await verdict(verifier, token), 'good')
  })

  it('are named by their thumbprint: a known name does not bring another key in', async () => {
    const { issuer, verifier, clock } = await issuerAnd()
    const token = await issuer.token()
    await verifier.verify(token)
    issuer.feedKey = { ...keys['feed-other'], kid: keys.feed.kid }
    issuer.feedKeys = [issuer.feedKey]
    clock.pass(61_000)
    assert.equal(await verdict(verifier, token), 'stale')
    assert.equal(await verdict(another(issuer, clock, {}), token), 'stale')
  })

  it('may be pinned from the start', async () => {
    const { issuer, verifier, clock } = await issuerAnd({ feedKeys: [keys.feed.kid] })
    const token = await issuer.token()
    assert.equal(await verdict(verifier, token), 'good')
    assert.equal(await verdict(another(issuer, clock, { feedKeys: [keys['feed-other'].kid] }), token), 'stale')
  })
})

describe('state that outlives the process', () => {
  const memory = () => {
    const kept = new Map()
    return { kept, get: async (name) => kept.get(name), put: async (name, state) => void kept.set(name, state) }
  }

  it('is enforced while the issuer is down, as far as its heads prove it', async () => {
    const store = memory()
    const revocation = { store, feedKeys: [keys.feed.kid], required: true }
    const options = { jwks: { keys: [publicOf(keys.es)] } }
    const { issuer, verifier, clock } = await issuerAnd(revocation, { options })
    const [bad, good] = [await issuer.token(), await issuer.token({ sid: 's2' })]
    await issuer.revoke('sid', 's1')
    assert.equal(await verdict(verifier, bad), 'revoked')
    assert.equal(store.kept.size, 1)
    await issuer.down()
    clock.pass(10_000)
    const after = another(issuer, clock, revocation, options)
    assert.equal(await verdict(after, bad), 'revoked')
    assert.equal(await verdict(after, good), 'good')
    assert.equal(after.feedStatus().ageMs, 10_000)
    clock.pass(50_001)
    assert.equal(await verdict(after, good), 'stale')
    const [name, state] = [...store.kept][0]
    const judge = async (altered, settings = revocation) => {
      store.kept.set(name, altered)
      return verdict(another(issuer, clock, settings, options), bad, { maxStaleness: 3600 })
    }
    assert.equal(await judge(state), 'revoked')
    assert.equal(await judge(state.slice(0, -1)), 'stale', 'the head that proves it is cut')
    const flipped = new Uint8Array(state)
    flipped[Buffer.from(state).indexOf('CSL1') + 60] ^= 1
    assert.equal(await judge(flipped), 'stale')
    assert.equal(await judge(new Uint8Array([1, 2, 3])), 'stale')
    assert.equal(await judge(state, { ...revocation, feedKeys: [] }), 'stale', 'state cannot choose the keys')
    assert.equal(await judge(state, { ...revocation, feedKeys: [keys['feed-other'].kid] }), 'stale')
  })

  it('that cannot be read or written stops nothing', async () => {
    const broken = { get: async () => { throw new Error('down') }, put: async () => { throw new Error('down') } }
    const { issuer, verifier } = await issuerAnd({ store: broken })
    await issuer.revoke('sid', 's1')
    assert.equal(await verdict(verifier, await issuer.token()), 'revoked')
  })
})

describe('a stream', () => {
  it('brings revocations at once, and comes back when it is cut', async () => {
    const { issuer, verifier } = await issuerAnd({ mode: 'stream' }, { options: { clock: undefined }, settings: { now: () => Date.now() } })
    const [first, second] = [await issuer.token(), await issuer.token({ sid: 's2' })]
    assert.equal(await verdict(verifier, first), 'good')
    await until('the stream', () => issuer.streams === 1)
    let began = performance.now()
    await issuer.revoke('sid', 's1')
    await until('the refusal', async () => (await verdict(verifier, first)) === 'revoked', 1000)
    console.log(`# refused ${(performance.now() - began).toFixed(1)} ms after the revocation`)
    assert.equal(issuer.asked['/rev/log'], undefined, 'nothing was asked for')
    await issuer.down()
    await issuer.listen(issuer.port)
    await until('another stream', () => issuer.streams === 1)
    began = performance.now()
    await issuer.revoke('sid', 's2')
    await until('the refusal', async () => (await verdict(verifier, second)) === 'revoked', 1000)
    verifier.close()
    await until('its end', () => issuer.streams === 0)
  })

  it('that falls silent is left', async () => {
    const { issuer, verifier } = await issuerAnd({ mode: 'stream' }, { options: { clock: undefined }, settings: { now: () => Date.now() } })
    await verifier.verify(await issuer.token())
    await until('the stream', () => issuer.streams === 1)
    issuer.silent = true
    const polls = issuer.asked['/rev/log'] ?? 0
    await until('a poll instead', () => (issuer.asked['/rev/log'] ?? 0) > polls)
  })

  it('takes hints from the issuer itself, not from a relay', async () => {
    const clock = { clock: undefined }
    const { issuer, verifier } = await issuerAnd({ mode: 'stream' }, { options: clock, settings: { now: () => Date.now() } })
    const relay = await TestIssuer.start({ url: issuer.url })
    open.push(relay)
    const relayed = another(issuer, undefined, { mode: 'stream', relay: `http://127.0.0.1:${relay.port}/` })
    const token = await issuer.token()
    assert.deepEqual([await verdict(verifier, token), await verdict(relayed, token)], ['good', 'good'])
    await until('both streams', () => issuer.streams === 1 && relay.streams === 1)
    assert.equal(relay.asked['/.well-known/revocation-feed'], undefined, 'metadata comes from the issuer')
    const rule = Buffer.concat([Buffer.of(5), issuer.name('sid', 's1'), Buffer.alloc(8, 255)])
    const hint = text(Buffer.concat([Buffer.from('CSL1'), Buffer.alloc(48), Buffer.of(0, 0, 0, 1), rule, Buffer.alloc(4)]))
    issuer.send('hint', hint)
    relay.send('hint', hint)
    await until('the refusal', async () => (await verdict(verifier, token)) === 'revoked', 1000)
    const { seq, ageMs } = relayed.feedStatus()
    await until('another head', () => relayed.feedStatus().ageMs < ageMs)
    assert.deepEqual([await verdict(relayed, token), seq], ['good', 0])
  })

  it('says when keys changed', async () => {
    const { issuer, verifier } = await issuerAnd({ mode: 'stream' }, { options: { clock: undefined }, settings: { now: () => Date.now(), signingKeys: [keys.es, keys['es-old']] } })
    const token = await issuer.token({}, keys['es-old'])
    assert.equal(await verdict(verifier, token), 'good')
    await until('the stream', () => issuer.streams === 1)
    issuer.signingKeys = [keys.es]
    issuer.send('jwks', 'x')
    await until('the refusal', async () => (await verdict(verifier, token)) === 'unknown_key', 1000)
    issuer.signingKeys = [keys.es, keys['es-old']]
    issuer.jwksDigest = text(Buffer.alloc(32, 1))
    await issuer.publish()
    issuer.jwksDigest = text(Buffer.alloc(32, 2))
    await issuer.publish()
    await until('the key again', async () => (await verdict(verifier, token)) === 'good', 2000)
  })
})
