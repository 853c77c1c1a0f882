// Where keys come from: discovery, caching, and what strangers cannot cause.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { afterEach, describe, it } from 'node:test'
import { Refusal, Verifier } from '../dist/index.js'
import { manualClock, publicOf, TestIssuer, until } from './issuer.mjs'
import { failure, vectors } from './vectors.mjs'

const { keys } = await vectors('keys')
const open = []
afterEach(async () => {
  for (const issuer of open.splice(0)) await issuer.down()
})

async function issuerAnd(options = {}, settings = {}) {
  const clock = manualClock()
  const issuer = await TestIssuer.start({ now: clock.now, hasFeed: false, ...settings })
  open.push(issuer)
  const verifier = new Verifier({
    issuer: issuer.url, audience: issuer.audience, type: 'at+jwt', algorithms: ['ES256'], allowHttpOnLoopback: true, clock, ...options,
  })
  return { issuer, verifier, clock }
}

async function unavailable(work) {
  const error = await failure(work)
  assert.ok(error instanceof Refusal, error)
  assert.deepEqual([error.code, error.status, error.challenge], ['keys_unavailable', 503, undefined])
  return error
}

describe('discovery', () => {
  it('asks OpenID Connect first, then RFC 8414, for issuers with a path too', async () => {
    const asked = []
    const clock = manualClock()
    const issuer = Object.assign(new TestIssuer(), { now: clock.now, url: 'https://id.example/tenant/' })
    const fetch = async (url) => {
      asked.push(url)
      if (url.includes('openid')) return new Response(null, { status: 404 })
      return Response.json(url.endsWith('/jwks') ? { keys: [publicOf(keys.es)] } : { issuer: issuer.url, jwks_uri: 'https://keys.example/jwks' })
    }
    const verifier = new Verifier({ issuer: issuer.url, audience: 'urn:api', type: 'at+jwt', algorithms: ['ES256'], fetch, clock })
    await verifier.verify(await issuer.token())
    assert.deepEqual(asked, [
      'https://id.example/tenant/.well-known/openid-configuration',
      'https://id.example/.well-known/oauth-authorization-server/tenant', 'https://keys.example/jwks',
    ])
  })

  const good = (issuer) => issuer.metadata()
  for (const [name, document, what] of [
    ['speaks for somebody else', (issuer) => ({ ...good(issuer), issuer: 'https://evil.example' }), /is not that of/],
    ['speaks for the issuer with a slash', (issuer) => ({ ...good(issuer), issuer: `${issuer.url}/` }), /is not that of/],
    ['names no keys', (issuer) => ({ issuer: issuer.url }), /no jwks_uri/],
    ['names keys elsewhere over plain HTTP', (issuer) => ({ issuer: issuer.url, jwks_uri: 'http://keys.example/' }), /loopback only/],
    ['is a list', () => [], /not an object/],
  ]) {
    it(`refuses metadata that ${name}`, async () => {
      const { issuer, verifier } = await issuerAnd()
      issuer.metadata = () => document(issuer)
      // The object asks for itself while it makes the document.
      if (name !== 'is a list' && name !== 'names no keys') issuer.metadata = ((made) => () => made)(document(Object.assign(Object.create(issuer), { metadata: TestIssuer.prototype.metadata })))
      const error = await unavailable(verifier.verify(await issuer.token()))
      assert.match(error.message, what)
      assert.ok(!(await error.response().text()).includes('jwks'), 'what went wrong is not told to strangers')
    })
  }

  it('refuses a member twice, as in tokens', async () => {
    const { issuer, verifier } = await issuerAnd()
    issuer.trouble = (_, response, url) => url.pathname.endsWith('configuration')
      && response.writeHead(200).end(`{"issuer":"${issuer.url}","jwks_uri":"${issuer.url}/jwks","jwks_uri":"${issuer.url}/other"}`)
    assert.match((await unavailable(verifier.verify(await issuer.token()))).message, /duplicate member/)
  })

  it('follows no redirect, and takes only a 200', async () => {
    for (const status of [301, 302, 307, 204, 500]) {
      const { issuer, verifier } = await issuerAnd()
      issuer.trouble = (_, response, url) => url.pathname === '/jwks' && response.writeHead(status, { location: `${issuer.url}/elsewhere` }).end()
      assert.match((await unavailable(verifier.verify(await issuer.token()))).message, /not 200/)
      assert.equal(issuer.asked['/elsewhere'], undefined)
    }
  })

  it('bounds what it reads, in size and in time', async () => {
    const large = await issuerAnd({ maxDocumentBytes: 4096 })
    large.issuer.trouble = (_, response, url) => url.pathname === '/jwks' && response.writeHead(200).end(' '.repeat(4097))
    assert.match((await unavailable(large.verifier.verify(await large.issuer.token()))).message, /larger than 4096/)
    const slow = await issuerAnd({ timeout: 0.05 })
    slow.issuer.trouble = (_, response, url) => url.pathname === '/jwks' && response.writeHead(200).write('{')
    const error = await unavailable(slow.verifier.verify(await slow.issuer.token()))
    assert.equal(error.headers['retry-after'], '1')
  })

  it('refuses a key set with a secret, a private key or an id twice', async () => {
    for (const [bad, what] of [
      [[{ kty: 'oct', k: 'AAAA' }], /symmetric_key/], [[keys.es], /private_key/], [[publicOf(keys.es), publicOf(keys.es)], /duplicate_kid/],
    ]) {
      const { issuer, verifier } = await issuerAnd()
      issuer.trouble = (_, response, url) => url.pathname === '/jwks' && response.writeHead(200).end(JSON.stringify({ keys: bad }))
      assert.match((await unavailable(verifier.verify(await issuer.token()))).message, what)
    }
  })
})

