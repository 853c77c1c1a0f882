// Every page a person reaches, in Chromium: axe-core finds nothing serious, nothing is wider than the screen,
// and the way through the pages works without script.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createHash, createHmac } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { Issuer, launchBrowser, serveClient, signIn, until } from './harness.mjs'

const axe = await readFile(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8')
const WIDTHS = [360, 1280]
const SCHEMES = ['light', 'dark']
const SERIOUS = new Set(['serious', 'critical'])

/** Is the page that is showing no wider than the screen? */
async function fits(page, place) {
  const [inner, scroll] = await page.evaluate('[window.innerWidth, document.documentElement.scrollWidth]')
  assert.ok(scroll <= inner, `${place}: ${scroll} px wide`)
}

/** Looks at the page that is showing, narrow and wide, light and dark. */
async function look(page, name) {
  for (const width of WIDTHS) {
    for (const colorScheme of SCHEMES) {
      const place = `${name}, ${width} px, ${colorScheme}`
      await page.setViewportSize({ width, height: 800 })
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      await fits(page, place)
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

const CONFIG = `
[mail]
sink = "outbox"
from = "Countersign <no-reply@example.com>"

[sms]
sink = "outbox"

[signup]
enabled = true

[upstream.work]
issuer = "https://id.work.example"
display_name = "Work"
client_id = "countersign"
client_secret = "not-used-here"
`

/** The code of an authenticator app (RFC 6238, SHA-1, 6 digits, 30 s), some steps from now. */
function totp(key, ahead = 0) {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const bits = [...key.replace(/[^A-Z2-7]/gi, '').toUpperCase()].map((c) => alphabet.indexOf(c).toString(2).padStart(5, '0')).join('')
  const secret = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)))
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + ahead))
  const mac = createHmac('sha1', secret).update(counter).digest()
  const number = mac.readUInt32BE(mac[19] & 15) & 0x7fffffff
  return String(number % 1_000_000).padStart(6, '0')
}

