import { World } from './world.js'

const SCHEDULES = 2000
const LINES_SHOWN = Number(process.env.LINES ?? 60)

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

/** Runs the schedules that the environment asks for: the one of a seed, or that many. */
export async function simulateMany(env = process.env): Promise<void> {
  if (env.SWITCHBOARD_SIMULATION_SEED !== undefined) {
    await simulate(Number(env.SWITCHBOARD_SIMULATION_SEED))
    return
  }
  const schedules = Number(env.SWITCHBOARD_SIMULATION_SCHEDULES ?? SCHEDULES)
  const started = performance.now()
  let steps = 0
  for (let seed = 1; seed <= schedules; seed++) steps += (await simulate(seed)).lines.length
  const seconds = (performance.now() - started) / 1000
  console.log(`${schedules} schedules, ${steps} lines of what happened, in ${seconds.toFixed(1)} s`)
}
