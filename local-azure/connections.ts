/** Which new connections of the local Azure's services break before a request is on them. */
import type { ConnectionFault, Service } from './world-options.ts'

export class Connections {
  private faults: { fault: ConnectionFault; struck: number }[] = []
  private readonly servers = new Set<(service: Service) => void>()

  /**
   * Arms a fault and has the service's clients come anew.
   * @returns how many connections it has broken so far
   */
  break(fault: ConnectionFault): () => number {
    const entry = { fault, struck: 0 }
    this.faults.push(entry)
    for (const renew of this.servers) renew(fault.service)
    return () => entry.struck
  }

  mend(): void {
    this.faults = []
  }

  /** How a new connection breaks; undefined when it does not. Counting is part of asking. */
  next(service: Service): ConnectionFault['how'] | undefined {
    const entry = this.faults.find(
      ({ fault, struck }) => fault.service === service && struck < (fault.times ?? 1),
    )
    if (!entry) return undefined
    entry.struck += 1
    return entry.fault.how
  }

  /** Calls back when connections of a service are to end after what is under way. Returns the function that ends it. */
  onBreak(renew: (service: Service) => void): () => void {
    this.servers.add(renew)
    return () => this.servers.delete(renew)
  }
}
