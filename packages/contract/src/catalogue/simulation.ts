import type { EventDefinition } from './define.js'
import { count, flag, id, labelOrEmpty } from './fields.js'

/** Conversations that are played through without a caller. */
export const simulationEvents: readonly EventDefinition[] = [
  {
    channel: 'workspace',
    type: 'simulation.turn_stored',
    title: 'Simulation turn stored',
    meaning: 'One turn of a simulated conversation has been stored.',
    fields: {
      run_id: id('The run of the simulation.'),
      session_id: id('The conversation within the run.'),
      service_id: id('The service that is simulated.'),
      turn_index: count('Which turn it is, from 0 on.'),
      state_before: labelOrEmpty('The state of the conversation before the turn.'),
      state_after: labelOrEmpty('The state of the conversation after the turn.'),
      is_terminal: flag('Whether the conversation ends with this turn.'),
    },
    example: {
      event_type: 'simulation.turn_stored',
      run_id: 'run_88',
      session_id: 'sim_88_4',
      service_id: '7c1e0b52-3f0d-4a7e-9c55-1f6a2d8b9e01',
      turn_index: 3,
      state_before: 'greeting',
      state_after: 'reschedule',
      is_terminal: false,
    },
  },
]
