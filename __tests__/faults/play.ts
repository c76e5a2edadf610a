/** One build with what happens to it, from its start to the facts that the verdict goes by. */
import type { JobOptions } from '../../local-azure/runner.ts'
import type { Exchange } from '../../local-azure/world.ts'
import { HELD, pace, quickTime } from '../support/moments.ts'
import { ROOMY, type Stage as Theatre } from '../support/run-action.ts'
import { Counter, isRunUnderWay, toldBy, type Evidence } from './evidence.ts'
import { faultOf, type Incident } from './incidents.ts'
import type { KnownRequest, Sighting, Stage } from './requests.ts'

/** How much faster the action's clock runs; a cancelled main has seconds of its own for real requests. */
const FASTER = 20
const FASTER_CANCELLED = 4
/** Minutes of the action's clock that a stage may take. What waits longest is a build that cannot be seen any more. */
const LIMIT_MINUTES: Record<Stage, number> = { main: 40, post: 25 }
/** From here on main asks nothing of anybody. */
const MAIN_ENDS = /^##(?:\[error\]| task output variables ##)/

/** One build, from its start to its verdict's facts. */
export class Play {
  private readonly theatre: Theatre
  private readonly incident: Incident | undefined
  private readonly moment = new AbortController()
  private readonly limits = { main: new AbortController(), post: new AbortController() }
  private readonly hung: string[] = []
  private stage: Stage = 'main'
  /** How many connections each fault of connections has broken. */
  private readonly broken: (() => number)[] = []
  private readonly seen = new Map<KnownRequest, number>()
  private readonly counter: Counter
  private readonly factor: number
  private readonly startedAt = Date.now()
  private timer: NodeJS.Timeout | undefined
  private cancelledAt: number | undefined
  private cancelCallMs: number | undefined
  private readonly release: () => void

  constructor(
    theatre: Theatre,
    incident: Incident | undefined,
    onSighting: (sighting: Sighting) => void = () => undefined,
  ) {
    this.theatre = theatre
    this.incident = incident
    this.factor = incident?.kind === 'cancel' ? FASTER_CANCELLED : FASTER
    this.counter = new Counter(theatre.azure)
    this.release = theatre.azure.world.watch((exchange) => {
      onSighting({ exchange, stage: this.stage })
      this.witness(exchange)
    })
  }

  async run(inputs: Record<string, string>, actionFolder: string | undefined): Promise<Evidence> {
    const started = performance.now()
    this.begin('main')
    const job = await this.theatre.run(inputs, {
      ...this.options(),
      ...(actionFolder === undefined ? {} : { actionFolder }),
    })
    const durationMs = performance.now() - started
    return {
      ...toldBy(job),
      ...(await this.counter.result()),
      kind: this.incident?.kind ?? 'faults',
      struck: this.hasStruck(),
      hung: this.hung,
      durationMs,
      ...(this.cancelCallMs === undefined ? {} : { cancelCallMs: this.cancelCallMs }),
    }
  }

  end(): void {
    clearTimeout(this.timer)
    this.release()
  }

  private options(): Partial<JobOptions> {
    const kind = this.incident?.kind
    const { moment, limits } = this
    const ends = (stage: Stage, isKilled: boolean): AbortSignal =>
      AbortSignal.any([limits[stage].signal, ...(isKilled ? [moment.signal] : [])])
    return {
      env: allQuick(this.factor),
      interrupt: {
        kill: ends('main', kind === 'kill'),
        ...(kind === 'cancel' ? { cancel: moment.signal } : {}),
      },
      post: { kill: ends('post', kind === 'kill post') },
      postTwice: kind === 'kill post',
      onLine: (line, stage) => {
        if (stage === 'post' || MAIN_ENDS.test(line)) this.begin('post')
      },
    }
  }

  /** The faults of a stage come when it begins, so that none of main's requests is taken for one of post's. */
  private begin(stage: Stage): void {
    if (stage === 'post' && this.stage === 'post') return
    this.stage = stage
    clearTimeout(this.timer)
    this.timer = setTimeout(
      () => {
        this.hung.push(stage)
        this.limits[stage].abort()
        this.begin('post')
      },
      (LIMIT_MINUTES[stage] * 60_000) / this.factor,
    )
    if (this.incident?.kind !== 'faults') return
    const strikes = this.incident.strikes.filter(({ request }) => request.stage === stage)
    // A fault that strikes hides the request from those behind it: the later one of two alike comes first.
    strikes.sort((one, other) => other.request.occurrence - one.request.occurrence)
    for (const strike of strikes) {
      const fault = faultOf(strike, () => this.actionsNow())
      if (fault) this.theatre.azure.world.addFault(fault)
    }
  }

  /** By the clock of the action's processes, which begins when the job does. */
  private actionsNow(): number {
    return this.startedAt + (Date.now() - this.startedAt) * this.factor
  }

  /** What was asked, after the service acted on it and before its answer leaves. */
  private witness({ service, method, target }: Exchange): void {
    const text = `${method} ${target}`
    if (this.cancelledAt !== undefined && /^POST .*\/imageTemplates\/[^/]+\/cancel\?/.test(text)) {
      this.cancelCallMs ??= performance.now() - this.cancelledAt
    }
    for (const request of this.awaited()) {
      // A fault of main's that has not struck may strike in post; a main that is over cannot be killed.
      const isOther = request.stage !== this.stage
      if (isOther && (this.stage === 'main' || this.incident?.kind !== 'faults')) continue
      if (request.service !== service || !new RegExp(request.match, 'i').test(text)) continue
      const seen = (this.seen.get(request) ?? 0) + 1
      this.seen.set(request, seen)
      if (seen === request.occurrence) this.come(request)
    }
  }

  /** The request's moment has come. */
  private come(request: KnownRequest): void {
    if (this.incident?.kind !== 'faults') {
      this.strike()
      return
    }
    for (const { request: of, fault, forEver = false } of this.incident.strikes) {
      if (of !== request || !fault.startsWith('tls')) continue
      const times = forEver ? Infinity : 1
      const broken = this.theatre.azure.world.breakConnections({
        service: of.service,
        how: 'handshake',
        times,
      })
      this.broken.push(broken)
    }
  }

  private awaited(): KnownRequest[] {
    if (!this.incident) return []
    return this.incident.kind === 'faults'
      ? this.incident.strikes.map(({ request }) => request)
      : [this.incident.at]
  }

  /** A process is ended. A run that is under way stays so until somebody cancels it. */
  private strike(): void {
    if (isRunUnderWay(this.theatre.azure)) {
      pace(this.theatre.azure, { building: HELD, customizing: HELD, distributing: HELD })
      if (this.incident?.kind === 'cancel') this.cancelledAt = performance.now()
    }
    this.moment.abort()
    if (this.incident?.kind === 'kill') this.begin('post')
  }

  private hasStruck(): boolean {
    const haveCome = this.awaited().every((request) => (this.seen.get(request) ?? 0) >= request.occurrence)
    return haveCome && this.broken.every((count) => count() > 0)
  }
}

/** `env` of a job whose every wait is `factor` times shorter, those of its libraries among them. */
function allQuick(factor: number): Record<string, string> {
  const preload = new URL('all-quick.js', import.meta.url).href
  return { ...quickTime(factor), NODE_OPTIONS: `--import=${preload} ${ROOMY.NODE_OPTIONS}` }
}
