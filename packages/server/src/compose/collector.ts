import { setFlagsFromString } from 'node:v8'

/**
 * Sets up the garbage collector for a process that is a server's own. To be called once, before the first request.
 *
 * V8 notices which objects live long and then makes their like among the old ones at once. In a request's life all
 * objects are held together while its flush is awaited, whatever else they are, so that it guesses wrong: what it made
 * old is dead a millisecond later and yet keeps the whole request that it points to, headers and all, until the next full
 * collection. Measured with 64 connections that publish: 2 MB of 11 MB outlived each collection of the young, which then
 * took 7 ms where it now takes 1 ms, and a publish cost 70 µs of processor time where it now costs 47 µs.
 */
export function tuneCollector(): void {
  setFlagsFromString('--no-allocation-site-pretenuring')
}
