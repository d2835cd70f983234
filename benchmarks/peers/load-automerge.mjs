// automerge-repo's own protocol: every client is a whole repo, as it has to be to answer; only in the herd it is a
// socket that takes the doc without opening it. A message is an entry of a map that never changes; a token is
// spliced into a text.
import { createHash } from "node:crypto";
import { next as A } from "@automerge/automerge";
import { ImmutableString, Repo, cbor, parseAutomergeUrl, stringifyAutomergeUrl } from "@automerge/automerge-repo";
import { WebSocketClientAdapter } from "@automerge/automerge-repo-network-websocket";
import { WebSocket } from "ws";
import { Failed, hear, sleep } from "./load-common.mjs";
import { load } from "./load-workloads.mjs";

// A room's doc has an id that follows from its name, so that it is found again after a restart.
const idOf = (room) => parseAutomergeUrl(stringifyAutomergeUrl(createHash("sha256").update(room).digest().subarray(0, 16))).documentId;
const textsOf = ({ messages, streams }) => ({ ...streams, ...Object.fromEntries(Object.entries(messages).map(([row, text]) => [row, String(text)])) });
const EMPTY = A.save(A.from({ messages: {}, streams: {} }));

class Counting extends WebSocketClientAdapter {
  constructor(url, replica) {
    super(url, 500);
    this.replica = replica;
  }

  receiveMessage(message) {
    this.replica.bytes += message.byteLength;
    super.receiveMessage(message);
  }

  send(message) {
    this.replica.offered += message.data?.byteLength ?? 0;
    super.send(message);
  }
}

class Replica {
  next = 0;
  heard = [];
  bytes = 0;
  offered = 0;

  constructor(url, room, name, progress) {
    Object.assign(this, { url, id: idOf(room), name, progress });
  }

  // With a doc, that is put into the room; without, it is looked for.
  async join(doc, checking) {
    this.adapter = new Counting(this.url, this);
    const met = new Promise((resolve) => this.adapter.once("peer-candidate", resolve));
    const repo = new Repo({ network: [this.adapter], peerId: this.name });
    await met; // the adapter calls itself ready after 1 s, also where the server has not answered
    if (doc) {
      this.handle = repo.import(doc, { docId: this.id });
      await this.#arrived();
    } else {
      try {
        this.handle = await repo.find(this.id);
      } catch (error) {
        if (checking) return undefined;
        throw new Failed(String(error));
      }
    }
    this.handle.on("change", () => this.progress && hear(this, this.progress(this)));
    if (this.progress) hear(this, this.progress(this));
    return this;
  }

  // The server has it once it names our heads; who asked for it earlier would be told that there is none.
  #arrived() {
    const ours = A.getHeads(this.handle.doc());
    return new Promise((resolve) =>
      this.adapter.on("message", ({ type, data }) => {
        if (type !== "sync") return;
        const { heads } = A.decodeSyncMessage(data);
        if (ours.every((head) => heads.includes(head))) resolve();
      }),
    );
  }

  async leave() {
    this.adapter.disconnect();
    await sleep(100);
  }

  comeBack = () => this.join(A.save(this.handle.doc()));
  pause = () => this.adapter.socket.pause();
  resume = () => this.adapter.socket.resume();
  count = () => Object.keys(this.handle.doc().messages).length;
  text = (row) => this.handle.doc().streams[row] ?? this.handle.doc().messages[row]?.toString();
  texts = () => textsOf(this.handle.doc());

  post(rows) {
    this.handle.change(({ messages }) => {
      for (const [row, text] of rows) messages[row] = new ImmutableString(text);
    });
  }

  begin(row) {
    this.handle.change(({ streams }) => {
      streams[row] = "";
    });
  }

  token(row, token) {
    const end = this.text(row).length;
    this.handle.change((doc) => A.splice(doc, ["streams", row], end, 0, token));
  }

  end(row) {
    this.handle.change(({ messages, streams }) => {
      messages[row] = new ImmutableString(streams[row]);
      delete streams[row];
    });
  }
}

function joiner(url, room, number) {
  const socket = new WebSocket(url);
  const say = (message) => socket.send(cbor.encode({ senderId: `r${number}`, ...message }));
  const hash = createHash("sha1");
  let bytes = 0;
  let [doc, state] = [A.init(), A.initSyncState()];
  const ask = (type, targetId) => {
    const [asked, data] = A.generateSyncMessage(doc, state);
    state = asked;
    if (data) say({ type, targetId, documentId: idOf(room), data });
  };
  return new Promise((resolve, reject) => {
    socket.on("open", () => say({ type: "join", peerMetadata: { isEphemeral: true }, supportedProtocolVersions: ["1"] }));
    socket.on("error", (error) => reject(new Failed(String(error))));
    socket.on("close", () => reject(new Failed("the server closed the link")));
    socket.on("message", (raw) => {
      bytes += raw.length;
      const message = cbor.decode(raw);
      if (message.type === "peer") return ask("request", message.senderId);
      if (message.type === "doc-unavailable") return reject(new Failed("the server does not have the doc"));
      if (message.type !== "sync") return undefined;
      const { changes } = A.decodeSyncMessage(message.data);
      if (changes.length) {
        for (const change of changes) hash.update(change);
        const texts = () => textsOf(A.receiveSyncMessage(doc, state, message.data)[0]);
        return resolve({ at: performance.now(), bytes, digest: hash.digest("hex"), texts });
      }
      [doc, state] = A.receiveSyncMessage(doc, state, message.data);
      return ask("sync", message.senderId);
    });
  });
}

load((base) => ({
  join: (room, { name, first, progress, checking }) => new Replica(base, room, name, progress).join(first && EMPTY, checking),
  joiner: (room, number) => joiner(base, room, number),
}));
