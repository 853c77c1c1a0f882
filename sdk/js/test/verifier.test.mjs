// The verifier from outside: dist as published, a real HTTP issuer, a clock driven by hand.
import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { Identity, Refusal, Verifier } from '../dist/index.js'
import { manualClock, publicOf, TestIssuer } from './issuer.mjs'
import { failure, vectors } from './vectors.mjs'

const { keys } = await vectors('keys')
const open = []
afterEach(async () => {
  for (const one of open.splice(0)) await (one instanceof Verifier ? one.close() : one.down())
})

async function issuerAnd(options = {}, settings = {}) {
  const clock = manualClock()
  const issuer = await TestIssuer.start({ now: clock.now, hasFeed: false, ...settings })
  const verifier = new Verifier({
    issuer: issuer.url, audience: issuer.audience, type: 'at+jwt', algorithms: ['ES256'], allowHttpOnLoopback: true, clock, ...options,
  })
  open.push(verifier, issuer)
  return { issuer, verifier, clock }
}

const request = (token, url = 'https://api.example/') => new Request(url, token ? { headers: { authorization: `Bearer ${token}` } } : {})
const refusal = async (work) => {
  const error = await failure(work)
  assert.ok(error instanceof Refusal, error)
  return error
}

describe('a verifier', () => {
  it('lets a good token in and says whose it is', async () => {
    const { issuer, verifier } = await issuerAnd()
    const who = await verifier.verifyRequest(request(await issuer.token({ roles: ['editor'], scope: 'read write' })))
    assert.ok(who instanceof Identity)
    assert.deepEqual([who.subject, who.clientId, who.scopes, who.kid, who.isMachine], ['u_1', 'web', ['read', 'write'], 'es', false])
    assert.deepEqual([who.hasScope('write'), who.hasScope('wri'), who.hasRole('editor'), who.hasRole('admin')], [true, false, true, false])
    assert.throws(() => { who.claims.sub = 'admin' }, TypeError)
    assert.throws(() => { who.claims.roles.push('admin') }, TypeError)
  })

  it('refuses with the code of the engine, and never shows the token', async () => {
    const { issuer, verifier, clock } = await issuerAnd()
    const token = await issuer.token()
    const codes = [
      [await issuer.token({ aud: 'urn:other' }), 'wrong_audience'],
      [await issuer.token({ iss: 'https://evil.example' }), 'wrong_issuer'],
      [await issuer.token({}, keys.es, { typ: 'JWT' }), 'wrong_type'],
      [await issuer.token({}, keys.stranger), 'bad_signature'],
      [await issuer.token({}, keys['es-old']), 'unknown_key'],
      [await issuer.token({}, { ...keys.ed, kid: 'es' }), 'wrong_algorithm'],
      [await issuer.token({ cnf: { jkt: 'x' } }), 'proof_required'],
      [undefined, 'malformed'],
    ]
    for (const [bad, code] of codes) {
      const error = await refusal(verifier.verify(bad))
      assert.deepEqual([error.code, error.status], [code, 401])
      assert.ok(!bad || !`${error.stack}${error.body}${JSON.stringify(error)}`.includes(bad))
    }
    await verifier.verify(token)
    clock.pass(600_000)
    assert.equal((await refusal(verifier.verify(token))).code, 'expired')
  })

  it('judges times again for a token it has seen', async () => {
    const { issuer, verifier, clock } = await issuerAnd()
    const now = Math.floor(clock.now() / 1000)
    const token = await issuer.token({ exp: now + 60, iat: now - 5, nbf: now })
    await verifier.verify(token)
    clock.pass(59_999)
    await verifier.verify(token)
    clock.set(now * 1000 - 2_000)
    await verifier.verify(token)
    clock.set(now * 1000 - 2_001)
    assert.equal((await refusal(verifier.verify(token))).code, 'not_yet_valid')
    clock.set((now + 60) * 1000)
    const late = await refusal(verifier.verify(token))
    assert.deepEqual([late.code, late.reason.error.claim], ['expired', 'exp'])
  })

  it('holds what a route asks for against the token', async () => {
    const { issuer, verifier, clock } = await issuerAnd()
    const now = Math.floor(clock.now() / 1000)
    const token = await issuer.token({ scope: 'read', roles: ['editor'], acr: 'aal1', auth_time: now - 100 })
    const fine = { scopes: ['read'], roles: ['editor'], anyRole: ['admin', 'editor'], acr: ['aal1', 'aal2'], maxAge: 100 }
    await verifier.verify(token, fine)
    const cases = [
      [{ scopes: ['read', 'write'] }, 403, 'Bearer realm="urn:api", error="insufficient_scope", error_description="scope missing: write", scope="read write"'],
      [{ roles: ['admin'] }, 403, 'Bearer realm="urn:api", error="insufficient_scope", error_description="role missing: admin"'],
      [{ anyRole: ['admin', 'ops'] }, 403, 'Bearer realm="urn:api", error="insufficient_scope", error_description="one of the roles is needed: admin, ops"'],
      [{ anyRole: [] }, 403, 'Bearer realm="urn:api", error="insufficient_scope", error_description="one of the roles is needed: "'],
      [{ acr: ['aal2'] }, 401, 'Bearer realm="urn:api", error="insufficient_user_authentication", error_description="a stronger sign-in is needed: aal2", acr_values="aal2"'],
      [{ maxAge: 99 }, 401, 'Bearer realm="urn:api", error="insufficient_user_authentication", error_description="a sign-in of the last 99 s is needed", max_age="99"'],
      [{ maxAge: 5, acr: ['a', 'b'] }, 401, 'Bearer realm="urn:api", error="insufficient_user_authentication", error_description="a sign-in of the last 5 s is needed: a or b", acr_values="a b", max_age="5"'],
    ]
    for (const [due, status, challenge] of cases) {
      const error = await refusal(verifier.verify(token, due))
      assert.deepEqual([error.status, error.challenge], [status, challenge])
    }
    await refusal(verifier.verify(await issuer.token(), { maxAge: 1_000_000 }))
  })

  it('answers refusals in full', async () => {
    const { issuer, verifier } = await issuerAnd({ realm: 'a"b\\c\r\nd\u{e9}' })
    const answer = (await refusal(verifier.verifyRequest(request()))).response()
    assert.deepEqual([answer.status, answer.headers.get('www-authenticate')], [401, 'Bearer realm="a\\"b\\\\c??d?"'])
    assert.deepEqual([answer.headers.get('cache-control'), (await answer.json()).error], ['no-store', 'unauthorized'])
    const expired = (await refusal(verifier.verify(await issuer.token({ exp: 3 })))).response()
    assert.match(expired.headers.get('www-authenticate'), /^Bearer realm=".*", error="invalid_token", error_description="expired: expired at 3, it is \d+"$/)
    const { error, reason, claim } = await expired.json()
    assert.deepEqual([error, reason, claim], ['invalid_token', 'expired', 'exp'])
  })

  it('reads one bearer token from the header and nothing else', async () => {
    const { issuer, verifier } = await issuerAnd()
    const token = await issuer.token()
    const ask = (headers, url = 'https://api.example/') => verifier.verifyRequest({ headers: new Headers(headers), url })
    await ask({ authorization: `bEARER   ${token}` })
    await verifier.verifyRequest({ headers: { authorization: `Bearer ${token}` }, url: '/path?x=1' })
    for (const [headers, url, kind] of [
      [{}, '/?access_token=a.b.c', 'no_credentials'],
      [{ authorization: 'Basic YTpi' }, '/', 'no_credentials'],
      [{ authorization: `Bearerx ${token}` }, '/', 'no_credentials'],
      [{ authorization: 'Bearer' }, '/', 'bad_request'],
      [{ authorization: 'Bearer a b' }, '/', 'bad_request'],
      [{ authorization: 'Bearer a,b' }, '/', 'bad_request'],
      [{ authorization: 'Bearer ==' }, '/', 'bad_request'],
      [{ authorization: 'Bearer \u{e9}' }, '/', 'bad_request'],
      [[['authorization', `Bearer ${token}`], ['authorization', `Bearer ${token}`]], '/', 'bad_request'],
      [{ authorization: `Bearer ${token}` }, '/?x=1&access%5Ftoken=a', 'bad_request'],
    ]) {
      const error = await refusal(ask(headers, url))
      assert.equal(error.reason.kind, kind, JSON.stringify(headers))
      assert.equal(error.status, kind === 'bad_request' ? 400 : 401)
    }
    const twice = { headers: { authorization: 'Bearer a' }, headersDistinct: { authorization: ['Bearer a', 'Bearer b'] }, url: '/' }
    assert.equal((await refusal(verifier.verifyRequest(twice))).reason.detail, 'more than one Authorization header')
  })

  it('protects a handler', async () => {
    const { issuer, verifier } = await issuerAnd()
    const handler = verifier.protect((_, who, env) => new Response(`${who.subject} ${env}`), { scopes: ['read'] })
    assert.equal(await (await handler(request(await issuer.token()), 'env', { waitUntil() {} })).text(), 'u_1 env')
    assert.equal((await handler(request(await issuer.token({ scope: '' })), 'env')).status, 403)
    assert.equal((await handler(request(), 'env')).status, 401)
    const broken = verifier.protect(() => { throw new Error('the handler itself') })
    assert.match((await failure(broken(request(await issuer.token())))).message, /the handler itself/)
  })
})

