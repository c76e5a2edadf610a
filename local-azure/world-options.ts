/** What a world's owner decides of it, most of it while it runs: times, faults, limits, and how builds go. */

/** The parts of the local Azure that answer requests. */
export type Service = 'github' | 'entra' | 'resource-manager' | 'blob' | 'results'

/**
 * How long the service takes, in milliseconds of the real service before `speed` divides them. Figures from
 * recorded traffic: PUT 11 s, DELETE 78 to 124 s, run 21 min (Ubuntu, one script, gallery); the shares of the
 * phases are assumed.
 */
export interface Durations {
  submit: number
  queued: number
  building: number
  customizing: number
  optimizing: number
  validating: number
  distributing: number
  cancel: number
  delete: number
}
export const REAL_DURATIONS: Durations = {
  submit: 11_000,
  queued: 60_000,
  building: 5 * 60_000,
  customizing: 6 * 60_000,
  optimizing: 60_000,
  validating: 60_000,
  distributing: 8 * 60_000,
  cancel: 60_000,
  delete: 90_000,
}

/**
 * One fault at the network's edge. It strikes requests of `service` whose `METHOD /path?query` matches
 * `match` (a regular expression's source, case ignored), after letting `skip` of them pass, `times` times.
 * `when: 'after'` lets the service act first and loses only the answer; a cut answer is one that there was, so with
 * `respond: 'cut'` the service always acts, whatever `when` says.
 */
export interface Fault {
  service: Service
  match: string
  skip?: number
  times?: number
  when?: 'before' | 'after'
  respond:
    | { status: number; headers?: Record<string, string>; body?: unknown }
    | 'reset' // the connection is destroyed without an answer
    | 'stall' // no answer ever comes; the connection stays open
    | 'cut' // the true answer's head and half of its body, then the end; one without a body does not come at all
  /** Milliseconds to wait before the fault (or, with `respond` absent in effect, the answer) goes out. */
  delayMs?: number
  /**
   * Blob requests alone: strikes when at least so many bytes of the body have arrived, and no more of it is read.
   * The service keeps nothing of such a request. One that is refused before, or has a shorter body, goes its way.
   */
  afterBytes?: number
}

/**
 * Connections that break before a request is on them: the next `times` (default 1) new ones of a service. `handshake`
 * ends the connection after the client's first words, `alert` refuses those as TLS does, `certificate` shows one of
 * an authority that nobody trusts.
 */
export interface ConnectionFault {
  service: Service
  how: 'handshake' | 'alert' | 'certificate'
  times?: number
}

/**
 * What a bad link does to the bodies of blob requests on their way in. It takes requests as a `Fault` does, but
 * every one unless `times` says otherwise. Several may act on one request, and a `Fault` may strike it besides.
 */
export interface BadLink {
  match: string
  skip?: number
  times?: number
  /** What all requests on this link get together; a body is read no faster than that. */
  bytesPerSecond?: number
  /** Offset in the body of a byte that arrives with its lowest bit flipped; a shorter body arrives unharmed. */
  flipByteAt?: number
}

/** A step that fails, with its exit code and the lines it prints. */
export interface FailingStep {
  /** Into `customize`, or into `validate.inVMValidations`. */
  index: number
  exitCode: number
  /** On standard output. */
  output?: string[]
  /** On standard error, after that. */
  errors?: string[]
  /** Leaves a step that really runs on this machine to its own fate. */
  onlyWhereNotRun?: boolean
}

/** What goes wrong with Packer itself, or between it and the build VM. */
export interface PackerTrouble {
  /**
   * Where the build is: at the VM's deployment, on the way into the VM, in a customizer (its index), or in the
   * deprovisioning that the service adds.
   */
  at: 'deploy' | 'connect' | 'deprovision' | { customizer: number }
  /**
   * What the log says of it, line by line and without the operation's ID. Lines that begin with `==> `, four blanks,
   * `Error: ` or `* ` are what Packer shows, all others what it notes.
   */
  log: string[]
  /** Packer's last word on the build. Without one it fails before there is a build to end. */
  reason?: string
  /** It goes on until the build's timeout, and prints its lines over all that time. */
  never?: boolean
}

