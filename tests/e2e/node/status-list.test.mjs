// npm @sd-jwt/jwt-status-list, somebody else's reading of the draft, on our lists.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { getListFromStatusListJWT, getStatusListFromJWT } from '@sd-jwt/jwt-status-list'
import * as jose from 'jose'
import { Issuer, until } from './harness.mjs'

const secret = 'machine-secret-0123456789abcdef0123456789'
const api = 'https://status.example'

describe('a verifier that knows Token Status Lists only', () => {
  let issuer, jwks, metadata

  before(async () => {
    issuer = await Issuer.start()
    await issuer.apply('resource', { resource: api, scopes: ['read'], status_list: true })
    await issuer.apply('client', {
      client_id: 'machine', client_secret: secret, grant_types: ['client_credentials'], response_types: [],
      redirect_uris: [], token_endpoint_auth_method: 'client_secret_basic', scope: 'read', resources: [api],
    })
    metadata = await (await fetch(`${issuer.url}/.well-known/oauth-authorization-server`)).json()
    jwks = jose.createRemoteJWKSet(new URL(metadata.jwks_uri))
  })
  after(() => issuer?.stop())

  async function token() {
    const response = await fetch(metadata.token_endpoint, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`machine:${secret}`)}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'read' }),
    })
    assert.equal(response.status, 200)
    const { access_token: value } = await response.json()
    await jose.jwtVerify(value, jwks, { issuer: issuer.url, audience: api, typ: 'at+jwt' })
    return value
  }

  /** 0 or 1, by the validation rules of the draft (8.3). */
  async function status(value) {
    const { idx, uri } = getStatusListFromJWT(value)
    const response = await fetch(uri, { headers: { accept: 'application/statuslist+jwt' } })
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('content-type'), 'application/statuslist+jwt')
    const jwt = await response.text()
    const { payload } = await jose.jwtVerify(jwt, jwks, { typ: 'statuslist+jwt', subject: uri })
    assert.ok(payload.ttl > 0 && payload.exp > payload.iat)
    const list = getListFromStatusListJWT(jwt)
    assert.equal(list.getBitsPerStatus(), 1)
    assert.equal(list.statusList.length, 2 ** 20)
    return list.getStatus(idx)
  }

  it('sees a token good, then revoked, and its siblings good', async () => {
    const [first, second] = [await token(), await token()]
    assert.notDeepEqual(getStatusListFromJWT(first), getStatusListFromJWT(second))
    assert.deepEqual([await status(first), await status(second)], [0, 0])
    const response = await fetch(metadata.revocation_endpoint, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`machine:${secret}`)}` },
      body: new URLSearchParams({ token: first }),
    })
    assert.equal(response.status, 200)
    await until('the bit', async () => await status(first) === 1)
    assert.equal(await status(second), 0)
  })

  it('sees what another process revokes, and the same after a restart', async () => {
    const value = await token()
    await issuer.cli(['revoke', '--client', 'machine'])
    await until('the bit', async () => await status(value) === 1)
    await issuer.down('SIGKILL')
    await issuer.up()
    assert.equal(await status(value), 1)
    const later = await until('a token after the cutoff', async () => await token())
    assert.equal(await status(later), 0)
  })

  it('finds every list by the metadata', async () => {
    const { status_lists: lists } = await (await fetch(metadata.status_list_aggregation_endpoint)).json()
    assert.ok(lists.includes(getStatusListFromJWT(await token()).uri))
  })
})
