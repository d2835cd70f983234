// What the node clients share: the options, what the server costs, waiting, latencies, the one line of JSON.
import { readdirSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";

const PATIENCE_MS = 60_000;
const NUMBERS = ["pid", "readers", "tokens", "rate", "rooms", "count", "connections", "messages", "missed", "megabytes", "joiners", "wanted"];

export class Failed extends Error {}
export class NotMeasured extends Error {}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const range = (first, end) => Array.from({ length: end - first }, (_, at) => first + at);

export function options() {
  const names = ["url", "workload", ...NUMBERS];
  const { values } = parseArgs({ options: Object.fromEntries(names.map((name) => [name, { type: "string" }])) });
  return { ...values, ...Object.fromEntries(NUMBERS.map((name) => [name, Number(values[name] ?? 0)])) };
}

// CPU seconds of all threads of a process, from the scheduler's nanoseconds.
function cpuSeconds(pid) {
  const threads = readdirSync(`/proc/${pid}/task`);
  const spent = threads.map((id) => Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, "utf8").split(" ")[0]));
  return spent.reduce((sum, one) => sum + one, 0) / 1e9;
}

export function memoryBytes(pid) {
  return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))[1]) * 1024;
}

// What the server, and this client, spend on a piece of work; who cannot be measured is told how busy the server was.
export async function metered(pid, work) {
  const memory = memoryBytes(pid);
  const [own, wall, before] = [process.cpuUsage(), performance.now(), cpuSeconds(pid)];
  try {
    await work();
  } catch (error) {
    const busy = (cpuSeconds(pid) - before) / ((performance.now() - wall) / 1000);
    if (error instanceof NotMeasured) error.message += `; its server was busy for ${Math.round(busy * 100)} % of a core meanwhile`;
    throw error;
  }
  const spent = process.cpuUsage(own);
  return {
    server_cpu_s: cpuSeconds(pid) - before,
    generator_cpu_s: (spent.user + spent.system) / 1e6,
    wall_s: (performance.now() - wall) / 1000,
    memory_bytes: memoryBytes(pid),
    memory_before_bytes: memory,
  };
}

// Clients are {next, heard: [[when, first, last]...], failure}: `hear` notes that one has everything before `next`.
export function hear(client, next) {
  if (next > client.next) {
    client.heard.push([performance.now(), client.next, next - 1]);
    client.next = next;
    client.reached?.();
  }
}

// Return when all have everything before `goal`; who loses its link, or waits a minute for nothing, has failed.
export async function heardBy(clients, goal) {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const missing = clients.filter((client) => client.next < goal);
    if (!missing.length) return;
    const lost = missing.find((client) => client.failure);
    if (lost) throw new Failed(lost.failure);
    if (performance.now() > deadline) throw new Failed(`${missing.length} readers did not hear everything within 60 s`);
    await sleep(5);
  }
}

// Call `send(index)` so many times, at once (rate 0) or so many a second.
export async function paced(count, rate, send) {
  const start = performance.now();
  for (let index = 0; index < count; index++) {
    const delay = start + (index * 1000) / rate - performance.now();
    if (rate) await (delay > 0 ? sleep(delay) : new Promise(setImmediate)); // also who is late has to hear
    send(index);
  }
  const seconds = (performance.now() - start) / 1000;
  if (rate && seconds > 1 + (1.1 * count) / rate) {
    throw new NotMeasured(`its client, made of whole replicas in node, sends ${Math.round(count / seconds)} updates/s and not ${rate}`);
  }
}

// Median and tail of the milliseconds from sending to hearing; `sent` gives a client the times of its room.
export function latencies(clients, sent) {
  const delays = clients.flatMap((client) =>
    client.heard.flatMap(([when, first, last]) => sent(client).slice(first, last + 1).map((at) => when - at)),
  );
  delays.sort((a, b) => a - b);
  const at = (part) => delays[Math.min(delays.length - 1, Math.floor(part * delays.length))];
  return { p50_ms: at(0.5), p99_ms: at(0.99), p999_ms: at(0.999), max_ms: delays.at(-1) };
}

// `work` with everybody, fifty at a time, the first alone.
export async function together(everybody, work) {
  const done = [];
  for (let at = 0; at < everybody.length; at += at ? 50 : 1) {
    done.push(...(await Promise.all(everybody.slice(at, at ? at + 50 : 1).map(work))));
  }
  return done;
}

// Print what `work` returns, or why it has failed or cannot be measured.
export async function told(work) {
  let result;
  try {
    result = await work();
  } catch (error) {
    if (error instanceof NotMeasured) result = { unavailable: error.message };
    else if (error instanceof Failed) result = { failed: error.message };
    else throw error;
  }
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
}