describe('options', () => {
  const good = { issuer: 'https://id.example', audience: 'api', type: 'at+jwt', algorithms: ['ES256'] }
  it('that are missing or wrong make no verifier', () => {
    new Verifier(good)
    for (const name of ['issuer', 'audience', 'type', 'algorithms']) {
      for (const value of [undefined, null, '', [], 7, [undefined], ['']]) {
        assert.throws(() => new Verifier({ ...good, [name]: value }), TypeError, `${name} ${JSON.stringify(value)}`)
      }
    }
    for (const wrong of [
      { algorithms: ['none'] }, { algorithms: ['ML-DSA-44'] }, { algorithms: 'ES256' }, { algorithms: ['HS256'] }, { leeway: 61 }, { leeway: -1 },
      { leeway: '5' }, { leeway: Number.NaN }, { issuer: 'http://id.example' }, { issuer: 'https://u:p@id.example' },
      { issuer: 'https://id.example?x=1' }, { issuer: 'id.example' }, { timeout: 0 }, { cacheCapacity: -1 },
      { secret: { algorithm: 'ES256', value: new Uint8Array(32) } }, { revocation: { mode: 'maybe' } },
      { revocation: { onStale: 'introspect' } }, { revocation: { mode: 'off', required: true } }, { revocation: { relay: 'http://relay.example' } },
    ]) {
      assert.throws(() => new Verifier({ ...good, ...wrong }), JSON.stringify(wrong))
    }
  })

  it('take a secret, or keys, without a network', async () => {
    const issuer = new TestIssuer()
    issuer.url = good.issuer
    issuer.audience = good.audience
    const fetch = () => assert.fail('nothing is fetched')
    const document = { keys: [publicOf(keys.es)] }
    for (const jwks of [document, JSON.stringify(document)]) {
      await new Verifier({ ...good, jwks, fetch }).verify(await issuer.token())
    }
    const weak = { algorithm: 'HS256', value: new Uint8Array(31) }
    const error = await failure(new Verifier({ ...good, algorithms: ['HS256'], secret: weak }).verify('a.b.c'))
    assert.equal(error.code, 'weak_key')
    const { claims } = await new Verifier({ ...good, jwks: document, fetch }).verify(await issuer.token())
    assert.equal(claims.sub, 'u_1')
  })
})