/** What the Image Builder stand-in does with a run beyond what the template itself decides. */
export interface BuildScript {
  /** False: commands are taken and not run, for tests to which they do not matter; each takes a fifth of a second. */
  runsCommands?: boolean
  /** What becomes of a customizer, such as one that cannot be run here (PowerShell, WindowsUpdate …). */
  failCustomizer?: FailingStep
  failValidator?: FailingStep
  packer?: PackerTrouble
  /** What the service says after the VM's deployment when it fails itself, in `lastRunStatus`. */
  failService?: string
  /** A resource of the build that somebody deletes from the staging group as soon as it is there: its type. */
  sweeps?: string
  /** How Packer's container behaves; usually it prints from soon after its group's appearance to the end. */
  container?: {
    /** Its log can be read so much later than Packer begins, in milliseconds of the service (assumed). */
    logDelay?: number
    /** It is started anew before customizing: the log begins again, the restart is counted (assumed). */
    restarts?: boolean
  }
  /** Distribution fails with this message, for the run output named. */
  failDistribute?: { runOutputName: string; message: string }
  /** The state that a cancelled run stays in for ever: `Canceling`, as users have reported. */
  stuckCanceling?: boolean
  /**
   * How much later than the other one the template, or the operation, tells that the run has ended, in milliseconds
   * of the service. Images and run outputs are there with the first of the two (all of it assumed: that they disagree
   * is reported, for how long is not).
   */
  lag?: { template?: number; operation?: number }
}

/** How gallery image versions are replicated; times in milliseconds of the service. */
export interface Replication {
  /** Until a new region has its replica; default: 8 min (assumed; 12 min are reported). */
  duration?: number
  /** Until an update without a new region is done; default: 150 s (recorded: more than two minutes). */
  update?: number
  /** Regions in which it fails, and with which details; never the version's own. */
  failing?: Record<string, string>
  /** How much longer new regions replicate than the update lasts (reported: minutes; usually not at all). */
  lag?: number
}

/** The kinds of requests that Resource Manager counts apart. */
export type RequestKind = 'reads' | 'writes' | 'deletes'

/** A bucket of requests: how many it holds, and how many come back in a second of the service. */
export interface RequestBucket {
  bucket: number
  perSecond: number
}

/** What the subscription has too little of. Absent: enough, and of requests as many as documented. */
export interface Limits {
  /** Cores of virtual machines of any one family in a region. */
  cores?: number
  /** VM sizes that no region has machines for. */
  soldOut?: string[]
  /** Container groups at a time. */
  containerGroups?: number
  /** Container groups in an hour. */
  containerGroupsPerHour?: number
  /** Requests to Resource Manager that one principal may send, in place of the documented numbers. */
  requests?: Partial<Record<RequestKind, RequestBucket>>
}

/** An assignment of Azure Policy that denies resources. */
export interface Policy {
  /** As the portal shows the assignment, and as it shows what is assigned. */
  name: string
  definition: string
  /** Type of the resources. */
  denies: string
  /** Name of the resource groups where it holds, as a regular expression's source; default: everywhere. */
  inGroups?: string
}

export interface WorldOptions {
  /** How many times faster than the real service; 1 is real time. */
  speed: number
  durations: Durations
  accessTokenLifetimeSeconds: number
  idTokenLifetimeSeconds: number
  faults: Fault[]
  links: BadLink[]
  build: BuildScript
  replication?: Replication
  limits: Limits
  policies: Policy[]
}

export type SomeOptions = Partial<Omit<WorldOptions, 'durations'>> & { durations?: Partial<Durations> }

/**
 * Options in full. By default a run takes about 1.3 s (speed 1000), and tokens live as long as the real ones: access
 * tokens of Entra an hour, ID tokens of GitHub five minutes.
 */
export function worldOptions({ durations, ...options }: SomeOptions = {}): WorldOptions {
  return {
    speed: 1000,
    accessTokenLifetimeSeconds: 3600,
    idTokenLifetimeSeconds: 300,
    faults: [],
    links: [],
    build: {},
    limits: {},
    policies: [],
    ...options,
    durations: { ...REAL_DURATIONS, ...durations },
  }
}
