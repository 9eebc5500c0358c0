// The official JavaScript client, doing what a session does: every event into a state machine and into a feed of 1,000.
// Arguments: the server's address, the number of events, and a rate ("flood" or so many a second).
import { readFileSync } from "node:fs";
import { io } from "socket.io-client";

const [address, wanted, rate] = process.argv.slice(2);
const auction = "57c9540c-3dfe-4d73-8b21-5cfeb95ed8b4";
const snapshot = await (await fetch(`${address}/api/auction/${auction}`)).json();

const state = {
  sequence: snapshot.auction.bidSequence, gaps: 0, repeats: 0, phase: "between", lot: null,
  clubs: new Map(), participants: [], names: new Map(), serverOffset: 0,
};
const feed = new Array(1000);
const latencies = [];
let events = 0;

function lotNumber(lotId) {
  return Number(lotId.slice(lotId.lastIndexOf("-lot-") + 5));
}

function fold(name, payload) {
  switch (name) {
    case "bid_update": {
      if (payload.seq <= state.sequence) { state.repeats += 1; return; }
      if (payload.seq !== state.sequence + 1) state.gaps += payload.seq - state.sequence - 1;
      state.sequence = payload.seq;
      state.names.set(payload.bidder.userId, payload.bidder.displayName);
      const lot = state.lot;
      if (lot !== null && lotNumber(payload.lotId) === lot.number) {
        const below = lot.price !== null && payload.amount <= lot.price;
        if (!below) { lot.price = payload.amount; lot.leader = payload.bidder.userId; }
        lot.bids.push({ amount: payload.amount, user: payload.bidder.userId, seq: payload.seq,
          at: Date.parse(payload.serverTime), below });
      }
      return;
    }
    case "tick":
    case "anti_snipe":
      state.serverOffset = payload.serverNow - Date.now();
      if (state.lot !== null && lotNumber(payload.lotId) === state.lot.number) state.lot.endsAt = payload.endsAt;
      return;
    case "lot_started":
      state.lot = { number: payload.lotNumber, club: payload.club, price: null, leader: null, bids: [],
        endsAt: payload.timer.endsAt };
      state.phase = "bidding";
      return;
    case "sold":
      state.clubs.set(payload.clubId, payload.winningBid);
      state.participants = payload.participants;
      state.phase = "between";
  }
}

// "2026-11-23T01:25:04.346576+00:00": a date keeps milliseconds alone.
function micros(text) {
  return Date.parse(text) * 1000 + Number(text.slice(23, 26));
}

const socket = io(address, { path: "/api/socket.io/", transports: ["websocket"], auth: { token: "bench" } });
let done;
const finished = new Promise((resolve) => { done = resolve; });
let target = Infinity;
socket.onAny((name, payload) => {
  fold(name, payload);
  feed[events % feed.length] = { id: events, at: Date.now(), name, payload };
  events += 1;
  if (rate !== "flood" && name === "bid_update") {
    latencies.push((performance.timeOrigin + performance.now()) * 1000 - micros(payload.serverTime));
  }
  if (events >= target) done();
});
await new Promise((resolve) => socket.on("connect", resolve));
await socket.emitWithAck("join_auction", { auctionId: auction });

const before = process.cpuUsage();
const started = performance.now();
const already = events;
target = Infinity;
const query = rate === "flood" ? "" : `&rate=${rate}`;
const order = await (await fetch(`${address}/go?events=${wanted}${query}`)).json();
target = already + order.events;
if (events >= target) done();
await finished;
const cpu = process.cpuUsage(before);
const seconds = (performance.now() - started) / 1000;
const status = readFileSync("/proc/self/status", "utf8");
const kilobytes = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)[1]);
latencies.sort((a, b) => a - b);
const at = (share) => latencies.length === 0 ? null
  : latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] / 1000;
console.log(JSON.stringify({
  events: order.events, seconds, cpuSeconds: (cpu.user + cpu.system) / 1e6, p50Ms: at(0.5), p99Ms: at(0.99),
  rssMb: kilobytes("VmRSS") / 1024, peakMb: kilobytes("VmHWM") / 1024,
  whole: state.sequence === order.lastSeq && state.gaps === 0 && state.repeats === 0,
}));
socket.close();
