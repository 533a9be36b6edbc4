import type { EventDefinition } from './define.js'
import { id, labelOrEmpty, oneOf, optional, personal, phoneNumber } from './fields.js'

const conferenceSid = id('The conference that the call is held in, by its telephony id.')
const participantId = id('The participant, within the conference.')
const role = oneOf(['caller', 'agent', 'operator'], 'What the participant is in the call.')
const displayName = optional(personal(labelOrEmpty('The name to show.')))
const phone = optional(phoneNumber('The number the participant is connected by.'))
const operatorEntityId = optional(id('The operator, where the participant is one.'))

const CONFERENCE = 'CF1a2b3c4d5e6f708192a3b4c5d6e7f809'

/** Who is on a call. */
export const observerParticipantEvents: readonly EventDefinition[] = [
  {
    channel: 'observer',
    type: 'participant_joined',
    title: 'Participant joined',
    meaning: 'A party has joined the call.',
    fields: {
      conference_sid: conferenceSid,
      participant_id: participantId,
      participant_role: role,
      participant_name: optional(personal(labelOrEmpty('The name the participant is known by.'))),
      display_name: displayName,
      phone_number: phone,
      operator_entity_id: operatorEntityId,
    },
    example: {
      type: 'participant_joined',
      conference_sid: CONFERENCE,
      participant_id: 'pa_2',
      participant_role: 'operator',
      participant_name: 'Front desk',
      display_name: 'Front desk',
      phone_number: '+15550107',
      operator_entity_id: '2a9d6e70-8b14-4c3f-a1d2-5e7f90b1c203',
    },
  },
  {
    channel: 'observer',
    type: 'participant_left',
    title: 'Participant left',
    meaning: 'A party has left the call.',
    fields: {
      conference_sid: conferenceSid,
      participant_id: participantId,
      participant_role: role,
      display_name: displayName,
      phone_number: phone,
      operator_entity_id: operatorEntityId,
    },
    example: {
      type: 'participant_left',
      conference_sid: CONFERENCE,
      participant_id: 'pa_2',
      participant_role: 'operator',
      display_name: 'Front desk',
      phone_number: '+15550107',
      operator_entity_id: '2a9d6e70-8b14-4c3f-a1d2-5e7f90b1c203',
    },
  },
]
