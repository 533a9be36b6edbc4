import { World } from './world.js'

const SCHEDULES = 2000
const LINES_SHOWN = 60

/** What some of the schedules must come to, or they no longer try what they are for. */
const REACHED = [
  ...['crash', 'close', 'closed', 'retain', 'erase', 'removed', 'not removed', 'repeat-lines', 'stall', 'leave'],
  ...['disk-fails', 'disk-hangs', 'disk-chokes', 'no-space', 'bit-flips', 'clock-back', 'clock-far-ahead'],
  ...['gap history_truncated', 'gap unknown_position', 'gap history_damaged', 'beat', 'replayed'],
  ...['idempotency_key_reused', 'invalid_event', 'storage_full', 'storage_fault', 'unavailable'],
  ...['refused client_stalled', 'stream_unavailable', 'call_unknown'],
]

/** Runs the schedule of a seed. @throws Error that names what was violated, and how to see it again. */
export async function simulate(seed: number): Promise<World> {
  const world = new World(seed)
  try {
    await world.run()
    return world
  } catch (cause) {
    const last = world.lines.slice(-LINES_SHOWN).map((line) => `    ${line}`)
    throw new Error(
      [
        `${(cause as Error).message}`,
        `  seed ${seed}, step ${world.step}, after`,
        ...last,
        `  again: SWITCHBOARD_SIMULATION_SEED=${seed} npm test -- simulation`,
      ].join('\n'),
      { cause },
    )
  }
}

/**
 * Runs the schedules that the environment asks for: the one of SWITCHBOARD_SIMULATION_SEED, or as many as
 * SWITCHBOARD_SIMULATION_SCHEDULES says. Answers what none of them has come to and should have.
 */
export async function simulateMany(env = process.env): Promise<readonly string[]> {
  if (env.SWITCHBOARD_SIMULATION_SEED !== undefined) {
    await simulate(wholeNumber(env.SWITCHBOARD_SIMULATION_SEED))
    return []
  }
  const schedules = wholeNumber(env.SWITCHBOARD_SIMULATION_SCHEDULES ?? String(SCHEDULES))
  const started = performance.now()
  const unreached = new Set(REACHED)
  let steps = 0
  for (let seed = 1; seed <= schedules; seed++) {
    const world = await simulate(seed)
    steps += world.step
    for (const what of unreached) if (world.lines.some((line) => line.includes(what))) unreached.delete(what)
  }
  const seconds = (performance.now() - started) / 1000
  console.log(`simulation: ${schedules} schedules of ${steps} steps in ${seconds.toFixed(1)} s`)
  return schedules < SCHEDULES ? [] : [...unreached]
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`A whole number is needed, and ${text} is none`)
  return Number(text)
}
