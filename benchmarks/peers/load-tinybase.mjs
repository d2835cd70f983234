// The fan-out in TinyBase's own protocol: the writer and one reader are whole stores, the other readers sockets
// that count, so that this client costs as little as the one for Yjs. A token sets its message's cell anew: there
// is no growing text.
import { createMergeableStore } from "tinybase";
import { createWsSynchronizer } from "tinybase/synchronizers/synchronizer-ws-client";
import { WebSocket } from "ws";
import { fanout, finish, hear, options, sleep, token } from "./load-common.mjs";

const PATH = "lobby-0";
const ROW = "01hf7yat00.ada.00000000";
const given = options();
const url = `${given.url}/${PATH}`;
let bytes = 0;

async function whole() {
  const store = createMergeableStore();
  await (await createWsSynchronizer(store, new WebSocket(url))).startSync();
  return store;
}

function counting() {
  const reader = { next: 0, heard: [] };
  const socket = new WebSocket(url);
  socket.on("message", (data) => {
    bytes += data.length;
    const last = data.lastIndexOf("~");
    if (last >= 0) hear(reader, Number(data.subarray(last + 1, last + 7).toString()) + 1);
  });
  return new Promise((resolve) => socket.on("open", () => resolve(reader)));
}

const writer = await whole();
const mirror = await whole();
const readers = [];
for (let number = 0; number < given.readers; number++) readers.push(await counting());
await sleep(1500); // requests to those who do not answer time out after 1 s
bytes = 0;
let text = "";
const result = await fanout(given, readers, (index) => {
  text += token(index);
  writer.setCell("messages", ROW, "text", text);
});
if (!result.failed && mirror.getCell("messages", ROW, "text") !== text) result.failed = "a reader's text is not what was written";
finish({ ...result, bytes_in: bytes });
