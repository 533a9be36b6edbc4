/** The simulator and what plays it, for tests and load that want a believable workspace without a terminal. */
export { type PlayOptions, play, type Stage } from './player.js'
export { type SimulatorOptions, simulate } from './simulator/simulate.js'
export { callOf, type TimelineItem } from './timeline.js'
