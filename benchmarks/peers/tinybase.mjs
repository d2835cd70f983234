// TinyBase's WsServer with a file persister for each path, as its documentation has it.
import { createMergeableStore } from "tinybase";
import { createFilePersister } from "tinybase/persisters/persister-file";
import { createWsServer } from "tinybase/synchronizers/synchronizer-ws-server";
import { WebSocketServer } from "ws";

const [port, data] = process.argv.slice(2);
const server = createWsServer(new WebSocketServer({ host: "127.0.0.1", port: Number(port) }), (path) =>
  createFilePersister(createMergeableStore(), `${data}/${path.replace(/[^a-zA-Z0-9]/g, "-")}.json`),
);
process.on("SIGTERM", async () => {
  await server.destroy();
  process.exit(0);
});
