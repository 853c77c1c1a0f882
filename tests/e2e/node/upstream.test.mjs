// Sign-in with another provider, the real binary and real browsers: at a second issuer, at npm oidc-provider, at one that lies.
import assert from 'node:assert/strict'
import http from 'node:http'
import { after, before, describe, it } from 'node:test'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'
import Provider from 'oidc-provider'
import { Issuer, allow, launchBrowser, person, signIn } from './harness.mjs'

const secret = 'elsewhere-secret-0123456789abcdef0123456789'
const password = 'compiler-of-1952-a0'
/** Known at the providers. Ada has an account here too, with the same address. */
const newcomers = {
  second: { email: 'grace@elsewhere.example', name: 'Grace Hopper' },
  npm: { email: 'barbara@elsewhere.example', name: 'Barbara Liskov' },
}
const linus = { email: 'linus@elsewhere.example', name: 'Linus There' }
const unsure = { email: 'unsure@elsewhere.example', name: 'Una Sure', unconfirmed: true }
const elsewhere = [newcomers.second, newcomers.npm, linus, unsure, { email: person.email, name: person.name }]

const ourConfig = (providers) => `
[egress]
allow = ["127.0.0.1/32"]
[login]
factors = ["password", "upstream"]
${Object.entries(providers).map(([name, issuer]) => `
[upstream.${name}]
issuer = "${issuer}"
client_id = "here"
client_secret = "${secret}"
sign_up = true
`).join('')}`

/** A second issuer of ours. Its host name is not ours: cookies know no ports. */
async function second() {
  const issuer = await Issuer.start({ host: '127.0.0.1' })
  for (const who of elsewhere.filter((who) => who.email !== person.email)) {
    const confirmed = who.unconfirmed ? [] : ['--email-verified']
    await issuer.cli(['user', 'add', who.email, '--name', who.name, '--password-stdin', ...confirmed], `${password}\n`)
  }
  return {
    url: issuer.url,
    register: (callback) => issuer.apply('client', {
      client_id: 'here', client_secret: secret, client_name: 'Here', redirect_uris: [callback], grant_types: ['authorization_code'],
      response_types: ['code'], token_endpoint_auth_method: 'client_secret_basic', scope: 'openid profile email',
    }),
    async signIn(page, { email }) {
      await signIn(page, { username: email, password: email === person.email ? person.password : password })
      const left = page.waitForURL((url) => url.origin !== new URL(issuer.url).origin)
      const asked = page.getByRole('button', { name: /allow/i })
      if (await Promise.race([left.then(() => false), asked.waitFor().then(() => true)])) await allow(page)
      await left
    },
    stop: () => issuer.stop(),
  }
}

/** npm oidc-provider, with the sign-in pages it brings along. */
async function oidcProvider() {
  let handle
  const server = http.createServer((request, response) => handle(request, response)).listen(0, '127.0.0.1')
  await new Promise((done) => server.once('listening', done))
  const url = `http://127.0.0.1:${server.address().port}`
  return {
    url,
    async register(callback) {
      const provider = new Provider(url, {
        clients: [{ client_id: 'here', client_secret: secret, redirect_uris: [callback] }],
        claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
        cookies: { keys: ['of this test'] },
        pkce: { required: () => true },
        findAccount: (_, id) => ({
          accountId: id,
          claims: () => {
            const who = elsewhere.find((who) => who.email === id)
            return { sub: id, email: who.email, email_verified: !who.unconfirmed, name: who.name }
          },
        }),
      })
      handle = provider.callback()
    },
    async signIn(page, { email }) {
      await page.locator('input[name="login"]').fill(email)
      await page.locator('input[name="password"]').fill('any')
      await page.locator('button[type="submit"]').click()
      const left = page.waitForURL((there) => there.origin !== url)
      const asked = page.getByRole('button', { name: 'Continue' })
      if (await Promise.race([left.then(() => false), asked.waitFor().then(() => true)])) await asked.click()
      await left
    },
    stop: () => new Promise((done) => { server.close(done); server.closeAllConnections() }),
  }
}

