import type { TProperties } from 'typebox'
import type { EventDefinition } from './define.js'
import { emailAddress, id, labelOrEmpty, note, oneOf, optional, personal, phoneNumber } from './fields.js'

const emailId = id('The e-mail.')
const toAddress = emailAddress('The address it was sent to.')
const fromAddress = emailAddress('The address it was sent from.')

const EMAIL = 'em_0f3c9a'
const SENDER = 'desk@clinic.example'
const RECIPIENT = 'visitor@mail.example'

/** What became of an e-mail that was sent: one event for each thing that can become of it. */
function fateOfEmail(fate: string, title: string, meaning: string, more: TProperties = {}, moreExample = {}) {
  return {
    channel: 'workspace',
    type: `channel.email_${fate}`,
    title,
    meaning,
    fields: { email_id: emailId, from_address: fromAddress, to_address: toAddress, ...more },
    example: {
      event_type: `channel.email_${fate}`,
      email_id: EMAIL,
      from_address: SENDER,
      to_address: RECIPIENT,
      ...moreExample,
    },
  } as const satisfies EventDefinition
}

/** What the recipient did with an e-mail. */
function useOfEmail(use: string, title: string, meaning: string) {
  return {
    channel: 'workspace',
    type: `channel.email_${use}`,
    title,
    meaning,
    fields: { email_id: emailId, to_address: toAddress },
    example: { event_type: `channel.email_${use}`, email_id: EMAIL, to_address: RECIPIENT },
  } as const satisfies EventDefinition
}

/** E-mails and voicemails on their way. */
export const channelEvents: readonly EventDefinition[] = [
  fateOfEmail('delivered', 'E-mail delivered', "The recipient's mail server has taken an e-mail."),
  fateOfEmail(
    'bounced',
    'E-mail bounced',
    "The recipient's mail server has sent an e-mail back.",
    {
      bounce_type: optional(labelOrEmpty('Whether it is worth another try, as the mail system says it.')),
      bounce_subtype: optional(labelOrEmpty('Why it came back, as the mail system says it.')),
    },
    { bounce_type: 'Permanent', bounce_subtype: 'NoEmail' },
  ),
  fateOfEmail('complained', 'E-mail complained about', 'The recipient has marked an e-mail as unwanted.'),
  fateOfEmail('rejected', 'E-mail rejected', 'The mail system has refused to send an e-mail.'),
  fateOfEmail('delayed', 'E-mail delayed', 'An e-mail could not be delivered yet and will be tried again.'),
  useOfEmail('opened', 'E-mail opened', 'The recipient has opened an e-mail.'),
  useOfEmail('clicked', 'E-mail link clicked', 'The recipient has followed a link in an e-mail.'),
  {
    channel: 'workspace',
    type: 'channel.email_received',
    title: 'E-mail received',
    meaning: 'An answer to an e-mail of the workspace has come in.',
    fields: {
      inbound_email_id: id('The e-mail that has come in.'),
      in_reply_to_email_id: id('The e-mail that it answers.'),
      from_address: emailAddress('The address it came from.'),
      to_address: emailAddress('The address it came to.'),
      subject: personal(note('Its subject line.')),
    },
    example: {
      event_type: 'channel.email_received',
      inbound_email_id: 'em_in_51b2',
      in_reply_to_email_id: EMAIL,
      from_address: RECIPIENT,
      to_address: SENDER,
      subject: 'Re: Your visit on Friday',
    },
  },
  {
    channel: 'workspace',
    type: 'channel.voicemail_status',
    title: 'Voicemail status',
    meaning: 'It is known what became of a voicemail.',
    fields: {
      voicemail_id: id('The voicemail.'),
      recipient_phone_number: phoneNumber('The number it was left for.'),
      status: oneOf(['delivered', 'skipped', 'failed', 'not_delivered'], 'What became of it.'),
    },
    example: {
      event_type: 'channel.voicemail_status',
      voicemail_id: '5d0e4c7a-91b3-4f28-bd66-20a7c9e1f384',
      recipient_phone_number: '+15550142',
      status: 'delivered',
    },
  },
]
