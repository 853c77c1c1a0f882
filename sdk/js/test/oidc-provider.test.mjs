// Another issuer's tokens: oidc-provider, with JWT access tokens and no revocation feed.
import assert from 'node:assert/strict'
import http from 'node:http'
import { after, before, describe, it } from 'node:test'
import Provider from 'oidc-provider'
import { Verifier } from '../dist/index.js'
import { failure, vectors } from './vectors.mjs'

const { keys } = await vectors('keys')
const audience = 'urn:api:orders'

describe('oidc-provider', () => {
  let server, url, provider
  before(async () => {
    server = http.createServer((request, response) => provider.callback()(request, response)).listen(0, '127.0.0.1')
    await new Promise((done) => server.once('listening', done))
    url = `http://127.0.0.1:${server.address().port}`
    provider = new Provider(url, {
      jwks: { keys: [keys.rs, { ...keys.es, use: 'sig' }, { ...keys.ed, use: 'sig' }] },
      clients: [{ client_id: 'machine', client_secret: 'secret', grant_types: ['client_credentials'], redirect_uris: [], response_types: [] }],
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: (_, resource) => ({
            scope: 'orders:read', audience, accessTokenFormat: 'jwt', accessTokenTTL: 600, jwt: { sign: { alg: resource.split(':').at(-1) } },
          }),
        },
      },
    })
  })
  after(() => new Promise((done) => { server.close(done); server.closeAllConnections() }))

  async function token(alg) {
    const answer = await fetch(`${url}/token`, {
      method: 'POST', headers: { authorization: `Basic ${btoa('machine:secret')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'orders:read', resource: `urn:api:${alg}` }),
    })
    const body = await answer.json()
    assert.equal(answer.status, 200, JSON.stringify(body))
    return body.access_token
  }
  const verifier = (options = {}) => new Verifier({
    issuer: url, audience, type: 'at+jwt', algorithms: ['ES256', 'RS256', 'Ed25519'], allowHttpOnLoopback: true, ...options,
  })

  for (const alg of ['ES256', 'RS256', 'Ed25519']) {
    it(`${alg} tokens are let in`, async () => {
      const who = await verifier().verify(await token(alg), { scopes: ['orders:read'] })
      assert.deepEqual([who.subject, who.clientId], ['machine', 'machine'])
    })
  }

  it('tokens for somebody else are not', async () => {
    const error = await failure(verifier({ audience: 'urn:api:other' }).verify(await token('ES256')))
    assert.deepEqual([error.code, error.status], ['wrong_audience', 401])
  })

  it('has no feed: tokens are good until they are over, unless a feed is required', async () => {
    const one = verifier()
    await one.verify(await token('ES256'))
    assert.equal(one.feedStatus().followed, false)
    const error = await failure(verifier({ revocation: { required: true } }).verify(await token('ES256')))
    assert.deepEqual([error.code, error.status], ['stale', 503])
  })
})
