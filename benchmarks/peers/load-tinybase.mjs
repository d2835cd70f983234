// TinyBase's own protocol. A message is a row; a token sets its message's cell anew, as there is no growing text.
// In the fan-out all readers but one are sockets that count, and in the herd sockets that take the content without
// merging it, so that this client costs as little as the one for Yjs.
import { createHash } from "node:crypto";
import { createMergeableStore } from "tinybase";
import { createWsSynchronizer } from "tinybase/synchronizers/synchronizer-ws-client";
import { WebSocket } from "ws";
import { Failed, hear } from "./load-common.mjs";
import { load } from "./load-workloads.mjs";

const TABLE = "messages";
const [USUAL_TIMEOUT, LONG_TIMEOUT] = [1, 30]; // seconds; a replica that gets no answer in the usual time stays empty
const [RESPONSE, GET_HASHES, GET_TABLES] = [0, 1, 4];

class Replica {
  next = 0;
  heard = [];
  bytes = 0;
  offered = 0;
  store = createMergeableStore();

  constructor(url, progress, timeout) {
    Object.assign(this, { url, timeout });
    if (progress) this.store.addDidFinishTransactionListener(() => hear(this, progress(this)));
  }

  async comeBack() {
    this.failure = undefined;
    const socket = (this.socket = new WebSocket(this.url));
    socket.on("message", (data) => (this.bytes += data.length));
    const lost = (why) => this.socket === socket && (this.failure ??= why);
    socket.on("error", (error) => lost(String(error)));
    socket.on("close", (code, reason) => lost(`the server closed the link: ${code} ${reason}`));
    const send = socket.send.bind(socket);
    socket.send = (data, ...more) => {
      this.offered += data.length;
      send(data, ...more);
    };
    this.synchronizer = await createWsSynchronizer(this.store, socket, this.timeout);
    await this.synchronizer.startSync();
    if (this.failure) throw new Failed(this.failure);
    return this;
  }

  leave() {
    this.socket = undefined;
    return this.synchronizer.destroy();
  }

  pause = () => this.socket.pause();
  resume = () => this.socket.resume();
  count = () => this.store.getRowCount(TABLE);
  text = (row) => this.store.getCell(TABLE, row, "text");
  texts = () => Object.fromEntries(Object.entries(this.store.getTable(TABLE)).map(([row, { text }]) => [row, text]));
  post = (rows) => this.store.transaction(() => rows.forEach(([row, text]) => this.store.setCell(TABLE, row, "text", text)));
  begin = (row) => this.post([[row, ""]]);
  token = (row, token) => this.post([[row, this.text(row) + token]]);
  end = () => undefined; // it is a message already
}

function counting(url) {
  const reader = { next: 0, heard: [], bytes: 0, offered: 0 };
  const socket = new WebSocket(url);
  socket.on("close", (code, reason) => (reader.failure = `the server closed the link: ${code} ${reason}`));
  socket.on("message", (data) => {
    reader.bytes += data.length;
    const last = data.lastIndexOf("~");
    if (last >= 0) hear(reader, Number(data.subarray(last + 1, last + 7).toString()) + 1);
  });
  return new Promise((resolve, reject) => socket.on("open", () => resolve(reader)).on("error", reject));
}

const nothing = createMergeableStore();

// Asks as a replica does that has nothing, and answers the server as one; other joiners get no answer from it.
function joiner(url) {
  const socket = new WebSocket(url);
  const say = (to, ...body) => socket.send(`${to}\n${JSON.stringify(body)}`);
  const pieces = [];
  const hash = createHash("sha1");
  let bytes = 0;
  let asked = false;
  return new Promise((resolve, reject) => {
    const take = (piece, total) => {
      pieces.push(piece);
      hash.update(piece);
      if (pieces.length < total) return;
      const texts = () => {
        const [, , [[tables]]] = JSON.parse(pieces.join(""));
        return Object.fromEntries(Object.entries(tables[TABLE][0]).map(([row, [cells]]) => [row, cells.text[0]]));
      };
      resolve({ at: performance.now(), bytes, digest: hash.digest("hex"), texts });
    };
    const answer = (from, id, kind, body) => {
      if (kind === RESPONSE && id === "h.1" && !asked) say(from, "h.2", GET_TABLES, {});
      asked ||= kind === RESPONSE;
      if (from !== "S") return;
      if (kind === GET_HASHES) say(from, id, RESPONSE, nothing.getMergeableContentHashes());
      if (kind === GET_TABLES) say(from, id, RESPONSE, nothing.getMergeableTableDiff(body));
    };
    socket.on("open", () => say("", "h.1", GET_HASHES, ""));
    socket.on("error", (error) => reject(new Failed(String(error))));
    socket.on("close", (code, reason) => reject(new Failed(`the server closed the link: ${code} ${reason}`)));
    socket.on("message", (data) => {
      bytes += data.length;
      const text = data.toString();
      const fragment = /^[^\n]*\n[-\w]{16}\n\d+\n(\d+)\n/.exec(text);
      const [from, rest] = [text.slice(0, text.indexOf("\n")), text.slice(text.indexOf("\n") + 1)];
      if (fragment) take(text.slice(fragment[0].length), Number(fragment[1]));
      else if (rest.startsWith('["h.2",0,')) take(rest, 1);
      else answer(from, ...JSON.parse(rest));
    });
  });
}

load((base) => ({
  join: (room, { progress, checking }) => new Replica(`${base}/${room}`, progress, checking ? LONG_TIMEOUT : USUAL_TIMEOUT).comeBack(),
  counting: (room) => counting(`${base}/${room}`),
  joiner: (room) => joiner(`${base}/${room}`),
}));
