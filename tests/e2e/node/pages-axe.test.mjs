// Every page a person reaches, in Chromium: axe-core finds nothing serious, nothing is wider than the screen,
// and the way through the pages works without script.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { Issuer, launchBrowser, serveClient, signIn } from './harness.mjs'

const axe = await readFile(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8')
const WIDTHS = [360, 1280]
const SCHEMES = ['light', 'dark']
const SERIOUS = new Set(['serious', 'critical'])

/** Looks at the page that is showing, narrow and wide, light and dark. */
async function look(page, name) {
  for (const width of WIDTHS) {
    for (const colorScheme of SCHEMES) {
      const place = `${name}, ${width} px, ${colorScheme}`
      await page.setViewportSize({ width, height: 800 })
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      const [inner, scroll] = await page.evaluate('[window.innerWidth, document.documentElement.scrollWidth]')
      assert.ok(scroll <= inner, `${place}: ${scroll} px wide`)
      await page.evaluate(axe)
      const { violations, passes } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }))
      const found = violations.filter((v) => SERIOUS.has(v.impact))
      const told = found.map((v) => `${v.id}: ${v.help}\n${v.nodes.map((n) => `  ${n.html}\n  ${n.failureSummary}`).join('\n')}`)
      assert.deepEqual(told, [], place)
      assert.ok(passes.length > 10, `${place}: axe looked at a page`)
    }
  }
}

describe('pages', () => {
  let issuer, browser, app

  const authorize = (more = {}) => {
    const challenge = createHash('sha256').update('a'.repeat(43)).digest('base64url')
    const query = new URLSearchParams({
      response_type: 'code', client_id: 'notes', redirect_uri: `${app.url}/callback`, scope: 'openid profile email notes.read',
      code_challenge: challenge, code_challenge_method: 'S256', state: 's', ...more,
    })
    return `${issuer.url}/oauth/authorize?${query}`
  }
  const fresh = async (options = {}) => (await browser.newContext(options)).newPage()

  before(async () => {
    issuer = await Issuer.start()
    app = await serveClient((_, response) => response.end('back'))
    await issuer.apply('resource', { resource: 'urn:notes', name: 'Notes API', scopes: ['notes.read'] })
    await issuer.apply('client', {
      client_id: 'notes', client_name: 'Notes', redirect_uris: [`${app.url}/callback`], token_endpoint_auth_method: 'none',
      scope: 'openid profile email notes.read', resources: ['urn:notes'], policy_uri: 'https://notes.example/policy',
      client_uri: 'https://notes.example/', tos_uri: 'https://notes.example/terms',
      brand: { accent: '#ffd400', texts: { welcome: 'Notes for everybody.' } },
    })
    browser = await launchBrowser()
  })
  after(async () => {
    await browser?.close()
    await issuer?.stop()
    await app?.close()
  })

  it('of who is not signed in', async () => {
    const page = await fresh()
    for (const path of ['/', '/login', '/signed-out', '/oauth/authorize', '/nothing-here']) {
      await page.goto(issuer.url + path)
      await look(page, path)
    }
    await page.goto(authorize())
    await look(page, 'sign in for an application')
    await signIn(page, { password: 'wrong' })
    assert.equal(await page.locator('[aria-invalid="true"]').count(), 2)
    await look(page, 'sign in, refused')
  })

  it('on the way to an application, and of an account', async () => {
    const page = await fresh()
    await page.goto(authorize())
    await signIn(page)
    await page.getByRole('button', { name: 'Allow' }).waitFor()
    await look(page, 'consent')
    await page.goto(authorize({ prompt: 'select_account' }))
    await look(page, 'choose an account')
    await page.goto(authorize({ prompt: 'login' }))
    await look(page, 'prove it again')
    await page.goto(`${issuer.url}/account`)
    for (const path of await accountPages(page)) {
      await page.goto(path)
      await look(page, path)
    }
    await page.goto(`${issuer.url}/oauth/logout`)
    await look(page, 'sign out?')
  })

  it('in every language, none wider than the screen', async () => {
    for (const lang of ['de', 'es', 'fr', 'ja', 'zh-Hans']) {
      const page = await fresh({ locale: lang })
      await page.goto(authorize())
      assert.equal(await page.locator('html').getAttribute('lang'), lang)
      await look(page, `sign in (${lang})`)
      await page.getByRole('link', { name: 'English' }).click()
      assert.equal(await page.locator('html').getAttribute('lang'), 'en')
      await page.context().close()
    }
  })

  it('work without script', async () => {
    const page = await fresh({ javaScriptEnabled: false })
    await page.goto(authorize())
    await signIn(page)
    await page.getByRole('button', { name: 'Deny' }).click()
    await page.waitForURL(`${app.url}/callback?**error=access_denied**`)
  })

  /** All pages that the account's navigation leads to. */
  async function accountPages(page) {
    const links = await page.locator('nav:not(.languages) a[href*="/account"]').evaluateAll((all) => all.map((a) => a.href))
    return [...new Set([`${issuer.url}/account`, ...links])]
  }
})
