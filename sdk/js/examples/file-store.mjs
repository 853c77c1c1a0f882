// State in a folder, for Node and Deno.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A store in a folder that is made if it is missing. Whoever can write there can make it forget, not believe. */
export function fileStore(folder) {
  const file = (name) => join(folder, encodeURIComponent(name))
  return {
    get: (name) => readFile(file(name)).catch((error) => (error.code === 'ENOENT' ? null : Promise.reject(error))),
    put: async (name, state) => {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      await writeFile(`${file(name)}.new`, state, { mode: 0o600 })
      await rename(`${file(name)}.new`, file(name))
    },
  }
}
