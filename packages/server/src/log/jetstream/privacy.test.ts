import { openJetStreamBench } from '../../../testing/jetstream-bench.js'
import { privacySuite, sealed } from '../../../testing/privacy.suite.js'

privacySuite(
  'JetStream',
  sealed(({ clock: _, ...options }) => openJetStreamBench(options)),
  { ownClock: false },
)
