// Tells what the minified entry weighs, and refuses what is too heavy. Reads it from standard input.
import { gzipSync } from 'node:zlib'

const most = 21 * 1024
const chunks = []
for await (const chunk of process.stdin) chunks.push(chunk)
const minified = Buffer.concat(chunks)
const zipped = gzipSync(minified, { level: 9 }).length
console.log(`${minified.length} bytes minified, ${zipped} gzipped (limit ${most})`)
if (minified.length === 0 || zipped > most) process.exit(1)
