// The fan-out in automerge-repo's own protocol: every client is a whole repo, as it has to be to answer.
import { next as A } from "@automerge/automerge";
import { Repo } from "@automerge/automerge-repo";
import { WebSocketClientAdapter } from "@automerge/automerge-repo-network-websocket";
import { fanout, finish, hear, options, sleep, token } from "./load-common.mjs";

const ROW = "01hf7yat00.ada.00000000";
const given = options();
const repo = (name) => new Repo({ network: [new WebSocketClientAdapter(given.url)], peerId: name });

const writer = repo("ada").create({ messages: {}, streams: { [ROW]: "" } });
await sleep(1000);
const readers = [];
for (let number = 0; number < given.readers; number++) {
  const handle = await repo(`r${number}`).find(writer.url);
  const reader = { next: 0, heard: [], handle };
  handle.on("change", ({ doc }) => hear(reader, doc.streams[ROW].length / token(0).length));
  readers.push(reader);
}
await sleep(500);
let text = "";
const result = await fanout(given, readers, (index) => {
  writer.change((doc) => A.splice(doc, ["streams", ROW], text.length, 0, token(index)));
  text += token(index);
});
if (!result.failed && readers[0].handle.doc().streams[ROW] !== text) result.failed = "a reader's text is not what was written";
finish(result);
