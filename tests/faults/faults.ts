import type { Fault } from './fault.js'
import { clock } from './kinds/clock.js'
import { damage } from './kinds/damage.js'
import { fsync } from './kinds/fsync.js'
import { full } from './kinds/full.js'
import { kill } from './kinds/kill.js'
import { network } from './kinds/network.js'
import { paused } from './kinds/pause.js'
import { power } from './kinds/power.js'
import { stall } from './kinds/stall.js'
import { storm } from './kinds/storm.js'

/** Everything that can be made to go wrong. */
export const faults: readonly Fault[] = [kill, power, full, fsync, paused, clock, damage, network, stall, storm]