/** A provider that signs in whoever comes, with an ID token as the test says. */
async function liar() {
  const [{ privateKey, publicKey }, other] = await Promise.all([generateKeyPair('ES256'), generateKeyPair('ES256')])
  const self = { lie: {}, key: privateKey, otherKey: other.privateKey, trueKey: privateKey }
  let nonce
  const idToken = () => {
    const now = Math.floor(Date.now() / 1000)
    const honest = {
      iss: self.url, aud: 'here', sub: 'nobody', nonce, iat: now, exp: now + 300, email: 'liar@elsewhere.example', email_verified: true,
    }
    return new SignJWT({ ...honest, ...self.lie }).setProtectedHeader({ alg: 'ES256', kid: 'k' }).sign(self.key)
  }
  const routes = {
    '/.well-known/openid-configuration': () => ({
      issuer: self.url, authorization_endpoint: `${self.url}/authorize`, token_endpoint: `${self.url}/token`,
      jwks_uri: `${self.url}/keys`, id_token_signing_alg_values_supported: ['ES256'],
    }),
    '/keys': async () => ({ keys: [{ ...await exportJWK(publicKey), kid: 'k', alg: 'ES256', use: 'sig' }] }),
    '/token': async () => ({ access_token: 'a', token_type: 'Bearer', id_token: await idToken() }),
  }
  const server = http.createServer(async (request, response) => {
    const url = new URL(request.url, self.url)
    if (url.pathname === '/authorize') {
      nonce = url.searchParams.get('nonce')
      const back = new URL(url.searchParams.get('redirect_uri'))
      back.search = new URLSearchParams({ code: 'c', state: url.searchParams.get('state') })
      return response.writeHead(303, { location: back.href }).end()
    }
    const answer = await routes[url.pathname]?.()
    return response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(answer ?? {}))
  }).listen(0, '127.0.0.1')
  await new Promise((done) => server.once('listening', done))
  self.url = `http://127.0.0.1:${server.address().port}`
  self.register = () => {}
  self.stop = () => new Promise((done) => { server.close(done); server.closeAllConnections() })
  return self
}

