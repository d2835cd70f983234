// automerge-repo's server, as its sync-server example has it: websockets and files in a folder.
import { Repo } from "@automerge/automerge-repo";
import { NodeFSStorageAdapter } from "@automerge/automerge-repo-storage-nodefs";
import { WebSocketServerAdapter } from "@automerge/automerge-repo-network-websocket";
import { WebSocketServer } from "ws";

const [port, data] = process.argv.slice(2);
const sockets = new WebSocketServer({ host: "127.0.0.1", port: Number(port) });
const repo = new Repo({
  network: [new WebSocketServerAdapter(sockets)],
  storage: new NodeFSStorageAdapter(data),
  peerId: "server",
  sharePolicy: async () => false,
});
process.on("SIGTERM", async () => {
  await repo.flush();
  process.exit(0);
});
