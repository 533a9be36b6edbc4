import { comparison, deliveriesTarget } from '../comparison.js'
import { ofNchan } from '../target.js'

/*
 * What would fool all of these:
 * - Rates by the clock, where servers and clients share a machine with other work. Processor time hardly changes with it, so
 *   that is what is compared; of all processes of a server, in the program and in the kernel for it.
 * - A client that is slower than the server. Then it sets the pace, and servers that write once for each event look better
 *   than they are, for the kernel puts small writes together that nobody reads: its cores stand in each table.
 * - A client that is faster, and sleeps. nchan, which writes for each delivery, was seen to take up to twice the processor
 *   time with a client in C that waits for it, probably since each write then wakes the client at the server's cost. From
 *   another machine nobody wakes anybody, so the busy client is the fairer one; it favours those that write often.
 * - Loopback: the kernel does the receiver's part of the work in the sender's time, for all servers alike. With BBR it also
 *   waits; so they run with another congestion control.
 * - Different work. Ours checks a credential and the event, and has it on the disk before it answers; the others keep it in
 *   memory, some of them not at all.
 * - A server that loses events does less: what was lost stands in each table.
 */

const FEW = 1_000
const MANY = 10_000

/**
 * Measures what it takes to deliver at a rate that is hard for those that write once for each subscriber and event.
 *
 * What would fool it: a server that needs more than a core for it falls behind, and its latencies are of a queue.
 */
export const fanOut = comparison({
  name: 'fan-out',
  summary: '1,000 subscribers, 200 events a second, beside nchan and others',
  trial: { subscribers: FEW, perSecond: 200, seconds: 3 },
  targets: [deliveriesTarget(2), { what: 'p99', most: 0.5, unit: "× nchan's", value: (rows) => ofNchan(rows, 'p99') }],
  chart: '1,000 subscribers, 200 events a second',
})

/**
 * Measures the same at a rate at which nothing comes together: a write for each delivery is what all of them need.
 *
 * What would fool it: processors that slow down when they have little to do.
 */
export const fanOutSlow = comparison({
  name: 'fan-out-slow',
  summary: '1,000 subscribers, 20 events a second',
  trial: { subscribers: FEW, perSecond: 20, seconds: 3 },
  targets: [deliveriesTarget(1.2)],
  chart: '1,000 subscribers, 20 events a second',
})

/**
 * Measures how much can be delivered at most, with events published as fast as they are acknowledged.
 *
 * What would fool it: a server that acknowledges before it delivers takes more than it can deliver, and those that do it the
 * other way round seem slow to publish to. All must have delivered everything before the clock stops.
 */
export const fanOutFlat = comparison({
  name: 'fan-out-flat',
  summary: '1,000 subscribers, as fast as events are acknowledged, 16 under way',
  trial: { subscribers: FEW, inFlight: 16, seconds: 2 },
  targets: [deliveriesTarget(8)],
  chart: '1,000 subscribers, as fast as it goes',
})

/**
 * Measures ten times the subscribers.
 *
 * What would fool it: the client reads from 10,000 connections, one after the other, and latencies are as much its own.
 */
export const crowd = comparison({
  name: 'crowd',
  summary: '10,000 subscribers, 20 events a second',
  trial: { subscribers: MANY, perSecond: 20, seconds: 3 },
  targets: [deliveriesTarget(2)],
  chart: '10,000 subscribers, 20 events a second',
})

/**
 * Measures the way of an event without the fan-out: what it takes to take, keep and deliver it once.
 *
 * What would fool it: the disk, which only ours waits for. Processor time does not count the wait.
 */
export const single = comparison({
  name: 'single',
  summary: 'one subscriber, as fast as events are acknowledged, 16 under way',
  trial: { subscribers: 1, inFlight: 16, seconds: 2 },
  targets: [deliveriesTarget(1)],
  chart: 'one subscriber, as fast as it goes',
})

/**
 * Measures many channels with few subscribers each, where an event that is encoded once is still written ten times only.
 *
 * What would fool it: events that go round the channels in turn, as these do. Real ones come in bursts, which is easier.
 */
export const channels = comparison({
  name: 'channels',
  summary: '1,000 channels of 10 subscribers each, 1,000 events a second',
  trial: { subscribers: MANY, channels: 1_000, perSecond: 1_000, seconds: 3 },
  targets: [],
})

/**
 * Measures observers of a call, over WebSocket, at the rate of `fan-out`.
 *
 * What would fool it: the same as there.
 */
export const observers = comparison({
  name: 'observers',
  summary: '1,000 observers over WebSocket, 200 events a second',
  trial: { subscribers: FEW, protocol: 'websocket', perSecond: 200, seconds: 3 },
  targets: [deliveriesTarget(1.2)],
  chart: '1,000 WebSockets, 200 events a second',
})
