// npm jose as the oracle: it verifies what we sign, we verify what it signs.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import * as jose from 'jose'
import { Issuer, cli } from './harness.mjs'

const secret = 'machine-secret-0123456789abcdef0123456789'
const algorithms = ['Ed25519', 'ES256', 'RS256']

describe('jose verifies what we sign', () => {
  let issuer, jwks

  before(async () => {
    issuer = await Issuer.start()
    await issuer.apply('resource', algorithms.map((alg) => (
      { resource: `https://${alg.toLowerCase()}.example`, scopes: ['read'], signing_alg: alg })))
    await issuer.apply('client', {
      client_id: 'machine', client_secret: secret, grant_types: ['client_credentials'], response_types: [],
      redirect_uris: [], token_endpoint_auth_method: 'client_secret_basic', scope: 'read',
      resources: ['https://es256.example', 'https://ed25519.example', 'https://rs256.example'],
    })
    jwks = jose.createRemoteJWKSet(new URL(`${issuer.url}/.well-known/jwks.json`))
  })
  after(() => issuer?.stop())

  async function token(resource) {
    const response = await fetch(`${issuer.url}/oauth/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`machine:${secret}`)}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'read', resource }),
    })
    const body = await response.json()
    assert.equal(response.status, 200, JSON.stringify(body))
    return body.access_token
  }

  for (const alg of algorithms) {
    it(`${alg}: signature, issuer, audience, type and times`, async () => {
      const audience = `https://${alg.toLowerCase()}.example`
      const value = await token(audience)
      const { payload, protectedHeader } = await jose.jwtVerify(value, jwks, { issuer: issuer.url, audience, typ: 'at+jwt' })
      assert.equal(protectedHeader.alg, alg === 'Ed25519' ? protectedHeader.alg : alg)
      assert.equal(payload.client_id, 'machine')
      assert.equal(payload.sub, 'machine')
      assert.equal(payload.exp - payload.iat, 900)
      const altered = value.slice(0, -8) + (value.at(-8) === 'A' ? 'B' : 'A') + value.slice(-7)
      await assert.rejects(jose.jwtVerify(altered, jwks), { code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' })
    })
  }

  it('publishes keys whose kid is the RFC 7638 thumbprint', async () => {
    const { keys } = await (await fetch(`${issuer.url}/.well-known/jwks.json`)).json()
    assert.ok(keys.length >= 3)
    for (const key of keys) {
      assert.equal(key.kid, await jose.calculateJwkThumbprint(key))
      assert.equal(key.d, undefined)
    }
  })
})

describe('we verify what jose signs', () => {
  let dir
  before(async () => { dir = await mkdtemp(join(tmpdir(), 'countersign-jose-')) })
  after(() => rm(dir, { recursive: true, force: true }))

  for (const alg of ['Ed25519', 'ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']) {
    it(alg, async () => {
      const { publicKey, privateKey } = await jose.generateKeyPair(alg, { extractable: true })
      const jwk = { ...(await jose.exportJWK(publicKey)), alg, use: 'sig', kid: 'k1' }
      const file = join(dir, `${alg}.json`)
      await writeFile(file, JSON.stringify({ keys: [jwk] }))
      const sign = (audience) => new jose.SignJWT({ client_id: 'c', scope: 'read' })
        .setProtectedHeader({ alg, kid: 'k1', typ: 'at+jwt' })
        .setIssuer('https://issuer.example').setAudience(audience).setSubject('s').setJti('j')
        .setIssuedAt().setExpirationTime('5m').sign(privateKey)
      const verify = (value) => cli(['token', 'verify', '--jwks', file, '--issuer', 'https://issuer.example',
        '--audience', 'api', '--json'], value)
      assert.match(await verify(await sign('api')), /"sub":\s*"s"/)
      await assert.rejects(verify(await sign('elsewhere')), (e) => e.exitCode === 1 && /wrong_audience/.test(e.stderr))
      const good = await sign('api')
      const [header, payload, signature] = good.split('.')
      const other = jose.base64url.encode(JSON.stringify({ ...jose.decodeJwt(good), sub: 'root' }))
      await assert.rejects(verify([header, other, signature].join('.')), (e) => e.exitCode === 1 && /bad_signature/.test(e.stderr))
      await assert.rejects(verify([jose.base64url.encode('{"alg":"none","typ":"at+jwt"}'), payload, ''].join('.')),
        (e) => e.exitCode === 1)
    })
  }
})
