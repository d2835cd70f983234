// The workloads of benchmarks/load for a protocol of its own: same sizes, same checks, same names in the results.
//
// A protocol has `join(room, {name, first, progress, checking})`, a whole replica: `first` for who makes the room,
// `progress` says how many messages, tokens or edits a replica has, `checking` is for who only looks what is there
// and must not give up early (undefined if there is nothing); and `joiner(room, number)`, who takes a room in without
// keeping it. `counting(room, progress)`, if there is one, is a reader that costs less than a replica.
import { randomBytes } from "node:crypto";
import { Failed, hear, heardBy, latencies, memoryBytes, metered, options, paced, range, sleep, together, told } from "./load-common.mjs";

const SETTLE_MS = 2200;
const WINDOW = 500;
const AHEAD = 20;
const SIZE = 80;
const START = 1_700_000_000_000;
const ROOM = "lobby-0";

const marked = (number) => `~${String(number).padStart(6, "0")}`;
const id = (number) => `${(START + number).toString(32).padStart(10, "0")}.ada.${String(number).padStart(8, "0")}`;
const message = (number) => [id(number), marked(number).padEnd(SIZE, "x")];
const messages = (first, end) => range(first, end).map(message);
const ROW = id(0);
const stream = (tokens) => [[ROW, range(0, tokens).map(marked).join("")]];

const ofMessages = (client) => client.count();
const ofTokens = (client) => (client.text(ROW) ?? "").length / marked(0).length;
const ofEdits = (client) => Number((client.text(ROW) ?? "~-1").slice(1, 7)) + 1;

const same = (texts, rows) => Object.keys(texts).length === rows.length && rows.every(([key, text]) => texts[key] === text);
const sum = (clients, name) => clients.reduce((total, client) => total + client[name], 0);
const traffic = (clients) => ({ bytes_in: sum(clients, "bytes"), bytes_out: sum(clients, "offered") });

function check(client, rows) {
  if (!same(client.texts(), rows)) throw new Failed("a reader's doc is not what was written");
}

async function checkAfterwards(protocol, room, rows) {
  const client = await protocol.join(room, { name: "eve", checking: true });
  for (let tries = 0; !client || !same(client.texts(), rows); tries++) {
    if (!client || tries === 100) {
      const right = rows.filter(([key, text]) => client?.texts()[key] === text).length;
      throw new Failed(`who joins afterwards does not get what was written: ${right} of ${rows.length} are right`);
    }
    await sleep(50);
  }
}

async function two(protocol, progress = ofMessages) {
  const writer = await protocol.join(ROOM, { name: "ada", first: true });
  return [writer, await protocol.join(ROOM, { name: "bob", progress })];
}

async function fanout(protocol, { pid, readers, tokens, rate }) {
  const writer = await protocol.join(ROOM, { name: "ada", first: true });
  writer.begin(ROW);
  const replica = (number) => protocol.join(ROOM, { name: `r${number}`, progress: ofTokens });
  const mirror = protocol.counting && (await replica("m"));
  const crowd = await together(range(0, readers), protocol.counting ? () => protocol.counting(ROOM) : replica);
  await sleep(1500); // requests to those who only count time out after 1 s
  const before = traffic([writer, ...crowd]);
  const sent = [];
  let delivered;
  const cost = await metered(pid, async () => {
    const start = performance.now();
    await paced(tokens, rate, (index) => {
      sent.push(performance.now());
      writer.token(ROW, marked(index));
    });
    await heardBy(crowd, tokens);
    delivered = (performance.now() - start) / 1000;
    await sleep(SETTLE_MS);
  });
  const after = traffic([writer, ...crowd]);
  const replicas = protocol.counting ? [mirror] : crowd;
  for (const one of replicas) check(one, stream(tokens));
  writer.end(ROW);
  await checkAfterwards(protocol, ROOM, stream(tokens));
  return {
    delivered: tokens * readers,
    delivered_s: delivered,
    cpu_us_per_token: (cost.server_cpu_s * 1e6) / (tokens * readers),
    ...latencies(crowd, () => sent),
    ...cost,
    bytes_in: after.bytes_in - before.bytes_in,
    bytes_out: after.bytes_out - before.bytes_out,
  };
}

