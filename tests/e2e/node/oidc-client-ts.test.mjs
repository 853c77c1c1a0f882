// npm oidc-client-ts: a single-page application in headless Chromium, through the real pages and CORS.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { Issuer, allow, launchBrowser, person, serveClient, signIn } from './harness.mjs'

const library = await readFile(new URL('../node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js', import.meta.url))

describe('oidc-client-ts', () => {
  let issuer, browser, app, stranger, page

  const shell = (request, response) => {
    if (request.url === '/oidc.js') {
      response.setHeader('content-type', 'text/javascript')
      return response.end(library)
    }
    response.setHeader('content-type', 'text/html')
    response.end('<!doctype html><title>spa</title><script src="/oidc.js"></script>')
  }

  before(async () => {
    app = await serveClient(shell)
    stranger = await serveClient(shell)
    issuer = await Issuer.start()
    await issuer.apply('client', {
      client_id: 'spa', client_name: 'Notes', redirect_uris: [`${app.url}/callback`], post_logout_redirect_uris: [`${app.url}/bye`],
      token_endpoint_auth_method: 'none', grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'],
      scope: 'openid profile email offline_access',
    })
    browser = await launchBrowser()
    page = await (await browser.newContext()).newPage()
  })
  after(async () => {
    await browser?.close()
    await issuer?.stop()
    await app?.close()
    await stranger?.close()
  })

  const settings = () => ({
    authority: issuer.url, client_id: 'spa', redirect_uri: `${app.url}/callback`,
    post_logout_redirect_uri: `${app.url}/bye`, scope: 'openid profile email offline_access', loadUserInfo: true,
  })
  /** Runs `body(manager)` in the page. */
  const inPage = (body) => page.evaluate(
    ([options, source]) => new Function('manager', `return (${source})(manager)`)(new globalThis.oidc.UserManager(options)),
    [settings(), body.toString()])

  it('signs in through the pages, with userinfo over CORS', async () => {
    await page.goto(`${app.url}/`)
    inPage((manager) => manager.signinRedirect()).catch(() => {}) // the page navigates away under the call
    await page.waitForURL(`${issuer.url}/**`)
    await signIn(page)
    await allow(page)
    await page.waitForURL(`${app.url}/callback?**`)
    const user = await inPage((manager) => manager.signinCallback().then((u) => ({ profile: u.profile, refresh: u.refresh_token })))
    assert.equal(user.profile.email, person.email)
    assert.equal(user.profile.name, person.name)
    assert.ok(user.refresh)
  })

  it('rotates the refresh token, and a token two steps back ends the session', async () => {
    const rotated = await inPage(async (manager) => {
      const first = (await manager.getUser()).refresh_token
      const second = (await manager.signinSilent()).refresh_token
      const third = (await manager.signinSilent()).refresh_token
      return [first, second, third]
    })
    assert.equal(new Set(rotated).size, 3)
    const spend = (refresh_token) => fetch(`${issuer.url}/oauth/token`, {
      method: 'POST', body: new URLSearchParams({ grant_type: 'refresh_token', client_id: 'spa', refresh_token }),
    })
    const theft = await spend(rotated[0])
    assert.equal(theft.status, 400)
    assert.equal((await theft.json()).error, 'invalid_grant')
    const silent = await inPage((manager) => manager.signinSilent().then(() => 'renewed', (error) => error.error))
    assert.equal(silent, 'invalid_grant')
  })

  it('comes back without a password while the browser is signed in', async () => {
    await page.goto(`${app.url}/`)
    inPage((manager) => manager.signinRedirect()).catch(() => {})
    await page.waitForURL(`${app.url}/callback?**`)
    const email = await inPage((manager) => manager.signinCallback().then((u) => u.profile.email))
    assert.equal(email, person.email)
  })

  it('gives no CORS header to an origin that is not the client\'s', async () => {
    const context = await browser.newContext()
    const other = await context.newPage()
    await other.goto(`${stranger.url}/`)
    const outcome = await other.evaluate((url) => fetch(`${url}/oauth/token`, {
      method: 'POST', body: new URLSearchParams({ grant_type: 'refresh_token', client_id: 'spa', refresh_token: 'x' }),
    }).then(() => 'read', () => 'blocked'), issuer.url)
    assert.equal(outcome, 'blocked')
    const open = await other.evaluate((url) => fetch(`${url}/.well-known/openid-configuration`).then((r) => r.status), issuer.url)
    assert.equal(open, 200)
    await context.close()
  })

  it('signs out and comes back to the application', async () => {
    inPage((manager) => manager.signoutRedirect()).catch(() => {})
    await page.waitForURL(`${app.url}/bye**`)
    inPage((manager) => manager.signinRedirect()).catch(() => {})
    await page.waitForURL(`${issuer.url}/**`)
    await page.locator('input[type="password"]').waitFor()
  })
})
