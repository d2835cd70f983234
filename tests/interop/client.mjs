// Stock JavaScript clients, driven from Python: commands come as JSON lines on stdin, and what the
// clients show and say goes out as JSON lines on stdout. Nothing of the protocol is ours in here.

import readline from 'node:readline'
import { HocuspocusProvider, HocuspocusProviderWebsocket } from '@hocuspocus/provider'
import { WebSocket } from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'

const clients = new Map()
const sockets = new Map()

const tell = (event) => process.stdout.write(JSON.stringify(event) + '\n')

// Stock clients complain about what they cannot read on the console, and go on: tests must hear of it.
for (const level of ['log', 'info', 'warn', 'error']) {
  console[level] = (...words) => tell({ event: 'said', words: words.map(String).join(' ') })
}

const openY = ({ server, doc, user, options }, ydoc, say) => {
  // Without disableBc two clients of one process would sync with each other past the server.
  const provider = new WebsocketProvider(`${server}/y`, doc, ydoc, {
    WebSocketPolyfill: WebSocket, params: { user }, disableBc: true, ...options
  })
  provider.on('status', ({ status }) => say({ event: 'status', status }))
  provider.on('sync', (synced) => say({ event: 'synced', synced }))
  provider.on('connection-close', (close) => say({ event: 'close', code: close?.code ?? null, reason: close?.reason ?? '' }))
  provider.on('closed', ({ code }) => say({ event: 'gave up', code }))
  return {
    awareness: provider.awareness,
    connect: () => provider.connect(),
    disconnect: () => provider.disconnect(),
    drop: () => provider.ws.terminate(),
    destroy: () => provider.destroy()
  }
}

const hocuspocusSocket = ({ server, socket, options }) => {
  if (!sockets.has(socket)) {
    sockets.set(socket, new HocuspocusProviderWebsocket({
      url: `${server}/sync`, WebSocketPolyfill: WebSocket, delay: 100, minDelay: 50, maxDelay: 500, ...options
    }))
  }
  return sockets.get(socket)
}

const openHocuspocus = (command, ydoc, say) => {
  const socket = hocuspocusSocket(command)
  const provider = new HocuspocusProvider({
    websocketProvider: socket,
    name: command.doc,
    document: ydoc,
    token: command.user,
    ...command.options,
    onStatus: ({ status }) => say({ event: 'status', status }),
    onSynced: ({ state }) => say({ event: 'synced', synced: state }),
    onUnsyncedChanges: ({ number }) => say({ event: 'unsynced', number }),
    onAuthenticated: ({ scope }) => say({ event: 'authenticated', scope }),
    onAuthenticationFailed: ({ reason }) => say({ event: 'denied', reason }),
    onStateless: ({ payload }) => say({ event: 'stateless', payload }),
    onClose: ({ event }) => say({ event: 'close', code: event.code ?? null, reason: event.reason ?? '' })
  })
  provider.attach()
  return {
    awareness: provider.awareness,
    connect: () => socket.connect(),
    disconnect: () => socket.disconnect(),
    drop: () => socket.webSocket.terminate(),
    destroy: () => provider.destroy()
  }
}

const open = (command) => {
  const ydoc = new Y.Doc()
  const say = (event) => tell({ client: command.client, ...event })
  const roots = command.roots.map((name) => [name, ydoc.getMap(name)])
  ydoc.on('update', () => say({ event: 'doc', roots: Object.fromEntries(roots.map(([name, map]) => [name, map.toJSON()])) }))
  const client = command.kind === 'y' ? openY(command, ydoc, say) : openHocuspocus(command, ydoc, say)
  client.awareness.on('change', () => say({ event: 'people', states: [...client.awareness.getStates().values()] }))
  client.awareness.on('update', ({ updated }) => say({ event: 'renewed', clients: updated.length }))
  clients.set(command.client, { ydoc, ...client })
}

const run = (command) => {
  if (command.do === 'open') return open(command)
  const client = clients.get(command.client)
  const rows = () => client.ydoc.getMap(command.root)
  switch (command.do) {
    case 'set': return rows().set(command.row, command.value)
    case 'begin': return rows().set(command.row, new Y.Text())
    case 'append': return rows().get(command.row).insert(rows().get(command.row).length, command.text)
    case 'delete': return rows().delete(command.row)
    case 'finish': return client.ydoc.transact(() => {
      client.ydoc.getMap('messages').set(command.row, command.value)
      client.ydoc.getMap('streams').delete(command.row)
    })
    case 'present': return client.awareness.setLocalState(command.state)
    case 'connect': return client.connect()
    case 'disconnect': return client.disconnect()
    case 'drop': return client.drop()
    case 'destroy': return client.destroy()
    default: throw new Error(`unknown command ${command.do}`)
  }
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const command = JSON.parse(line)
  run(command)
  tell({ event: 'done', number: command.number })
}).on('close', () => process.exit(0))
