// npm openid-client (certified relying party) against the real binary and its real pages.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import * as oidc from 'openid-client'
import { Issuer, allow, launchBrowser, person, serveClient, signIn } from './harness.mjs'

const insecure = { execute: [oidc.allowInsecureRequests] }
const webSecret = 'web-secret-0123456789abcdef0123456789abcdef'
const workerSecret = 'worker-secret-0123456789abcdef0123456789ab'
const api = 'https://orders.example/api'

describe('openid-client', () => {
  let issuer, browser, app, web, worker, callback

  before(async () => {
    app = await serveClient((_, response) => response.end('<title>client</title>'))
    callback = `${app.url}/callback`
    issuer = await Issuer.start()
    browser = await launchBrowser()
    await issuer.apply('resource', { resource: api, name: 'Orders', scopes: ['orders:read', 'orders:write'] })
    await issuer.apply('client', [
      {
        client_id: 'web', client_secret: webSecret, client_name: 'The Web Shop', redirect_uris: [callback],
        post_logout_redirect_uris: [`${app.url}/bye`], grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'], token_endpoint_auth_method: 'client_secret_basic',
        scope: 'openid profile email offline_access orders:read', resources: [api], introspects: [api],
      },
      {
        client_id: 'worker', client_secret: workerSecret, grant_types: ['client_credentials'],
        response_types: [], redirect_uris: [], token_endpoint_auth_method: 'client_secret_post',
        scope: 'orders:read orders:write', resources: [api],
      },
    ])
    const at = new URL(issuer.url)
    web = await oidc.discovery(at, 'web', webSecret, oidc.ClientSecretBasic(webSecret), insecure)
    worker = await oidc.discovery(at, 'worker', workerSecret, oidc.ClientSecretPost(workerSecret), insecure)
    for (const config of [web, worker]) oidc.enableNonRepudiationChecks(config)
  })

  after(async () => {
    await browser?.close()
    await issuer?.stop()
    await app?.close()
  })

  /** Signs in with a fresh browser; answers the callback URL and the checks. */
  async function authorize({ scope = 'openid profile email offline_access orders:read', extra = {} } = {}) {
    const verifier = oidc.randomPKCECodeVerifier()
    const checks = { pkceCodeVerifier: verifier, expectedState: oidc.randomState(), expectedNonce: oidc.randomNonce() }
    const url = oidc.buildAuthorizationUrl(web, {
      redirect_uri: callback, scope, code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256', state: checks.expectedState, nonce: checks.expectedNonce, ...extra,
    })
    const context = await browser.newContext()
    const page = await context.newPage()
    await page.goto(url.href)
    await signIn(page)
    const consent = page.getByRole('button', { name: /allow/i })
    await Promise.race([page.waitForURL(`${callback}?**`), consent.waitFor()])
    if (await consent.isVisible()) await allow(page)
    await page.waitForURL(`${callback}?**`)
    return { url: new URL(page.url()), checks, context, page }
  }

  it('signs in with code and PKCE, and the ID token holds', async () => {
    const { url, checks, context } = await authorize()
    const tokens = await oidc.authorizationCodeGrant(web, url, checks)
    const claims = tokens.claims()
    assert.equal(claims.email, person.email)
    assert.equal(claims.name, person.name)
    assert.ok(claims.sid && claims.auth_time)
    assert.ok(tokens.refresh_token)
    const info = await oidc.fetchUserInfo(web, tokens.access_token, claims.sub)
    assert.equal(info.email, person.email)
    assert.equal(info.email_verified, true)
    await context.close()
  })

  it('refuses a code twice, and revokes what the first use made', async () => {
    const { url, checks, context } = await authorize()
    const tokens = await oidc.authorizationCodeGrant(web, url, checks)
    assert.equal((await oidc.tokenIntrospection(web, tokens.access_token)).active, true)
    await assert.rejects(oidc.authorizationCodeGrant(web, url, checks), { error: 'invalid_grant' })
    assert.equal((await oidc.tokenIntrospection(web, tokens.access_token)).active, false)
    await assert.rejects(oidc.refreshTokenGrant(web, tokens.refresh_token), { error: 'invalid_grant' })
    await context.close()
  })

  it('refuses a wrong verifier and a missing one', async () => {
    for (const pkceCodeVerifier of [oidc.randomPKCECodeVerifier(), undefined]) {
      const { url, checks, context } = await authorize()
      await assert.rejects(oidc.authorizationCodeGrant(web, url, { ...checks, pkceCodeVerifier }), { error: 'invalid_grant' })
      await context.close()
    }
  })

  it('refreshes, narrows the scope, and never widens it', async () => {
    const { url, checks, context } = await authorize()
    const first = await oidc.authorizationCodeGrant(web, url, checks)
    const second = await oidc.refreshTokenGrant(web, first.refresh_token)
    assert.notEqual(second.access_token, first.access_token)
    const narrow = await oidc.refreshTokenGrant(web, second.refresh_token ?? first.refresh_token, { scope: 'openid' })
    assert.equal(narrow.scope, 'openid')
    await assert.rejects(oidc.refreshTokenGrant(web, first.refresh_token, { scope: 'openid orders:write' }), { error: 'invalid_scope' })
    await context.close()
  })

  it('answers client_credentials, introspection and revocation', async () => {
    const tokens = await oidc.clientCredentialsGrant(worker, { scope: 'orders:read' })
    assert.equal(tokens.scope, 'orders:read')
    const seen = await oidc.tokenIntrospection(web, tokens.access_token)
    assert.equal(seen.active, true)
    assert.equal(seen.client_id, 'worker')
    assert.equal(seen.aud, api)
    await oidc.tokenRevocation(worker, tokens.access_token)
    assert.equal((await oidc.tokenIntrospection(web, tokens.access_token)).active, false)
    await assert.rejects(oidc.clientCredentialsGrant(worker, { scope: 'orders:delete' }), { error: 'invalid_scope' })
    await assert.rejects(oidc.clientCredentialsGrant(web, {}), { error: 'unauthorized_client' })
  })

  it('revokes a session by its refresh token', async () => {
    const { url, checks, context } = await authorize()
    const tokens = await oidc.authorizationCodeGrant(web, url, checks)
    await oidc.tokenRevocation(web, tokens.refresh_token)
    await assert.rejects(oidc.refreshTokenGrant(web, tokens.refresh_token), { error: 'invalid_grant' })
    assert.equal((await oidc.tokenIntrospection(web, tokens.access_token)).active, false)
    await context.close()
  })

  it('logs out, and the next sign-in asks again', async () => {
    const { url, checks, context, page } = await authorize()
    const tokens = await oidc.authorizationCodeGrant(web, url, checks)
    const end = oidc.buildEndSessionUrl(web, {
      id_token_hint: tokens.id_token, post_logout_redirect_uri: `${app.url}/bye`, state: 'so long',
    })
    await page.goto(end.href)
    await page.waitForURL(`${app.url}/bye?**`)
    assert.equal(new URL(page.url()).searchParams.get('state'), 'so long')
    assert.equal((await oidc.tokenIntrospection(web, tokens.access_token)).active, false)
    await assert.rejects(oidc.refreshTokenGrant(web, tokens.refresh_token), { error: 'invalid_grant' })
    const again = oidc.buildAuthorizationUrl(web, {
      redirect_uri: callback, scope: 'openid', prompt: 'none', state: 's',
      code_challenge: await oidc.calculatePKCECodeChallenge(oidc.randomPKCECodeVerifier()), code_challenge_method: 'S256',
    })
    await page.goto(again.href)
    await page.waitForURL(`${callback}?**`)
    assert.equal(new URL(page.url()).searchParams.get('error'), 'login_required')
    await context.close()
  })

  it('sends a refused consent back as access_denied', async () => {
    const context = await browser.newContext()
    const page = await context.newPage()
    await issuer.apply('client', {
      client_id: 'stranger', redirect_uris: [callback], token_endpoint_auth_method: 'none', scope: 'openid email',
    })
    const url = new URL(`${issuer.url}/oauth/authorize`)
    url.search = new URLSearchParams({
      client_id: 'stranger', response_type: 'code', redirect_uri: callback, scope: 'openid email', state: 'x',
      code_challenge: await oidc.calculatePKCECodeChallenge(oidc.randomPKCECodeVerifier()), code_challenge_method: 'S256',
    })
    await page.goto(url.href)
    await signIn(page)
    await page.getByRole('button', { name: /deny|cancel|refuse/i }).click()
    await page.waitForURL(`${callback}?**`)
    const answer = new URL(page.url()).searchParams
    assert.equal(answer.get('error'), 'access_denied')
    assert.equal(answer.get('state'), 'x')
    assert.equal(answer.get('iss'), issuer.url)
    await context.close()
  })
})
