/** A certificate authority of this run alone, and one server certificate for loopback. */
import { generate } from 'selfsigned'

export interface Certificates {
  /** The authority's certificate, PEM: what `NODE_EXTRA_CA_CERTS` and `curl --cacert` take. */
  authority: string
  certificate: string
  key: string
}

/** Makes an authority and a server certificate for `localhost`, `127.0.0.1` and `::1`, valid for two days. */
export async function makeCertificates(name = 'Local Azure CA'): Promise<Certificates> {
  const notBeforeDate = new Date(Date.now() - 60 * 60_000)
  const notAfterDate = new Date(Date.now() + 48 * 60 * 60_000)
  const authority = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notBeforeDate,
    notAfterDate,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  })
  const server = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notBeforeDate,
    notAfterDate,
    ca: { key: authority.private, cert: authority.cert },
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
          { type: 7, ip: '::1' },
        ],
      },
    ],
  })
  return { authority: authority.cert, certificate: server.cert, key: server.private }
}
