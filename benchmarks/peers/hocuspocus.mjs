// Hocuspocus as its documentation has it, with its SQLite extension if a data folder is given.
import { Server } from "@hocuspocus/server";

const [port, data] = process.argv.slice(2);
const store = async () => {
  const { SQLite } = await import("@hocuspocus/extension-sqlite"); // where it could not be compiled, the rest still runs
  return new SQLite({ database: `${data}/hocuspocus.sqlite` });
};
const extensions = data ? [await store()] : [];
const server = new Server({ port: Number(port), address: "127.0.0.1", quiet: true, extensions });
await server.listen();