describe('keys', () => {
  it('are fetched once for all who wait', async () => {
    const { issuer, verifier } = await issuerAnd()
    const token = await issuer.token()
    await Promise.all(Array.from({ length: 100 }, () => verifier.verify(token)))
    assert.deepEqual(issuer.asked, { '/.well-known/openid-configuration': 1, '/jwks': 1 })
  })

  it('10,000 unknown ids cause one fetch per cooldown', async () => {
    const { issuer, verifier, clock } = await issuerAnd()
    const good = await issuer.token()
    await verifier.verify(good)
    clock.pass(31_000)
    const [, claims, signature] = good.split('.')
    const stranger = () => `${Buffer.from(JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: randomUUID() })).toString('base64url')}.${claims}.${signature}`
    for (let batch = 0; batch < 10; batch++) {
      const errors = await Promise.all(Array.from({ length: 1000 }, () => failure(verifier.verify(stranger()))))
      assert.ok(errors.every((error) => error.code === 'unknown_key'))
    }
    assert.equal(issuer.asked['/jwks'], 2)
    clock.pass(30_000)
    await failure(verifier.verify(stranger()))
    assert.equal(issuer.asked['/jwks'], 3)
  })

  it('that are new are found, those withdrawn refused, and those good outlive the issuer', async () => {
    const { issuer, verifier, clock } = await issuerAnd()
    const old = await issuer.token()
    await verifier.verify(old)
    issuer.signingKeys = [keys.es, keys['es-old']]
    const fresh = await issuer.token({}, keys['es-old'])
    assert.equal((await failure(verifier.verify(fresh))).code, 'unknown_key', 'within the cooldown')
    clock.pass(30_000)
    await verifier.verify(fresh)
    await issuer.down()
    clock.pass(599_000)
    assert.equal((await failure(verifier.verify(old))).code, 'expired')
    const { issuer: other, verifier: second, clock: time } = await issuerAnd({ maxKeyAge: 60 })
    const long = await other.token()
    await second.verify(long)
    other.trouble = (_, response) => response.writeHead(500).end()
    time.pass(300_000)
    await second.verify(long)
    other.trouble = () => false
    other.signingKeys = [keys['es-old']]
    await second.refreshKeys()
    assert.equal((await failure(second.verify(long))).code, 'unknown_key', 'also from the cache')
    other.signingKeys = [keys.es]
    await second.refreshKeys()
    await second.verify(long)
    other.signingKeys = [keys.stranger]
    await second.refreshKeys()
    assert.equal((await failure(second.verify(long))).code, 'bad_signature', 'another key of the same name')
  })

  it('are renewed in the background before they are old', async () => {
    const { issuer, verifier, clock } = await issuerAnd()
    const token = await issuer.token()
    await verifier.verify(token)
    clock.pass(479_000)
    await verifier.verify(token)
    assert.equal(issuer.asked['/jwks'], 1)
    clock.pass(1_000)
    await verifier.verify(token)
    await until('the second fetch', () => issuer.asked['/jwks'] === 2)
  })

  it('that cannot be had are asked for again after a second', async () => {
    const { issuer, verifier, clock } = await issuerAnd()
    const token = await issuer.token()
    issuer.trouble = (_, response) => response.writeHead(503).end()
    await unavailable(verifier.verify(token))
    await unavailable(verifier.verify(token))
    assert.equal(issuer.asked['/.well-known/openid-configuration'], 1)
    issuer.trouble = () => false
    clock.pass(1_000)
    await verifier.verify(token)
  })
})

describe('the cache of verified tokens', () => {
  it('is bounded, and keeps nothing that failed', async () => {
    let checks = 0
    const { verify } = crypto.subtle
    crypto.subtle.verify = function (...args) { checks++; return verify.apply(this, args) }
    try {
      const { issuer, verifier } = await issuerAnd({ cacheCapacity: 2 })
      const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((jti) => issuer.token({ jti })))
      const cost = async (token) => { const before = checks; await failure(verifier.verify(token)); return checks - before }
      assert.deepEqual([await cost(a), await cost(b), await cost(a), await cost(b)], [1, 1, 0, 0])
      assert.deepEqual([await cost(c), await cost(b), await cost(a)], [1, 0, 1], 'the one not used for longest went')
      const bad = `${a.slice(0, -4)}AAAA`
      assert.deepEqual([await cost(bad), await cost(bad)], [1, 1])
      const wrong = await issuer.token({ aud: 'urn:other' })
      assert.deepEqual([await cost(wrong), await cost(wrong)], [1, 1])
      const off = new Verifier({ issuer: issuer.url, audience: issuer.audience, type: 'at+jwt', algorithms: ['ES256'], allowHttpOnLoopback: true, cacheCapacity: 0 })
      await off.verify(a)
      const before = checks
      await off.verify(a)
      assert.equal(checks - before, 1)
    } finally {
      crypto.subtle.verify = verify
    }
  })
})
