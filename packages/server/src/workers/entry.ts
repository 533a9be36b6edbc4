/** What a worker process runs. Its parent, which has started it, says by the line what is to be done. */
import { Socket } from 'node:net'
import { systemClock } from '../clock.js'
import { LINE_FD } from './launch.js'
import { WorkerProcess } from './worker-process.js'

// Ctrl-C in a terminal and a service's stop reach every process of the group, and a closed terminal too: when to end is
// the parent's to say, and without a parent a worker ends by itself.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})

new WorkerProcess(new Socket({ fd: LINE_FD, readable: true, writable: true }), systemClock, (status) =>
  process.exit(status),
)