async function rooms(protocol, { pid, rooms: many, rate, count }) {
  const names = range(0, many).map((number) => `room-${number}-0`);
  const writers = await together(names, (room) => protocol.join(room, { name: `ada-${room}`, first: true }));
  const readers = await together(names, (room) => protocol.join(room, { name: `bob-${room}`, progress: ofMessages }));
  const each = Math.ceil(count / many);
  const sent = new Map(readers.map((reader) => [reader, []]));
  await sleep(300);
  const cost = await metered(pid, async () => {
    await paced(each * many, rate, (at) => {
      sent.get(readers[at % many]).push(performance.now());
      writers[at % many].post([message(Math.floor(at / many))]);
    });
    await heardBy(readers, each);
    await sleep(SETTLE_MS);
  });
  for (const reader of readers) check(reader, messages(0, each));
  await checkAfterwards(protocol, names.at(-1), messages(0, each));
  return {
    delivered: each * many,
    cpu_us_per_update: (cost.server_cpu_s * 1e6) / (each * many),
    ...latencies(readers, (reader) => sent.get(reader)),
    ...cost,
    ...traffic([...writers, ...readers]),
  };
}

async function idle(protocol, { pid, connections }) {
  const alone = (room) => protocol.join(room, { name: room, first: true });
  await together(range(0, 50).map((number) => `first-${number}-0`), alone);
  await sleep(1000);
  let crowd;
  const cost = await metered(pid, async () => {
    crowd = await together(range(0, connections).map((number) => `room-${number}-0`), alone);
    await sleep(1000);
  });
  const lost = crowd.find((client) => client.failure);
  if (lost) throw new Failed(lost.failure);
  return {
    ...cost,
    bytes_per_connection: (cost.memory_bytes - cost.memory_before_bytes) / connections,
    cpu_us_per_connection: (cost.server_cpu_s * 1e6) / connections,
  };
}

async function store(protocol, { pid, messages: wanted, tokens }) {
  const count = tokens || wanted;
  const [writer, reader] = await two(protocol, tokens ? ofTokens : ofMessages);
  const cost = await metered(pid, async () => {
    if (tokens) writer.begin(ROW);
    for (let at = 0; at < count; at += WINDOW) {
      const end = Math.min(at + WINDOW, count);
      for (const number of range(at, end)) tokens ? writer.token(ROW, marked(number)) : writer.post([message(number)]);
      await heardBy([reader], end);
    }
    if (tokens) writer.end(ROW);
  });
  await checkAfterwards(protocol, ROOM, tokens ? stream(tokens) : messages(0, count));
  await sleep(SETTLE_MS);
  return { text_bytes: count * (tokens ? marked(0).length : SIZE), updates: tokens ? count + 2 : count, ...cost, ...traffic([writer, reader]) };
}

async function lay(protocol, { pid, messages: count }) {
  const [writer, reader] = await two(protocol);
  const cost = await metered(pid, async () => {
    for (let at = 0; at < count; at += 500) {
      writer.post(messages(at, Math.min(at + 500, count)));
      if ((at / 500) % AHEAD === AHEAD - 1) await heardBy([reader], at + 500);
    }
    await heardBy([reader], count);
  });
  await sleep(SETTLE_MS);
  return { ...cost, frames_in: reader.heard.length };
}

async function first(protocol, { pid, messages: count }) {
  let client, shownEmpty, start;
  const cost = await metered(pid, async () => {
    start = performance.now();
    client = await protocol.join(ROOM, { name: "bob", progress: ofMessages });
    shownEmpty = client.next === 0;
    await heardBy([client], count);
  });
  check(client, messages(0, count));
  return { join_s: (client.heard.at(-1)[0] - start) / 1000, bytes_each: client.bytes, shown_empty_first: shownEmpty, ...cost };
}

