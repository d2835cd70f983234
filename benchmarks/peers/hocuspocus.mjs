// Hocuspocus as its documentation has it, with its SQLite extension if a data folder is given.
import { Server } from "@hocuspocus/server";
import { SQLite } from "@hocuspocus/extension-sqlite";

const [port, data] = process.argv.slice(2);
const extensions = data ? [new SQLite({ database: `${data}/hocuspocus.sqlite` })] : [];
const server = new Server({ port: Number(port), address: "127.0.0.1", quiet: true, extensions });
await server.listen();