describe('sign-in with another provider', () => {
  const providers = {}
  let here, browser

  before(async () => {
    browser = await launchBrowser()
    providers.second = await second()
    providers.npm = await oidcProvider()
    providers.liar = await liar()
    const urls = Object.fromEntries(Object.entries(providers).map(([name, { url }]) => [name, url]))
    here = await Issuer.start({ config: ourConfig(urls) })
    for (const [name, provider] of Object.entries(providers)) {
      await provider.register(`${here.url}/login/upstream/${name}/callback`)
    }
  })

  after(async () => {
    await browser?.close()
    await here?.stop()
    for (const provider of Object.values(providers)) await provider.stop()
  })

  /** A page of a browser that was never here. */
  async function fresh(t) {
    const context = await browser.newContext()
    t.after(() => context.close())
    return context.newPage()
  }
  const button = (page, name) => page.getByRole('button', { name: `Continue with ${name}` })
  const at = (page, path) => page.waitForURL((url) => url.origin === here.url && url.pathname === path)

  /** Goes to the provider from our sign-in page, and signs in there. */
  async function goAndSignIn(page, name, who) {
    await page.goto(`${here.url}/login`)
    await button(page, name).click()
    await providers[name].signIn(page, who)
  }

  /** Whose account is open in the page's browser? */
  async function whoami(page) {
    await page.goto(`${here.url}/account/providers`)
    return page.locator('input[name="me"]').first().inputValue()
  }

  async function account(email) {
    return JSON.parse(await here.cli(['user', 'show', email, '--json']))
  }

  /** The provider's answer, not brought to us: the address it sends the browser to. */
  async function answer(page, name, who) {
    // Not `page.route`: that does not see where a redirect leads.
    const tools = await page.context().newCDPSession(page)
    let caught
    tools.on('Fetch.requestPaused', ({ requestId, request }) => {
      caught = new URL(request.url)
      return tools.send('Fetch.fulfillRequest', { requestId, responseCode: 200 })
    })
    await tools.send('Fetch.enable', { patterns: [{ urlPattern: `${here.url}/login/upstream/*/callback*` }] })
    await goAndSignIn(page, name, who)
    await tools.detach()
    return caught
  }

  async function refused(page, url, status, heading) {
    const response = await page.goto(url.href)
    assert.equal(response.status(), status)
    assert.match(await page.locator('h1').textContent(), heading)
    await page.goto(`${here.url}/account`)
    assert.equal(new URL(page.url()).pathname, '/login', 'nobody is signed in')
  }

  for (const name of ['second', 'npm']) {
    describe(name, () => {
      const newcomer = newcomers[name]
      it('makes an account at the first sign-in, and it is the same at the next', async (t) => {
        const [first, again] = [await fresh(t), await fresh(t)]
        await goAndSignIn(first, name, newcomer)
        await at(first, '/account')
        const made = await account(newcomer.email)
        assert.deepEqual([made.email_verified, made.name], [true, newcomer.name])
        assert.equal(await whoami(first), made.id)
        await goAndSignIn(again, name, newcomer)
        await at(again, '/account')
        assert.equal(await whoami(again), made.id)
      })

      it('does not unlink the last way in', async (t) => {
        const page = await fresh(t)
        await goAndSignIn(page, name, newcomer)
        await at(page, '/account')
        await page.goto(`${here.url}/account/providers`)
        await page.getByRole('button', { name: `Unlink ${name}` }).click()
        await page.getByText('this is the last way to sign in').waitFor()
        await page.getByRole('button', { name: `Unlink ${name}` }).waitFor()
      })

      it('proves somebody again who is signed in', async (t) => {
        const page = await fresh(t)
        await goAndSignIn(page, name, newcomer)
        await at(page, '/account')
        const me = await whoami(page)
        await page.goto(`${here.url}/login/upstream/${name}`)
        await button(page, name).click()
        await providers[name].signIn(page, newcomer)
        await at(page, '/account')
        assert.equal(await whoami(page), me)
      })

      it('links to an account, signs in by the link, and unlinks', async (t) => {
        const email = `linus-${name}@example.com`
        await here.cli(['user', 'add', email, '--password-stdin', '--email-verified'], `${password}\n`)
        const mine = (await account(email)).id
        const page = await fresh(t)
        await page.goto(`${here.url}/login`)
        await signIn(page, { username: email, password })
        await at(page, '/account')
        await page.goto(`${here.url}/account/providers`)
        await page.getByRole('button', { name: `Link ${name}` }).click()
        await providers[name].signIn(page, linus)
        await at(page, '/account/providers')
        await page.getByText('Linked. You can sign in').waitFor()

        const other = await fresh(t)
        await goAndSignIn(other, name, linus)
        await at(other, '/account')
        assert.equal(await whoami(other), mine)

        await page.goto(`${here.url}/account/providers`)
        await page.getByRole('button', { name: `Unlink ${name}` }).click()
        await page.getByText('Unlinked. Everywhere else').waitFor()
        await other.goto(`${here.url}/account`)
        assert.equal(new URL(other.url()).pathname, '/login', 'the other session has ended')
      })

      it('asks the owner of an account with the address first', async (t) => {
        const page = await fresh(t)
        await goAndSignIn(page, name, person)
        await page.getByText(`There is an account here with the address ${person.email}`).waitFor()
        await page.getByRole('link', { name: 'Go on to sign in' }).click()
        await signIn(page)
        await page.getByRole('button', { name: 'Link them' }).click()
        await at(page, '/account')
        const other = await fresh(t)
        await goAndSignIn(other, name, person)
        await at(other, '/account')
        assert.equal(await whoami(other), (await account(person.email)).id)
      })

      it('makes no account of an address that is not confirmed there', async (t) => {
        const page = await fresh(t)
        await goAndSignIn(page, name, unsure)
        await page.getByText('does not say that your address there is yours').waitFor()
        await assert.rejects(account(unsure.email))
      })

      it('refuses an answer in another browser, with another state, or without its code', async (t) => {
        const page = await fresh(t)
        const url = await answer(page, name, newcomer)
        await refused(await fresh(t), url, 400, /took too long/)
        const state = url.searchParams.get('state')
        const altered = new URL(url)
        altered.searchParams.set('state', (state.startsWith('A') ? 'B' : 'A') + state.slice(1))
        await refused(page, altered, 400, /took too long/)
        altered.searchParams.delete('state')
        await refused(page, altered, 400, /took too long/)
        const mixed = new URL(url)
        mixed.pathname = mixed.pathname.replace(name, name === 'npm' ? 'second' : 'npm')
        await refused(page, mixed, 400, /took too long/)
        const misnamed = new URL(url)
        misnamed.searchParams.set('iss', 'https://evil.example')
        await refused(page, misnamed, 502, /could not be trusted/)
        const codeless = new URL(url)
        codeless.searchParams.delete('code')
        await refused(page, codeless, 502, /could not be trusted/)
        // None of that spent it.
        await page.goto(url.href)
        await at(page, '/account')
      })

      it('takes a code once', async (t) => {
        const page = await fresh(t)
        const url = await answer(page, name, newcomer)
        await page.goto(url.href)
        await at(page, '/account')
        await page.getByRole('button', { name: 'Sign out' }).first().click()
        await refused(page, url, 400, /took too long/)
      })
    })
  }

  it('the account of one provider cannot be linked to two accounts', async (t) => {
    const page = await fresh(t)
    await here.cli(['user', 'add', 'third@example.com', '--password-stdin', '--email-verified'], `${password}\n`)
    await page.goto(`${here.url}/login`)
    await signIn(page, { username: 'third@example.com', password })
    await at(page, '/account')
    await page.goto(`${here.url}/account/providers`)
    await page.getByRole('button', { name: 'Link npm' }).click()
    await providers.npm.signIn(page, newcomers.npm)
    await page.getByText('Somebody else here uses that account').waitFor()
  })

  it('refuses ID tokens that lie, and takes the same without the lie', async (t) => {
    const { liar } = providers
    const past = Math.floor(Date.now() / 1000) - 3600
    const lies = {
      nonce: { nonce: 'of another sign-in' }, 'no nonce': { nonce: undefined }, issuer: { iss: 'https://evil.example' },
      'issuer with a slash': { iss: `${liar.url}/` }, audience: { aud: 'another-client' }, 'no audience': { aud: undefined },
      'authorized party': { aud: ['here', 'another-client'], azp: 'another-client' },
      expired: { iat: past, exp: past + 300 }, 'access token': { at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' }, 'no subject': { sub: undefined },
    }
    const page = await fresh(t)
    const comesBack = async () => {
      await page.goto(`${here.url}/login`)
      const returned = page.waitForResponse((response) => response.url().includes('/login/upstream/liar/callback'))
      await button(page, 'liar').click()
      const status = (await returned).status()
      await page.waitForLoadState()
      return status
    }
    for (const [what, lie] of Object.entries(lies)) {
      liar.lie = lie
      // Each in a browser of its own: the limiter counts refusals.
      await page.context().clearCookies()
      assert.equal(await comesBack(), 502, what)
      assert.match(await page.locator('h1').textContent(), /could not be trusted/, what)
    }
    liar.lie = {}
    liar.key = liar.otherKey
    await page.context().clearCookies()
    assert.equal(await comesBack(), 502, 'signed by another key')
    await assert.rejects(account('liar@elsewhere.example'))
    liar.key = liar.trueKey
    assert.equal(await comesBack(), 303)
    await at(page, '/account')
  })
})
