/** The wire contract, as the other tests hold one process to it, over two workers. */
process.env.SWITCHBOARD_WORKERS = '2'

await import('./wire/stream.test.js')
await import('./wire/observer.test.js')
await import('./twilio.test.js')
