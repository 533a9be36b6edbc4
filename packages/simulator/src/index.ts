/** A story of a workspace that never was, in the order in which it happens, and how stories are played to a server. */
export { Unfinished } from './closing.js'
export { callSid, uuid } from './ids.js'
export { type PlayOptions, play, type Stage } from './player.js'
export { createRandom, type Random } from './random.js'
export { type SimulatorOptions, simulate } from './simulate.js'
export { callOf, roundSeconds, type TimelineItem } from './timeline.js'
