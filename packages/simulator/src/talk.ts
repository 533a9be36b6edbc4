import type { JsonObject } from '@switchboard/contract'

/** A tool run inside a turn: what it is given, and what comes back when it works and when it does not. */
export interface ToolUse {
  readonly name: string
  readonly integration: string
  readonly input: JsonObject
  readonly output: JsonObject
  readonly failure: string
}

/** The caller says something; the agent may use a tool; the agent answers. */
interface Exchange {
  readonly caller: string
  readonly tool?: ToolUse
  readonly agent: string
}

/** What a call is about. */
export interface Topic {
  /** The conversation's state while this is talked about. */
  readonly state: string
  /** The agent's first words when it is the one who calls. */
  readonly reason: string
  readonly exchanges: readonly Exchange[]
  /** Why such a call goes to a person, when it does. */
  readonly escalation: string
  /** True when the agent sends a form to the caller's phone during such a call. */
  readonly sendsForm?: true
}

export const GREETING = 'Harbor Clinic, this is the assistant. How can I help you today?'
export const CLOSING = ['Is there anything else I can do for you?', 'Then have a good day. Goodbye.'] as const
export const THANKS = ['No, that was everything. Thank you.', 'That is all, thanks.', 'Nothing else. Bye.'] as const
export const INTERRUPTIONS = [
  'Sorry, wait. I meant something else.',
  'Hold on, let me get a pen.',
  'No no, not that one.',
  'Yes, I know that part already.',
  'Just a second, please.',
] as const
export const VOICEMAIL = 'You have reached a mailbox. Please leave a message after the tone.'

/** What an operator and a caller say to each other after a takeover; the operator begins. */
export const HUMAN_SEGMENT = [
  ['operator', 'Hello, you are speaking with the front desk now. I have your request in front of me.'],
  ['caller', 'Oh good. I was not getting anywhere.'],
  ['operator', 'I understand. Let me look at what we can do.'],
  ['caller', 'It would help a lot if it could be sorted out today.'],
  ['operator', 'I see the problem. I am changing it by hand, one moment.'],
  ['caller', 'Take your time.'],
  ['operator', 'Done. You will get a message that confirms it.'],
  ['caller', 'Wonderful, thank you.'],
  ['operator', 'Would you like me to read it back to you?'],
  ['caller', 'No need, I trust you.'],
] as const

export const TOPICS: readonly Topic[] = [
  {
    state: 'reschedule',
    reason: 'I am calling about your visit on Thursday, which we would have to move.',
    exchanges: [
      {
        caller: 'I need to move my visit on Thursday.',
        tool: {
          name: 'find_appointment',
          integration: 'schedule',
          input: { day: 'thursday' },
          output: { found: 1, at: '10:30' },
          failure: 'schedule: no answer after 5 s',
        },
        agent: 'I see a visit on Thursday at half past ten. Which day suits you better?',
      },
      {
        caller: 'Friday would be good, in the morning if you can.',
        tool: {
          name: 'move_appointment',
          integration: 'schedule',
          input: { from: 'thursday 10:30', to: 'friday morning' },
          output: { moved: true, at: 'friday 09:00' },
          failure: 'schedule: the slot was taken a moment ago',
        },
        agent: 'You are booked for Friday at nine.',
      },
    ],
    escalation: 'wants a slot that only the desk can give',
  },
  {
    state: 'refill',
    reason: 'I am calling because your prescription runs out next week.',
    exchanges: [
      {
        caller: 'I am nearly out of my tablets and need a refill.',
        tool: {
          name: 'list_prescriptions',
          integration: 'records',
          input: { status: 'active' },
          output: { count: 2, refills_left: 1 },
          failure: 'records: 503 after 3 tries',
        },
        agent: 'There is one refill left on it. Shall I send it to the pharmacy on Mill Street?',
      },
      {
        caller: 'Yes please, the one on Mill Street.',
        tool: {
          name: 'send_refill',
          integration: 'pharmacy',
          input: { pharmacy: 'mill-street' },
          output: { accepted: true, ready: 'tomorrow' },
          failure: 'pharmacy: order refused, prescription has expired',
        },
        agent: 'It is sent, and ready for you from tomorrow at noon.',
      },
    ],
    escalation: 'asks about a dose, which needs a nurse',
  },
  {
    state: 'billing',
    reason: 'I am calling about a bill that came back to us unpaid.',
    exchanges: [
      {
        caller: 'I got a bill twice and I am not going to pay it twice.',
        tool: {
          name: 'find_invoices',
          integration: 'billing',
          input: { months: 3 },
          output: { invoices: 2, duplicates: 1 },
          failure: 'billing: timed out after 10 s',
        },
        agent: 'You are right, the second one is a copy. I am marking it for cancellation.',
      },
      { caller: 'And I do not have to do anything?', agent: 'Nothing at all. A letter will confirm it.' },
    ],
    escalation: 'disputes a bill and asked for a person',
  },
  {
    state: 'directions',
    reason: 'I am calling to remind you of your visit tomorrow at eight.',
    exchanges: [
      {
        caller: 'Are you open on Saturday?',
        agent: 'On Saturday we are open from nine to one.',
      },
      {
        caller: 'And where do I park?',
        tool: {
          name: 'lookup_location',
          integration: 'knowledge',
          input: { topic: 'parking' },
          output: { answer: 'behind the building, two hours free' },
          failure: 'knowledge: index is being rebuilt',
        },
        agent: 'Behind the building; the first two hours are free.',
      },
    ],
    escalation: 'asked for a person',
  },
  {
    state: 'results',
    reason: 'I am calling because your results have arrived.',
    exchanges: [
      {
        caller: 'Have my results come back yet?',
        tool: {
          name: 'find_results',
          integration: 'laboratory',
          input: { since_days: 14 },
          output: { ready: 1, released: false },
          failure: 'laboratory: connection reset',
        },
        agent: 'They are here, and a doctor still has to release them. You will hear from us by tomorrow.',
      },
      { caller: 'Can you tell me if it is something bad?', agent: 'I am not able to read them, I am sorry.' },
    ],
    escalation: 'worried about results, risk score above the threshold',
  },
  {
    state: 'intake',
    reason: 'I am calling about the form before your first visit.',
    exchanges: [
      {
        caller: 'It is my first time with you. What do I have to bring?',
        agent: 'Only your insurance card. I can send you a short form now, which saves time on the day.',
      },
      {
        caller: 'Yes, send it to this number.',
        tool: {
          name: 'send_form',
          integration: 'surfaces',
          input: { form: 'intake', channel: 'sms' },
          output: { sent: true },
          failure: 'surfaces: the recipient has opted out of messages',
        },
        agent: 'It is on its way. It takes about three minutes.',
      },
    ],
    escalation: 'cannot read the form and asked for help',
    sendsForm: true,
  },
]