async function herd(protocol, { pid, messages: count, joiners }) {
  let done, start;
  const cost = await metered(pid, async () => {
    start = performance.now();
    const late = sleep(180_000).then(() => Promise.reject(new Failed("not all of the herd have joined within 180 s")));
    done = await Promise.race([Promise.all(range(0, joiners).map((number) => protocol.joiner(ROOM, number))), late]);
  });
  if (!same(done[0].texts(), messages(0, count))) throw new Failed("a joiner of the herd did not get what was written");
  if (done.some(({ digest }) => digest !== done[0].digest)) throw new Failed("joiners of the herd did not get the same");
  const took = done.map(({ at }) => (at - start) / 1000).sort((a, b) => a - b);
  return { join_s: took.at(-1), median_join_s: took[took.length >> 1], bytes_each: sum(done, "bytes") / joiners, ...cost };
}

async function slow(protocol, { pid, megabytes }) {
  const size = 32_000;
  const [writer, reader] = await two(protocol, ofEdits);
  const stuck = await protocol.join(ROOM, { name: "slow", progress: ofEdits });
  stuck.pause();
  const count = Math.floor((megabytes * 1_000_000) / size);
  let peak = 0;
  let text;
  const cost = await metered(pid, async () => {
    for (let at = 0; at < count; at += 16) {
      for (const number of range(at, Math.min(at + 16, count))) {
        text = marked(number) + randomBytes(size).toString("base64").slice(0, size - 7); // else automerge packs it to nothing
        writer.post([[ROW, text]]);
      }
      await heardBy([reader], Math.min(at + 16, count));
      if (at % 64 === 0) peak = Math.max(peak, memoryBytes(pid));
    }
  });
  const held = stuck.bytes;
  stuck.resume();
  await heardBy([stuck], count).catch((error) => {
    if (!stuck.failure) throw error;
  });
  const closed = Boolean(stuck.failure);
  if (closed) await stuck.comeBack();
  await heardBy([stuck], count);
  check(stuck, [[ROW, text]]);
  return { grown_bytes: peak - cost.memory_before_bytes, caught_up_with_bytes: stuck.bytes - held, link_closed: closed, ...cost };
}

async function away(protocol, { pid, messages: had, missed }) {
  const [writer, reader] = await two(protocol);
  for (let at = 0; at < had; at += 100) writer.post(messages(at, Math.min(at + 100, had)));
  const back = await protocol.join(ROOM, { name: "back", progress: ofMessages });
  await heardBy([reader, back], had);
  await back.leave();
  for (const number of range(had, had + missed)) writer.post([message(number)]);
  await heardBy([reader], had + missed);
  if (back.count() !== had) throw new Failed("who was away heard of it");
  back.post(messages(had + missed, had + 2 * missed));
  const before = { ...back };
  const cost = await metered(pid, async () => {
    await back.comeBack();
    await heardBy([reader, back], had + 2 * missed);
  });
  for (const one of [reader, back]) check(one, messages(0, had + 2 * missed));
  await checkAfterwards(protocol, ROOM, messages(0, had + 2 * missed));
  return { difference_bytes: back.bytes - before.bytes, offered_bytes: back.offered - before.offered, ...cost };
}

// Post one message; the instant another client sees it, kill -9 the server. Neither protocol acknowledges.
async function strike(protocol, { pid }) {
  const [writer, reader] = await two(protocol);
  await sleep(50);
  const struck = new Promise((resolve) => {
    reader.reached = () => resolve(process.kill(pid, "SIGKILL"));
  });
  writer.post([message(0)]);
  const late = sleep(10_000).then(() => Promise.reject(new Failed("nobody saw the message within 10 s")));
  await Promise.race([struck, late]);
  return {};
}

// How many of the messages or tokens somebody is shown who joins now, within a second or two.
async function kept(protocol, { wanted }) {
  const client = await protocol.join(ROOM, { name: "eve", checking: true });
  let found = 0;
  for (let tries = 0; client && found < wanted && tries < 20; tries++) {
    if (tries) await sleep(50);
    found = new Set(Object.values(client.texts()).flatMap((text) => text.match(/~\d{6}/g) ?? [])).size;
  }
  return { kept: found };
}

const WORKLOADS = { fanout, rooms, idle, store, lay, first, herd, slow, away, strike, kept };

export const load = (protocolAt) =>
  told(() => {
    const given = options();
    return WORKLOADS[given.workload](protocolAt(given.url), given);
  });
