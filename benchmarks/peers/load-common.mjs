// What the node clients share: the options, the server's CPU, latencies, the one line of JSON.
import { readdirSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";

export const SETTLE_MS = 2200;
const PATIENCE_MS = 60_000;

export const token = (index) => `~${String(index).padStart(6, "0")}`;
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export function options() {
  const names = ["url", "pid", "workload", "readers", "tokens", "rate"];
  const { values } = parseArgs({ options: Object.fromEntries(names.map((name) => [name, { type: "string" }])) });
  return { url: values.url, pid: values.pid, readers: +values.readers, tokens: +values.tokens, rate: +values.rate };
}

// CPU seconds of all threads of a process, from the scheduler's nanoseconds.
function cpuSeconds(pid) {
  const threads = readdirSync(`/proc/${pid}/task`);
  const spent = threads.map((id) => Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, "utf8").split(" ")[0]));
  return spent.reduce((sum, one) => sum + one, 0) / 1e9;
}

function memoryBytes(pid) {
  return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))[1]) * 1024;
}

// Readers are {next, heard: [[when, first, last]...]}: `hear` notes that a reader has everything before `next`.
export function hear(reader, next) {
  if (next > reader.next) {
    reader.heard.push([performance.now(), reader.next, next - 1]);
    reader.next = next;
  }
}

// Send `tokens` by `send(index)`, at once or paced, and measure until every reader has heard all of them.
export async function fanout({ pid, tokens, rate }, readers, send) {
  const sent = [];
  const before = cpuSeconds(pid);
  const start = performance.now();
  for (let index = 0; index < tokens; index++) {
    if (rate) await sleep(Math.max(0, start + (index * 1000) / rate - performance.now()));
    sent.push(performance.now());
    send(index);
  }
  while (readers.some((reader) => reader.next < tokens)) {
    if (performance.now() - sent.at(-1) > PATIENCE_MS) {
      const missing = readers.filter((reader) => reader.next < tokens).length;
      return { failed: `${missing} readers did not hear everything within 60 s` };
    }
    await sleep(5);
  }
  const delivered = (performance.now() - start) / 1000;
  await sleep(SETTLE_MS);
  const cpu = cpuSeconds(pid) - before;
  const delays = readers.flatMap(({ heard }) =>
    heard.flatMap(([when, first, last]) => sent.slice(first, last + 1).map((at) => when - at)),
  );
  delays.sort((a, b) => a - b);
  const at = (part) => delays[Math.min(delays.length - 1, Math.floor(part * delays.length))];
  return {
    delivered: tokens * readers.length,
    delivered_s: delivered,
    cpu_us_per_token: (cpu * 1e6) / (tokens * readers.length),
    p50_ms: at(0.5),
    p99_ms: at(0.99),
    p999_ms: at(0.999),
    server_cpu_s: cpu,
    memory_bytes: memoryBytes(pid),
  };
}

export function finish(result) {
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
}