describe('pages of an account', () => {
  let issuer, browser, key

  const fresh = async (options = {}) => (await browser.newContext(options)).newPage()
  const send = (page) => page.locator('main button.primary').first().click()

  /** The newest message to this address. */
  const mail = (to) => until(`a mail to ${to}`, async () => {
    const answer = await fetch(`${issuer.url}/dev/outbox`, { headers: { accept: 'application/json' } })
    const all = await answer.json()
    return (all.messages ?? all).find((m) => m.to === to)
  })

  const signedIn = async (options) => {
    const page = await fresh(options)
    await page.goto(`${issuer.url}/login`)
    await signIn(page)
    return page
  }

  before(async () => {
    issuer = await Issuer.start({ config: CONFIG })
    browser = await launchBrowser()
  })
  after(async () => {
    await browser?.close()
    await issuer?.stop()
  })

  it('sign in with every way there is', async () => {
    const page = await fresh()
    await page.goto(`${issuer.url}/login`)
    for (const name of ['Sign in', 'Email me a link or code instead', 'Continue with Work', 'Sign in with a passkey']) {
      await page.getByRole('button', { name, exact: true }).waitFor()
    }
    await look(page, 'sign in, every way')
    await page.getByRole('link', { name: 'Forgot your password?' }).click()
    await page.waitForURL(`${issuer.url}/recover`)
    await page.goBack()
    await page.getByRole('link', { name: 'Make an account' }).click()
    await page.waitForURL(`${issuer.url}/signup`)
  })

  it('sign up', async () => {
    const page = await fresh()
    await page.goto(`${issuer.url}/signup`)
    await look(page, 'sign up')
    await page.getByLabel('Email').fill('grace@example.com')
    await page.getByLabel('Password').fill('password1')
    await send(page)
    await page.getByText('It is too easy to guess.').waitFor()
    await look(page, 'sign up, refused')
    await page.getByLabel('Password').fill('')
    await send(page)
    await page.getByLabel('Code from the mail').waitFor()
    await look(page, 'sign up, mail sent')
    await page.getByLabel('Code from the mail').fill('000000')
    await send(page)
    await page.getByText('Only the code of the newest mail is good.').waitFor()
    const { link, html } = await mail('grace@example.com')
    const letter = await fresh()
    await letter.setContent(html)
    await look(letter, 'the mail')
    const elsewhere = await fresh()
    await elsewhere.goto(link)
    await look(elsewhere, 'sign up, link in another browser')
    await page.goto(link)
    await look(page, 'sign up, link')
    await send(page)
    await page.waitForURL(`${issuer.url}/account`)
  })

  it('a link or code by mail', async () => {
    const page = await fresh()
    await page.goto(`${issuer.url}/login`)
    await page.locator('input[autocomplete~="username"]').fill('grace@example.com')
    await page.getByRole('button', { name: 'Email me a link or code instead' }).click()
    await page.getByLabel('Code from the mail').waitFor()
    await look(page, 'check your mail')
    const { link } = await until('the link', async () => {
      const message = await mail('grace@example.com')
      return message.link?.includes('/auth/verify') && message
    })
    const elsewhere = await fresh()
    await elsewhere.goto(link)
    await look(elsewhere, 'link in another browser')
    await page.goto(link)
    await look(page, 'link')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.waitForURL(`${issuer.url}/account`)
  })

  it('recover', async () => {
    const page = await fresh()
    await page.goto(`${issuer.url}/recover`)
    await look(page, 'recover')
    await page.getByLabel('Email').fill('grace@example.com')
    await send(page)
    await look(page, 'recover, mail sent')
    const { link } = await until('the link', async () => {
      const message = await mail('grace@example.com')
      return message.link?.includes('/recover') && message
    })
    await page.goto(link)
    await look(page, 'recover, link')
    await send(page)
    await page.getByLabel('New password').waitFor()
    await look(page, 'new password')
  })

  it('of who is signed in', async () => {
    const page = await signedIn()
    const paths = ['', '/security', '/passkeys', '/password', '/providers', '/totp', '/phone', '/email', '/consents', '/data', '/delete']
    for (const path of paths) {
      assert.equal((await page.goto(`${issuer.url}/account${path}`)).status(), 200, path)
      assert.equal(page.url(), `${issuer.url}/account${path}`)
      await look(page, `account${path}`)
    }
    await page.goto(`${issuer.url}/account/security`)
    for (const link of await page.locator('main a').evaluateAll((all) => all.map((a) => a.href))) {
      assert.equal((await page.request.get(link)).status(), 200, link)
    }
    const german = await signedIn({ locale: 'de', viewport: { width: 320, height: 700 } })
    for (const path of paths) {
      await german.goto(`${issuer.url}/account${path}`)
      await fits(german, `account${path} (de), 320 px`)
      await german.evaluate('document.documentElement.dir = "rtl"')
      await fits(german, `account${path}, from right to left, 320 px`)
    }
    await page.goto(`${issuer.url}/account/totp`)
    key = await page.locator('code.key').textContent()
    await page.locator('#code').fill('000000')
    await send(page)
    await page.getByRole('alert').waitFor()
    await look(page, 'authenticator app, refused')
    key = await page.locator('code.key').textContent()
    await page.locator('#code').fill(totp(key))
    await send(page)
    await look(page, 'authenticator app set up')
    await page.goto(`${issuer.url}/account/recovery-codes`)
    await look(page, 'recovery codes')
  })

  it('a password and an app, without script', async () => {
    const page = await signedIn({ javaScriptEnabled: false })
    await page.locator('form[action="/login/totp"] input[name="code"]').fill(totp(key, 1))
    await send(page)
    await page.waitForURL(`${issuer.url}/account`)
  })

  it('second step', async () => {
    const page = await signedIn()
    await page.getByText('Use a recovery code').waitFor()
    await look(page, 'second step')
    await page.getByText('Use a recovery code').click()
    await page.locator('form[action="/login/recovery_code"] input[name="code"]').fill('aaaaa-aaaaa')
    await page.locator('form[action="/login/recovery_code"] button').click()
    await page.getByRole('alert').waitFor()
    assert.equal(await page.locator('main form:visible').first().getAttribute('action'), '/login/recovery_code')
    await look(page, 'second step, refused')
  })

  it('a second step to set up on the way in', async () => {
    const strict = await Issuer.start({ config: `${CONFIG}\n[login]\nmfa = "always"\n` })
    try {
      const page = await fresh()
      await page.goto(`${strict.url}/login`)
      await signIn(page)
      await page.getByRole('heading', { name: 'Set up a second step' }).waitFor()
      await look(page, 'enrol')
      await page.locator('#code').fill(totp(await page.locator('code.key').textContent()))
      await page.locator('form:has(#code) button').click()
      await page.getByText('Your new codes').first().waitFor()
      await look(page, 'enrol, recovery codes')
      await send(page)
      await page.waitForURL(`${strict.url}/account`)
    } finally {
      await strict.stop()
    }
  })
})
